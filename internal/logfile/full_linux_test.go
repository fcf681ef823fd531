package logfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/disk/smalldisk"
)

// On a full disk nothing is made worse: what was written stays, one word is said, and
// when there is space again the file says how much it misses, on lines that are whole.
func TestAFullDisk(t *testing.T) {
	dir := smalldisk.Mount(t, "512k")
	if dir == "" {
		return
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "other"), make([]byte, 256<<10), 0o600))
	l := logTo(t, filepath.Join(dir, "agent.log"))
	for said := 0; len(l.failed) == 0; said++ {
		require.Less(t, said, 10_000)
		l.say("record", "n", said, "filling", strings.Repeat("x", 700))
	}
	require.ErrorIs(t, l.failed[0], syscall.ENOSPC)
	for range 9 {
		l.say("lost")
	}
	require.Empty(t, l.old(t), "nothing is put aside for want of space")
	require.NoError(t, os.Remove(filepath.Join(dir, "other")))
	l.say("again")
	require.Regexp(t, `^(time=\S+ level=INFO msg=record n=\d+ filling=x+\n)+([^\n]+\n)?time=\S+ level=WARN msg="records are missing[^"]+" lost=\d+\ntime=\S+ level=INFO msg=again\n$`, l.text(t))
	require.Len(t, l.failed, 1)
}
