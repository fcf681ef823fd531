package pace

import (
	"encoding/asn1"
	"fmt"
	"slices"

	"passport-agent/internal/ec"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
)

// Info is one way of running the protocol that a chip offers: a PACEInfo of
// EF.CardAccess (Doc 9303-11, 9.2.1).
type Info struct {
	Protocol    asn1.ObjectIdentifier
	Version     int
	ParameterID int // standardized domain parameters; negative where the chip names none
}

// Name returns the protocol without its cipher, such as "PACE-ECDH-GM"; "PACE"
// where it is not known.
func (i Info) Name() string {
	if k, _, ok := i.variant(); ok {
		return k.name
	}
	return "PACE"
}

// version is the one version of the protocol that Doc 9303 has.
const version = 2

type mapping int

const (
	generic mapping = iota + 1
	integrated
	chipAuthentication
)

// variant is an arc below id-PACE (Doc 9303-11, 9.2.3).
type variant struct {
	name    string
	mapping mapping
	curve   bool
}

var idPACE = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 4}

var variants = map[int]variant{
	1: {"PACE-DH-GM", generic, false},
	2: {"PACE-ECDH-GM", generic, true},
	3: {"PACE-DH-IM", integrated, false},
	4: {"PACE-ECDH-IM", integrated, true},
	6: {"PACE-ECDH-CAM", chipAuthentication, true},
}

var ciphers = map[int]sm.Algorithm{1: sm.TDES, 2: sm.AES128, 3: sm.AES192, 4: sm.AES256}

// variant takes the object identifier apart. Chip Authentication Mapping has no 3DES.
func (i Info) variant() (variant, sm.Algorithm, bool) {
	if len(i.Protocol) != len(idPACE)+2 || !i.Protocol[:len(idPACE)].Equal(idPACE) {
		return variant{}, 0, false
	}
	v, known := variants[i.Protocol[len(idPACE)]]
	cipher, knownCipher := ciphers[i.Protocol[len(idPACE)+1]]
	if !known || !knownCipher || v.mapping == chipAuthentication && cipher == sm.TDES {
		return variant{}, 0, false
	}
	return v, cipher, true
}

// suite is an Info that this reader can run.
type suite struct {
	oid     []byte // value octets
	mapping mapping
	cipher  sm.Algorithm
	domain  *ec.Domain
}

// suite fails with ErrUnsupported. Explicit domain parameters are never used: they
// are not signed, and bad ones give the password away (Doc 9303-11, 9.2.2).
func (i Info) suite() (suite, error) {
	v, cipher, ok := i.variant()
	if !ok || i.Version != version {
		return suite{}, fmt.Errorf("%w: protocol %s, version %d", ErrUnsupported, i.Protocol, i.Version)
	}
	domain, err := ec.ByID(i.ParameterID)
	if err != nil {
		return suite{}, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	if domain.IsCurve() != v.curve || v.mapping == integrated && domain.ID() == idP224 {
		return suite{}, fmt.Errorf("%w: %s over %s", ErrUnsupported, v.name, domain.Name())
	}
	der, err := asn1.Marshal(i.Protocol)
	if err != nil {
		return suite{}, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	object, _, err := iso7816.ParseTLV(der)
	if err != nil {
		return suite{}, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return suite{oid: object.Value, mapping: v.mapping, cipher: cipher, domain: domain}, nil
}

// idP224 is barred from Integrated Mapping (Doc 9303-11, table 12).
const idP224 = 10

// Tags of a public key data object (Doc 9303-11, 9.4).
const (
	tagPublicKey   iso7816.Tag = 0x7F49
	tagOID         iso7816.Tag = 0x06
	tagPublicValue iso7816.Tag = 0x84
	tagPublicPoint iso7816.Tag = 0x86
)

// token returns the MAC over a public key (Doc 9303-11, 4.4.3.4).
func (s suite) token(mac *sm.MAC, key []byte) []byte {
	tag := tagPublicValue
	if s.domain.IsCurve() {
		tag = tagPublicPoint
	}
	objects := iso7816.AppendTLV(nil, tagOID, s.oid)
	objects = iso7816.AppendTLV(objects, tag, key)
	mac.Reset()
	mac.Write(iso7816.AppendTLV(nil, tagPublicKey, objects))
	return mac.Sum(nil)
}

// ByStrength returns, strongest first, those of the offered ways that this reader
// can run. What protects the session least, cipher or group, decides: an AES-256 key
// agreed on over a curve of 256 bits is worth 128 bits. Among equals Chip
// Authentication Mapping is first, because it authenticates the chip in the same five
// commands; then the longer cipher key, the stronger group, a curve before a MODP
// group, whose long keys may need extended length, Generic before Integrated Mapping,
// which fewer chips have been tried with, and at last the order of the chip.
func ByStrength(offered []Info) []Info {
	known := slices.Clone(offered)
	known = slices.DeleteFunc(known, func(i Info) bool {
		_, err := i.suite()
		return err != nil
	})
	slices.SortStableFunc(known, func(a, b Info) int { return slices.Compare(b.rank(), a.rank()) })
	return known
}

// NeedsExtended reports whether the public keys of an offered way are too long for
// short commands, as those of the 2048-bit groups are. A reader that cannot pass
// extended length cannot run it.
func (i Info) NeedsExtended() bool {
	const overhead = 8 // of the templates around a public key, in bytes
	s, err := i.suite()
	return err == nil && !s.domain.IsCurve() && s.domain.Bits()/8+overhead > iso7816.MaxShortData
}

// rank is compared from the left; more is better. It is for an Info with a suite.
func (i Info) rank() []int {
	s, _ := i.suite()
	keyBits := 8 * s.cipher.KeySize()
	if s.cipher == sm.TDES {
		keyBits = 112 // parity bits do not count
	}
	strength := s.domain.Strength()
	return []int{
		min(keyBits, strength),
		rankOf(s.mapping == chipAuthentication),
		keyBits,
		strength,
		rankOf(s.domain.IsCurve()),
		rankOf(s.mapping == generic),
	}
}

func rankOf(b bool) int {
	if b {
		return 1
	}
	return 0
}
