package verdict_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/lds"
	"passport-agent/icao/mrz"
	"passport-agent/icao/trust"
	"passport-agent/icao/verdict"
	"passport-agent/virtual"
)

func document(t *testing.T) (*lds.Document, mrz.Key) {
	t.Helper()
	d, key, _ := signed(t)
	return d, key
}

// signed makes a document and returns the certificate of its country signer, too.
func signed(t *testing.T) (*lds.Document, mrz.Key, []byte) {
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
	return read, key, made.CSCA
}

func results(v verdict.Verdict) map[string]verdict.Result {
	all := map[string]verdict.Result{}
	for _, c := range v.Checks {
		all[c.Name] = c.Result
	}
	return all
}

// With the country signer at hand everything is proved; without it the signature
// holds, and whose it is stays open.
func TestGoodDocument(t *testing.T) {
	d, key, csca := signed(t)
	want := map[string]verdict.Result{
		"chip_access": verdict.Successful, "sod_signature": verdict.Successful, "signer_trusted": verdict.Successful,
		"signer_validity": verdict.Successful, "country_signer_validity": verdict.Successful, "signer_revocation": verdict.NotSupported,
		"signer_key_usage": verdict.Successful, "signer_country": verdict.Successful,
		"signer_conformity": verdict.Successful, "country_signer_conformity": verdict.Successful,
		"com_matches_sod": verdict.Successful, "dg1_hash": verdict.Successful, "dg2_hash": verdict.Successful,
		"mrz_matches_dg1": verdict.Successful, "document_expiry": verdict.Successful, "issuing_state_matches_signer": verdict.Successful,
		"chip_authentication": verdict.NotSupported, "active_authentication": verdict.NotSupported, "pace_chip_authentication_mapping": verdict.NotSupported,
		"security_infos_match_dg14": verdict.NotSupported, "security_infos_match_card_security": verdict.NotSupported,
		"sod_conformity": verdict.Successful, "com_conformity": verdict.Successful, "dg1_conformity": verdict.Successful, "dg2_conformity": verdict.Successful,
	}
	store := &trust.Store{}
	_, err := store.Import(csca, trust.ImportOptions{})
	require.NoError(t, err)
	v := verdict.Judge(verdict.Input{Document: d, Protected: true, Key: key, Trust: store, At: time.Now()})
	require.Equal(t, want, results(v))
	require.Equal(t, verdict.Successful, v.Status)

	v = verdict.Judge(verdict.Input{Document: d, Protected: true, Key: key, At: time.Now()})
	require.Equal(t, verdict.Undetermined, v.Status)
	require.Equal(t, verdict.Successful, results(v)["sod_signature"])
	require.Equal(t, verdict.Undetermined, results(v)["signer_trusted"])
	for _, c := range v.Checks {
		require.NotEqual(t, verdict.Failed, c.Result, c.Name)
		if c.Name == "signer_trusted" {
			require.Contains(t, c.Reason, "no sign of tampering")
			require.Contains(t, c.Advice, "trust import")
		}
	}
}

// Saved files do not tell how the chip was opened, and the report does not say
// that it was open to everybody.
func TestSavedFilesDoNotTellHowTheChipWasOpened(t *testing.T) {
	d, _ := document(t)
	for saved, want := range map[bool]string{true: "not known", false: "opens to everybody"} {
		c := verdict.Judge(verdict.Input{Document: d, Saved: saved, At: time.Now()}).Checks[0]
		require.Equal(t, "chip_access", c.Name)
		require.Equal(t, verdict.NotSupported, c.Result)
		require.Contains(t, c.Reason, want)
	}
}

// One missing country signer is one piece of advice, not five.
func TestWhatDependsOnTheCountrySignerSaysSo(t *testing.T) {
	d, _ := document(t)
	advised := 0
	for _, c := range verdict.Judge(verdict.Input{Document: d, At: time.Now()}).Checks {
		if c.Result == verdict.Undetermined && c.Advice != "" {
			advised++
		}
	}
	require.Equal(t, 1, advised)
}

