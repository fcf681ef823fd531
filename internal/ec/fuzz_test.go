package ec_test

import (
	"bytes"
	"crypto/elliptic"
	"encoding/asn1"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/ec"
	"passport-agent/internal/fuzzlimit"
)

// What is taken for a public key is an element of the group: on the curve by its equation,
// or of the order that the group has.
func FuzzDecode(f *testing.F) {
	for _, id := range ids {
		d := byID(f, id)
		f.Add(byte(id), d.Generator().Encode())
		f.Add(byte(id), append(make([]byte, 4), d.Generator().Encode()...))
	}
	f.Add(byte(12), []byte{0})
	f.Add(byte(13), append([]byte{4}, make([]byte, 64)...))
	f.Fuzz(func(t *testing.T, id byte, encoded []byte) {
		d, err := ec.ByID(int(id))
		if err != nil {
			require.ErrorIs(t, err, ec.ErrUnsupported)
			return
		}
		fuzzlimit.Check(t, func() {
			e, err := d.Decode(encoded)
			if err != nil {
				require.ErrorIs(t, err, ec.ErrElement)
				return
			}
			require.True(t, bytes.HasSuffix(encoded, e.Encode()))
			require.True(t, isElement(d, e.Encode()))
			again, err := d.Decode(e.Encode())
			require.NoError(t, err)
			require.True(t, e.Equal(again))
		})
	})
}

// isElement computes it on ordinary numbers.
func isElement(d *ec.Domain, encoded []byte) bool {
	if p, q, _ := d.GroupParameters(); p != nil {
		v := new(big.Int).SetBytes(encoded)
		return v.Cmp(big.NewInt(1)) > 0 && v.Cmp(p) < 0 && v.Exp(v, q, p).Cmp(big.NewInt(1)) == 0
	}
	p, _ := d.CurveParameters()
	size := (len(encoded) - 1) / 2
	x, y := new(big.Int).SetBytes(encoded[1:1+size]), new(big.Int).SetBytes(encoded[1+size:])
	right := new(big.Int).Mul(x, x)
	right.Add(right, p.A).Mul(right, x).Add(right, p.B).Sub(right, y.Mul(y, y))
	return x.Cmp(p.P) < 0 && right.Mod(right, p.P).Sign() == 0
}

// Parameters are those of a curve that is known, to the last number, or refused.
func FuzzParseCurve(f *testing.F) {
	for _, id := range ids {
		if oid, ok := byID(f, id).OID(); ok {
			der, err := asn1.Marshal(oid)
			require.NoError(f, err)
			f.Add(der)
			f.Add(explicit(f, byID(f, id)))
		}
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		fuzzlimit.Check(t, func() {
			d, err := ec.ParseCurve(der)
			if err != nil {
				require.ErrorIs(t, err, ec.ErrUnsupported)
				return
			}
			require.True(t, d.IsCurve())
			oid, ok := d.OID()
			require.True(t, ok)
			if name, err := asn1.Marshal(oid); err == nil && bytes.Equal(name, der) {
				return
			}
			p, _ := d.CurveParameters()
			for _, number := range []*big.Int{p.P, p.A, p.B, p.Gx, p.Gy, p.N} {
				require.True(t, bytes.Contains(der, number.Bytes()))
			}
		})
	})
}

// explicit is ECParameters of RFC 3279, 2.3.5.
func explicit(t testing.TB, d *ec.Domain) []byte {
	p, _ := d.CurveParameters()
	type field struct {
		Type  asn1.ObjectIdentifier
		Prime *big.Int
	}
	type curve struct{ A, B []byte }
	der, err := asn1.Marshal(struct {
		Version int
		Field   field
		Curve   curve
		Base    []byte
		Order   *big.Int
	}{1, field{asn1.ObjectIdentifier{1, 2, 840, 10045, 1, 1}, p.P}, curve{p.A.Bytes(), p.B.Bytes()}, d.Generator().Encode(), p.N})
	require.NoError(t, err)
	return der
}

// Nobody signs without the key: what verifies is what the standard library, too, says
// is right.
func FuzzVerifyECDSA(f *testing.F) {
	f.Add([]byte("digest"), []byte{1}, []byte{1})
	f.Add(make([]byte, 32), byID(f, 12).Order().Bytes(), []byte{1})
	f.Add([]byte{0xFF}, []byte{}, []byte{0})
	f.Fuzz(func(t *testing.T, digest, r, s []byte) {
		if len(r) > 1000 || len(s) > 1000 {
			return
		}
		d := byID(t, 12)
		fuzzlimit.Check(t, func() {
			rInt, sInt := new(big.Int).SetBytes(r), new(big.Int).SetBytes(s)
			require.Equal(t, verifiesByTheBook(digest, rInt, sInt), ec.VerifyECDSA(d.Generator(), digest, rInt, sInt))
		})
	})
}

// verifiesByTheBook is TR-03111, 4.2.1.2 for P-256 and the key 1, whose signatures anybody
// can make.
func verifiesByTheBook(digest []byte, r, s *big.Int) bool {
	curve := elliptic.P256().Params()
	n := curve.N
	if r.Sign() <= 0 || s.Sign() <= 0 || r.Cmp(n) >= 0 || s.Cmp(n) >= 0 {
		return false
	}
	e := new(big.Int).SetBytes(digest[:min(len(digest), 32)])
	w := new(big.Int).ModInverse(s, n)
	k := w.Mul(w, e.Add(e, r)) // the point is (e+r)/s times the base point
	k.Mod(k, n)
	if k.Sign() == 0 {
		return false
	}
	x, _ := elliptic.P256().ScalarBaseMult(k.Bytes()) //nolint:staticcheck // another implementation is what is asked for
	return x.Mod(x, n).Cmp(r) == 0
}
