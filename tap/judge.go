package tap

import (
	"time"

	"passport-agent/icao/lds"
	"passport-agent/icao/trust"
	"passport-agent/icao/verdict"
)

// Judge judges a document that was read before, as it was at a date, and returns
// the report and the error that Run would give. Of the options Zone, Profile, Trust,
// RequireTrust and Software count. How it was opened is not known any more.
func Judge(document *lds.Document, at time.Time, o Options) Result {
	t := newTap(o)
	t.report.Files = filesOf(document)
	v := verdict.Judge(verdict.Input{Document: document, Saved: true, Zone: o.Zone, Profile: o.Profile, Trust: o.Trust, At: at})
	t.report.judged(v, document, o.Trust)
	err := verdictError(v, o.RequireTrust)
	t.report.Error = ErrorOf(err)
	return Result{Report: t.report, Document: document, Err: err}
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
	}
}
