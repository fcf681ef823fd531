package virtual

import (
	"errors"
	"fmt"
	"strings"

	"passport-agent/iso7816"
)

// Document is what a chip holds: the elementary files, byte for byte.
type Document struct {
	Files map[File][]byte
	// Zone is the machine-readable zone of the data page without line breaks, where
	// DG1 does not say the same: access keys come from it. Empty is that of DG1.
	Zone string
	// CAN is the card access number, a password of PACE; empty where there is none.
	CAN string
	// ChipKeys are the static private keys of the chip by key identifier, which
	// is the number of their domain parameters: big-endian, in as many bytes as
	// the order of the group has. The files do not tell them: a document that
	// was loaded has none, and its chip cannot run Chip Authentication Mapping.
	ChipKeys map[int][]byte
	// ChipAuthenticationKeys are the static private keys of Chip Authentication, and
	// ActiveKey is that of Active Authentication. The files do not tell them either:
	// without them the chip does not know the commands.
	ChipAuthenticationKeys []ChipKey
	ActiveKey              *ActiveKey
	// CSCA is the certificate of the country signer in DER, for a trust store;
	// nil where it is not known.
	CSCA []byte
	// Signer is the certificate of the document signer in DER, as it stands in
	// EF.SOD; nil where the document was not personalised here.
	Signer []byte
}

// String names the files and their sizes in bytes, and nothing that they hold.
func (d Document) String() string {
	var text strings.Builder
	for _, p := range places {
		if content, ok := d.Files[p.file]; ok {
			fmt.Fprintf(&text, "%s %d, ", p.file, len(content))
		}
	}
	return strings.TrimSuffix(text.String(), ", ")
}

// ErrDocument says that a document lacks what is asked of it. It never holds
// personal data.
var ErrDocument = errors.New("not a usable document")

// MRZ returns the machine-readable zone of DG1 without line breaks: 90 (TD1), 72
// (TD2) or 88 (TD3) characters.
func (d *Document) MRZ() (string, error) {
	object, _, err := iso7816.ParseTLV(d.Files[DataGroup(1)])
	if err != nil || object.Tag != 0x61 {
		return "", fmt.Errorf("%w: no DG1", ErrDocument)
	}
	zone, _, err := iso7816.ParseTLV(object.Value)
	if err != nil || zone.Tag != 0x5F1F {
		return "", fmt.Errorf("%w: no machine-readable zone in DG1", ErrDocument)
	}
	switch len(zone.Value) {
	case 90, 72, 88:
		return string(zone.Value), nil
	default:
		return "", fmt.Errorf("%w: machine-readable zone of %d characters", ErrDocument, len(zone.Value))
	}
}

// MRZInformation returns document number, date of birth and date of expiry with
// their check digits, as access keys are derived from them (Doc 9303-11, 4.3.2
// and D.2).
func (d *Document) MRZInformation() (string, error) {
	if d.Zone != "" {
		return mrzInformation(d.Zone), nil
	}
	zone, err := d.MRZ()
	if err != nil {
		return "", err
	}
	return mrzInformation(zone), nil
}
