package queue_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/upload"
	"passport-agent/upload/queue"
)

// An answer that is lost after the upload was stored leads to no second upload; one
// that is lost before leads to one; neither is decided before the settle time.
func TestALostAnswerIsDecidedByTheMediaList(t *testing.T) {
	for name, c := range map[string]struct {
		before  bool
		uploads int
		event   queue.EventKind
	}{
		"stored":     {false, 1, queue.EventArrived},
		"not stored": {true, 1, queue.EventResent},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			seen := &events{}
			o := options(dir)
			o.Observe = seen.observe
			q := open(t, o)
			enqueue(t, q, chipPlan())
			s := newService(session)
			s.fail = once("nfc", uncertain(), c.before)
			started := time.Now()
			require.Equal(t, 1, drain(t, q, s).Delivered)
			require.GreaterOrEqual(t, time.Since(started), settle)
			require.Len(t, s.media(session), c.uploads)
			require.Equal(t, 1, seen.count(queue.EventUncertain))
			require.Equal(t, 1, seen.count(c.event))
			nothingLeft(t, dir)
		})
	}
}

// What others have put into the session before is never taken for what was sent.
func TestEarlierMediaAreNotTakenForWhatWasSent(t *testing.T) {
	q := open(t, options(t.TempDir()))
	s := newService(session)
	_, err := s.UploadNFC(t.Context(), session, documents(), nil)
	require.NoError(t, err)
	enqueue(t, q, chipPlan())
	s.fail = once("nfc", uncertain(), true)
	drain(t, q, s)
	require.Len(t, s.media(session), 2)
}

// An upload that was tried before it was queued: nobody looked at the list before,
// so that the size decides.
func TestAnUploadThatWasTriedBeforeIsLookedForFirst(t *testing.T) {
	plan := chipPlan()
	plan.Uncertain = true
	for name, c := range map[string]struct {
		there []upload.NFCDocuments
		want  int
	}{
		"it has arrived":   {[]upload.NFCDocuments{documents()}, 1},
		"it has not":       {nil, 1},
		"another is there": {[]upload.NFCDocuments{{COM: []byte("another"), SOD: []byte("document"), DG1: []byte("of"), DG2: []byte("another size")}}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			q := open(t, options(t.TempDir()))
			s := newService(session)
			for _, docs := range c.there {
				_, err := s.UploadNFC(t.Context(), session, docs, nil)
				require.NoError(t, err)
			}
			enqueue(t, q, plan)
			require.Equal(t, 1, drain(t, q, s).Delivered)
			require.Len(t, s.media(session), c.want)
		})
	}
}

// A service that commits after the settle time cannot be told from one that never
// does: the upload is there twice, and that is reported.
func TestACommitAfterTheSettleTimeIsReported(t *testing.T) {
	dir := t.TempDir()
	seen := &events{}
	o := options(dir)
	o.Observe = seen.observe
	q := open(t, o)
	enqueue(t, q, chipPlan())
	s := newService(session)
	first := true
	late := false
	s.fail = func(call, _ string) (error, bool) {
		if call == "nfc" && first {
			first, late = false, true
			return uncertain(), true
		}
		if call == "nfc" && late {
			late = false
			s.add(session, queue.Media{NFC: true}, nil) // the first one, at last
		}
		return nil, false
	}
	drain(t, q, s)
	require.Len(t, s.media(session), 2)
	require.Equal(t, 1, seen.count(queue.EventResent))
	require.Equal(t, 1, seen.count(queue.EventSurplus))
}

// A session whose creation was not answered may be left empty: it is reported, and
// the item goes into another one.
func TestALostSessionIsReported(t *testing.T) {
	dir := t.TempDir()
	seen := &events{}
	o := options(dir)
	o.Observe = seen.observe
	q := open(t, o)
	enqueue(t, q, fullPlan())
	s := newService()
	s.fail = once("create", fault.New(fault.CreateUncertain, "", nil), false)
	require.Equal(t, 1, drain(t, q, s).Delivered)
	require.Empty(t, s.media("created-1"))
	require.Len(t, s.media("created-2"), 3)
	require.Equal(t, 1, seen.count(queue.EventLostSession))
	nothingLeft(t, dir)
}

