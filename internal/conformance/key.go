package conformance

import (
	"crypto/dsa" //nolint:staticcheck // documents are signed with it (Doc 9303-12, 4.4.2)
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"

	"passport-agent/internal/ec"
)

// key is a private key with its public key. One of the three is set.
type key struct {
	rsa    *rsa.PrivateKey
	dsa    *dsa.PrivateKey
	domain *ec.Domain
	scalar ec.Scalar

	algorithm []byte // AlgorithmIdentifier in SubjectPublicKeyInfo
	public    []byte // what the bit string in it holds
}

// loadKey reads a key that is not secret: it is that of a specimen.
func loadKey(folder, name string) (*key, error) {
	b, err := os.ReadFile(filepath.Join(folder, "keys", filepath.Base(name)+".pem"))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("key %s: no PEM", name)
	}
	k, err := parseKey(block)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", name, err)
	}
	return k, nil
}

func parseKey(block *pem.Block) (*key, error) {
	switch block.Type {
	case "RSA PRIVATE KEY":
		return parseRSAKey(block.Bytes)
	case "DSA PRIVATE KEY":
		return parseDSAKey(block.Bytes)
	case "EC PRIVATE KEY":
		return parseECKey(block.Bytes)
	default:
		return nil, fmt.Errorf("a %s", block.Type)
	}
}

func parseRSAKey(der []byte) (*key, error) {
	private, err := x509.ParsePKCS1PrivateKey(der)
	if err != nil {
		return nil, err
	}
	k := &key{rsa: private, public: x509.MarshalPKCS1PublicKey(&private.PublicKey)}
	k.algorithm = sequence(objectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}), null())
	return k, nil
}

func parseDSAKey(der []byte) (*key, error) {
	var raw struct {
		Version       int
		P, Q, G, Y, X *big.Int
	}
	if _, err := asn1.Unmarshal(der, &raw); err != nil {
		return nil, err
	}
	private := &dsa.PrivateKey{X: raw.X}
	private.Parameters = dsa.Parameters{P: raw.P, Q: raw.Q, G: raw.G}
	private.Y = raw.Y
	k := &key{dsa: private, public: bigInteger(raw.Y)}
	parameters := sequence(bigInteger(raw.P), bigInteger(raw.Q), bigInteger(raw.G))
	k.algorithm = sequence(objectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 10040, 4, 1}), parameters)
	return k, nil
}

// parseECKey reads ECPrivateKey (RFC 5915). The public key tells its curve by explicit
// parameters, as Doc 9303-12, 4.4.3 asks.
func parseECKey(der []byte) (*key, error) {
	var raw struct {
		Version int
		Private []byte
		Curve   asn1.ObjectIdentifier `asn1:"explicit,tag:0"`
		Public  asn1.BitString        `asn1:"explicit,optional,tag:1"`
	}
	if _, err := asn1.Unmarshal(der, &raw); err != nil {
		return nil, err
	}
	domain, err := ec.CurveByOID(raw.Curve)
	if err != nil {
		return nil, err
	}
	k := &key{domain: domain}
	if k.scalar, err = domain.Scalar(raw.Private); err != nil {
		return nil, err
	}
	point, err := domain.Generator().Multiply(k.scalar)
	if err != nil {
		return nil, err
	}
	k.public = point.Encode()
	parameters, err := curveParameters(domain)
	if err != nil {
		return nil, err
	}
	k.algorithm = sequence(objectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}), parameters)
	return k, nil
}

// curveParameters is ECParameters (TR-03111, 5.1.1).
func curveParameters(domain *ec.Domain) ([]byte, error) {
	p, ok := domain.CurveParameters()
	if !ok {
		return nil, errors.New("no curve")
	}
	size := (domain.Bits() + 7) / 8
	coefficient := func(v *big.Int) []byte { return octets(v.FillBytes(make([]byte, size))) }
	return sequence(
		integer(1),
		sequence(objectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 10045, 1, 1}), bigInteger(p.P)),
		sequence(coefficient(p.A), coefficient(p.B)),
		octets(domain.Generator().Encode()), bigInteger(p.N), bigInteger(p.H),
	), nil
}

// sign signs a message.
func (k *key) sign(a signatureAlgorithm, message []byte) ([]byte, error) {
	sum, err := digest(a.digest, message)
	if err != nil {
		return nil, err
	}
	hash := digests[a.digest].hash
	switch {
	case a.scheme == rsaPKCS1 && k.rsa != nil:
		return rsa.SignPKCS1v15(nil, k.rsa, hash, sum)
	case a.scheme == rsaPSS && k.rsa != nil:
		return rsa.SignPSS(rand.Reader, k.rsa, hash, sum, &rsa.PSSOptions{SaltLength: hash.Size()})
	case a.scheme == dsaSequence && k.dsa != nil:
		order := (k.dsa.Q.BitLen() + 7) / 8
		r, s, err := dsa.Sign(rand.Reader, k.dsa, sum[:min(len(sum), order)])
		if err != nil {
			return nil, err
		}
		return sequence(bigInteger(r), bigInteger(s)), nil
	case (a.scheme == ecdsaSequence || a.scheme == ecdsaPlain) && k.domain != nil:
		return k.signECDSA(a, sum)
	default:
		return nil, fmt.Errorf("a signature with %s by another kind of key", a.oid)
	}
}

// signECDSA is ECDSA (TR-03111, 4.2.1.1) with a nonce that follows from key and digest.
func (k *key) signECDSA(a signatureAlgorithm, sum []byte) ([]byte, error) {
	n := k.domain.Order()
	size := (n.BitLen() + 7) / 8
	seed := sha256.Sum256(append(k.scalar.Bytes(), sum...))
	wide := append(seed[:], sum...)
	for len(wide) < size+8 {
		wide = append(wide, sum...)
	}
	nonce := k.domain.Reduce(wide)
	point, err := k.domain.Generator().Multiply(nonce)
	if err != nil {
		return nil, err
	}
	r := new(big.Int).SetBytes(point.Secret())
	r.Mod(r, n)
	e := new(big.Int).SetBytes(sum)
	if excess := 8*len(sum) - n.BitLen(); excess > 0 {
		e.Rsh(e, uint(excess))
	}
	s := new(big.Int).Mul(r, new(big.Int).SetBytes(k.scalar.Bytes()))
	s.Add(s, e).Mul(s, new(big.Int).ModInverse(new(big.Int).SetBytes(nonce.Bytes()), n)).Mod(s, n)
	if a.scheme == ecdsaPlain {
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...), nil
	}
	return sequence(bigInteger(r), bigInteger(s)), nil
}
