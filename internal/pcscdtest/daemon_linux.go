package pcscdtest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	socketPath = runFolder + "/pcscd.comm"
	patience   = 10 * time.Second
	step       = 5 * time.Millisecond
)

// daemon is the one pcscd of this process's world.
var daemon struct {
	sync.Mutex
	cmd     *exec.Cmd
	output  bytes.Buffer
	exited  chan struct{}
	scratch string // folder of reader configurations
}

// Stop ends the daemon; the test's end starts it again.
func Stop(t testing.TB) {
	t.Helper()
	Require(t)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { Start(t) })
}

// Start starts the daemon with both readers, where it does not run.
func Start(t testing.TB) {
	t.Helper()
	if err := start(vpcdConfig); err != nil {
		t.Fatal(err)
	}
}

// StartWithoutReaders starts a stopped daemon that has no reader; the test's end
// stops it.
func StartWithoutReaders(t testing.TB) {
	t.Helper()
	if err := start(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// Freeze stops the daemon's processor time until the returned function is called:
// its socket takes connections and nothing answers.
func Freeze(t testing.TB) (thaw func()) {
	t.Helper()
	signal := func(s syscall.Signal) {
		daemon.Lock()
		defer daemon.Unlock()
		if err := daemon.cmd.Process.Signal(s); err != nil {
			t.Error(err)
		}
	}
	signal(syscall.SIGSTOP)
	var once sync.Once
	thaw = func() { once.Do(func() { signal(syscall.SIGCONT) }) }
	t.Cleanup(thaw)
	return thaw
}

func start(config string) error {
	daemon.Lock()
	defer daemon.Unlock()
	if daemon.cmd != nil {
		return nil
	}
	if err := configure(config); err != nil {
		return err
	}
	daemon.output.Reset()
	cmd := exec.Command(daemonPath, "--foreground", "--config", daemon.scratch)
	cmd.Stdout, cmd.Stderr = &daemon.output, &daemon.output
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // how it ended does not matter; that it ended does
	}()
	daemon.cmd, daemon.exited = cmd, exited
	err := until("pcscd to answer", answers)
	if err == nil && config != "" {
		err = until("the readers to listen", readersListen)
	}
	if err != nil {
		select {
		case <-exited:
			err = fmt.Errorf("%w; it ended and wrote: %s", err, daemon.output.String())
		default:
		}
	}
	return err
}

// stop ends the daemon, by force where it hangs in a driver.
func stop() error {
	daemon.Lock()
	defer daemon.Unlock()
	if daemon.cmd == nil {
		return nil
	}
	cmd := daemon.cmd
	daemon.cmd = nil
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-daemon.exited:
	case <-time.After(patience / 2):
		if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		<-daemon.exited
	}
	return os.RemoveAll(daemon.scratch)
}

// configure makes a folder of reader configurations with one file, or with none.
func configure(config string) error {
	scratch, err := os.MkdirTemp("", "pcscdtest")
	if err != nil {
		return err
	}
	daemon.scratch = scratch
	if config == "" {
		return nil
	}
	content, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(scratch, filepath.Base(config)), content, 0o644)
}

func until(what string, done func() bool) error {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(step)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-daemon.exited:
			return fmt.Errorf("waiting for %s: pcscd has ended", what)
		case <-deadline.C:
			return fmt.Errorf("waiting for %s: %v passed", what, patience)
		}
	}
	return nil
}

func answers() bool {
	connection, err := net.Dial("unix", socketPath)
	if err != nil {
		return false
	}
	return connection.Close() == nil
}

// readersListen looks for the listening ports without connecting to them: a
// connection would be a card.
func readersListen() bool {
	table, err := os.ReadFile("/proc/self/net/tcp")
	if err != nil {
		return false
	}
	const listening = ":%04X 00000000:0000 0A "
	for reader := range Readers {
		if !strings.Contains(string(table), fmt.Sprintf(listening, port(reader))) {
			return false
		}
	}
	return true
}
