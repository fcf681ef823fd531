package cms

import (
	"crypto"
	"crypto/rsa"
)

// VerifyPSS is the verification that crypto/rsa has no way to ask for, so that it
// can be held against crypto/rsa where that has one.
func VerifyPSS(key *rsa.PublicKey, hash, mgfHash crypto.Hash, salt int, sum, signature []byte) bool {
	return verifyPSS(key, signatureAlgorithm{scheme: schemePSS, hash: hash, mgfHash: mgfHash, salt: salt}, sum, signature)
}
