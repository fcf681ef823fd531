package queue

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
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

// epoch is a day's key pair: what it is sealed with lies in the clear, what opens
// it in the place that was chosen.
type epoch struct {
	Version   int       `json:"version"`
	ID        string    `json:"id"`
	Created   time.Time `json:"created"`
	Recipient string    `json:"recipient"`
	Place     Place     `json:"place"`
	// Ready says that the identity was put into its place and found there again.
	Ready bool `json:"ready"`
}

const formatEpoch = 1

// A day's epoch, or the organisation's key.
var epochName = regexp.MustCompile(`^([0-9]{8}-[0-9a-f]{8}|key-[0-9a-f]{16})$`)

func (q *Queue) epochPath(id string) string { return filepath.Join(q.epochsDir(), id+".json") }

// keyEpoch is the epoch of an organisation's recipient. No place here holds its
// identity.
func keyEpoch(recipient string) string {
	digest := sha256.Sum256([]byte(recipient))
	return "key-" + hex.EncodeToString(digest[:8])
}

// currentEpoch returns what new items are sealed to. The caller holds the short lock.
func (q *Queue) currentEpoch(ctx context.Context) (string, age.Recipient, error) {
	if q.recipient != nil {
		return keyEpoch(q.Recipient), q.recipient, nil
	}
	today := q.now().Format("20060102")
	ids, err := q.epochIDs()
	if err != nil {
		return "", nil, err
	}
	place, err := q.choosePlace(ctx)
	if err != nil {
		return "", nil, err
	}
	for _, id := range slices.Backward(ids) {
		if !strings.HasPrefix(id, today) {
			continue
		}
		e, err := q.readEpoch(id)
		if err != nil || !e.Ready || e.Place != place {
			continue
		}
		recipient, err := age.ParseX25519Recipient(e.Recipient)
		if err == nil {
			return id, recipient, nil
		}
	}
	return q.newEpoch(ctx, today, place)
}

// newEpoch makes a day's key pair. It counts only once the identity was read back:
// what is sealed to a key that nobody has is lost.
func (q *Queue) newEpoch(ctx context.Context, day string, place Place) (string, age.Recipient, error) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return "", nil, fault.New(fault.Unexpected, "queue keys", err)
	}
	var suffix [4]byte
	// rand.Read never fails: it ends the program instead.
	_, _ = rand.Read(suffix[:])
	e := epoch{
		Version: formatEpoch, ID: fmt.Sprintf("%s-%x", day, suffix), Created: q.now(), Recipient: identity.Recipient().String(), Place: place,
	}
	// First without Ready, so that an identity is never anywhere without this file
	// that says where to remove it.
	if err := q.writeEpoch(e); err != nil {
		return "", nil, err
	}
	store := q.identityStore(place)
	if err := store.put(ctx, e.ID, identity.String()); err != nil {
		return "", nil, err
	}
	if got, err := store.get(ctx, e.ID); err != nil || got != identity.String() {
		return "", nil, fault.New(fault.QueueKeysUnavailable, string(place)+": a new key could not be read back", err)
	}
	e.Ready = true
	return e.ID, identity.Recipient(), q.writeEpoch(e)
}

func (q *Queue) writeEpoch(e epoch) error {
	b, err := json.Marshal(e)
	if err != nil {
		return fault.New(fault.Unexpected, "queue keys", err)
	}
	return q.diskError(disk.Replace(q.Disk, q.epochPath(e.ID), b))
}

func (q *Queue) readEpoch(id string) (epoch, error) {
	var e epoch
	b, err := os.ReadFile(q.epochPath(id))
	if err != nil {
		return e, err
	}
	if _, err := format.Version(b, formatEpoch); errors.Is(err, format.ErrNewer) {
		return e, fault.New(fault.QueueNewer, "the key file "+id, nil)
	} else if err != nil || json.Unmarshal(b, &e) != nil || e.ID != id {
		return e, fault.New(fault.QueueItemDamaged, "the key file "+id, nil)
	}
	return e, nil
}

// epochIDs returns the days' epochs, oldest first.
func (q *Queue) epochIDs() ([]string, error) {
	entries, err := os.ReadDir(q.epochsDir())
	if err != nil && !missing(err) {
		return nil, q.diskError(err)
	}
	var ids []string
	for _, entry := range entries {
		if id, ok := strings.CutSuffix(entry.Name(), ".json"); ok && epochName.MatchString(id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// identity returns what opens the items of an epoch: the key of the day, or one of
// those that were given.
func (q *Queue) identity(ctx context.Context, id string, given []age.Identity) ([]age.Identity, error) {
	if strings.HasPrefix(id, "key-") {
		if len(given) == 0 {
			return nil, fault.New(fault.QueuePublicKeyOnly, "", nil)
		}
		return given, nil
	}
	q.mu.Lock()
	known := q.identities[id]
	q.mu.Unlock()
	if known != nil {
		return []age.Identity{known}, nil
	}
	e, err := q.readEpoch(id)
	if isCode(err, fault.QueueNewer) {
		return nil, err
	}
	if err != nil {
		return nil, fault.New(fault.QueueKeysUnavailable, id, err)
	}
	text, err := q.identityStore(e.Place).get(ctx, id)
	if err != nil {
		return nil, err
	}
	identity, err := age.ParseX25519Identity(text)
	if err != nil || identity.Recipient().String() != e.Recipient {
		return nil, fault.New(fault.QueueKeysUnavailable, string(e.Place)+": it holds another key", nil)
	}
	q.mu.Lock()
	q.identities[id] = identity
	q.mu.Unlock()
	return []age.Identity{identity}, nil
}

// recipientOf returns what an epoch's records are sealed to.
func (q *Queue) recipientOf(id string, identities []age.Identity) (age.Recipient, error) {
	for _, identity := range identities {
		x, ok := identity.(*age.X25519Identity)
		if ok && (!strings.HasPrefix(id, "key-") || keyEpoch(x.Recipient().String()) == id) {
			return x.Recipient(), nil
		}
	}
	return nil, fault.New(fault.QueueIdentityInvalid, "", nil)
}

// destroyEpoch destroys the key of a day, and with it whatever is left of its items
// on the disk. One that a newer version of the program has made is left to that. The
// caller holds the short lock.
func (q *Queue) destroyEpoch(ctx context.Context, id string) error {
	if strings.HasPrefix(id, "key-") {
		return nil
	}
	e, err := q.readEpoch(id)
	switch {
	case missing(err), isCode(err, fault.QueueNewer):
		return nil
	case err != nil:
		return err
	}
	if err := q.identityStore(e.Place).destroy(ctx, id); err != nil {
		return err
	}
	q.mu.Lock()
	delete(q.identities, id)
	q.mu.Unlock()
	if err := q.remove(q.epochPath(id)); err != nil {
		return err
	}
	if err := q.diskError(q.Disk.SyncDir(q.epochsDir())); err != nil {
		return err
	}
	q.Observe(Event{Kind: EventErased, Epoch: id})
	return nil
}

// ParseIdentities reads an age identity file. It fails with
// fault.QueueIdentityInvalid.
func ParseIdentities(file []byte) ([]age.Identity, error) {
	identities, err := age.ParseIdentities(strings.NewReader(string(file)))
	if err != nil || len(identities) == 0 {
		// The text of the error may quote the file.
		return nil, fault.New(fault.QueueIdentityInvalid, "", errors.New("it is not an unencrypted age identity file"))
	}
	return identities, nil
}
