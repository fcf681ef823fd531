package chipauth

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"fmt"

	"passport-agent/internal/ec"
	"passport-agent/iso7816"
)

// ChallengeSize is the length of RND.IFD in bytes (Doc 9303-11, 6.1.2.1).
const ChallengeSize = 8

// ActiveKey is the public key of Active Authentication: RSA, or a point on a curve.
type ActiveKey struct {
	RSA   *rsa.PublicKey
	Curve *ec.Domain
	Point ec.Element
	// Algorithm is the signature algorithm that ActiveAuthenticationInfo of DG14 names
	// (Doc 9303-11, 9.2.4), nil where there is none. It counts for curves alone.
	Algorithm asn1.ObjectIdentifier
}

// Verified is what a good signature was made with.
type Verified struct {
	Algorithm string // such as "RSA 1024, SHA-1"
	// Deviations are names of what the standard has otherwise and documents are known
	// to have.
	Deviations []string
}

// Deviations of signatures.
const (
	// DeviationDER: a SEQUENCE of r and s in place of the plain signature.
	DeviationDER = "dg15_signature_der"
	// DeviationNoInfo: a key on a curve, and DG14 does not say how it signs.
	DeviationNoInfo = "dg14_active_authentication_info_missing"
	// DeviationHash: SHA-1, or a hash longer than the key.
	DeviationHash = "dg14_active_authentication_hash"
)

// Verify checks a chip's signature over a challenge, in nothing but its arguments:
// what was kept of a reading can be checked again. It fails with ErrNotAuthentic, and
// with ErrUnsupported or ErrMalformed where the key cannot be used.
func (k ActiveKey) Verify(challenge, signature []byte) (Verified, error) {
	switch {
	case len(challenge) != ChallengeSize:
		return Verified{}, fmt.Errorf("%w: challenge of %d bytes", ErrNotAuthentic, len(challenge))
	case k.RSA != nil:
		return verifyRSA(k.RSA, challenge, signature)
	case k.Curve != nil:
		return k.verifyECDSA(challenge, signature)
	default:
		return Verified{}, fmt.Errorf("%w: no key", ErrUnsupported)
	}
}

// SignatureSize is the length of a signature in bytes; 0 where it may vary, as that
// of a curve's does in practice.
func (k ActiveKey) SignatureSize() int {
	if k.RSA == nil {
		return 0
	}
	return (k.RSA.N.BitLen() + 7) / 8
}

// Room is how long answers may be, in bytes of plain data.
type Room struct {
	Short    int  // to a command in short form
	Extended bool // the extended form may be used at all
}

// Sign has the chip sign a challenge (Doc 9303-11, 6.1.3). size is that of the
// signature, 0 where it is not known. Le is exactly the size: Australian chips cut
// what is longer than they are asked for, and Chinese ones give nothing to the longest
// Le (chip-quirks, 7). A 6Cxx is heeded (8). An answer of another length is asked for
// once more in the other form.
//
// It fails with a *StepError, and with ErrTooLong before anything is sent.
func Sign(ctx context.Context, channel iso7816.Exchanger, challenge []byte, size int, room Room) ([]byte, error) {
	forms := signForms(challenge, size, room)
	if len(forms) == 0 {
		return nil, fmt.Errorf("%w: a signature of %d bytes", ErrTooLong, size)
	}
	var signature []byte
	var failed error
	for _, c := range forms {
		data, err := internalAuthenticate(ctx, channel, c)
		var refused *StepError
		switch {
		case err != nil && !errors.As(err, &refused):
			return nil, err
		case err != nil:
			failed = errors.Join(failed, err)
		case size == 0 && len(data) > 0, len(data) == size:
			return bytes.Clone(data), nil
		default:
			signature = bytes.Clone(data)
		}
	}
	if signature == nil {
		return nil, failed
	}
	return signature, nil
}

// signForms are the ways to ask, the one by the rules first.
func signForms(challenge []byte, size int, room Room) []iso7816.Command {
	c := iso7816.Command{INS: iso7816.InsInternalAuthenticate, Data: challenge, Ne: size}
	if size == 0 {
		c.Ne = iso7816.MaxShortNe
		return []iso7816.Command{c}
	}
	long := c
	long.Extended = true
	switch {
	case size <= room.Short && room.Extended:
		return []iso7816.Command{c, long}
	case size <= room.Short:
		return []iso7816.Command{c}
	case room.Extended:
		return []iso7816.Command{long}
	default:
		return nil
	}
}

func internalAuthenticate(ctx context.Context, channel iso7816.Exchanger, c iso7816.Command) ([]byte, error) {
	data, err := send(ctx, channel, StepInternalAuthenticate, c)
	var refused *StepError
	if !errors.As(err, &refused) {
		return data, err
	}
	n, ok := refused.SW.CorrectLe()
	if !ok {
		return nil, err
	}
	c.Ne = n
	return send(ctx, channel, StepInternalAuthenticate, c)
}
