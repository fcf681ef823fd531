package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"passport-agent/internal/disk"
	"passport-agent/internal/fault"
	"passport-agent/internal/format"
)

// State is where an item stands.
type State string

// The states of an item.
const (
	Waiting   State = "waiting"   // to be sent
	Sending   State = "sending"   // a send was begun; after a crash that means uncertain
	Uncertain State = "uncertain" // an answer was lost: the media list will decide
	Sent      State = "sent"      // all media are in the session
	Submitted State = "submitted" // and it was submitted
	Refused   State = "refused"   // the service will not take it
	Expired   State = "expired"   // its session is too old
	Held      State = "held"      // waits for Retry
	Exported  State = "exported"  // another machine is to send it
	Dropped   State = "dropped"   // to be erased
)

// sendable reports whether Work has something to do about an item.
func (s State) sendable() bool {
	return slices.Contains([]State{Waiting, Sending, Uncertain, Sent, Submitted, Dropped}, s)
}

// Record is what lies beside an item in the clear.
type Record struct {
	Version int       `json:"version"`
	ID      string    `json:"id"`
	State   State     `json:"state"`
	Created time.Time `json:"created"`
	Changed time.Time `json:"changed"`
	// Bytes is the size of the sealed item.
	Bytes int64  `json:"bytes"`
	Epoch string `json:"epoch"`
	// NextAttempt is the earliest time of the next step.
	NextAttempt time.Time `json:"nextAttempt"`
	// SessionHash is the hexadecimal SHA-256 of the session's id; empty where there
	// is none yet.
	SessionHash string `json:"sessionHash"`
	// SessionSeen is when the session was first seen.
	SessionSeen time.Time `json:"sessionSeen,omitzero"`
	// Progress is what has to be remembered between two sends, sealed as the item is.
	Progress []byte `json:"progress,omitempty"`
}

const (
	formatRecord = 1
	maxRecord    = 256 << 10 // bytes
)

var (
	itemID      = regexp.MustCompile(`^[0-9a-f]{32}$`)
	sessionHash = regexp.MustCompile(`^([0-9a-f]{64})?$`)
)

// readRecord reads a record. It fails with fault.QueueItemDamaged or
// fault.QueueNewer, or with an error of the disk.
func readRecord(path string) (Record, error) {
	f, err := os.Open(path)
	if err != nil {
		return Record{}, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxRecord+1))
	_ = f.Close() // it was only read
	if err != nil {
		return Record{}, err
	}
	return parseRecord(strings.TrimSuffix(filepath.Base(path), ".json"), b)
}

func parseRecord(id string, b []byte) (Record, error) {
	var r Record
	damaged := fault.New(fault.QueueItemDamaged, "the record of "+id, nil)
	if !itemID.MatchString(id) || len(b) > maxRecord {
		return Record{}, damaged
	}
	if _, err := format.Version(b, formatRecord); errors.Is(err, format.ErrNewer) {
		return Record{}, fault.New(fault.QueueNewer, "the record of "+id, nil)
	} else if err != nil || json.Unmarshal(b, &r) != nil {
		return Record{}, damaged
	}
	known := []State{Waiting, Sending, Uncertain, Sent, Submitted, Refused, Expired, Held, Exported, Dropped}
	if r.ID != id || !slices.Contains(known, r.State) || !epochName.MatchString(r.Epoch) || !sessionHash.MatchString(r.SessionHash) {
		return Record{}, damaged
	}
	return r, nil
}

// stage writes a record beside its place, durably; publish puts it there.
func (q *Queue) stage(r *Record) error {
	r.Version, r.Changed = formatRecord, q.now()
	b, err := json.Marshal(r)
	if err != nil {
		return fault.New(fault.Unexpected, "queue record", err)
	}
	name := q.recordPath(r.ID)
	return q.spare(func() error {
		return q.diskError(disk.Stage(q.Disk, name, func(w io.Writer) error {
			_, err := w.Write(b)
			return err
		}))
	})
}

func (q *Queue) publish(id string) error {
	name := q.recordPath(id)
	return q.diskError(q.Disk.Rename(name+disk.NewSuffix, name))
}

func (q *Queue) syncItems() error { return q.diskError(q.Disk.SyncDir(q.itemsDir())) }

// save makes a record durable. The caller is the only one that may change the item.
func (q *Queue) save(r *Record) error {
	if err := q.stage(r); err != nil {
		return err
	}
	if err := q.publish(r.ID); err != nil {
		return err
	}
	return q.syncItems()
}

// claim makes a record durable where nobody has changed the item since before was
// read; it reports whether that was so.
func (q *Queue) claim(ctx context.Context, before Record, r *Record) (bool, error) {
	if err := q.stage(r); err != nil {
		return false, err
	}
	same := false
	err := q.change(ctx, func() error {
		now, err := readRecord(q.recordPath(r.ID))
		same = err == nil && now.State == before.State && now.Changed.Equal(before.Changed) && bytes.Equal(now.Progress, before.Progress)
		if !same {
			return q.remove(q.recordPath(r.ID) + disk.NewSuffix)
		}
		return q.publish(r.ID)
	})
	if err != nil || !same {
		return false, err
	}
	return true, q.syncItems()
}

// progress is what has to be remembered between two sends. It is sealed: ids of
// sessions and media are handles to personal data at the service.
type progress struct {
	SessionID string `json:"sessionId,omitempty"` // of the session that was created for the item
	// Creating says that a session was asked for, and its id not yet noted.
	Creating bool `json:"creating,omitempty"`
	// LostSessions counts creations whose answers were lost.
	LostSessions int `json:"lostSessions,omitempty"`
	// Media are the ids of what is in the session, in the order of the plan.
	Media []string `json:"media,omitempty"`
	// Before are the ids of what was in the session before the send under way;
	// BeforeKnown says that it was looked at.
	Before      []string `json:"before,omitempty"`
	BeforeKnown bool     `json:"beforeKnown,omitempty"`
	// First are the ids of what was in the session before the first send, once Noted.
	First    []string   `json:"first,omitempty"`
	Noted    bool       `json:"noted,omitempty"`
	Attempts int        `json:"attempts,omitempty"` // since something last went well
	Resent   int        `json:"resent,omitempty"`   // sends repeated after a lost answer
	Surplus  int        `json:"surplus,omitempty"`  // media in the session that were sent once too often
	Reason   fault.Code `json:"reason,omitempty"`   // of what went wrong last
}

func (q *Queue) sealProgress(recipient age.Recipient, r *Record, p progress) error {
	b, err := json.Marshal(p)
	if err == nil {
		r.Progress, err = sealBytes(recipient, b)
	}
	if err != nil {
		return fault.New(fault.Unexpected, "queue record", err)
	}
	return nil
}

func openProgress(r Record, identities []age.Identity) (progress, error) {
	var p progress
	if len(r.Progress) == 0 {
		return p, nil
	}
	b, err := openBytes(r.Progress, identities)
	if err != nil || json.Unmarshal(b, &p) != nil {
		return progress{}, fault.New(fault.QueueItemDamaged, fmt.Sprintf("the record of %s", r.ID), nil)
	}
	return p, nil
}
