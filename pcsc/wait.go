package pcsc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"passport-agent/internal/fault"
)

const (
	// slice bounds a call that waits for a change, so that a change which the
	// service forgets to report is seen a second later.
	slice = time.Second
	// pollEvery is the interval where the backend must not wait.
	pollEvery = 100 * time.Millisecond
	// atLeast is the shortest time from one look to the next.
	atLeast = 20 * time.Millisecond
	// retryMute is the interval of new attempts on a card that does not answer:
	// it may lie better in the meantime without having left.
	retryMute = time.Second
)

// EventKind is what a Wait has come to.
type EventKind string

// The events of a Wait.
const (
	EventNoReader     EventKind = "no_reader"    // no reader that matches is plugged in
	EventWaiting      EventKind = "waiting"      // readers are there, a document is not
	EventUnresponsive EventKind = "unresponsive" // something lies on Reader and does not answer
	EventDocument     EventKind = "document"     // a document on Reader has been connected to
)

// Event tells the observer of a Wait what it has come to.
type Event struct {
	Kind   EventKind
	Reader string
}

// WaitOptions says what to wait for. The zero value waits for the first document
// on any reader, for as long as the context allows.
type WaitOptions struct {
	// Reader is a reader's name, or a part of names; empty is any reader.
	Reader string
	// Timeout bounds the wait besides the context; 0 does not.
	Timeout time.Duration
	// StuckAfter is how long a reader may be silent before it is given up, here
	// and on the Card; 0 means 15 s.
	StuckAfter time.Duration
	// Observe, if set, is called with each change; it must not block.
	Observe func(Event)
}

// Wait waits until a document lies on a reader and connects to it. Readers may be
// plugged in meanwhile. The Card must be closed.
//
// Besides the errors of Readers it fails, as codes of internal/fault, with
// NoDocument, CardUnresponsive or NoReader at the end of the time; ReaderNotFound
// where only other readers are there; ReaderBusy where another program keeps the
// document; ReaderStuck where the reader hangs. A cancelled context is returned as
// such, at once.
func Wait(ctx context.Context, options WaitOptions) (*Card, error) {
	return wait(ctx, systemLibrary(), options)
}

func wait(ctx context.Context, lib library, options WaitOptions) (*Card, error) {
	if options.Timeout > 0 {
		limited, cancel := context.WithTimeout(ctx, options.Timeout)
		defer cancel()
		ctx = limited
	}
	if options.StuckAfter <= 0 {
		options.StuckAfter = stuckAfter
	}
	s := search{library: lib, options: options, outcome: fault.New(fault.NoDocument, "", nil), retry: map[string]time.Time{}}
	defer s.disconnect()
	for {
		card, err := s.once(ctx)
		switch {
		case card != nil:
			return card, nil
		case errors.Is(ctx.Err(), context.Canceled):
			return nil, ctx.Err()
		case ctx.Err() != nil && (err == nil || errors.Is(err, ctx.Err())):
			return nil, s.outcome
		case err != nil:
			return nil, err
		}
	}
}

// search is one Wait.
type search struct {
	library    library
	options    WaitOptions
	connection *connection
	outcome    error                // what the end of the time means
	looked     bool                 // the readers have been listed before
	said       Event                // the last event
	retry      map[string]time.Time // when a reader with a mute card is tried again
}

func (s *search) disconnect() {
	if s.connection != nil {
		s.connection.release()
		s.connection = nil
	}
}

// once looks at the readers, tries those with a document, and waits for a change.
// It returns neither card nor error where it is to be called again.
func (s *search) once(ctx context.Context) (*Card, error) {
	all, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	matches := matching(all, s.options.Reader)
	if err := s.missing(all, matches); err != nil {
		return nil, err
	}
	card, err := s.try(ctx, matches)
	if card != nil || err != nil {
		return card, err
	}
	return nil, s.change(ctx, all, slice, pollEvery)
}

