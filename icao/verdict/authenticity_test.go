package verdict_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/lds"
	"passport-agent/icao/mrz"
	"passport-agent/icao/trust"
	"passport-agent/icao/verdict"
	"passport-agent/virtual"
)

// Every outcome of a proof has its result; what is not successful says why, and what
// has failed or stays open says what to do.
func TestOutcomesOfProofs(t *testing.T) {
	d, key := document(t)
	want := map[verdict.Outcome]verdict.Result{
		verdict.NotOffered: verdict.NotSupported, verdict.Proved: verdict.Successful,
		verdict.WrongAnswer: verdict.Failed, verdict.RefusedByChip: verdict.Failed, verdict.KeyMalformed: verdict.Failed,
		verdict.NotKnown: verdict.Undetermined, verdict.ReaderTooShort: verdict.Undetermined,
		verdict.NotCovered: verdict.NotSupported, verdict.LeftOut: verdict.NotSupported, verdict.NotNeeded: verdict.NotSupported,
		verdict.Attested: verdict.NotSupported, verdict.NoEvidence: verdict.NotSupported,
		"never heard of": verdict.Undetermined,
	}
	for outcome, result := range want {
		attempt := verdict.Attempt{Outcome: outcome, Detail: "6A88"}
		for check, proof := range map[string]verdict.Proof{
			"chip_authentication": {ChipAuthentication: attempt}, "active_authentication": {ActiveAuthentication: attempt},
			"pace_chip_authentication_mapping": {Mapping: attempt},
		} {
			for _, c := range verdict.Judge(verdict.Input{Document: d, Protected: true, Key: key, Proof: proof, At: time.Now()}).Checks {
				if c.Name != check {
					continue
				}
				require.Equal(t, result, c.Result, "%s %s", check, outcome)
				require.Equal(t, verdict.GroupAuthenticity, c.Group)
				require.Equal(t, result != verdict.Successful, c.Reason != "", outcome)
				require.Equal(t, result == verdict.Failed || result == verdict.Undetermined, c.Advice != "", outcome)
				if result == verdict.Failed {
					require.Contains(t, c.Reason, "6A88")
				}
			}
		}
	}
}

// provable is a parsed document with all the files that a chip proves itself with.
func provable(t *testing.T) (*lds.Document, mrz.Key, *trust.Store) {
	t.Helper()
	made, err := virtual.Personalise(virtual.Options{
		PACE: []virtual.PACEInfo{{Protocol: "ECDH-CAM-AES-128", ParameterID: 13}}, DG14: true, ActiveAuthentication: &virtual.ActiveAuthentication{ParameterID: 12},
	})
	require.NoError(t, err)
	files := map[lds.File][]byte{}
	for file, name := range map[lds.File]virtual.File{
		lds.COM: virtual.COM, lds.SOD: virtual.SOD, lds.DG1: "DG1", lds.DG2: "DG2", lds.DG14: "DG14", lds.DG15: "DG15",
		lds.CardAccess: virtual.CardAccess, lds.CardSecurity: virtual.CardSecurity,
	} {
		files[file] = made.Files[name]
	}
	d, err := lds.Parse(files)
	require.NoError(t, err)
	key, err := d.MRZ.Key()
	require.NoError(t, err)
	store := &trust.Store{}
	_, err = store.Import(made.CSCA, trust.ImportOptions{})
	require.NoError(t, err)
	return d, key, store
}

