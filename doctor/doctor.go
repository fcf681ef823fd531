// Package doctor looks at everything that reading and uploading documents rests on and
// says what is wrong, why, and the exact command that mends it. It changes nothing.
package doctor

import (
	"context"
	"io/fs"
	"time"

	"passport-agent/icao/trust"
	"passport-agent/internal/config"
	"passport-agent/internal/fault"
	"passport-agent/pcsc"
)

// Result is how one thing was found.
type Result string

// Results. A warning does not keep documents from being read or uploaded today.
const (
	OK      Result = "ok"
	Warning Result = "warning"
	Problem Result = "problem"
	Skipped Result = "skipped" // it is not set up, so that there is nothing to look at
)

// Finding is what was found about one thing. Nothing in it is personal or secret.
type Finding struct {
	Check  string     `json:"check"` // stable, such as "smart_card_service"
	Result Result     `json:"result"`
	Text   string     `json:"text"`
	Cause  string     `json:"cause,omitempty"`
	Mend   string     `json:"mend,omitempty"` // what to do, with the command where there is one
	Code   fault.Code `json:"code,omitempty"`
}

// Options are the things to look at, each by a function, so that a missing one is seen
// as just that. Those that are nil are skipped.
type Options struct {
	Inspect func() config.Inspection
	Readers func(ctx context.Context) ([]pcsc.ReaderInfo, error)
	Trust   func(ctx context.Context) (*trust.Store, error)
	Queue   func(ctx context.Context) (Queue, error)
	// Keyring asks the system's keyring for something that is not there, and returns
	// how that failed otherwise.
	Keyring func(ctx context.Context) error
	// Service asks the API for a session that does not exist.
	Service func(ctx context.Context) (Service, error)
	// Folder is where the program keeps its data; empty where there is no such place.
	Folder string
	// LogFile is the file that the agent logs to; empty where there is none.
	LogFile string
	// System is the root of the machine's file system; nil on systems without /sys.
	System fs.FS
	// Now is the clock; time.Now where nil.
	Now func() time.Time
}

// Queue is the state of the deferred queue.
type Queue struct {
	Waiting, Uncertain, Refused int
	Oldest                      time.Duration // of what waits
}

// Service is what the API's answer tells beside that it came.
type Service struct {
	Time time.Time // by its clock; zero where it did not say
}

// Examine looks at everything, in the order in which things depend on one another. It
// takes a few seconds where the network is slow, and ends early with the context.
func Examine(ctx context.Context, o Options, observe func(Finding)) []Finding {
	if o.Now == nil {
		o.Now = time.Now
	}
	e := &examination{Options: o, observe: observe}
	for _, look := range []func(context.Context){
		e.configuration, e.dataFolder, e.logFile, e.clock, e.readers, e.kernelModules, e.trustStore, e.keyring, e.queue, e.service,
	} {
		if ctx.Err() != nil {
			break
		}
		look(ctx)
	}
	return e.findings
}

type examination struct {
	Options
	observe   func(Finding)
	findings  []Finding
	plugged   []pcsc.ReaderInfo
	inspected config.Inspection
}

func (e *examination) add(f Finding) {
	e.findings = append(e.findings, f)
	if e.observe != nil {
		e.observe(f)
	}
}

func (e *examination) skip(check, why string) {
	e.add(Finding{Check: check, Result: Skipped, Text: why})
}

// fail takes what the table of error codes says of an error.
func (e *examination) fail(check string, result Result, err error) {
	f := fault.From(err)
	entry := fault.Lookup(f.Code)
	e.add(Finding{Check: check, Result: result, Text: f.Error(), Cause: entry.Cause, Mend: entry.NextStep, Code: f.Code})
}

// Worst returns the worst result of a list of findings; OK for none.
func Worst(findings []Finding) Result {
	worst := OK
	for _, f := range findings {
		switch f.Result {
		case Problem:
			return Problem
		case Warning:
			worst = Warning
		}
	}
	return worst
}
