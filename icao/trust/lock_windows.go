package trust

import (
	"errors"
	"os"
	"syscall"
	"time"
	"unsafe"
)

var lockFileEx = syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")

const (
	lockFailImmediately = 1
	lockExclusive       = 2
	errLockViolation    = syscall.Errno(33)
	errSharingViolation = syscall.Errno(32)
)

// tryLock locks a file against other programs and other openings of it. It fails with
// errLocked where one has it.
func tryLock(f *os.File) error {
	var overlapped syscall.Overlapped
	ok, _, err := lockFileEx.Call(f.Fd(), lockExclusive|lockFailImmediately, 0, 1, 0, uintptr(unsafe.Pointer(&overlapped)))
	switch {
	case ok != 0:
		return nil
	case errors.Is(err, errLockViolation), errors.Is(err, syscall.ERROR_IO_PENDING):
		return errLocked
	default:
		return err
	}
}

// rename waits for readers of the file that is replaced: here it cannot be taken away
// while it is open, which a reader keeps it for milliseconds.
func rename(from, to string) error {
	const attempts = 40
	for attempt := 1; ; attempt++ {
		err := os.Rename(from, to)
		if err == nil || attempt == attempts || !errors.Is(err, errSharingViolation) && !errors.Is(err, syscall.ERROR_ACCESS_DENIED) {
			return err
		}
		time.Sleep(lockInterval)
	}
}
