package tap

import (
	"fmt"
	"time"

	"passport-agent/icao"
	"passport-agent/icao/lds"
	"passport-agent/icao/trust"
	"passport-agent/icao/verdict"
)

// Judge judges a document that was read before, as it was at a date, and returns
// the report and the error that Run would give. Of the options Zone, Profile, Trust,
// RequireTrust and Software count. How it was opened is not known any more.
//
// Of the evidence, the signature of Active Authentication is checked again; what is
// attested is repeated as a warning and proves nothing.
func Judge(document *lds.Document, evidence Evidence, at time.Time, o Options) Result {
	t := newTap(o)
	t.report.Files = filesOf(document)
	proof := proofOf(document, evidence)
	v := verdict.Judge(verdict.Input{Document: document, Saved: true, Zone: o.Zone, Proof: proof, Profile: o.Profile, Trust: o.Trust, At: at})
	t.report.judged(v, document, o.Trust)
	t.report.Authentication = authenticationOf(proof)
	for _, a := range evidence.Attested {
		t.report.Warnings = append(t.report.Warnings, Warning{
			Name: a.Check + "_attested", Text: fmt.Sprintf("%s was successful at the reader on %s; nobody else can check that", a.Protocol, a.Time.Format(time.RFC3339)),
		})
	}
	err := verdictError(v, o.RequireTrust)
	t.report.Error = ErrorOf(err)
	return Result{Report: t.report, Document: document, Evidence: evidence, Err: err}
}

// proofOf is what saved files and evidence prove of the chip. ParseEvidence has read
// the signature before.
func proofOf(document *lds.Document, evidence Evidence) verdict.Proof {
	var proof verdict.Proof
	kept, _ := evidence.active()
	proof.ActiveAuthentication, proof.Deviations = icao.CheckEvidence(document, kept)
	if document.DG14 != nil && len(document.DG14.ChipAuthenticationPublicKeys) > 0 {
		proof.ChipAuthentication.Outcome = verdict.NoEvidence
	}
	if document.CardSecurity != nil {
		proof.Mapping.Outcome = verdict.NoEvidence
	}
	for check, attempt := range map[string]*verdict.Attempt{checkChipAuthentication: &proof.ChipAuthentication, checkMapping: &proof.Mapping} {
		if a, ok := evidence.attested(check); ok {
			attempt.Outcome = verdict.Attested
			attempt.Detail = a.Time.Format(time.DateOnly)
		}
	}
	return proof
}

// judged takes a verdict into the report.
func (r *Report) judged(v verdict.Verdict, document *lds.Document, store *trust.Store) {
	r.Status, r.Checks = string(v.Status), v.Checks
	for _, w := range append(document.Warnings(), v.Warnings...) {
		r.Warnings = append(r.Warnings, Warning{Name: w.Name, Text: w.Detail})
	}
	if store != nil && store.Len() > 0 {
		r.TrustList = &TrustList{Signers: store.Len()}
		if date := store.Date(); !date.IsZero() {
			r.TrustList.Date = date.Format(time.DateOnly)
		}
		if date := store.DefectListDate(); !date.IsZero() {
			r.TrustList.DefectListDate = date.Format(time.DateOnly)
		}
	}
}
