package queue

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"

	"passport-agent/internal/fault"
)

// reserveBytes is kept free by a file, so that a disk that the queue itself has
// filled can be emptied by sending: each send needs some bytes for its notes first.
const reserveBytes = 128 << 10

func (q *Queue) reservePath() string { return filepath.Join(q.Dir, "reserve") }

// reserve makes the file where it is missing. The caller holds the short lock and is
// about to put something in: without a reserve nothing is put in.
func (q *Queue) reserve() error {
	info, err := os.Stat(q.reservePath())
	if err == nil && info.Size() == reserveBytes {
		return nil
	}
	content := make([]byte, reserveBytes)
	// Random, so that no file system stores it in less. rand.Read never fails.
	_, _ = rand.Read(content)
	f, err := q.Disk.Create(q.reservePath())
	if err != nil {
		return q.diskError(err)
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = q.diskError(errors.Join(err, f.Close())); err != nil {
		return errors.Join(err, q.remove(q.reservePath()))
	}
	return q.diskError(q.Disk.SyncDir(q.Dir))
}

// spare does what needs a little space, and once more from the reserve where there is
// none.
func (q *Queue) spare(do func() error) error {
	err := do()
	if !isCode(err, fault.QueueDiskFull) {
		return err
	}
	if err := q.remove(q.reservePath()); err != nil {
		return err
	}
	return do()
}
