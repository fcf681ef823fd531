package chipauth

import (
	"encoding/asn1"
	"fmt"
	"math/big"

	"passport-agent/internal/ec"
)

// PublicKeyInfo is a static public key of the chip: ChipAuthenticationPublicKeyInfo
// (Doc 9303-11, 9.2.6), taken apart.
type PublicKeyInfo struct {
	Protocol   asn1.ObjectIdentifier // id-PK-DH or id-PK-ECDH
	Algorithm  asn1.ObjectIdentifier // of the SubjectPublicKeyInfo
	Parameters []byte                // of the algorithm, in DER
	Key        []byte                // the bit string's octets
	KeyID      int                   // negative where there is none
}

var (
	idPKDH   = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 1, 1}
	idPKECDH = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 1, 2}

	oidStandardized = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 1, 2}
	oidECPublicKey  = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidDHPublic     = asn1.ObjectIdentifier{1, 2, 840, 10046, 2, 1}     // X9.42
	oidDHPKCS3      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 3, 1} // PKCS #3
)

// key is a public key that has been checked.
type key struct {
	curve   bool
	domain  *ec.Domain
	element ec.Element
	id      int
}

// parse reads the domain parameters, standardized or written out (Doc 9303-11, 9.5;
// for Diffie-Hellman as PKCS #3 or, by 8.5, note 2, as X9.42), and checks the key
// against them.
func (i PublicKeyInfo) parse() (key, error) {
	k := key{id: max(i.KeyID, noID), curve: i.Protocol.Equal(idPKECDH)}
	if !k.curve && !i.Protocol.Equal(idPKDH) {
		return key{}, fmt.Errorf("%w: %s names no public key", ErrMalformed, i.Protocol)
	}
	var err error
	if k.domain, err = i.parameters(); err != nil {
		return key{}, err
	}
	if k.domain.IsCurve() != k.curve {
		return key{}, fmt.Errorf("%w: %s under %s", ErrMalformed, k.domain.Name(), i.Protocol)
	}
	octets, err := i.octets(k.curve)
	if err != nil {
		return key{}, err
	}
	if k.element, err = k.domain.Decode(octets); err != nil {
		return key{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return k, nil
}

func (i PublicKeyInfo) parameters() (*ec.Domain, error) {
	var domain *ec.Domain
	var err error
	switch {
	case i.Algorithm.Equal(oidStandardized):
		var id int
		if err := unmarshal(i.Parameters, &id); err != nil {
			return nil, err
		}
		domain, err = ec.ByID(id)
	case i.Algorithm.Equal(oidECPublicKey):
		domain, err = ec.ParseCurve(i.Parameters)
	case i.Algorithm.Equal(oidDHPublic):
		domain, err = x942Group(i.Parameters)
	case i.Algorithm.Equal(oidDHPKCS3):
		domain, err = pkcs3Group(i.Parameters)
	default:
		return nil, fmt.Errorf("%w: public key %s", ErrUnsupported, i.Algorithm)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return domain, nil
}

// x942Group reads DomainParameters of X9.42 (RFC 3279, 2.3.3).
func x942Group(der []byte) (*ec.Domain, error) {
	var group struct {
		P, G, Q    *big.Int
		J          *big.Int      `asn1:"optional"`
		Validation asn1.RawValue `asn1:"optional"`
	}
	if err := unmarshal(der, &group); err != nil {
		return nil, err
	}
	return ec.GroupByParameters(group.P, group.G, group.Q)
}

// pkcs3Group reads DHParameter of PKCS #3, which does not tell the order.
func pkcs3Group(der []byte) (*ec.Domain, error) {
	var group struct {
		P, G   *big.Int
		Length int `asn1:"optional"`
	}
	if err := unmarshal(der, &group); err != nil {
		return nil, err
	}
	return ec.GroupByParameters(group.P, group.G, nil)
}

// octets returns the key as the group decodes it: a point stands in the bit string
// itself, a number as an INTEGER.
func (i PublicKeyInfo) octets(curve bool) ([]byte, error) {
	if curve {
		return i.Key, nil
	}
	var number *big.Int
	if err := unmarshal(i.Key, &number); err != nil {
		return nil, err
	}
	if number.Sign() <= 0 {
		return nil, fmt.Errorf("%w: public number not positive", ErrMalformed)
	}
	return number.Bytes(), nil
}

func unmarshal(der []byte, value any) error {
	rest, err := asn1.Unmarshal(der, value)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if len(rest) > 0 {
		return fmt.Errorf("%w: %d bytes too many", ErrMalformed, len(rest))
	}
	return nil
}
