package queue

import (
	"io"

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
