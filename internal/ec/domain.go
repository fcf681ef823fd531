// Package ec is the groups in which travel documents agree on keys and sign:
// elliptic curves over prime fields and subgroups of prime order modulo a prime
// (Doc 9303-11, 9.5). A group is known by its number, its object identifier or
// all of its parameters; there is no way to make one, because parameters that
// somebody else chose may be chosen to break the key (CVE-2020-0601) or the
// program (CVE-2022-0778).
//
// Every group here has prime order, elements are checked before they are used,
// and the neutral element is never handed out.
package ec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/bits"
)

// ErrUnsupported says that a domain is not among the known ones, or cannot do
// what is asked of it.
var ErrUnsupported = errors.New("domain parameters not supported")

// ErrElement says that octets are not an element of the group in the encoding
// asked for, that a computation ended in the neutral element, or that a value
// belongs to another group.
var ErrElement = errors.New("not a valid element of the group")

// ErrScalar says that octets are not a number from 1 to the order of the group
// less one, in as many bytes as the order has.
var ErrScalar = errors.New("not a valid scalar of the group")

// Domain is a group of prime order with a generator. It is written additively:
// what Multiply and Add do is exponentiation and multiplication in a MODP group.
type Domain struct {
	id         int
	name       string
	bits       int // of the field
	order      *big.Int
	generator  []byte
	arithmetic arithmetic
	curve      *curve // nil for a MODP group
}

// arithmetic is the seam below Domain. Elements are octets of fixed length, as
// decode returns them; the neutral element of a curve is one zero octet.
type arithmetic interface {
	decode(encoded []byte) ([]byte, error)
	encode(element []byte) []byte
	secret(element []byte) []byte
	neutral(element []byte) bool
	multiply(scalar, element []byte) ([]byte, error)
	add(a, b []byte) ([]byte, error)
	mapInteger(v *big.Int) ([]byte, error)
}

// ByID returns the standardized domain parameters of that number (Doc 9303-11,
// table 12): 0 to 2 are MODP groups, 8 to 18 curves. It fails with ErrUnsupported.
func ByID(id int) (*Domain, error) {
	for _, d := range domains {
		if d.id == id {
			return d, nil
		}
	}
	return nil, fmt.Errorf("%w: number %d", ErrUnsupported, id)
}

// ID returns the number of the standardized domain parameters.
func (d *Domain) ID() int { return d.id }

// Name returns the usual name, such as "brainpoolP256r1".
func (d *Domain) Name() string { return d.name }

// IsCurve tells an elliptic curve from a MODP group.
func (d *Domain) IsCurve() bool { return d.curve != nil }

// Bits returns the length of the field's prime.
func (d *Domain) Bits() int { return d.bits }

// Order returns the order of the group, a prime.
func (d *Domain) Order() *big.Int { return new(big.Int).Set(d.order) }

// Strength returns the security level in bits: half the order of a curve, and
// what NIST SP 800-57 part 1, table 2 gives for a MODP group.
func (d *Domain) Strength() int {
	switch {
	case d.IsCurve():
		return d.order.BitLen() / 2
	case d.bits < 2048:
		return 80
	default:
		return 112
	}
}

// Generator returns the base point or generator.
func (d *Domain) Generator() Element { return Element{d, d.generator} }

// Decode reads a public key and checks it in full. For a curve that is an
// uncompressed point, 04 and both coordinates in the width of the field: it has
// to lie on the curve, and since all curves here have cofactor 1 it is then in
// the group. For a MODP group it is a big-endian number, with or without leading
// zeros, of at most the width of the prime, validated after RFC 2631, 2.1.5. It
// fails with ErrElement.
func (d *Domain) Decode(encoded []byte) (Element, error) {
	octets, err := d.arithmetic.decode(encoded)
	return d.element(octets, err)
}

// MapInteger is the function f_G or f_g of Integrated Mapping, from a number
// (taken modulo the prime of the field) to an element (Doc 9303-11, 4.4.3.3.2
// and appendix B.2). P-224 fails with ErrUnsupported; a number whose image is
// neutral fails with ErrElement. Once the number has been reduced, timing does not
// depend on it.
func (d *Domain) MapInteger(v *big.Int) (Element, error) {
	octets, err := d.arithmetic.mapInteger(v)
	return d.element(octets, err)
}

