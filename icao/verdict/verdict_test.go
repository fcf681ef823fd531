package verdict_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/lds"
	"passport-agent/icao/mrz"
	"passport-agent/icao/verdict"
	"passport-agent/virtual"
)

func document(t *testing.T) (*lds.Document, mrz.Key) {
	t.Helper()
	made, err := virtual.Personalise(virtual.Options{})
	require.NoError(t, err)
	read, err := lds.Parse(map[lds.File][]byte{
		lds.COM: made.Files[virtual.COM], lds.SOD: made.Files[virtual.SOD],
		lds.DG1: made.Files[virtual.DataGroup(1)], lds.DG2: made.Files[virtual.DataGroup(2)],
	})
	require.NoError(t, err)
	key, err := read.MRZ.Key()
	require.NoError(t, err)
	return read, key
}

func results(v verdict.Verdict) map[string]verdict.Result {
	all := map[string]verdict.Result{}
	for _, c := range v.Checks {
		all[c.Name] = c.Result
	}
	return all
}

func TestGoodDocumentIsUndeterminedWithoutItsSignature(t *testing.T) {
	d, key := document(t)
	v := verdict.Judge(verdict.Input{Document: d, Protected: true, Key: key})
	require.Equal(t, verdict.Undetermined, v.Status)
	require.Equal(t, map[string]verdict.Result{
		"chip_access": verdict.Successful, "sod_signature": verdict.Undetermined, "com_matches_sod": verdict.Successful,
		"dg1_hash": verdict.Successful, "dg2_hash": verdict.Successful, "mrz_matches_dg1": verdict.Successful,
	}, results(v))
}

// Each deviation fails its own check and no other.
func TestEachDeviationFailsItsOwnCheck(t *testing.T) {
	for name, spoil := range map[string]func(d *lds.Document){
		"dg1_hash":        func(d *lds.Document) { d.Files[lds.DG1] = append(bytes.Clone(d.Files[lds.DG1]), 0) },
		"dg2_hash":        func(d *lds.Document) { d.SOD.DataGroups[2] = bytes.Repeat([]byte{1}, 32) },
		"com_matches_sod": func(d *lds.Document) { d.COM.DataGroups = []int{1, 2, 14} },
	} {
		d, key := document(t)
		spoil(d)
		v := verdict.Judge(verdict.Input{Document: d, Protected: true, Key: key})
		require.Equal(t, verdict.Failed, v.Status)
		for check, result := range results(v) {
			require.Equal(t, check == name, result == verdict.Failed, "%s with %s spoilt", check, name)
		}
		for _, c := range v.Checks {
			if c.Result == verdict.Failed {
				require.NotEmpty(t, c.Reason)
				require.NotEmpty(t, c.Advice)
			}
		}
	}
	d, key := document(t)
	delete(d.SOD.DataGroups, 2)
	d.COM.DataGroups = []int{1}
	v := verdict.Judge(verdict.Input{Document: d, Protected: true, Key: key})
	require.Equal(t, verdict.Failed, results(v)["dg2_hash"], "a portrait that nobody signed")
	other, err := mrz.KeyFromFields("X1", "800101", "300101")
	require.NoError(t, err)
	v = verdict.Judge(verdict.Input{Document: d, Protected: true, Key: other})
	require.Equal(t, verdict.Failed, results(v)["mrz_matches_dg1"])
}

func TestWhatIsNotThereIsNotSupported(t *testing.T) {
	d, _ := document(t)
	d.COM = nil
	got := results(verdict.Judge(verdict.Input{Document: d}))
	require.Equal(t, verdict.NotSupported, got["com_matches_sod"])
	require.Equal(t, verdict.NotSupported, got["chip_access"])
	require.Equal(t, verdict.NotSupported, got["mrz_matches_dg1"])
}
