package verdict_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/lds"
	"passport-agent/icao/mrz"
	"passport-agent/icao/verdict"
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
