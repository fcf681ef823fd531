package queue

import (
	"cmp"
	"context"
	"os"
	"slices"
	"strings"

	"passport-agent/internal/fault"
)

// Item is an item as List shows it.
type Item struct {
	Record
	// Reason is why the item stands where it stands; empty where nothing went wrong,
	// or where this machine cannot open the record. fault.QueueNewer says that a newer
	// version of the program has written it: nothing but its name is known then.
	Reason fault.Code `json:"reason,omitempty"`
	// LostSessions counts empty sessions that may be left at the service.
	LostSessions int `json:"lostSessions,omitempty"`
	// Damaged says that the record or the sealed item cannot be read.
	Damaged bool `json:"damaged,omitempty"`
}

// List returns the items, oldest first. It needs no lock and no key; with the keys
// at hand it also says why items stand still.
func (q *Queue) List(ctx context.Context) ([]Item, error) {
	records, unread, err := q.records()
	if err != nil {
		return nil, err
	}
	items := make([]Item, 0, len(records)+len(unread))
	for _, r := range records {
		item := Item{Record: r}
		there, err := exists(q.payloadPath(r.ID))
		item.Damaged = err == nil && !there && !r.State.ended()
		if len(r.Progress) > 0 {
			if identities, err := q.identity(ctx, r.Epoch, nil); err == nil {
				if p, err := openProgress(r, identities); err == nil {
					item.Reason, item.LostSessions = p.Reason, p.LostSessions
				}
			}
		}
		item.Progress = nil
		items = append(items, item)
	}
	return append(items, unread...), nil
}

// ended reports whether the sealed item may be gone already.
func (s State) ended() bool { return s == Sent || s == Submitted || s == Dropped }

// records reads all records, oldest first. Of those that cannot be read, unread has the
// names and why.
func (q *Queue) records() (records []Record, unread []Item, err error) {
	entries, err := os.ReadDir(q.itemsDir())
	if missing(err) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, q.diskError(err)
	}
	for _, entry := range entries {
		id, ok := strings.CutSuffix(entry.Name(), ".json")
		if !ok || !itemID.MatchString(id) {
			continue
		}
		r, err := readRecord(q.recordPath(id))
		switch {
		case err == nil:
			records = append(records, r)
		case missing(err): // erased since
		case isCode(err, fault.QueueItemDamaged):
			unread = append(unread, Item{Record: Record{ID: id}, Reason: fault.QueueItemDamaged, Damaged: true})
		case isCode(err, fault.QueueNewer):
			unread = append(unread, Item{Record: Record{ID: id}, Reason: fault.QueueNewer})
		default:
			return nil, nil, q.diskError(err)
		}
	}
	slices.SortFunc(records, func(a, b Record) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	return records, unread, nil
}

func isCode(err error, code fault.Code) bool {
	f := fault.From(err)
	return f != nil && f.Code == code
}
