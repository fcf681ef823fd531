package cms

import (
	"encoding/asn1"
	"fmt"
	"slices"
	"time"
)

// KeyUsage is the set of uses of RFC 5280, 4.2.1.3; bit 0 is digitalSignature.
type KeyUsage uint16

// Uses that Doc 9303-12, table 6 speaks of.
const (
	DigitalSignature KeyUsage = 1 << 0
	KeyCertSign      KeyUsage = 1 << 5
	CRLSign          KeyUsage = 1 << 6
)

// Extensions is what a certificate says about itself beyond its fields. What is
// absent is zero. An extension that cannot be read is listed in Malformed and
// otherwise absent.
type Extensions struct {
	HasKeyUsage      bool
	KeyUsageCritical bool
	KeyUsage         KeyUsage

	HasBasicConstraints bool
	IsCA                bool
	PathLength          int // -1 where there is no bound

	SubjectKeyID      []byte
	AuthorityKeyID    []byte
	HasAuthorityKeyID bool // the extension is there, whatever it holds

	PrivateKeyFrom, PrivateKeyTo time.Time // privateKeyUsagePeriod

	ExtendedKeyUsage      []asn1.ObjectIdentifier
	DocumentTypes         []string // as in the MRZ (Doc 9303-12, 7.1.1.6)
	CRLDistributionPoints []byte   // as encoded
	StateCode             string   // three-letter code in subjectAltName (Doc 9303-12, 7.1.1.2)
	NameChange            bool

	Malformed []string // object identifiers

	unknownCritical []string
}

const maxExtensions = 64

var oidExtension = struct {
	subjectKeyID, keyUsage, privateKeyUsage, subjectAltName, issuerAltName, basicConstraints, crlNumber, deltaCRL, issuingPoint,
	crlPoints, policies, authorityKeyID, extendedKeyUsage, nameChange, documentTypes string
}{
	subjectKeyID: "2.5.29.14", keyUsage: "2.5.29.15", privateKeyUsage: "2.5.29.16", subjectAltName: "2.5.29.17",
	issuerAltName: "2.5.29.18", basicConstraints: "2.5.29.19", crlNumber: "2.5.29.20", deltaCRL: "2.5.29.27", issuingPoint: "2.5.29.28",
	crlPoints: "2.5.29.31", policies: "2.5.29.32", authorityKeyID: "2.5.29.35", extendedKeyUsage: "2.5.29.37",
	nameChange: "2.23.136.1.1.6.1", documentTypes: "2.23.136.1.1.6.2",
}

// extension is one of the list; parsed by hand, because BOOLEAN values other than
// FF stand in real certificates.
type extension struct {
	oid      string
	critical bool
	value    []byte
}

// splitExtensions reads the content of the [3] or [0] that holds the list.
func splitExtensions(content []byte) ([]extension, error) {
	if len(content) == 0 {
		return nil, nil
	}
	list, err := single(content, maxExtensions)
	if err != nil {
		return nil, err
	}
	extensions := make([]extension, len(list))
	for i, raw := range list {
		parts, err := members(raw, asn1.TagSequence, 3)
		if err != nil {
			return nil, err
		}
		if len(parts) < 2 || parts[0].Tag != asn1.TagOID || parts[len(parts)-1].Tag != asn1.TagOctetString ||
			len(parts) == 3 && (parts[1].Tag != asn1.TagBoolean || len(parts[1].Bytes) != 1) {
			return nil, fmt.Errorf("%w: extension", ErrMalformed)
		}
		extensions[i] = extension{
			oid: oidText(parts[0]), value: parts[len(parts)-1].Bytes,
			critical: len(parts) == 3 && parts[1].Bytes[0] != 0,
		}
	}
	return extensions, nil
}

func parseExtensions(content []byte) (Extensions, error) {
	e := Extensions{PathLength: -1}
	list, err := splitExtensions(content)
	if err != nil {
		return e, err
	}
	var seen []string
	for _, x := range list {
		known, err := e.take(x)
		if err != nil || slices.Contains(seen, x.oid) {
			e.Malformed = append(e.Malformed, x.oid)
		}
		if !known && x.critical {
			e.unknownCritical = append(e.unknownCritical, x.oid)
		}
		seen = append(seen, x.oid)
	}
	return e, nil
}