// Each change to a file of the proof fails its own check.
func TestEachChangeOfAProofsFileFailsItsOwnCheck(t *testing.T) {
	flip := func(b []byte) []byte {
		b = append([]byte(nil), b...)
		b[len(b)-1] ^= 1
		return b
	}
	for name, c := range map[string]struct {
		change func(*lds.Document)
		failed string
		status verdict.Result
	}{
		"nothing":                {func(*lds.Document) {}, "", verdict.Successful},
		"DG14 changed":           {func(d *lds.Document) { _ = d.Add(lds.DG14, flip(d.Files[lds.DG14])) }, "dg14_hash", verdict.Failed},
		"DG15 changed":           {func(d *lds.Document) { _ = d.Add(lds.DG15, flip(d.Files[lds.DG15])) }, "dg15_hash", verdict.Failed},
		"DG14 left out":          {func(d *lds.Document) { delete(d.Files, lds.DG14); d.DG14 = nil }, "dg14_hash", verdict.Failed},
		"DG15 left out":          {func(d *lds.Document) { delete(d.Files, lds.DG15) }, "dg15_hash", verdict.Failed},
		"EF.CardSecurity signed": {func(d *lds.Document) { _ = d.Add(lds.CardSecurity, flip(d.Files[lds.CardSecurity])) }, "card_security_signature", verdict.Failed},
		"an entry not in DG14": {func(d *lds.Document) {
			d.DG14.All = d.DG14.All[:0]
		}, "security_infos_match_dg14", verdict.Failed},
		"an entry not in EF.CardSecurity": {func(d *lds.Document) {
			d.CardSecurity.All = d.CardSecurity.All[:0]
		}, "security_infos_match_card_security", verdict.Failed},
		"PACE hidden in EF.CardAccess": {func(d *lds.Document) { d.CardAccess.All = nil }, "security_infos_match_dg14", verdict.Failed},
		"more entries in EF.CardSecurity": {func(d *lds.Document) {
			d.CardSecurity.All = append(d.CardSecurity.All, lds.SecurityInfo{Raw: []byte{0x30, 0}})
		}, "", verdict.Successful},
		"more entries, not of PACE, in DG14": {func(d *lds.Document) { d.DG14.All = append(d.DG14.All, lds.SecurityInfo{Raw: []byte{0x30, 0}}) }, "", verdict.Successful},
		"EF.CardAccess not shown":            {func(d *lds.Document) { delete(d.Files, lds.CardAccess); d.CardAccess = nil }, "", verdict.Undetermined},
	} {
		d, key, store := provable(t)
		c.change(d)
		v := verdict.Judge(verdict.Input{
			Document: d, Protected: true, Key: key, Trust: store, Proof: verdict.Proof{Asked: true, AskedAccess: true}, At: time.Now(),
		})
		require.Equal(t, c.status, v.Status, name)
		for check, result := range results(v) {
			require.Equal(t, check == c.failed, result == verdict.Failed, "%s: %s", name, check)
		}
	}
}

// Files that were not asked for, or that nobody has signed, prove nothing either way.
func TestFilesThatWereNotRead(t *testing.T) {
	d, key, store := provable(t)
	delete(d.Files, lds.DG14)
	d.DG14 = nil
	v := verdict.Judge(verdict.Input{Document: d, Saved: true, Key: key, Trust: store, At: time.Now()})
	require.Equal(t, verdict.NotSupported, results(v)["dg14_hash"])
	require.Equal(t, verdict.Successful, v.Status)

	plain, key := document(t)
	plain.Files[lds.DG15] = d.Files[lds.DG15]
	v = verdict.Judge(verdict.Input{Document: plain, Saved: true, Key: key, At: time.Now()})
	require.Equal(t, verdict.NotSupported, results(v)["dg15_hash"])
	require.NotContains(t, results(v), "dg14_hash")
}

// EF.CardSecurity is verified like EF.SOD: without the country signer it is open who
// signed it, after its signer's time it has failed.
func TestSignerOfCardSecurity(t *testing.T) {
	d, key, store := provable(t)
	got := results(verdict.Judge(verdict.Input{Document: d, Key: key, At: time.Now()}))
	require.Equal(t, verdict.Undetermined, got["card_security_signature"])
	got = results(verdict.Judge(verdict.Input{Document: d, Key: key, Trust: store, At: time.Now().AddDate(40, 0, 0)}))
	require.Equal(t, verdict.Failed, got["card_security_signature"])
}

// Deviations that were met on the way count like those of files: let pass in the field,
// failed by the strict profile.
func TestDeviationsOfProofs(t *testing.T) {
	for _, name := range []string{
		"dg14_chip_authentication_info_missing", "dg14_active_authentication_info_missing", "dg14_active_authentication_hash", "dg15_signature_der",
	} {
		d, key, store := provable(t)
		in := verdict.Input{Document: d, Protected: true, Key: key, Trust: store, Proof: verdict.Proof{Deviations: []lds.Warning{{Name: name}}}, At: time.Now()}
		v := verdict.Judge(in)
		require.Equal(t, verdict.Successful, v.Status, name)
		require.Contains(t, v.Warnings, lds.Warning{Name: name})
		in.Profile = verdict.Strict
		require.Equal(t, verdict.Failed, results(verdict.Judge(in))[name[:4]+"_conformity"], name)
	}
}
