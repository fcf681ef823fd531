package cms

import (
	"bytes"
	"encoding/asn1"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"time"
)

// Certificate is an X.509 certificate as states have issued them (Doc 9303-12, 7.1
// and the earlier profiles of its appendix C). It is for reading; one that is
// parsed may be used by several goroutines.
type Certificate struct {
	Raw       []byte // all of it
	RawTBS    []byte // what is signed
	Version   int    // 3 for X.509 v3
	Serial    *big.Int
	Issuer    Name
	Subject   Name
	NotBefore time.Time
	NotAfter  time.Time

	// TimeForm is false where the validity is not written as Doc 9303-12, table 5
	// asks: UTCTime until 2049, seconds present, Z at the end.
	TimeForm bool

	Extensions Extensions

	algorithm, innerAlgorithm algorithmIdentifier
	signature                 []byte
	rawKey                    []byte
	key                       func() (*PublicKey, error)
}

// maxCertificateSize is in bytes; the largest known country signer has 3 KB.
const maxCertificateSize = 64 << 10

type certificate struct {
	TBS       asn1.RawValue
	Algorithm algorithmIdentifier
	Signature asn1.BitString
}

type tbsCertificate struct {
	Version    int `asn1:"optional,explicit,default:0,tag:0"`
	Serial     asn1.RawValue
	Algorithm  algorithmIdentifier
	Issuer     asn1.RawValue
	Validity   struct{ NotBefore, NotAfter asn1.RawValue }
	Subject    asn1.RawValue
	PublicKey  asn1.RawValue
	IssuerID   asn1.RawValue `asn1:"optional,tag:1"`
	SubjectID  asn1.RawValue `asn1:"optional,tag:2"`
	Extensions asn1.RawValue `asn1:"optional,tag:3"`
}

// ParseCertificate reads a certificate in DER. The public key and the signature
// algorithm are looked at only when they are used, so that a certificate with an
// unknown one can still be listed. It fails with ErrMalformed.
func ParseCertificate(der []byte) (*Certificate, error) {
	if len(der) > maxCertificateSize {
		return nil, fmt.Errorf("%w: certificate of %d bytes", ErrMalformed, len(der))
	}
	var outer certificate
	if err := unmarshal(der, &outer); err != nil {
		return nil, err
	}
	var tbs tbsCertificate
	if err := unmarshal(outer.TBS.FullBytes, &tbs); err != nil {
		return nil, err
	}
	c := &Certificate{
		Raw: der, RawTBS: outer.TBS.FullBytes, Version: tbs.Version + 1, TimeForm: true,
		algorithm: outer.Algorithm, innerAlgorithm: tbs.Algorithm, signature: outer.Signature.RightAlign(), rawKey: tbs.PublicKey.FullBytes,
	}
	c.key = sync.OnceValues(func() (*PublicKey, error) { return ParsePublicKey(c.rawKey) })
	if k := tbs.PublicKey; k.Class != asn1.ClassUniversal || k.Tag != asn1.TagSequence {
		return nil, fmt.Errorf("%w: no public key", ErrMalformed)
	}
	var err error
	if c.Serial, err = parseInteger(tbs.Serial); err != nil {
		return nil, err
	}
	if c.Issuer, err = parseName(tbs.Issuer); err != nil {
		return nil, err
	}
	if c.Subject, err = parseName(tbs.Subject); err != nil {
		return nil, err
	}
	if c.NotBefore, err = c.time(tbs.Validity.NotBefore); err != nil {
		return nil, err
	}
	if c.NotAfter, err = c.time(tbs.Validity.NotAfter); err != nil {
		return nil, err
	}
	c.Extensions, err = parseExtensions(tbs.Extensions.Bytes)
	return c, err
}

// PublicKey returns the key of the subject. It is parsed once, when first asked
// for; the errors are those of ParsePublicKey.
func (c *Certificate) PublicKey() (*PublicKey, error) { return c.key() }

// KnownAlgorithm reports whether the certificate is signed with an algorithm that is
// known here.
func (c *Certificate) KnownAlgorithm() bool {
	_, err := c.algorithm.signature(0)
	return err == nil
}

// SameAlgorithm reports whether both places of the certificate that name its signature
// algorithm say the same (RFC 5280, 4.1.1.2).
func (c *Certificate) SameAlgorithm() bool {
	return c.algorithm.Algorithm.Equal(c.innerAlgorithm.Algorithm) && bytes.Equal(c.algorithm.Parameters.FullBytes, c.innerAlgorithm.Parameters.FullBytes)
}

// SameKey reports whether both certificates are for the same key, as it is encoded.
func (c *Certificate) SameKey(other *Certificate) bool { return bytes.Equal(c.rawKey, other.rawKey) }

// SelfIssued reports whether issuer and subject are the same name; a link
// certificate between two keys of one country signer is self-issued, too.
func (c *Certificate) SelfIssued() bool { return c.Issuer.Equal(c.Subject) }

