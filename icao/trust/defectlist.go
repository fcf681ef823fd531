package trust

import (
	"crypto"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"passport-agent/internal/cms"
	"passport-agent/internal/fault"
)

// The arc of defect lists, and whose key signs them (TR-03129-2, 8.1 and 8.2).
var (
	oidDefectList       = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 3, 1, 5}
	oidDefectListSigner = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 3, 11, 2, 1, 2}
)

// Bounds on a defect list.
const (
	maxDefects       = 50_000
	maxKnownDefects  = 64
	maxDefectMembers = 64
	lastDefectGroup  = 16
)

// DefectList is a list of known defects that was imported.
type DefectList struct {
	Publisher string    `json:"publisher"` // country of the list's signer
	Signer    string    `json:"signer"`    // its name
	Date      time.Time `json:"date"`      // when it was signed
	Defects   int       `json:"defects"`   // certificates that it names
	// Unreadable is the number of certificates whose defects cannot be read.
	Unreadable int    `json:"unreadable"`
	SHA256     string `json:"sha256"` // of the file, in hexadecimal
}

// defectList is a list with its content, which is kept as it was signed.
type defectList struct {
	DefectList
	content    []byte
	hash       crypto.Hash
	defects    []listedDefect
	unreadable []string // place on the list and reason
}

type listedDefect struct {
	reference reference
	known     []Defect
}

// DefectLists returns the defect lists, in the order of import.
func (s *Store) DefectLists() []DefectList {
	var lists []DefectList
	for _, l := range s.defectLists {
		lists = append(lists, l.DefectList)
	}
	return lists
}

// DefectListDate is that of the newest defect list; zero where there is none.
func (s *Store) DefectListDate() time.Time {
	var newest time.Time
	for _, l := range s.defectLists {
		if l.Date.After(newest) {
			newest = l.Date
		}
	}
	return newest
}

// importDefectList replaces what an earlier issue by the same publisher said.
func (s *Store) importDefectList(b []byte, signed *cms.SignedData, o ImportOptions) (Report, error) {
	signer, date, err := s.checkListSignature(signed, o, oidDefectListSigner)
	if err != nil {
		return Report{}, err
	}
	list, err := parseDefectList(signed.Content)
	if err != nil {
		return Report{}, fault.New(fault.TrustFileUnknown, "defect list", err)
	}
	sum := sha256.Sum256(b)
	list.DefectList = DefectList{
		Publisher: signer.Subject.Country(), Signer: signer.Subject.String(), Date: date.UTC(),
		Defects: len(list.defects), Unreadable: len(list.unreadable), SHA256: hex.EncodeToString(sum[:]),
	}
	if list.Publisher == "" {
		return Report{}, fault.New(fault.TrustSignature, "the list's signer names no country", nil)
	}
	same := func(l *defectList) bool { return l.Publisher == list.Publisher }
	if slices.ContainsFunc(s.defectLists, func(l *defectList) bool { return same(l) && l.Date.After(list.Date) }) {
		return Report{}, fault.New(fault.TrustOlder, fmt.Sprintf("defect list of %s of %s", list.Publisher, list.Date.Format(time.DateOnly)), nil)
	}
	s.defectLists = append(slices.DeleteFunc(slices.Clone(s.defectLists), same), list)
	return Report{DefectLists: []DefectList{list.DefectList}, LeftOut: list.unreadable}, nil
}

// parseDefectList reads DefectList in versions 1 to 3 (TR-03129-2, 8.1). A defect that
// cannot be read must not keep the others out.
func parseDefectList(content []byte) (*defectList, error) {
	der, err := cms.ToDER(content)
	if err != nil {
		return nil, err
	}
	var outer struct {
		Version int
		Hash    asn1.ObjectIdentifier
		Defects asn1.RawValue `asn1:"set"`
	}
	if rest, err := asn1.Unmarshal(der, &outer); err != nil || len(rest) > 0 {
		return nil, malformed("list", err)
	}
	list := &defectList{content: content}
	if list.hash, err = cms.Hash(outer.Hash); err != nil {
		return nil, err
	}
	members, err := split(outer.Defects.Bytes, maxDefects)
	if err != nil {
		return nil, err
	}
	for i, raw := range members {
		d, err := parseDefect(raw)
		if err != nil {
			list.unreadable = append(list.unreadable, fmt.Sprintf("defect %d: %v", i+1, err))
			continue
		}
		list.defects = append(list.defects, d)
	}
	return list, nil
}

