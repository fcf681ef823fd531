package cms

import (
	"encoding/asn1"
	"fmt"
)

var oidSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}

// SignedData is the content of a signed message (RFC 5652, 5.1).
type SignedData struct {
	ContentType asn1.ObjectIdentifier
	Content     []byte // the value of the eContent octet string
}

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
// fails with ErrMalformed. No signature is checked.
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
	var signed signedData
	if err := unmarshal(info.Content.Bytes, &signed); err != nil {
		return nil, err
	}
	return &SignedData{ContentType: signed.EncapContentInfo.EContentType, Content: signed.EncapContentInfo.EContent}, nil
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
