package trust

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"slices"
	"time"

	"passport-agent/internal/cms"
	"passport-agent/internal/fault"
)

// Bounds on what is imported.
const (
	maxPEMBlocks  = 10_000
	maxLeftOut    = 1_000
	clockTolerant = 24 * time.Hour
)

// ImportOptions says what an import has to lead to.
type ImportOptions struct {
	// Root is the certificate that has to have issued what is imported: the list's
	// signer, or the certificate itself. Without it, a list has to lead to a country
	// signer of the store, and a certificate is trusted because a person imports it.
	// Document signers and revocation lists of a directory lead to country signers
	// anyhow.
	Root *cms.Certificate
	// Now is when the import takes place; the zero value is the clock's time.
	Now time.Time
	// Progress, where it is not nil, is told how many bytes of a file have been read.
	Progress func(file string, done, total int64)
}

// Report says what an import did.
type Report struct {
	Lists           []List       // master lists
	DefectLists     []DefectList //
	Added           int          // country signers
	Known           int          // country signers that were there before
	Removed         int          // country signers that an earlier issue of the list had
	DocumentSigners Count
	RevocationLists int
	LeftOut         []string // what was left out of a list or directory: its place and the reason
	MoreLeftOut     int      // what else was left out
}

// Count says what became of certificates.
type Count struct {
	Added   int `json:"added"`
	Known   int `json:"known"`
	Removed int `json:"removed"`
}

func (c *Count) count(added bool) {
	if added {
		c.Added++
	} else {
		c.Known++
	}
}

// merge adds what another part of the same file did.
func (r *Report) merge(other Report) {
	r.Lists = append(r.Lists, other.Lists...)
	r.DefectLists = append(r.DefectLists, other.DefectLists...)
	r.Added, r.Known, r.Removed = r.Added+other.Added, r.Known+other.Known, r.Removed+other.Removed
	r.DocumentSigners.Added += other.DocumentSigners.Added
	r.DocumentSigners.Known += other.DocumentSigners.Known
	r.DocumentSigners.Removed += other.DocumentSigners.Removed
	r.RevocationLists += other.RevocationLists
	for _, text := range other.LeftOut {
		r.leaveOut(text)
	}
	r.MoreLeftOut += other.MoreLeftOut
}

func (r *Report) leaveOut(text string) {
	if len(r.LeftOut) < maxLeftOut {
		r.LeftOut = append(r.LeftOut, text)
	} else {
		r.MoreLeftOut++
	}
}

// Import takes one file: a master list or defect list (DER or BER), a certificate, a
// revocation list (DER), certificates and revocation lists in PEM, or LDIF as the ICAO
// PKD gives it out. Where it fails, the store stays as it was, but for LDIF, of which it
// may then have a part. It fails with fault.TrustFileUnknown, fault.TrustSignature,
// fault.TrustRootMissing, fault.TrustOlder, fault.TrustIssuerUnknown or
// fault.TrustStoreDamaged.
func (s *Store) Import(b []byte, o ImportOptions) (Report, error) {
	if !isLDIF(b) {
		return s.importObject(b, o)
	}
	i := newImporter(s, o)
	file := &FileReport{}
	err := i.importLDIF(context.Background(), bytes.NewReader(b), file)
	i.finish()
	return file.Report, err
}

// importObject takes one object, or several in PEM.
func (s *Store) importObject(b []byte, o ImportOptions) (Report, error) {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	const sequence = 0x30
	if len(b) > 0 && b[0] != sequence && bytes.Contains(b, []byte("-----BEGIN ")) {
		return s.importPEM(b, o)
	}
	signed, err := cms.ParseSignedData(b)
	switch {
	case err != nil:
		return s.importAll([][]byte{b}, o)
	case signed.ContentType.Equal(oidMasterList):
		return s.importMasterList(b, signed, o)
	case signed.ContentType.Equal(oidDefectList):
		return s.importDefectList(b, signed, o)
	default:
		return Report{}, fault.New(fault.TrustFileUnknown, "message of type "+signed.ContentType.String(), nil)
	}
}

