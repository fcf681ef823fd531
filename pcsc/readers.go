// Package pcsc finds contactless readers and documents through PC/SC and carries
// command APDUs to them. It talks to the smart card service of the machine:
// pcscd on Linux, the system's own on Windows and macOS.
package pcsc

import (
	"context"
	"strings"
)

// ReaderStatus says what a reader is doing.
type ReaderStatus string

// The states of a reader.
const (
	ReaderEmpty       ReaderStatus = "empty"
	ReaderDocument    ReaderStatus = "document"
	ReaderInUse       ReaderStatus = "in_use"      // by a program, this one included
	ReaderMute        ReaderStatus = "mute"        // something lies on it that does not answer
	ReaderUnavailable ReaderStatus = "unavailable" // plugged in, but without service
)

// ReaderInfo is a reader as it is listed.
type ReaderInfo struct {
	Name   string
	Status ReaderStatus
	// ATR is the answer to reset of the card on the reader, if any (PC/SC part
	// 3, 3.1.3.2.3 for contactless cards), at most 33 bytes.
	ATR []byte
	// Counter counts insertions and removals, as far as PC/SC does: while it stays
	// the same, so does the card.
	Counter uint16
}

// Readers lists the readers that are plugged in; none is an empty list. It fails
// with PCSCLibraryMissing, PCSCNoService, PCSCNotPermitted or PCSCFailed of
// internal/fault.
func Readers(ctx context.Context) ([]ReaderInfo, error) {
	return listReaders(ctx, systemLibrary())
}

func listReaders(ctx context.Context, lib library) ([]ReaderInfo, error) {
	c, err := establish(ctx, lib, stuckAfter)
	if err != nil {
		return nil, lib.unlessUnused(err)
	}
	defer c.release()
	states, err := c.readers(ctx)
	if err != nil {
		return nil, lib.unlessUnused(err)
	}
	infos := make([]ReaderInfo, len(states))
	for i, s := range states {
		infos[i] = s.info()
	}
	return infos, nil
}

func (s readerState) info() ReaderInfo {
	info := ReaderInfo{Name: s.name, Status: ReaderEmpty}
	present, counter := s.inserted()
	info.Counter = counter
	switch {
	case s.event&(stateUnknown|stateUnavailable) != 0:
		info.Status = ReaderUnavailable
	case present && s.event&stateMute != 0:
		info.Status = ReaderMute
	case present && s.event&(stateInUse|stateExclusive) != 0:
		info.Status = ReaderInUse
	case present:
		info.Status = ReaderDocument
	}
	// PC/SC keeps the ATR of a card that has left.
	if present && len(s.atr) > 0 {
		info.ATR = s.atr
	}
	return info
}

// matching returns the readers that a name means: the one that is called so, else
// those whose name contains it, upper and lower case being the same.
func matching(states []readerState, name string) []readerState {
	var containing []readerState
	for _, s := range states {
		if strings.EqualFold(s.name, name) {
			return []readerState{s}
		}
		if strings.Contains(strings.ToLower(s.name), strings.ToLower(name)) {
			containing = append(containing, s)
		}
	}
	return containing
}
