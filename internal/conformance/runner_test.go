package conformance_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/conformance"
	"passport-agent/internal/icaotest"
)

const wrongHash = `{"sod": {"hashes": {"2": "00000000000000000000000000000000000000000000000000000000000000FF"}}}`

// A case is passed when the check that it names fails, alone, and its document without
// the deviation is good; everything else is a miss.
func TestWhatIsAMiss(t *testing.T) {
	runner := conformance.NewRunner(load(t))
	good := conformance.Case{Outcome: conformance.Failed, Deviation: json.RawMessage(wrongHash), Fails: "dg2_hash"}
	require.Empty(t, runner.Run(t.Context(), good).Miss)
	own := conformance.Case{Outcome: conformance.Failed, Variants: []conformance.Variant{{Patch: json.RawMessage(wrongHash), Fails: "dg2_hash"}}, Fails: "dg1_hash"}
	require.Empty(t, runner.Run(t.Context(), own).Miss, "a variant names its own check")
	known := conformance.Case{Outcome: conformance.Either, Deviation: json.RawMessage(wrongHash), Fails: "dg2_hash"}
	require.Empty(t, runner.Run(t.Context(), known).Miss)
	unknown := conformance.Case{
		Outcome: conformance.Failed, Document: json.RawMessage(`{"chipAuthentication": [{"protocol": "ECDH-3DES", "parameterId": 12}]}`),
		Deviation: json.RawMessage(`{"chipAuthentication": [{"protocol": "ECDH-3DES", "parameterId": 12, "fault": "unknownCurve"}]}`), Fails: "undetermined:chip_authentication",
	}
	require.Empty(t, runner.Run(t.Context(), unknown).Miss, "a check that cannot be made keeps a document from being successful")

	for name, c := range map[string]conformance.Case{
		"another check fails":         {Outcome: conformance.Failed, Deviation: json.RawMessage(wrongHash), Fails: "dg1_hash"},
		"an error was to come":        {Outcome: conformance.Failed, Deviation: json.RawMessage(wrongHash), Fails: "file_malformed"},
		"one more check fails":        {Outcome: conformance.Failed, Deviation: json.RawMessage(`{"sod": {"hashes": {"1": "00", "2": "00"}}}`), Fails: "dg2_hash"},
		"it was to be good":           {Outcome: conformance.Successful, Deviation: json.RawMessage(wrongHash)},
		"it does not deviate":         {Outcome: conformance.Failed, Deviation: json.RawMessage(`{}`), Fails: "dg2_hash"},
		"the document is not good":    {Outcome: conformance.Failed, Document: json.RawMessage(wrongHash), Deviation: json.RawMessage(wrongHash), Fails: "dg2_hash"},
		"its variant names another":   {Outcome: conformance.Failed, Variants: []conformance.Variant{{Patch: json.RawMessage(wrongHash), Fails: "dg1_hash"}}, Fails: "dg2_hash"},
		"it proves nothing":           {Outcome: conformance.Successful, Proves: []string{"chip_authentication"}},
		"it was to be either":         {Outcome: conformance.Either, Deviation: json.RawMessage(wrongHash)},
		"either, by another check":    {Outcome: conformance.Either, Deviation: json.RawMessage(wrongHash), Fails: "dg1_hash"},
		"only the first reading":      {Outcome: conformance.Successful, Document: json.RawMessage(`{"chipAuthentication": [{"protocol": "ECDH-3DES", "parameterId": 12}]}`), Deviation: json.RawMessage(`{"chip": {"statusAt": [{"command": 70, "status": "6F00"}]}, "reader": {"readings": 2}}`)},
		"a field is misspelt":         {Outcome: conformance.Failed, Deviation: json.RawMessage(`{"sod": {"hashs": {"2": "00"}}}`), Fails: "dg2_hash"},
		"no part of that name":        {Outcome: conformance.Failed, Deviation: json.RawMessage(`{"sod": {"signerInfo": {"edition": ""}}}`), Fails: "file_malformed"},
		"one of its variants is good": {Outcome: conformance.Failed, Variants: []conformance.Variant{{Patch: json.RawMessage(wrongHash)}, {Patch: json.RawMessage(`{}`)}}, Fails: "dg2_hash"},
	} {
		require.NotEmpty(t, runner.Run(t.Context(), c).Miss, name)
	}
}

// Case files are held against the plan, so that none counts for what it is not.
func TestACaseFileThatIsNotThePlansIsRefused(t *testing.T) {
	for name, file := range map[string]string{
		"an unknown case":             `{"id": "LDS_H_99", "title": "t", "outcome": "successful", "basis": "text"}`,
		"another case's file":         `{"id": "LDS_H_04", "title": "t", "outcome": "successful", "basis": "text"}`,
		"no title":                    `{"id": "LDS_H_99", "outcome": "successful", "basis": "text"}`,
		"another basis":               `{"id": "LDS_H_03", "title": "t", "outcome": "successful", "basis": "reconstructed"}`,
		"not the outcome of the text": `{"id": "LDS_H_03", "title": "t", "outcome": "either", "basis": "text", "note": "n"}`,
		"an unknown field":            `{"id": "LDS_H_03", "title": "t", "outcome": "successful", "basis": "text", "deviations": {}}`,
		"a failed one that proves":    `{"id": "LDS_H_43", "title": "t", "outcome": "failed", "basis": "reconstructed", "fails": "dg2_hash", "proves": ["dg1_hash"], "deviation": {}}`,
		"a variant of a good one":     `{"id": "LDS_H_03", "title": "t", "outcome": "successful", "basis": "text", "variants": [{"fails": "dg2_hash"}]}`,
		"a check for a good one":      `{"id": "LDS_H_03", "title": "t", "outcome": "successful", "basis": "text", "fails": "dg2_hash"}`,
	} {
		folder := t.TempDir()
		plan, err := os.ReadFile(filepath.Join(icaotest.Root(), "testdata", "conformance", "plan.json"))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, "plan.json"), plan, 0o600))
		var c struct{ ID string }
		require.NoError(t, json.Unmarshal([]byte(file), &c))
		written := c.ID
		if name == "another case's file" {
			written = "LDS_H_03"
		}
		require.NoError(t, os.WriteFile(filepath.Join(folder, written+".json"), []byte(file), 0o600))
		_, err = conformance.Load(folder)
		require.Error(t, err, name)
	}
}

// A case without a file counts as not passed.
func TestTheFiguresCountThePlan(t *testing.T) {
	suite := load(t)
	summary := suite.Summarise(nil)
	require.Equal(t, conformance.Summary{Text: conformance.Tally{Of: 80}, Reconstructed: conformance.Tally{Of: 183}}, summary)
	summary = suite.Summarise([]conformance.Result{{Case: conformance.Case{ID: "LDS_H_03"}}, {Case: conformance.Case{ID: "LDS_H_43"}, Miss: "missed"}})
	require.Equal(t, 1, summary.Text.Passed)
	require.Equal(t, 0, summary.Reconstructed.Passed)
}