func (s *Store) importPEM(b []byte, o ImportOptions) (Report, error) {
	var parts [][]byte
	for len(parts) < maxPEMBlocks {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			break
		}
		parts = append(parts, block.Bytes)
	}
	switch len(parts) {
	case 0:
		return Report{}, fault.New(fault.TrustFileUnknown, "no block of PEM can be read", nil)
	case 1:
		return s.importObject(parts[0], o)
	default:
		return s.importAll(parts, o)
	}
}

// importAll reads everything before it changes anything.
func (s *Store) importAll(parts [][]byte, o ImportOptions) (Report, error) {
	var certificates []*cms.Certificate
	var lists []*cms.CRL
	for _, der := range parts {
		certificate, err := cms.ParseCertificate(der)
		if err == nil {
			if err := o.checkRoot(certificate); err != nil {
				return Report{}, err
			}
			certificates = append(certificates, certificate)
			continue
		}
		list, listErr := cms.ParseCRL(der)
		if listErr != nil {
			return Report{}, fault.New(fault.TrustFileUnknown, "", errors.Join(err, listErr))
		}
		if err := s.checkRevocationList(list, certificates); err != nil {
			return Report{}, err
		}
		lists = append(lists, list)
	}
	var report Report
	for _, c := range certificates {
		if err := s.take(c, &report); err != nil {
			return Report{}, err
		}
	}
	for _, list := range lists {
		report.RevocationLists++
		s.addRevocationList(list)
	}
	return report, nil
}

// take puts a certificate that a person imports where it belongs.
func (s *Store) take(c *cms.Certificate, report *Report) error {
	if isCountrySigner(c) {
		report.count(s.add(c, SourceFile))
		return nil
	}
	added, err := s.addSigner("", c.Raw)
	if err != nil {
		return fault.New(fault.TrustStoreDamaged, "document signers", err)
	}
	report.DocumentSigners.count(added)
	return nil
}

func (r *Report) count(added bool) {
	if added {
		r.Added++
	} else {
		r.Known++
	}
}

func (o ImportOptions) checkRoot(c *cms.Certificate) error {
	if o.Root == nil || bytes.Equal(o.Root.Raw, c.Raw) {
		return nil
	}
	if err := c.CheckSignatureFrom(o.Root); err != nil {
		return fault.New(fault.TrustSignature, c.Subject.String(), err)
	}
	return nil
}

// checkRevocationList asks for a country signer of the same country, in the store
// or among those that come with the list, that signed it.
func (s *Store) checkRevocationList(list *cms.CRL, beside []*cms.Certificate) error {
	older := func(other *cms.CRL) bool {
		return sameAuthority(other, list) && other.ThisUpdate.After(list.ThisUpdate)
	}
	if slices.ContainsFunc(s.revocations, older) {
		return fault.New(fault.TrustOlder, "revocation list of "+list.Issuer.Country(), nil)
	}
	candidates := slices.Clone(beside)
	for _, e := range s.certificates {
		candidates = append(candidates, e.certificate)
	}
	for _, c := range candidates {
		if !isCountrySigner(c) || c.Subject.Country() != list.Issuer.Country() {
			continue
		}
		if c.Extensions.HasKeyUsage && c.Extensions.KeyUsage&cms.CRLSign == 0 {
			continue
		}
		if list.CheckSignatureFrom(c) == nil {
			return nil
		}
	}
	return fault.New(fault.TrustIssuerUnknown, list.Issuer.String(), nil)
}

func sameAuthority(a, b *cms.CRL) bool { return a.Issuer.Equal(b.Issuer) }

func (s *Store) addRevocationList(list *cms.CRL) {
	s.revocations = slices.DeleteFunc(s.revocations, func(other *cms.CRL) bool { return sameAuthority(other, list) })
	s.revocations = append(s.revocations, list)
}
