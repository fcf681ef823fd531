package conformance

import (
	"crypto"
	_ "crypto/md5"  // which no document may use
	_ "crypto/sha1" // TR-03105-5.1, profile DPRCTD-SHA1
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/asn1"
	"fmt"
)

// digests are hash functions by their names in case files.
var digests = map[string]struct {
	hash crypto.Hash
	oid  asn1.ObjectIdentifier
}{
	"md5":    {crypto.MD5, asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 5}},
	"sha1":   {crypto.SHA1, asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}},
	"sha224": {crypto.SHA224, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 4}},
	"sha256": {crypto.SHA256, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}},
	"sha384": {crypto.SHA384, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}},
	"sha512": {crypto.SHA512, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}},
}

// digestAlgorithm is the AlgorithmIdentifier of a hash function.
func digestAlgorithm(name string) ([]byte, error) {
	d, ok := digests[name]
	if !ok {
		return nil, fmt.Errorf("no digest %q", name)
	}
	return sequence(objectIdentifier(d.oid)), nil
}

func digest(name string, message []byte) ([]byte, error) {
	d, ok := digests[name]
	if !ok {
		return nil, fmt.Errorf("no digest %q", name)
	}
	h := d.hash.New()
	h.Write(message)
	return h.Sum(nil), nil
}

// scheme is how a signature is made of a digest.
type scheme int

const (
	rsaPKCS1 scheme = iota + 1
	rsaPSS
	ecdsaSequence // r and s in a SEQUENCE (ANSI X9.62)
	ecdsaPlain    // r and s side by side (TR-03111, 5.2.1)
	dsaSequence
)

// signatureAlgorithm is one that a case file names.
type signatureAlgorithm struct {
	scheme scheme
	digest string
	oid    asn1.ObjectIdentifier
}

var (
	oidRSAPSS = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidMGF1   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}
)

// below returns an object identifier with one more arc.
func below(oid asn1.ObjectIdentifier, arc int) asn1.ObjectIdentifier {
	return append(oid[:len(oid):len(oid)], arc)
}

// signatureAlgorithms are those of TR-03105-5.1, 7, and what its cases do wrong, by
// their names: scheme and digest. "rsa-" alone names the key in place of the signature.
var signatureAlgorithms = makeSignatureAlgorithms()

func makeSignatureAlgorithms() map[string]signatureAlgorithm {
	var (
		pkcs1   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1}
		x962    = asn1.ObjectIdentifier{1, 2, 840, 10045, 4}
		plain   = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 1, 1, 4, 1}
		nistDSA = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3}
	)
	all := map[string]signatureAlgorithm{
		"rsa-pkcs1-md5": {rsaPKCS1, "md5", below(pkcs1, 4)},
		"dsa-sha1":      {dsaSequence, "sha1", asn1.ObjectIdentifier{1, 2, 840, 10040, 4, 3}},
		"dsa-sha224":    {dsaSequence, "sha224", below(nistDSA, 1)},
		"dsa-sha256":    {dsaSequence, "sha256", below(nistDSA, 2)},
		"ecdsa-sha1":    {ecdsaSequence, "sha1", below(x962, 1)},
	}
	for i, name := range []string{"sha1", "sha224", "sha256", "sha384", "sha512"} {
		all["rsa-pkcs1-"+name] = signatureAlgorithm{rsaPKCS1, name, below(pkcs1, [...]int{5, 14, 11, 12, 13}[i])}
		all["rsa-"+name] = signatureAlgorithm{rsaPKCS1, name, below(pkcs1, 1)}
		all["rsa-pss-"+name] = signatureAlgorithm{rsaPSS, name, oidRSAPSS}
		all["ecdsa-plain-"+name] = signatureAlgorithm{ecdsaPlain, name, below(plain, i+1)}
		if i > 0 {
			all["ecdsa-"+name] = signatureAlgorithm{ecdsaSequence, name, below(below(x962, 3), i)}
		}
	}
	return all
}

func algorithmNamed(name string) (signatureAlgorithm, error) {
	a, ok := signatureAlgorithms[name]
	if !ok {
		return a, fmt.Errorf("no signature algorithm %q", name)
	}
	return a, nil
}

// identifier is the AlgorithmIdentifier.
func (a signatureAlgorithm) identifier() ([]byte, error) {
	switch a.scheme {
	case rsaPKCS1:
		return sequence(objectIdentifier(a.oid), null()), nil
	case rsaPSS:
		hash, err := digestAlgorithm(a.digest)
		if err != nil {
			return nil, err
		}
		return sequence(objectIdentifier(a.oid), sequence(
			tagged(0, hash),
			tagged(1, sequence(objectIdentifier(oidMGF1), hash)),
			tagged(2, integer(int64(digests[a.digest].hash.Size()))),
		)), nil
	default:
		return sequence(objectIdentifier(a.oid)), nil
	}
}
