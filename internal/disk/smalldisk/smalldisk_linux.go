// Package smalldisk gives a test a disk that it can fill (Linux, root).
package smalldisk

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const env = "PASSPORT_AGENT_SMALL_DISK"

// Mount runs the test again in a process with mounts of its own. There it returns a
// folder on a disk of that size, such as 512k; in the first process it returns an empty
// path, and the test is over.
func Mount(t *testing.T, size string) (dir string) {
	t.Helper()
	if os.Getenv(env) == "" {
		runAgain(t)
		return ""
	}
	require.NoError(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	dir = t.TempDir()
	require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=700,size="+size))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return dir
}

func runAgain(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("it needs root, to mount a small disk")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), env+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skip("this root may not mount anything")
	}
	require.NoError(t, err, string(out))
}
