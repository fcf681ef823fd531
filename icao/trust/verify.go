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
	// Defects is what the defect lists know about the document signer.
	Defects []Defect
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
	kept, keptErr := s.documentSigners(signer.SignerIdentifier)
	candidates := slices.Concat(inside, kept)
	known := s.defectsOf(signed, signer, candidates)
	if replacement := replacementOf(known); replacement != nil {
		return s.verifyReplaced(signed, signer, replacement, known, at)
	}
	by, err := signed.Verify(signer, candidates)
	other := false
	if errors.Is(err, cms.ErrNoCertificate) {
		for _, c := range slices.Concat(inside, s.corrected(known)) {
			if signed.VerifyWith(signer, c) == nil {
				by, err, other = c, nil, true
			}
		}
	}
	finding := signature(err)
	if keptErr != nil && errors.Is(err, cms.ErrNoCertificate) {
		finding = unclear(CheckSignature, ReasonStoreDamaged)
	}
	if by == nil {
		v := unsigned(finding)
		v.SigningTime, v.Defects = signer.SigningTime, known
		return v
	}
	if other {
		known = append(known, s.defects(identityOf(by))...)
	}
	v := Verification{Path: s.path(by, correctCountry(known), at), OtherIdentifier: other, SigningTime: signer.SigningTime, Defects: known}
	v.Findings = slices.Insert(v.Findings, 0, finding)
	v.Deviations = deviations(by, v.CountrySigner)
	return v
}

// defectsOf returns what is known about the signer that a message names, whether its
// certificate is at hand, can be read, or not.
func (s *Store) defectsOf(signed *cms.SignedData, signer *cms.SignerInfo, candidates []*cms.Certificate) []Defect {
	if len(s.defectLists) == 0 {
		return nil
	}
	var identities []identity
	for _, c := range candidates {
		if signer.Names(c) {
			identities = append(identities, identityOf(c))
		}
	}
	if len(identities) > 0 {
		return s.defects(identities...)
	}
	for _, der := range signed.Certificates {
		if _, err := cms.ParseCertificate(der); err != nil {
			identities = append(identities, claimed(signer.SignerIdentifier, der))
		}
	}
	if len(identities) == 0 {
		identities = append(identities, claimed(signer.SignerIdentifier, nil))
	}
	return s.defects(identities...)
}

func replacementOf(known []Defect) *cms.Certificate {
	for _, d := range known {
		if d.replacement != nil {
			return d.replacement
		}
	}
	return nil
}

// corrected are the certificates of the store that a defect names in place of the one
// in the message (TR-03129-2, 8.3.2.4).
func (s *Store) corrected(known []Defect) []*cms.Certificate {
	var found []*cms.Certificate
	for _, d := range known {
		if d.corrected != nil {
			kept, err := s.documentSigners(*d.corrected)
			if err == nil {
				found = append(found, kept...)
			}
		}
	}
	return found
}

func correctCountry(known []Defect) string {
	for _, d := range known {
		if d.Country != "" {
			return d.Country
		}
	}
	return ""
}

// verifyReplaced verifies with the certificate that a defect list gives in place of a
// malformed one. It is trusted because the list says so, whoever signed it (TR-03135-1,
// 5.8.2.1.2); a revocation of the one that it stands for still counts.
func (s *Store) verifyReplaced(signed *cms.SignedData, signer *cms.SignerInfo, replacement *cms.Certificate, known []Defect, at time.Time) Verification {
	v := Verification{SigningTime: signer.SigningTime, Defects: known}
	v.Signer = replacement
	v.Findings = []Finding{
		signature(signed.VerifyWith(signer, replacement)), good(CheckPath),
		validity(CheckSignerValidity, replacement, at), unclear(CheckCountrySignerValidity, ReasonReplaced),
		s.revocationOf(signer.SignerIdentifier, at), unclear(CheckUsage, ReasonReplaced), unclear(CheckCountry, ReasonReplaced),
	}
	return v
}

// documentSigners are those of the store that an identifier names.
func (s *Store) documentSigners(id cms.SignerIdentifier) ([]*cms.Certificate, error) {
	if s.signers == nil {
		return nil, nil
	}
	return s.signers.find(id)
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
