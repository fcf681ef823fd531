package trust

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"passport-agent/internal/cms"
	"passport-agent/internal/fault"
)

// Bounds on what is imported.
const (
	maxFileSize   = 64 << 20
	maxFolder     = 10_000 // files
	maxPEMBlocks  = 10_000
	clockTolerant = 24 * time.Hour
)

// ImportOptions says what an import has to lead to.
type ImportOptions struct {
	// Root is the certificate that has to have issued what is imported: the list's
	// signer, or the certificate itself. Without it, a master list has to lead to a
	// country signer of the store, and a certificate is trusted because a person
	// imports it.
	Root *cms.Certificate
	// Now is when the import takes place; the zero value is the clock's time.
	Now time.Time
}

// Report says what an import did.
type Report struct {
	List            *List // of a master list; else nil
	Added           int   // certificates
	Known           int   // certificates that were there before
	Removed         int   // certificates that an earlier issue of the list had
	RevocationLists int
	Unreadable      []string // certificates of the list that were left out: place on the list and reason
}

// Import takes one file: a master list (DER or BER), a certificate, a revocation
// list (DER), or certificates and revocation lists in PEM. Where it fails, the
// store stays as it was. It fails with fault.TrustFileUnknown,
// fault.TrustSignature, fault.TrustRootMissing, fault.TrustOlder or
// fault.TrustIssuerUnknown.
func (s *Store) Import(b []byte, o ImportOptions) (Report, error) {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	const sequence = 0x30
	if len(b) > 0 && b[0] != sequence && bytes.Contains(b, []byte("-----BEGIN ")) {
		return s.importPEM(b, o)
	}
	if signed, err := cms.ParseSignedData(b); err == nil {
		return s.importMasterList(b, signed, o)
	}
	return s.importAll([][]byte{b}, o)
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
	if len(parts) == 0 {
		return Report{}, fault.New(fault.TrustFileUnknown, "no block of PEM can be read", nil)
	}
	return s.importAll(parts, o)
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
		report.count(s.add(c, SourceFile))
	}
	for _, list := range lists {
		report.RevocationLists++
		s.addRevocationList(list)
	}
	return report, nil
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

// FileReport is what became of one file of a folder.
type FileReport struct {
	Name   string
	Report Report
	Err    error // nil where the file was imported
}

// ImportFolder imports every regular file of a folder, without those below it; a
// file that cannot be imported is reported and left out. Files that need others of
// the folder find them, whatever the order. It fails with fault.InputFileMissing,
// or with the context's error.
func (s *Store) ImportFolder(ctx context.Context, folder string, o ImportOptions) ([]FileReport, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fault.New(fault.InputFileMissing, "", err)
	}
	defer func() { _ = root.Close() }() // it was only read from
	directory, err := root.Open(".")
	if err != nil {
		return nil, fault.New(fault.InputFileMissing, "", err)
	}
	entries, err := directory.ReadDir(maxFolder)
	_ = directory.Close() // it was only read from
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fault.New(fault.InputFileMissing, "", err)
	}
	var reports []FileReport
	for _, entry := range entries {
		if entry.Type().IsRegular() {
			reports = append(reports, FileReport{Name: entry.Name()})
		}
	}
	slices.SortFunc(reports, func(a, b FileReport) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	for round := range 2 {
		for i := range reports {
			if err := ctx.Err(); err != nil {
				return reports, err
			}
			if round == 0 || errors.Is(reports[i].Err, fault.TrustIssuerUnknown) || errors.Is(reports[i].Err, fault.TrustRootMissing) {
				reports[i].Report, reports[i].Err = s.importFile(root, reports[i].Name, o)
			}
		}
	}
	return reports, nil
}

func (s *Store) importFile(root *os.Root, name string, o ImportOptions) (Report, error) {
	f, err := root.Open(name)
	if err != nil {
		return Report{}, fault.New(fault.InputFileMissing, name, err)
	}
	defer func() { _ = f.Close() }() // it was only read from
	b, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return Report{}, fault.New(fault.InputFileMissing, name, err)
	}
	if len(b) > maxFileSize {
		return Report{}, fault.New(fault.TrustFileUnknown, fmt.Sprintf("more than %d bytes", maxFileSize), nil)
	}
	return s.Import(b, o)
}