// ValidAt reports whether a time lies within the validity, both ends included.
func (c *Certificate) ValidAt(t time.Time) bool {
	return !t.Before(c.NotBefore) && !t.After(c.NotAfter)
}

// CheckSignatureFrom checks the signature on the certificate with the issuer's
// key, and nothing else. It fails with ErrSignature, ErrUnsupported or ErrMalformed.
func (c *Certificate) CheckSignatureFrom(issuer *Certificate) error {
	if !c.algorithm.Algorithm.Equal(c.innerAlgorithm.Algorithm) {
		return fmt.Errorf("%w: the certificate names two algorithms", ErrSignature)
	}
	return issuer.check(c.algorithm, c.RawTBS, c.signature)
}

// check verifies a signature that the certificate's subject made.
func (c *Certificate) check(algorithm algorithmIdentifier, message, signature []byte) error {
	a, err := algorithm.signature(0)
	if err != nil {
		return err
	}
	key, err := c.PublicKey()
	if err != nil {
		return err
	}
	return key.verify(a, message, signature)
}

// parseInteger reads an INTEGER, negative and over-long ones included: serial
// numbers come so.
func parseInteger(raw asn1.RawValue) (*big.Int, error) {
	if raw.Class != asn1.ClassUniversal || raw.Tag != asn1.TagInteger || len(raw.Bytes) == 0 {
		return nil, fmt.Errorf("%w: not an integer", ErrMalformed)
	}
	v := new(big.Int).SetBytes(raw.Bytes)
	if raw.Bytes[0]&0x80 != 0 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(raw.Bytes))))
	}
	return v, nil
}

// timeForms are those of X.509 and what issuers have written in their place; the
// first of each is the right one.
var timeForms = map[int][]string{
	asn1.TagUTCTime:         {"060102150405Z", "0601021504Z", "060102150405-0700", "0601021504-0700"},
	asn1.TagGeneralizedTime: {"20060102150405Z", "20060102150405.999Z", "200601021504Z", "20060102150405-0700"},
}

func (c *Certificate) time(raw asn1.RawValue) (time.Time, error) {
	t, proper, err := parseTime(raw)
	c.TimeForm = c.TimeForm && proper
	return t, err
}

// parseTime also reports whether the time is written as RFC 5280, 4.1.2.5 asks.
func parseTime(raw asn1.RawValue) (t time.Time, proper bool, err error) {
	if raw.Class != asn1.ClassUniversal || len(raw.Bytes) > 32 {
		return time.Time{}, false, fmt.Errorf("%w: time", ErrMalformed)
	}
	for i, form := range timeForms[raw.Tag] {
		t, err := time.Parse(form, string(raw.Bytes))
		if err != nil {
			continue
		}
		t = t.UTC()
		if raw.Tag == asn1.TagUTCTime && t.Year() >= 2050 { // time.Parse turns the century at 69
			t = t.AddDate(-100, 0, 0)
		}
		return t, i == 0 && (raw.Tag == asn1.TagGeneralizedTime) == (t.Year() >= 2050), nil
	}
	return time.Time{}, false, fmt.Errorf("%w: time", ErrMalformed)
}

// elements splits octets into the elements that stand side by side there.
func elements(content []byte, limit int) ([]asn1.RawValue, error) {
	var list []asn1.RawValue
	for len(content) > 0 {
		if len(list) == limit {
			return nil, fmt.Errorf("%w: more than %d elements", ErrMalformed, limit)
		}
		var element asn1.RawValue
		rest, err := asn1.Unmarshal(content, &element)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		list, content = append(list, element), rest
	}
	return list, nil
}

// members are the elements of a SEQUENCE or SET.
func members(raw asn1.RawValue, tag, limit int) ([]asn1.RawValue, error) {
	if raw.Class != asn1.ClassUniversal || raw.Tag != tag || !raw.IsCompound {
		return nil, fmt.Errorf("%w: tag %d in place of %d", ErrMalformed, raw.Tag, tag)
	}
	return elements(raw.Bytes, limit)
}

// single is the one element that octets consist of, a SEQUENCE, split.
func single(content []byte, limit int) ([]asn1.RawValue, error) {
	var raw asn1.RawValue
	if err := unmarshal(content, &raw); err != nil {
		return nil, err
	}
	return members(raw, asn1.TagSequence, limit)
}

// sameBytes reports whether two identifiers are there and the same.
func sameBytes(a, b []byte) bool { return len(a) > 0 && bytes.Equal(a, b) }

// Identifies reports whether the certificate's authority key identifier names the
// key of an issuer; false where either says nothing.
func (c *Certificate) Identifies(issuer *Certificate) bool {
	return sameBytes(c.Extensions.AuthorityKeyID, issuer.Extensions.SubjectKeyID)
}

// UnknownCritical returns the extensions that are critical and not looked at here.
func (c *Certificate) UnknownCritical() []string {
	return slices.Clone(c.Extensions.unknownCritical)
}
