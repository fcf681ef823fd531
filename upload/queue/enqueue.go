package queue

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"

	"passport-agent/internal/disk"
	"passport-agent/internal/fault"
)

// Enqueue puts a plan into the queue, sealed, and returns the item's name. When it
// returns, the item would survive a power loss. It works while another process
// sends. It fails with fault.QueueItemInvalid or FileMissing, and where the disk or
// the keys do not do their part; then nothing of the item is left.
func (q *Queue) Enqueue(ctx context.Context, p Plan) (string, error) {
	if err := p.check(); err != nil {
		return "", err
	}
	var random [16]byte
	// rand.Read never fails: it ends the program instead.
	_, _ = rand.Read(random[:])
	id := hex.EncodeToString(random[:])
	err := q.change(ctx, func() error { return q.enqueue(ctx, id, p) })
	if err != nil {
		return "", err
	}
	q.wake()
	return id, nil
}

func (q *Queue) enqueue(ctx context.Context, id string, p Plan) error {
	if err := q.reserve(); err != nil {
		return err
	}
	epoch, recipient, err := q.currentEpoch(ctx)
	if err != nil {
		return err
	}
	now := q.now()
	r := Record{ID: id, State: Waiting, Created: now, Epoch: epoch, NextAttempt: now}
	if p.SessionID != "" {
		r.SessionHash, r.SessionSeen = HashSession(p.SessionID), now
	}
	switch {
	case p.Uncertain:
		r.State, r.NextAttempt = Uncertain, now.Add(q.Settle)
		if err := q.sealProgress(recipient, &r, progress{Attempts: 1, Reason: fault.UploadUncertain}); err != nil {
			return err
		}
	case p.Hold:
		r.State = Held
	}
	return q.place(&r, func(w io.Writer) error { return seal(w, recipient, p) })
}

// place makes an item durable: first what is sealed, then the record, by which the
// item exists. The folder is synced between the two, so that no power loss leaves a
// record alone.
func (q *Queue) place(r *Record, write func(io.Writer) error) error {
	path := q.payloadPath(r.ID)
	counted := &counter{}
	err := q.diskError(disk.Stage(q.Disk, path, func(w io.Writer) error {
		counted.to = w
		return write(counted)
	}))
	if err == nil {
		r.Bytes = counted.n
		err = q.diskError(q.Disk.Rename(path+disk.NewSuffix, path))
	}
	if err == nil {
		err = q.syncItems()
	}
	if err == nil {
		err = q.save(r)
	}
	if err != nil {
		// Nobody was promised this item.
		for _, name := range []string{q.recordPath(r.ID), path} {
			err = errors.Join(err, q.remove(name), q.remove(name+disk.NewSuffix))
		}
		return firstCoded(err)
	}
	return nil
}

// firstCoded keeps the code of what went wrong first.
func firstCoded(err error) error {
	if f := fault.From(err); f != nil {
		return f
	}
	return err
}

type counter struct {
	to io.Writer
	n  int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.to.Write(b)
	c.n += int64(n)
	return n, err
}

// HashSession is what records in the clear say about a session: the hexadecimal
// SHA-256 of its id. Ids are compared without regard to case, as the service does.
func HashSession(id string) string {
	digest := sha256.Sum256([]byte(strings.ToLower(id)))
	return hex.EncodeToString(digest[:])
}
