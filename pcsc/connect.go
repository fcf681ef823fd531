package pcsc

import (
	"context"
	"errors"
	"time"

	"passport-agent/internal/fault"
	"passport-agent/iso7816"
)

// backOff is how long to wait between attempts to get a document to ourselves.
// Windows shows every new card to its certificate store first, which takes it for
// about a second.
func backOff() []time.Duration {
	return []time.Duration{50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond}
}

// transactionWait is how long another program's transaction is waited for.
const transactionWait = 2 * time.Second

const busyDetail = "another program has connected to it"

// connect connects to the document on a reader, through a context of its own.
//
// It asks for exclusive use and no transaction, because Windows resets a card
// whose transaction idles for five seconds. Where other programs will not let go,
// it shares the document and holds a transaction.
func connect(ctx context.Context, lib library, reader readerState, limit time.Duration) (*Card, error) {
	connection, err := establish(ctx, lib, limit)
	if err != nil {
		return nil, err
	}
	card := &Card{connection: connection, reader: reader.name}
	if reader.event&(stateInUse|stateExclusive) != 0 {
		card.patience = transactionWait
	}
	err = card.claim(ctx)
	if err == nil {
		_, err = card.look(ctx)
	}
	if err == nil {
		err = card.learnLimits(ctx, lib.getFeatures)
	}
	if err != nil {
		// A cancelled connect may yet succeed: close undoes it.
		return nil, errors.Join(err, card.Close())
	}
	return card, nil
}

func (c *Card) claim(ctx context.Context) error {
	var err error
	for _, interval := range backOff() {
		err = c.attach(ctx, shareExclusive)
		if codeOf(err) != codeSharingViolation {
			return err
		}
		if pause(ctx, interval) != nil {
			return err
		}
	}
	if err = c.attach(ctx, shareShared); err != nil {
		return err
	}
	return c.begin(ctx)
}

func (c *Card) attach(ctx context.Context, share uint32) error {
	err := c.patient(ctx, func(s session) (err error) {
		c.link, err = s.connect(c.reader, share)
		return err
	})
	if codeOf(err) == codeSharingViolation {
		return fault.New(fault.ReaderBusy, busyDetail, codeSharingViolation)
	}
	c.share = share
	return classify(err, "connecting")
}

// begin takes the shared document for ourselves and clears what others have left.
func (c *Card) begin(ctx context.Context) error {
	c.patience = transactionWait
	err := c.patient(ctx, func(session) error {
		if err := c.link.beginTransaction(); err != nil {
			return err
		}
		return c.link.reconnect(shareShared, resetCard)
	})
	return classify(err, "beginning a transaction")
}

// patient makes a PC/SC call that waits for as long as another program has a
// transaction, which SCardBeginTransaction does and pcscd's SCardConnect too.
func (c *Card) patient(ctx context.Context, job func(session) error) error {
	if c.patience == 0 {
		return c.call(ctx, job)
	}
	var failed error
	err := c.connection.worker.do(ctx, c.patience, func() { failed = job(c.connection.session) })
	if errors.Is(err, errSilent) {
		return c.abandon(fault.New(fault.ReaderBusy, "another program is in the middle of a transaction", nil))
	}
	if err != nil {
		return c.abandon(err)
	}
	return failed
}

// look finds out whether the document that we connected to lies on the reader. At
// first it notes which one that is.
func (c *Card) look(ctx context.Context) (present bool, err error) {
	states := []readerState{{name: c.reader, current: stateUnaware}}
	err = c.call(ctx, func(s session) error { return s.statusChange(0, states) })
	if err != nil {
		return false, classify(err, "asking for the reader's state")
	}
	present, counter := states[0].inserted()
	if c.atr == nil && present {
		c.atr, c.counter = append([]byte{}, states[0].atr...), counter
	}
	present = present && counter == c.counter
	if !present && c.atr == nil {
		return false, fault.New(fault.DocumentRemoved, "", iso7816.ErrRemoved)
	}
	return present, nil
}
