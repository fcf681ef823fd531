package agent

import (
	"context"
	"errors"
	"time"

	"passport-agent/internal/fault"
	"passport-agent/tap"
)

const (
	// connectWithin is how long a document that was seen may take to be connected to.
	connectWithin = 2 * time.Second
	// muteAgain is the interval of new attempts on a card that does not answer: it may
	// lie better in the meantime without having left.
	muteAgain = time.Second
)

// wait finds the document of a reading: the first on a reader that it may have, or,
// where it was taken away in the middle, the one on the reader where it lay. It fails
// as pcsc.Wait does.
func (a *Agent) wait(ctx context.Context, r *Read, reader string, observe func(tap.Event)) (tap.Card, error) {
	within := r.wait()
	if reader != "" {
		return r.timed(a.options.Connect(ctx, reader, within))
	}
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	named := r.request.Reader
	if named == "" {
		named = a.options.Reader
	}
	service := outage{}
	for first := true; ; first = false {
		c := a.readers.claim(r.id, named, r.access, first)
		if service.over(c, a.readers.lookAgain) {
			return nil, c.end
		}
		var again <-chan time.Time
		if c.reader != "" {
			a.events.publish(Event{Kind: EventReaders})
			card, err := r.timed(a.options.Connect(ctx, c.reader, connectWithin))
			if err == nil {
				return card, nil
			}
			a.readers.release(r.id, r.access, false, errors.Is(err, fault.ReaderStuck), nil)
			a.events.publish(Event{Kind: EventReaders})
			switch {
			case ctx.Err() != nil:
				return nil, ctx.Err()
			case errors.Is(err, fault.CardUnresponsive):
				c.phase, c.at, c.end = tap.EventUnresponsive, c.reader, err
			case errors.Is(err, fault.NoDocument), errors.Is(err, fault.DocumentRemoved), errors.Is(err, fault.ReaderUnplugged),
				errors.Is(err, fault.NoReader), errors.Is(err, fault.ReaderNotFound), errors.Is(err, fault.PCSCNoService):
				// It has just left, or the service has.
			default:
				return nil, err
			}
			again, c.next = time.After(muteAgain), a.readers.changes()
		}
		if c.fatal {
			return nil, c.end
		}
		observe(tap.Event{Kind: c.phase, Reader: c.at})
		select {
		case <-c.next:
		case <-again:
		case <-deadline.C:
			return nil, c.end
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// outage is what a reading makes of the service being down. One that has ended before
// the reading began is looked for once more, and then the reading ends; one that ends
// under a reading that waits is being restarted, and waited for.
type outage struct {
	wasUp bool
	asked bool
	since int // the update that was the last one then
}

// over says that there is no use in waiting.
func (o *outage) over(c chance, lookAgain func()) bool {
	switch {
	case !c.down:
		o.wasUp, o.asked = c.update > 0, false
	case !o.asked:
		o.asked, o.since = true, c.update
		lookAgain()
	default:
		return !o.wasUp && c.update > o.since
	}
	return false
}

// timed measures the commands to a card.
func (r *Read) timed(card tap.Card, err error) (tap.Card, error) {
	if err != nil {
		return nil, err
	}
	return &timedCard{card, r}, nil
}

// timedCard counts the time that is spent below the Card seam.
type timedCard struct {
	tap.Card
	read *Read
}

func (c *timedCard) Transmit(ctx context.Context, command, response []byte) (int, error) {
	began := time.Now()
	n, err := c.Card.Transmit(ctx, command, response)
	c.read.transmitted(time.Since(began))
	return n, err
}

func (c *timedCard) Reset(ctx context.Context) error {
	began := time.Now()
	err := c.Card.Reset(ctx)
	c.read.transmitted(time.Since(began))
	return err
}
