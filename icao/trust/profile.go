package trust

import (
	"errors"

	"passport-agent/internal/cms"
)

// Deviation is something in which a message or certificate is not as Doc 9303 asks,
// and which does not keep its signature from being checked. Name is stable and begins
// with "signer_" or "country_signer_"; Detail may be empty.
type Deviation struct{ Name, Detail string }

// maxSerial is the longest serial number in bytes (Doc 9303-12, table 5).
const maxSerial = 20

// deviations are what document signer and country signer have otherwise than the
// certificate profile asks (Doc 9303-12, tables 5 and 6). Extensions that not every
// edition of the standard asks for are left out: earlier profiles stay good (Doc
// 9303-12, 7.1). country may be nil.
func deviations(signer, country *cms.Certificate) []Deviation {
	found := common("signer_", signer)
	e := signer.Extensions
	if len(e.AuthorityKeyID) == 0 {
		found = append(found, Deviation{"signer_authority_key_id", "the issuer's key is not named"})
	}
	if e.HasKeyUsage && !e.KeyUsageCritical {
		found = append(found, Deviation{"signer_key_usage_critical", "it is not critical"})
	}
	if _, err := signer.PublicKey(); errors.Is(err, cms.ErrUnsupported) {
		found = append(found, Deviation{"signer_public_key", "of a kind that no document may have"})
	}
	if country == nil {
		return found
	}
	// Two different algorithms keep the path from being found; parameters do not.
	if !signer.SameAlgorithm() {
		found = append(found, Deviation{"signer_signature_parameters", "they are not the same in both places"})
	}
	if !signer.Issuer.Equal(country.Subject) {
		found = append(found, Deviation{"signer_issuer_differs", "it is not the name of the country signer whose key signed"})
	}
	return append(found, countryDeviations(country)...)
}

func countryDeviations(c *cms.Certificate) []Deviation {
	found := common("country_signer_", c)
	e := c.Extensions
	switch {
	case !e.HasKeyUsage:
		found = append(found, Deviation{"country_signer_key_usage", "missing"})
	case !e.KeyUsageCritical || e.KeyUsage&cms.CRLSign == 0:
		found = append(found, Deviation{"country_signer_key_usage", "not critical, or not for revocation lists"})
	}
	if !e.HasBasicConstraints || !e.IsCA || e.PathLength != 0 {
		found = append(found, Deviation{"country_signer_basic_constraints", ""})
	}
	if len(e.SubjectKeyID) == 0 {
		found = append(found, Deviation{"country_signer_subject_key_id", "missing"})
	}
	return found
}

// common is what both kinds of certificates have to observe.
func common(prefix string, c *cms.Certificate) []Deviation {
	var found []Deviation
	for _, rule := range []struct {
		broken       bool
		name, detail string
	}{
		{c.Version != 3, "version", "not version 3"},
		{c.Serial.Sign() <= 0 || c.Serial.BitLen() >= 8*maxSerial, "serial_number", "not positive, or longer than 20 bytes"},
		{!c.TimeForm, "validity_form", "not UTCTime until 2049 and GeneralizedTime from then on"},
		{c.Issuer.Irregular, "issuer_name", ""},
		{c.Subject.Irregular, "subject_name", ""},
		{!c.KnownAlgorithm(), "signature_algorithm", "one that no certificate may have"},
	} {
		if rule.broken {
			found = append(found, Deviation{prefix + rule.name, rule.detail})
		}
	}
	return found
}
