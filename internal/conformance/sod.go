package conformance

import (
	"encoding/asn1"
	"fmt"
	"slices"

	"passport-agent/virtual"
)

// SOD is EF.SOD: the LDS security object and who signed it (Doc 9303-10, 4.6.2).
type SOD struct {
	// Hash is the digest of the data groups, Digest that of the signer.
	Hash   string `json:"hash"`
	Digest string `json:"digest"`
	// Algorithm is that of the signature.
	Algorithm string `json:"algorithm"`
	// Identifier is how the signer is named.
	Identifier Identifier `json:"identifier"`
	// Version is that of the LDS security object: 1 goes with LDSVersion and
	// UnicodeVersion.
	Version        int64  `json:"version,omitempty"`
	LDSVersion     string `json:"ldsVersion,omitempty"`
	UnicodeVersion string `json:"unicodeVersion,omitempty"`
	// SignerInfoVersion stands in place of the one that goes with Identifier.
	SignerInfoVersion int64 `json:"signerInfoVersion,omitempty"`
	// Hashes stand in place of true ones or beside them, by number of data group; an
	// empty one leaves that of a data group out.
	Hashes map[int]virtual.Hex `json:"hashes,omitempty"`
	// WithoutCertificate leaves the signer's certificate out.
	WithoutCertificate bool `json:"withoutCertificate,omitempty"`
}

// Identifier is a way of naming a signer (RFC 5652, 5.3).
type Identifier string

// Identifiers of a signer.
const (
	IssuerAndSerialNumber Identifier = "issuerAndSerialNumber"
	SubjectKeyIdentifier  Identifier = "subjectKeyIdentifier"
)

var (
	oidSignedData        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidContentType       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningTime       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
	oidLDSSecurityObject = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 1}
)

// securityObject is LDSSecurityObject over the data groups of a document.
func (s SOD) securityObject(files map[virtual.File][]byte) ([]byte, error) {
	hashes := map[int][]byte{}
	for number := 1; number <= 16; number++ {
		content, ok := files[virtual.DataGroup(number)]
		if !ok {
			continue
		}
		sum, err := digest(s.Hash, content)
		if err != nil {
			return nil, err
		}
		hashes[number] = sum
	}
	for number, other := range s.Hashes {
		hashes[number] = other
	}
	var list [][]byte
	for number := range 256 {
		if len(hashes[number]) > 0 {
			list = append(list, sequence(integer(int64(number)), octets(hashes[number])))
		}
	}
	algorithm, err := digestAlgorithm(s.Hash)
	if err != nil {
		return nil, err
	}
	parts := [][]byte{integer(s.Version), algorithm, sequence(list...)}
	if s.LDSVersion != "" {
		parts = append(parts, sequence(element(tagPrintable, []byte(s.LDSVersion)), element(tagPrintable, []byte(s.UnicodeVersion))))
	}
	return sequence(parts...), nil
}

// sign returns the ContentInfo with SignedData over a content (RFC 5652, 5).
func (s SOD) sign(signer *issued, contentType asn1.ObjectIdentifier, content []byte) ([]byte, error) {
	algorithm, err := digestAlgorithm(s.Digest)
	if err != nil {
		return nil, err
	}
	info, err := s.signerInfo(signer, algorithm, contentType, content)
	if err != nil {
		return nil, err
	}
	parts := [][]byte{
		integer(3), setOf(algorithm),
		sequence(objectIdentifier(contentType), tagged(0, octets(content))),
	}
	if !s.WithoutCertificate {
		parts = append(parts, tagged(0, signer.der))
	}
	parts = append(parts, setOf(info))
	return sequence(objectIdentifier(oidSignedData), tagged(0, sequence(parts...))), nil
}

func (s SOD) signerInfo(signer *issued, digestAlgorithm []byte, contentType asn1.ObjectIdentifier, content []byte) ([]byte, error) {
	a, err := algorithmNamed(s.Algorithm)
	if err != nil {
		return nil, err
	}
	identifier, err := a.identifier()
	if err != nil {
		return nil, err
	}
	sum, err := digest(s.Digest, content)
	if err != nil {
		return nil, err
	}
	attribute := func(oid asn1.ObjectIdentifier, value []byte) []byte {
		return sequence(objectIdentifier(oid), setOf(value))
	}
	attributes := setOf(
		attribute(oidContentType, objectIdentifier(contentType)),
		attribute(oidMessageDigest, octets(sum)),
		attribute(oidSigningTime, timeOf(madeAt)),
	)
	// The signature is over the attributes as a SET, not as the [0] that stands in
	// the message (RFC 5652, 5.4).
	signature, err := signer.key.sign(a, attributes)
	if err != nil {
		return nil, err
	}
	version, name, err := s.signerName(signer)
	if err != nil {
		return nil, err
	}
	implicit := slices.Clone(attributes)
	implicit[0] = 0xA0
	return sequence(integer(version), name, digestAlgorithm, implicit, identifier, octets(signature)), nil
}

// signerName is the SignerIdentifier with the version that goes with it.
func (s SOD) signerName(signer *issued) (version int64, name []byte, err error) {
	switch s.Identifier {
	case IssuerAndSerialNumber:
		version, name = 1, sequence(signer.issuer, signer.serial)
	case SubjectKeyIdentifier:
		version, name = 3, element(0x80, signer.identifier)
	default:
		return 0, nil, fmt.Errorf("no identifier %q of a signer", s.Identifier)
	}
	if s.SignerInfoVersion != 0 {
		version = s.SignerInfoVersion
	}
	return version, name, nil
}
