package conformance

import (
	"encoding/asn1"
	"fmt"
)

// Signature is how a document signer signs (RFC 5652, 5; Doc 9303-10, 4.6.2.2).
type Signature struct {
	// Digest is that of the signer, Algorithm that of the signature.
	Digest    string `json:"digest"`
	Algorithm string `json:"algorithm"`
	// Identifier is how the signer is named.
	Identifier Identifier `json:"identifier"`
	// WithoutCertificate leaves the signer's certificate out.
	WithoutCertificate bool `json:"withoutCertificate,omitempty"`
	// Content replaces parts of encapContentInfo, Attributes single signed ones,
	// SignerInfo and Message (SignedData) theirs. What is signed is signed as it then is.
	Content    Parts `json:"content,omitempty"`
	Attributes Parts `json:"attributes,omitempty"`
	SignerInfo Parts `json:"signerInfo,omitempty"`
	Message    Parts `json:"message,omitempty"`
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

// sign returns the ContentInfo with SignedData over a content (RFC 5652, 5).
func (s Signature) sign(signer *issued, contentType asn1.ObjectIdentifier, content []byte) ([]byte, error) {
	algorithm, err := digestAlgorithm(s.Digest)
	if err != nil {
		return nil, err
	}
	info, err := s.signerInfo(signer, algorithm, contentType, content)
	if err != nil {
		return nil, err
	}
	encapsulated, err := s.Content.apply("encapContentInfo", part{"eContentType", objectIdentifier(contentType)}, part{"eContent", tagged(0, octets(content))})
	if err != nil {
		return nil, err
	}
	certificates := tagged(0, signer.der)
	if s.WithoutCertificate {
		certificates = nil
	}
	message, err := s.Message.apply("SignedData", part{"version", integer(3)}, part{"digestAlgorithms", setOf(algorithm)},
		part{"encapContentInfo", sequence(encapsulated)}, part{"certificates", certificates}, part{"signerInfos", setOf(info)})
	return sequence(objectIdentifier(oidSignedData), tagged(0, sequence(message))), err
}

func (s Signature) signerInfo(signer *issued, digestAlgorithm []byte, contentType asn1.ObjectIdentifier, content []byte) ([]byte, error) {
	a, err := algorithmNamed(s.Algorithm)
	if err != nil {
		return nil, err
	}
	identifier, err := a.identifier()
	if err != nil {
		return nil, err
	}
	attributes, err := s.attributes(contentType, content)
	if err != nil {
		return nil, err
	}
	// The signature is over the attributes as a SET, not as the [0] that stands in
	// the message (RFC 5652, 5.4).
	signature, err := signer.key.sign(a, element(tagSet, attributes))
	if err != nil {
		return nil, err
	}
	version, name, err := s.signerName(signer)
	if err != nil {
		return nil, err
	}
	info, err := s.SignerInfo.apply("SignerInfo", part{"version", integer(version)}, part{"sid", name}, part{"digestAlgorithm", digestAlgorithm},
		part{"signedAttrs", tagged(0, attributes)}, part{"signatureAlgorithm", identifier}, part{"signature", octets(signature)})
	return sequence(info), err
}

// attributes are the signed attributes, in the order of DER.
func (s Signature) attributes(contentType asn1.ObjectIdentifier, content []byte) ([]byte, error) {
	sum, err := digest(s.Digest, content)
	if err != nil {
		return nil, err
	}
	members := []part{
		attribute("contentType", oidContentType, objectIdentifier(contentType)),
		attribute("signingTime", oidSigningTime, timeOf(madeAt)),
		attribute("messageDigest", oidMessageDigest, octets(sum)),
	}
	return s.Attributes.apply("signedAttrs", members...)
}

func attribute(name string, oid asn1.ObjectIdentifier, value []byte) part {
	return part{name, sequence(objectIdentifier(oid), setOf(value))}
}

// signerName is the SignerIdentifier with the version that goes with it.
func (s Signature) signerName(signer *issued) (version int64, name []byte, err error) {
	switch s.Identifier {
	case IssuerAndSerialNumber:
		return 1, sequence(signer.issuer, signer.serial), nil
	case SubjectKeyIdentifier:
		return 3, element(0x80, signer.identifier), nil
	default:
		return 0, nil, fmt.Errorf("no identifier %q of a signer", s.Identifier)
	}
}
