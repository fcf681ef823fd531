package cms

import (
	"crypto"
	_ "crypto/sha1"   // SHA-1, for documents and certificates that use it
	_ "crypto/sha256" // SHA-224 and SHA-256
	_ "crypto/sha512" // SHA-384 and SHA-512
	"encoding/asn1"
	"errors"
	"fmt"
)

// ErrUnsupported says that an algorithm, a key or its parameters are not among
// those that this package knows (Doc 9303-12, 4.1.6).
var ErrUnsupported = errors.New("algorithm not supported")

type algorithmIdentifier struct {
	Algorithm  asn1.ObjectIdentifier
	Parameters asn1.RawValue `asn1:"optional"`
}

// scheme is how a signature is made from a hash.
type scheme int

const (
	schemePKCS1 scheme = iota + 1
	schemePSS
	schemeECDSA      // SEQUENCE of r and s
	schemePlainECDSA // r and s side by side (TR-03111, 5.2.1)
	schemeDSA
)

// signatureAlgorithm is a signature algorithm with all that it needs.
type signatureAlgorithm struct {
	scheme  scheme
	hash    crypto.Hash
	mgfHash crypto.Hash // PSS alone
	salt    int         // PSS alone, in bytes
}

var hashes = []struct {
	oid  asn1.ObjectIdentifier
	hash crypto.Hash
}{
	{asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}, crypto.SHA1},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 4}, crypto.SHA224},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}, crypto.SHA256},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}, crypto.SHA384},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}, crypto.SHA512},
}

// signatures are the algorithms; hash 0 means that the signer's digest algorithm
// says which, as it may in a SignerInfo (RFC 3370, 3.2).
var signatures = []struct {
	oid    asn1.ObjectIdentifier
	scheme scheme
	hash   crypto.Hash
}{
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}, schemePKCS1, 0},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 5}, schemePKCS1, crypto.SHA1},
	{asn1.ObjectIdentifier{1, 3, 14, 3, 2, 29}, schemePKCS1, crypto.SHA1},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 14}, schemePKCS1, crypto.SHA224},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, schemePKCS1, crypto.SHA256},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 12}, schemePKCS1, crypto.SHA384},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}, schemePKCS1, crypto.SHA512},
	{oidECPublicKey, schemeECDSA, 0},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}, schemeECDSA, crypto.SHA1},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 1}, schemeECDSA, crypto.SHA224},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}, schemeECDSA, crypto.SHA256},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}, schemeECDSA, crypto.SHA384},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}, schemeECDSA, crypto.SHA512},
	{asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 1, 1, 4, 1, 1}, schemePlainECDSA, crypto.SHA1},
	{asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 1, 1, 4, 1, 2}, schemePlainECDSA, crypto.SHA224},
	{asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 1, 1, 4, 1, 3}, schemePlainECDSA, crypto.SHA256},
	{asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 1, 1, 4, 1, 4}, schemePlainECDSA, crypto.SHA384},
	{asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 1, 1, 4, 1, 5}, schemePlainECDSA, crypto.SHA512},
	{oidDSA, schemeDSA, 0},
	{asn1.ObjectIdentifier{1, 2, 840, 10040, 4, 3}, schemeDSA, crypto.SHA1},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 1}, schemeDSA, crypto.SHA224},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 2}, schemeDSA, crypto.SHA256},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 3}, schemeDSA, crypto.SHA384},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 4}, schemeDSA, crypto.SHA512},
}

var oidMGF1 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}

// Hash returns the hash function of an object identifier, SHA-1 to SHA-512 (Doc
// 9303-12, 4.4). It fails with ErrUnsupported.
func Hash(oid asn1.ObjectIdentifier) (crypto.Hash, error) {
	for _, h := range hashes {
		if h.oid.Equal(oid) {
			return h.hash, nil
		}
	}
	return 0, fmt.Errorf("%w: hash %s", ErrUnsupported, oid)
}

func (a algorithmIdentifier) hash() (crypto.Hash, error) { return Hash(a.Algorithm) }

// signature reads a signature algorithm; digest is the hash for those that name
// none, 0 where they have to.
func (a algorithmIdentifier) signature(digest crypto.Hash) (signatureAlgorithm, error) {
	if a.Algorithm.Equal(oidRSAPSS) {
		return a.pss()
	}
	for _, s := range signatures {
		if !s.oid.Equal(a.Algorithm) {
			continue
		}
		hash := s.hash
		if hash == 0 {
			hash = digest
		}
		if hash == 0 {
			return signatureAlgorithm{}, fmt.Errorf("%w: signature %s without a hash", ErrUnsupported, a.Algorithm)
		}
		return signatureAlgorithm{scheme: s.scheme, hash: hash}, nil
	}
	return signatureAlgorithm{}, fmt.Errorf("%w: signature %s", ErrUnsupported, a.Algorithm)
}

// pssParameters is RSASSA-PSS-params (RFC 4055, 3.1).
type pssParameters struct {
	Hash    algorithmIdentifier `asn1:"explicit,optional,tag:0"`
	MGF     algorithmIdentifier `asn1:"explicit,optional,tag:1"`
	Salt    int                 `asn1:"explicit,optional,tag:2,default:20"`
	Trailer int                 `asn1:"explicit,optional,tag:3,default:1"`
}

// pss reads the parameters of RSASSA-PSS; what is left out is SHA-1 with a salt of
// 20 bytes.
func (a algorithmIdentifier) pss() (signatureAlgorithm, error) {
	s := signatureAlgorithm{scheme: schemePSS, hash: crypto.SHA1, mgfHash: crypto.SHA1, salt: crypto.SHA1.Size()}
	if len(a.Parameters.FullBytes) == 0 || a.Parameters.Tag == asn1.TagNull {
		return s, nil
	}
	var p pssParameters
	if err := unmarshal(a.Parameters.FullBytes, &p); err != nil {
		return s, err
	}
	var err error
	if p.Hash.Algorithm != nil {
		if s.hash, err = p.Hash.hash(); err != nil {
			return s, err
		}
	}
	if p.MGF.Algorithm != nil {
		var inner algorithmIdentifier
		if !p.MGF.Algorithm.Equal(oidMGF1) {
			return s, fmt.Errorf("%w: mask generation %s", ErrUnsupported, p.MGF.Algorithm)
		}
		if err := unmarshal(p.MGF.Parameters.FullBytes, &inner); err != nil {
			return s, err
		}
		if s.mgfHash, err = inner.hash(); err != nil {
			return s, err
		}
	}
	if p.Salt < 0 || p.Salt > maxRSABits/8 || p.Trailer != 1 {
		return s, fmt.Errorf("%w: RSASSA-PSS with salt of %d bytes, trailer %d", ErrUnsupported, p.Salt, p.Trailer)
	}
	s.salt = p.Salt
	return s, nil
}

func digest(hash crypto.Hash, message []byte) []byte {
	h := hash.New()
	h.Write(message)
	return h.Sum(nil)
}
