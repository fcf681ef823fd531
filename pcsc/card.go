package pcsc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"passport-agent/internal/fault"
	"passport-agent/iso7816"
)

const (
	// removalNotice is how long contactless readers may take to notice that a
	// document has left, after the command that failed for it.
	removalNotice = time.Second
	removalPoll   = 50 * time.Millisecond
)

var errClosed = errors.New("the card has been closed")

// Card is a document on a reader. It implements iso7816.Card and is used by one
// goroutine at a time. Once the document has been removed, the reader has hung or
// the card has been closed, every call fails with that; a new Wait gives a new Card.
type Card struct {
	connection *connection
	link       link // used in the worker's goroutine only
	reader     string
	share      uint32
	atr        []byte
	limits     iso7816.Limits
	counter    uint16 // of insertions, when this document was connected to
	command    []byte
	patience   time.Duration // with other programs while connecting; 0 where there are none
	over       error         // what ended the card
	lost       bool          // the chip's session was lost by a reset of ours
}

var _ iso7816.Card = (*Card)(nil)

// Reader returns the name of the reader.
func (c *Card) Reader() string { return c.reader }

// ATR returns the answer to reset, at most 33 bytes.
func (c *Card) ATR() []byte { return slices.Clone(c.atr) }

// Limits returns what the reader announces about APDU lengths through its driver
// (PC/SC part 10, dwMaxAPDUDataSize), as asked for when the document was connected
// to. Extended is Unknown where the driver announces nothing that can be
// understood, as many do. MaxAPDU is 257 to 65 535 where an extended-length reader
// has such a bound, else 0.
func (c *Card) Limits() iso7816.Limits { return c.limits }

// Transmit sends a command APDU, 4 to 65 544 bytes, and puts the response APDU
// into response. A command under way is always waited for; where the context has
// ended meanwhile, the chip is reset and the context's error returned.
//
// It fails, as codes of internal/fault, with DocumentRemoved (also
// iso7816.ErrRemoved); CardReset (also iso7816.ErrReset), after which Reset must
// be called; CommandNotTransacted where the reader did not carry the command over
// although the document is there, as some do with long commands; ReaderStuck after
// 15 s of silence; ReaderUnplugged; PCSCNoService; ChipResponse for a response
// that is longer than the buffer.
func (c *Card) Transmit(ctx context.Context, command, response []byte) (int, error) {
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case len(command) < 4 || len(command) > iso7816.MaxCommand:
		return 0, fmt.Errorf("%w: %d bytes", iso7816.ErrCommand, len(command))
	case c.over != nil:
		return 0, c.over
	case c.lost:
		return 0, fault.New(fault.CardReset, "", iso7816.ErrReset)
	}
	// A reader that is given up may go on reading what it was given.
	c.command = append(c.command[:0], command...)
	var answer []byte
	err := c.finish(func(session) (err error) {
		answer, err = c.link.transmit(c.command)
		return err
	})
	switch {
	case c.over != nil:
		return 0, c.over
	case ctx.Err() != nil:
		c.forget()
		return 0, ctx.Err()
	case err != nil:
		return 0, c.explain(ctx, err, "sending a command")
	case len(answer) < 2:
		// Some drivers answer so for a document that has left.
		return 0, c.explain(ctx, codeCommDataLost, "an answer without status word")
	case len(answer) > len(response):
		return 0, fault.New(fault.ChipResponse, fmt.Sprintf("%d bytes for a buffer of %d", len(answer), len(response)), iso7816.ErrResponse)
	}
	return copy(response, answer), nil
}

// Reset power-cycles the chip. It fails like Transmit; where another document has
// been put on the reader meanwhile, as removed.
func (c *Card) Reset(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if c.over != nil {
		return c.over
	}
	// Resetting a document that was put down since would hide from pcscd that
	// the other one has left.
	if present, err := c.look(ctx); err != nil || !present {
		return c.goneUnless(err)
	}
	c.lost = true
	err := c.finish(func(session) error { return c.link.reconnect(c.share, resetCard) })
	switch {
	case c.over != nil:
		return c.over
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return c.explain(ctx, err, "resetting the chip")
	}
	if present, err := c.look(ctx); err != nil || !present {
		return c.goneUnless(err)
	}
	c.lost = false
	return nil
}

