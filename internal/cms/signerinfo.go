package cms

import (
	"bytes"
	"crypto"
	"crypto/subtle"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// What may be wrong with a signature besides itself.
var (
	// ErrMessageDigest says that the content is not the one that was signed.
	ErrMessageDigest = errors.New("content differs from the signed digest")
	// ErrContentType says that the content is announced as something else than
	// what was signed.
	ErrContentType = errors.New("content type differs from the signed one")
	// ErrNoCertificate says that the signer's certificate is not among those at hand.
	ErrNoCertificate = errors.New("certificate of the signer is not there")
)

// SignerIdentifier names the certificate of a signer by Issuer and Serial, or by
// SubjectKeyID (RFC 5652, 5.3).
type SignerIdentifier struct {
	Issuer       Name
	Serial       *big.Int // nil where SubjectKeyID stands
	SubjectKeyID []byte
}

// SignerInfo is one signature on a message (RFC 5652, 5.3).
type SignerInfo struct {
	Version int
	SignerIdentifier
	DigestAlgorithm  asn1.ObjectIdentifier
	SignedAttributes []byte    // as received, [0] as the tag; nil where there are none
	SigningTime      time.Time // as claimed; zero where nothing is said

	digest        algorithmIdentifier
	algorithm     algorithmIdentifier
	signature     []byte
	contentType   asn1.ObjectIdentifier
	messageDigest []byte
}

const maxAttributes = 32

var (
	oidData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningTime   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
)

type signerInfo struct {
	Version            int
	Identifier         asn1.RawValue
	Digest             algorithmIdentifier
	SignedAttributes   asn1.RawValue `asn1:"optional,tag:0"`
	Algorithm          algorithmIdentifier
	Signature          []byte
	UnsignedAttributes asn1.RawValue `asn1:"optional,tag:1"`
}

func parseSignerInfo(der []byte) (SignerInfo, error) {
	var raw signerInfo
	if err := unmarshal(der, &raw); err != nil {
		return SignerInfo{}, err
	}
	s := SignerInfo{
		Version: raw.Version, DigestAlgorithm: raw.Digest.Algorithm, SignedAttributes: raw.SignedAttributes.FullBytes,
		digest: raw.Digest, algorithm: raw.Algorithm, signature: raw.Signature,
	}
	var err error
	if s.SignerIdentifier, err = parseSignerIdentifier(raw.Identifier); err != nil {
		return s, err
	}
	if s.SignedAttributes == nil {
		return s, nil
	}
	if !raw.SignedAttributes.IsCompound {
		return s, fmt.Errorf("%w: signed attributes are no set", ErrMalformed)
	}
	return s, s.takeAttributes(raw.SignedAttributes.Bytes)
}

// ParseSignerIdentifier reads a SignerIdentifier in DER. It fails with ErrMalformed.
func ParseSignerIdentifier(der []byte) (SignerIdentifier, error) {
	var raw asn1.RawValue
	if err := unmarshal(der, &raw); err != nil {
		return SignerIdentifier{}, err
	}
	return parseSignerIdentifier(raw)
}

func parseSignerIdentifier(raw asn1.RawValue) (id SignerIdentifier, err error) {
	if raw.Class == asn1.ClassContextSpecific && raw.Tag == 0 {
		return SignerIdentifier{SubjectKeyID: raw.Bytes}, nil
	}
	parts, err := members(raw, asn1.TagSequence, 2)
	if err != nil {
		return id, err
	}
	if len(parts) != 2 {
		return id, fmt.Errorf("%w: signer identifier", ErrMalformed)
	}
	if id.Issuer, err = parseName(parts[0]); err != nil {
		return id, err
	}
	id.Serial, err = parseInteger(parts[1])
	return id, err
}

// takeAttributes asks for contentType and messageDigest exactly once (RFC 5652, 11).
func (s *SignerInfo) takeAttributes(content []byte) error {
	list, err := elements(content, maxAttributes)
	if err != nil {
		return err
	}
	for _, raw := range list {
		var a struct {
			Type   asn1.ObjectIdentifier
			Values asn1.RawValue
		}
		if err := unmarshal(raw.FullBytes, &a); err != nil {
			return err
		}
		switch {
		case a.Type.Equal(oidContentType) && s.contentType == nil:
			err = unmarshal(a.Values.Bytes, &s.contentType)
		case a.Type.Equal(oidMessageDigest) && s.messageDigest == nil:
			err = unmarshal(a.Values.Bytes, &s.messageDigest)
		case a.Type.Equal(oidSigningTime) && s.SigningTime.IsZero():
			var value asn1.RawValue
			if err = unmarshal(a.Values.Bytes, &value); err == nil {
				s.SigningTime, _, err = parseTime(value)
			}
		case a.Type.Equal(oidContentType), a.Type.Equal(oidMessageDigest), a.Type.Equal(oidSigningTime):
			err = fmt.Errorf("%w: signed attribute %s twice", ErrMalformed, a.Type)
		}
		if err != nil {
			return err
		}
	}
	if s.contentType == nil || s.messageDigest == nil {
		return fmt.Errorf("%w: signed attributes without content type or digest", ErrMalformed)
	}
	return nil
}

// KnownDigest reports whether the signer's digest algorithm is known here.
func (s *SignerInfo) KnownDigest() bool {
	_, err := s.digest.hash()
	return err == nil
}

// KnownSignature reports whether the signer's signature algorithm is known here.
func (s *SignerInfo) KnownSignature() bool {
	// Whether the digest that goes with it is known is a question of its own.
	_, err := s.algorithm.signature(crypto.SHA256)
	return err == nil
}

// Names reports whether a certificate is the one that is named.
func (id SignerIdentifier) Names(c *Certificate) bool {
	if id.Serial == nil {
		return sameBytes(id.SubjectKeyID, c.Extensions.SubjectKeyID)
	}
	return id.Serial.Cmp(c.Serial) == 0 && id.Issuer.Equal(c.Issuer)
}

// Verify checks one signer of the message against a list of certificates and
// returns the one that signed. Only certificates that the signer names are tried;
// whether they are to be trusted is another question. It fails with
// ErrNoCertificate, ErrContentType, ErrMessageDigest, ErrSignature, ErrUnsupported
// or ErrMalformed; with a certificate that is named and whose signature is wrong,
// that certificate is returned beside the error.
func (s *SignedData) Verify(signer *SignerInfo, certificates []*Certificate) (*Certificate, error) {
	var named *Certificate
	err := ErrNoCertificate
	for _, c := range certificates {
		if !signer.Names(c) {
			continue
		}
		if named, err = c, s.VerifyWith(signer, c); err == nil {
			return c, nil
		}
	}
	return named, err
}

// VerifyWith checks one signer of the message against a certificate, whether the
// signer names it or not. The errors are those of Verify.
func (s *SignedData) VerifyWith(signer *SignerInfo, c *Certificate) error {
	hash, err := signer.digest.hash()
	if err != nil {
		return err
	}
	algorithm, err := signer.algorithm.signature(hash)
	if err != nil {
		return err
	}
	message, err := s.signedBytes(signer, digest(hash, s.Content))
	if err != nil {
		return err
	}
	key, err := c.PublicKey()
	if err != nil {
		return err
	}
	return key.verify(algorithm, message, signer.signature)
}

// signedBytes returns what the signature is over: the signed attributes under the
// tag of a SET, otherwise as received (RFC 5652, 5.4), or else the content.
func (s *SignedData) signedBytes(signer *SignerInfo, sum []byte) ([]byte, error) {
	if signer.SignedAttributes == nil {
		// A signature over attributes must not be passed off as one over a content
		// that consists of them; and without attributes only plain data is signed.
		if !s.ContentType.Equal(oidData) || len(s.Content) > 0 && s.Content[0] == tagSet {
			return nil, fmt.Errorf("%w: no signed attributes", ErrMalformed)
		}
		return s.Content, nil
	}
	if !signer.contentType.Equal(s.ContentType) {
		return nil, ErrContentType
	}
	if subtle.ConstantTimeCompare(signer.messageDigest, sum) != 1 {
		return nil, ErrMessageDigest
	}
	message := bytes.Clone(signer.SignedAttributes)
	message[0] = tagSet
	return message, nil
}

const tagSet = 0x31
