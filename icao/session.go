// Package icao reads one travel document: it opens the chip, reads elementary
// files and carries on where a chip answers otherwise than the standard says.
package icao

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"

	"passport-agent/bac"
	"passport-agent/icao/lds"
	"passport-agent/internal/fault"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
)

// Options of a session. The zero value reads documents without access control.
type Options struct {
	Access Access
	// Random gives nonces and keying material; crypto/rand where nil.
	Random io.Reader
	// Observe is told how far the document is; may be nil.
	Observe func(Event)
}

// Session is an open document. It is used by one goroutine at a time.
type Session struct {
	options  Options
	plain    *iso7816.Channel
	channel  iso7816.Exchanger // plain, or protected
	protocol string
	cipher   string
	chunk    int      // bytes asked for with one READ BINARY
	current  lds.File // the elementary file that is selected; 0 is none
	noSFI    bool     // the chip does not take short file identifiers
	lost     bool     // the chip dropped the session
	reopened int
}

// maxReopened bounds how often a dropped session is opened again.
const maxReopened = 4

// memoryCard is the registered identifier of PC/SC in the historical bytes of
// storage cards (PC/SC part 3, 3.1.3.2.3): no passport has it.
var memoryCard = []byte{0x80, 0x4F, 0x0C, 0xA0, 0x00, 0x00, 0x03, 0x06}

// Open selects the eMRTD application and opens it (Doc 9303-11, 4.2).
//
// It fails with fault.NotAPassport where there is no such application, with
// fault.WrongMRZ or fault.AccessRefused where the chip does not open, with
// fault.ChipAuthentication where its answer is not authentic.
func Open(ctx context.Context, card iso7816.Card, o Options) (*Session, error) {
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if bytes.Contains(card.ATR(), memoryCard) {
		return nil, fault.New(fault.NotAPassport, "a storage card, by its answer to reset", nil)
	}
	s := &Session{options: o, plain: iso7816.NewChannel(card)}
	if err := s.open(ctx); err != nil {
		return nil, coded(err)
	}
	s.observe(Event{Kind: AccessOpened})
	return s, nil
}

// Protocol returns what opened the document: "BAC", or "none".
func (s *Session) Protocol() string { return s.protocol }

// Cipher returns the block cipher of secure messaging, empty without.
func (s *Session) Cipher() string { return s.cipher }

// Traffic returns the APDUs exchanged so far.
func (s *Session) Traffic() iso7816.Traffic { return s.plain.Traffic() }

func (s *Session) observe(e Event) {
	if s.options.Observe != nil {
		s.options.Observe(e)
	}
}

// open selects the application and sets up the channel.
func (s *Session) open(ctx context.Context) error {
	s.channel, s.current, s.lost = s.plain, 0, false
	if err := s.selectApplication(ctx); err != nil {
		return err
	}
	s.observe(Event{Kind: Connected})
	if s.options.Access.Key.Empty() {
		s.openPlain()
		return nil
	}
	state, err := s.basicAccess(ctx)
	var refused *bac.StepError
	if errors.As(err, &refused) {
		return s.openRefused(ctx, refused)
	}
	if err != nil {
		return err
	}
	protected := sm.NewChannel(s.plain, state)
	s.channel, s.protocol, s.cipher = protected, accessBAC, state.Algorithm().String()
	s.limitChunk(protected.MaxShortPlain())
	return nil
}

// openRefused tells a chip that has no access control, and so knows nothing of
// BAC, from one that does not open.
func (s *Session) openRefused(ctx context.Context, refused *bac.StepError) error {
	refusal := accessError(refused)
	if errors.Is(refusal, fault.WrongMRZ) {
		return refusal
	}
	response, err := s.plain.Exchange(ctx, iso7816.Command{INS: iso7816.InsReadBinary, P1: 0x80 | lds.COM.SFI(), Ne: headerRead})
	if err != nil {
		return err
	}
	if len(response.Data) == 0 {
		return refusal
	}
	s.openPlain()
	return nil
}

func (s *Session) openPlain() {
	s.protocol = accessNone
	s.limitChunk(iso7816.MaxShortNe)
}

// limitChunk keeps what an earlier session has learned about the chip.
func (s *Session) limitChunk(most int) {
	if s.chunk == 0 || s.chunk > most {
		s.chunk = most
	}
}

// selectApplication follows Doc 9303-10, 3.6.1.
func (s *Session) selectApplication(ctx context.Context) error {
	response, err := s.plain.Exchange(ctx, iso7816.Command{INS: iso7816.InsSelect, P1: 0x04, P2: 0x0C, Data: lds.AID[:]})
	if err != nil {
		return err
	}
	if response.SW != iso7816.SWSuccess {
		return fault.New(fault.NotAPassport, "SELECT of the passport application", response.SW)
	}
	return nil
}

// basicAccess runs BAC, a second time with a new challenge where the first ended
// in 6300: some chips refuse the first authentication after power-up.
func (s *Session) basicAccess(ctx context.Context) (*sm.State, error) {
	seed := s.options.Access.Key.SHA1()
	defer seed.Wipe()
	state, err := bac.Authenticate(ctx, s.plain, seed, s.options.Random)
	if errors.Is(err, iso7816.SWAuthenticationFailed) {
		state, err = bac.Authenticate(ctx, s.plain, seed, s.options.Random)
	}
	return state, err
}

// accessError tells a wrong key from a chip that does not take BAC at all.
func accessError(refused *bac.StepError) error {
	switch sw := refused.SW; {
	case sw>>8 == 0x63, sw == iso7816.SWSecurityStatus, sw == iso7816.SWWrongData, sw == iso7816.SWSMObjectsIncorrect:
		return fault.New(fault.WrongMRZ, "", refused)
	case sw == iso7816.SWReferenceNotFound, sw == iso7816.SWConditionsOfUse:
		return fault.New(fault.PACERequired, "", refused)
	default:
		return fault.New(fault.AccessRefused, "", refused)
	}
}

// exchange sends a command over the session and notes where the chip drops it.
func (s *Session) exchange(ctx context.Context, c iso7816.Command) (iso7816.Response, error) {
	response, err := s.channel.Exchange(ctx, c)
	if lostSession(err) {
		s.lost = true
	}
	return response, err
}

// reopen authenticates anew after the chip dropped the session.
func (s *Session) reopen(ctx context.Context) error {
	if s.reopened == maxReopened {
		return fault.New(fault.ChipStatus, "the chip keeps ending the session", nil)
	}
	s.reopened++
	return s.open(ctx)
}
