package queue

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"passport-agent/internal/disk"
	"passport-agent/internal/fault"
	"passport-agent/internal/keyring"
)

// Place is where the keys of the days are kept.
type Place string

// Places of keys.
const (
	PlaceKeyring Place = "keyring" // the keyring of the user, of the operating system
	PlaceFile    Place = "file"    // files that only their owner may read
)

// identityStore keeps the identities of epochs.
type identityStore interface {
	put(ctx context.Context, epoch, identity string) error
	get(ctx context.Context, epoch string) (string, error)
	destroy(ctx context.Context, epoch string) error
}

func (q *Queue) identityStore(p Place) identityStore {
	if p == PlaceKeyring {
		return keyringStore{}
	}
	return fileStore{q}
}

// choosePlace returns the place for new keys. Where the configuration says nothing,
// it is chosen once: the keyring if it works, else files. From then on it stays, and
// where it cannot be reached that is an error, never a reason to look elsewhere.
func (q *Queue) choosePlace(ctx context.Context) (Place, error) {
	if q.Keys != "" {
		return q.Keys, nil
	}
	path := filepath.Join(q.Dir, "keys")
	b, err := os.ReadFile(path)
	if err == nil {
		if p := Place(strings.TrimSpace(string(b))); p == PlaceKeyring || p == PlaceFile {
			return p, nil
		}
		return "", fault.New(fault.QueueKeysUnavailable, "the file keys of the queue is damaged, or names a place that only a newer version of the agent knows", nil)
	}
	if !missing(err) {
		return "", q.diskError(err)
	}
	place, why := PlaceKeyring, ""
	if err := (keyringStore{}).try(ctx); err != nil {
		place, why = PlaceFile, err.Error()
	}
	if err := q.diskError(disk.Replace(q.Disk, path, []byte(place))); err != nil {
		return "", err
	}
	q.Observe(Event{Kind: EventKeysChosen, Place: place, Detail: why})
	return place, nil
}

// fileStore keeps identities beside the epochs.
type fileStore struct{ *Queue }

func (s fileStore) path(epoch string) string { return filepath.Join(s.epochsDir(), epoch+".key") }

func (s fileStore) put(_ context.Context, epoch, identity string) error {
	return s.diskError(disk.Replace(s.Disk, s.path(epoch), []byte(identity)))
}

func (s fileStore) get(_ context.Context, epoch string) (string, error) {
	b, err := os.ReadFile(s.path(epoch))
	if err != nil {
		return "", fault.New(fault.QueueKeysUnavailable, string(PlaceFile), err)
	}
	return string(b), nil
}

// destroy overwrites the file before it removes it. Where the disk writes to another
// place than before, as flash memory does, that is best effort.
func (s fileStore) destroy(_ context.Context, epoch string) error {
	for _, path := range []string{s.path(epoch), s.path(epoch) + disk.NewSuffix} {
		info, err := os.Stat(path)
		if missing(err) {
			continue
		}
		if err != nil {
			return s.diskError(err)
		}
		if err := s.overwrite(path, info.Size()); err != nil {
			return s.diskError(err)
		}
		if err := s.remove(path); err != nil {
			return err
		}
	}
	return s.diskError(s.Disk.SyncDir(s.epochsDir()))
}

func (s fileStore) overwrite(path string, size int64) error {
	f, err := s.Disk.Overwrite(path)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, size))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// keyringStore keeps identities in the user's keyring.
type keyringStore struct{}

const keyringService = "passport-agent queue"

// keyringError gives an error of the keyring its code. keyring.ErrUnavailable stays to be
// found: what holds for one key then holds for all.
func keyringError(err error) error {
	if err == nil {
		return nil
	}
	return fault.New(fault.QueueKeysUnavailable, string(PlaceKeyring), err)
}

// try finds out whether the keyring works.
func (s keyringStore) try(ctx context.Context) error {
	const name, value = "probe", "probe"
	if err := s.put(ctx, name, value); err != nil {
		return err
	}
	got, err := s.get(ctx, name)
	if err == nil && got != value {
		err = errors.New("the keyring gives back something else than was put in")
	}
	return errors.Join(err, s.destroy(ctx, name))
}

func (keyringStore) put(ctx context.Context, epoch, identity string) error {
	return keyringError(keyring.Set(ctx, keyringService, epoch, identity))
}

func (keyringStore) get(ctx context.Context, epoch string) (string, error) {
	identity, err := keyring.Get(ctx, keyringService, epoch)
	return identity, keyringError(err)
}

func (keyringStore) destroy(ctx context.Context, epoch string) error {
	return keyringError(keyring.Delete(ctx, keyringService, epoch))
}
