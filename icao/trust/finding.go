package trust

// Result is the answer to one check (TR-03135-1, 5.2).
type Result string

// Results of a check.
const (
	Successful   Result = "successful"
	Failed       Result = "failed"
	Undetermined Result = "undetermined"
)

// Check is one question about a signature and the path behind it.
type Check string

// Checks, in the order in which Verify answers them.
const (
	CheckSignature             Check = "signature"               // the document signer signed this content
	CheckPath                  Check = "path"                    // a known country signer issued the document signer
	CheckSignerValidity        Check = "signer_validity"         // of the document signer, at the date asked for
	CheckCountrySignerValidity Check = "country_signer_validity" // of the country signer, at the date asked for
	CheckRevocation            Check = "revocation"              // neither of them is revoked
	CheckUsage                 Check = "usage"                   // both keys are for what they were used for
	CheckCountry               Check = "country"                 // both belong to the same country
)

// Reason says why a check is not successful; it is empty where it is.
type Reason string

// Reasons, by check.
const (
	ReasonNoSigner      Reason = "no_signer"             // signature: nobody signed
	ReasonNoCertificate Reason = "no_certificate"        // the document signer's certificate is not there
	ReasonSignature     Reason = "signature_wrong"       // signature: not by this key over these bytes
	ReasonContent       Reason = "content_changed"       // signature: the content is not the signed one
	ReasonContentType   Reason = "content_type_changed"  // signature: announced as something else
	ReasonUnsupported   Reason = "algorithm_unsupported" // signature, path: nothing can be said
	ReasonMalformed     Reason = "malformed"             // signature, path, usage: key or structure cannot be read
	ReasonStoreDamaged  Reason = "trust_store_damaged"   // signature: the document signers of the store cannot be read
	ReasonReplaced      Reason = "certificate_replaced"  // country signer's validity, usage, country: a defect list vouches for the signer

	ReasonSignerUnknown Reason = "signer_unknown"         // path: no country signer at hand issued it
	ReasonNotIssued     Reason = "certificate_not_issued" // path: the named country signer did not issue it

	ReasonExpired     Reason = "expired"       // validity
	ReasonNotYetValid Reason = "not_yet_valid" // validity

	ReasonRevoked             Reason = "revoked"               // revocation
	ReasonNoRevocationList    Reason = "no_revocation_list"    // revocation
	ReasonRevocationListStale Reason = "revocation_list_stale" // revocation: a newer one is due
	ReasonKeyUsageMissing     Reason = "key_usage_missing"     // usage
	ReasonKeyUsage            Reason = "key_usage_wrong"       // usage
	ReasonExtendedKeyUsage    Reason = "extended_key_usage"    // usage: the certificate is for something else
	ReasonCriticalExtension   Reason = "critical_extension"    // usage: one that nothing here understands
	ReasonCountryDiffers      Reason = "country_differs"       // country
	ReasonCountryMissing      Reason = "country_not_named"     // country
)

// Finding is the answer to one check with its reason.
type Finding struct {
	Check  Check
	Result Result
	Reason Reason
}

func good(check Check) Finding { return Finding{Check: check, Result: Successful} }

func bad(check Check, reason Reason) Finding { return Finding{check, Failed, reason} }

func unclear(check Check, reason Reason) Finding { return Finding{check, Undetermined, reason} }
