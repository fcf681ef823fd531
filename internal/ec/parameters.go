package ec

import (
	"encoding/asn1"
	"fmt"
	"math/big"
	"slices"
)

// Parameters is a curve y² = x³ + Ax + B modulo P with base point (Gx, Gy) of
// order N and cofactor H.
type Parameters struct {
	P, A, B, Gx, Gy, N *big.Int
	H                  *big.Int // nil where nothing is said
}

// CurveParameters returns a copy of the parameters of a curve; ok is false for a
// MODP group.
func (d *Domain) CurveParameters() (p Parameters, ok bool) {
	if !d.IsCurve() {
		return Parameters{}, false
	}
	c := d.curve.Parameters
	clone := func(v *big.Int) *big.Int { return new(big.Int).Set(v) }
	return Parameters{clone(c.P), clone(c.A), clone(c.B), clone(c.Gx), clone(c.Gy), clone(c.N), clone(c.H)}, true
}

// GroupParameters returns copies of prime, order and generator of a MODP group; nil for
// a curve.
func (d *Domain) GroupParameters() (p, q, g *big.Int) {
	group, ok := d.arithmetic.(modp)
	if !ok {
		return nil, nil, nil
	}
	return new(big.Int).Set(group.p), new(big.Int).Set(group.q), new(big.Int).SetBytes(d.generator)
}

// OID returns the object identifier of a curve; ok is false for a MODP group.
func (d *Domain) OID() (oid asn1.ObjectIdentifier, ok bool) {
	oid, ok = curveOIDs[d.id]
	return slices.Clone(oid), ok
}

// CurveByOID returns the curve with that object identifier. It fails with
// ErrUnsupported.
func CurveByOID(oid asn1.ObjectIdentifier) (*Domain, error) {
	for _, d := range domains {
		if d.IsCurve() && curveOIDs[d.id].Equal(oid) {
			return d, nil
		}
	}
	return nil, fmt.Errorf("%w: curve %s", ErrUnsupported, oid)
}

// CurveByParameters returns the known curve that has these very parameters, each
// of them; the cofactor alone may be missing. It fails with ErrUnsupported.
func CurveByParameters(p Parameters) (*Domain, error) {
	for _, d := range domains {
		if d.IsCurve() && d.curve.matches(p) {
			return d, nil
		}
	}
	return nil, fmt.Errorf("%w: explicit parameters of no known curve", ErrUnsupported)
}

func (c *curve) matches(p Parameters) bool {
	for _, pair := range [][2]*big.Int{{c.P, p.P}, {c.A, p.A}, {c.B, p.B}, {c.Gx, p.Gx}, {c.Gy, p.Gy}, {c.N, p.N}} {
		if pair[1] == nil || pair[0].Cmp(pair[1]) != 0 {
			return false
		}
	}
	return p.H == nil || p.H.Cmp(c.H) == 0
}

// GroupByParameters returns the known MODP group with this prime and generator;
// the order q, which PKCS #3 does not carry, may be nil. It fails with
// ErrUnsupported.
func GroupByParameters(p, g, q *big.Int) (*Domain, error) {
	for _, d := range domains {
		if d.IsCurve() || p == nil || g == nil {
			continue
		}
		known := d.arithmetic.(modp)
		if known.p.Cmp(p) == 0 && new(big.Int).SetBytes(d.generator).Cmp(g) == 0 && (q == nil || known.q.Cmp(q) == 0) {
			return d, nil
		}
	}
	return nil, fmt.Errorf("%w: explicit parameters of no known MODP group", ErrUnsupported)
}

var oidPrimeField = asn1.ObjectIdentifier{1, 2, 840, 10045, 1, 1}

// ecParameters is ECParameters of RFC 3279, 2.3.5.
type ecParameters struct {
	Version int
	Field   struct {
		Type  asn1.ObjectIdentifier
		Prime *big.Int
	}
	Curve struct {
		A, B []byte
		Seed asn1.BitString `asn1:"optional"`
	}
	Base     []byte
	Order    *big.Int
	Cofactor *big.Int `asn1:"optional"`
}

// ParseCurve reads the parameters of an ecPublicKey algorithm identifier in DER: the
// object identifier of a named curve, or explicit parameters, which have to be
// those of a known one with an uncompressed base point. It fails with
// ErrUnsupported.
func ParseCurve(der []byte) (*Domain, error) {
	var oid asn1.ObjectIdentifier
	if rest, err := asn1.Unmarshal(der, &oid); err == nil && len(rest) == 0 {
		return CurveByOID(oid)
	}
	var e ecParameters
	if rest, err := asn1.Unmarshal(der, &e); err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("%w: neither a name nor explicit parameters", ErrUnsupported)
	}
	size := (e.Field.Prime.BitLen() + 7) / 8
	if !e.Field.Type.Equal(oidPrimeField) || len(e.Base) != 1+2*size || e.Base[0] != tagUncompressed {
		return nil, fmt.Errorf("%w: not a prime field with an uncompressed base point", ErrUnsupported)
	}
	number := func(b []byte) *big.Int { return new(big.Int).SetBytes(b) }
	return CurveByParameters(Parameters{
		P: e.Field.Prime, A: number(e.Curve.A), B: number(e.Curve.B),
		Gx: number(e.Base[1 : 1+size]), Gy: number(e.Base[1+size:]), N: e.Order, H: e.Cofactor,
	})
}
