// Package icao reads one travel document: it opens the chip, reads elementary
// files and carries on where a chip answers otherwise than the standard says.
package icao

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"

	"passport-agent/icao/lds"
	"passport-agent/internal/fault"
	"passport-agent/iso7816"
	"passport-agent/pace"
)

// Options of a session. The zero value reads documents without access control.
type Options struct {
	Access Access
	// Random gives nonces and keying material; crypto/rand where nil.
	Random io.Reader
	// Observe is told how far the document is; may be nil.
	Observe func(Event)
	// PutBack waits until a removed document is on its reader again. Nil ends the
	// reading at a removal.
	PutBack func(ctx context.Context) (iso7816.Card, error)
	// ProbeExtended tries extended length where reader or chip say nothing about it.
	ProbeExtended bool
	// NoChipAuthentication leaves out what proves that the chip is no copy: DG14 and
	// DG15, Chip and Active Authentication, and what Chip Authentication Mapping gives.
	NoChipAuthentication bool
	// Memory remembers how kinds of chips like to be asked; may be nil.
	Memory *Memory
	// Without switches tolerances off.
	Without []Tolerance
}

// Session is an open document. It is used by one goroutine at a time.
type Session struct {
	options Options
	card    iso7816.Card
	plain   *iso7816.Channel
	channel iso7816.Exchanger // plain, or protected

	protocol   string
	cipher     string
	cardAccess []byte // EF.CardAccess as it was read
	offered    []pace.Info

	cardSecurity []byte // EF.CardSecurity as it was read
	atrInfo      []byte // EF.ATR/INFO as it was read
	proving      proving

	model      Model
	response   int      // the longest response APDU in bytes
	shortBlock int      // plain bytes asked for with one short READ BINARY
	block      int      // the same, in extended length where that is used
	current    lds.File // the elementary file that is selected; 0 is none
	doubtful   bool     // the chip answered outside secure messaging: it may have ended it
	lost       bool     // the chip has ended the session
	files      []readFile

	restarts, removals int
}

// readFile is a file that is complete, kept to recognise the document by.
type readFile struct {
	file lds.File
	data []byte
}

// Bounds on what one document may cost.
const (
	maxRestarts = 8
	maxRemovals = 200 // each of them is a person's hand
)

// memoryCard is the registered identifier of PC/SC in the historical bytes of
// storage cards (PC/SC part 3, 3.1.3.2.3): no passport has it.
var memoryCard = []byte{0x80, 0x4F, 0x0C, 0xA0, 0x00, 0x00, 0x03, 0x06}

// Open opens a document: EF.CardAccess, PACE or BAC, the eMRTD application (Doc
// 9303-11, 4.2).
//
// It fails with fault.NotAPassport where there is no such application, with
// fault.WrongMRZ, fault.WrongCAN, fault.PACERequired, fault.MRZRequired or
// fault.AccessRefused where the chip does not open, with fault.ChipAuthentication
// where its answer is not authentic.
func Open(ctx context.Context, card iso7816.Card, o Options) (*Session, error) {
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Memory == nil {
		o.Memory = &Memory{}
	}
	if bytes.Contains(card.ATR(), memoryCard) {
		return nil, fault.New(fault.NotAPassport, "a storage card, by its answer to reset", nil)
	}
	s := &Session{options: o, card: card, plain: iso7816.NewChannel(card)}
	s.model, _ = o.Memory.Recall(card.ATR())
	err := s.open(ctx)
	if err != nil {
		err = s.recover(ctx, err)
	}
	if err != nil {
		return nil, coded(err)
	}
	s.observe(Event{Kind: AccessOpened})
	return s, nil
}

// Protocol returns what opened the document: "PACE-ECDH-GM" and its like, "BAC",
// or "none".
func (s *Session) Protocol() string { return s.protocol }

// Cipher returns the block cipher of secure messaging, empty without.
func (s *Session) Cipher() string { return s.cipher }

// CardAccess returns the bytes of EF.CardAccess, nil where the chip gave none. No
// signature covers them.
func (s *Session) CardAccess() []byte { return s.cardAccess }

// Traffic returns the APDUs exchanged so far.
func (s *Session) Traffic() iso7816.Traffic { return s.plain.Traffic() }

func (s *Session) observe(e Event) {
	if s.options.Observe != nil {
		s.options.Observe(e)
	}
}