// Which answers are tried again, and which are not.
func TestOnlyWhatCanPassIsTriedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		err     error
		again   bool
		state   queue.State
		exactly time.Duration
	}{
		"unreachable":         {err: unreachable(), again: true},
		"too many requests":   {err: answered(fault.RateLimited, 429, upload.RetryLater, 30*time.Millisecond), again: true, exactly: 30 * time.Millisecond},
		"server error":        {err: answered(fault.APIFailed, 500, upload.RetryAfterCheck, 0), again: true},
		"not found":           {err: answered(fault.SessionNotFound, 404, upload.RetryNever, 0), state: queue.Refused},
		"submitted":           {err: answered(fault.SessionSubmitted, 409, upload.RetryNever, 0), state: queue.Refused},
		"malformed":           {err: answered(fault.NFCDataRejected, 400, upload.RetryNever, 0), state: queue.Refused},
		"too large":           {err: answered(fault.PayloadTooLarge, 413, upload.RetryNever, 0), state: queue.Refused},
		"some other 4xx":      {err: answered(fault.UploadRejected, 418, upload.RetryNever, 0), state: queue.Refused},
		"too large, not sent": {err: fault.New(fault.UploadTooLarge, "", nil), state: queue.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			q := open(t, options(t.TempDir()))
			id := enqueue(t, q, chipPlan())
			s := newService(session)
			s.fail = once("nfc", c.err, true)
			started := time.Now()
			summary := drain(t, q, s)
			if c.again {
				require.Equal(t, queue.Summary{Delivered: 1}, summary)
				require.GreaterOrEqual(t, time.Since(started), c.exactly)
				return
			}
			require.Equal(t, queue.Summary{Refused: 1}, summary)
			items, err := q.List(t.Context())
			require.NoError(t, err)
			require.Len(t, items, 1)
			require.Equal(t, c.state, items[0].State)
			require.Equal(t, fault.From(c.err).Code, items[0].Reason)
			require.Empty(t, s.media(session))

			// It is kept, and goes on when somebody says so.
			require.Equal(t, queue.Summary{}, drain(t, q, s))
			require.NoError(t, q.Retry(t.Context(), id))
			require.Equal(t, 1, drain(t, q, s).Delivered)
		})
	}
}

// Wrong credentials stop the queue with one alert; no item is spent on them.
func TestWrongCredentialsPauseTheQueue(t *testing.T) {
	for _, cause := range []error{
		answered(fault.UploadUnauthorized, 401, upload.RetryNever, 0),
		answered(fault.IntegrationInactive, 401, upload.RetryNever, 0),
		answered(fault.APIRedirected, 307, upload.RetryNever, 0),
	} {
		seen := &events{}
		o := options(t.TempDir())
		o.Observe = seen.observe
		q := open(t, o)
		s := newService(session)
		for range 20 {
			enqueue(t, q, queue.Plan{NFC: documents()})
		}
		s.fail = func(string, string) (error, bool) { return cause, true }
		summary, err := q.Work(t.Context(), queue.WorkOptions{Client: s, Until: queue.UntilEmpty})
		require.ErrorIs(t, err, fault.From(cause).Code)
		require.Equal(t, queue.Summary{Left: 20}, summary)
		require.Equal(t, 1, seen.count(queue.EventPaused))
		require.Zero(t, seen.count(queue.EventRefused))
		s.fail = nil
		require.Equal(t, 20, drain(t, q, s).Delivered)
	}
}

// Once the cause is mended, a person does not wait for the next try of a paused queue:
// neither for an item nor, where none can be named since its upload may have arrived,
// for the whole.
func TestAPersonEndsThePause(t *testing.T) {
	for name, cause := range map[string]error{
		"credentials": answered(fault.IntegrationInactive, 401, upload.RetryNever, 0),
		"away":        unreachable(),
	} {
		for _, item := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, item %t", name, item), func(t *testing.T) {
				seen := &events{}
				o := options(t.TempDir())
				o.FirstPause, o.LongestPause, o.Observe = time.Hour, time.Hour, seen.observe
				q := open(t, o)
				var mended atomic.Bool
				s := newService(session)
				s.fail = func(string, string) (error, bool) {
					if mended.Load() {
						return nil, false
					}
					return cause, true
				}
				id := enqueue(t, q, queue.Plan{SessionID: session, NFC: documents(), Uncertain: !item})
				again := make(chan struct{})
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() {
					_, err := q.Work(ctx, queue.WorkOptions{Client: s, Until: queue.UntilStopped, Again: again})
					ended <- err
				}()
				require.Eventually(t, func() bool { return seen.count(queue.EventPaused)+seen.count(queue.EventLater) > 0 }, patience, time.Millisecond)
				mended.Store(true)
				if item {
					require.NoError(t, q.Retry(t.Context(), id))
				} else {
					again <- struct{}{}
				}
				require.Eventually(t, func() bool { return seen.count(queue.EventDelivered) == 1 }, patience, time.Millisecond)
				stop()
				require.ErrorIs(t, <-ended, fault.Interrupted)
			})
		}
	}
}

// A service that is away is not knocked at once for every item.
func TestAServiceThatIsAwayIsLeftAlone(t *testing.T) {
	q := open(t, options(t.TempDir()))
	for range 50 {
		enqueue(t, q, queue.Plan{NFC: documents()})
	}
	s := newService()
	calls := 0
	s.fail = func(string, string) (error, bool) { calls++; return unreachable(), true }
	summary, err := q.Work(t.Context(), queue.WorkOptions{Client: s, Until: queue.UntilTried})
	require.NoError(t, err)
	require.Equal(t, queue.Summary{Left: 50}, summary)
	require.Equal(t, queue.DefaultParallel, calls, "those that were under way, and no other")
}

