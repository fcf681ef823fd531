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

	mu       sync.Mutex
	counters Counters
	removal  removal
	changed  chan struct{} // closed and replaced when the document comes or goes

	// Over the chip's life.
	commands      int
	protected     int // protected responses
	authenticated int // right EXTERNAL AUTHENTICATE commands

	// Until the power goes.
	application bool // the eMRTD application is selected, else the master file
	current     File // selected elementary file
	challenge   []byte
	session     *session
}

// ChipOptions says how a chip is made. The zero value works.
type ChipOptions struct {
	Profile Profile
	// Random is where challenges and keying material come from; nil is
	// crypto/rand. RND.IC (8 bytes) is read at GET CHALLENGE, K.IC (16 bytes) at
	// EXTERNAL AUTHENTICATE.
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
		files:    maps.Clone(document.Files),
		changed:  make(chan struct{}),
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
	for _, file := range c.profile.MissingFiles {
		delete(c.files, file)
	}
	if c.profile.Access == AccessNone {
		return c, nil
	}
	information, err := document.MRZInformation()
	if err != nil {
		return nil, fmt.Errorf("access control: %w", err)
	}
	c.keys, err = deriveAccessKeys(information)
	return c, err
}

// Transmit gives a command APDU to the chip. It fails with iso7816.ErrRemoved
// while the document is away and with io.ErrShortBuffer where the response does
// not fit.
func (c *Chip) Transmit(ctx context.Context, command, response []byte) (int, error) {
	if err := ctx.Err(); err != nil {
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
	answer := c.answer(command)
	c.commands++
	c.counters.count(command, answer)
	exchange := newExchange(index, command, answer)
	if removedNow == AnswerLost {
		exchange.Lost = true
		c.takeAway()
		return exchange, nil, iso7816.ErrRemoved
	}
	return exchange, answer, nil
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
	c.application, c.current, c.challenge, c.session = false, "", nil, nil
}

// ATR returns the answer to reset that a contactless reader makes up (PC/SC part
// 3, 3.1.3.2.3.1) around the historical bytes.
func (c *Chip) ATR() []byte { return append([]byte(nil), c.atr...) }

// Limits returns what the chip was made with.
func (c *Chip) Limits() iso7816.Limits { return c.limits }
