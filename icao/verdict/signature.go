package verdict

import (
	"passport-agent/icao/lds"
	"passport-agent/icao/trust"
)

// signature makes the checks of EF.SOD and of the certificates behind it (Doc
// 9303-11, 5.1.1; TR-03135-1). Where a message has several signatures, the one that
// is best proved counts; it is returned.
func (v *Verdict) signature(in Input) trust.Verification {
	store := in.Trust
	if store == nil {
		store = &trust.Store{}
	}
	best := Verdict{}
	var counts trust.Verification
	for i, verification := range store.Verify(in.Document.SOD.SignedData, in.At) {
		one := Verdict{}
		for _, f := range verification.Findings {
			one.add(checkOf(f))
		}
		if verification.OtherIdentifier {
			one.Warnings = append(one.Warnings, lds.Warning{Name: "sod_signer_identifier", Detail: "EF.SOD names another certificate than the one that signed"})
		}
		for _, d := range verification.Deviations {
			one.Warnings = append(one.Warnings, lds.Warning{Name: d.Name, Detail: d.Detail})
		}
		if i == 0 || rank(Overall(one.Checks)) > rank(Overall(best.Checks)) {
			best, counts = one, verification
		}
	}
	v.Checks = append(v.Checks, best.Checks...)
	v.Warnings = append(v.Warnings, best.Warnings...)
	return counts
}

func rank(r Result) int {
	switch r {
	case Successful:
		return 2
	case Undetermined:
		return 1
	default:
		return 0
	}
}

var signatureChecks = map[trust.Check]string{
	trust.CheckSignature: "sod_signature", trust.CheckPath: "signer_trusted", trust.CheckSignerValidity: "signer_validity",
	trust.CheckCountrySignerValidity: "country_signer_validity", trust.CheckRevocation: "signer_revocation",
	trust.CheckUsage: "signer_key_usage", trust.CheckCountry: "signer_country",
}

const adviceImport = "Import a current master list with `passport-agent trust import`, then judge the document again."

// checkOf phrases a finding. A signer that is in no list at hand, and a revocation
// list that nobody has given, prove nothing against a document.
func checkOf(f trust.Finding) Check {
	c := Check{Group: GroupSOD, Name: signatureChecks[f.Check], Result: Result(f.Result)}
	if c.Result == Successful {
		return c
	}
	if known, ok := reasons[f.Reason]; ok {
		c.Reason, c.Advice = known.reason, known.advice
	} else {
		c.Reason = string(f.Reason)
	}
	switch {
	case f.Reason == trust.ReasonNoRevocationList, f.Reason == trust.ReasonReplaced:
		c.Result = NotSupported
	case f.Reason == trust.ReasonSignerUnknown && f.Check != trust.CheckPath:
		c.Reason, c.Advice = "cannot be said without the country signer", ""
	}
	if c.Result == Failed && c.Advice == "" {
		c.Advice = adviceExamine
	}
	return c
}

// reasons says what a finding means to a person.
var reasons = map[trust.Reason]struct{ reason, advice string }{
	trust.ReasonNoSigner:            {"nobody has signed the list of hashes", ""},
	trust.ReasonNoCertificate:       {"the certificate of the document signer is not there", adviceImport},
	trust.ReasonSignature:           {"the signature over the list of hashes is wrong", ""},
	trust.ReasonContent:             {"the list of hashes is not the one that was signed", ""},
	trust.ReasonContentType:         {"the list of hashes is announced as something else", ""},
	trust.ReasonUnsupported:         {"the issuer uses an algorithm that the agent does not know", "Check for a newer version of the agent; report the document type."},
	trust.ReasonMalformed:           {"a certificate or signature is not well formed", ""},
	trust.ReasonStoreDamaged:        {"the document signers of the trust store cannot be read", "Import the lists again, or remove the trust store and import them."},
	trust.ReasonReplaced:            {"a defect list gives another certificate in place of the signer's malformed one", ""},
	trust.ReasonSignerUnknown:       {"the document's signer is not in your trust list; this is no sign of tampering", adviceImport},
	trust.ReasonNotIssued:           {"the country signer that the document names did not issue its signer", ""},
	trust.ReasonExpired:             {"the certificate has expired", "Compare the date with the document's issue date; a document may outlive its signer's certificate."},
	trust.ReasonNotYetValid:         {"the certificate is not valid yet", "Check the clock of this machine; then have the document examined."},
	trust.ReasonRevoked:             {"the certificate was revoked by its country", ""},
	trust.ReasonNoRevocationList:    {"no revocation list of this country was imported", ""},
	trust.ReasonRevocationListStale: {"the revocation list of this country is out of date", "Import the country's current revocation list."},
	trust.ReasonKeyUsageMissing:     {"the signer's certificate does not say what its key is for", ""},
	trust.ReasonKeyUsage:            {"the signer's key is not for signing documents", ""},
	trust.ReasonExtendedKeyUsage:    {"the signer's certificate is for something else", ""},
	trust.ReasonCriticalExtension:   {"the signer's certificate has a critical extension that the agent does not know", "Check for a newer version of the agent; report the document type."},
	trust.ReasonCountryDiffers:      {"the document signer and the country signer belong to different countries", ""},
	trust.ReasonCountryMissing:      {"a certificate names no country", ""},
}
