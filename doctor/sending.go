package doctor

import (
	"context"
	"fmt"
	"time"

	"passport-agent/internal/fault"
)

func (e *examination) keyring(ctx context.Context) {
	const check = "keyring"
	if e.Keyring == nil {
		e.skip(check, "the configuration does not use it")
		return
	}
	if err := e.Keyring(ctx); err != nil {
		e.add(Finding{
			Check: check, Result: Problem, Text: "the system's keyring does not answer", Cause: "There is no keyring in this session, or it is locked: services and remote shells have none.",
			Mend: "Log in at the desk and unlock it, or keep the keys in files: see queue_keys in docs/cli.md.",
		})
		return
	}
	e.add(Finding{Check: check, Result: OK, Text: "it answers"})
}

// longWait is from when on a waiting item is worth a word; the service ends sessions
// after seven days.
const longWait = 24 * time.Hour

func (e *examination) queue(ctx context.Context) {
	const check = "queue"
	if e.Queue == nil {
		e.skip(check, "nothing was deferred here yet")
		return
	}
	q, err := e.Queue(ctx)
	switch {
	case err != nil:
		e.fail(check, Problem, err)
	case q.Oldest > longWait:
		e.add(Finding{
			Check: check, Result: Warning, Text: fmt.Sprintf("%d item(s) wait, the oldest for %d hours", q.Waiting, int(q.Oldest.Hours())), Cause: "What was deferred has not been uploaded for long; the service ends sessions after seven days.",
			Mend: "passport-agent queue flush",
		})
	case q.Uncertain+q.Refused > 0:
		e.add(Finding{
			Check: check, Result: Warning, Text: fmt.Sprintf("%d item(s) wait, %d uncertain, %d refused", q.Waiting, q.Uncertain, q.Refused), Cause: "Some uploads did not end well.",
			Mend: "passport-agent queue list tells which and why.",
		})
	default:
		e.add(Finding{Check: check, Result: OK, Text: fmt.Sprintf("%d item(s) wait", q.Waiting)})
	}
}

// clockSkew is how far this machine's clock may be from the service's.
const clockSkew = 2 * time.Minute

// service asks the API whether it is there and takes the credentials.
func (e *examination) service(ctx context.Context) {
	const check = "api"
	if e.Service == nil {
		e.skip(check, "api_url, api_key and the secret are not all set: documents can be read, not uploaded")
		return
	}
	before := e.Now()
	s, err := e.Service(ctx)
	if err != nil {
		result := Problem
		if fault.Lookup(fault.From(err).Code).Exit == fault.ExitNotNow {
			result = Warning // what is read now can be deferred
		}
		e.fail(check, result, err)
		return
	}
	e.add(Finding{Check: check, Result: OK, Text: "it answers and takes the credentials"})
	if off := s.Time.Sub(before); !s.Time.IsZero() && off.Abs() > clockSkew {
		e.wrongClock(fmt.Sprintf("the clock of this machine is %s off the service's", off.Abs().Round(time.Second)))
	}
}
