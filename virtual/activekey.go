package virtual

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"

	"passport-agent/internal/ec"
	"passport-agent/iso7816"
)

// ActiveKey is the private key of Active Authentication and the hash function that the
// chip signs with.
type ActiveKey struct {
	RSA *rsa.PrivateKey // nil for a key on a curve
	// ParameterID and Private are domain parameters and key on a curve, as in ChipKey.
	ParameterID int
	Private     []byte
	Hash        crypto.Hash // 0 is SHA-1 for RSA and SHA-256 for curves
}

func (k *ActiveKey) hash() crypto.Hash {
	switch {
	case k.Hash != 0:
		return k.Hash
	case k.RSA != nil:
		return crypto.SHA1
	default:
		return crypto.SHA256
	}
}

// ActiveAuthentication says which key for Active Authentication a document gets, whose
// public part stands in DG15 (Doc 9303-11, 6.1).
type ActiveAuthentication struct {
	// Bits is the length of an RSA modulus; 0 is a key on the curve ParameterID.
	Bits        int
	ParameterID int
	Hash        crypto.Hash // 0 is SHA-1 for RSA and SHA-256 for curves
	// RSA is a key to take in place of a fresh one.
	RSA *rsa.PrivateKey
	// Named writes the curve's object identifier in place of its parameters.
	Named bool
	// NoInfo leaves ActiveAuthenticationInfo out of DG14, which a curve asks for.
	NoInfo bool
	// Algorithm stands in ActiveAuthenticationInfo in place of the right one.
	Algorithm asn1.ObjectIdentifier
}

var (
	oidActiveAuthentication = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 5}
	oidPlainECDSA           = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 1, 1, 4, 1}
	plainHashArcs           = map[crypto.Hash]int{crypto.SHA1: 1, crypto.SHA224: 2, crypto.SHA256: 3, crypto.SHA384: 4, crypto.SHA512: 5}
)

// addActiveAuthentication makes key and DG15, and returns the entry of DG14, nil for RSA.
func (d *Document) addActiveAuthentication(o Options) ([]byte, error) {
	a := o.ActiveAuthentication
	if a == nil {
		return nil, nil
	}
	key := &ActiveKey{Hash: a.Hash, ParameterID: a.ParameterID, RSA: a.RSA}
	var err error
	if a.Bits > 0 && key.RSA == nil {
		if key.RSA, err = rsa.GenerateKey(rand.Reader, a.Bits); err != nil {
			return nil, err
		}
	}
	d.ActiveKey = key
	if key.RSA != nil {
		info, err := x509.MarshalPKIXPublicKey(&key.RSA.PublicKey)
		d.Files[DataGroup(15)] = iso7816.AppendTLV(nil, 0x6F, info)
		return nil, err
	}
	return a.curveKey(d, key, o)
}

func (a *ActiveAuthentication) curveKey(d *Document, key *ActiveKey, o Options) ([]byte, error) {
	domain, err := ec.ByID(a.ParameterID)
	if err != nil || !domain.IsCurve() {
		return nil, fmt.Errorf("%w: no curve %d for Active Authentication", ErrDocument, a.ParameterID)
	}
	private, err := domain.NewScalar(o.Random)
	if err != nil {
		return nil, err
	}
	key.Private = private.Bytes()
	public, err := domain.Generator().Multiply(private)
	if err != nil {
		return nil, err
	}
	encoding := KeyEncoding("")
	if a.Named {
		encoding = EncodingNamed
	}
	algorithm, err := ChipAuthenticationInfo{Encoding: encoding}.curveAlgorithm(domain)
	if err != nil {
		return nil, err
	}
	point := public.Encode()
	info, err := asn1.Marshal(subjectPublicKey{algorithm, asn1.BitString{Bytes: point, BitLength: 8 * len(point)}})
	if err != nil {
		return nil, err
	}
	d.Files[DataGroup(15)] = iso7816.AppendTLV(nil, 0x6F, info)
	return a.info(key.hash())
}

// info is ActiveAuthenticationInfo (Doc 9303-11, 9.2.4).
func (a *ActiveAuthentication) info(hash crypto.Hash) ([]byte, error) {
	if a.NoInfo {
		return nil, nil
	}
	algorithm := a.Algorithm
	if algorithm == nil {
		algorithm = append(oidPlainECDSA[:len(oidPlainECDSA):len(oidPlainECDSA)], plainHashArcs[hash])
	}
	return asn1.Marshal(struct {
		Protocol  asn1.ObjectIdentifier
		Version   int
		Algorithm asn1.ObjectIdentifier
	}{oidActiveAuthentication, 1, algorithm})
}

// numbers is the plain signature taken apart.
type numbers struct{ R, S *big.Int }
