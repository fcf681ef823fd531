package queue

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"filippo.io/age"

	"passport-agent/internal/audit"
	"passport-agent/internal/fault"
)

// Until says when Work ends.
type Until int

// Ends of Work.
const (
	UntilTried   Until = iota // every item was tried, and decided where its outcome was unknown
	UntilEmpty                // nothing is left to be sent
	UntilStopped              // never by itself
)

// DefaultParallel is how many items are sent at the same time, unless told otherwise.
const DefaultParallel = 4

const (
	wakeEvery      = 500 * time.Millisecond // how often new items are looked for
	retentionEvery = time.Hour
	pauseProbe     = 15 * time.Minute // how often a paused queue tries one item
	triesOnce      = 2                // per item, with UntilTried
	failuresOnce   = 3                // in a row, after which UntilTried gives up
)

// WorkOptions say how Work works. Client is required.
type WorkOptions struct {
	Client Client
	// Identities open what was sealed to an organisation's recipient.
	Identities []age.Identity
	// Parallel is how many sessions are worked on at the same time; 0 is
	// DefaultParallel.
	Parallel int
	Until    Until
	// Again, if set, has everything that waits tried now, also where the queue is paused
	// or keeps away from a service that was not there. Retry does so for one item.
	Again <-chan struct{}
}

// Summary is what Work came to, in items.
type Summary struct {
	Delivered int `json:"delivered"`
	Refused   int `json:"refused"` // or expired
	Left      int `json:"left"`    // still to be sent
	Aside     int `json:"aside"`   // cannot be opened
	// Newer is how many of Aside a newer version of the program has written.
	Newer int `json:"newer,omitempty"`
}

// Work sends what waits, and goes on until the context ends or as Until says. One
// process at a time may work on a queue. It fails with fault.QueueBusy,
// QueuePublicKeyOnly, the cause for which the queue was paused, what the disk or the
// keys did, or fault.Interrupted; items that stay are no error.
func (q *Queue) Work(ctx context.Context, o WorkOptions) (summary Summary, err error) {
	if o.Parallel <= 0 {
		o.Parallel = DefaultParallel
	}
	if err := q.makeFolders(); err != nil {
		return Summary{}, err
	}
	lock, err := q.own()
	if err != nil {
		return Summary{}, err
	}
	defer func() { err = errors.Join(err, q.diskError(lock.Unlock())) }()
	w := &worker{
		Queue: q, WorkOptions: o, entries: map[string]*entry{}, lanes: newLanes(), epochs: map[string]int{},
		results: make(chan result), tries: map[string]int{},
	}
	err = q.change(ctx, func() error {
		if err := w.scan(); err != nil {
			return err
		}
		return q.tidy(ctx, w.epochs, w.summary.Aside > 0)
	})
	if err != nil {
		return Summary{}, err
	}
	err = w.work(ctx)
	return w.summary, err
}

// worker is one run of Work. All of it belongs to one goroutine; the deliveries run
// beside it and send their results.
type worker struct {
	*Queue
	WorkOptions
	entries map[string]*entry
	lanes   *lanes
	epochs  map[string]int // items by epoch
	wakeup  string
	results chan result
	flying  int
	gate    gate
	paused  error
	broken  error
	tries   map[string]int
	summary Summary
	kept    time.Time // when retention was looked at last
}

// entry is an item that the worker knows.
type entry struct {
	record Record
	seen   time.Time // of the record's file, when it was read
	flying bool
	aside  bool
}

func (w *worker) work(ctx context.Context) error {
	if err := w.openable(); err != nil {
		return err
	}
	if err := w.settled(ctx); err != nil {
		return err
	}
	ticker := time.NewTicker(wakeEvery)
	defer ticker.Stop()
	for {
		w.start(ctx)
		if w.flying == 0 && (w.ended() || ctx.Err() != nil) {
			return w.verdict(ctx)
		}
		timer := time.NewTimer(w.untilNext())
		stop := ctx.Done()
		if ctx.Err() != nil {
			stop = nil // the deliveries end by themselves
		}
		select {
		case r := <-w.results:
			w.take(ctx, r)
		case <-timer.C:
		case <-w.Again:
			w.hurry()
		case <-stop:
		case <-ticker.C:
			w.look(ctx)
		}
		timer.Stop()
	}
}

