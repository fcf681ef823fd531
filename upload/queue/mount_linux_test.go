package queue_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"passport-agent/internal/disk/smalldisk"
	"passport-agent/internal/fault"
	"passport-agent/upload/queue"
)

func TestAFullDiskLosesNothing(t *testing.T) {
	dir := smalldisk.Mount(t, "600k")
	if dir == "" {
		return
	}
	q := open(t, options(dir))
	promised := 0
	var err error
	for range 1000 {
		if _, err = q.Enqueue(t.Context(), queue.Plan{NFC: documents()}); err != nil {
			break
		}
		promised++
	}
	require.ErrorIs(t, err, fault.QueueDiskFull)
	require.NotZero(t, promised)
	fill := func() (undo func()) {
		t.Helper()
		name := filepath.Join(dir, "full")
		f, err := os.Create(name)
		require.NoError(t, err)
		for err == nil {
			_, err = f.Write(make([]byte, 4096))
		}
		require.NoError(t, f.Close())
		return func() { require.NoError(t, os.Remove(name)) }
	}
	// What the queue has filled, the queue can empty: it has kept a little back.
	empty := fill()
	s := newService()
	require.Equal(t, promised, drain(t, q, s).Delivered)
	require.Equal(t, promised, s.uploads)
	empty()
	nothingLeft(t, dir)

	// Where not even a note can be written, nothing is sent.
	enqueue(t, q, queue.Plan{NFC: documents()})
	require.NoError(t, os.Remove(filepath.Join(dir, "queue", "reserve")))
	empty = fill()
	_, err = q.Work(t.Context(), queue.WorkOptions{Client: s, Until: queue.UntilEmpty})
	require.ErrorIs(t, err, fault.QueueDiskFull)
	require.Equal(t, promised, s.uploads)
	empty()
	require.Equal(t, 1, drain(t, q, s).Delivered)
}

func TestAReadOnlyDiskLosesNothing(t *testing.T) {
	dir := smalldisk.Mount(t, "100%")
	if dir == "" {
		return
	}
	q := open(t, options(dir))
	enqueue(t, q, chipPlan())
	require.NoError(t, unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	_, err := q.Enqueue(t.Context(), chipPlan())
	require.ErrorIs(t, err, fault.QueueReadOnly)
	s := newService(session)
	_, err = q.Work(t.Context(), queue.WorkOptions{Client: s, Until: queue.UntilEmpty})
	require.ErrorIs(t, err, fault.QueueReadOnly)
	items, err := q.List(t.Context())
	require.NoError(t, err, "it can still be looked at")
	require.Len(t, items, 1)
	require.Empty(t, s.media(session))
	require.NoError(t, unix.Mount("", dir, "", unix.MS_REMOUNT, ""))
	require.Equal(t, 1, drain(t, q, s).Delivered)
}
