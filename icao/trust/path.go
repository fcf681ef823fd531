package trust

import (
	"errors"
	"slices"
	"time"

	"passport-agent/internal/cms"
)

// Path is the way from a document signer to a country signer, which is one step
// (Doc 9303-12, 2): every key of a country signer is trusted by itself, and link
// certificates carry such keys like any other.
type Path struct {
	Signer        *cms.Certificate // nil where it is not there
	CountrySigner *cms.Certificate // nil where none is known
	Findings      []Finding        // one for each check, CheckPath first
}

// Finding returns the answer to a check; the zero value where it was not asked.
func (p Path) Finding(check Check) Finding {
	i := slices.IndexFunc(p.Findings, func(f Finding) bool { return f.Check == check })
	if i < 0 {
		return Finding{}
	}
	return p.Findings[i]
}

// Path looks for the country signer that issued a certificate and checks both at a
// date. Nothing of it depends on the clock.
func (s *Store) Path(signer *cms.Certificate, at time.Time) Path { return s.path(signer, "", at) }

// path takes the right country of the signer, where its certificate has a wrong one.
func (s *Store) path(signer *cms.Certificate, corrected string, at time.Time) Path {
	country, finding := s.findIssuer(signer, at)
	return Path{
		Signer: signer, CountrySigner: country,
		Findings: []Finding{
			finding,
			validity(CheckSignerValidity, signer, at),
			validity(CheckCountrySignerValidity, country, at),
			s.revocation(signer, country, at),
			usage(signer, country),
			sameCountry(signer, country, corrected),
		},
	}
}

// findIssuer tries the candidates. The same key may stand in a self-signed and in
// a link certificate: one that is valid at the date is preferred.
func (s *Store) findIssuer(signer *cms.Certificate, at time.Time) (*cms.Certificate, Finding) {
	candidates, identified := s.issuers(signer)
	var issuer *cms.Certificate
	reason := ReasonSignerUnknown
	for i, candidate := range candidates {
		err := signer.CheckSignatureFrom(candidate)
		switch {
		case err == nil && (issuer == nil || !issuer.ValidAt(at) && candidate.ValidAt(at)):
			issuer = candidate
		case errors.Is(err, cms.ErrUnsupported):
			reason = ReasonUnsupported
		// A name alone does not say which of an authority's keys it was, so only
		// an identifier that names a key can be proved wrong.
		case err != nil && i < identified && reason == ReasonSignerUnknown:
			reason = ReasonNotIssued
		}
	}
	switch {
	case issuer != nil:
		return issuer, good(CheckPath)
	case reason == ReasonNotIssued:
		return nil, bad(CheckPath, reason)
	default:
		return nil, unclear(CheckPath, reason)
	}
}

func validity(check Check, c *cms.Certificate, at time.Time) Finding {
	switch {
	case c == nil:
		return unclear(check, ReasonSignerUnknown)
	case at.Before(c.NotBefore):
		return bad(check, ReasonNotYetValid)
	case at.After(c.NotAfter):
		return bad(check, ReasonExpired)
	default:
		return good(check)
	}
}

// usage holds the signer against the profile of document signers (Doc 9303-12,
// table 6), which has no extended key usage: that is for other signers of the
// country. A country signer has to be for certificates where it says what it is for.
func usage(signer, country *cms.Certificate) Finding {
	e := signer.Extensions
	switch {
	case len(e.Malformed) > 0:
		return bad(CheckUsage, ReasonMalformed)
	case len(signer.UnknownCritical()) > 0:
		return bad(CheckUsage, ReasonCriticalExtension)
	case !e.HasKeyUsage:
		return bad(CheckUsage, ReasonKeyUsageMissing)
	case e.KeyUsage&cms.DigitalSignature == 0, e.IsCA:
		return bad(CheckUsage, ReasonKeyUsage)
	case len(e.ExtendedKeyUsage) > 0:
		return bad(CheckUsage, ReasonExtendedKeyUsage)
	case country == nil:
		return unclear(CheckUsage, ReasonSignerUnknown)
	case !mayCertify(country):
		return bad(CheckUsage, ReasonKeyUsage)
	default:
		return good(CheckUsage)
	}
}

func mayCertify(c *cms.Certificate) bool {
	return !c.Extensions.HasKeyUsage || c.Extensions.KeyUsage&cms.KeyCertSign != 0
}

func sameCountry(signer, country *cms.Certificate, corrected string) Finding {
	own, issuer := signer.Subject.Country(), signer.Issuer.Country()
	if corrected != "" {
		own, issuer = corrected, corrected
	}
	switch {
	case own == "":
		return unclear(CheckCountry, ReasonCountryMissing)
	case own != issuer, country != nil && own != country.Subject.Country():
		return bad(CheckCountry, ReasonCountryDiffers)
	case country == nil:
		return unclear(CheckCountry, ReasonSignerUnknown)
	default:
		return good(CheckCountry)
	}
}

// revocation asks the lists that cover the certificate. A document that was revoked
// after the date asked for was good at that date.
func (s *Store) revocation(signer, country *cms.Certificate, at time.Time) Finding {
	if country == nil {
		return unclear(CheckRevocation, ReasonSignerUnknown)
	}
	reason := ReasonNoRevocationList
	for _, list := range s.revocations {
		for _, c := range []*cms.Certificate{signer, country} {
			if since, revoked := list.Revoked(c.Serial); revoked && covers(list, c) && !since.After(at) {
				return bad(CheckRevocation, ReasonRevoked)
			}
		}
		switch {
		case !covers(list, signer):
		case !list.NextUpdate.IsZero() && at.After(list.NextUpdate):
			if reason == ReasonNoRevocationList {
				reason = ReasonRevocationListStale
			}
		default:
			reason = ""
		}
	}
	if reason != "" {
		return unclear(CheckRevocation, reason)
	}
	return good(CheckRevocation)
}

// revocationOf asks for a certificate that is not at hand.
func (s *Store) revocationOf(id cms.SignerIdentifier, at time.Time) Finding {
	for _, list := range s.revocations {
		if id.Serial == nil || !list.Issuer.Equal(id.Issuer) && !slices.ContainsFunc(list.FormerIssuers, id.Issuer.Equal) {
			continue
		}
		if since, revoked := list.Revoked(id.Serial); revoked && !since.After(at) {
			return bad(CheckRevocation, ReasonRevoked)
		}
	}
	return unclear(CheckRevocation, ReasonNoRevocationList)
}

// covers reports whether a list speaks for a certificate. An authority signs its
// one list with its newest key and under its newest name (Doc 9303-12, 7.1.4), and
// some countries have several authorities; so the name decides, or the key.
func covers(list *cms.CRL, c *cms.Certificate) bool {
	return list.Issuer.Country() == c.Issuer.Country() &&
		(list.Issuer.Equal(c.Issuer) || len(list.AuthorityKeyID) > 0 && string(list.AuthorityKeyID) == string(c.Extensions.AuthorityKeyID) ||
			slices.ContainsFunc(list.FormerIssuers, c.Issuer.Equal))
}
