// Package trust is the certificates by which a document is believed: country
// signers from signed lists and files, the path from a document's signature to one
// of them, and revocation (Doc 9303-12, 6.1). What it finds it returns as values
// with reasons; it passes no judgement.
package trust

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"passport-agent/internal/cms"
)

// Store is a set of country signers, of document signers that documents may not
// carry themselves, and of revocation lists. The zero value is empty and ready for
// use. A store may be read by several goroutines as long as none changes it; a
// program that imports while it reads loads a second one and exchanges them.
type Store struct {
	lists         []List
	certificates  []*entry
	revocations   []*cms.CRL
	defectLists   []*defectList
	signers       *signerSet // nil where there are none
	byFingerprint map[[sha256.Size]byte]*entry
	bySubjectKey  map[string][]*entry
	bySubject     map[string][]*entry
}

// entry is a country signer with where it comes from.
type entry struct {
	certificate *cms.Certificate
	fingerprint [sha256.Size]byte
	sources     []string
}

// List is a master list that was imported.
type List struct {
	Publisher    string    `json:"publisher"` // country of the list's signer
	Signer       string    `json:"signer"`    // its name
	Date         time.Time `json:"date"`      // when it was signed
	Certificates int       `json:"certificates"`
	Unreadable   int       `json:"unreadable"` // certificates left out because they cannot be read
	SHA256       string    `json:"sha256"`     // of the file, in hexadecimal
}

// CountrySigner is a certificate of a country signing certification authority.
type CountrySigner struct {
	Certificate *cms.Certificate
	Fingerprint string   // SHA-256 of the certificate, in hexadecimal
	Sources     []string // publishers of lists that it stands on, or SourceFile
}

// SourceFile is the source of what was imported by itself.
const SourceFile = "file"

// Lists returns the master lists that are in the store, in the order of import.
func (s *Store) Lists() []List { return slices.Clone(s.lists) }

// Date is that of the newest list; zero where there is none.
func (s *Store) Date() time.Time {
	var newest time.Time
	for _, list := range s.lists {
		if list.Date.After(newest) {
			newest = list.Date
		}
	}
	return newest
}

// CountrySigners returns all country signers, in the order of import.
func (s *Store) CountrySigners() []CountrySigner {
	var all []CountrySigner
	for _, e := range s.certificates {
		all = append(all, CountrySigner{e.certificate, hex.EncodeToString(e.fingerprint[:]), slices.Clone(e.sources)})
	}
	return all
}

// Len is the number of country signers.
func (s *Store) Len() int { return len(s.certificates) }

// DocumentSigners is the number of document signers that are kept for documents which
// carry none (Doc 9303-12, 5).
func (s *Store) DocumentSigners() int {
	if s.signers == nil {
		return 0
	}
	return s.signers.count
}

// Countries returns the two-letter codes of the country signers, sorted.
func (s *Store) Countries() []string {
	var countries []string
	for _, signer := range s.CountrySigners() {
		countries = append(countries, signer.Certificate.Subject.Country())
	}
	slices.Sort(countries)
	return slices.Compact(countries)
}

// RevocationLists returns the revocation lists, in the order of import.
func (s *Store) RevocationLists() []*cms.CRL { return slices.Clone(s.revocations) }

// isCountrySigner tells country signers from document signers. Link certificates of
// BE, CM, IT, LU and PT change the name and are no authority by their basic
// constraints; what their keys are for tells.
func isCountrySigner(c *cms.Certificate) bool {
	return c.Extensions.IsCA || c.SelfIssued() || c.Extensions.KeyUsage&cms.KeyCertSign != 0
}

// add puts a country signer into the store; new is false where it was there before.
func (s *Store) add(c *cms.Certificate, source string) (new bool) {
	fingerprint := sha256.Sum256(c.Raw)
	if e := s.byFingerprint[fingerprint]; e != nil {
		if !slices.Contains(e.sources, source) {
			e.sources = append(e.sources, source)
		}
		return false
	}
	e := &entry{certificate: c, fingerprint: fingerprint, sources: []string{source}}
	s.certificates = append(s.certificates, e)
	s.index(e)
	return true
}

func (s *Store) index(e *entry) {
	if s.byFingerprint == nil {
		s.byFingerprint = map[[sha256.Size]byte]*entry{}
		s.bySubjectKey, s.bySubject = map[string][]*entry{}, map[string][]*entry{}
	}
	c := e.certificate
	s.byFingerprint[e.fingerprint] = e
	s.bySubject[c.Subject.Comparable()] = append(s.bySubject[c.Subject.Comparable()], e)
	if id := string(c.Extensions.SubjectKeyID); id != "" {
		s.bySubjectKey[id] = append(s.bySubjectKey[id], e)
	}
}

// forget takes back what one source brought; a certificate goes when no other
// source has it.
func (s *Store) forget(source string) {
	before := s.certificates
	s.lists = slices.DeleteFunc(s.lists, func(l List) bool { return l.Publisher == source })
	s.certificates, s.byFingerprint, s.bySubjectKey, s.bySubject = nil, nil, nil, nil
	for _, e := range before {
		e.sources = slices.DeleteFunc(e.sources, func(other string) bool { return other == source })
		if len(e.sources) > 0 {
			s.certificates = append(s.certificates, e)
			s.index(e)
		}
	}
}

// addSigner puts a document signer into the store.
func (s *Store) addSigner(entry string, der []byte) (added bool, err error) {
	if s.signers == nil {
		s.signers = &signerSet{}
	}
	return s.signers.add(entry, der)
}

// maxIssuers bounds the keys that are tried for one certificate.
const maxIssuers = 32

// issuers returns the country signers that may have issued a certificate: first
// those that its authority key identifier names, then those of the issuer's name.
// identified is the number of the former.
func (s *Store) issuers(c *cms.Certificate) (candidates []*cms.Certificate, identified int) {
	for _, e := range s.bySubjectKey[string(c.Extensions.AuthorityKeyID)] {
		candidates = append(candidates, e.certificate)
	}
	identified = len(candidates)
	for _, e := range s.bySubject[c.Issuer.Comparable()] {
		if !slices.Contains(candidates, e.certificate) {
			candidates = append(candidates, e.certificate)
		}
	}
	return candidates[:min(len(candidates), maxIssuers)], min(identified, maxIssuers)
}
