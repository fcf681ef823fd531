package trust

import (
	"errors"
	"slices"
	"time"

	"passport-agent/internal/cms"
)

// Verification is what is found about one signature on a message.
type Verification struct {
	Path
	// OtherIdentifier is true where the signature is that of a certificate in the
	// message, but the message names another certificate as the signer's.
	OtherIdentifier bool
	SigningTime     time.Time   // as claimed; zero where nothing is said
	Deviations      []Deviation // of the certificates
}

// Verify checks every signature on a message, such as EF.SOD (Doc 9303-11, 5.1),
// and the path behind each, at a date. The document signers of the message and of
// the store are tried. A message that nobody signed has one failed verification.
func (s *Store) Verify(signed *cms.SignedData, at time.Time) []Verification {
	if len(signed.Signers) == 0 {
		return []Verification{unsigned(bad(CheckSignature, ReasonNoSigner))}
	}
	inside := parseAll(signed.Certificates)
	verifications := make([]Verification, len(signed.Signers))
	for i := range signed.Signers {
		verifications[i] = s.verify(signed, &signed.Signers[i], inside, at)
		if len(inside) < len(signed.Certificates) {
			verifications[i].Deviations = append(verifications[i].Deviations, Deviation{"signer_certificate_malformed", "a certificate in the message cannot be read"})
		}
	}
	return verifications
}

func (s *Store) verify(signed *cms.SignedData, signer *cms.SignerInfo, inside []*cms.Certificate, at time.Time) Verification {
	by, err := signed.Verify(signer, slices.Concat(inside, s.documentSigners(signer)))
	other := false
	if errors.Is(err, cms.ErrNoCertificate) {
		for _, c := range inside {
			if signed.VerifyWith(signer, c) == nil {
				by, err, other = c, nil, true
			}
		}
	}
	finding := signature(err)
	if by == nil {
		v := unsigned(finding)
		v.SigningTime = signer.SigningTime
		return v
	}
	v := Verification{Path: s.Path(by, at), OtherIdentifier: other, SigningTime: signer.SigningTime}
	v.Findings = slices.Insert(v.Findings, 0, finding)
	v.Deviations = deviations(by, v.CountrySigner)
	return v
}

// documentSigners are those of the store that the signer may mean.
func (s *Store) documentSigners(signer *cms.SignerInfo) []*cms.Certificate {
	var found []*cms.Certificate
	entries := s.byIssuer[signer.Issuer.Comparable()]
	if signer.Serial == nil {
		entries = s.certificates
	}
	for _, e := range entries {
		if signer.Names(e.certificate) && len(found) < maxIssuers {
			found = append(found, e.certificate)
		}
	}
	return found
}

func signature(err error) Finding {
	switch {
	case err == nil:
		return good(CheckSignature)
	case errors.Is(err, cms.ErrNoCertificate):
		return unclear(CheckSignature, ReasonNoCertificate)
	case errors.Is(err, cms.ErrUnsupported):
		return unclear(CheckSignature, ReasonUnsupported)
	case errors.Is(err, cms.ErrMessageDigest):
		return bad(CheckSignature, ReasonContent)
	case errors.Is(err, cms.ErrContentType):
		return bad(CheckSignature, ReasonContentType)
	case errors.Is(err, cms.ErrSignature):
		return bad(CheckSignature, ReasonSignature)
	default:
		return bad(CheckSignature, ReasonMalformed)
	}
}

// unsigned is what can be said where there is no certificate to begin with.
func unsigned(finding Finding) Verification {
	v := Verification{Path: Path{Findings: []Finding{finding}}}
	for _, check := range []Check{CheckPath, CheckSignerValidity, CheckCountrySignerValidity, CheckRevocation, CheckUsage, CheckCountry} {
		v.Findings = append(v.Findings, unclear(check, ReasonNoCertificate))
	}
	return v
}

// parseAll reads the certificates that can be read.
func parseAll(encoded [][]byte) []*cms.Certificate {
	var list []*cms.Certificate
	for _, der := range encoded {
		if c, err := cms.ParseCertificate(der); err == nil {
			list = append(list, c)
		}
	}
	return list
}
