package cms

import (
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"
)

// CRL is a certificate revocation list (Doc 9303-12, 7.1.4).
type CRL struct {
	Raw            []byte
	RawTBS         []byte
	Issuer         Name
	FormerIssuers  []Name // directory names of issuerAltName: names the issuer had
	ThisUpdate     time.Time
	NextUpdate     time.Time // zero where nothing is said
	AuthorityKeyID []byte

	algorithm algorithmIdentifier
	signature []byte
	revoked   map[string]time.Time
}

// Bounds on a list of revoked certificates.
const (
	maxCRLSize    = 16 << 20
	maxCRLEntries = 500_000
)

// ParseCRL reads a complete list in DER. A list of changes or of some certificates
// only is refused, since it does not say that the others are good. It fails with
// ErrMalformed or ErrUnsupported.
func ParseCRL(der []byte) (*CRL, error) {
	if len(der) > maxCRLSize {
		return nil, fmt.Errorf("%w: revocation list of %d bytes", ErrMalformed, len(der))
	}
	var outer certificate
	if err := unmarshal(der, &outer); err != nil {
		return nil, err
	}
	parts, err := members(outer.TBS, asn1.TagSequence, 7)
	if err != nil {
		return nil, err
	}
	l := &CRL{Raw: der, RawTBS: outer.TBS.FullBytes, algorithm: outer.Algorithm, signature: outer.Signature.RightAlign()}
	if len(parts) > 0 && parts[0].Tag == asn1.TagInteger {
		parts = parts[1:]
	}
	if len(parts) < 3 {
		return nil, fmt.Errorf("%w: revocation list", ErrMalformed)
	}
	if l.Issuer, err = parseName(parts[1]); err != nil {
		return nil, err
	}
	if l.ThisUpdate, _, err = parseTime(parts[2]); err != nil {
		return nil, err
	}
	return l, l.takeOptional(parts[3:])
}

// takeOptional reads what may follow thisUpdate: nextUpdate, entries, extensions.
func (l *CRL) takeOptional(parts []asn1.RawValue) error {
	var err error
	if len(parts) > 0 && (parts[0].Tag == asn1.TagUTCTime || parts[0].Tag == asn1.TagGeneralizedTime) {
		if l.NextUpdate, _, err = parseTime(parts[0]); err != nil {
			return err
		}
		parts = parts[1:]
	}
	if len(parts) > 0 && parts[0].Class == asn1.ClassUniversal && parts[0].Tag == asn1.TagSequence {
		if err := l.takeEntries(parts[0].Bytes); err != nil {
			return err
		}
		parts = parts[1:]
	}
	if len(parts) == 0 {
		return nil
	}
	if len(parts) > 1 || parts[0].Class != asn1.ClassContextSpecific || parts[0].Tag != 0 {
		return fmt.Errorf("%w: revocation list", ErrMalformed)
	}
	return l.takeExtensions(parts[0].Bytes)
}

func (l *CRL) takeEntries(content []byte) error {
	list, err := elements(content, maxCRLEntries)
	if err != nil {
		return err
	}
	l.revoked = make(map[string]time.Time, len(list))
	for _, raw := range list {
		parts, err := members(raw, asn1.TagSequence, 3)
		if err != nil {
			return err
		}
		if len(parts) < 2 {
			return fmt.Errorf("%w: revoked certificate", ErrMalformed)
		}
		serial, err := parseInteger(parts[0])
		if err != nil {
			return err
		}
		date, _, err := parseTime(parts[1])
		if err != nil {
			return err
		}
		l.revoked[string(serial.Append(nil, 16))] = date
	}
	return nil
}

func (l *CRL) takeExtensions(content []byte) error {
	list, err := splitExtensions(content)
	if err != nil {
		return err
	}
	for _, x := range list {
		switch x.oid {
		case oidExtension.authorityKeyID:
			l.AuthorityKeyID, err = parseAuthorityKeyID(x.value)
		case oidExtension.issuerAltName:
			l.FormerIssuers, err = directoryNames(x.value)
		case oidExtension.deltaCRL, oidExtension.issuingPoint:
			return fmt.Errorf("%w: revocation list that is not complete", ErrUnsupported)
		case oidExtension.crlNumber:
		default:
			if x.critical {
				return fmt.Errorf("%w: critical extension %s of a revocation list", ErrUnsupported, x.oid)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Len is the number of revoked certificates.
func (l *CRL) Len() int { return len(l.revoked) }

// Revoked returns since when a serial number is revoked.
func (l *CRL) Revoked(serial *big.Int) (since time.Time, ok bool) {
	since, ok = l.revoked[string(serial.Append(nil, 16))]
	return since, ok
}

// CheckSignatureFrom checks the signature on the list with the issuer's key. It
// fails with ErrSignature, ErrUnsupported or ErrMalformed.
func (l *CRL) CheckSignatureFrom(issuer *Certificate) error {
	return issuer.check(l.algorithm, l.RawTBS, l.signature)
}
