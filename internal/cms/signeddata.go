package cms

import (
	"encoding/asn1"
	"fmt"
)

var oidSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}

// SignedData is the content of a signed message (RFC 5652, 5.1). The slices share
// memory with what was parsed.
type SignedData struct {
	Version          int
	DigestAlgorithms []asn1.ObjectIdentifier
	ContentType      asn1.ObjectIdentifier
	Content          []byte // the value of the eContent octet string
	Certificates     [][]byte
	CRLs             [][]byte
	Signers          []SignerInfo
}

// Bounds on what one message carries; a security object has one of each.
const (
	maxDigests      = 16
	maxCertificates = 32
	maxSigners      = 8
)

type contentInfo struct {
	ContentType asn1.ObjectIdentifier
	Content     asn1.RawValue `asn1:"explicit,tag:0"`
}

type signedData struct {
	Version          int
	DigestAlgorithms asn1.RawValue
	EncapContentInfo struct {
		EContentType asn1.ObjectIdentifier
		EContent     []byte `asn1:"explicit,optional,tag:0"`
	}
	Certificates asn1.RawValue `asn1:"optional,tag:0"`
	CRLs         asn1.RawValue `asn1:"optional,tag:1"`
	SignerInfos  asn1.RawValue `asn1:"set"`
}

// ParseSignedData reads a ContentInfo that holds SignedData, in BER or DER. It
// fails with ErrMalformed. No signature is checked, and the certificates and
// lists inside are not looked at.
func ParseSignedData(b []byte) (*SignedData, error) {
	der, err := ToDER(b)
	if err != nil {
		return nil, err
	}
	var info contentInfo
	if err := unmarshal(der, &info); err != nil {
		return nil, err
	}
	if !info.ContentType.Equal(oidSignedData) {
		return nil, fmt.Errorf("%w: content type %v is not SignedData", ErrMalformed, info.ContentType)
	}
	var raw signedData
	if err := unmarshal(info.Content.Bytes, &raw); err != nil {
		return nil, err
	}
	s := &SignedData{Version: raw.Version, ContentType: raw.EncapContentInfo.EContentType, Content: raw.EncapContentInfo.EContent}
	if err := s.takeDigests(raw.DigestAlgorithms); err != nil {
		return nil, err
	}
	if s.Certificates, err = sequences(raw.Certificates); err != nil {
		return nil, err
	}
	if s.CRLs, err = sequences(raw.CRLs); err != nil {
		return nil, err
	}
	return s, s.takeSigners(raw.SignerInfos)
}

func (s *SignedData) takeDigests(set asn1.RawValue) error {
	list, err := members(set, asn1.TagSet, maxDigests)
	if err != nil {
		return err
	}
	for _, raw := range list {
		var algorithm algorithmIdentifier
		if err := unmarshal(raw.FullBytes, &algorithm); err != nil {
			return err
		}
		s.DigestAlgorithms = append(s.DigestAlgorithms, algorithm.Algorithm)
	}
	return nil
}

func (s *SignedData) takeSigners(set asn1.RawValue) error {
	list, err := members(set, asn1.TagSet, maxSigners)
	if err != nil {
		return err
	}
	for _, raw := range list {
		signer, err := parseSignerInfo(raw.FullBytes)
		if err != nil {
			return err
		}
		s.Signers = append(s.Signers, signer)
	}
	return nil
}

// sequences returns the members of a set, which may be absent, that are certificates or
// lists of X.509; other kinds are tagged (RFC 5652, 10.2).
func sequences(set asn1.RawValue) ([][]byte, error) {
	if len(set.FullBytes) > 0 && !set.IsCompound {
		return nil, fmt.Errorf("%w: certificates or lists that are no set", ErrMalformed)
	}
	list, err := elements(set.Bytes, maxCertificates)
	if err != nil {
		return nil, err
	}
	var members [][]byte
	for _, raw := range list {
		if raw.Class == asn1.ClassUniversal && raw.Tag == asn1.TagSequence {
			members = append(members, raw.FullBytes)
		}
	}
	return members, nil
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
