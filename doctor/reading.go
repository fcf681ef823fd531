package doctor

import (
	"context"
	"fmt"

	"passport-agent/icao/trust"
	"passport-agent/internal/fault"
)

// readers asks the smart card service, which tells whether it is installed, running and
// permitted, and what is plugged in.
func (e *examination) readers(ctx context.Context) {
	const check = "smart_card_service"
	if e.Readers == nil {
		e.skip(check, "not looked at")
		return
	}
	found, err := e.Readers(ctx)
	if err != nil {
		e.fail(check, Problem, err)
		return
	}
	e.plugged = found
	e.add(Finding{Check: check, Result: OK, Text: "it answers"})
	if len(found) == 0 {
		e.fail("readers", Problem, fault.New(fault.NoReader, "", nil))
	}
	for _, r := range found {
		e.add(Finding{Check: "readers", Result: OK, Text: fmt.Sprintf("%s: %s", r.Name, r.Status)})
	}
}

// trustStore says whether documents can be proved genuine.
func (e *examination) trustStore(ctx context.Context) {
	const check = "trust_list"
	if e.Trust == nil {
		e.skip(check, "not looked at")
		return
	}
	store, err := e.Trust(ctx)
	if err != nil {
		e.fail(check, Problem, err)
		return
	}
	concerns, err := store.Concerns(e.Now(), trust.ConcernLimits{})
	if err != nil {
		e.fail(check, Problem, err)
		return
	}
	warned := false
	for _, c := range concerns {
		if c.Warning {
			warned = true
			e.add(Finding{
				Check: check, Result: Warning, Text: c.Text, Cause: "The trust list is not what it could be: sound documents end undetermined.",
				Mend: "passport-agent trust import DE_ML.ml --root DE_CSCA.cer, with the publisher's current list; passport-agent trust check tells all.",
			})
		}
	}
	if !warned {
		e.add(Finding{Check: check, Result: OK, Text: fmt.Sprintf("%d country signers, newest list of %s", store.Len(), dateOf(store))})
	}
}

func dateOf(store *trust.Store) string {
	if date := store.Date(); !date.IsZero() {
		return date.Format("2006-01-02")
	}
	return "no date"
}