func TestExpiredDocumentAndSigner(t *testing.T) {
	d, key, csca := signed(t)
	store := &trust.Store{}
	_, err := store.Import(csca, trust.ImportOptions{})
	require.NoError(t, err)
	later := time.Now().AddDate(40, 0, 0)
	v := verdict.Judge(verdict.Input{Document: d, Protected: true, Key: key, Trust: store, At: later})
	require.Equal(t, verdict.Failed, v.Status)
	for name, result := range results(v) {
		expired := name == "document_expiry" || name == "signer_validity" || name == "country_signer_validity"
		require.Equal(t, expired, result == verdict.Failed, name)
	}
}

// A list of hashes that was changed after it was signed.
func TestChangedSecurityObject(t *testing.T) {
	d, key, _ := signed(t)
	sod := bytes.Clone(d.Files[lds.SOD])
	at := bytes.Index(sod, d.SOD.DataGroups[2])
	require.Positive(t, at)
	sod[at] ^= 1
	require.NoError(t, d.Add(lds.SOD, sod))
	got := results(verdict.Judge(verdict.Input{Document: d, Protected: true, Key: key, At: time.Now()}))
	require.Equal(t, verdict.Failed, got["sod_signature"])
	require.Equal(t, verdict.Failed, got["dg2_hash"])
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
		v := verdict.Judge(verdict.Input{Document: d, Protected: true, Key: key, At: time.Now()})
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
	v := verdict.Judge(verdict.Input{Document: d, Protected: true, Key: key, At: time.Now()})
	require.Equal(t, verdict.Failed, results(v)["dg2_hash"], "a portrait that nobody signed")
	other, err := mrz.KeyFromFields("X1", "800101", "300101")
	require.NoError(t, err)
	v = verdict.Judge(verdict.Input{Document: d, Protected: true, Key: other, At: time.Now()})
	require.Equal(t, verdict.Failed, results(v)["mrz_matches_dg1"])
}

func TestWhatIsNotThereIsNotSupported(t *testing.T) {
	d, _ := document(t)
	d.COM = nil
	got := results(verdict.Judge(verdict.Input{Document: d, At: time.Now()}))
	require.Equal(t, verdict.NotSupported, got["com_matches_sod"])
	require.Equal(t, verdict.NotSupported, got["chip_access"])
	require.Equal(t, verdict.NotSupported, got["mrz_matches_dg1"])
}

// A signer of another country than the one that DG1 names proves nothing about a
// passport of that country.
func TestASignerOfAnotherCountry(t *testing.T) {
	for _, c := range []struct {
		issuer, country string
		want            verdict.Result
	}{
		{"D", "DE", verdict.Successful}, {"D", "FR", verdict.Failed}, {"RKS", "KS", verdict.Successful}, {"EUE", "EU", verdict.Successful},
		{"GBD", "GB", verdict.Successful}, {"UTO", "DE", verdict.Failed}, {"XOM", "XX", verdict.NotSupported},
	} {
		holder := virtual.DefaultHolder(time.Now())
		holder.Issuer = c.issuer
		made, err := virtual.Personalise(virtual.Options{Holder: holder, Country: c.country})
		require.NoError(t, err)
		d, err := lds.Parse(map[lds.File][]byte{
			lds.COM: made.Files[virtual.COM], lds.SOD: made.Files[virtual.SOD],
			lds.DG1: made.Files[virtual.DataGroup(1)], lds.DG2: made.Files[virtual.DataGroup(2)],
		})
		require.NoError(t, err)
		v := verdict.Judge(verdict.Input{Document: d, At: time.Now()})
		require.Equal(t, c.want, results(v)["issuing_state_matches_signer"], "%s signed by %s", c.issuer, c.country)
	}
}
