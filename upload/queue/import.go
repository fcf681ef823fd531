package queue

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"passport-agent/internal/fault"
)

// Imported is what became of one item of a bundle.
type Imported struct {
	ID string `json:"id"`
	// Known says that the item is in this queue already, so that nothing was done.
	Known bool `json:"known"`
}

// Import takes items that another machine has exported, from a folder or a file
// (ID.age, with ID.json beside it). It needs no key. An item that this queue has
// delivered before is refused with fault.QueueItemDelivered, one of a newer version of the
// program with fault.QueueNewer, what is no item with fault.QueueBundleInvalid. Items before the one at fault stay imported.
func (q *Queue) Import(ctx context.Context, path string) ([]Imported, error) {
	files, err := bundleFiles(path)
	if err != nil {
		return nil, err
	}
	delivered := map[string]bool{}
	if q.Audit != nil {
		if delivered, err = q.Audit.Items(string(Sent), string(Submitted)); err != nil {
			return nil, err
		}
	}
	var imported []Imported
	for _, file := range files {
		id := strings.TrimSuffix(filepath.Base(file), ".age")
		if delivered[id] {
			return imported, fault.New(fault.QueueItemDelivered, id, nil)
		}
		known, err := q.importItem(ctx, file, id)
		if err != nil {
			return imported, err
		}
		imported = append(imported, Imported{id, known})
	}
	q.wake()
	return imported, nil
}

func bundleFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fault.New(fault.InputFileMissing, "", err)
	}
	if !info.IsDir() {
		if !itemID.MatchString(strings.TrimSuffix(filepath.Base(path), ".age")) {
			return nil, fault.New(fault.QueueBundleInvalid, "the file is not named as an item is", nil)
		}
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fault.New(fault.InputFileMissing, "", err)
	}
	var files []string
	for _, entry := range entries {
		if id, ok := strings.CutSuffix(entry.Name(), ".age"); ok && itemID.MatchString(id) && entry.Type().IsRegular() {
			files = append(files, filepath.Join(path, entry.Name()))
		}
	}
	if len(files) == 0 {
		return nil, fault.New(fault.QueueBundleInvalid, "the folder holds no items", nil)
	}
	return files, nil
}

// maxSealed is the largest item that is imported, in bytes: all images at their
// largest would be more, but no session needs them.
const maxSealed = 512 << 20

func (q *Queue) importItem(ctx context.Context, file, id string) (known bool, err error) {
	r, err := readRecord(strings.TrimSuffix(file, ".age") + ".json")
	if isCode(err, fault.QueueNewer) {
		return false, err
	}
	if err != nil {
		return false, fault.New(fault.QueueBundleInvalid, id+": its record is missing or damaged", nil)
	}
	if !strings.HasPrefix(r.Epoch, "key-") || !exportable(r.State) {
		return false, fault.New(fault.QueueBundleInvalid, id+": it was not exported", nil)
	}
	from, err := os.Open(file)
	if err != nil {
		return false, fault.New(fault.InputFileMissing, "", err)
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	info, err := from.Stat()
	if err != nil || info.Size() != r.Bytes || info.Size() > maxSealed {
		return false, fault.New(fault.QueueBundleInvalid, id+": it is not as long as it was exported", nil)
	}
	return known, q.change(ctx, func() error {
		known, err = exists(q.recordPath(id))
		if err != nil || known {
			return q.diskError(err)
		}
		// The other machine's clock says when the session was seen; one that is ahead
		// is not believed.
		now := q.now()
		r.NextAttempt = now
		if r.SessionSeen.After(now) {
			r.SessionSeen = now
		}
		if r.Created.After(now) || r.Created.Before(now.Add(-10*365*24*time.Hour)) {
			r.Created = now
		}
		if r.State == Exported {
			r.State = Waiting
		}
		if err := q.reserve(); err != nil {
			return err
		}
		return q.place(&r, func(w io.Writer) error {
			_, err := io.Copy(w, io.LimitReader(from, maxSealed))
			return err
		})
	})
}