// Close resets the chip, so that no session stays open in it, and gives the reader
// free. A reader that has hung is not waited for. Closing twice is allowed.
func (c *Card) Close() error {
	if errors.Is(c.over, errClosed) || c.connection == nil {
		return nil
	}
	if errors.Is(c.over, errAbandoned) {
		c.over = errClosed
		return nil
	}
	disposition := uint32(resetCard)
	if present, err := c.look(context.Background()); err == nil && !present {
		disposition = leaveCard // what has left keeps no session; what came since is not ours
	}
	err := c.finish(func(session) error { return c.leave(disposition) })
	if errors.Is(c.over, errAbandoned) {
		err = c.over
	} else {
		c.connection.release()
	}
	c.over = errClosed
	switch known[codeOf(err)].fault {
	case fault.DocumentRemoved, fault.ReaderUnplugged, fault.PCSCNoService:
		return nil // what is gone keeps no session
	}
	return classify(err, "disconnecting")
}

// leave disconnects, in the worker's goroutine.
func (c *Card) leave(disposition uint32) error {
	if c.link == nil {
		return nil
	}
	err := c.link.disconnect(disposition)
	c.link = nil
	return err
}

// call makes a PC/SC call that may be left alone when the context ends, which ends
// the card too.
func (c *Card) call(ctx context.Context, job func(session) error) error {
	var failed error
	err := c.connection.worker.do(ctx, c.connection.limit, func() { failed = job(c.connection.session) })
	switch {
	case errors.Is(err, errSilent):
		return c.abandon(fault.New(fault.ReaderStuck, "", err))
	case err != nil:
		return c.abandon(err)
	}
	return failed
}

// finish makes a PC/SC call and waits for its end whatever the context says.
func (c *Card) finish(job func(session) error) error { return c.call(context.Background(), job) }

// errAbandoned says that a call into the driver is still under way and was left.
var errAbandoned = errors.New("left while a call was under way")

// abandon gives up on a call that has not come back. When it does, the document
// and the context are given free.
func (c *Card) abandon(cause error) error {
	c.over = fmt.Errorf("%w (%w)", cause, errAbandoned)
	c.connection.worker.end(func() {
		_ = c.leave(resetCard) // nobody waits for it any more
		if c.connection.session != nil {
			_ = c.connection.session.release()
		}
	})
	return c.over
}

// forget resets the chip without waiting for it.
func (c *Card) forget() {
	c.lost = true
	c.connection.worker.post(func() {
		_ = c.link.reconnect(c.share, resetCard) // Reset or Close does it again, and tells
	})
}

// explain says what an error of the chip's side means. Readers report a removed
// document in many ways, and often before they know it themselves.
func (c *Card) explain(ctx context.Context, err error, doing string) error {
	code := codeOf(err)
	switch known[code].fault {
	case fault.DocumentRemoved:
		return c.removed(err)
	case fault.ReaderUnplugged, fault.PCSCNoService:
		c.over = classify(err, doing)
		return c.over
	}
	gone, lookErr := c.hasLeft(ctx, code)
	switch {
	case lookErr != nil:
		return lookErr
	case gone:
		return c.removed(err)
	case code == codeResetCard:
		c.lost = true
	}
	return classify(err, doing)
}

// hasLeft watches for the document's removal. A reset is never the trace of one
// that the reader has yet to notice.
func (c *Card) hasLeft(ctx context.Context, code ReturnCode) (bool, error) {
	deadline := time.Now().Add(removalNotice)
	for {
		present, err := c.look(ctx)
		if err != nil || !present {
			return err == nil, err
		}
		if code == codeResetCard || time.Now().After(deadline) {
			return false, nil
		}
		if err := pause(ctx, removalPoll); err != nil {
			return false, err
		}
	}
}

// goneUnless ends the card as removed, unless err says otherwise.
func (c *Card) goneUnless(err error) error {
	if err != nil {
		return err
	}
	return c.removed(nil)
}

func (c *Card) removed(err error) error {
	c.over = fault.New(fault.DocumentRemoved, "", errors.Join(iso7816.ErrRemoved, err))
	return c.over
}
