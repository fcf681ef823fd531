package trust

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"passport-agent/internal/fault"
)

// lockName is a file that is only ever locked: the system takes the lock away when its
// holder ends, however it ends.
const (
	lockName     = "trust.lock"
	lockPatience = 2 * time.Minute
	lockInterval = 50 * time.Millisecond
)

// locked does something while no other program changes the store of a folder, which is
// made where need be. Readers take no lock.
func locked(ctx context.Context, folder string, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fault.New(fault.TrustStoreUnavailable, "", err)
	}
	f, err := os.OpenFile(filepath.Join(folder, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fault.New(fault.TrustStoreUnavailable, "", err)
	}
	defer func() { _ = f.Close() }() // which unlocks it
	if err := waitForLock(ctx, f); err != nil {
		return err
	}
	return do()
}

// waitForLock asks again and again, because a call that waits cannot be cancelled.
func waitForLock(ctx context.Context, f *os.File) error {
	patience, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	ticker := time.NewTicker(lockInterval)
	defer ticker.Stop()
	for {
		err := tryLock(f)
		if err == nil {
			return nil
		}
		if !errors.Is(err, errLocked) {
			return fault.New(fault.TrustStoreUnavailable, "", err)
		}
		select {
		case <-ticker.C:
		case <-patience.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fault.New(fault.TrustStoreBusy, "", nil)
		}
	}
}

var errLocked = errors.New("locked by another program")
