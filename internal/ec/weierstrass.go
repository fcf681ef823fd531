package ec

import (
	"fmt"
	"math/big"
)

// tagUncompressed is the first octet of an uncompressed point.
const tagUncompressed = 0x04

// curve is a curve y² = x³ + ax + b of prime order, and what does not depend on
// who does the arithmetic.
type curve struct {
	Parameters
	field *field
	a, b  residue
}

// checkForm refuses what is not an uncompressed point of the right length.
func (c *curve) checkForm(encoded []byte) error {
	if len(encoded) != 1+2*c.field.size || encoded[0] != tagUncompressed {
		return fmt.Errorf("%w: not an uncompressed point of %d bytes", ErrElement, 1+2*c.field.size)
	}
	return nil
}

func (c *curve) encode(element []byte) []byte { return append([]byte(nil), element...) }

func (c *curve) secret(element []byte) []byte {
	return append([]byte(nil), element[1:1+c.field.size]...)
}

func (c *curve) neutral(element []byte) bool { return len(element) == 1 }

// affine puts two coordinates together.
func (c *curve) affine(x, y residue) []byte {
	point := append(make([]byte, 0, 1+2*c.field.size), tagUncompressed)
	return append(append(point, c.field.bytes(x)...), c.field.bytes(y)...)
}

// right returns x³ + ax + b.
func (c *curve) right(x residue) residue {
	f := c.field
	cubic := f.multiply(f.add(f.multiply(x, x), c.a), x)
	return f.add(cubic, c.b)
}

// mapInteger follows Doc 9303-11, B.2, with its names. Both candidates are worked
// out, whichever is the point.
func (c *curve) mapInteger(v *big.Int) ([]byte, error) {
	if c.P.Bit(0) != 1 || c.P.Bit(1) != 1 {
		return nil, fmt.Errorf("%w: no Integrated Mapping where p is not 3 modulo 4", ErrUnsupported)
	}
	f := c.field
	t := f.fromInt(new(big.Int).Mod(v, c.P))
	zero := make(residue, len(t))
	alpha := f.subtract(zero, f.multiply(t, t))
	sum := f.add(alpha, f.multiply(alpha, alpha))
	if f.isZero(sum) {
		return nil, fmt.Errorf("%w: 0, 1 and -1 cannot be mapped", ErrElement)
	}
	x2 := f.multiply(f.multiply(c.b, f.add(f.one, sum)), f.invert(f.multiply(c.a, sum)))
	x2 = f.subtract(zero, x2)
	x3 := f.multiply(alpha, x2)
	h2 := c.right(x2)
	u := f.multiply(f.multiply(f.multiply(t, t), t), h2)

	exponent := new(big.Int).Sub(c.P, big.NewInt(1))
	quarter := new(big.Int).Add(c.P, big.NewInt(1))
	exponent.Sub(exponent, quarter.Rsh(quarter, 2))
	root := f.power(h2, exponent.Bytes())

	isSquare := byte(0)
	if f.equal(f.multiply(f.multiply(root, root), h2), f.one) {
		isSquare = 1
	}
	x := lookUp([]residue{x3, x2}, isSquare)
	y := f.multiply(root, lookUp([]residue{u, h2}, isSquare))
	return c.affine(x, y), nil
}

// weierstrass is the arithmetic of a curve for which there is no library. It is
// constant-time in scalar and coordinates.
type weierstrass struct {
	*curve
	b3 residue // 3b
}

func newWeierstrass(c *curve) weierstrass {
	return weierstrass{c, c.field.add(c.field.add(c.b, c.b), c.b)}
}

// projective is the point (x/z, y/z); the neutral element is (0, 1, 0).
type projective struct{ x, y, z residue }

func (w weierstrass) decode(encoded []byte) ([]byte, error) {
	if err := w.checkForm(encoded); err != nil {
		return nil, err
	}
	size := w.field.size
	x, xOK := w.field.fromBytes(encoded[1 : 1+size])
	y, yOK := w.field.fromBytes(encoded[1+size:])
	if !xOK || !yOK {
		return nil, fmt.Errorf("%w: coordinate not below p", ErrElement)
	}
	if !w.field.equal(w.field.multiply(y, y), w.right(x)) {
		return nil, fmt.Errorf("%w: not on the curve", ErrElement)
	}
	return append([]byte(nil), encoded...), nil
}

// point takes an element apart that decode or toAffine has made.
func (w weierstrass) point(element []byte) projective {
	if w.neutral(element) {
		return w.zero()
	}
	size := w.field.size
	x, _ := w.field.fromBytes(element[1 : 1+size])
	y, _ := w.field.fromBytes(element[1+size:])
	return projective{x, y, w.field.one}
}

func (w weierstrass) zero() projective {
	n := len(w.field.modulus)
	return projective{make(residue, n), w.field.one, make(residue, n)}
}

func (w weierstrass) toAffine(p projective) []byte {
	if w.field.isZero(p.z) {
		return []byte{0}
	}
	inverse := w.field.invert(p.z)
	return w.affine(w.field.multiply(p.x, inverse), w.field.multiply(p.y, inverse))
}

func (w weierstrass) add(a, b []byte) ([]byte, error) {
	return w.toAffine(w.sum(w.point(a), w.point(b))), nil
}

// sum is a complete addition law for curves of odd order (Renes, Costello and
// Batina, 'Complete addition formulas for prime order elliptic curves', 2016,
// section 3): it holds for equal points, opposite points and the neutral element
// alike, so nothing branches on what is added.
func (w weierstrass) sum(p, q projective) projective {
	f := w.field
	xx, yy, zz := f.multiply(p.x, q.x), f.multiply(p.y, q.y), f.multiply(p.z, q.z)
	xy := f.cross(p.x, p.y, q.x, q.y, xx, yy)
	xz := f.cross(p.x, p.z, q.x, q.z, xx, zz)
	yz := f.cross(p.y, p.z, q.y, q.z, yy, zz)

	azz := f.multiply(w.a, zz)
	m := f.add(f.multiply(w.a, xz), f.multiply(w.b3, zz))
	minus, plus := f.subtract(yy, m), f.add(yy, m)
	first := f.add(f.add(f.add(xx, xx), xx), azz)
	second := f.add(f.multiply(w.b3, xz), f.multiply(w.a, f.subtract(xx, azz)))
	return projective{
		x: f.subtract(f.multiply(xy, minus), f.multiply(yz, second)),
		y: f.add(f.multiply(minus, plus), f.multiply(first, second)),
		z: f.add(f.multiply(yz, plus), f.multiply(xy, first)),
	}
}

// cross returns a·d + b·c, given a·c and b·d, with one multiplication.
func (f *field) cross(a, b, c, d, ac, bd residue) residue {
	return f.subtract(f.multiply(f.add(a, b), f.add(c, d)), f.add(ac, bd))
}

// multiply works through the scalar four bits at a time.
func (w weierstrass) multiply(scalar, element []byte) ([]byte, error) {
	base := w.point(element)
	var x, y, z [16]residue
	multiple := w.zero()
	for i := range x {
		x[i], y[i], z[i] = multiple.x, multiple.y, multiple.z
		multiple = w.sum(multiple, base)
	}
	result := w.zero()
	for _, octet := range scalar {
		for _, digit := range [2]byte{octet >> 4, octet & 15} {
			for range 4 {
				result = w.sum(result, result)
			}
			result = w.sum(result, projective{lookUp(x[:], digit), lookUp(y[:], digit), lookUp(z[:], digit)})
		}
	}
	return w.toAffine(result), nil
}
