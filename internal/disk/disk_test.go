package disk_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/disk"
	"passport-agent/internal/disk/powerloss"
)

// Whenever power is lost, a file that is replaced is the old one or the new one, and
// the new one once Replace has returned.
func TestReplaceLeavesTheOldOrTheNew(t *testing.T) {
	replaces := func(dir string, moment powerloss.Moment) (*powerloss.Disk, bool) {
		d := powerloss.New(dir, moment)
		name := filepath.Join(dir, "deep", "folder", "file")
		if disk.MakeDir(d, filepath.Dir(name)) != nil || disk.Replace(d, name, []byte("old")) != nil {
			return d, false
		}
		return d, disk.Replace(d, name, []byte("new")) == nil
	}
	whole, done := replaces(t.TempDir(), powerloss.Moment{After: -1})
	require.True(t, done)
	oldIsThere := whole.Count() - 5 // create, write, sync, rename, sync of the folder
	for after := range whole.Count() + 1 {
		d, done := replaces(t.TempDir(), powerloss.Moment{After: after})
		for _, aftermath := range d.Aftermaths() {
			found := t.TempDir()
			require.NoError(t, d.LayOut(found, aftermath))
			b, err := os.ReadFile(filepath.Join(found, "deep", "folder", "file"))
			switch {
			case done:
				require.Equal(t, "new", string(b))
			case after >= oldIsThere:
				require.Contains(t, []string{"old", "new"}, string(b))
			case err == nil:
				require.Equal(t, "old", string(b), "never a part")
			}
		}
	}
}

func TestALockIsHeldByOneAndTellsWhose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	require.Empty(t, disk.Note(path))
	first, err := disk.TryLock(path)
	require.NoError(t, err)
	require.NoError(t, first.SetNote("longer than the next"))
	require.NoError(t, first.SetNote("4711"))
	_, err = disk.TryLock(path)
	require.ErrorIs(t, err, disk.ErrLocked)
	require.Equal(t, "4711", disk.Note(path))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = disk.WaitLock(ctx, path)
	require.ErrorIs(t, err, disk.ErrLocked)
	require.ErrorIs(t, err, context.Canceled)

	ctx, cancel = context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	taken := make(chan error, 1)
	go func() {
		second, err := disk.WaitLock(ctx, path)
		if err == nil {
			err = second.Unlock()
		}
		taken <- err
	}()
	require.NoError(t, first.Unlock())
	require.NoError(t, <-taken)
}