// Within a session one after the other and in order, several sessions at a time, not
// more than asked for.
func TestSessionsRunInParallelEachInOrder(t *testing.T) {
	q := open(t, options(t.TempDir()))
	sessions := []string{session, other, "third", "fourth", "fifth"}
	for _, id := range sessions {
		for n := range 6 {
			enqueue(t, q, queue.Plan{SessionID: id, Images: []queue.Image{{"face", []byte{byte(n)}}}})
		}
	}
	s := newService(sessions...)
	gathered := make(chan struct{})
	waiting := make(chan struct{}, 1000)
	s.hook = func(call string) {
		if call != "image" {
			return
		}
		waiting <- struct{}{}
		if len(waiting) == 3 {
			close(gathered)
		}
		<-gathered // three are under way at the same time
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	summary, err := q.Work(ctx, queue.WorkOptions{Client: s, Until: queue.UntilEmpty, Parallel: 3})
	require.NoError(t, err)
	require.Equal(t, 30, summary.Delivered)
	require.False(t, s.clash, "two sends into one session at the same time")
	require.Equal(t, 3, s.most)
	for _, id := range sessions {
		var order []byte
		for _, m := range s.media(id) {
			order = append(order, s.content[m.ID]...)
		}
		require.Equal(t, []byte{0, 1, 2, 3, 4, 5}, order)
	}
}

// An interrupted process leaves nothing half done.
func TestInterruptedWorkGoesOnLater(t *testing.T) {
	q := open(t, options(t.TempDir()))
	enqueue(t, q, fullPlan())
	s := newService()
	ctx, cancel := context.WithCancel(t.Context())
	s.hook = func(call string) {
		if call == "nfc" {
			cancel()
		}
	}
	_, err := q.Work(ctx, queue.WorkOptions{Client: s, Until: queue.UntilEmpty})
	require.ErrorIs(t, err, fault.Interrupted)
	require.Len(t, s.media("created-1"), 2)
	s.hook = nil
	require.Equal(t, 1, drain(t, q, s).Delivered)
	require.Len(t, s.media("created-1"), 3)
	require.Equal(t, 1, s.created)
}

// Seven days after it was seen, a session takes nothing more. An item that has its
// own goes on with a new one.
func TestASessionExpiresAfterSevenDays(t *testing.T) {
	now := time.Now()
	o := options(t.TempDir())
	o.Now = func() time.Time { return now }
	o.Settle = time.Nanosecond
	q := open(t, o)
	s := newService(session)
	mine := enqueue(t, q, fullPlan())
	s.fail = once("nfc", unreachable(), true)
	_, err := q.Work(t.Context(), queue.WorkOptions{Client: s})
	require.NoError(t, err)
	require.Len(t, s.media("created-1"), 2)
	enqueue(t, q, chipPlan())
	now = now.Add(7*24*time.Hour + time.Minute)
	require.Equal(t, queue.Summary{Refused: 2}, drain(t, q, s))
	items, err := q.List(t.Context())
	require.NoError(t, err)
	require.Equal(t, queue.Expired, items[0].State)
	require.Equal(t, fault.SessionExpired, items[0].Reason)
	require.Empty(t, s.media(session))
	require.NoError(t, q.Retry(t.Context(), mine))
	require.Equal(t, 1, drain(t, q, s).Delivered)
	require.Len(t, s.media("created-2"), 3)
}

// A clock that is set back delays nothing and expires nothing; neither do the keys of
// a day that comes a second time get lost.
func TestAClockSetBackLosesNothing(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	o := options(dir)
	o.Now = func() time.Time { return now }
	o.Settle = time.Nanosecond
	q := open(t, o)
	s := newService(session, other)
	enqueue(t, q, chipPlan())
	s.fail = once("nfc", answered(fault.RateLimited, 429, upload.RetryLater, 20*time.Hour), true)
	_, err := q.Work(t.Context(), queue.WorkOptions{Client: s})
	require.NoError(t, err)
	now = now.AddDate(-3, 0, 0)
	enqueue(t, q, queue.Plan{SessionID: other, NFC: documents()})
	require.Equal(t, 2, drain(t, q, s).Delivered)
	require.Len(t, s.media(session), 1)
	require.Len(t, s.media(other), 1)
	nothingLeft(t, dir)
}

// What was refused is kept for a time, then erased and written down.
func TestRefusedItemsAreErasedAfterTheirTime(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	o := options(dir)
	o.Now = func() time.Time { return now }
	o.KeepRefused = time.Hour
	q := open(t, o)
	enqueue(t, q, chipPlan())
	require.Equal(t, queue.Summary{Refused: 1}, drain(t, q, newService()))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	now = now.Add(2 * time.Hour)
	o.Observe = func(e queue.Event) {
		if e.Kind == queue.EventErased {
			cancel()
		}
	}
	_, err := open(t, o).Work(ctx, queue.WorkOptions{Client: newService(), Until: queue.UntilStopped})
	require.ErrorIs(t, err, fault.Interrupted)
	nothingLeft(t, dir)
}
