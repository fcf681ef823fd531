package lds

import (
	"crypto"
	"encoding/asn1"
	"fmt"
	"slices"

	"passport-agent/internal/cms"
	"passport-agent/internal/fault"
)

// SecurityObject is the LDS security object inside EF.SOD (Doc 9303-10, 4.6.2):
// the hash of every data group, as the issuer signed it.
type SecurityObject struct {
	Version    int
	Hash       crypto.Hash
	DataGroups map[int][]byte // hash by number of the data group
	LDSVersion string         // in version 1 only
	SignedData *cms.SignedData
	Warnings   []Warning
}

var (
	oidLDSSecurityObject = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 1}
	oidID                = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
)

type algorithmIdentifier struct {
	Algorithm  asn1.ObjectIdentifier
	Parameters asn1.RawValue `asn1:"optional"`
}

type ldsSecurityObject struct {
	Version       int
	HashAlgorithm algorithmIdentifier
	Hashes        []dataGroupHash
	VersionInfo   ldsVersionInfo `asn1:"optional"`
}

type dataGroupHash struct {
	Number int
	Value  []byte
}

type ldsVersionInfo struct {
	LDSVersion     string `asn1:"printable"`
	UnicodeVersion string `asn1:"printable"`
}

// ParseSOD reads EF.SOD and the hashes in it; its signature is not looked at. It
// fails with fault.FileMalformed, or with fault.UnsupportedAlgorithm for an
// unknown hash function.
func ParseSOD(b []byte) (*SecurityObject, error) {
	value, err := SOD.template(b)
	if err != nil {
		return nil, err
	}
	signed, err := cms.ParseSignedData(value)
	if err != nil {
		return nil, SOD.malformed("", err)
	}
	sod := &SecurityObject{SignedData: signed, DataGroups: map[int][]byte{}}
	if err := sod.checkContentType(); err != nil {
		return nil, err
	}
	var object ldsSecurityObject
	rest, err := asn1.Unmarshal(signed.Content, &object)
	if err != nil || len(rest) > 0 {
		return nil, SOD.malformed("LDS security object", err)
	}
	sod.Version, sod.LDSVersion = object.Version, object.VersionInfo.LDSVersion
	sod.checkVersions()
	sod.checkSignedData()
	if sod.Hash, err = cms.Hash(object.HashAlgorithm.Algorithm); err != nil {
		return nil, fault.New(fault.UnsupportedAlgorithm, "EF.SOD", err)
	}
	return sod, sod.takeHashes(object.Hashes)
}

// checkContentType lets pass, with a warning, what some issuers wrote before the
// identifier was settled.
func (sod *SecurityObject) checkContentType() error {
	oid := sod.SignedData.ContentType
	switch {
	case oid.Equal(oidLDSSecurityObject):
		return nil
	case oid.Equal(oidID), len(oid) >= 4 && oid[:4].Equal(asn1.ObjectIdentifier{1, 2, 528, 1}), oid.Equal(asn1.ObjectIdentifier{1, 3, 27, 1, 1, 1}):
		sod.warn("sod_content_type", oid.String())
		return nil
	default:
		return SOD.malformed("content type "+oid.String(), nil)
	}
}

// checkVersions: version 0 is that of LDS 1.7 and says no more, version 1 that of LDS
// 1.8 and names it (Doc 9303-10, 4.6.2.3).
func (sod *SecurityObject) checkVersions() {
	switch {
	case sod.Version != 0 && sod.Version != 1:
		sod.warn("sod_security_object_version", fmt.Sprintf("version %d", sod.Version))
	case sod.Version == 0 && sod.LDSVersion != "", sod.Version == 1 && sod.LDSVersion != Version18:
		sod.warn("sod_lds_version", fmt.Sprintf("version %d of the security object with LDS version %q", sod.Version, sod.LDSVersion))
	}
}

// Versions of the Logical Data Structure (Doc 9303-10, 4.6.1), 1.7 and 1.8.
const (
	Version17 = "0107"
	Version18 = "0108"
)

// checkSignedData holds the message against Doc 9303-10, 4.6.2.2, and RFC 5652, 5.3,
// as far as its content and its signature are found all the same.
func (sod *SecurityObject) checkSignedData() {
	s := sod.SignedData
	if s.Version != 3 {
		sod.warn("sod_version", fmt.Sprintf("version %d of SignedData", s.Version))
	}
	for i := range s.Signers {
		signer := &s.Signers[i]
		byKey := signer.Serial == nil
		if byKey && signer.Version != 3 || !byKey && signer.Version != 1 {
			sod.warn("sod_signer_info_version", fmt.Sprintf("version %d, which does not go with how the signer is named", signer.Version))
		}
		if !signer.KnownDigest() {
			sod.warn("sod_signer_digest_algorithm", "one that no document may have")
		} else if !slices.ContainsFunc(s.DigestAlgorithms, signer.DigestAlgorithm.Equal) {
			sod.warn("sod_digest_algorithms", "that of the signer is not among them")
		}
		if !signer.KnownSignature() {
			sod.warn("sod_signature_algorithm", "one that no document may have")
		}
	}
}

func (sod *SecurityObject) warn(name, detail string) {
	sod.Warnings = append(sod.Warnings, Warning{name, detail})
}

func (sod *SecurityObject) takeHashes(list []dataGroupHash) error {
	for _, entry := range list {
		if entry.Number < 1 || entry.Number > lastDataGroup {
			return SOD.malformed(fmt.Sprintf("data group %d", entry.Number), nil)
		}
		if sod.DataGroups[entry.Number] != nil {
			return SOD.malformed(fmt.Sprintf("data group %d twice", entry.Number), nil)
		}
		if len(entry.Value) != sod.Hash.Size() {
			return SOD.malformed(fmt.Sprintf("hash of data group %d has %d bytes", entry.Number, len(entry.Value)), nil)
		}
		sod.DataGroups[entry.Number] = entry.Value
	}
	if len(sod.DataGroups) == 0 {
		return SOD.malformed("no hashes", nil)
	}
	return nil
}
