package conformance

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Tally counts cases.
type Tally struct {
	Passed int `json:"passed"`
	Of     int `json:"of"`
}

func (t *Tally) count(passed bool) {
	t.Of++
	if passed {
		t.Passed++
	}
}

// Summary is what a run comes to. A case in scope that has no file counts as not
// passed.
type Summary struct {
	Text          Tally `json:"text"`
	Reconstructed Tally `json:"reconstructed"`
}

// Summarise counts results against the plan.
func (s *Suite) Summarise(results []Result) Summary {
	passed := map[string]bool{}
	for _, r := range results {
		passed[r.Case.ID] = r.Miss == ""
	}
	var summary Summary
	for id, listed := range s.plan {
		if listed.Basis == Text {
			summary.Text.count(passed[id])
		} else {
			summary.Reconstructed.count(passed[id])
		}
	}
	return summary
}

// Missing returns the cases in scope that have no file.
func (s *Suite) Missing() []string {
	missing := maps.Clone(s.plan)
	for _, c := range s.Cases {
		delete(missing, c.ID)
	}
	return slices.Sorted(maps.Keys(missing))
}

// units are what the cases are about, by the beginning of their identifiers.
var units = []struct{ prefix, about string }{
	{"ISO7816_A", "Selection of the application"},
	{"ISO7816_B", "Basic Access Control, secure messaging"},
	{"ISO7816_C", "Reading files"},
	{"ISO7816_D", "Chip Authentication"},
	{"ISO7816_F", "Active Authentication"},
	{"ISO7816_G", "PACE"},
	{"LDS_A", "EF.COM"},
	{"LDS_B", "DG1"},
	{"LDS_C", "DG2"},
	{"LDS_F", "DG14"},
	{"LDS_H", "EF.SOD"},
	{"LDS_I", "DG15"},
	{"LDS_J", "EF.CardSecurity"},
	{"LDS_K", "EF.ATR/INFO"},
}

// WriteMarkdown writes the report of a run.
func (s *Suite) WriteMarkdown(w io.Writer, results []Result) error {
	var text strings.Builder
	summary := s.Summarise(results)
	fmt.Fprintf(&text, `# Conformance

Written by `+"`scripts/conformance`"+`. The cases are those of BSI TR-03105 part 5.1, version 1.5, without Terminal
Authentication, DG3 and DG4: %d. Each lies in [testdata/conformance](../testdata/conformance) as a data file: a document,
validly hashed and signed, what deviates in it, and the one check or error that has to come of it. It is read from a virtual chip by
the reader that the program uses, and judged in the profile `+"`strict`"+`. The document without the deviation is read in the same run and has
to be successful; another failure, a panic or a time-out is a miss.

| basis of the required outcome | passed | of |
|---|---|---|
| the text of TR-03105-5.1 | %d | %d |
| reconstructed from the title (the text has moved to an ICAO report that is not public) | %d | %d |

`, summary.Text.Of+summary.Reconstructed.Of, summary.Text.Passed, summary.Text.Of, summary.Reconstructed.Passed, summary.Reconstructed.Of)
	if summary.Text.Passed == summary.Text.Of {
		text.WriteString("The reader is conformant in all cases whose outcome is in the text. Nothing of that kind is said of the others: their outcome is this project's reading of a title.\n\n")
	}
	s.writeUnits(&text, results)
	s.writeDeviating(&text)
	s.writeCases(&text, results)
	_, err := io.WriteString(w, text.String())
	return err
}

func (s *Suite) writeUnits(text *strings.Builder, results []Result) {
	text.WriteString("## Units\n\n| unit | about | passed | of |\n|---|---|---|---|\n")
	for _, unit := range units {
		var t Tally
		for _, r := range results {
			if strings.HasPrefix(r.Case.ID, unit.prefix) {
				t.count(r.Miss == "")
			}
		}
		of := 0
		for id := range s.plan {
			if strings.HasPrefix(id, unit.prefix) {
				of++
			}
		}
		fmt.Fprintf(text, "| %s | %s | %d | %d |\n", unit.prefix, unit.about, t.Passed, of)
	}
	text.WriteString("\n")
}

// writeDeviating lists the reconstructed cases whose outcome here is another one than
// the reconstruction's.
func (s *Suite) writeDeviating(text *strings.Builder) {
	text.WriteString("## Reconstructed cases that are judged otherwise\n\n")
	none := true
	for _, c := range s.Cases {
		if listed := s.plan[c.ID]; c.Outcome != listed.Outcome {
			none = false
			fmt.Fprintf(text, "- **%s** %s: %s, reconstructed as %s. %s\n", c.ID, c.Title, c.Outcome, listed.Outcome, c.Note)
		}
	}
	if none {
		text.WriteString("None.\n")
	}
	text.WriteString("\n")
}

func (s *Suite) writeCases(text *strings.Builder, results []Result) {
	text.WriteString("## Cases\n\n| case | about | outcome | basis | fails | |\n|---|---|---|---|---|---|\n")
	for _, r := range results {
		c, passed := r.Case, "passed"
		if r.Miss != "" {
			passed = "**missed**"
		}
		outcome := string(c.Outcome)
		if c.Outcome == Either && r.Miss == "" {
			outcome += ", here " + string(r.Observed)
		}
		fmt.Fprintf(text, "| %s | %s | %s | %s | %s | %s |\n", c.ID, c.Title, outcome, c.Basis, c.failing(), passed)
	}
	if missing := s.Missing(); len(missing) > 0 {
		fmt.Fprintf(text, "\nWithout a file yet: %s.\n", strings.Join(missing, ", "))
	}
}

// failing names the checks and codes that fail: together, or one or the other by
// variant.
func (c Case) failing() string {
	if c.Fails == "" {
		return ""
	}
	together := "`" + strings.Join(append([]string{c.Fails}, c.Also...), "`, `") + "`"
	named := map[string]bool{"": true, c.Fails: true}
	for _, v := range c.Variants {
		if !named[v.Fails] {
			named[v.Fails] = true
			together += " or `" + v.Fails + "`"
		}
	}
	return together
}
