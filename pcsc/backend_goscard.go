//go:build !windows && !cgo

package pcsc

import (
	"encoding/hex"
	"errors"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"github.com/ElMostafaIdrassi/goscard"
	"github.com/ebitengine/purego"

	"passport-agent/internal/fault"
	"passport-agent/iso7816"
)

// systemLibrary is PC/SC through goscard, loaded at run time.
func systemLibrary() library {
	return library{
		establish: establishGoscard,
		// On macOS goscard hides reader names from the garbage collector.
		statusBlocks: runtime.GOOS == "linux",
		getFeatures:  0x42000000 + functionGetFeatures,
	}
}

// transmitFunc is SCardTransmit. Lengths are as wide as a register: that fits the
// 32-bit DWORD of macOS and the long one of Linux, on little-endian machines.
type transmitFunc func(card goscard.SCardHandle, sendPCI *goscard.SCardIORequest, command *byte, commandLength uintptr,
	receivePCI *goscard.SCardIORequest, response *byte, responseLength *uintptr) uint32

// controlFunc is SCardControl, with lengths like those of transmitFunc.
type controlFunc func(card goscard.SCardHandle, code uintptr, request *byte, requestLength uintptr,
	answer *byte, answerSize uintptr, answerLength *uintptr) uint32

// functions are those of libpcsclite that are called past goscard, which sends a
// command or a request a second time where the answer is longer than 264 bytes, and
// makes 264 zero bytes of an empty one.
type functions struct {
	transmit transmitFunc
	control  controlFunc
}

// load opens libpcsclite once.
var load = sync.OnceValues(func() (functions, error) {
	if err := goscard.Initialize(goscard.NewDefaultLogger(goscard.LogLevelNone)); err != nil {
		return functions{}, fault.New(fault.PCSCLibraryMissing, "", err)
	}
	var f functions
	control := "SCardControl"
	if runtime.GOOS == "darwin" {
		// There the plain name is an older function without a control code.
		control = "SCardControl132"
	}
	if err := errors.Join(bind(&f.transmit, "SCardTransmit"), bind(&f.control, control)); err != nil {
		return functions{}, fault.New(fault.PCSCLibraryMissing, "", err)
	}
	return f, nil
})

func bind(function any, name string) error {
	symbol, err := purego.Dlsym(purego.RTLD_DEFAULT, name)
	if err == nil {
		purego.RegisterFunc(function, symbol)
	}
	return err
}

type goscardSession struct {
	context   goscard.Context
	functions functions
}

func establishGoscard() (session, error) {
	functions, err := load()
	if err != nil {
		return nil, err
	}
	context, code, err := goscard.NewContext(goscard.SCardScopeSystem, nil, nil)
	if err != nil {
		return nil, goscardCode(code, err)
	}
	return &goscardSession{context: context, functions: functions}, nil
}

func (s *goscardSession) release() error { return goscardCode(s.context.Release()) }

func (s *goscardSession) listReaders() ([]string, error) {
	names, code, err := s.context.ListReaders(nil)
	// goscard takes an empty list and a stopped service for success.
	return names, goscardCode(code, err)
}

func (s *goscardSession) statusChange(timeout time.Duration, states []readerState) error {
	native := make([]goscard.SCardReaderState, len(states))
	for i, state := range states {
		// goscard does not end the name with the zero byte that C needs.
		native[i] = goscard.SCardReaderState{Reader: state.name + "\x00", CurrentState: goscard.SCardState(state.current)}
	}
	if code, err := s.context.GetStatusChange(goscard.NewTimeout(timeout), native); err != nil {
		return goscardCode(code, err)
	}
	for i := range native {
		atr, err := hex.DecodeString(native[i].Atr)
		if err != nil {
			return codeInternalError
		}
		states[i].event, states[i].atr = uint32(native[i].EventState), atr
	}
	return nil
}

func (s *goscardSession) connect(reader string, share uint32) (link, error) {
	card, code, err := s.context.Connect(reader, goscard.SCardShareMode(share), goscard.SCardProtocolAny)
	if err != nil {
		return nil, goscardCode(code, err)
	}
	l := &goscardLink{card: card, functions: s.functions, response: make([]byte, iso7816.MaxResponse)}
	if _, err := l.protocol(); err != nil {
		return nil, errors.Join(err, l.disconnect(leaveCard))
	}
	return l, nil
}

type goscardLink struct {
	card      goscard.Card
	functions functions
	response  []byte
}

func (l *goscardLink) protocol() (*goscard.SCardIORequest, error) {
	switch l.card.ActiveProtocol() {
	case goscard.SCardProtocolT0:
		return &goscard.SCardIoRequestT0, nil
	case goscard.SCardProtocolT1:
		return &goscard.SCardIoRequestT1, nil
	default:
		return nil, codeProtoMismatch
	}
}

func (l *goscardLink) transmit(command []byte) ([]byte, error) {
	pci, err := l.protocol()
	if err != nil {
		return nil, err
	}
	length := uintptr(len(l.response))
	code := l.functions.transmit(l.card.SCardHandle(), pci, unsafe.SliceData(command), uintptr(len(command)), nil, unsafe.SliceData(l.response), &length)
	return l.received(code, length)
}

func (l *goscardLink) control(code uint32) ([]byte, error) {
	var length uintptr
	failed := l.functions.control(l.card.SCardHandle(), uintptr(code), nil, 0, unsafe.SliceData(l.response), uintptr(len(l.response)), &length)
	return l.received(failed, length)
}

// received returns what a call has put into the buffer.
func (l *goscardLink) received(code uint32, length uintptr) ([]byte, error) {
	if code != 0 {
		return nil, ReturnCode(code)
	}
	if length > uintptr(len(l.response)) {
		return nil, codeInternalError
	}
	return l.response[:length], nil
}

func (l *goscardLink) reconnect(share, initialization uint32) error {
	code, err := l.card.Reconnect(goscard.SCardShareMode(share), goscard.SCardProtocolAny, goscard.SCardDisposition(initialization))
	if err != nil {
		return goscardCode(code, err)
	}
	_, err = l.protocol()
	return err
}

func (l *goscardLink) beginTransaction() error { return goscardCode(l.card.BeginTransaction()) }

func (l *goscardLink) disconnect(disposition uint32) error {
	return goscardCode(l.card.Disconnect(goscard.SCardDisposition(disposition)))
}

// goscardCode returns the return code; an error without one is of goscard itself.
func goscardCode(code uint64, err error) error {
	switch {
	case code != 0:
		return ReturnCode(code)
	case err != nil:
		return codeInternalError
	default:
		return nil
	}
}