// look lists the readers. A service that has been restarted is connected to again.
func (s *search) look(ctx context.Context) ([]readerState, error) {
	if s.connection != nil {
		states, err := s.connection.readers(ctx)
		if err == nil || !errors.Is(err, fault.PCSCNoService) || errors.Is(err, errSilent) {
			return states, err
		}
		s.disconnect()
	}
	connection, err := establish(ctx, s.library, s.options.StuckAfter)
	if err != nil {
		return nil, s.library.unlessUnused(err)
	}
	s.connection = connection
	states, err := connection.readers(ctx)
	return states, s.library.unlessUnused(err)
}

// missing deals with there being no reader to wait on. A wrong name is an error at
// once; a reader that comes and goes while we wait is not.
func (s *search) missing(all, matches []readerState) error {
	first := !s.looked
	s.looked = true
	switch {
	case len(matches) > 0:
		return nil
	case len(all) == 0:
		s.outcome = fault.New(fault.NoReader, "", nil)
	default:
		names := make([]string, len(all))
		for i, r := range all {
			names[i] = r.name
		}
		s.outcome = fault.New(fault.ReaderNotFound, fmt.Sprintf("%q, there are %s", s.options.Reader, strings.Join(names, ", ")), nil)
		if first {
			return s.outcome
		}
	}
	s.say(Event{Kind: EventNoReader})
	return nil
}

// try connects to the first document that can be connected to.
func (s *search) try(ctx context.Context, readers []readerState) (*Card, error) {
	var busy error
	var mute string
	for _, r := range readers {
		if present, _ := r.inserted(); !present {
			delete(s.retry, r.name)
			continue
		}
		if time.Now().Before(s.retry[r.name]) {
			mute = r.name
			continue
		}
		card, err := connect(ctx, s.library, r, s.options.StuckAfter)
		switch {
		case err == nil:
			s.say(Event{Kind: EventDocument, Reader: r.name})
			return card, nil
		case errors.Is(err, fault.CardUnresponsive):
			mute = r.name
			s.retry[r.name] = time.Now().Add(retryMute)
		case errors.Is(err, fault.ReaderBusy):
			busy = err
		case errors.Is(err, fault.DocumentRemoved), errors.Is(err, fault.ReaderUnplugged):
			// It has just left; the next look sees that.
		default:
			return nil, err
		}
	}
	switch {
	case busy != nil:
		return nil, busy
	case mute != "":
		s.outcome = fault.New(fault.CardUnresponsive, "", nil)
		s.say(Event{Kind: EventUnresponsive, Reader: mute})
	case len(readers) > 0:
		s.outcome = fault.New(fault.NoDocument, "", nil)
		s.say(Event{Kind: EventWaiting})
	}
	return nil, nil
}

// change waits until something differs from what was seen, at most a slice; where
// the backend must not wait, until it is time to look again.
func (s *search) change(ctx context.Context, seen []readerState, slice, poll time.Duration) error {
	if !s.library.statusBlocks || s.connection == nil {
		return pause(ctx, poll)
	}
	states := append(make([]readerState, 0, len(seen)+1), seen...)
	for i := range states {
		states[i].current = states[i].event &^ stateChanged
	}
	// Its counter is the number of readers.
	states = append(states, readerState{name: newReader, current: uint32(len(seen)) << 16})
	session, began := s.connection.session, time.Now()
	// Whatever it returns, the next look finds out what is the matter.
	err := s.connection.worker.do(ctx, s.options.StuckAfter+slice, func() { _ = session.statusChange(slice, states) })
	if err != nil {
		return noAnswer(err)
	}
	// A service that answers at once each time must not keep the processor busy.
	return pause(ctx, atLeast-time.Since(began))
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *search) say(e Event) {
	if e == s.said {
		return
	}
	s.said = e
	if s.options.Observe != nil {
		s.options.Observe(e)
	}
}
