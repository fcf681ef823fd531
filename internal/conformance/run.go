package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"passport-agent/icao/verdict"
)

// Result is what came of a case. Miss says why it was not passed, empty where it was.
type Result struct {
	Case Case
	// Observed is the answer of the reader to the case itself.
	Observed Outcome
	Miss     string
}

// Runner runs cases. Several may run at once.
type Runner struct {
	builder builder
	// twins are documents without a deviation, by what the cases write: many cases
	// have the same, which is read once in a run.
	twins sync.Map // of string to func() (observed, error)
}

// NewRunner returns a runner that takes the keys of a suite.
func NewRunner(s *Suite) *Runner { return &Runner{builder: builder{folder: s.folder}} }

// Run runs a case: its document, which has to be good, and then what deviates.
func (r *Runner) Run(ctx context.Context, c Case) Result {
	result := Result{Case: c}
	result.Observed, result.Miss = r.run(ctx, c)
	return result
}

func (r *Runner) run(ctx context.Context, c Case) (Outcome, string) {
	twin, err := r.twin(ctx, c.Document)
	switch {
	case err != nil:
		return "", "document: " + err.Error()
	case twin.outcome() != Successful:
		return "", "the document without the deviation: " + twin.String()
	}
	variants := c.Variants
	if len(variants) == 0 {
		variants = []Variant{{}}
	}
	outcome := Outcome("")
	for i, variant := range variants {
		o, err := r.read(ctx, c.Document, c.Deviation, variant.Patch)
		if err != nil {
			return "", fmt.Sprintf("variant %d: %v", i, err)
		}
		outcome = o.outcome()
		if miss := c.holds(o, c.fails(variant)); miss != "" {
			if len(c.Variants) > 0 {
				miss = fmt.Sprintf("variant %d: %s", i, miss)
			}
			return outcome, miss
		}
	}
	return outcome, ""
}

// twin reads a document without its deviation.
func (r *Runner) twin(ctx context.Context, document json.RawMessage) (observed, error) {
	read := sync.OnceValues(func() (observed, error) { return r.read(ctx, document) })
	kept, _ := r.twins.LoadOrStore(string(document), read)
	return kept.(func() (observed, error))()
}

func (r *Runner) read(ctx context.Context, layers ...json.RawMessage) (observed, error) {
	s, err := parseSpecimen(layers...)
	if err != nil {
		return observed{}, err
	}
	return r.builder.read(ctx, s, verdict.Strict)
}

// holds says what is wrong with an answer, empty where it is the one asked for. One
// check fails and no other, or one error ends the reading: a document that is refused
// for something else is a miss.
func (c Case) holds(o observed, fails string) string {
	switch {
	case o.broken != "":
		return o.String()
	case c.Outcome == Successful, c.Outcome == Either && fails == "":
		if o.outcome() != Successful {
			return o.String()
		}
		for _, check := range c.Proves {
			if !slices.Contains(o.succeeded, check) {
				return fmt.Sprintf("successful, without %s", check)
			}
		}
		return ""
	case o.code != "":
		if string(o.code) != fails {
			return fmt.Sprintf("%s, not with %s", o, fails)
		}
		return ""
	case !slices.Equal(slices.Sorted(slices.Values(o.decisive())), slices.Sorted(slices.Values(append([]string{fails}, c.Also...)))):
		return fmt.Sprintf("%s; to fail has %s %v alone", o, fails, c.Also)
	default:
		return ""
	}
}

// Run runs all cases of the suite, as many at once as there are processors.
func (s *Suite) Run(ctx context.Context) []Result {
	r := NewRunner(s)
	results := make([]Result, len(s.Cases))
	var group sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, c := range s.Cases {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			results[i] = r.Run(ctx, c)
		})
	}
	group.Wait()
	return results
}
