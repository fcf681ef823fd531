package virtual

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"io"
	"math/big"
	"slices"
	"time"
)

var (
	oidSignedData      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidContentType     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningTime     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
	oidLDSSecurityData = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 1}
)

type ldsSecurityObject struct {
	Version   int
	Algorithm algorithmIdentifier
	Hashes    []dataGroupHash
}

type dataGroupHash struct {
	Number int
	Hash   []byte
}

type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content signedData `asn1:"explicit,tag:0"`
}

type signedData struct {
	Version      int
	Digests      []algorithmIdentifier `asn1:"set"`
	Content      encapsulated
	Certificates []asn1.RawValue `asn1:"set,tag:0"`
	Signers      []signerInfo    `asn1:"set"`
}

type encapsulated struct {
	Type    asn1.ObjectIdentifier
	Content []byte `asn1:"explicit,tag:0"`
}

type signerInfo struct {
	Version    int
	Issuer     issuerAndSerial
	Digest     algorithmIdentifier
	Attributes asn1.RawValue
	Algorithm  algorithmIdentifier
	Signature  []byte
}

type issuerAndSerial struct {
	Issuer asn1.RawValue
	Serial *big.Int
}

// documentSigner is who signs EF.SOD.
type documentSigner struct {
	scheme      scheme
	key         crypto.Signer
	certificate []byte
	issuer      []byte // name in DER
	serial      *big.Int
}

// securityObject returns the LDS security object over data groups (Doc 9303-10,
// 4.6.2.3).
func securityObject(s scheme, files map[File][]byte, groups []int) ([]byte, error) {
	object := ldsSecurityObject{Algorithm: algorithmIdentifier{Algorithm: s.digestOID}}
	for _, n := range groups {
		object.Hashes = append(object.Hashes, dataGroupHash{n, s.hash(files[DataGroup(n)])})
	}
	return asn1.Marshal(object)
}

// sign returns SignedData version 3 with the signer's certificate inside (Doc
// 9303-10, 3.11.4 and 4.6.2).
func (d documentSigner) sign(random io.Reader, contentType asn1.ObjectIdentifier, content []byte, at time.Time) ([]byte, error) {
	attributes, err := signedAttributes(contentType, d.scheme.hash(content), at)
	if err != nil {
		return nil, err
	}
	// The signature is over the attributes as a SET, not as the [0] that stands
	// in the message (RFC 5652, 5.4).
	set, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: attributes})
	if err != nil {
		return nil, err
	}
	signature, err := d.scheme.sign(random, d.key, set)
	if err != nil {
		return nil, err
	}
	digest := algorithmIdentifier{Algorithm: d.scheme.digestOID}
	return asn1.Marshal(contentInfo{oidSignedData, signedData{
		Version: 3, Digests: []algorithmIdentifier{digest},
		Content:      encapsulated{contentType, content},
		Certificates: []asn1.RawValue{{FullBytes: d.certificate}},
		Signers: []signerInfo{{
			Version: 1, Issuer: issuerAndSerial{asn1.RawValue{FullBytes: d.issuer}, d.serial}, Digest: digest,
			Attributes: asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: attributes},
			Algorithm:  d.scheme.algorithm, Signature: signature,
		}},
	}})
}

// signedAttributes returns content type, message digest and signing time in the
// order that DER wants of a SET OF.
func signedAttributes(contentType asn1.ObjectIdentifier, digest []byte, at time.Time) ([]byte, error) {
	var encoded [][]byte
	for _, a := range []struct {
		Type   asn1.ObjectIdentifier
		Values []any `asn1:"set"`
	}{
		{oidContentType, []any{contentType}},
		{oidMessageDigest, []any{digest}},
		{oidSigningTime, []any{at.UTC()}},
	} {
		one, err := asn1.Marshal(a)
		if err != nil {
			return nil, err
		}
		encoded = append(encoded, one)
	}
	slices.SortFunc(encoded, bytes.Compare)
	return slices.Concat(encoded...), nil
}
