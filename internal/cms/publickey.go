package cms

import (
	"crypto/rsa"
	"encoding/asn1"
	"fmt"
	"math/big"

	"passport-agent/internal/ec"
)

// Bounds on keys, so that a hostile one does not cost seconds.
const (
	maxRSABits      = 8192
	maxExponentBits = 31 // what crypto/rsa takes
	maxDSABits      = 4096
	maxDSAOrderBits = 512
)

var (
	oidRSA         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidRSAPSS      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidECPublicKey = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidDSA         = asn1.ObjectIdentifier{1, 2, 840, 10040, 4, 1}
)

// PublicKey is an RSA, elliptic curve or DSA key. The zero value verifies nothing.
type PublicKey struct {
	rsa    *rsa.PublicKey
	domain *ec.Domain
	point  ec.Element
	dsa    *dsaKey
}

type dsaKey struct{ p, q, g, y *big.Int }

type subjectPublicKeyInfo struct {
	Algorithm algorithmIdentifier
	Key       asn1.BitString
}

// ParsePublicKey reads a SubjectPublicKeyInfo (RFC 5280, 4.1.2.7) in DER. Explicit
// curve parameters have to be those of a known curve. It fails with ErrMalformed,
// or ErrUnsupported for other kinds of keys, curves and sizes.
func ParsePublicKey(der []byte) (*PublicKey, error) {
	var info subjectPublicKeyInfo
	if err := unmarshal(der, &info); err != nil {
		return nil, err
	}
	if info.Key.BitLength%8 != 0 {
		return nil, fmt.Errorf("%w: public key of %d bits", ErrMalformed, info.Key.BitLength)
	}
	switch algorithm := info.Algorithm.Algorithm; {
	case algorithm.Equal(oidRSA), algorithm.Equal(oidRSAPSS):
		return parseRSA(info.Key.Bytes)
	case algorithm.Equal(oidECPublicKey):
		return parseEC(info.Algorithm.Parameters.FullBytes, info.Key.Bytes)
	case algorithm.Equal(oidDSA):
		return parseDSA(info.Algorithm.Parameters.FullBytes, info.Key.Bytes)
	default:
		return nil, fmt.Errorf("%w: public key %s", ErrUnsupported, algorithm)
	}
}

// RSA returns the key where it is an RSA key, else nil.
func (k *PublicKey) RSA() *rsa.PublicKey { return k.rsa }

// EC returns curve and point where it is a key on a curve, else nil.
func (k *PublicKey) EC() (*ec.Domain, ec.Element) { return k.domain, k.point }

// String names kind and size, such as "RSA 3072" or "brainpoolP256r1".
func (k *PublicKey) String() string {
	switch {
	case k.rsa != nil:
		return fmt.Sprintf("RSA %d", k.rsa.N.BitLen())
	case k.domain != nil:
		return k.domain.Name()
	case k.dsa != nil:
		return fmt.Sprintf("DSA %d", k.dsa.p.BitLen())
	default:
		return "none"
	}
}

func parseRSA(der []byte) (*PublicKey, error) {
	var key struct{ N, E *big.Int }
	if err := unmarshal(der, &key); err != nil {
		return nil, err
	}
	if key.N.Sign() <= 0 || key.E.Sign() <= 0 {
		return nil, fmt.Errorf("%w: RSA key that is not positive", ErrMalformed)
	}
	if key.N.BitLen() > maxRSABits || key.E.BitLen() > maxExponentBits {
		return nil, fmt.Errorf("%w: RSA key of %d bits, exponent of %d", ErrUnsupported, key.N.BitLen(), key.E.BitLen())
	}
	return &PublicKey{rsa: &rsa.PublicKey{N: key.N, E: int(key.E.Int64())}}, nil
}

func parseEC(parameters, point []byte) (*PublicKey, error) {
	domain, err := ec.ParseCurve(parameters)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	element, err := domain.Decode(point)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return &PublicKey{domain: domain, point: element}, nil
}

// parseDSA reads a DSA key (RFC 3279, 2.3.2) and checks that y is in the subgroup
// that p, q and g say.
func parseDSA(parameters, der []byte) (*PublicKey, error) {
	var group struct{ P, Q, G *big.Int }
	var y *big.Int
	if err := unmarshal(parameters, &group); err != nil {
		return nil, err
	}
	if err := unmarshal(der, &y); err != nil {
		return nil, err
	}
	if group.P.BitLen() > maxDSABits || group.Q.BitLen() > maxDSAOrderBits {
		return nil, fmt.Errorf("%w: DSA key of %d bits, order of %d", ErrUnsupported, group.P.BitLen(), group.Q.BitLen())
	}
	one := big.NewInt(1)
	for _, v := range []*big.Int{group.G, y} {
		if group.P.Cmp(one) <= 0 || group.Q.Cmp(one) <= 0 || v.Cmp(one) <= 0 || v.Cmp(group.P) >= 0 ||
			new(big.Int).Exp(v, group.Q, group.P).Cmp(one) != 0 {
			return nil, fmt.Errorf("%w: DSA key outside its group", ErrMalformed)
		}
	}
	return &PublicKey{dsa: &dsaKey{group.P, group.Q, group.G, y}}, nil
}
