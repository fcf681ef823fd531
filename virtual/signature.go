package virtual

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // digest of the signatures
	"encoding/asn1"
	"fmt"
	"io"
)

// Signature names a key type with the algorithm that signs with it.
type Signature string

// Signatures that the personaliser makes.
const (
	ECDSAP256SHA256 Signature = "ecdsa-p256-sha256"
	RSA2048SHA256   Signature = "rsa-2048-sha256"
	RSA2048PSS      Signature = "rsa-2048-pss-sha256"
)

// scheme is how a Signature works.
type scheme struct {
	digest    crypto.Hash
	digestOID asn1.ObjectIdentifier
	algorithm algorithmIdentifier
	generate  func() (crypto.Signer, error)
	options   crypto.SignerOpts
}

type algorithmIdentifier struct {
	Algorithm  asn1.ObjectIdentifier
	Parameters asn1.RawValue `asn1:"optional"`
}

var (
	oidSHA256          = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidECDSAWithSHA256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	oidSHA256WithRSA   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}
	oidRSASSAPSS       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidMGF1            = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}
)

func (s Signature) scheme() (scheme, error) {
	generateRSA := func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) }
	switch s {
	case "", ECDSAP256SHA256:
		return scheme{
			digest: crypto.SHA256, digestOID: oidSHA256, options: crypto.SHA256,
			algorithm: algorithmIdentifier{Algorithm: oidECDSAWithSHA256},
			generate:  func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) },
		}, nil
	case RSA2048SHA256:
		return scheme{
			digest: crypto.SHA256, digestOID: oidSHA256, options: crypto.SHA256,
			algorithm: algorithmIdentifier{Algorithm: oidSHA256WithRSA, Parameters: asn1.NullRawValue},
			generate:  generateRSA,
		}, nil
	case RSA2048PSS:
		parameters, err := pssParameters()
		return scheme{
			digest: crypto.SHA256, digestOID: oidSHA256,
			options:   &rsa.PSSOptions{SaltLength: crypto.SHA256.Size(), Hash: crypto.SHA256},
			algorithm: algorithmIdentifier{Algorithm: oidRSASSAPSS, Parameters: asn1.RawValue{FullBytes: parameters}},
			generate:  generateRSA,
		}, err
	default:
		return scheme{}, fmt.Errorf("signature %q is not known", string(s))
	}
}

// pssParameters are RSASSA-PSS-params for SHA-256 (RFC 4055, 3.1).
func pssParameters() ([]byte, error) {
	hash := algorithmIdentifier{Algorithm: oidSHA256, Parameters: asn1.NullRawValue}
	encodedHash, err := asn1.Marshal(hash)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(struct {
		Hash algorithmIdentifier `asn1:"explicit,tag:0"`
		MGF  algorithmIdentifier `asn1:"explicit,tag:1"`
		Salt int                 `asn1:"explicit,tag:2"`
	}{hash, algorithmIdentifier{Algorithm: oidMGF1, Parameters: asn1.RawValue{FullBytes: encodedHash}}, crypto.SHA256.Size()})
}

// sign hashes a message and signs the digest. With ECDSA the standard library
// keeps its nonce for itself, unless it is given no generator: then it signs
// deterministically (RFC 6979), which lets a document come out twice the same.
func (s scheme) sign(random io.Reader, key crypto.Signer, message []byte) ([]byte, error) {
	if _, ok := key.(*ecdsa.PrivateKey); ok {
		random = nil
	}
	return key.Sign(random, s.hash(message), s.options)
}

func (s scheme) hash(message []byte) []byte {
	h := s.digest.New()
	h.Write(message)
	return h.Sum(nil)
}
