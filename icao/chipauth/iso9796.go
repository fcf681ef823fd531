package chipauth

import (
	"crypto"
	"crypto/rsa"
	_ "crypto/sha1"   // SHA-1, of trailer BC
	_ "crypto/sha256" // SHA-224 and SHA-256
	_ "crypto/sha512" // SHA-384 and SHA-512
	"crypto/subtle"
	"fmt"
	"math/big"
)

// Bounds on keys, so that a hostile one costs no time.
const (
	minRSABits      = 1024
	maxRSABits      = 8192
	maxExponentBits = 31
)

// trailers tell the hash function (Doc 9303-11, 6.1.2.2): one byte for SHA-1, two for
// the others.
var trailers = map[[2]byte]crypto.Hash{
	{0x38, 0xCC}: crypto.SHA224, {0x34, 0xCC}: crypto.SHA256, {0x36, 0xCC}: crypto.SHA384, {0x35, 0xCC}: crypto.SHA512,
}

// verifyRSA opens a signature of ISO/IEC 9796-2, scheme 1, with partial recovery: the
// chip's own nonce M1 is inside, the challenge M2 is not.
func verifyRSA(key *rsa.PublicKey, challenge, signature []byte) (Verified, error) {
	if err := checkRSA(key); err != nil {
		return Verified{}, err
	}
	f, err := open(key, signature)
	if err != nil {
		return Verified{}, err
	}
	hash, trailer := trailerOf(f)
	if hash == 0 {
		return Verified{}, fmt.Errorf("%w: trailer %X", ErrNotAuthentic, f[len(f)-2:])
	}
	header := headerSize(f)
	m1End := len(f) - trailer - hash.Size()
	if header == 0 || header > m1End {
		return Verified{}, fmt.Errorf("%w: header %02X", ErrNotAuthentic, f[0])
	}
	h := hash.New()
	h.Write(f[header:m1End])
	h.Write(challenge)
	if subtle.ConstantTimeCompare(h.Sum(nil), f[m1End:len(f)-trailer]) != 1 {
		return Verified{}, fmt.Errorf("%w: it is over something else", ErrNotAuthentic)
	}
	return Verified{Algorithm: fmt.Sprintf("RSA %d, %v", key.N.BitLen(), hash)}, nil
}

func checkRSA(key *rsa.PublicKey) error {
	bits := key.N.BitLen()
	switch {
	case key.N.Sign() <= 0 || key.N.Bit(0) == 0 || key.E < 3 || key.E%2 == 0:
		return fmt.Errorf("%w: no RSA key", ErrMalformed)
	case bits < minRSABits, bits > maxRSABits, bits%8 != 0, big.NewInt(int64(key.E)).BitLen() > maxExponentBits:
		return fmt.Errorf("%w: RSA key of %d bits", ErrUnsupported, bits)
	default:
		return nil
	}
}

// open returns the recoverable string. Chips give the root itself, or the smaller of
// it and its negative (ISO/IEC 9796-2, B.6 and B.4); the last four bits, which are 12
// in every trailer, tell.
func open(key *rsa.PublicKey, signature []byte) ([]byte, error) {
	size := key.N.BitLen() / 8
	s := new(big.Int).SetBytes(signature)
	if len(signature) != size || s.Cmp(key.N) >= 0 {
		return nil, fmt.Errorf("%w: %d bytes", ErrNotAuthentic, len(signature))
	}
	f := s.Exp(s, big.NewInt(int64(key.E)), key.N)
	if f.Bit(0) != 0 || f.Bit(1) != 0 || f.Bit(2) != 1 || f.Bit(3) != 1 {
		f.Sub(key.N, f)
	}
	return f.FillBytes(make([]byte, size)), nil
}

// trailerOf returns the hash function and the length of the trailer in bytes; 0 where
// there is none that is allowed.
func trailerOf(f []byte) (crypto.Hash, int) {
	last := len(f) - 1
	if f[last] == 0xBC {
		return crypto.SHA1, 1
	}
	return trailers[[2]byte{f[last-1], f[last]}], 2
}

// headerSize is the length in bytes of header and padding, 0 where they are wrong: 01,
// a bit that says that a part of the message is not inside, and padding that ends in A
// (ISO/IEC 9796-2, 8.1). With the whole message inside, nothing would be over the
// challenge.
func headerSize(f []byte) int {
	if f[0] == 0x6A {
		return 1
	}
	if f[0] != 0x6B {
		return 0
	}
	for i, octet := range f[1:] {
		switch octet {
		case 0xBA:
			return i + 2
		case 0xBB:
		default:
			return 0
		}
	}
	return 0
}
