//go:build windows || cgo

package pcsc

import (
	"errors"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/ebfe/scard"
)

// systemLibrary is PC/SC through ebfe/scard, linked at build time.
func systemLibrary() library {
	windows := runtime.GOOS == "windows"
	return library{
		establish: establishScard,
		// On Windows ebfe/scard holds a reader's name by a number only, which
		// does not keep it in memory during a long call.
		statusBlocks:    !windows,
		stopsWhenUnused: windows,
		getFeatures:     scard.CtlCode(functionGetFeatures),
	}
}

type scardSession struct {
	context *scard.Context
	slot    int
}

func establishScard() (session, error) {
	context, err := scard.EstablishContext()
	if err != nil {
		return nil, scardCode(err)
	}
	return &scardSession{context: context, slot: slots.take()}, nil
}

func (s *scardSession) release() error {
	slots.give(s.slot)
	return scardCode(s.context.Release())
}

func (s *scardSession) listReaders() (names []string, err error) {
	// ebfe/scard indexes into an empty buffer where the last reader goes between
	// its two calls.
	defer func() {
		if recover() != nil {
			names, err = nil, codeNoReaders
		}
	}()
	for range 3 {
		// The list may grow between the two calls.
		if names, err = s.context.ListReaders(); codeOf(scardCode(err)) != codeInsufficientBuffer {
			break
		}
	}
	return names, scardCode(err)
}

func (s *scardSession) statusChange(timeout time.Duration, states []readerState) error {
	native := make([]scard.ReaderState, len(states))
	for i, state := range states {
		native[i] = scard.ReaderState{Reader: s.ownName(state.name), CurrentState: scard.StateFlag(state.current)}
	}
	if err := s.context.GetStatusChange(native, timeout); err != nil {
		return scardCode(err)
	}
	for i := range native {
		states[i].event, states[i].atr = uint32(native[i].EventState), native[i].Atr
	}
	return nil
}

// ownName makes a reader's name unlike that of any other session, for Go, while
// PC/SC reads it up to the zero byte only: ebfe/scard keeps names in memory by one
// map for all, where a second wait on the same reader would let go of the first's.
func (s *scardSession) ownName(name string) string {
	if runtime.GOOS == "windows" {
		return name
	}
	return name + "\x00" + strconv.Itoa(s.slot)
}

func (s *scardSession) connect(reader string, share uint32) (link, error) {
	card, err := s.context.Connect(reader, scard.ShareMode(share), scard.ProtocolAny)
	if err != nil {
		return nil, scardCode(err)
	}
	l := &scardLink{card: card}
	if err := l.checkProtocol(); err != nil {
		return nil, errors.Join(err, l.disconnect(leaveCard))
	}
	return l, nil
}

type scardLink struct{ card *scard.Card }

// checkProtocol keeps out what ebfe/scard cannot transmit by.
func (l *scardLink) checkProtocol() error {
	switch l.card.ActiveProtocol() {
	case scard.ProtocolT0, scard.ProtocolT1:
		return nil
	default:
		return codeProtoMismatch
	}
}

func (l *scardLink) transmit(command []byte) ([]byte, error) {
	response, err := l.card.Transmit(command)
	return response, scardCode(err)
}

func (l *scardLink) reconnect(share, initialization uint32) error {
	if err := l.card.Reconnect(scard.ShareMode(share), scard.ProtocolAny, scard.Disposition(initialization)); err != nil {
		return scardCode(err)
	}
	return l.checkProtocol()
}

func (l *scardLink) beginTransaction() error { return scardCode(l.card.BeginTransaction()) }

func (l *scardLink) control(code uint32) (answer []byte, err error) {
	// ebfe/scard slices its buffer by the length that the driver states.
	defer func() {
		if recover() != nil {
			answer, err = nil, codeInternalError
		}
	}()
	answer, err = l.card.Control(code, nil)
	return answer, scardCode(err)
}

func (l *scardLink) disconnect(disposition uint32) error {
	return scardCode(l.card.Disconnect(scard.Disposition(disposition)))
}

func scardCode(err error) error {
	var code scard.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &code):
		return ReturnCode(code)
	default:
		return codeInternalError
	}
}

// slotPool hands out the smallest number that no live session has, so that the
// names which ebfe/scard keeps stay few.
type slotPool struct {
	mutex sync.Mutex
	taken []bool
}

var slots slotPool

func (p *slotPool) take() int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for i, taken := range p.taken {
		if !taken {
			p.taken[i] = true
			return i
		}
	}
	p.taken = append(p.taken, true)
	return len(p.taken) - 1
}

func (p *slotPool) give(slot int) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.taken[slot] = false
}