// openable fails where nothing in the queue can be opened on this machine.
func (w *worker) openable() error {
	if len(w.Identities) > 0 || len(w.entries) == 0 {
		return nil
	}
	for _, e := range w.entries {
		if !strings.HasPrefix(e.record.Epoch, "key-") {
			return nil
		}
	}
	return fault.New(fault.QueuePublicKeyOnly, "", nil)
}

// CanSend fails with fault.QueuePublicKeyOnly where this machine cannot open what it
// queues, or nothing that it has queued.
func (q *Queue) CanSend() error {
	records, _, err := q.records()
	if err != nil {
		return err
	}
	for _, r := range records {
		if !strings.HasPrefix(r.Epoch, "key-") {
			return nil
		}
	}
	if len(records) > 0 || q.recipient != nil {
		return fault.New(fault.QueuePublicKeyOnly, "", nil)
	}
	return nil
}

// look takes in what other processes have changed, and erases what was kept long
// enough.
func (w *worker) look(ctx context.Context) {
	if ctx.Err() != nil || w.broken != nil {
		return
	}
	if text := w.wakeText(); text != w.wakeup {
		w.broken = w.change(ctx, w.scan)
	}
	if w.broken == nil && w.now().Sub(w.kept).Abs() > retentionEvery {
		w.broken = w.retain(ctx)
	}
}

// scan reads the records that are new or were changed. The caller holds the short
// lock.
func (w *worker) scan() error {
	w.wakeup = w.wakeText()
	dir, err := os.ReadDir(w.itemsDir())
	if err != nil {
		return w.diskError(err)
	}
	there := map[string]bool{}
	for _, file := range dir {
		id, ok := strings.CutSuffix(file.Name(), ".json")
		if !ok || !itemID.MatchString(id) {
			continue
		}
		there[id] = true
		if err := w.scanItem(id, file); err != nil {
			return err
		}
	}
	for id, e := range w.entries {
		if !there[id] && !e.flying {
			w.forget(id)
		}
	}
	return nil
}

func (w *worker) scanItem(id string, file os.DirEntry) error {
	e := w.entries[id]
	info, err := file.Info()
	if missing(err) {
		return nil
	}
	if err != nil {
		return w.diskError(err)
	}
	if e != nil && (e.flying || e.aside || e.seen.Equal(info.ModTime())) {
		return nil
	}
	r, err := readRecord(w.recordPath(id))
	switch {
	case isCode(err, fault.QueueItemDamaged), isCode(err, fault.QueueNewer):
		w.forget(id)
		w.entries[id] = &entry{record: Record{ID: id}, seen: info.ModTime(), aside: true}
		w.putAside(err)
		w.Observe(Event{Kind: EventDamaged, Item: id, Code: fault.From(err).Code})
		return nil
	case missing(err):
		return nil
	case err != nil:
		return w.diskError(err)
	}
	switch {
	case e == nil:
		e = &entry{}
		w.entries[id] = e
		w.epochs[r.Epoch]++
	case e.record.Changed.Equal(r.Changed) && e.record.State == r.State && e.record.NextAttempt.Equal(r.NextAttempt):
		e.seen = info.ModTime() // it was this process
		return nil
	default:
		w.lanes.remove(e)
		if r.State == Waiting {
			w.gate.ask(w.now()) // somebody said so
		}
	}
	delete(w.tries, id)
	e.record, e.seen = r, info.ModTime()
	w.enlane(e)
	return nil
}

