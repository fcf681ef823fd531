package queue

import (
	"context"
	"os"
	"strings"

	"passport-agent/internal/audit"
	"passport-agent/internal/disk"
	"passport-agent/internal/fault"
)

// erase writes down how an item ended and removes it. The record says already that
// the item has ended: where a power loss brings it back, it is removed again, and a
// sealed item without a record is nobody's.
func (q *Queue) erase(ctx context.Context, r Record, end audit.Record) error {
	if q.Audit != nil {
		end.Item, end.Session, end.Software = r.ID, r.SessionHash, q.Software
		if err := q.append(ctx, end); err != nil {
			return err
		}
	}
	return q.unlink(r.ID)
}

func (q *Queue) unlink(id string) error {
	if err := q.remove(q.payloadPath(id)); err != nil {
		return err
	}
	return q.remove(q.recordPath(id))
}

// append adds a record to the audit log. A full or a read-only disk is told by its
// name.
func (q *Queue) append(ctx context.Context, r audit.Record) error {
	return q.spare(func() error {
		_, err := q.Audit.Append(ctx, r)
		if code := diskCode(err); err != nil && code != fault.QueueUnavailable {
			return fault.New(code, "", err)
		}
		return err
	})
}

// destroyUnused destroys the key of an epoch that no item needs any more: that is
// the erasure of its items. The caller holds the short lock.
func (q *Queue) destroyUnused(ctx context.Context, epoch string) error {
	if epoch == "" {
		return nil
	}
	entries, err := os.ReadDir(q.itemsDir())
	if err != nil {
		return q.diskError(err)
	}
	for _, entry := range entries {
		id, ok := strings.CutSuffix(entry.Name(), ".json")
		if !ok || !itemID.MatchString(id) {
			continue
		}
		switch r, err := readRecord(q.recordPath(id)); {
		case missing(err):
		case isCode(err, fault.QueueItemDamaged), isCode(err, fault.QueueNewer), err == nil && r.Epoch == epoch:
			return nil // a record that cannot be read may need any key
		case err != nil:
			return q.diskError(err)
		}
	}
	// A record that comes back must find its key, or be gone for good.
	if err := q.syncItems(); err != nil {
		return err
	}
	return q.destroyEpoch(ctx, epoch)
}

// tidy removes what a crash has left: files that were not complete, sealed items
// without a record, which nobody was promised, and keys that no item needs: used counts
// the items of each, and unreadable says that there are records that may need any. The
// caller holds both locks.
func (q *Queue) tidy(ctx context.Context, used map[string]int, unreadable bool) error {
	for _, dir := range []string{q.itemsDir(), q.epochsDir()} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return q.diskError(err)
		}
		for _, entry := range entries {
			id, sealed := strings.CutSuffix(entry.Name(), ".age")
			if sealed && itemID.MatchString(id) {
				known, err := exists(q.recordPath(id))
				if err != nil || known {
					continue
				}
			} else if !strings.HasSuffix(entry.Name(), disk.NewSuffix) {
				continue
			}
			if err := q.remove(dir + string(os.PathSeparator) + entry.Name()); err != nil {
				return err
			}
		}
	}
	epochs, err := q.epochIDs()
	if err != nil {
		return err
	}
	for _, id := range epochs {
		if used[id] == 0 && !unreadable {
			if err := q.destroyEpoch(ctx, id); err != nil {
				return err
			}
		}
	}
	return nil
}
