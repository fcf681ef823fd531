package ec

import (
	"encoding/binary"
	"math/big"
	"math/bits"
)

// field is arithmetic modulo an odd number in Montgomery form. What its methods
// do, and how long they take, depends on the length of the modulus (and of the
// exponent) alone, never on the values: they are used on secrets.
type field struct {
	modulus  residue
	negative uint64  // -1/modulus modulo 2^64
	square   residue // the square of R, where R is 2^64 to the power of the number of words
	one      residue // 1 in Montgomery form
	size     int     // bytes of the modulus
	minusTwo []byte  // modulus-2, the exponent of inversion for a prime modulus
}

// residue is a number below the modulus, least significant word first; within
// the arithmetic it stands for itself times R.
type residue []uint64

func newField(modulus *big.Int) *field {
	size := (modulus.BitLen() + 7) / 8
	f := &field{size: size, modulus: words(modulus.FillBytes(make([]byte, size)))}
	n := len(f.modulus)
	// Newton's iteration doubles the number of right bits: 3, 6, 12, 24, 48, 96.
	inverse := f.modulus[0]
	for range 5 {
		inverse *= 2 - f.modulus[0]*inverse
	}
	f.negative = -inverse
	square := new(big.Int).Lsh(big.NewInt(1), uint(128*n))
	f.square = words(square.Mod(square, modulus).FillBytes(make([]byte, 8*n)))
	one := make(residue, n)
	one[0] = 1
	f.one = f.multiply(one, f.square)
	f.minusTwo = new(big.Int).Sub(modulus, big.NewInt(2)).FillBytes(make([]byte, size))
	return f
}

// words splits big-endian octets into words.
func words(b []byte) residue {
	padded := make([]byte, (len(b)+7)/8*8)
	copy(padded[len(padded)-len(b):], b)
	r := make(residue, len(padded)/8)
	for i := range r {
		r[i] = binary.BigEndian.Uint64(padded[len(padded)-8*(i+1):])
	}
	return r
}

// fromBytes reads a big-endian number of f.size bytes; ok is false where it is
// not below the modulus.
func (f *field) fromBytes(b []byte) (r residue, ok bool) {
	if len(b) != f.size {
		return nil, false
	}
	plain := words(b)
	var borrow uint64
	for i := range plain {
		_, borrow = bits.Sub64(plain[i], f.modulus[i], borrow)
	}
	return f.multiply(plain, f.square), borrow == 1
}

func (f *field) fromInt(v *big.Int) residue {
	return f.multiply(words(v.FillBytes(make([]byte, 8*len(f.modulus)))), f.square)
}

// bytes returns the number big-endian, in f.size bytes.
func (f *field) bytes(r residue) []byte {
	one := make(residue, len(f.modulus))
	one[0] = 1
	plain := f.multiply(r, one)
	b := make([]byte, 8*len(plain))
	for i, word := range plain {
		binary.BigEndian.PutUint64(b[len(b)-8*(i+1):], word)
	}
	return b[len(b)-f.size:]
}

func (f *field) add(a, b residue) residue {
	sum := make(residue, len(f.modulus))
	var carry uint64
	for i := range sum {
		sum[i], carry = bits.Add64(a[i], b[i], carry)
	}
	f.reduce(sum, carry)
	return sum
}

func (f *field) subtract(a, b residue) residue {
	difference := make(residue, len(f.modulus))
	var borrow, carry uint64
	for i := range difference {
		difference[i], borrow = bits.Sub64(a[i], b[i], borrow)
	}
	for i := range difference {
		difference[i], carry = bits.Add64(difference[i], f.modulus[i]&-borrow, carry)
	}
	return difference
}

// multiply is Montgomery multiplication, a·b/R, word by word of b.
func (f *field) multiply(a, b residue) residue {
	t := make(residue, len(f.modulus))
	var top uint64 // the word above t
	for _, word := range b {
		var carry, overflow uint64
		for j := range t {
			t[j], carry = multiplyAdd(a[j], word, t[j], carry)
		}
		top, overflow = bits.Add64(top, carry, 0)

		// The multiple of the modulus that clears the lowest word, which then drops off.
		multiple := t[0] * f.negative
		_, carry = multiplyAdd(multiple, f.modulus[0], t[0], 0)
		for j := 1; j < len(t); j++ {
			t[j-1], carry = multiplyAdd(multiple, f.modulus[j], t[j], carry)
		}
		t[len(t)-1], carry = bits.Add64(top, carry, 0)
		top = overflow + carry
	}
	f.reduce(t, top)
	return t
}

// multiplyAdd returns a·b + c + d, which two words always hold.
func multiplyAdd(a, b, c, d uint64) (low, high uint64) {
	high, low = bits.Mul64(a, b)
	var carry uint64
	low, carry = bits.Add64(low, c, 0)
	high += carry
	low, carry = bits.Add64(low, d, 0)
	return low, high + carry
}

// reduce takes the modulus once from t, which with the word above it is below
// twice the modulus, unless it is smaller.
func (f *field) reduce(t residue, top uint64) {
	var borrow, carry uint64
	for i := range t {
		_, borrow = bits.Sub64(t[i], f.modulus[i], borrow)
	}
	_, borrow = bits.Sub64(top, 0, borrow)
	for i := range t {
		t[i], carry = bits.Sub64(t[i], f.modulus[i]&(borrow-1), carry)
	}
}

// power raises to an exponent of big-endian octets, four bits at a time.
func (f *field) power(base residue, exponent []byte) residue {
	var table [16]residue
	table[0] = f.one
	for i := 1; i < len(table); i++ {
		table[i] = f.multiply(table[i-1], base)
	}
	result := f.one
	for _, octet := range exponent {
		for _, digit := range [2]byte{octet >> 4, octet & 15} {
			for range 4 {
				result = f.multiply(result, result)
			}
			result = f.multiply(result, lookUp(table[:], digit))
		}
	}
	return result
}

// lookUp reads the whole table, so that memory accesses do not tell the index.
func lookUp(table []residue, index byte) residue {
	r := make(residue, len(table[0]))
	for i, entry := range table {
		mask := equalMask(byte(i), index)
		for j := range r {
			r[j] |= entry[j] & mask
		}
	}
	return r
}

// equalMask is all ones where a and b are equal, else zero.
func equalMask(a, b byte) uint64 {
	difference := uint64(a ^ b)
	return ((difference | -difference) >> 63) - 1
}

// invert returns 1/a for a prime modulus, and zero for zero.
func (f *field) invert(a residue) residue { return f.power(a, f.minusTwo) }

func (f *field) isZero(a residue) bool {
	var all uint64
	for _, word := range a {
		all |= word
	}
	return all == 0
}

func (f *field) equal(a, b residue) bool { return f.isZero(f.subtract(a, b)) }
