package pcscdtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	daemonPath = "/usr/sbin/pcscd"
	vpcdConfig = "/etc/reader.conf.d/vpcd"
	runFolder  = "/run/pcscd"
)

// missing says why there can be no private daemon here; empty means that there can.
func missing() string {
	if os.Geteuid() != 0 && os.Getenv(stageEnv) != stageRunning {
		return "it needs root"
	}
	for path, what := range map[string]string{daemonPath: "pcscd", vpcdConfig: "vsmartcard-vpcd"} {
		if _, err := os.Stat(path); err != nil {
			return fmt.Sprintf("%s is not installed (%s)", what, path)
		}
	}
	return ""
}

// enter runs the test binary again in namespaces of its own and returns its exit
// status. The binary is the first process of its process namespace: whichever way
// it ends, the kernel ends everything that it has started.
func enter() int {
	binary, err := os.Executable()
	if err != nil {
		return complain("finding the test binary", err)
	}
	// The death signal is tied to the thread that starts the child.
	runtime.LockOSThread()
	cmd := exec.Command(binary, os.Args[1:]...)
	cmd.Env = append(os.Environ(), stageEnv+"="+stageEntered)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return exit.ExitCode()
	}
	if err != nil {
		return complain("running the tests in their own namespaces", err)
	}
	return 0
}

// runWithDaemon is what the re-executed binary does.
func runWithDaemon(m *testing.M) int {
	if err := seclude(); err != nil {
		return complain("preparing the namespaces", err)
	}
	if err := os.Setenv(stageEnv, stageRunning); err != nil {
		return complain("preparing the environment", err)
	}
	if err := start(vpcdConfig); err != nil {
		return complain("starting pcscd", err)
	}
	status := m.Run()
	if err := stop(); err != nil {
		return complain("stopping pcscd", err)
	}
	return status
}

// seclude hides the machine's own daemon and brings the loopback interface up.
func seclude() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making the mounts private: %w", err)
	}
	if err := os.MkdirAll(runFolder, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", runFolder, "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("mounting over %s: %w", runFolder, err)
	}
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	loopback, err := unix.NewIfreq("lo")
	if err == nil {
		loopback.SetUint16(unix.IFF_UP)
		err = unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, loopback)
	}
	return errors.Join(err, unix.Close(socket))
}

func complain(doing string, err error) int {
	fmt.Fprintf(os.Stderr, "pcscdtest: %s: %v\n", doing, err)
	return 1
}
