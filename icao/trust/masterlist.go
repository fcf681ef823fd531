package trust

import (
	"bytes"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"passport-agent/internal/cms"
	"passport-agent/internal/fault"
)

var (
	oidMasterList       = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 2}
	oidMasterListSigner = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 3}
)

// Bounds on a master list and on the certificates between its signer and a root.
const (
	maxListed = 20_000
	maxChain  = 4
)

// importMasterList replaces what an earlier issue by the same publisher brought
// (Doc 9303-12, 9).
func (s *Store) importMasterList(b []byte, signed *cms.SignedData, o ImportOptions) (Report, error) {
	signer, date, err := s.checkListSignature(signed, o, oidMasterListSigner)
	if err != nil {
		return Report{}, err
	}
	listed, unreadable, err := parseMasterList(signed.Content)
	if err != nil {
		return Report{}, err
	}
	sum := sha256.Sum256(b)
	list := List{
		Publisher: signer.Subject.Country(), Signer: signer.Subject.String(), Date: date.UTC(),
		Certificates: len(listed), Unreadable: len(unreadable), SHA256: hex.EncodeToString(sum[:]),
	}
	if list.Publisher == "" || list.Publisher == SourceFile {
		return Report{}, fault.New(fault.TrustSignature, "the list's signer names no country", nil)
	}
	if slices.ContainsFunc(s.lists, func(l List) bool { return l.Publisher == list.Publisher && l.Date.After(list.Date) }) {
		return Report{}, fault.New(fault.TrustOlder, fmt.Sprintf("master list of %s of %s", list.Publisher, list.Date.Format(time.DateOnly)), nil)
	}
	report := Report{Lists: []List{list}, LeftOut: unreadable}
	before := s.publishedBy(list.Publisher)
	for _, c := range listed {
		_, there := s.byFingerprint[sha256.Sum256(c.Raw)]
		report.count(!there)
	}
	s.forget(list.Publisher)
	s.lists = append(s.lists, list)
	for _, c := range listed {
		s.add(c, list.Publisher)
	}
	for fingerprint := range before {
		if s.byFingerprint[fingerprint] == nil {
			report.Removed++
		}
	}
	return report, nil
}

func (s *Store) publishedBy(publisher string) map[[sha256.Size]byte]bool {
	fingerprints := map[[sha256.Size]byte]bool{}
	for _, e := range s.certificates {
		if slices.Contains(e.sources, publisher) {
			fingerprints[e.fingerprint] = true
		}
	}
	return fingerprints
}

// parseMasterList reads CscaMasterList: a version and a SET OF certificates. One
// that cannot be read must not keep the others out.
func parseMasterList(content []byte) (listed []*cms.Certificate, unreadable []string, err error) {
	der, err := cms.ToDER(content)
	if err != nil {
		return nil, nil, fault.New(fault.TrustFileUnknown, "master list", err)
	}
	var list struct {
		Version      int
		Certificates asn1.RawValue `asn1:"set"`
	}
	if rest, err := asn1.Unmarshal(der, &list); err != nil || len(rest) > 0 || list.Certificates.Tag != asn1.TagSet {
		return nil, nil, fault.New(fault.TrustFileUnknown, "master list", err)
	}
	for rest := list.Certificates.Bytes; len(rest) > 0; {
		number := len(listed) + len(unreadable) + 1
		var raw asn1.RawValue
		if rest, err = asn1.Unmarshal(rest, &raw); err != nil || number > maxListed {
			return nil, nil, fault.New(fault.TrustFileUnknown, fmt.Sprintf("master list, certificate %d", number), err)
		}
		c, err := cms.ParseCertificate(raw.FullBytes)
		if err != nil {
			unreadable = append(unreadable, fmt.Sprintf("%d: %v", number, err))
			continue
		}
		if !isCountrySigner(c) {
			unreadable = append(unreadable, fmt.Sprintf("%d: %s is no country signer", number, c.Subject))
			continue
		}
		listed = append(listed, c)
	}
	return listed, unreadable, nil
}

// checkListSignature looks for a signer of the list, for that purpose, that leads to
// the root, or without one to a country signer of the store. It returns the signer and
// when the list was signed.
func (s *Store) checkListSignature(signed *cms.SignedData, o ImportOptions, purpose asn1.ObjectIdentifier) (*cms.Certificate, time.Time, error) {
	inside := parseAll(signed.Certificates)
	last := cms.ErrNoCertificate
	for i := range signed.Signers {
		signer := &signed.Signers[i]
		by, err := signed.Verify(signer, inside)
		if err != nil {
			last = fault.New(fault.TrustSignature, "", err)
			continue
		}
		date := signer.SigningTime
		if date.IsZero() {
			date = o.Now
		}
		if err := o.checkListSigner(by, purpose, date); err != nil {
			last = err
			continue
		}
		if o.isRoot(by) || s.leadsToRoot(by, inside, o.Root, date, maxChain) {
			return by, date, nil
		}
		if o.Root == nil {
			last = fault.New(fault.TrustRootMissing, by.Subject.String(), nil)
		} else {
			last = fault.New(fault.TrustSignature, by.Subject.String()+" does not lead to "+o.Root.Subject.String(), nil)
		}
	}
	if errors.Is(last, cms.ErrNoCertificate) {
		last = fault.New(fault.TrustSignature, "", last)
	}
	return nil, time.Time{}, last
}

// checkListSigner asks that the certificate is for such lists (Doc 9303-12, 7.1.1.3;
// TR-03129-2, 8.2): any other signer of the country could make one else. Defect
// list signers may lack the mark of their purpose: then a person has to name them.
func (o ImportOptions) checkListSigner(c *cms.Certificate, purpose asn1.ObjectIdentifier, date time.Time) error {
	isForLists := slices.ContainsFunc(c.Extensions.ExtendedKeyUsage, purpose.Equal)
	switch {
	case !isForLists && !o.isRoot(c), c.Extensions.HasKeyUsage && c.Extensions.KeyUsage&cms.DigitalSignature == 0:
		return fault.New(fault.TrustSignature, c.Subject.String()+" is not for such lists", nil)
	case date.After(o.Now.Add(clockTolerant)):
		return fault.New(fault.TrustSignature, "the list is dated "+date.Format(time.DateOnly)+", later than today", nil)
	case !c.ValidAt(date):
		return fault.New(fault.TrustSignature, c.Subject.String()+" was not valid when the list was signed", nil)
	default:
		return nil
	}
}

// isRoot reports whether a person has named this very certificate.
func (o ImportOptions) isRoot(c *cms.Certificate) bool {
	return o.Root != nil && bytes.Equal(o.Root.Raw, c.Raw)
}

// leadsToRoot follows issuers through the certificates that come with the list.
func (s *Store) leadsToRoot(c *cms.Certificate, inside []*cms.Certificate, root *cms.Certificate, date time.Time, steps int) bool {
	anchors := []*cms.Certificate{root}
	if root == nil {
		anchors, _ = s.issuers(c)
	}
	for _, anchor := range anchors {
		if mayCertify(anchor) && anchor.ValidAt(date) && c.CheckSignatureFrom(anchor) == nil {
			return true
		}
	}
	if steps == 0 {
		return false
	}
	for _, issuer := range inside {
		if issuer.Extensions.IsCA && mayCertify(issuer) && issuer.ValidAt(date) && !bytes.Equal(issuer.Raw, c.Raw) &&
			issuer.Subject.Equal(c.Issuer) && c.CheckSignatureFrom(issuer) == nil && s.leadsToRoot(issuer, inside, root, date, steps-1) {
			return true
		}
	}
	return false
}
