package ec

import "math/big"

// VerifyECDSA reports whether (r, s) is the ECDSA signature of the owner of a
// public key over a digest (TR-03111, 4.2.1.2). A digest longer than the order is cut
// to its length in bits. Nothing here is secret.
func VerifyECDSA(public Element, digest []byte, r, s *big.Int) bool {
	d := public.domain
	if d == nil || !d.IsCurve() || r == nil || s == nil ||
		r.Sign() <= 0 || s.Sign() <= 0 || r.Cmp(d.order) >= 0 || s.Cmp(d.order) >= 0 {
		return false
	}
	e := new(big.Int).SetBytes(digest)
	if excess := 8*len(digest) - d.order.BitLen(); excess > 0 {
		e.Rsh(e, uint(excess))
	}
	w := new(big.Int).ModInverse(s, d.order)
	u1, u2 := d.product(e, w), d.product(r, w)
	one, err := d.arithmetic.multiply(u1, d.generator)
	if err != nil {
		return false
	}
	two, err := d.arithmetic.multiply(u2, public.octets)
	if err != nil {
		return false
	}
	sum, err := d.arithmetic.add(one, two)
	if err != nil || d.arithmetic.neutral(sum) {
		return false
	}
	x := new(big.Int).SetBytes(d.arithmetic.secret(sum))
	return x.Mod(x, d.order).Cmp(r) == 0
}

// product returns a·b modulo the order, in the width of a scalar.
func (d *Domain) product(a, b *big.Int) []byte {
	v := new(big.Int).Mul(a, b)
	return v.Mod(v, d.order).FillBytes(make([]byte, d.orderSize()))
}
