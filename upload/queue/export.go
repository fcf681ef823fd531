package queue

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"

	"passport-agent/internal/disk"
	"passport-agent/internal/fault"
)

// Export copies items into a folder, durably: for each the sealed item, which the
// age tool opens, and its record. From then on this machine leaves them alone, until
// they are dropped here or taken back with Retry. Items that are sealed to an
// organisation's recipient are copied as they are; those sealed to a key of the day
// are sealed anew to recipient (age1…), which is required then. Without ids it exports
// what waits, is held, refused or expired. Items whose outcome is unknown are not
// exported: two machines would ask about the same send. It returns the names.
func (q *Queue) Export(ctx context.Context, dir, recipient string, ids []string) (exported []string, err error) {
	var to age.Recipient
	if recipient != "" {
		x, err := age.ParseX25519Recipient(recipient)
		if err != nil {
			return nil, fault.New(fault.Usage, "the recipient must be an age recipient such as age1…", nil)
		}
		to = x
	}
	if len(ids) == 0 {
		records, _, err := q.records()
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			if exportable(r.State) {
				ids = append(ids, r.ID)
			}
		}
	}
	if err := disk.MakeDir(q.Disk, dir); err != nil {
		return nil, fault.New(fault.OutputFailed, "", err)
	}
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return exported, fault.New(fault.Interrupted, "", err)
		}
		if err := q.exportItem(ctx, dir, to, recipient, id); err != nil {
			return exported, err
		}
		exported = append(exported, id)
	}
	return exported, nil
}

func exportable(s State) bool {
	return s == Waiting || s == Held || s == Refused || s == Expired || s == Exported
}

func (q *Queue) exportItem(ctx context.Context, dir string, to age.Recipient, recipient, id string) error {
	err := q.change(ctx, func() error {
		r, err := q.find(id)
		if err != nil {
			return err
		}
		if !exportable(r.State) {
			return fault.New(fault.QueueItemBusy, id, nil)
		}
		copied := r
		if err := q.copyItem(ctx, dir, to, recipient, &copied); err != nil {
			return err
		}
		r.State = Exported
		return q.save(&r)
	})
	if err == nil {
		q.wake()
	}
	return err
}

// copyItem writes the sealed item and its record into dir.
func (q *Queue) copyItem(ctx context.Context, dir string, to age.Recipient, recipient string, r *Record) (err error) {
	from, err := os.Open(q.payloadPath(r.ID))
	if missing(err) {
		return fault.New(fault.QueueItemDamaged, "the sealed item is missing", nil)
	}
	if err != nil {
		return q.diskError(err)
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	write := func(w io.Writer) error { _, err := io.Copy(w, from); return err }
	if r.Epoch[:4] != "key-" {
		if to == nil {
			return fault.New(fault.Usage, "items sealed to a key of this machine need --recipient", nil)
		}
		identities, err := q.identity(ctx, r.Epoch, nil)
		if err != nil {
			return err
		}
		p, err := openProgress(*r, identities)
		if err != nil {
			return err
		}
		r.Epoch = keyEpoch(recipient)
		if err := q.sealProgress(to, r, p); err != nil {
			return err
		}
		write = func(w io.Writer) error { return reseal(w, from, to, identities) }
	}
	sealed := filepath.Join(dir, r.ID+".age")
	counted := &counter{}
	if err := disk.Stage(q.Disk, sealed, func(w io.Writer) error {
		counted.to = w
		return write(counted)
	}); err != nil {
		return fault.New(fault.OutputFailed, "", err)
	}
	r.Bytes = counted.n
	b, err := json.Marshal(r)
	if err == nil {
		err = q.Disk.Rename(sealed+disk.NewSuffix, sealed)
	}
	if err == nil {
		err = disk.Replace(q.Disk, filepath.Join(dir, r.ID+".json"), b)
	}
	if err != nil {
		return fault.New(fault.OutputFailed, "", err)
	}
	return nil
}
