package conformance

import (
	"encoding/asn1"
	"slices"
)

// CRL is the revocation list of the country signer (Doc 9303-12, 7.1.4).
type CRL struct {
	// Signer revokes the document signer, from a month before the document is judged.
	Signer bool `json:"signer,omitempty"`
}

var oidCRLNumber = asn1.ObjectIdentifier{2, 5, 29, 20}

func (c CRL) issue(authority, signer *issued, algorithm string) ([]byte, error) {
	a, err := algorithmNamed(algorithm)
	if err != nil {
		return nil, err
	}
	identifier, err := a.identifier()
	if err != nil {
		return nil, err
	}
	parts := [][]byte{integer(1), identifier, authority.name, timeOf(madeAt.AddDate(0, 0, -7)), timeOf(madeAt.AddDate(0, 1, 0))}
	if c.Signer {
		parts = append(parts, sequence(sequence(signer.serial, timeOf(madeAt.AddDate(0, -1, 0)))))
	}
	parts = append(parts, tagged(0, sequence(slices.Concat(
		extension("authorityKeyIdentifier", oidAuthorityKeyIdentifier, false, sequence(element(0x80, authority.identifier))).der,
		extension("cRLNumber", oidCRLNumber, false, integer(7)).der,
	))))
	tbs := sequence(parts...)
	signature, err := authority.key.sign(a, tbs)
	if err != nil {
		return nil, err
	}
	return sequence(tbs, identifier, bits(signature)), nil
}
