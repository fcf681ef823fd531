package trust

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"passport-agent/internal/cms"
	"passport-agent/internal/fault"
)

// ConcernKind is a kind of thing that is worth knowing about a store.
type ConcernKind string

// Kinds of concerns.
const (
	ConcernEmpty           ConcernKind = "no_country_signers"
	ConcernSignerExpired   ConcernKind = "country_signer_expired"
	ConcernSignerExpiring  ConcernKind = "country_signer_expiring"
	ConcernLinkMissing     ConcernKind = "link_missing"
	ConcernKeyUnreadable   ConcernKind = "key_unreadable"
	ConcernListUnreadable  ConcernKind = "list_unreadable"
	ConcernListOld         ConcernKind = "list_old"
	ConcernRevocationStale ConcernKind = "revocation_list_stale"
)

// Concern is one of them. A warning asks for something to be done; the rest is the
// ordinary life of a list.
type Concern struct {
	Kind    ConcernKind
	Warning bool
	Country string // two letters
	Subject string // name of the certificate, or of who signed the list
	SHA256  string // of the certificate, in hexadecimal; empty for lists
	Days    int    // until the date that matters; negative for one that has passed
	Text    string
}

// ConcernLimits says from when on something is one. The zero value is 90 days before a
// certificate expires, 120 days after a list was signed and, as issuers have to issue a
// revocation list every 90 days (Doc 9303-12, 4.1.5), 90 days for one that names no date
// for the next.
type ConcernLimits struct {
	Expiring time.Duration
	ListAge  time.Duration
}

const (
	day                    = 24 * time.Hour
	defaultExpiring        = 90 * day
	defaultListAge         = 120 * day
	revocationListInterval = 90 * day
)