func malformed(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%w: %s: %w", cms.ErrMalformed, what, err)
	}
	return fmt.Errorf("%w: %s", cms.ErrMalformed, what)
}

// split returns the elements that stand side by side.
func split(content []byte, limit int) ([]asn1.RawValue, error) {
	var list []asn1.RawValue
	for len(content) > 0 {
		var raw asn1.RawValue
		rest, err := asn1.Unmarshal(content, &raw)
		if err != nil || len(list) == limit {
			return nil, malformed("elements", err)
		}
		list, content = append(list, raw), rest
	}
	return list, nil
}

func isUniversal(raw asn1.RawValue, tag int) bool {
	return raw.Class == asn1.ClassUniversal && raw.Tag == tag
}

// isFirst reports whether an element has the tag [0].
func isFirst(raw asn1.RawValue) bool {
	return raw.Class == asn1.ClassContextSpecific && raw.Tag == 0
}

// parseDefect reads Defect: references in one of several forms, the set of defects, and
// a description.
func parseDefect(raw asn1.RawValue) (listedDefect, error) {
	var d listedDefect
	parts, err := split(raw.Bytes, maxDefectMembers)
	if err != nil || !isUniversal(raw, asn1.TagSequence) {
		return d, malformed("defect", err)
	}
	hasDefects := false
	for _, part := range parts {
		switch {
		case isUniversal(part, asn1.TagSet):
			hasDefects = true
			d.known, err = parseKnownDefects(part)
		case isUniversal(part, asn1.TagOctetString):
			d.reference.hash = part.Bytes
		case isUniversal(part, asn1.TagSequence), isFirst(part):
			err = d.reference.take(part)
		case isUniversal(part, asn1.TagUTF8String):
		default:
			err = malformed("member of a defect", nil)
		}
		if err != nil {
			return d, err
		}
	}
	if !hasDefects {
		return d, malformed("defect without defects", nil)
	}
	return d, nil
}

func parseKnownDefects(set asn1.RawValue) ([]Defect, error) {
	members, err := split(set.Bytes, maxKnownDefects)
	if err != nil {
		return nil, err
	}
	var known []Defect
	for _, raw := range members {
		d, err := parseKnownDefect(raw)
		if err != nil {
			return nil, err
		}
		known = append(known, d)
	}
	return known, nil
}

// parseKnownDefect reads KnownDefect, or KnownDefectV2 with its tags and description.
func parseKnownDefect(raw asn1.RawValue) (Defect, error) {
	second := isFirst(raw)
	parts, err := split(raw.Bytes, maxDefectMembers)
	if second && err == nil && len(parts) == 1 { // its own tag is explicit
		parts, err = split(parts[0].Bytes, maxDefectMembers)
	}
	if err != nil || len(parts) == 0 {
		return Defect{}, malformed("known defect", err)
	}
	var oid asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(parts[0].FullBytes, &oid); err != nil {
		return Defect{}, malformed("known defect", err)
	}
	var parameters []byte
	for _, part := range parts[1:] {
		switch {
		case !second:
			parameters = part.FullBytes
		case isFirst(part):
			parameters = part.Bytes
		}
	}
	return knownDefect(oid, parameters), nil
}

// take reads one of the references of a defect. Signer and authority are told apart by
// what they hold: the tags are the same.
func (r *reference) take(raw asn1.RawValue) error {
	parts, err := split(raw.Bytes, maxDefectMembers)
	if isFirst(raw) || err == nil && len(parts) == 2 && isUniversal(parts[1], asn1.TagInteger) {
		return r.takeSigner(raw.FullBytes)
	}
	if err != nil {
		return err
	}
	for _, part := range parts {
		if err := r.takeTagged(part); err != nil {
			return err
		}
	}
	return nil
}

func (r *reference) takeSigner(der []byte) error {
	id, err := cms.ParseSignerIdentifier(der)
	if err != nil {
		return err
	}
	if id.Serial == nil {
		r.keyID = keyIdentifier(id.SubjectKeyID)
	} else {
		r.signer = id
	}
	return nil
}

// takeTagged reads a member of SignerCertificateReference or CaCertificateReference.
// Whether its tags are explicit the guideline does not say: both are read.
func (r *reference) takeTagged(part asn1.RawValue) error {
	if part.Class != asn1.ClassContextSpecific {
		return malformed("reference", nil)
	}
	switch part.Tag {
	case 0:
		return r.takeName(part)
	case 1:
		return r.takeKeyID(part)
	case 2: // signerReference, of bar codes
		return nil
	case 3:
		r.hash = keyIdentifier(part.Bytes)
		return nil
	default:
		return malformed("reference", nil)
	}
}

