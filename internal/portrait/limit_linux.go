package portrait

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// limitSelf has the system end this process where it takes more than a portrait needs.
func limitSelf() error {
	size, err := addressSpace()
	if err != nil {
		return err
	}
	for resource, limit := range map[int]uint64{
		unix.RLIMIT_AS:    size + memoryLimit,
		unix.RLIMIT_CPU:   uint64(2 * timeLimit / time.Second), // two processors at most
		unix.RLIMIT_FSIZE: 0,
		unix.RLIMIT_CORE:  0, // a core dump would hold the portrait
	} {
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
			return err
		}
	}
	return nil
}

// addressSpace returns how much of it this process has in use, in bytes (proc(5)).
func addressSpace() (uint64, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var pages uint64
	if _, err := fmt.Sscan(string(text), &pages); err != nil {
		return 0, err
	}
	return pages * uint64(os.Getpagesize()), nil
}
