package conformance

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/verdict"
	"passport-agent/internal/icaotest"
)

// Deviations that no case of the plan has: strict names each, field lets it pass.
func TestDeviationsBeyondThePlan(t *testing.T) {
	runner := NewRunner(&Suite{folder: filepath.Join(icaotest.Root(), "testdata", "conformance")})
	byKey := json.RawMessage(`{"sod": {"identifier": "subjectKeyIdentifier"}}`)
	for name, c := range map[string]Case{
		"country signer of version 2":            {Deviation: json.RawMessage(`{"countrySigner": {"body": {"version": "A003020101"}}}`), Fails: "country_signer_conformity:country_signer_version"},
		"country signer without key usage":       {Deviation: json.RawMessage(`{"countrySigner": {"extensions": {"keyUsage": ""}}}`), Fails: "country_signer_conformity:country_signer_key_usage"},
		"its key usage is not critical":          {Deviation: json.RawMessage(`{"countrySigner": {"extensions": {"keyUsage": "300B0603551D0F040403020106"}}}`), Fails: "country_signer_conformity:country_signer_key_usage"},
		"country signer is no authority":         {Deviation: json.RawMessage(`{"countrySigner": {"extensions": {"basicConstraints": ""}}}`), Fails: "country_signer_conformity:country_signer_basic_constraints"},
		"country signer without key identifier":  {Deviation: json.RawMessage(`{"countrySigner": {"extensions": {"subjectKeyIdentifier": ""}}}`), Fails: "country_signer_conformity:country_signer_subject_key_id"},
		"its validity in GeneralizedTime":        {Deviation: json.RawMessage(`{"countrySigner": {"utcAsGeneralizedTime": true}}`), Fails: "country_signer_conformity:country_signer_validity_form"},
		"its country in small letters":           {Deviation: json.RawMessage(`{"countrySigner": {"subject": "C=de, O=bund, OU=bsi, CN=Country Signer Specimen"}}`), Fails: "country_signer_conformity:country_signer_subject_name"},
		"the signer's country in small letters":  {Deviation: json.RawMessage(`{"signer": {"subject": "C=de, O=bund, CN=Document Signer"}}`), Fails: "signer_conformity:signer_subject_name"},
		"serial number 0":                        {Document: byKey, Deviation: json.RawMessage(`{"signer": {"body": {"serialNumber": "020100"}}}`), Fails: "signer_conformity:signer_serial_number"},
		"serial number of 21 bytes":              {Document: byKey, Deviation: json.RawMessage(`{"signer": {"body": {"serialNumber": "0215010000000000000000000000000000000000000000"}}}`), Fails: "signer_conformity:signer_serial_number"},
		"two sets of parameters":                 {Deviation: json.RawMessage(`{"signer": {"body": {"signature": "300B06092A864886F70D01010A"}}}`), Fails: "signer_conformity:signer_signature_parameters"},
		"EF.COM says LDS 1.8, the signature 1.7": {Deviation: json.RawMessage(`{"commonData": {"ldsVersion": "0108"}}`), Fails: "com_conformity:com_lds_version_differs"},
	} {
		t.Run(name, func(t *testing.T) {
			c.Outcome = Failed
			require.Empty(t, runner.Run(t.Context(), c).Miss)
			s, err := parseSpecimen(c.Document, c.Deviation)
			require.NoError(t, err)
			o, err := runner.builder.read(t.Context(), s, verdict.Field)
			require.NoError(t, err)
			require.Equal(t, Successful, o.outcome(), o.String())
		})
	}
}

// What strict minds in how EF.SOD and its certificates are written, field lets pass: no
// check fails, though a signature that cannot be verified proves nothing.
func TestFieldToleratesHowAnIssuerWrites(t *testing.T) {
	suite, err := Load(filepath.Join(icaotest.Root(), "testdata", "conformance"))
	require.NoError(t, err)
	b := &builder{folder: suite.folder}
	checked := 0
	for _, c := range suite.Cases {
		kind, _, _ := strings.Cut(c.Fails, ":")
		if kind != "sod_conformity" && kind != "signer_conformity" && kind != "atr_info_conformity" {
			continue
		}
		checked++
		t.Run(c.ID, func(t *testing.T) {
			s, err := parseSpecimen(c.Document, c.Deviation)
			require.NoError(t, err)
			o, err := b.read(t.Context(), s, verdict.Field)
			require.NoError(t, err)
			require.Empty(t, o.failed, o.String())
			require.Empty(t, o.code)
			require.Empty(t, o.broken)
		})
	}
	require.Greater(t, checked, 20)
}
