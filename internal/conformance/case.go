// Package conformance runs the cases of BSI TR-03105 part 5.1 that are in scope
// against the reader: each is a data file that describes a document, what is wrong
// with it, and the one check that has to fail. Documents are made and signed here,
// lie on a virtual chip, are read by the reader of package icao and judged in the
// profile strict of package verdict.
package conformance

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Outcome is what an inspection system has to answer (TR-03105-5.1, 2.3: it shows one
// of two answers).
type Outcome string

// Outcomes of a case. Either is for those whose required answer is not known: such a
// case holds the reader to the answer that it has given so far, and says which.
const (
	Successful Outcome = "successful"
	Failed     Outcome = "failed"
	Either     Outcome = "either"
)

// Basis says where the required outcome of a case comes from.
type Basis string

// Text is the text of TR-03105-5.1. Reconstructed is the title alone: the text has
// moved to a report of ICAO that is not public.
const (
	Text          Basis = "text"
	Reconstructed Basis = "reconstructed"
)

// Case is one case of the plan: a document that is good, and how it deviates.
type Case struct {
	ID      string  `json:"id"`
	Title   string  `json:"title"`
	Profile string  `json:"profile,omitempty"` // of the plan: AIP, SIP …
	Outcome Outcome `json:"outcome"`
	Basis   Basis   `json:"basis"`
	// Note says why the outcome is what it is, where that is a judgement.
	Note string `json:"note,omitempty"`
	// Document is merged over the specimen of the default configuration; it has to be
	// judged successful. Deviation is merged over it (RFC 7396), and each of Variants
	// over both: all of them have to come out alike.
	Document  json.RawMessage `json:"document,omitempty"`
	Deviation json.RawMessage `json:"deviation,omitempty"`
	Variants  []Variant       `json:"variants,omitempty"`
	// Fails is the one check that fails, with the deviation that it minds
	// ("sod_conformity:sod_version"), or the code of the error that ends the reading.
	// Where none fails and one cannot be made, it is that one
	// ("undetermined:chip_authentication"). A variant may name its own.
	Fails string `json:"fails,omitempty"`
	// Proves are checks that have to be made, and to succeed, in a case that is
	// successful: without them it would be so too where the reader makes none.
	Proves []string `json:"proves,omitempty"`
	// Also are further checks that fail, where the plan itself asks for one deviation in
	// several places. The note says which.
	Also []string `json:"also,omitempty"`
}

// Variant is one of several forms of a deviation.
type Variant struct {
	// Fails is the check that fails or the code, where it is not that of the case.
	Fails string
	// Patch is merged over the deviation.
	Patch json.RawMessage
}

// UnmarshalJSON takes "fails" out of the patch that it stands in.
func (v *Variant) UnmarshalJSON(b []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		return err
	}
	if fails, ok := fields["fails"]; ok {
		if err := json.Unmarshal(fails, &v.Fails); err != nil {
			return err
		}
		delete(fields, "fails")
	}
	var err error
	v.Patch, err = json.Marshal(fields)
	return err
}

// fails is the check that fails in a variant, or the code.
func (c Case) fails(v Variant) string { return cmp.Or(v.Fails, c.Fails) }

// planned is a case as the plan lists it.
type planned struct {
	Basis   Basis   `json:"basis"`
	Outcome Outcome `json:"outcome"`
}

// Suite is all cases in scope.
type Suite struct {
	Cases []Case // in the order of their identifiers

	folder string
	plan   map[string]planned
}

// Load reads the suite in a folder: plan.json lists the cases in scope, each has a
// file of its name, keys/ holds the keys of the signers. A misspelt field is an error.
func Load(folder string) (*Suite, error) {
	s := &Suite{folder: folder, plan: map[string]planned{}}
	if err := decodeFile(filepath.Join(folder, "plan.json"), &s.plan); err != nil {
		return nil, err
	}
	names, err := filepath.Glob(filepath.Join(folder, "[A-Z]*.json"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		var c Case
		if err := decodeFile(name, &c); err != nil {
			return nil, err
		}
		if err := s.check(c, strings.TrimSuffix(filepath.Base(name), ".json")); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
		s.Cases = append(s.Cases, c)
	}
	slices.SortFunc(s.Cases, func(a, b Case) int { return strings.Compare(a.ID, b.ID) })
	return s, nil
}

// check holds a case against the plan and itself.
func (s *Suite) check(c Case, name string) error {
	listed, known := s.plan[c.ID]
	switch {
	case c.ID != name || !known:
		return fmt.Errorf("%q is not the case of this file, or not in the plan", c.ID)
	case c.Title == "":
		return errors.New("a title is missing")
	case c.Basis != listed.Basis:
		return fmt.Errorf("basis %q, in the plan %q", c.Basis, listed.Basis)
	case c.Basis == Text && c.Outcome != listed.Outcome:
		return fmt.Errorf("outcome %q, in the text %q", c.Outcome, listed.Outcome)
	case c.Outcome != listed.Outcome && c.Note == "":
		return errors.New("an outcome other than the plan's needs a note")
	case c.Outcome != Successful && c.Outcome != Failed && c.Outcome != Either:
		return fmt.Errorf("outcome %q", c.Outcome)
	case c.Outcome == Failed && c.Fails == "", c.Outcome == Successful && c.Fails != "":
		return errors.New("a case that fails, and none that is successful, names the check that does")
	case len(c.Proves) > 0 && c.Outcome != Successful:
		return errors.New("a case that is not successful proves nothing")
	case c.Fails == "" && slices.ContainsFunc(c.Variants, func(v Variant) bool { return v.Fails != "" }):
		return errors.New("a variant of a case that does not fail names a check that does")
	case len(c.Also) > 0 && (c.Fails == "" || c.Note == ""):
		return errors.New("more than one check that fails needs a note")
	case c.Outcome == Failed && c.Deviation == nil && len(c.Variants) == 0:
		return errors.New("a case that fails deviates")
	}
	return nil
}

func decodeFile(name string, value any) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if err := decodeStrictly(b, value); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(name), err)
	}
	return nil
}

func decodeStrictly(b []byte, value any) error {
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(value); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one value")
	}
	return nil
}
