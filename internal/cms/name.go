package cms

import (
	"encoding/asn1"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Name is a distinguished name. The zero value is an empty name.
type Name struct {
	Raw []byte // as encoded
	// Irregular is true where the name is not written as Doc 9303-12, table 5 asks:
	// a countryName of two capital letters as PrintableString, what has the syntax of a
	// DirectoryString as PrintableString or UTF8String.
	Irregular bool

	comparable string
	attributes []attribute
}

type attribute struct {
	oid   string
	value string // in UTF-8, as written
}

const (
	oidNameCountry  = "2.5.4.6"
	oidNameSerial   = "2.5.4.5"
	oidNameLocality = "2.5.4.7"
	oidNameState    = "2.5.4.8"
	oidNameEMail    = "1.2.840.113549.1.9.1"
	oidNameDomain   = "0.9.2342.19200300.100.1.25"
	maxNameParts    = 64
)

// attributeNames are the short names of RFC 4514, 3, and serialNumber.
var attributeNames = map[string]string{
	"2.5.4.3": "CN", oidNameSerial: "serialNumber", oidNameCountry: "C", oidNameLocality: "L", oidNameState: "ST", "2.5.4.10": "O", "2.5.4.11": "OU",
}

// Equal reports whether both are the same name, however it is written: the string
// type, upper and lower case and spaces do not count (RFC 5280, 7.1). Issuers write
// their own name differently from one certificate to the next.
func (n Name) Equal(other Name) bool { return n.comparable == other.comparable }

// Comparable returns a form of the name that is the same for equal names; it is
// for use as a key and not for people.
func (n Name) Comparable() string { return n.comparable }

// Country returns the first countryName in upper case, or nothing.
func (n Name) Country() string { return strings.ToUpper(strings.TrimSpace(n.first(oidNameCountry))) }

func (n Name) first(oid string) string {
	i := slices.IndexFunc(n.attributes, func(a attribute) bool { return a.oid == oid })
	if i < 0 {
		return ""
	}
	return n.attributes[i].value
}

// String lists the attributes in the order in which they are encoded.
func (n Name) String() string {
	parts := make([]string, len(n.attributes))
	for i, a := range n.attributes {
		short, ok := attributeNames[a.oid]
		if !ok {
			short = a.oid
		}
		parts[i] = short + "=" + strings.Map(printable, a.value)
	}
	return strings.Join(parts, ", ")
}

// printable keeps control characters away from a terminal.
func printable(r rune) rune {
	if !strconv.IsPrint(r) {
		return '?'
	}
	return r
}

// ParseName reads a Name in DER. It fails with ErrMalformed.
func ParseName(der []byte) (Name, error) {
	var raw asn1.RawValue
	if err := unmarshal(der, &raw); err != nil {
		return Name{}, err
	}
	return parseName(raw)
}

// parseName reads a Name, a sequence of sets of attributes (RFC 5280, 4.1.2.4).
func parseName(raw asn1.RawValue) (Name, error) {
	n := Name{Raw: raw.FullBytes}
	sets, err := members(raw, asn1.TagSequence, maxNameParts)
	if err != nil {
		return Name{}, err
	}
	var all strings.Builder
	for _, set := range sets {
		list, err := members(set, asn1.TagSet, maxNameParts)
		if err != nil {
			return Name{}, err
		}
		parts := make([]string, len(list))
		for i, member := range list {
			pair, err := members(member, asn1.TagSequence, 2)
			if err != nil || len(pair) != 2 || pair[0].Class != asn1.ClassUniversal || pair[0].Tag != asn1.TagOID || pair[1].Class != asn1.ClassUniversal {
				return Name{}, fmt.Errorf("%w: attribute of a name", ErrMalformed)
			}
			value := text(pair[1])
			n.Irregular = n.Irregular || !regular(oidText(pair[0]), pair[1])
			n.attributes = append(n.attributes, attribute{oidText(pair[0]), value})
			parts[i] = strconv.Quote(string(pair[0].Bytes)) + strconv.Quote(strings.ToLower(strings.Join(strings.Fields(value), " ")))
		}
		slices.Sort(parts)
		all.WriteString(strings.Join(parts, "+") + ";")
	}
	n.comparable = all.String()
	n.Irregular = n.Irregular || n.first(oidNameCountry) == ""
	return n, nil
}

func regular(oid string, value asn1.RawValue) bool {
	switch oid {
	case oidNameCountry:
		return value.Tag == asn1.TagPrintableString && len(value.Bytes) == 2 && strings.ToUpper(string(value.Bytes)) == string(value.Bytes)
	case oidNameSerial:
		return value.Tag == asn1.TagPrintableString
	case oidNameEMail, oidNameDomain:
		return value.Tag == asn1.TagIA5String
	default:
		return value.Tag == asn1.TagPrintableString || value.Tag == asn1.TagUTF8String
	}
}

func oidText(raw asn1.RawValue) string {
	var oid asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(raw.FullBytes, &oid); err != nil {
		return fmt.Sprintf("%X", raw.Bytes) // an arc beyond 31 bits; it stands for itself
	}
	return oid.String()
}

// text decodes a string of any type; what is no string stands as its octets.
func text(raw asn1.RawValue) string {
	b := raw.Bytes
	switch raw.Tag {
	case asn1.TagUTF8String, asn1.TagPrintableString, asn1.TagIA5String, asn1.TagNumericString, 26: // VisibleString
		return strings.ToValidUTF8(string(b), "\uFFFD")
	case asn1.TagT61String: // in practice ISO 8859-1
		runes := make([]rune, len(b))
		for i, octet := range b {
			runes[i] = rune(octet)
		}
		return string(runes)
	case asn1.TagBMPString:
		units := make([]uint16, len(b)/2)
		for i := range units {
			units[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
		}
		return string(utf16.Decode(units))
	default:
		return fmt.Sprintf("#%X", raw.FullBytes)
	}
}
