package trust_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/trust"
	"passport-agent/internal/cms"
	"passport-agent/virtual"
)

var issued = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// specimen is a document, its EF.SOD read, and a store that trusts its country.
func specimen(t testing.TB, o virtual.Options) (*virtual.Document, *cms.SignedData, *trust.Store) {
	t.Helper()
	o.Now = issued
	o.Files = map[virtual.File][]byte{virtual.DataGroup(2): {0x75, 0x00}} // saves the time of drawing
	document, err := virtual.Personalise(o)
	require.NoError(t, err)
	var s trust.Store
	report, err := s.Import(document.CSCA, trust.ImportOptions{Now: issued})
	require.NoError(t, err)
	require.Equal(t, 1, report.Added)
	return document, parse(t, document.Files[virtual.SOD]), &s
}

func parse(t testing.TB, sod []byte) *cms.SignedData {
	t.Helper()
	signed, err := cms.ParseSignedData(sod[4:])
	require.NoError(t, err)
	return signed
}

// only is the one verification, its findings by check without the successful ones.
func only(t testing.TB, verifications []trust.Verification) (trust.Verification, map[trust.Check]trust.Reason) {
	t.Helper()
	require.Len(t, verifications, 1)
	require.Len(t, verifications[0].Findings, 7, "every check is answered")
	notes := map[trust.Check]trust.Reason{}
	for _, f := range verifications[0].Findings {
		require.Equal(t, f.Result == trust.Successful, f.Reason == "", "%v: a reason exactly where it is not successful", f)
		if f.Result != trust.Successful {
			notes[f.Check] = trust.Reason(f.Result) + ": " + f.Reason
		}
	}
	return verifications[0], notes
}

// noList is what stays open for want of a revocation list.
const noList = "undetermined: no_revocation_list"

var kinds = []virtual.Signature{virtual.ECDSAP256SHA256, virtual.RSA2048SHA256, virtual.RSA2048PSS}

func TestSpecimensAreBelieved(t *testing.T) {
	for _, kind := range kinds {
		document, signed, s := specimen(t, virtual.Options{Signature: kind})
		v, notes := only(t, s.Verify(signed, issued))
		require.Equal(t, map[trust.Check]trust.Reason{trust.CheckRevocation: noList}, notes, kind)
		require.Equal(t, document.Signer, v.Signer.Raw)
		require.Equal(t, document.CSCA, v.CountrySigner.Raw)
		require.Equal(t, issued, v.SigningTime)
	}
}

func TestTamperedSpecimensAreNot(t *testing.T) {
	for _, kind := range kinds {
		document, signed, s := specimen(t, virtual.Options{Signature: kind})
		sod := document.Files[virtual.SOD]
		reason := func(at int) trust.Reason {
			changed := bytes.Clone(sod)
			changed[at] ^= 1
			v, notes := only(t, s.Verify(parse(t, changed), issued))
			require.Equal(t, trust.Failed, v.Finding(trust.CheckSignature).Result, kind)
			return notes[trust.CheckSignature]
		}
		content := bytes.Index(sod, signed.Content)
		require.EqualValues(t, "failed: content_changed", reason(content+len(signed.Content)-1))
		attributes := bytes.Index(sod, signed.Signers[0].SignedAttributes)
		signingTime := bytes.LastIndexByte(signed.Signers[0].SignedAttributes, 'Z')
		require.EqualValues(t, "failed: signature_wrong", reason(attributes+signingTime-1))
		require.EqualValues(t, "failed: signature_wrong", reason(len(sod)-1))
	}
}

// A signer of another country signer is unknown, which is no proof of anything;
// one that claims the known country signer's key is refuted.
func TestForeignSigners(t *testing.T) {
	_, _, s := specimen(t, virtual.Options{})
	_, foreign, _ := specimen(t, virtual.Options{})
	v, notes := only(t, s.Verify(foreign, issued))
	require.EqualValues(t, "undetermined: signer_unknown", notes[trust.CheckPath])
	require.Equal(t, trust.Successful, v.Finding(trust.CheckSignature).Result)
	require.Nil(t, v.CountrySigner)

	document, signed, s := specimen(t, virtual.Options{})
	forged := bytes.Clone(document.Signer)
	forged[len(forged)-1] ^= 1
	signed.Certificates = [][]byte{forged}
	v, notes = only(t, s.Verify(signed, issued))
	require.Equal(t, trust.Successful, v.Finding(trust.CheckSignature).Result)
	require.EqualValues(t, "failed: certificate_not_issued", notes[trust.CheckPath])
	require.Nil(t, v.CountrySigner)

	var empty trust.Store
	_, notes = only(t, empty.Verify(signed, issued))
	require.EqualValues(t, "undetermined: signer_unknown", notes[trust.CheckPath], "an empty store")
}

func TestValidityIsThatOfTheDateAskedFor(t *testing.T) {
	_, signed, s := specimen(t, virtual.Options{})
	for _, c := range []struct {
		at                time.Time
		signer, authority trust.Reason
	}{
		{issued.AddDate(0, -2, 0), "failed: not_yet_valid", ""},
		{issued.AddDate(-2, 0, 0), "failed: not_yet_valid", "failed: not_yet_valid"},
		{issued.AddDate(0, -1, 0).AddDate(10, 6, 0), "", ""}, // the last second of the signer
		{issued.AddDate(10, 6, 0), "failed: expired", ""},
		{issued.AddDate(20, 0, 0), "failed: expired", "failed: expired"},
	} {
		v, notes := only(t, s.Verify(signed, c.at))
		require.Equal(t, c.signer, notes[trust.CheckSignerValidity], "%s", c.at)
		require.Equal(t, c.authority, notes[trust.CheckCountrySignerValidity], "%s", c.at)
		require.Equal(t, trust.Successful, v.Finding(trust.CheckPath).Result, "expired is not forged")
	}
}

func TestSignerOutsideTheMessage(t *testing.T) {
	document, signed, s := specimen(t, virtual.Options{})
	signed.Certificates = nil
	v, notes := only(t, s.Verify(signed, issued))
	require.Nil(t, v.Signer)
	for _, check := range []trust.Check{trust.CheckSignature, trust.CheckPath, trust.CheckUsage} {
		require.EqualValues(t, "undetermined: no_certificate", notes[check])
	}
	_, err := s.Import(document.Signer, trust.ImportOptions{Now: issued})
	require.NoError(t, err)
	require.Equal(t, 1, s.Len(), "a document signer is no country signer")
	v, notes = only(t, s.Verify(signed, issued))
	require.Equal(t, map[trust.Check]trust.Reason{trust.CheckRevocation: noList}, notes)
	require.Equal(t, document.Signer, v.Signer.Raw)
}

func TestSignerUnderAnotherIdentifier(t *testing.T) {
	_, signed, s := specimen(t, virtual.Options{})
	signed.Signers[0].Serial.SetInt64(1)
	v, notes := only(t, s.Verify(signed, issued))
	require.True(t, v.OtherIdentifier)
	require.Equal(t, map[trust.Check]trust.Reason{trust.CheckRevocation: noList}, notes)
}

func TestNobodySigned(t *testing.T) {
	_, signed, s := specimen(t, virtual.Options{})
	signed.Signers = nil
	_, notes := only(t, s.Verify(signed, issued))
	require.EqualValues(t, "failed: no_signer", notes[trust.CheckSignature])
}
