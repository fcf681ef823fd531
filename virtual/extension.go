package virtual

import (
	"encoding/asn1"
	"time"
)

// Extensions of Doc 9303-12, 7.1.1, table 6.
var (
	oidSubjectKeyIdentifier   = asn1.ObjectIdentifier{2, 5, 29, 14}
	oidKeyUsage               = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidPrivateKeyUsagePeriod  = asn1.ObjectIdentifier{2, 5, 29, 16}
	oidSubjectAltName         = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidIssuerAltName          = asn1.ObjectIdentifier{2, 5, 29, 18}
	oidBasicConstraints       = asn1.ObjectIdentifier{2, 5, 29, 19}
	oidCRLDistributionPoints  = asn1.ObjectIdentifier{2, 5, 29, 31}
	oidAuthorityKeyIdentifier = asn1.ObjectIdentifier{2, 5, 29, 35}
	oidDocumentTypeList       = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 6, 2}
	// oidFiller stands under the example arc of ISO/IEC 9834: it means nothing.
	oidFiller = asn1.ObjectIdentifier{2, 999, 1}
)

// Bits of KeyUsage as the bit string is written (RFC 5280, 4.2.1.3).
var (
	digitalSignature   = asn1.BitString{Bytes: []byte{0x80}, BitLength: 1}
	keyCertSignCRLSign = asn1.BitString{Bytes: []byte{0x06}, BitLength: 7}
)

// extensionList collects extensions; the first error sticks.
type extensionList struct {
	list []extension
	err  error
}

func (l *extensionList) add(id asn1.ObjectIdentifier, critical bool, value any) {
	encoded, err := asn1.Marshal(value)
	if err != nil && l.err == nil {
		l.err = err
	}
	l.list = append(l.list, extension{id, critical, encoded})
}

func (l *extensionList) authorityKeyIdentifier(id []byte) {
	l.add(oidAuthorityKeyIdentifier, false, struct {
		ID []byte `asn1:"tag:0"`
	}{id})
}

func (l *extensionList) subjectKeyIdentifier(id []byte) {
	l.add(oidSubjectKeyIdentifier, false, id)
}

func (l *extensionList) keyUsage(bits asn1.BitString) { l.add(oidKeyUsage, true, bits) }

func (l *extensionList) privateKeyUsagePeriod(from, to time.Time) {
	general := func(t time.Time) []byte { return []byte(t.UTC().Format("20060102150405Z")) }
	l.add(oidPrivateKeyUsagePeriod, false, struct {
		NotBefore []byte `asn1:"tag:0"`
		NotAfter  []byte `asn1:"tag:1"`
	}{general(from), general(to)})
}

// altNames names the issuing state as the zone does (Doc 9303-12, 7.1.1.2), and
// an address where to ask.
func (l *extensionList) altNames(state string) {
	directory, err := name(printable(oidLocality, state))
	if err != nil && l.err == nil {
		l.err = err
	}
	names := []asn1.RawValue{
		{Class: asn1.ClassContextSpecific, Tag: 1, Bytes: []byte("csca@specimen.example")},
		{Class: asn1.ClassContextSpecific, Tag: 4, IsCompound: true, Bytes: directory},
	}
	l.add(oidSubjectAltName, false, names)
	l.add(oidIssuerAltName, false, names)
}

func (l *extensionList) basicConstraints() {
	l.add(oidBasicConstraints, true, struct {
		CA         bool
		PathLength int
	}{true, 0})
}

func (l *extensionList) crlDistributionPoint(address string) {
	type point struct {
		Name struct {
			Full []asn1.RawValue `asn1:"tag:0"`
		} `asn1:"tag:0"`
	}
	var p point
	p.Name.Full = []asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: 6, Bytes: []byte(address)}}
	l.add(oidCRLDistributionPoints, false, []point{p})
}

// documentTypes lists what the signer may sign (Doc 9303-12, 7.1.1.6).
func (l *extensionList) documentTypes(types ...string) {
	var list []asn1.RawValue
	for _, t := range types {
		list = append(list, asn1.RawValue{Tag: asn1.TagPrintableString, Bytes: []byte(t)})
	}
	l.add(oidDocumentTypeList, false, struct {
		Version int
		Types   []asn1.RawValue `asn1:"set"`
	}{0, list})
}

func (l *extensionList) filler(content []byte) { l.add(oidFiller, false, content) }
