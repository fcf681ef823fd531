package virtual

import (
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"

	"passport-agent/internal/ec"
	"passport-agent/iso7816/sm"
)

// ChipKey is a static private key of Chip Authentication (Doc 9303-11, 6.2). The chip
// takes any cipher with it.
type ChipKey struct {
	// KeyID is the reference by which a reader names the key; 0 where it has none.
	KeyID int
	// ParameterID is the number of the domain parameters (Doc 9303-11, table 12).
	ParameterID int
	// Private is the key, big-endian, in as many bytes as the order of the group has.
	Private []byte
}

// ChipAuthenticationInfo is a way to run Chip Authentication that DG14 offers, and the
// key for it (Doc 9303-11, 9.2.5 and 9.2.6).
type ChipAuthenticationInfo struct {
	// Protocol is key agreement and cipher, such as "ECDH-AES-128" or "DH-3DES".
	Protocol string
	// ParameterID is the number of the domain parameters.
	ParameterID int
	// KeyID is the reference of the key; 0 is none. Ways with the same reference
	// share their key.
	KeyID int
	// Encoding is how the domain parameters are written; empty writes them out.
	Encoding KeyEncoding
	// Fault is what is wrong in DG14, under the issuer's signature.
	Fault ChipKeyFault
}

// KeyEncoding is how DG14 writes domain parameters.
type KeyEncoding string

// Encodings. The empty value is explicit parameters: ECParameters for curves, PKCS #3
// for groups (Doc 9303-11, 9.5.2 and 9.6).
const (
	EncodingStandardized KeyEncoding = "standardized" // their number
	EncodingNamed        KeyEncoding = "named"        // the curve's object identifier
	EncodingX942         KeyEncoding = "x942"         // for groups (Doc 9303-11, 8.5, note 2)
)

// ChipKeyFault is what is wrong with an entry of DG14 for Chip Authentication.
type ChipKeyFault string

// Faults of DG14.
const (
	ChipKeyNoInfo       ChipKeyFault = "noInfo"       // the key alone, without a protocol
	ChipKeyNoKey        ChipKeyFault = "noKey"        // the protocol alone, without a key
	ChipKeyCorrupt      ChipKeyFault = "corrupt"      // a key outside its group
	ChipKeySmallOrder   ChipKeyFault = "smallOrder"   // for groups: p-1, of order 2
	ChipKeyOtherID      ChipKeyFault = "otherID"      // the protocol refers to a key that is not there
	ChipKeyUnknownToIC  ChipKeyFault = "unknownToIC"  // protocol and key agree on a reference that the chip does not know
	ChipKeyVersion      ChipKeyFault = "version"      // version 10
	ChipKeyNoVersion    ChipKeyFault = "noVersion"    // no version
	ChipKeyWrongType    ChipKeyFault = "wrongType"    // the key under an object identifier that is none
	ChipKeyUnknownCurve ChipKeyFault = "unknownCurve" // explicit parameters of no known curve
)

var (
	oidPublicKeyDH          = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 1, 1}
	oidChipAuthenticationDH = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 3, 1}
	oidDHPKCS3              = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 3, 1}
	oidDHX942               = asn1.ObjectIdentifier{1, 2, 840, 10046, 2, 1}
)

// chipCiphers are the last arcs of the protocols (Doc 9303-11, 9.2.7).
var chipCiphers = map[sm.Algorithm]int{sm.TDES: 1, sm.AES128: 2, sm.AES192: 3, sm.AES256: 4}

// parse takes the protocol's name apart.
func (i ChipAuthenticationInfo) parse() (domain *ec.Domain, arc int, err error) {
	kind, cipher, _ := strings.Cut(i.Protocol, "-")
	for a, n := range chipCiphers {
		if a.String() == cipher {
			arc = n
		}
	}
	if domain, err = ec.ByID(i.ParameterID); err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	if arc == 0 || kind != "DH" && kind != "ECDH" || domain.IsCurve() != (kind == "ECDH") {
		return nil, 0, fmt.Errorf("%w: no Chip Authentication %q over %s", ErrDocument, i.Protocol, domain.Name())
	}
	return domain, arc, nil
}

// offerChipAuthentication returns the entries of DG14, and gives the chip its keys.
func (d *Document) offerChipAuthentication(o Options) ([][]byte, error) {
	var infos [][]byte
	for _, offered := range o.ChipAuthentication {
		domain, arc, err := offered.parse()
		if err != nil {
			return nil, err
		}
		private, fresh, err := d.chipKey(o.Random, domain, offered)
		if err != nil {
			return nil, err
		}
		public, err := domain.Generator().Multiply(private)
		if err != nil {
			return nil, err
		}
		if fresh && offered.Fault != ChipKeyNoKey {
			info, err := offered.publicKeyInfo(domain, public)
			if err != nil {
				return nil, err
			}
			infos = append(infos, info)
		}
		if offered.Fault != ChipKeyNoInfo {
			info, err := offered.protocolInfo(domain.IsCurve(), arc)
			if err != nil {
				return nil, err
			}
			infos = append(infos, info)
		}
	}
	return infos, nil
}

