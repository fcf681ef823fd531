package queue

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"reflect"

	"filippo.io/age"
)

// ParseRecord reads what lies beside an item.
func ParseRecord(id string, b []byte) (Record, error) { return parseRecord(id, b) }

// ReadItem opens a sealed item and reads all that its plan names, as a delivery does.
func ReadItem(r io.Reader, identities ...age.Identity) (Plan, error) {
	p, err := readPayload(r, identities)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{SessionID: p.SessionID, TransactionID: p.TransactionID, Submit: p.Submit}
	for n := range p.Images {
		image, err := p.image(n)
		if err != nil {
			return Plan{}, err
		}
		plan.Images = append(plan.Images, image)
	}
	if p.NFC {
		plan.NFC, err = p.nfc()
	}
	return plan, err
}

// Seal writes a plan as an item.
func Seal(w io.Writer, recipient age.Recipient, p Plan) error { return seal(w, recipient, p) }

// Formats are the types of what the queue keeps, by what their golden files hold.
var Formats = map[string]reflect.Type{
	"record": reflect.TypeFor[Record](), "progress": reflect.TypeFor[progress](), "epoch": reflect.TypeFor[epoch](), "plan": reflect.TypeFor[planHead](),
}

// Progress is what is remembered between two sends.
type Progress = progress

// Note puts an item into a state, with what has to be remembered.
func (q *Queue) Note(ctx context.Context, id string, state State, p Progress) error {
	r, identities, err := q.opened(ctx, id)
	if err != nil {
		return err
	}
	recipient, err := q.recipientOf(r.Epoch, identities)
	if err != nil {
		return err
	}
	r.State = state
	if err := q.sealProgress(recipient, &r, p); err != nil {
		return err
	}
	return q.save(&r)
}

// Noted returns what is remembered of an item, as JSON.
func (q *Queue) Noted(ctx context.Context, id string) ([]byte, error) {
	r, identities, err := q.opened(ctx, id)
	if err != nil {
		return nil, err
	}
	return openBytes(r.Progress, identities)
}

// Head returns the plan of an item, as JSON.
func (q *Queue) Head(ctx context.Context, id string) ([]byte, error) {
	_, identities, err := q.opened(ctx, id)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(q.payloadPath(id))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read from
	plain, err := age.Decrypt(f, identities...)
	if err != nil {
		return nil, err
	}
	return (&payload{archive: tar.NewReader(plain)}).read(planName, maxPlan)
}

func (q *Queue) opened(ctx context.Context, id string) (Record, []age.Identity, error) {
	r, err := q.find(id)
	if err != nil {
		return r, nil, err
	}
	identities, err := q.identity(ctx, r.Epoch, nil)
	return r, identities, err
}

// Reseal replaces an item by one that has this plan and nothing else.
func (q *Queue) Reseal(ctx context.Context, id string, plan []byte) error {
	r, identities, err := q.opened(ctx, id)
	if err != nil {
		return err
	}
	recipient, err := q.recipientOf(r.Epoch, identities)
	if err != nil {
		return err
	}
	var content bytes.Buffer
	archive := tar.NewWriter(&content)
	err = archive.WriteHeader(&tar.Header{Name: planName, Mode: 0o600, Size: int64(len(plan))})
	if err == nil {
		_, err = archive.Write(plan)
	}
	if err = errors.Join(err, archive.Close()); err != nil {
		return err
	}
	sealed, err := sealBytes(recipient, content.Bytes())
	if err != nil {
		return err
	}
	return os.WriteFile(q.payloadPath(id), sealed, 0o600)
}
