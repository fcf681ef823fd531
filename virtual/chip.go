// Package virtual is a software travel document: a chip that behaves as Doc
// 9303 says or as a profile has it misbehave, a personaliser that issues
// documents for it, and a door through vpcd behind a real PC/SC daemon. The card
// side is written from the standard, apart from the reader that it tests.
package virtual

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"passport-agent/iso7816"
)

// Chip is the chip of a document. It is an iso7816.Card: one goroutine exchanges
// commands; counters may be read and the document taken away by others at the
// same time.
type Chip struct {
	profile Profile
	random  io.Reader
	limits  iso7816.Limits
	observe func(Exchange)
	atr     []byte
	files   map[File][]byte
	keys    accessKeys
	offers  []offer // of PACE

	mrzInformation string
	can            string
	chipKeys       map[int][]byte
	agreementKeys  []ChipKey // of Chip Authentication
	activeKey      *ActiveKey

	mu       sync.Mutex
	counters Counters
	removal  removal
	silent   chan struct{} // a token per silence
	released chan struct{} // a token per release of a silent command
	changed  chan struct{} // closed and replaced when the document comes or goes

	// Over the chip's life.
	commands      int
	protected     int      // protected responses
	paceRuns      int      // MSE:Set AT that found what it asked for
	dropped       int      // sessions ended at their first command
	ephemerals    []string // public keys that readers sent for Chip Authentication
	authenticated int      // right EXTERNAL AUTHENTICATE commands and PACE tokens

	// Until the power goes.
	application bool // the eMRTD application is selected, else the master file
	current     File // selected elementary file
	selected    bool // there was a SELECT
	challenge   []byte
	pace        *paceRun
	agreement   *agreement // selected by MSE:Set AT
	session     *session
	next        *session // that begins behind the answer
}

// ChipOptions says how a chip is made. The zero value works.
type ChipOptions struct {
	Profile Profile
	// Random is where challenges and keying material come from; nil is
	// crypto/rand. RND.IC (8 bytes) is read at GET CHALLENGE, K.IC (16 bytes) at
	// EXTERNAL AUTHENTICATE; in PACE, the nonce (16 bytes, 32 for Integrated
	// Mapping with AES-192 and AES-256) and the private keys of mapping (not for
	// Integrated Mapping) and key agreement, each in as many bytes as the order
	// of the group has, are read at the first three GENERAL AUTHENTICATE.
	Random io.Reader
	// Limits is what the imagined reader announces.
	Limits iso7816.Limits
	// Observe is called after each exchange, outside of any lock.
	Observe func(Exchange)
}

// NewChip puts a document on a chip. It fails where the profile makes no sense
// or where access control needs a DG1 that the document does not have.
func NewChip(document *Document, o ChipOptions) (*Chip, error) {
	if err := o.Profile.check(); err != nil {
		return nil, err
	}
	c := &Chip{
		profile: o.Profile, random: o.Random, limits: o.Limits, observe: o.Observe,
		files: maps.Clone(document.Files), can: document.CAN, chipKeys: document.ChipKeys,
		agreementKeys: document.agreementKeys(), activeKey: document.ActiveKey,
		changed: make(chan struct{}), silent: make(chan struct{}, len(o.Profile.SilentAt)), released: make(chan struct{}, len(o.Profile.SilentAt)),
		counters: Counters{ByInstruction: map[byte]int{}},
	}
	if c.random == nil {
		c.random = rand.Reader
	}
	if c.files == nil {
		c.files = map[File][]byte{}
	}
	c.atr = c.profile.atr()
	c.addATRInfo()
	if err := c.addSecurityInfos(); err != nil {
		return nil, err
	}
	for _, file := range c.profile.MissingFiles {
		delete(c.files, file)
	}
	if c.profile.Access == AccessNone {
		return c, nil
	}
	return c, c.controlAccess(document)
}

// controlAccess sets up what stands before the files.
func (c *Chip) controlAccess(document *Document) error {
	var err error
	if c.mrzInformation, err = document.MRZInformation(); err != nil {
		return fmt.Errorf("access control: %w", err)
	}
	if c.profile.Access != AccessBAC {
		c.offers = offers(document.Files[CardAccess], document.ChipKeys)
	}
	if c.profile.Access.needsPACE() && len(c.offers) == 0 {
		return fmt.Errorf("%w: no PACE in EF.CardAccess that the chip could run", ErrDocument)
	}
	c.keys, err = deriveAccessKeys(c.mrzInformation)
	return err
}

// Transmit gives a command APDU to the chip. It fails with iso7816.ErrRemoved
// while the document is away, with iso7816.ErrReset where the chip loses its power,
// and with io.ErrShortBuffer where the response does not fit. Where the profile
// has the chip stay silent, it waits for Release, Remove or the end of the context.
func (c *Chip) Transmit(ctx context.Context, command, response []byte) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := c.keepSilent(ctx, command); err != nil {
		return 0, err
	}
	exchange, answer, err := c.exchange(command)
	if exchange != nil && c.observe != nil {
		c.observe(*exchange)
	}
	if err != nil {
		return 0, err
	}
	if len(answer) > len(response) {
		return 0, io.ErrShortBuffer
	}
	return copy(response, answer), nil
}

func (c *Chip) exchange(command []byte) (*Exchange, []byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	removedNow := c.removal.countDown()
	if c.removal.away || removedNow == NeverArrived {
		c.takeAway()
		return nil, nil, iso7816.ErrRemoved
	}
	index := c.commands
	c.commands++
	if slices.Contains(c.profile.ResetAt, index) {
		c.counters.count(command, nil)
		c.powerOff()
		return nil, nil, iso7816.ErrReset
	}
	firstSelect, step := c.milestone(command)
	answer := c.answer(command, index)
	c.counters.count(command, answer)
	exchange := newExchange(index, command, answer)
	exchange.FirstSelect, exchange.PACEStep = firstSelect, step
	if removedNow == AnswerLost {
		exchange.Lost = true
		c.takeAway()
		return exchange, nil, iso7816.ErrRemoved
	}
	return exchange, answer, nil
}

// milestone tells commands that take a chip longer than others of their kind.
func (c *Chip) milestone(command []byte) (firstSelect bool, paceStep int) {
	if len(command) < 2 {
		return false, 0
	}
	switch command[1] {
	case iso7816.InsSelect:
		firstSelect, c.selected = !c.selected, true
	case iso7816.InsGeneralAuthenticate:
		if c.pace != nil {
			paceStep = c.pace.step
		}
	}
	return firstSelect, paceStep
}

// Reset takes the power away and gives it back: selection, challenge and session
// are gone. It fails with iso7816.ErrRemoved while the document is away.
func (c *Chip) Reset(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.removal.away {
		return iso7816.ErrRemoved
	}
	c.counters.Resets++
	c.powerOff()
	return nil
}

func (c *Chip) powerOff() {
	c.application, c.current, c.selected = false, "", false
	c.challenge, c.pace, c.agreement, c.session, c.next = nil, nil, nil, nil, nil
}

// ATR returns the answer to reset that a contactless reader makes up (PC/SC part
// 3, 3.1.3.2.3.1) around the historical bytes.
func (c *Chip) ATR() []byte { return append([]byte(nil), c.atr...) }

// Limits returns what the chip was made with.
func (c *Chip) Limits() iso7816.Limits { return c.limits }