func (d *Domain) element(octets []byte, err error) (Element, error) {
	switch {
	case err != nil:
		return Element{}, err
	case d.arithmetic.neutral(octets):
		return Element{}, fmt.Errorf("%w: neutral element", ErrElement)
	default:
		return Element{d, octets}, nil
	}
}

// Element is a member of a group other than the neutral one. The zero value
// belongs to no group; computing with it fails.
type Element struct {
	domain *Domain
	octets []byte
}

// Encode returns the encoding of a public key: an uncompressed point (TR-03111,
// 3.2.1), or for a MODP group a number without leading zeros (Doc 9303-11, 9.4.1).
func (e Element) Encode() []byte {
	if e.domain == nil {
		return nil
	}
	return e.domain.arithmetic.encode(e.octets)
}

// Secret returns the octets that count where the element is a shared secret: the
// x-coordinate, or the number, in the full width of the field, leading zeros
// included (Doc 9303-11, 9.7.1).
func (e Element) Secret() []byte {
	if e.domain == nil {
		return nil
	}
	return e.domain.arithmetic.secret(e.octets)
}

// Equal reports whether both are the same element of the same group.
func (e Element) Equal(other Element) bool {
	return e.domain == other.domain && bytes.Equal(e.octets, other.octets)
}

// Multiply returns k times the element. Its timing does not depend on the values.
// It fails with ErrElement where the result is neutral or k is from a group with
// an order of another length.
func (e Element) Multiply(k Scalar) (Element, error) {
	if e.domain == nil || len(k.value) != e.domain.orderSize() {
		return Element{}, fmt.Errorf("%w: of another group", ErrElement)
	}
	octets, err := e.domain.arithmetic.multiply(k.value, e.octets)
	return e.domain.element(octets, err)
}

// Add returns the sum of both. It fails with ErrElement where that is neutral.
func (e Element) Add(other Element) (Element, error) {
	if e.domain == nil || e.domain != other.domain {
		return Element{}, fmt.Errorf("%w: of another group", ErrElement)
	}
	octets, err := e.domain.arithmetic.add(e.octets, other.octets)
	return e.domain.element(octets, err)
}

// Scalar is a number below the order of a group, in as many bytes as the order has.
type Scalar struct{ value []byte }

// Bytes returns a copy of the number, big-endian, in as many bytes as the order has.
func (k Scalar) Bytes() []byte { return bytes.Clone(k.value) }

func (d *Domain) orderSize() int { return (d.order.BitLen() + 7) / 8 }

// maxDraws bounds the draws of a scalar: each is in range with a probability of
// one half at least, so only a broken source gets there.
const maxDraws = 128

// NewScalar draws a private key. It reads as many bytes as the order has, clears
// the bits above the order's length, and draws again where the number is zero or
// not below the order; so a reader that gives a number in range chooses the key.
func (d *Domain) NewScalar(random io.Reader) (Scalar, error) {
	value := make([]byte, d.orderSize())
	for range maxDraws {
		if _, err := io.ReadFull(random, value); err != nil {
			return Scalar{}, fmt.Errorf("random numbers: %w", err)
		}
		value[0] &= byte(0xFF >> (8*len(value) - d.order.BitLen()))
		if k, err := d.Scalar(value); err == nil {
			return k, nil
		}
	}
	return Scalar{}, fmt.Errorf("random numbers: none of %d draws was in range", maxDraws)
}

// Scalar reads a number from 1 to the order less one, in exactly as many bytes as
// the order has. It fails with ErrScalar.
func (d *Domain) Scalar(octets []byte) (Scalar, error) {
	if len(octets) != d.orderSize() {
		return Scalar{}, fmt.Errorf("%w: %d bytes", ErrScalar, len(octets))
	}
	var borrow, all uint64
	order := words(d.order.Bytes())
	for i, word := range words(octets) {
		_, borrow = bits.Sub64(word, order[i], borrow)
		all |= word
	}
	if borrow == 0 || all == 0 {
		return Scalar{}, fmt.Errorf("%w: out of range", ErrScalar)
	}
	return Scalar{bytes.Clone(octets)}, nil
}

// Reduce returns a number of any length modulo the order. Where the number is
// longer than the order, its timing depends on the value.
func (d *Domain) Reduce(octets []byte) Scalar {
	v := new(big.Int).SetBytes(octets)
	return Scalar{v.Mod(v, d.order).FillBytes(make([]byte, d.orderSize()))}
}
