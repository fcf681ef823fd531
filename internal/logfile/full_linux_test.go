package logfile_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const mountsEnv = "PASSPORT_AGENT_LOGFILE_MOUNTS"

// inMounts runs a test again in mounts of its own; it reports whether this is that run.
func inMounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv(mountsEnv) != "" {
		require.NoError(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("it needs root, to mount a small disk")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), mountsEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skip("this root may not mount anything")
	}
	require.NoError(t, err, string(out))
	return false
}

// On a full disk nothing is made worse: what was written stays, one word is said, and
// when there is space again the file says how much it misses, on lines that are whole.
func TestAFullDisk(t *testing.T) {
	if !inMounts(t) {
		return
	}
	dir := t.TempDir()
	require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=512k"))
	defer func() { require.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) }()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "other"), make([]byte, 256<<10), 0o600))
	l := logTo(t, filepath.Join(dir, "agent.log"))
	said := 0
	for ; len(l.failed) == 0; said++ {
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
	require.Regexp(t, `(?s)^(time=\S+ level=INFO msg=record n=\d+ filling=x+\n)+([^\n]*\n)?time=\S+ level=WARN msg="records are missing[^"]+" lost=\d+\ntime=\S+ level=INFO msg=again\n$`, l.text(t))
	require.Len(t, l.failed, 1)
}
