package queue

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strconv"

	"passport-agent/internal/disk"
	"passport-agent/internal/fault"
)

// own takes the lock of the one process that sends. It fails with fault.QueueBusy,
// which names the other process.
func (q *Queue) own() (*disk.Lock, error) {
	path := filepath.Join(q.Dir, "owner.lock")
	lock, err := disk.TryLock(path)
	if errors.Is(err, disk.ErrLocked) {
		return nil, fault.New(fault.QueueBusy, "process "+disk.Note(path), nil)
	}
	if err != nil {
		return nil, q.diskError(err)
	}
	if err := q.spare(func() error { return q.diskError(lock.SetNote(strconv.Itoa(os.Getpid()))) }); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return lock, nil
}

// owned reports whether some process sends at the moment.
func (q *Queue) owned() (bool, error) {
	lock, err := q.own()
	if isCode(err, fault.QueueBusy) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, q.diskError(lock.Unlock())
}

func (q *Queue) wakePath() string { return filepath.Join(q.Dir, "wake") }

// wake lets a process that sends look at the folder again. It is a hint: who starts
// to send looks anyway.
func (q *Queue) wake() {
	_ = os.WriteFile(q.wakePath(), []byte(rand.Text()), 0o600)
}

func (q *Queue) wakeText() string { return disk.Note(q.wakePath()) }
