package queue_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/audit"
	"passport-agent/internal/disk/powerloss"
	"passport-agent/internal/fault"
	"passport-agent/upload/queue"
)

// memory returns a folder in memory where there is one: thousands of disks are laid
// out here.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "queue")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// life is the life of one item on a disk that loses power: queued, sent, erased. The
// service lives on.
type life struct {
	dir      string
	disk     *powerloss.Disk
	service  *service
	promised bool // Enqueue has returned
}

func live(t *testing.T, dir string, plan queue.Plan, moment powerloss.Moment, lostAnswer bool) life {
	t.Helper()
	l := life{dir: dir, disk: powerloss.New(dir, moment), service: newService(session)}
	if lostAnswer {
		l.service.fail = once("nfc", uncertain(), false)
	}
	o := options(dir)
	o.Disk, o.Audit.Disk = l.disk, l.disk
	q := open(t, o)
	// Without power there is no network either.
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() {
		select {
		case <-l.disk.Lost():
			cancel()
		case <-ctx.Done():
		}
	}()
	l.service.hook = func(string) {
		select {
		case <-l.disk.Lost():
			cancel()
		default:
		}
	}
	_, err := q.Enqueue(ctx, plan)
	l.promised = err == nil
	if err == nil {
		_, err = q.Work(ctx, queue.WorkOptions{Client: l.service, Until: queue.UntilEmpty, Parallel: 1})
	}
	if moment.After >= 0 {
		require.True(t, err != nil || moment.AtOnce, "power was to be lost")
	}
	l.service.hook, l.service.fail = nil, nil
	return l
}

// Power is lost between any two operations of the disk, on the way in, while sending,
// confirming and erasing; of what was not synced, any part may be there. Afterwards
// every item that was promised is in its session exactly once, and what was not
// promised at most once.
func TestPowerLossAtEveryOperationLosesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		plan       queue.Plan
		lostAnswer bool
		media      int
	}{
		"chip data to a session":      {chipPlan(), false, 1},
		"chip data, the answer lost":  {chipPlan(), true, 1},
		"a new session, images, chip": {fullPlan(), false, 3},
	} {
		t.Run(name, func(t *testing.T) {
			root := memory(t)
			number := 0
			folder := func() string {
				number++
				dir := filepath.Join(root, fmt.Sprint(number))
				require.NoError(t, os.Mkdir(dir, 0o700))
				return dir
			}
			whole := live(t, folder(), c.plan, powerloss.Moment{After: -1}, c.lostAnswer)
			operations := whole.disk.Count()
			nothingLeft(t, whole.dir)
			require.Greater(t, operations, 30)
			states := 0
			for after := range operations {
				for _, atOnce := range []bool{true, false} {
					if atOnce && after == 0 {
						continue
					}
					moment := powerloss.Moment{After: after, AtOnce: atOnce}
					l := live(t, folder(), c.plan, moment, c.lostAnswer)
					for _, aftermath := range l.disk.Aftermaths() {
						states++
						found := folder()
						require.NoError(t, l.disk.LayOut(found, aftermath))
						survives(t, found, l, c.plan, c.media, fmt.Sprintf("power lost: %+v, then found %+v", moment, aftermath))
						require.NoError(t, os.RemoveAll(found))
					}
					require.NoError(t, os.RemoveAll(l.dir))
				}
			}
			t.Logf("%d operations, %d states of the disk", operations, states)
		})
	}
}

// survives starts the queue on what was found and drains it.
func survives(t *testing.T, dir string, l life, plan queue.Plan, media int, when string) {
	t.Helper()
	nothingClear(t, dir)
	q := open(t, options(dir))
	l.service = l.service.clone()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	summary, err := q.Work(ctx, queue.WorkOptions{Client: l.service, Until: queue.UntilEmpty})
	require.NoError(t, err, when)
	require.Zero(t, summary.Refused+summary.Left+summary.Aside, when)

	total := 0
	for id, list := range l.service.sessions {
		require.Contains(t, []int{0, media}, len(list), "%s: session %s has %v", when, id, list)
		total += len(list)
		if len(list) > 0 && plan.Submit {
			require.NotZero(t, l.service.submitted[id], when)
		}
	}
	if l.promised {
		require.Equal(t, media, total, when)
	} else {
		require.Contains(t, []int{0, media}, total, when)
	}
	nothingLeft(t, dir)
	ends := 0
	_, err = (&audit.Log{Dir: filepath.Join(dir, "audit")}).Verify("", func(audit.Record) { ends++ })
	require.NoError(t, err, when)
	if l.promised {
		require.Equal(t, 1, ends, "%s: its end is written down once", when)
	}
}

// A disk that fails in the middle of things is an error with a name, and what was
// queued before is still delivered.
func TestADiskThatFailsIsAnErrorAndLosesNothing(t *testing.T) {
	root := memory(t)
	o := options(root)
	first := open(t, o)
	enqueue(t, first, chipPlan())
	s := newService(session, other)
	for after := range 12 {
		o.Disk = failing{after: &after}
		_, err := open(t, o).Enqueue(t.Context(), queue.Plan{SessionID: other, NFC: documents()})
		require.ErrorIs(t, err, fault.QueueDiskFull)
	}
	require.Equal(t, 1, drain(t, first, s).Delivered)
	require.Len(t, s.media(session), 1)
	require.Empty(t, s.media(other))
	nothingLeft(t, root)
}
