package agent

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"time"

	"passport-agent/icao/trust"
)

// TrustFile is a trust store that follows its file: what `trust import` brings counts
// from the next document on.
type TrustFile struct {
	folder string

	mu    sync.Mutex
	store *trust.Store
	seen  version
	err   error // of the last attempt
}

// version tells a file from the one that was there before.
type version struct {
	size     int64
	modified time.Time
	there    bool
}

// NewTrustFile follows the store of a folder.
func NewTrustFile(folder string) *TrustFile { return &TrustFile{folder: folder} }

// Store returns the country signers as the file has them now. Where it cannot be read
// any more, the store that was read before comes with the error.
func (t *TrustFile) Store(ctx context.Context) (*trust.Store, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.version()
	if t.store != nil && now == t.seen {
		return t.store, t.err
	}
	store, err := trust.Load(ctx, t.folder)
	if err != nil {
		if ctx.Err() == nil {
			t.seen, t.err = now, err
		}
		return t.store, err
	}
	t.store, t.seen, t.err = store, now, nil
	return store, nil
}

// version looks at the file. The store is replaced by renaming, so that its time says
// all.
func (t *TrustFile) version() version {
	info, err := os.Stat(filepath.Join(t.folder, trust.FileName))
	if err != nil {
		return version{}
	}
	return version{info.Size(), info.ModTime(), true}
}

// trustInterval is how often the file is looked at while nobody reads.
const trustInterval = 30 * time.Second

func (a *Agent) watchTrust(ctx context.Context) {
	ticker := time.NewTicker(trustInterval)
	defer ticker.Stop()
	before, _ := a.options.Trust.Store(ctx) // Trust tells of the error
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		if now, _ := a.options.Trust.Store(ctx); now != before {
			before = now
			a.events.publish(Event{Kind: EventTrust})
		}
	}
}

// Trust returns the country signers that documents are held against, and what keeps
// newer ones from being read. The store is nil where there is none.
func (a *Agent) Trust(ctx context.Context) (*trust.Store, error) {
	if a.options.Trust == nil {
		return nil, nil
	}
	return a.options.Trust.Store(ctx)
}
