package queue

import (
	"context"

	"passport-agent/internal/audit"
	"passport-agent/internal/fault"
)

// Retry lets an item be sent that was held, refused, expired, exported, or that
// waits for a later time. It works while another process sends. It fails with
// fault.QueueItemUnknown, QueueItemBusy, QueueItemDamaged or QueueNewer.
func (q *Queue) Retry(ctx context.Context, id string) error {
	err := q.change(ctx, func() error {
		r, err := q.find(id)
		if err != nil {
			return err
		}
		switch r.State {
		case Expired:
			r.SessionSeen = q.now()
		case Waiting, Held, Refused, Exported:
		default:
			return fault.New(fault.QueueItemBusy, id, nil)
		}
		r.State, r.NextAttempt = Waiting, q.now()
		return q.save(&r)
	})
	if err == nil {
		q.wake()
	}
	return err
}

// Drop erases an item that was not delivered. One that may be in its session is
// dropped only by force. It fails as Retry does.
func (q *Queue) Drop(ctx context.Context, id string, force bool) error {
	err := q.change(ctx, func() error {
		r, err := q.find(id)
		if isCode(err, fault.QueueItemDamaged) {
			// Nothing is known but its name.
			r = Record{ID: id}
		} else if err != nil {
			return err
		} else if err := q.mayDrop(r, force); err != nil {
			return err
		} else {
			r.State = Dropped
			if err := q.save(&r); err != nil {
				return err
			}
		}
		if err := q.erase(ctx, r, audit.Record{Kind: audit.KindDrop, Result: string(Dropped)}); err != nil {
			return err
		}
		return q.destroyUnused(ctx, r.Epoch)
	})
	if err == nil {
		q.wake()
	}
	return err
}

func (q *Queue) mayDrop(r Record, force bool) error {
	busy := fault.New(fault.QueueItemBusy, r.ID, nil)
	switch {
	case r.State.ended():
		return busy
	case r.State != Sending && r.State != Uncertain:
		return nil
	case !force:
		return busy
	}
	owned, err := q.owned()
	if err == nil && owned {
		return busy
	}
	return err
}

// find reads a record by an item's name.
func (q *Queue) find(id string) (Record, error) {
	if !itemID.MatchString(id) {
		return Record{}, fault.New(fault.QueueItemUnknown, "", nil)
	}
	r, err := readRecord(q.recordPath(id))
	if missing(err) {
		return Record{}, fault.New(fault.QueueItemUnknown, id, nil)
	}
	return r, q.diskError(err)
}