// enlane queues an item behind others of its session.
func (w *worker) enlane(e *entry) {
	if !e.record.State.sendable() || e.aside {
		return
	}
	// With UntilTried a back-off that was noted earlier does not count: somebody asked
	// for a try. How long the media list takes to settle counts always.
	due := w.bounded(e.record)
	if w.Until == UntilTried && e.record.State != Uncertain && w.tries[e.record.ID] == 0 {
		due = time.Time{}
	}
	w.lanes.add(e, due)
}

// bounded is an item's next attempt, but never later than a clock that was set back
// could have meant.
func (w *worker) bounded(r Record) time.Time {
	const longest = 24 * time.Hour // the longest Retry-After
	latest := w.now().Add(max(longest, w.LongestPause, w.Settle))
	if r.NextAttempt.After(latest) {
		return w.now()
	}
	return r.NextAttempt
}

// hurry makes everything due that may be sent; how long the media list takes to settle
// counts here, too.
func (w *worker) hurry() {
	w.gate.ask(w.now())
	for _, e := range w.entries {
		if e.flying || e.aside || !e.record.State.sendable() {
			continue
		}
		due := w.now()
		if e.record.State == Uncertain {
			due = e.record.Changed.Add(w.Settle)
		}
		if due.Before(w.bounded(e.record)) {
			w.lanes.remove(e)
			w.lanes.add(e, due)
		}
	}
}

func (w *worker) forget(id string) {
	e := w.entries[id]
	if e == nil {
		return
	}
	w.lanes.remove(e)
	delete(w.entries, id)
	delete(w.tries, id)
	if w.epochs[e.record.Epoch]--; w.epochs[e.record.Epoch] <= 0 {
		delete(w.epochs, e.record.Epoch)
	}
}

// start sends as much as may be sent now.
func (w *worker) start(ctx context.Context) {
	for ctx.Err() == nil && w.broken == nil && !w.givenUp() && w.flying < w.Parallel && w.gate.lets(w.now(), w.flying) {
		e := w.lanes.next(w.now())
		if e == nil {
			return
		}
		e.flying = true
		w.flying++
		r := e.record
		go func() { w.results <- w.deliver(ctx, w.Client, r, w.Identities) }()
	}
}

// givenUp reports whether a run that ends by itself has seen enough.
func (w *worker) givenUp() bool {
	return w.Until != UntilStopped && w.paused != nil || w.Until == UntilTried && w.gate.failures >= failuresOnce
}

func (w *worker) ended() bool {
	return w.broken != nil || w.givenUp() || w.Until != UntilStopped && w.lanes.empty()
}

// untilNext is how long nothing happens by itself.
func (w *worker) untilNext() time.Duration {
	const longest = time.Hour
	now := w.now()
	if w.flying >= w.Parallel || w.gate.failures > 0 && w.flying > 0 {
		return longest
	}
	due, ok := w.lanes.due()
	if !ok {
		return longest
	}
	if w.gate.failures > 0 && w.gate.until.After(due) {
		due = w.gate.until
	}
	// Not quite none: the clock may stand still below the resolution of times.
	return min(max(due.Sub(now), time.Millisecond), longest)
}

// take learns from a delivery.
func (w *worker) take(ctx context.Context, r result) {
	w.flying--
	e := w.entries[r.record.ID]
	e.flying = false
	e.record = r.record
	w.lanes.release(e)
	if r.heard && r.ending != endPause && r.ending != endAgain {
		w.recover()
	}
	switch r.ending {
	case endDone:
		if r.record.State != Dropped {
			w.summary.Delivered++
		}
		w.forget(r.record.ID)
		w.eraseEpoch(ctx, r.record.Epoch)
	case endStands:
		if r.err != nil {
			w.summary.Refused++
		} else {
			w.reread(ctx, e)
		}
	case endLane, endStopped:
		w.enlane(e)
	case endAside:
		e.aside = true
		w.putAside(r.err)
	case endPause:
		w.pauseAll(r.err)
		w.enlane(e)
	case endBroken:
		w.broken = r.err
	case endAgain:
		w.again(e, r)
	}
}

