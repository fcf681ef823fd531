// Package queue keeps uploads that cannot be made now, sealed and durable, and makes
// them later, each once.
//
// An item is a plan: a session or the wish for one, images, chip data, whether to
// submit, and the verdict as opaque bytes. Enqueue returns when the item would
// survive a power loss. Work sends what waits: it looks at the session's media list
// before each send and, after an answer was lost, waits and lets the list decide
// before anything is sent again.
//
// What is on the disk is encrypted with age to the key of the day; a key is
// destroyed when the last item that it opens is gone. Beside each item lies a small
// record in the clear: names and times, nothing about the holder.
//
// One process at a time works on a queue; any number may put something into it.
package queue

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"filippo.io/age"

	"passport-agent/internal/audit"
	"passport-agent/internal/disk"
	"passport-agent/internal/fault"
)

// Defaults of Options.
const (
	// DefaultSettle is how long a lost answer may still turn into a stored upload.
	DefaultSettle = time.Minute
	// DefaultKeepRefused is how long what was refused or has expired is kept.
	DefaultKeepRefused = 30 * 24 * time.Hour
	// DefaultFirstPause and DefaultLongestPause bound the back-off.
	DefaultFirstPause   = 2 * time.Second
	DefaultLongestPause = 15 * time.Minute
)

// sessionLife is how long a session can be added to after it was created
// (Veriff: a session expires or is abandoned after seven days).
const sessionLife = 7 * 24 * time.Hour

// Options of a queue. Dir is required.
type Options struct {
	// Dir is the queue's folder; it is made when it is needed.
	Dir string
	// Audit takes a record of each end; may be nil.
	Audit *audit.Log
	// Software names program and version in the audit log.
	Software string
	// Keys says where the keys of the days are kept: PlaceKeyring or PlaceFile. Empty
	// is decided once, at first use, and told to Observe.
	Keys Place
	// Recipient is an age recipient (age1…). Where it is given, everything is sealed
	// to it and this machine cannot open what it has queued.
	Recipient string
	// Settle is how long to wait after a lost answer before the session's media list
	// decides; 0 is DefaultSettle.
	Settle time.Duration
	// KeepRefused is how long refused and expired items are kept; 0 is
	// DefaultKeepRefused.
	KeepRefused time.Duration
	// FirstPause and LongestPause bound the pause between two tries; 0 are the
	// defaults.
	FirstPause, LongestPause time.Duration
	// Observe is told of every event, from several goroutines; may be nil.
	Observe func(Event)
	// Disk is what changes files; the machine's own where nil.
	Disk disk.Disk
	// Now is the clock; time.Now where nil.
	Now func() time.Time
}

// Queue is a queue in a folder. Its methods may be called from several goroutines,
// and several processes may have the same folder open.
type Queue struct {
	Options
	recipient *age.X25519Recipient // of Options.Recipient

	mu         sync.Mutex
	identities map[string]age.Identity // by epoch
}

// Open checks the options. It does not touch the disk. It fails with
// fault.ConfigInvalid.
func Open(o Options) (*Queue, error) {
	if o.Dir == "" {
		return nil, fault.New(fault.ConfigInvalid, "the queue has no folder: give --data-dir", nil)
	}
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{{&o.Settle, DefaultSettle}, {&o.KeepRefused, DefaultKeepRefused}, {&o.FirstPause, DefaultFirstPause}, {&o.LongestPause, DefaultLongestPause}} {
		if *d.value < 0 {
			return nil, fault.New(fault.ConfigInvalid, "times of the queue must not be negative", nil)
		}
		if *d.value == 0 {
			*d.value = d.fallback
		}
	}
	if o.Keys != "" && o.Keys != PlaceKeyring && o.Keys != PlaceFile {
		return nil, fault.New(fault.ConfigInvalid, fmt.Sprintf("queue_keys: takes %s or %s", PlaceKeyring, PlaceFile), nil)
	}
	if o.Observe == nil {
		o.Observe = func(Event) {}
	}
	if o.Disk == nil {
		o.Disk = disk.OS{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	q := &Queue{Options: o, identities: map[string]age.Identity{}}
	if o.Recipient != "" {
		recipient, err := age.ParseX25519Recipient(o.Recipient)
		if err != nil {
			return nil, fault.New(fault.ConfigInvalid, "queue_recipient: must be an age recipient such as age1…", nil)
		}
		q.recipient = recipient
	}
	return q, nil
}

func (q *Queue) itemsDir() string  { return filepath.Join(q.Dir, "items") }
func (q *Queue) epochsDir() string { return filepath.Join(q.Dir, "epochs") }

func (q *Queue) payloadPath(id string) string { return filepath.Join(q.itemsDir(), id+".age") }
func (q *Queue) recordPath(id string) string  { return filepath.Join(q.itemsDir(), id+".json") }

// now is the clock, in the form in which times are written.
func (q *Queue) now() time.Time { return q.Now().UTC().Round(time.Millisecond) }

// patience is how long the short lock is waited for.
const patience = 30 * time.Second

// change runs what must not happen at the same time in two processes: putting items
// in, changing those that nobody sends, destroying keys. It is never held while the
// network is used.
func (q *Queue) change(ctx context.Context, do func() error) (err error) {
	if err := q.makeFolders(); err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	lock, err := disk.WaitLock(waiting, filepath.Join(q.Dir, "change.lock"))
	if err != nil && ctx.Err() != nil {
		return fault.New(fault.Interrupted, "", ctx.Err())
	}
	if err != nil {
		return q.diskError(err)
	}
	defer func() { err = errors.Join(err, q.diskError(lock.Unlock())) }()
	return do()
}

func (q *Queue) makeFolders() error {
	for _, dir := range []string{q.itemsDir(), q.epochsDir()} {
		if err := disk.MakeDir(q.Disk, dir); err != nil {
			return q.diskError(err)
		}
	}
	return nil
}

// diskError gives an error of the disk a code; one that has a code keeps it.
func (q *Queue) diskError(err error) error {
	var coded *fault.Error
	if err == nil || errors.As(err, &coded) {
		return err
	}
	return fault.New(diskCode(err), "", err)
}

func diskCode(err error) fault.Code {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, errQuota):
		return fault.QueueDiskFull
	case errors.Is(err, errReadOnly):
		return fault.QueueReadOnly
	default:
		return fault.QueueUnavailable
	}
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// remove removes a file that may be gone already.
func (q *Queue) remove(name string) error {
	if err := q.Disk.Remove(name); err != nil && !missing(err) {
		return q.diskError(err)
	}
	return nil
}

func exists(name string) (bool, error) {
	_, err := os.Lstat(name)
	if missing(err) {
		return false, nil
	}
	return err == nil, err
}
