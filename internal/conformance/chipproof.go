package conformance

import (
	"encoding/asn1"
	"fmt"
	"strconv"
	"strings"

	"passport-agent/internal/cms"
	"passport-agent/internal/conformance/edit"
	"passport-agent/virtual"
)

// CardSecurity is EF.CardSecurity (Doc 9303-10, 3.11.4), signed as EF.SOD is.
type CardSecurity struct {
	// Infos are edits of the SecurityInfos, before they are signed.
	Infos []edit.Edit `json:"infos,omitempty"`

	Signature
}

var oidSecurityObject = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 3, 2, 1}

// signAgain has the document signer of the specimen sign the EF.CardSecurity that the
// document came with, if any.
func (c CardSecurity) signAgain(signer *issued, files map[virtual.File][]byte) error {
	came, ok := files[virtual.CardSecurity]
	if !ok {
		return nil
	}
	message, err := cms.ParseSignedData(came)
	if err != nil {
		return err
	}
	infos, err := edit.Apply(message.Content, c.Infos)
	if err != nil {
		return fmt.Errorf("SecurityInfos of EF.CardSecurity: %w", err)
	}
	files[virtual.CardSecurity], err = c.sign(signer, oidSecurityObject, infos)
	return err
}

// ActiveAuthentication is the key in DG15 and how the chip signs with it: an RSA key of
// keys/, or a fresh one on a curve.
type ActiveAuthentication struct {
	Key         string `json:"key,omitempty"`
	ParameterID int    `json:"parameterId,omitempty"`
	Hash        string `json:"hash,omitempty"`
	// Named writes the curve's object identifier in place of its parameters.
	Named bool `json:"named,omitempty"`
	// NoInfo leaves ActiveAuthenticationInfo out of DG14; Algorithm stands in it, an
	// object identifier with dots.
	NoInfo    bool   `json:"noInfo,omitempty"`
	Algorithm string `json:"algorithm,omitempty"`
}

func (b *builder) activeAuthentication(a *ActiveAuthentication) (*virtual.ActiveAuthentication, error) {
	if a == nil {
		return nil, nil
	}
	active := &virtual.ActiveAuthentication{ParameterID: a.ParameterID, Named: a.Named, NoInfo: a.NoInfo}
	if a.Hash != "" {
		d, ok := digests[a.Hash]
		if !ok {
			return nil, fmt.Errorf("no digest %q", a.Hash)
		}
		active.Hash = d.hash
	}
	if a.Key != "" {
		k, err := b.key(a.Key)
		if err != nil {
			return nil, err
		}
		if k.rsa == nil {
			return nil, fmt.Errorf("%s is no RSA key", a.Key)
		}
		active.RSA, active.Bits = k.rsa, k.rsa.N.BitLen()
	}
	if a.Algorithm == "" {
		return active, nil
	}
	var err error
	active.Algorithm, err = parseOID(a.Algorithm)
	return active, err
}

func parseOID(text string) (asn1.ObjectIdentifier, error) {
	var oid asn1.ObjectIdentifier
	for arc := range strings.SplitSeq(text, ".") {
		n, err := strconv.Atoi(arc)
		if err != nil {
			return nil, fmt.Errorf("object identifier %q", text)
		}
		oid = append(oid, n)
	}
	return oid, nil
}