// take reads one extension; known is false for those that nothing here looks at.
func (e *Extensions) take(x extension) (known bool, err error) {
	switch x.oid {
	case oidExtension.subjectKeyID:
		err = unmarshal(x.value, &e.SubjectKeyID)
	case oidExtension.authorityKeyID:
		e.HasAuthorityKeyID = true
		e.AuthorityKeyID, err = parseAuthorityKeyID(x.value)
	case oidExtension.keyUsage:
		e.HasKeyUsage, e.KeyUsageCritical = true, x.critical
		e.KeyUsage, err = parseKeyUsage(x.value)
	case oidExtension.basicConstraints:
		e.HasBasicConstraints = true
		err = e.takeBasicConstraints(x.value)
	case oidExtension.privateKeyUsage:
		err = e.takePrivateKeyUsage(x.value)
	case oidExtension.extendedKeyUsage:
		err = unmarshal(x.value, &e.ExtendedKeyUsage)
	case oidExtension.documentTypes:
		e.DocumentTypes, err = parseDocumentTypes(x.value)
	case oidExtension.crlPoints:
		e.CRLDistributionPoints = x.value
	case oidExtension.subjectAltName:
		names, err := directoryNames(x.value)
		for _, name := range names {
			// stateOrProvinceName stands where the code of the MRZ is not unique.
			if e.StateCode = name.first(oidNameState); e.StateCode == "" {
				e.StateCode = name.first(oidNameLocality)
			}
		}
		return true, err
	case oidExtension.nameChange:
		e.NameChange = true
	case oidExtension.issuerAltName, oidExtension.policies:
	default:
		return false, nil
	}
	return true, err
}

// parseAuthorityKeyID returns the key identifier alone: issuer and serial number
// name a certificate of the issuer, and its key may be in several.
func parseAuthorityKeyID(value []byte) ([]byte, error) {
	var a struct {
		KeyID asn1.RawValue `asn1:"optional,tag:0"`
	}
	err := unmarshal(value, &a)
	return a.KeyID.Bytes, err
}

func parseKeyUsage(value []byte) (KeyUsage, error) {
	var bits asn1.BitString
	if err := unmarshal(value, &bits); err != nil {
		return 0, err
	}
	var usage KeyUsage
	for i := range 9 {
		usage |= KeyUsage(bits.At(i)) << i
	}
	return usage, nil
}

func (e *Extensions) takeBasicConstraints(value []byte) error {
	parts, err := single(value, 2)
	if err != nil {
		return err
	}
	for _, part := range parts {
		switch {
		case part.Tag == asn1.TagBoolean && len(part.Bytes) == 1:
			e.IsCA = part.Bytes[0] != 0
		case part.Tag == asn1.TagInteger && len(part.Bytes) == 1 && part.Bytes[0] < 0x80:
			e.PathLength = int(part.Bytes[0])
		default:
			return fmt.Errorf("%w: basic constraints", ErrMalformed)
		}
	}
	return nil
}

// takePrivateKeyUsage reads PrivateKeyUsagePeriod, two implicitly tagged times.
func (e *Extensions) takePrivateKeyUsage(value []byte) error {
	parts, err := single(value, 2)
	if err != nil {
		return err
	}
	for _, part := range parts {
		t, _, err := parseTime(asn1.RawValue{Tag: asn1.TagGeneralizedTime, Bytes: part.Bytes})
		if err != nil {
			return err
		}
		if part.Tag == 0 {
			e.PrivateKeyFrom = t
		} else {
			e.PrivateKeyTo = t
		}
	}
	return nil
}

func parseDocumentTypes(value []byte) ([]string, error) {
	var list struct {
		Version int
		Types   asn1.RawValue
	}
	if err := unmarshal(value, &list); err != nil {
		return nil, err
	}
	parts, err := members(list.Types, asn1.TagSet, maxExtensions)
	types := make([]string, len(parts))
	for i, member := range parts {
		types[i] = text(member)
	}
	return types, err
}

const tagDirectoryName = 4

// directoryNames returns the names of kind directoryName among GeneralNames.
func directoryNames(value []byte) ([]Name, error) {
	list, err := single(value, maxExtensions)
	if err != nil {
		return nil, err
	}
	var names []Name
	for _, member := range list {
		if member.Class != asn1.ClassContextSpecific || member.Tag != tagDirectoryName {
			continue
		}
		inner, err := elements(member.Bytes, 1)
		if err != nil || len(inner) != 1 {
			return nil, fmt.Errorf("%w: directory name", ErrMalformed)
		}
		name, err := parseName(inner[0])
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}
