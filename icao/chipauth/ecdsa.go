package chipauth

import (
	"crypto"
	"encoding/asn1"
	"fmt"
	"math/big"

	"passport-agent/internal/ec"
)

// ecdsaNodes are the object identifiers under which the hash functions stand: plain
// signatures and those of X9.62 (TR-03111, 5.2.1).
var (
	ecdsaPlain  = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 1, 1, 4, 1}
	ecdsaX962   = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3}
	ecdsaSHA1   = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}
	plainHashes = map[int]crypto.Hash{1: crypto.SHA1, 2: crypto.SHA224, 3: crypto.SHA256, 4: crypto.SHA384, 5: crypto.SHA512}
	x962Hashes  = map[int]crypto.Hash{1: crypto.SHA224, 2: crypto.SHA256, 3: crypto.SHA384, 4: crypto.SHA512}
)

// ecdsaHash returns the hash function of a signature algorithm, 0 for what is none.
func ecdsaHash(oid asn1.ObjectIdentifier) crypto.Hash {
	below := func(node asn1.ObjectIdentifier) bool {
		return len(oid) == len(node)+1 && oid[:len(node)].Equal(node)
	}
	switch {
	case oid.Equal(ecdsaSHA1):
		return crypto.SHA1
	case below(ecdsaPlain):
		return plainHashes[oid[len(oid)-1]]
	case below(ecdsaX962):
		return x962Hashes[oid[len(oid)-1]]
	default:
		return 0
	}
}

// verifyECDSA checks a signature over the challenge (Doc 9303-11, 6.1.2.3).
func (k ActiveKey) verifyECDSA(challenge, signature []byte) (Verified, error) {
	hashes, deviations, err := k.hashes()
	if err != nil {
		return Verified{}, err
	}
	for _, form := range []func(*ec.Domain, []byte) (r, s *big.Int){plainNumbers, derNumbers} {
		r, s := form(k.Curve, signature)
		if r == nil {
			continue
		}
		for _, hash := range hashes {
			h := hash.New()
			h.Write(challenge)
			if ec.VerifyECDSA(k.Point, h.Sum(nil), r, s) {
				return Verified{
					Algorithm:  fmt.Sprintf("ECDSA %s, %v", k.Curve.Name(), hash),
					Deviations: append(append(deviations, k.hashDeviation(hash)...), formDeviation(k.Curve, signature, r)...),
				}, nil
			}
		}
	}
	return Verified{}, fmt.Errorf("%w: %d bytes", ErrNotAuthentic, len(signature))
}

// hashes are the hash functions that may have been used: the one that DG14 names, any
// where it names none.
func (k ActiveKey) hashes() ([]crypto.Hash, []string, error) {
	if k.Algorithm == nil {
		return []crypto.Hash{crypto.SHA256, crypto.SHA1, crypto.SHA224, crypto.SHA384, crypto.SHA512}, []string{DeviationNoInfo}, nil
	}
	hash := ecdsaHash(k.Algorithm)
	if hash == 0 {
		return nil, nil, fmt.Errorf("%w: %s is no signature algorithm of Active Authentication", ErrMalformed, k.Algorithm)
	}
	return []crypto.Hash{hash}, nil, nil
}

func (k ActiveKey) hashDeviation(hash crypto.Hash) []string {
	if hash == crypto.SHA1 || 8*hash.Size() > (k.Curve.Order().BitLen()+7)/8*8 {
		return []string{DeviationHash}
	}
	return nil
}

// plainNumbers reads r and s side by side, each in the width of the order.
func plainNumbers(curve *ec.Domain, signature []byte) (r, s *big.Int) {
	size := (curve.Order().BitLen() + 7) / 8
	if len(signature) != 2*size {
		return nil, nil
	}
	return new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
}

// derNumbers reads a SEQUENCE of r and s.
func derNumbers(_ *ec.Domain, signature []byte) (r, s *big.Int) {
	var pair struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(signature, &pair); err != nil || len(rest) > 0 {
		return nil, nil
	}
	return pair.R, pair.S
}

// formDeviation names a signature whose r was not read from its plain form.
func formDeviation(curve *ec.Domain, signature []byte, r *big.Int) []string {
	if plain, _ := plainNumbers(curve, signature); plain != nil && plain.Cmp(r) == 0 {
		return nil
	}
	return []string{DeviationDER}
}