// takeName reads issuer and serial number, or the name of an authority.
func (r *reference) takeName(part asn1.RawValue) error {
	inner, err := split(part.Bytes, maxDefectMembers)
	if err != nil || len(inner) == 0 {
		return malformed("reference", err)
	}
	sequence := slices.Concat([]byte{0x30}, part.FullBytes[1:])
	if len(inner) == 1 && isUniversal(inner[0], asn1.TagSequence) {
		sequence = inner[0].FullBytes
		if inner, err = split(inner[0].Bytes, maxDefectMembers); err != nil {
			return err
		}
	}
	if len(inner) == 2 && isUniversal(inner[1], asn1.TagInteger) {
		return r.takeSigner(sequence)
	}
	name, err := cms.ParseName(sequence)
	r.authority, r.authorityName = true, &name
	return err
}

// takeKeyID reads a key identifier: an octet string for a signer, the structure
// AuthorityKeyIdentifier for an authority.
func (r *reference) takeKeyID(part asn1.RawValue) error {
	if !part.IsCompound {
		r.keyID = part.Bytes
		return nil
	}
	inner, err := split(part.Bytes, maxDefectMembers)
	if err != nil || len(inner) == 0 {
		return malformed("reference", err)
	}
	if isUniversal(inner[0], asn1.TagOctetString) {
		r.keyID = inner[0].Bytes
		return nil
	}
	if isUniversal(inner[0], asn1.TagSequence) {
		if inner, err = split(inner[0].Bytes, maxDefectMembers); err != nil {
			return err
		}
	}
	r.authority = true
	for _, member := range inner {
		if isFirst(member) {
			r.authorityKeyID = member.Bytes
		}
	}
	return nil
}

// keyIdentifier takes an octet string out of an explicit tag.
func keyIdentifier(b []byte) []byte {
	var inner []byte
	if rest, err := asn1.Unmarshal(b, &inner); err == nil && len(rest) == 0 {
		return inner
	}
	return b
}

// defectKinds are the kinds by the last numbers of their object identifiers.
var defectKinds = map[string]DefectKind{
	"1.1": DefectSignerRevoked, "1.2": DefectSignerReplaced, "1.3": DefectChipAuthentication, "1.4": DefectActiveAuthentication,
	"1.5": DefectProtocol, "1.6": DefectValidity,
	"2.1": DefectDataGroup, "2.2": DefectSecurityObject, "2.3": DefectCOMDiffers, "2.4": DefectSignerIdentifier,
	"2.5": DefectIssuingCountry, "2.6": DefectIssuingCountry,
	"4.1": DefectCardSecurity, "4.2": DefectChipSecurity, "4.3": DefectPowerDown, "4.4": DefectSignerMalformed, "4.6": DefectSignerMalformed,
}

// knownDefect reads the parameters of a kind (TR-03129-2, 8.3). Where they cannot be
// read the defect stays, and excuses nothing.
func knownDefect(oid asn1.ObjectIdentifier, parameters []byte) Defect {
	d := Defect{Status: -1}
	if len(oid) <= len(oidDefectList) || !oid[:len(oidDefectList)].Equal(oidDefectList) {
		d.Kind = DefectUnknown
		return d
	}
	below := oid[len(oidDefectList):].String()
	kind, ok := defectKinds[below]
	switch {
	case ok:
		d.Kind = kind
	case below == "4" || strings.HasPrefix(below, "4."):
		d.Kind = DefectUnknownDocument
	default:
		d.Kind = DefectUnknown
	}
	if d.takeParameters(below, parameters) != nil {
		return Defect{Kind: d.Kind, Status: -1}
	}
	return d
}

func (d *Defect) takeParameters(below string, b []byte) error {
	var err error
	switch d.Kind {
	case DefectSignerRevoked, DefectProtocol, DefectValidity:
		d.Status, err = status(b)
	case DefectSecurityObject:
		if len(b) > 0 {
			d.Status, err = status(b)
		}
	case DefectSignerReplaced:
		var der []byte
		if der, err = octets(b); err == nil {
			d.replacement, err = cms.ParseCertificate(der)
		}
	case DefectDataGroup:
		d.DataGroups, err = dataGroups(b)
	case DefectCOMDiffers:
		err = d.takeDiscrepancy(b)
	case DefectSignerIdentifier:
		var id cms.SignerIdentifier
		id, err = cms.ParseSignerIdentifier(b)
		d.corrected = &id
	case DefectIssuingCountry:
		err = d.takeCountry(below, b)
	case DefectSignerMalformed:
		err = d.takeMalformed(below, b)
	}
	return err
}

