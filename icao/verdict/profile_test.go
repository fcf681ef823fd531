package verdict_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/lds"
	"passport-agent/icao/mrz"
	"passport-agent/icao/verdict"
	"passport-agent/internal/icaotest"
)

func TestProfilesHaveNames(t *testing.T) {
	for name, want := range map[string]verdict.Profile{"": verdict.Field, "field": verdict.Field, "strict": verdict.Strict} {
		p, ok := verdict.ParseProfile(name)
		require.True(t, ok)
		require.Equal(t, want, p)
	}
	_, ok := verdict.ParseProfile("Strict")
	require.False(t, ok)
}

// A deviation that documents are known to have fails the strict profile alone; one
// that nobody has named fails in both; each in the check of its own file.
func TestDeviationsFailTheirOwnCheck(t *testing.T) {
	known, unknown := lds.Warning{Name: "dg2_record_length", Detail: "3 announced, 4 there"}, lds.Warning{Name: "dg2_never_heard_of"}
	stray := lds.Warning{Name: "never_heard_of"}
	for _, c := range []struct {
		profile verdict.Profile
		warning lds.Warning
		fails   string
	}{
		{verdict.Field, known, ""}, {verdict.Strict, known, "dg2_conformity"},
		{verdict.Field, unknown, "dg2_conformity"}, {verdict.Strict, unknown, "dg2_conformity"},
		{verdict.Field, stray, "sod_conformity"},
	} {
		d, key := document(t)
		d.Face.Warnings = append(d.Face.Warnings, c.warning)
		v := verdict.Judge(verdict.Input{Document: d, Protected: true, Key: key, Profile: c.profile, At: time.Now()})
		for _, check := range v.Checks {
			require.Equal(t, check.Name == c.fails, check.Result == verdict.Failed, "%s in %s: %s", c.warning.Name, c.profile, check.Name)
			if check.Name == c.fails {
				require.Contains(t, check.Reason, c.warning.Name)
				require.Contains(t, check.Reason, c.warning.Detail)
				require.NotEmpty(t, check.Advice)
			}
		}
	}
}

// A chip without EF.COM is judged all the same; strict minds that it has none.
func TestMissingCOM(t *testing.T) {
	for profile, want := range map[verdict.Profile]verdict.Result{verdict.Field: verdict.Successful, verdict.Strict: verdict.Failed} {
		d, key := document(t)
		d.COM = nil
		delete(d.Files, lds.COM)
		v := verdict.Judge(verdict.Input{Document: d, Protected: true, Key: key, Profile: profile, At: time.Now()})
		require.Equal(t, want, results(v)["com_conformity"])
		require.Equal(t, verdict.NotSupported, results(v)["com_matches_sod"])
		require.Contains(t, v.Warnings, lds.Warning{Name: "com_missing"})
	}
}

// Where the whole zone was typed, each field of DG1 is held against it, not only
// those that open the chip; the field is named and its content is not.
func TestWholeZoneIsComparedWithDG1(t *testing.T) {
	d, key := document(t)
	zone := *d.MRZ
	in := verdict.Input{Document: d, Protected: true, Key: key, Zone: &zone, At: time.Now()}
	require.Equal(t, verdict.Successful, results(verdict.Judge(in))["mrz_matches_dg1"])

	for field, change := range map[string]func(*mrz.MRZ){
		"surname":       func(m *mrz.MRZ) { m.PrimaryIdentifier = "MUSTERMANN" },
		"given names":   func(m *mrz.MRZ) { m.SecondaryIdentifier = "" },
		"nationality":   func(m *mrz.MRZ) { m.Nationality = "XXA" },
		"sex":           func(m *mrz.MRZ) { m.Sex = "M" },
		"optional data": func(m *mrz.MRZ) { m.OptionalData = "1" },
		"issuing state": func(m *mrz.MRZ) { m.IssuingState = "D" },
		"document code": func(m *mrz.MRZ) { m.DocumentCode = "PX" },
	} {
		zone := *d.MRZ
		change(&zone)
		in.Zone = &zone
		for _, check := range verdict.Judge(in).Checks {
			require.Equal(t, check.Name == "mrz_matches_dg1", check.Result == verdict.Failed, "%s: %s", field, check.Name)
			if check.Name == "mrz_matches_dg1" {
				require.Contains(t, check.Reason, field)
				require.NotContains(t, check.Reason, "MUSTERMANN")
			}
		}
	}
}

// The reference passport of TR-03105-5.1 is what the standard asks for, in either
// profile. Its data page is typed as it is printed.
func TestReferencePassportConforms(t *testing.T) {
	folder := icaotest.SharedData(t, "bsi-reference-passport")
	files := map[lds.File][]byte{}
	for file, name := range map[lds.File]string{lds.COM: "EF.COM.bin", lds.SOD: "EF.SOD.bin", lds.DG1: "DG1.bin", lds.DG2: "DG2.bin"} {
		b, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		files[file] = b
	}
	d, err := lds.Parse(files)
	require.NoError(t, err)
	zone, err := mrz.Parse("P<D<<MUSTERMANN<<ERIKA<<<<<<<<<<<<<<<<<<<<<<C11T002JM4D<<9608122F2310314<<<<<<<<<<<<<<<4")
	require.NoError(t, err)
	for _, profile := range []verdict.Profile{verdict.Field, verdict.Strict} {
		got := results(verdict.Judge(verdict.Input{Document: d, Zone: zone, Profile: profile, At: time.Date(2014, 6, 1, 0, 0, 0, 0, time.UTC)}))
		for _, check := range []string{"com_conformity", "dg1_conformity", "dg2_conformity", "mrz_matches_dg1"} {
			require.Equal(t, verdict.Successful, got[check], "%s in %s", check, profile)
		}
	}
}

// The field lets pass what changes nothing in what is shown, compared or sent; a zone
// that was made up badly it does not.
func TestWhatTheFieldMinds(t *testing.T) {
	for name, tolerated := range map[string]bool{
		"com_lds_version": true, "com_unicode_version_missing": true, "com_data_group_tag": false, "com_object_unexpected": false,
		"dg1_sex_x": true, "dg1_issuing_state_unknown": true, "dg1_issuing_state": false, "dg1_name_void": false,
		"dg1_document_number_check_digit": false, "dg1_birth_date_check_digit": false, "dg1_expiry_date_check_digit": false,
		"dg1_optional_data_check_digit": false, "dg1_composite_check_digit": false, "dg1_birth_date_calendar": false, "dg1_expiry_date_calendar": false,
		"dg2_gender": true, "dg2_pose_angle_yaw": true, "dg2_record_length": true, "dg2_image_size": true, "dg2_biometric_type": false, "dg2_format_identifier": false,
	} {
		d, key := document(t)
		d.Face.Warnings = append(d.Face.Warnings, lds.Warning{Name: name})
		check := name[:3] + "_conformity"
		in := verdict.Input{Document: d, Protected: true, Key: key, At: time.Now()}
		require.Equal(t, tolerated, results(verdict.Judge(in))[check] == verdict.Successful, name)
		in.Profile = verdict.Strict
		require.Equal(t, verdict.Failed, results(verdict.Judge(in))[check], name)
	}
}
