//go:build !windows

package trust

import (
	"errors"
	"os"
	"syscall"
)

// tryLock locks a file against other programs and other openings of it. It fails with
// errLocked where one has it.
func tryLock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}

func rename(from, to string) error { return os.Rename(from, to) }