func status(b []byte) (int, error) {
	var code asn1.Enumerated
	if rest, err := asn1.Unmarshal(b, &code); err != nil || len(rest) > 0 || code < 0 {
		return -1, malformed("status code", err)
	}
	return int(code), nil
}

func octets(b []byte) ([]byte, error) {
	var inner []byte
	if rest, err := asn1.Unmarshal(b, &inner); err != nil || len(rest) > 0 {
		return nil, malformed("octet string", err)
	}
	return inner, nil
}

// dataGroups reads a SET OF numbers.
func dataGroups(b []byte) ([]int, error) {
	var numbers []int
	if rest, err := asn1.UnmarshalWithParams(b, &numbers, "set"); err != nil || len(rest) > 0 {
		return nil, malformed("data groups", err)
	}
	for _, n := range numbers {
		if n < 1 || n > lastDefectGroup {
			return nil, malformed("data group", nil)
		}
	}
	slices.Sort(numbers)
	return slices.Compact(numbers), nil
}

func (d *Defect) takeDiscrepancy(b []byte) error {
	if len(b) == 0 {
		d.Generic = true
		return nil
	}
	var sets struct{ COM, SOD asn1.RawValue }
	if rest, err := asn1.Unmarshal(b, &sets); err != nil || len(rest) > 0 {
		return malformed("discrepancy", err)
	}
	var err error
	if d.InCOM, err = dataGroups(sets.COM.FullBytes); err != nil {
		return err
	}
	d.InSOD, err = dataGroups(sets.SOD.FullBytes)
	return err
}

// takeCountry reads the right country: a string, or the part of a distinguished name
// that is wrong (TR-03129-2, 8.3.2.5 and 8.3.2.6). Other parts change no check here.
func (d *Defect) takeCountry(below string, b []byte) error {
	if below == "2.5" {
		var country asn1.RawValue
		if rest, err := asn1.Unmarshal(b, &country); err != nil || len(rest) > 0 || country.IsCompound {
			return malformed("country", err)
		}
		d.Country = strings.ToUpper(string(country.Bytes))
		return nil
	}
	var set asn1.RawValue
	if rest, err := asn1.Unmarshal(b, &set); err != nil || len(rest) > 0 || !isUniversal(set, asn1.TagSet) {
		return malformed("distinguished name", err)
	}
	members, err := split(set.Bytes, maxDefectMembers)
	if err != nil {
		return err
	}
	for _, raw := range members {
		var part struct {
			Of        asn1.Enumerated
			Type      asn1.ObjectIdentifier
			Incorrect asn1.RawValue `asn1:"optional,tag:0"`
			Corrected asn1.RawValue `asn1:"tag:1"`
		}
		if rest, err := asn1.Unmarshal(raw.FullBytes, &part); err != nil || len(rest) > 0 {
			return malformed("part of a distinguished name", err)
		}
		if part.Of == 0 && part.Type.Equal(asn1.ObjectIdentifier{2, 5, 4, 6}) {
			d.Country = strings.ToUpper(string(text(part.Corrected)))
		}
	}
	return nil
}

// text takes a string out of a tag, explicit or not.
func text(raw asn1.RawValue) []byte {
	var inner asn1.RawValue
	if raw.IsCompound {
		if _, err := asn1.Unmarshal(raw.Bytes, &inner); err == nil {
			return inner.Bytes
		}
	}
	return raw.Bytes
}

// takeMalformed reads whose certificate is malformed and why: a code alone means the
// document signer's (TR-03129-2, 8.3.3.4 and 8.3.3.5).
func (d *Defect) takeMalformed(below string, b []byte) error {
	var err error
	if below == "4.4" {
		d.Status, err = status(b)
		return err
	}
	var information struct{ Status, Type asn1.Enumerated }
	if rest, err := asn1.Unmarshal(b, &information); err != nil || len(rest) > 0 {
		return malformed("certificate", err)
	}
	d.Status = int(information.Status)
	if information.Type == 0 {
		d.Kind = DefectCountrySignerMalformed
	}
	return nil
}