// putAside counts an item that cannot be opened.
func (w *worker) putAside(why error) {
	w.summary.Aside++
	if isCode(why, fault.QueueNewer) {
		w.summary.Newer++
	}
}

// again plans the next try of an item that could not be delivered now.
func (w *worker) again(e *entry, r result) {
	id := r.record.ID
	if r.err != nil {
		w.gate.close(w.now(), max(w.pause(w.gate.failures+1), retryAfter(r.err)))
	}
	w.tries[id]++
	if w.Until == UntilTried && (r.record.State != Uncertain || w.tries[id] >= triesOnce) {
		// Those behind it in its session wait too.
		w.lanes.drop(e)
		return
	}
	w.enlane(e)
}

func (w *worker) recover() {
	w.gate.open()
	if w.paused != nil {
		w.paused = nil
		w.Observe(Event{Kind: EventResumed})
	}
}

// pauseAll stops sending: every item would meet the same. One alert is enough.
func (w *worker) pauseAll(err error) {
	w.gate.close(w.now(), pauseProbe)
	if w.paused == nil {
		w.Observe(Event{Kind: EventPaused, Code: fault.From(err).Code, Next: w.gate.until})
	}
	w.paused = err
}

// reread looks at an item that somebody else has changed.
func (w *worker) reread(ctx context.Context, e *entry) {
	e.seen = time.Time{}
	w.broken = w.change(ctx, w.scan)
}

// eraseEpoch destroys the key of a day whose last item is gone.
func (w *worker) eraseEpoch(ctx context.Context, epoch string) {
	if w.epochs[epoch] > 0 {
		return
	}
	ctx = context.WithoutCancel(ctx)
	if err := w.change(ctx, func() error { return w.destroyUnused(ctx, epoch) }); err != nil {
		w.broken = err
	}
}

// settled finishes the books of items that had ended when the last process died: one
// whose end is in the audit log already only needs to be removed.
func (w *worker) settled(ctx context.Context) error {
	w.kept = time.Time{}
	if w.Audit == nil {
		return nil
	}
	var written map[string]bool
	for id, e := range w.entries {
		if !e.record.State.ended() {
			continue
		}
		if written == nil {
			var err error
			if written, err = w.Audit.Items(string(Sent), string(Submitted), string(Dropped)); err != nil {
				return err
			}
		}
		if !written[id] {
			continue
		}
		if err := w.unlink(id); err != nil {
			return err
		}
		if e.record.State != Dropped {
			w.summary.Delivered++
		}
		epoch := e.record.Epoch
		w.forget(id)
		w.eraseEpoch(ctx, epoch)
	}
	return w.broken
}

// retain erases what was refused or has expired long enough ago.
func (w *worker) retain(ctx context.Context) error {
	w.kept = w.now()
	for id, e := range w.entries {
		r := e.record
		if e.flying || r.State != Refused && r.State != Expired || w.now().Sub(r.Changed) < w.KeepRefused {
			continue
		}
		err := w.change(ctx, func() error {
			now, err := w.find(id)
			if isCode(err, fault.QueueItemUnknown) || err == nil && !now.Changed.Equal(r.Changed) {
				return nil // changed since: another time
			}
			if err != nil {
				return err
			}
			now.State = Dropped
			if err := w.save(&now); err != nil {
				return err
			}
			return w.erase(ctx, now, audit.Record{Kind: audit.KindDrop, Result: "retention"})
		})
		if err != nil {
			return err
		}
		w.forget(id)
		w.eraseEpoch(ctx, r.Epoch)
	}
	return w.broken
}

// verdict is what a run ends with.
func (w *worker) verdict(ctx context.Context) error {
	w.summary.Left = 0
	for _, e := range w.entries {
		if e.record.State.sendable() && !e.aside {
			w.summary.Left++
		}
	}
	switch {
	case w.broken != nil:
		return w.broken
	case w.paused != nil:
		return w.paused
	case ctx.Err() != nil:
		return fault.New(fault.Interrupted, "", ctx.Err())
	default:
		return nil
	}
}
