//go:build !windows

package queue_test

import (
	"syscall"
	"time"
)

const runtimeHasModes = true

// cpuTime is what this process has used: other work on the machine hardly changes it.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
