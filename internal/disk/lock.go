package disk

import (
	"context"
	"errors"
	"io"
	"os"
	"time"
)

// ErrLocked says that another process, or another part of this one, holds a lock.
var ErrLocked = errors.New("locked")

// maxNote is the longest note that is read from a lock file, in bytes.
const maxNote = 64

// Lock is a lock between processes. The system lets go of it when its process
// ends, whichever way.
type Lock struct{ file *os.File }

// TryLock takes a lock or returns ErrLocked.
func TryLock(path string) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Lock{f}, nil
}

// WaitLock takes a lock that is never held for long.
func WaitLock(ctx context.Context, path string) (*Lock, error) {
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for {
		l, err := TryLock(path)
		if !errors.Is(err, ErrLocked) {
			return l, err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, errors.Join(ErrLocked, ctx.Err())
		}
	}
}

// SetNote leaves a short text in the lock file for whoever asks.
func (l *Lock) SetNote(text string) error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt([]byte(text), 0)
	return err
}

// Unlock lets go.
func (l *Lock) Unlock() error { return l.file.Close() }

// Note returns what the last holder of a lock has left; empty where nobody has.
func Note(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	b, err := io.ReadAll(io.LimitReader(f, maxNote))
	if errors.Join(err, f.Close()) != nil {
		return ""
	}
	return string(b)
}
