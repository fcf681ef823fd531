package mrz_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"passport-agent/icao/mrz"
)

// withDigits computes the check digits of a TD3 zone anew, the one of the optional
// data only where there are some.
func withDigits(t require.TestingT, zone string) string {
	z := []byte(zone)
	for _, d := range []struct{ at, from, to int }{{53, 44, 53}, {63, 57, 63}, {71, 65, 71}, {86, 72, 86}} {
		if d.at != 86 || strings.Trim(string(z[72:86]), "<") != "" {
			z[d.at] = digit(t, string(z[d.from:d.to]))
		}
	}
	z[87] = digit(t, string(z[44:54])+string(z[57:64])+string(z[65:87]))
	return string(z)
}

func digit(t require.TestingT, field string) byte {
	n, err := mrz.CheckDigit(field)
	require.NoError(t, err)
	return strconv.Itoa(n)[0]
}

func deviations(t require.TestingT, zone string) []string {
	m, err := mrz.Parse(zone)
	require.NoError(t, err)
	return m.Deviations()
}

// put writes text into the specimen at a position, from 0, and makes the digits fit.
func put(t require.TestingT, at int, text string) string {
	zone := strings.ReplaceAll(specimen, "\n", "")
	return withDigits(t, zone[:at]+text+zone[at+len(text):])
}

func TestZonesWithoutDeviation(t *testing.T) {
	for name, zone := range map[string]string{
		"the specimen of Doc 9303": specimen,
		"Germany":                  put(t, 2, "D<<"),
		"document type":            put(t, 0, "PD"),
		"sex unspecified":          put(t, 64, "<"),
		"stateless person":         put(t, 54, "XXA"),
		"name of one word":         put(t, 5, "ARKFREITH<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<"),
		"name cut off":             put(t, 5, "NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K"),
		"day of birth unknown":     put(t, 57, "7408<<"),
		"month of birth unknown":   put(t, 57, "74<<12"),
		"year of birth unknown":    put(t, 57, "<<0812"),
		"birth date unknown":       put(t, 57, "<<<<<<"),
		"born on 29 February":      put(t, 57, "000229"),
		"no optional data, 0":      put(t, 72, "<<<<<<<<<<<<<<0"),
		"no optional data, <":      put(t, 72, "<<<<<<<<<<<<<<<"),
		"card with a long number":  "I<UTOD23145890<7349<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<",
		"TD2":                      "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6",
	} {
		require.Empty(t, deviations(t, zone), name)
	}
}

func TestDeviations(t *testing.T) {
	flip := func(at int) string {
		z := []byte(put(t, 0, "P"))
		z[at] = '0' + (z[at]-'0'+1)%10
		return string(z)
	}
	fillerFor := func(at int) string { z := put(t, 0, "P"); return z[:at] + "<" + z[at+1:] }
	for _, c := range []struct{ name, zone string }{
		{"document_code", put(t, 0, "V<")}, {"document_code", put(t, 0, "P1")}, {"document_code", put(t, 0, "<P")},
		{"issuing_state", put(t, 2, "U1O")}, {"issuing_state", put(t, 2, "<<<")}, {"issuing_state", put(t, 2, "DE<")},
		{"issuing_state_unknown", put(t, 2, "QQQ")}, {"issuing_state_unknown", put(t, 2, "DEU")}, {"issuing_state_unknown", put(t, 2, "IAO")},
		{"nationality", put(t, 54, "12<")}, {"nationality", put(t, 54, "<<D")}, {"nationality_unknown", put(t, 54, "QQQ")},
		{"nationality_missing", put(t, 54, "<<<")},
		{"name_void", put(t, 5, strings.Repeat("<", 39))}, {"name_digits", put(t, 5, "3")},
		{"name_primary_missing", put(t, 5, "<<ANNA<MARIA<<<<<<<<")}, {"name_fillers", put(t, 5, "ERIKSSON<<<ANNA")}, {"name_fillers", put(t, 5, "ERIK<<ON<<ANNA")},
		{"document_number_void", put(t, 44, "<<<<<<<<<")}, {"document_number", put(t, 44, "<98902C3<")},
		{"birth_date", put(t, 57, "7A0812")}, {"birth_date", put(t, 57, "7408<2")},
		{"birth_date_calendar", put(t, 57, "740230")}, {"birth_date_calendar", put(t, 57, "741312")}, {"birth_date_calendar", put(t, 57, "750229")},
		{"sex", put(t, 64, "A")}, {"sex", put(t, 64, "1")}, {"sex_x", put(t, 64, "X")},
		{"expiry_date", put(t, 65, "12O415")}, {"expiry_date_calendar", put(t, 65, "121301")}, {"expiry_date_unknown", put(t, 65, "1204<<")},
		{"document_number_check_digit", flip(53)}, {"birth_date_check_digit", flip(63)}, {"expiry_date_check_digit", flip(71)},
		{"optional_data_check_digit", flip(86)}, {"composite_check_digit", flip(87)}, {"composite_check_digit", fillerFor(87)},
		{"birth_date_check_digit", fillerFor(63)}, {"optional_data_check_digit_missing", fillerFor(86)},
	} {
		var found []string
		for _, name := range deviations(t, c.zone) {
			// A wrong digit makes the composite of all wrong, too.
			if name != "composite_check_digit" || c.name == name {
				found = append(found, name)
			}
		}
		require.Equal(t, []string{c.name}, found, c.name)
	}
	card := "I<UTOD231458907<<<<<<<<<<<<<<<7408122F1204159UTO<<<<<<<<<<<6ERIKSSON<<ANNA<MARIA<<<<<<<<<<"
	require.Empty(t, deviations(t, card))
	for _, code := range []string{"P<", "AI", "IV"} {
		require.Equal(t, []string{"document_code"}, deviations(t, code+card[2:]), code)
	}
	for _, code := range []string{"ID", "AC", "C<", "AR"} {
		require.Empty(t, deviations(t, code+card[2:]), code)
	}
}

func TestZoneThatWasNotParsedHasNoDeviations(t *testing.T) {
	require.Nil(t, new(mrz.MRZ).Deviations())
}

// Whatever stands in a zone, no name of a deviation holds a part of it, and one that
// has none has a date that is one.
func TestDeviationsOfAnyZone(t *testing.T) {
	known := map[string]bool{}
	rapid.Check(t, func(t *rapid.T) {
		zone := []byte(put(t, 0, "P"))
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			zone[rapid.IntRange(0, len(zone)-1).Draw(t, "at")] = rapid.SampledFrom([]byte("AZ059<")).Draw(t, "to")
		}
		m, err := mrz.Parse(string(zone))
		require.NoError(t, err)
		found := m.Deviations()
		for _, name := range found {
			known[name] = true
			require.Regexp(t, `^[a-z_]+$`, name)
		}
		if len(found) == 0 {
			require.NoError(t, m.Check())
			key, other := m.Wrong()
			require.Empty(t, append(key, other...))
		}
	})
	require.NotEmpty(t, known)
}
