package pcsc

import (
	"context"
	"errors"
	"time"

	"passport-agent/internal/fault"
)

// stuckAfter is how long a call into PC/SC may take. Chips ask for more time than
// a command usually needs (waiting time extension), readers for a power-up; what
// is still silent after this long has hung.
const stuckAfter = 15 * time.Second

// errSilent says that a call has not come back in time.
var errSilent = errors.New("the call has not come back")

// worker runs the calls of one PC/SC context one after the other in a goroutine of
// its own, because a call may hang in a driver and cannot be interrupted.
type worker struct {
	jobs chan func()
}

func newWorker() *worker {
	// Room for what is queued behind a call that hangs: a reset and the end.
	w := &worker{jobs: make(chan func(), 4)}
	go func() {
		for job := range w.jobs {
			job()
		}
	}()
	return w
}

// do runs job and waits for its end, for the limit (errSilent) or for the context.
// After an error job may still be running: what it writes must not be read, and
// nothing but end may follow.
func (w *worker) do(ctx context.Context, limit time.Duration, job func()) error {
	finished := make(chan struct{})
	w.jobs <- func() {
		defer close(finished)
		job()
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-finished:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return errSilent
	}
}

// post queues a job and does not wait for it.
func (w *worker) post(job func()) { w.jobs <- job }

// end queues the last job and does not wait for it.
func (w *worker) end(last func()) {
	w.jobs <- last
	close(w.jobs)
}

// connection is a context of PC/SC and the worker that makes its calls.
type connection struct {
	worker  *worker
	session session // used in the worker's goroutine only
	limit   time.Duration
}

// establish makes a connection to the smart card service.
func establish(ctx context.Context, lib library, limit time.Duration) (*connection, error) {
	c := &connection{worker: newWorker(), limit: limit}
	var failed error
	err := c.worker.do(ctx, limit, func() { c.session, failed = lib.establish() })
	if err == nil && failed == nil {
		return c, nil
	}
	c.release()
	if err == nil {
		err = classify(failed, "")
	}
	return nil, noAnswer(err)
}

// release gives the context back as soon as the pending call has ended, and does
// not wait for that.
func (c *connection) release() {
	c.worker.end(func() {
		if c.session != nil {
			_ = c.session.release() // the service takes back what a failed release leaves
		}
	})
}

// readers lists the readers and their states, as they are now.
func (c *connection) readers(ctx context.Context) ([]readerState, error) {
	var states []readerState
	var failed error
	err := c.worker.do(ctx, c.limit, func() { states, failed = listStates(c.session) })
	if err != nil {
		return nil, noAnswer(err)
	}
	if codeOf(failed) == codeNoReaders {
		return nil, nil
	}
	return states, classify(failed, "")
}

func listStates(s session) (states []readerState, err error) {
	for range 3 {
		var names []string
		names, err = s.listReaders()
		if err != nil || len(names) == 0 {
			return nil, err
		}
		states = make([]readerState, len(names))
		for i, name := range names {
			states[i].name = name
		}
		// A reader may have been unplugged since it was listed.
		if err = s.statusChange(0, states); codeOf(err) != codeUnknownReader {
			break
		}
	}
	return states, err
}

// noAnswer names the service as the cause where a call of the watching side, which
// involves no reader's driver, has not come back.
func noAnswer(err error) error {
	if errors.Is(err, errSilent) {
		return fault.New(fault.PCSCNoService, "it does not answer", err)
	}
	return err
}