// chipKey returns the private key with that reference; fresh says that it was made now.
func (d *Document) chipKey(random io.Reader, domain *ec.Domain, i ChipAuthenticationInfo) (ec.Scalar, bool, error) {
	for _, k := range d.ChipAuthenticationKeys {
		if k.KeyID == i.KeyID && k.ParameterID == i.ParameterID {
			private, err := domain.Scalar(k.Private)
			return private, false, err
		}
	}
	private, err := domain.NewScalar(random)
	if err != nil {
		return ec.Scalar{}, false, err
	}
	id := i.KeyID
	if i.Fault == ChipKeyUnknownToIC {
		id++
	}
	d.ChipAuthenticationKeys = append(d.ChipAuthenticationKeys, ChipKey{KeyID: id, ParameterID: i.ParameterID, Private: private.Bytes()})
	return private, true, nil
}

// publicKeyInfo is ChipAuthenticationPublicKeyInfo.
func (i ChipAuthenticationInfo) publicKeyInfo(domain *ec.Domain, public ec.Element) ([]byte, error) {
	algorithm, err := i.algorithm(domain)
	if err != nil {
		return nil, err
	}
	octets, err := i.publicOctets(domain, public)
	if err != nil {
		return nil, err
	}
	protocol := oidPublicKeyECDH
	if !domain.IsCurve() {
		protocol = oidPublicKeyDH
	}
	if i.Fault == ChipKeyWrongType {
		protocol = append(protocol[:len(protocol)-1:len(protocol)-1], 3)
	}
	return asn1.Marshal(struct {
		Protocol asn1.ObjectIdentifier
		Key      subjectPublicKey
		KeyID    int `asn1:"optional"`
	}{protocol, subjectPublicKey{algorithm, asn1.BitString{Bytes: octets, BitLength: 8 * len(octets)}}, i.KeyID})
}

type subjectPublicKey struct {
	Algorithm algorithmIdentifier
	Key       asn1.BitString
}

// publicOctets are the point, or the INTEGER of a public number, spoilt where that is
// asked for.
func (i ChipAuthenticationInfo) publicOctets(domain *ec.Domain, public ec.Element) ([]byte, error) {
	octets := public.Encode()
	if i.Fault == ChipKeyCorrupt {
		octets[len(octets)-1] ^= 0x01
	}
	if domain.IsCurve() {
		return octets, nil
	}
	number := new(big.Int).SetBytes(octets)
	if i.Fault == ChipKeySmallOrder {
		p, _, _ := domain.GroupParameters()
		number = p.Sub(p, big.NewInt(1))
	}
	return asn1.Marshal(number)
}

func (i ChipAuthenticationInfo) algorithm(domain *ec.Domain) (algorithmIdentifier, error) {
	if i.Encoding == EncodingStandardized {
		reference, err := asn1.Marshal(i.ParameterID)
		return algorithmIdentifier{oidStandardizedParameters, asn1.RawValue{FullBytes: reference}}, err
	}
	if domain.IsCurve() {
		return i.curveAlgorithm(domain)
	}
	p, q, g := domain.GroupParameters()
	if i.Encoding == EncodingX942 {
		parameters, err := asn1.Marshal(struct{ P, G, Q *big.Int }{p, g, q})
		return algorithmIdentifier{oidDHX942, asn1.RawValue{FullBytes: parameters}}, err
	}
	parameters, err := asn1.Marshal(struct{ P, G *big.Int }{p, g})
	return algorithmIdentifier{oidDHPKCS3, asn1.RawValue{FullBytes: parameters}}, err
}

func (i ChipAuthenticationInfo) curveAlgorithm(domain *ec.Domain) (algorithmIdentifier, error) {
	if i.Encoding == EncodingNamed {
		oid, ok := domain.OID()
		if !ok {
			return algorithmIdentifier{}, errors.New("curve without an object identifier")
		}
		parameters, err := asn1.Marshal(oid)
		return algorithmIdentifier{oidECPublicKey, asn1.RawValue{FullBytes: parameters}}, err
	}
	parameters, err := explicitParameters(domain)
	if err == nil && i.Fault == ChipKeyUnknownCurve {
		// The cofactor is the last octet: 1 becomes 2.
		parameters[len(parameters)-1]++
	}
	return algorithmIdentifier{oidECPublicKey, asn1.RawValue{FullBytes: parameters}}, err
}

// protocolInfo is ChipAuthenticationInfo in DER.
func (i ChipAuthenticationInfo) protocolInfo(curve bool, arc int) ([]byte, error) {
	node := oidChipAuthenticationDH
	if curve {
		node = oidChipAuthenticationECDH
	}
	protocol := append(node[:len(node):len(node)], arc)
	if i.Fault == ChipKeyNoVersion {
		return asn1.Marshal(struct{ Protocol asn1.ObjectIdentifier }{protocol})
	}
	version, id := 1, i.KeyID
	switch i.Fault {
	case ChipKeyVersion:
		version = 10
	case ChipKeyOtherID:
		id += 7
	}
	return asn1.Marshal(struct {
		Protocol asn1.ObjectIdentifier
		Version  int
		KeyID    int `asn1:"optional"`
	}{protocol, version, id})
}
