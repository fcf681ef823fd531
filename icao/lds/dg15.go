package lds

import (
	"errors"

	"passport-agent/internal/cms"
	"passport-agent/internal/fault"
)

// ParseDG15 reads the public key of Active Authentication in DG15 (Doc 9303-10,
// 4.7.15; Doc 9303-11, 6.1.5): RSA, or a point on a named curve or on one that is
// written out and known. It fails with fault.FileMalformed, or with
// fault.UnsupportedAlgorithm for other keys.
func ParseDG15(b []byte) (*cms.PublicKey, error) {
	value, err := DG15.template(b)
	if err != nil {
		return nil, err
	}
	key, err := cms.ParsePublicKey(value)
	switch {
	case errors.Is(err, cms.ErrUnsupported):
		return nil, fault.New(fault.UnsupportedAlgorithm, "DG15", err)
	case err != nil:
		return nil, DG15.malformed("", err)
	case key.RSA() == nil && !hasCurve(key):
		return nil, fault.New(fault.UnsupportedAlgorithm, "DG15: "+key.String(), nil)
	default:
		return key, nil
	}
}

func hasCurve(key *cms.PublicKey) bool {
	curve, _ := key.EC()
	return curve != nil
}