// Concerns looks through the store as of a date: expired and expiring country signers,
// keys and lists that cannot be read, lists that are old, missing links. Warnings come
// first. It fails with fault.TrustStoreDamaged where the document signers cannot be read.
func (s *Store) Concerns(at time.Time, limits ConcernLimits) ([]Concern, error) {
	limits.Expiring = cmp.Or(limits.Expiring, defaultExpiring)
	limits.ListAge = cmp.Or(limits.ListAge, defaultListAge)
	if s.signers != nil {
		if _, err := s.signers.all(); err != nil {
			return nil, fault.New(fault.TrustStoreDamaged, "document signers", err)
		}
	}
	var all []Concern
	if s.Len() == 0 {
		all = append(all, Concern{Kind: ConcernEmpty, Warning: true, Text: "there are no country signers: no document can be proved genuine"})
	}
	all = append(all, s.signerConcerns(at, limits.Expiring)...)
	all = append(all, s.linkConcerns()...)
	all = append(all, s.listConcerns(at, limits.ListAge)...)
	all = append(all, s.revocationConcerns(at)...)
	slices.SortStableFunc(all, func(a, b Concern) int {
		if a.Warning != b.Warning {
			if a.Warning {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Country, b.Country)
	})
	return all, nil
}

// days is the number of whole days from one time to another.
func days(from, to time.Time) int { return int(to.Sub(from).Hours() / 24) }

// signerConcerns: one that expires while its country has no other is a warning.
func (s *Store) signerConcerns(at time.Time, ahead time.Duration) []Concern {
	lasting := map[string]bool{} // countries with a signer that is valid then
	valid := map[string]bool{}   // and now
	for _, e := range s.certificates {
		c := e.certificate
		lasting[c.Subject.Country()] = lasting[c.Subject.Country()] || c.ValidAt(at.Add(ahead))
		valid[c.Subject.Country()] = valid[c.Subject.Country()] || c.ValidAt(at)
	}
	var all []Concern
	for _, e := range s.certificates {
		c := e.certificate
		concern := Concern{Country: c.Subject.Country(), Subject: c.Subject.String(), SHA256: hex.EncodeToString(e.fingerprint[:]), Days: days(at, c.NotAfter)}
		if _, err := c.PublicKey(); err != nil {
			unreadable := concern
			unreadable.Kind, unreadable.Warning, unreadable.Text = ConcernKeyUnreadable, true, "its key cannot be used: "+err.Error()
			all = append(all, unreadable)
		}
		switch {
		case at.After(c.NotAfter):
			concern.Kind, concern.Text = ConcernSignerExpired, fmt.Sprintf("expired on %s, %d days ago", c.NotAfter.Format(time.DateOnly), -concern.Days)
			if concern.Warning = !valid[concern.Country]; concern.Warning {
				concern.Text += "; its country has no valid one"
			}
		case at.Add(ahead).After(c.NotAfter):
			concern.Kind, concern.Text = ConcernSignerExpiring, fmt.Sprintf("expires on %s, in %d days", c.NotAfter.Format(time.DateOnly), concern.Days)
			if concern.Warning = !lasting[concern.Country]; concern.Warning {
				concern.Text += "; its country has none that is valid longer"
			}
		default:
			continue
		}
		all = append(all, concern)
	}
	return all
}

// linkConcerns looks for countries whose newest key no former key has signed: a new key
// comes with a link certificate (Doc 9303-12, 4.1.4.3). The lists vouch for it
// nevertheless, so it is none for a warning.
func (s *Store) linkConcerns() []Concern {
	byCountry := map[string][]*entry{}
	var countries []string
	for _, e := range s.certificates {
		country := e.certificate.Subject.Country()
		if byCountry[country] == nil {
			countries = append(countries, country)
		}
		byCountry[country] = append(byCountry[country], e)
	}
	slices.Sort(countries)
	var all []Concern
	for _, country := range countries {
		if newest := withoutLink(byCountry[country]); newest != nil {
			all = append(all, Concern{
				Kind: ConcernLinkMissing, Country: country, Subject: newest.certificate.Subject.String(), SHA256: hex.EncodeToString(newest.fingerprint[:]),
				Text: "no former key of the country has signed its newest one",
			})
		}
	}
	return all
}

// withoutLink returns a certificate of the newest key where it has predecessors and none
// of them has signed it; else nil. Some countries have keys for several kinds of documents
// side by side: any earlier key of the country will do.
func withoutLink(signers []*entry) *entry {
	newest := slices.MaxFunc(signers, func(a, b *entry) int { return a.certificate.NotBefore.Compare(b.certificate.NotBefore) })
	var former, same []*cms.Certificate
	for _, e := range signers {
		if e.certificate.SameKey(newest.certificate) {
			same = append(same, e.certificate)
		} else {
			former = append(former, e.certificate)
		}
	}
	if len(former) == 0 {
		return nil
	}
	for _, c := range same {
		for _, f := range former {
			if (len(c.Extensions.AuthorityKeyID) == 0 || c.Identifies(f)) && c.CheckSignatureFrom(f) == nil {
				return nil
			}
		}
	}
	return newest
}

// listConcerns: nothing says how often a list is issued; publishers do so every few
// weeks to months.
func (s *Store) listConcerns(at time.Time, age time.Duration) []Concern {
	var all []Concern
	consider := func(what, publisher, signer string, date time.Time, unreadable int) {
		concern := Concern{Country: publisher, Subject: signer, Days: days(at, date.Add(age))}
		if at.After(date.Add(age)) {
			old := concern
			old.Kind, old.Warning = ConcernListOld, true
			old.Text = fmt.Sprintf("the %s of %s is %d days old", what, date.Format(time.DateOnly), days(date, at))
			all = append(all, old)
		}
		if unreadable > 0 {
			concern.Kind, concern.Days = ConcernListUnreadable, 0
			concern.Text = fmt.Sprintf("%d certificates of the %s of %s were left out", unreadable, what, date.Format(time.DateOnly))
			all = append(all, concern)
		}
	}
	for _, l := range s.lists {
		consider("master list", l.Publisher, l.Signer, l.Date, l.Unreadable)
	}
	for _, l := range s.defectLists {
		consider("defect list", l.Publisher, l.Signer, l.Date, l.Unreadable)
	}
	return all
}

func (s *Store) revocationConcerns(at time.Time) []Concern {
	var all []Concern
	for _, l := range s.revocations {
		due := l.NextUpdate
		if due.IsZero() {
			due = l.ThisUpdate.Add(revocationListInterval)
		}
		if at.After(due) {
			all = append(all, Concern{
				Kind: ConcernRevocationStale, Warning: true, Country: l.Issuer.Country(), Subject: l.Issuer.String(), Days: days(at, due),
				Text: fmt.Sprintf("a newer revocation list was due on %s, %d days ago", due.Format(time.DateOnly), days(due, at)),
			})
		}
	}
	return all
}
