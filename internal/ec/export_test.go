package ec

import "math/big"

// OwnArithmetic returns the curve over the arithmetic of this package where there
// is a library for it too, so that both can be compared.
func OwnArithmetic(d *Domain) *Domain {
	own := *d
	own.arithmetic = newWeierstrass(d.curve)
	return &own
}

// Field is modular arithmetic on ordinary numbers, for comparison with math/big.
type Field struct{ f *field }

func NewField(modulus *big.Int) Field { return Field{newField(modulus)} }

func (f Field) number(r residue) *big.Int { return new(big.Int).SetBytes(f.f.bytes(r)) }

func (f Field) Add(a, b *big.Int) *big.Int {
	return f.number(f.f.add(f.f.fromInt(a), f.f.fromInt(b)))
}

func (f Field) Subtract(a, b *big.Int) *big.Int {
	return f.number(f.f.subtract(f.f.fromInt(a), f.f.fromInt(b)))
}

func (f Field) Multiply(a, b *big.Int) *big.Int {
	return f.number(f.f.multiply(f.f.fromInt(a), f.f.fromInt(b)))
}

func (f Field) Power(a *big.Int, exponent []byte) *big.Int {
	return f.number(f.f.power(f.f.fromInt(a), exponent))
}

func (f Field) Invert(a *big.Int) *big.Int { return f.number(f.f.invert(f.f.fromInt(a))) }
