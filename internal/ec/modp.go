package ec

import (
	"bytes"
	"fmt"
	"math/big"
)

// modp is the subgroup of order q modulo the prime p. Elements are numbers in the
// width of p. It is constant-time in exponent and base.
type modp struct {
	p, q     *big.Int
	field    *field
	cofactor []byte // (p-1)/q
}

func newModp(p, q *big.Int) modp {
	cofactor := new(big.Int).Sub(p, big.NewInt(1))
	return modp{p, q, newField(p), cofactor.Div(cofactor, q).Bytes()}
}

// decode validates a public key after RFC 2631, 2.1.5: it lies between 2 and p-1,
// and its q-th power is 1.
func (m modp) decode(encoded []byte) ([]byte, error) {
	if len(encoded) == 0 || len(encoded) > m.field.size {
		return nil, fmt.Errorf("%w: %d bytes", ErrElement, len(encoded))
	}
	octets := append(make([]byte, m.field.size-len(encoded)), encoded...)
	y, ok := m.field.fromBytes(octets)
	if !ok || !m.field.equal(m.field.power(y, m.q.Bytes()), m.field.one) {
		return nil, fmt.Errorf("%w: not in the subgroup", ErrElement)
	}
	return octets, nil
}

func (m modp) encode(element []byte) []byte {
	return append([]byte(nil), bytes.TrimLeft(element, "\x00")...)
}

func (m modp) secret(element []byte) []byte { return append([]byte(nil), element...) }

func (m modp) neutral(element []byte) bool {
	last := len(element) - 1
	return element[last] == 1 && len(bytes.TrimLeft(element[:last], "\x00")) == 0
}

func (m modp) multiply(scalar, element []byte) ([]byte, error) {
	base, _ := m.field.fromBytes(element)
	return m.field.bytes(m.field.power(base, scalar)), nil
}

func (m modp) add(a, b []byte) ([]byte, error) {
	first, _ := m.field.fromBytes(a)
	second, _ := m.field.fromBytes(b)
	return m.field.bytes(m.field.multiply(first, second)), nil
}

// mapInteger is f_g of Doc 9303-11, 4.4.3.3.2.
func (m modp) mapInteger(v *big.Int) ([]byte, error) {
	x := new(big.Int).Mod(v, m.p)
	if x.Sign() == 0 {
		return nil, fmt.Errorf("%w: 0 cannot be mapped", ErrElement)
	}
	return m.field.bytes(m.field.power(m.field.fromInt(x), m.cofactor)), nil
}
