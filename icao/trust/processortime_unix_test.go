//go:build !windows

package trust_test

import (
	"syscall"
	"time"
)

// processorTime is what this process has used, which other work on the machine does
// not change much.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
