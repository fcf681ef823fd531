//go:build linux

package pcscdtest_test

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/pcscdtest"
)

const childEnv = "PASSPORT_AGENT_PCSCDTEST_CHILD"

func TestMain(m *testing.M) { pcscdtest.Main(m) }

func TestTheWorldIsPrivate(t *testing.T) {
	pcscdtest.Require(t)
	interfaces, err := net.Interfaces()
	require.NoError(t, err)
	for _, i := range interfaces {
		require.True(t, i.Flags&net.FlagLoopback != 0 || i.Flags&net.FlagUp == 0, "interface %s leads outside", i.Name)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	require.NoError(t, err)
	require.Contains(t, string(mounts), "tmpfs /run/pcscd tmpfs", "the machine's own socket is hidden")
}

func TestTheDaemonStopsAndStarts(t *testing.T) {
	pcscdtest.Require(t)
	dial := func() error {
		connection, err := net.Dial("unix", "/run/pcscd/pcscd.comm")
		if err == nil {
			err = connection.Close()
		}
		return err
	}
	require.NoError(t, dial())
	pcscdtest.Stop(t)
	require.Error(t, dial())
	pcscdtest.Start(t)
	require.NoError(t, dial())
}

func TestACardIsPoweredByTheReader(t *testing.T) {
	card := pcscdtest.NewCard(t, 0, func([]byte) []byte { return []byte{0x90, 0x00} })
	card.Insert(t)
	select {
	case control := <-card.Controls:
		require.Contains(t, []pcscdtest.Control{pcscdtest.PowerOn, pcscdtest.PowerOff}, control)
	case <-time.After(10 * time.Second):
		require.Fail(t, "the reader did not see the card")
	}
}

// run starts this binary again, as the go command does, with one of the tests below.
func run(t *testing.T, test string, environment ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$", "-test.v")
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "PASSPORT_AGENT_") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	cmd.Env = append(append(cmd.Env, childEnv+"="+t.TempDir()), environment...)
	return cmd
}

func TestTheExitStatusAndTheOutputArePassedOn(t *testing.T) {
	pcscdtest.Require(t)
	output, err := run(t, "TestChildFails").CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 1, exit.ExitCode())
	require.Contains(t, string(output), "as it should")
	require.Contains(t, string(output), "--- FAIL: TestChildFails")
}

// Without root there is no private daemon: a reason to skip, unless it is required.
func TestWithoutRoot(t *testing.T) {
	pcscdtest.Require(t)
	const nobody = 65534
	for value, want := range map[string]string{"": "--- SKIP: TestChildFails", "1": "--- FAIL: TestChildFails"} {
		cmd := run(t, "TestChildFails", pcscdtest.RequireEnv+"="+value)
		cmd.Path = "/proc/self/exe" // reached in a folder that nobody may not enter
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		output, err := cmd.CombinedOutput()
		require.Equal(t, value == "1", err != nil)
		require.Contains(t, string(output), want)
		require.Contains(t, string(output), "it needs root")
	}
}

// A killed test leaves nothing behind, though it cannot clean up.
func TestAKilledTestLeavesNothingRunning(t *testing.T) {
	pcscdtest.Require(t)
	folder := t.TempDir()
	cmd := run(t, "TestChildHangs", "TMPDIR="+folder)
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool { return daemonRuns(t, folder) }, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	require.Eventually(t, func() bool { return !daemonRuns(t, folder) }, 10*time.Second, 10*time.Millisecond)
}

// daemonRuns looks for a pcscd whose readers are configured in a folder.
func daemonRuns(t *testing.T, folder string) bool {
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, path := range paths {
		line, err := os.ReadFile(path)
		if err == nil && bytes.Contains(line, []byte("pcscd")) && bytes.Contains(line, []byte(folder)) {
			return true
		}
	}
	return false
}

func TestChildFails(t *testing.T) {
	if os.Getenv(childEnv) == "" {
		t.Skip("only runs as a child of the tests above")
	}
	pcscdtest.Require(t)
	require.Fail(t, "as it should")
}

func TestChildHangs(t *testing.T) {
	if os.Getenv(childEnv) == "" {
		t.Skip("only runs as a child of the tests above")
	}
	pcscdtest.Require(t)
	select {}
}
