package cms

import (
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"

	"passport-agent/internal/ec"
)

// ErrSignature says that a signature is not that of the key over the message.
var ErrSignature = errors.New("signature does not verify")

// verify checks a signature. It fails with ErrSignature, or ErrUnsupported where
// nothing can be said.
func (k *PublicKey) verify(a signatureAlgorithm, message, signature []byte) error {
	sum := digest(a.hash, message)
	switch {
	case k.rsa != nil && (a.scheme == schemePKCS1 || a.scheme == schemePSS):
		return k.verifyRSA(a, sum, signature)
	case k.domain != nil && (a.scheme == schemeECDSA || a.scheme == schemePlainECDSA):
		r, s, err := a.numbers(signature, (k.domain.Order().BitLen()+7)/8)
		if err != nil {
			return err
		}
		return found(ec.VerifyECDSA(k.point, sum, r, s))
	case k.dsa != nil && a.scheme == schemeDSA:
		r, s, err := a.numbers(signature, 0)
		if err != nil {
			return err
		}
		return found(k.dsa.verify(sum, r, s))
	default:
		return fmt.Errorf("%w: it is not of the kind of the key, %s", ErrSignature, k)
	}
}

func found(good bool) error {
	if !good {
		return ErrSignature
	}
	return nil
}

// minRSABits is the smallest key that crypto/rsa works with.
const minRSABits = 1024

func (k *PublicKey) verifyRSA(a signatureAlgorithm, sum, signature []byte) error {
	if k.rsa.N.BitLen() < minRSABits {
		return fmt.Errorf("%w: RSA key of %d bits", ErrUnsupported, k.rsa.N.BitLen())
	}
	switch {
	case a.scheme == schemePKCS1:
		return found(rsa.VerifyPKCS1v15(k.rsa, a.hash, sum, signature) == nil)
	case a.hash == a.mgfHash && a.salt > 0: // salt 0 means "any" to crypto/rsa
		return found(rsa.VerifyPSS(k.rsa, a.hash, sum, signature, &rsa.PSSOptions{SaltLength: a.salt}) == nil)
	default:
		return found(verifyPSS(k.rsa, a, sum, signature))
	}
}

// numbers reads r and s: of a SEQUENCE, or of two halves of so many bytes.
func (a signatureAlgorithm) numbers(signature []byte, size int) (r, s *big.Int, err error) {
	if a.scheme == schemePlainECDSA {
		if len(signature) != 2*size {
			return nil, nil, fmt.Errorf("%w: %d bytes instead of %d", ErrSignature, len(signature), 2*size)
		}
		return new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:]), nil
	}
	var pair struct{ R, S *big.Int }
	if err := unmarshal(signature, &pair); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return pair.R, pair.S, nil
}

// verify is FIPS 186-4, 4.7.
func (k *dsaKey) verify(sum []byte, r, s *big.Int) bool {
	if r.Sign() <= 0 || s.Sign() <= 0 || r.Cmp(k.q) >= 0 || s.Cmp(k.q) >= 0 {
		return false
	}
	w := new(big.Int).ModInverse(s, k.q)
	if w == nil { // q is not a prime
		return false
	}
	z := new(big.Int).SetBytes(sum)
	if excess := 8*len(sum) - k.q.BitLen(); excess > 0 {
		z.Rsh(z, uint(excess))
	}
	u1, u2 := z.Mul(z, w), w.Mul(r, w)
	u1.Mod(u1, k.q)
	u2.Mod(u2, k.q)
	v := new(big.Int).Exp(k.g, u1, k.p)
	v.Mul(v, new(big.Int).Exp(k.y, u2, k.p))
	v.Mod(v, k.p)
	return v.Mod(v, k.q).Cmp(r) == 0
}

// verifyPSS is EMSA-PSS-VERIFY (RFC 8017, 9.1.2) for what crypto/rsa has no way to
// ask for: two different hash functions, or no salt.
func verifyPSS(key *rsa.PublicKey, a signatureAlgorithm, sum, signature []byte) bool {
	if len(signature) != key.Size() {
		return false
	}
	number := new(big.Int).SetBytes(signature)
	if number.Cmp(key.N) >= 0 {
		return false
	}
	number.Exp(number, big.NewInt(int64(key.E)), key.N)
	bits := key.N.BitLen() - 1
	size, hashSize := (bits+7)/8, a.hash.Size()
	if number.BitLen() > bits || size < hashSize+a.salt+2 {
		return false
	}
	encoded := number.FillBytes(make([]byte, size))
	if encoded[size-1] != 0xBC {
		return false
	}
	block, h := encoded[:size-hashSize-1], encoded[size-hashSize-1:size-1]
	unmask(block, h, a.mgfHash)
	block[0] &= byte(0xFF >> (8*size - bits))
	padding := len(block) - a.salt - 1
	for _, octet := range block[:padding] {
		if octet != 0 {
			return false
		}
	}
	if block[padding] != 1 {
		return false
	}
	message := append(make([]byte, 8), sum...)
	return string(digest(a.hash, append(message, block[padding+1:]...))) == string(h)
}

// unmask is MGF1 of a seed, added to a block (RFC 8017, B.2.1).
func unmask(block, seed []byte, hash crypto.Hash) {
	for counter := 0; len(block) > 0; counter++ {
		mask := digest(hash, append(append([]byte{}, seed...), byte(counter>>24), byte(counter>>16), byte(counter>>8), byte(counter)))
		n := min(len(mask), len(block))
		for i := range n {
			block[i] ^= mask[i]
		}
		block = block[n:]
	}
}
