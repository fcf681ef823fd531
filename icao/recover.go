package icao

import (
	"bytes"
	"context"
	"errors"

	"passport-agent/icao/lds"
	"passport-agent/internal/fault"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
)

// statusOf returns the status word of an exchange; naked says that it came outside
// secure messaging, as the error that it then is.
func statusOf(response iso7816.Response, err error) (sw iso7816.StatusWord, naked bool) {
	if err == nil {
		return response.SW, false
	}
	var n *sm.NakedError
	if !errors.As(err, &n) {
		return response.SW, false
	}
	return n.SW, true
}

// exchange sends a command over the session and notes what an answer outside
// secure messaging means. Some chips refuse so and keep the session with its
// counter; a second such answer in a row, or one that names the objects of secure
// messaging, says that it is gone.
func (s *Session) exchange(ctx context.Context, c iso7816.Command) (iso7816.Response, error) {
	response, err := s.channel.Exchange(ctx, c)
	if err == nil {
		s.doubtful = false
		s.confirm(true)
		return response, nil
	}
	if (s.doubtful || s.proving.unproved) && errors.Is(err, sm.ErrAuthentication) {
		// The chip counted the command that it refused: its counter is ahead. Or it
		// does not know the keys of Chip Authentication.
		err = &sm.NakedError{SW: iso7816.SWSMObjectsIncorrect}
	}
	sw, naked := statusOf(response, err)
	if !naked {
		return response, err
	}
	gone := sw == iso7816.SWSMObjectsIncorrect || sw == iso7816.SWSMObjectsMissing
	s.lost = gone || s.doubtful || !s.tolerates(NakedStatus)
	s.doubtful = true
	s.confirm(false)
	return response, err
}

// restart opens the session again after the chip has ended it: from the
// application where BAC was used, from power-up where PACE was, which needs the
// master file.
func (s *Session) restart(ctx context.Context) error {
	afterProof := s.proving.reopen
	s.proving.reopen = false
	if s.restarts == maxRestarts || !s.tolerates(SessionRestart) && !afterProof {
		return fault.New(fault.ChipStatus, "the chip has ended the session", iso7816.SWSMObjectsIncorrect)
	}
	s.restarts++
	if s.protocol == accessBAC {
		s.closed()
		if err := s.selectApplication(ctx); err != nil {
			return err
		}
		if err := s.openByBAC(ctx); err != nil {
			return err
		}
		return s.authenticateChip(ctx)
	}
	return s.powerUp(ctx)
}

// closed is the state in which nothing is open or selected.
func (s *Session) closed() {
	s.channel, s.current, s.doubtful, s.lost = s.plain, 0, false, false
	s.proving.onKeys, s.proving.unproved = false, false
}

func (s *Session) powerUp(ctx context.Context) error {
	if err := s.card.Reset(ctx); err != nil {
		return err
	}
	return s.open(ctx)
}

// recover deals with an error of the reader: a chip that was reset is opened
// again, a document that was removed is waited for. Other errors come back as they
// are.
func (s *Session) recover(ctx context.Context, err error) error {
	for err != nil {
		switch {
		case errors.Is(err, iso7816.ErrRemoved) && s.options.PutBack != nil && s.removals < maxRemovals:
			s.removals++
			err = s.putBack(ctx)
		case errors.Is(err, iso7816.ErrReset) && s.restarts < maxRestarts && s.tolerates(SessionRestart):
			s.restarts++
			err = s.powerUp(ctx)
		case errors.Is(err, fault.CommandNotTransacted) && s.block > s.shortBlock && s.tolerates(ShortAPDU):
			// Readers that cannot pass extended length fail like this.
			s.model.NoExtended = true
			err = s.powerUp(ctx)
		default:
			return err
		}
	}
	return nil
}

// putBack waits for the document, opens it, and makes sure that it is the same.
func (s *Session) putBack(ctx context.Context) error {
	s.observe(Event{Kind: Removed})
	card, err := s.options.PutBack(ctx)
	if errors.Is(err, fault.NoDocument) {
		return fault.New(fault.DocumentRemoved, "it was not put back in time", err)
	}
	if err != nil {
		return err
	}
	if !bytes.Equal(card.ATR(), s.card.ATR()) {
		return fault.New(fault.OtherDocument, "its answer to reset differs", nil)
	}
	s.card = card
	s.plain.Use(card)
	opened := s.protocol != ""
	if err := s.open(ctx); err != nil {
		if opened && (errors.Is(err, fault.WrongMRZ) || errors.Is(err, fault.WrongCAN)) {
			return fault.New(fault.OtherDocument, "it does not open with the same key", err)
		}
		return err
	}
	if err := s.recognise(ctx); err != nil {
		return err
	}
	s.observe(Event{Kind: Resumed})
	return nil
}

// recognise compares the beginning of a file that is complete with what the chip
// gives now: the security object where it has been read, since it is different in
// every document. In the end the hashes of the data groups tell for all of it.
func (s *Session) recognise(ctx context.Context) error {
	if len(s.files) == 0 {
		return nil
	}
	known := s.files[len(s.files)-1]
	for _, f := range s.files {
		if f.file == lds.SOD {
			known = f
		}
	}
	r := &fileReader{session: s, file: known.file}
	for r.total == 0 {
		if err := r.step(ctx); err != nil {
			return err
		}
	}
	if !bytes.HasPrefix(known.data, r.data) {
		return fault.New(fault.OtherDocument, known.file.String()+" differs", nil)
	}
	return nil
}
