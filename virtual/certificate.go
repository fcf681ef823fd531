package virtual

import (
	"crypto"
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"io"
	"math/big"
	"time"
)

// A certificate as RFC 5280, 4.1 lays it out. It is built here and not by
// crypto/x509 because documents are signed with curves and parameters that
// crypto/x509 does not write.
type certificate struct {
	TBS       asn1.RawValue
	Algorithm algorithmIdentifier
	Signature asn1.BitString
}

type tbsCertificate struct {
	Version    int `asn1:"explicit,tag:0"`
	Serial     *big.Int
	Algorithm  algorithmIdentifier
	Issuer     asn1.RawValue
	Validity   validity
	Subject    asn1.RawValue
	PublicKey  asn1.RawValue
	Extensions []extension `asn1:"explicit,tag:3"`
}

type validity struct{ NotBefore, NotAfter time.Time }

type extension struct {
	ID       asn1.ObjectIdentifier
	Critical bool `asn1:"optional"`
	Value    []byte
}

// issued says what a certificate to be signed contains.
type issued struct {
	serial          *big.Int
	issuer, subject []byte // names in DER
	from, to        time.Time
	publicKey       crypto.PublicKey
	extensions      []extension
}

// signCertificate returns a certificate in DER.
func signCertificate(random io.Reader, s scheme, key crypto.Signer, c issued) ([]byte, error) {
	publicKey, err := x509.MarshalPKIXPublicKey(c.publicKey)
	if err != nil {
		return nil, err
	}
	tbs, err := asn1.Marshal(tbsCertificate{
		Version: 2, Serial: c.serial, Algorithm: s.algorithm,
		Issuer: asn1.RawValue{FullBytes: c.issuer}, Subject: asn1.RawValue{FullBytes: c.subject},
		Validity:  validity{c.from.UTC(), c.to.UTC()},
		PublicKey: asn1.RawValue{FullBytes: publicKey}, Extensions: c.extensions,
	})
	if err != nil {
		return nil, err
	}
	signature, err := s.sign(random, key, tbs)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(certificate{
		TBS: asn1.RawValue{FullBytes: tbs}, Algorithm: s.algorithm,
		Signature: asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)},
	})
}

// Attribute types of names.
var (
	oidCommonName   = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidCountry      = asn1.ObjectIdentifier{2, 5, 4, 6}
	oidLocality     = asn1.ObjectIdentifier{2, 5, 4, 7}
	oidOrganization = asn1.ObjectIdentifier{2, 5, 4, 10}
)

type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

func printable(oid asn1.ObjectIdentifier, value string) attribute {
	return attribute{oid, asn1.RawValue{Tag: asn1.TagPrintableString, Bytes: []byte(value)}}
}

func utf8(oid asn1.ObjectIdentifier, value string) attribute {
	return attribute{oid, asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(value)}}
}

// name returns a distinguished name in DER, one attribute per relative name.
func name(attributes ...attribute) ([]byte, error) {
	var list []relativeNameSET
	for _, a := range attributes {
		list = append(list, relativeNameSET{a})
	}
	return asn1.Marshal(list)
}

type relativeNameSET []attribute

// keyIdentifier is the SHA-1 digest of the public key's bits (RFC 5280, 4.2.1.2).
func keyIdentifier(key crypto.PublicKey) ([]byte, error) {
	encoded, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, err
	}
	var info struct {
		Algorithm algorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(encoded, &info); err != nil {
		return nil, err
	}
	digest := sha1.Sum(info.Key.Bytes)
	return digest[:], nil
}
