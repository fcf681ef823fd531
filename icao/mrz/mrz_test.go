package mrz_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"passport-agent/icao/mrz"
	"passport-agent/internal/fault"
	"passport-agent/internal/icaotest"
)

func TestCheckDigitExamples(t *testing.T) {
	var vectors []struct {
		Input      string
		CheckDigit int `json:"check_digit"`
	}
	icaotest.Load(t, "mrz_check_digits", &vectors)
	require.Len(t, vectors, 22)
	for _, v := range vectors {
		digit, err := mrz.CheckDigit(v.Input)
		require.NoError(t, err)
		require.Equal(t, v.CheckDigit, digit, v.Input)
	}
}

func TestWholeZoneExamples(t *testing.T) {
	var vectors []struct {
		Format, MRZ    string
		MRZInformation string `json:"mrz_information"`
		CompositeOK    bool   `json:"composite_ok"`
	}
	icaotest.Load(t, "mrz_samples", &vectors)
	require.Len(t, vectors, 8)
	for _, v := range vectors {
		m, err := mrz.Parse(v.MRZ)
		require.NoError(t, err)
		require.Equal(t, v.Format, m.Format.String())
		require.NoError(t, m.Check(), v.MRZ)
		wrongKey, wrongOther := m.Wrong()
		require.Empty(t, wrongKey)
		if v.CompositeOK {
			require.Empty(t, wrongOther, v.MRZ)
		} else {
			require.Equal(t, []string{"composite"}, wrongOther, v.MRZ)
		}
		key, err := m.Key()
		require.NoError(t, err)
		require.Equal(t, v.MRZInformation, key.Information().Reveal())

		fromFields, err := mrz.KeyFromFields(m.DocumentNumber, string(m.BirthDate), string(m.ExpiryDate))
		require.NoError(t, err)
		require.Equal(t, v.MRZInformation, fromFields.Information().Reveal(), "three fields give the same key as the zone")
	}
}

const specimen = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"

func TestFields(t *testing.T) {
	m, err := mrz.Parse(specimen)
	require.NoError(t, err)
	require.Equal(t, "P", m.DocumentCode)
	require.Equal(t, "UTO", m.IssuingState)
	require.Equal(t, "ERIKSSON", m.PrimaryIdentifier)
	require.Equal(t, "ANNA MARIA", m.SecondaryIdentifier)
	require.Equal(t, "L898902C3", m.DocumentNumber)
	require.Equal(t, "UTO", m.Nationality)
	require.Equal(t, mrz.Date("740812"), m.BirthDate)
	require.Equal(t, "F", m.Sex)
	require.Equal(t, mrz.Date("120415"), m.ExpiryDate)
	require.Equal(t, "ZE184226B", m.OptionalData)

	card, err := mrz.Parse("I<UTOD23145890<7349<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<")
	require.NoError(t, err)
	require.Equal(t, "D23145890734", card.DocumentNumber)
	require.Equal(t, "STEVENSON", card.PrimaryIdentifier)
	require.Equal(t, "PETER JOHN", card.SecondaryIdentifier)
	require.Empty(t, card.OptionalData)
}

// What a scanner or a person sends: lines apart by a line break, a space or
// nothing, in either case.
func TestLayoutsOfTheInput(t *testing.T) {
	for _, layout := range []string{
		specimen, strings.ReplaceAll(specimen, "\n", " "), strings.ReplaceAll(specimen, "\n", "\r\n") + "\r\n",
		strings.ReplaceAll(specimen, "\n", ""), strings.ToLower(specimen), "  " + specimen + "\t",
	} {
		m, err := mrz.Parse(layout)
		require.NoError(t, err)
		require.NoError(t, m.Check())
		require.Equal(t, "L898902C3", m.DocumentNumber)
	}
}

// A desk agent must be told which field to look at, before the chip is tried.
func TestWrongCheckDigitNamesItsField(t *testing.T) {
	second := strings.Index(specimen, "\n") + 1
	for field, position := range map[string]int{"document number": 0, "birth date": 13, "expiry date": 21} {
		typed := []byte(specimen)
		typed[second+position] = '9'
		m, err := mrz.Parse(string(typed))
		require.NoError(t, err)
		err = m.Check()
		require.ErrorIs(t, err, fault.MRZCheckDigit)
		require.Equal(t, field, fault.From(err).Detail)
	}
	for field, position := range map[string]int{"optional data": 29, "composite": 43} {
		typed := []byte(specimen)
		typed[second+position] = '7'
		m, err := mrz.Parse(string(typed))
		require.NoError(t, err)
		require.NoError(t, m.Check(), "the chip opens all the same")
		_, other := m.Wrong()
		require.Contains(t, other, field)
	}
}

// Each single wrong character in a field of the key is noticed, save those that
// the weights 7-3-1 modulo 10 cannot tell apart.
func TestEverySingleErrorInTheKeyFieldsIsNoticed(t *testing.T) {
	second := strings.Index(specimen, "\n") + 1
	missed, tried := 0, 0
	for _, span := range [][2]int{{0, 9}, {13, 19}, {21, 27}} {
		for position := span[0]; position < span[1]; position++ {
			for _, c := range []byte("0123456789") {
				typed := []byte(specimen)
				if typed[second+position] == c || typed[second+position] >= 'A' {
					continue
				}
				typed[second+position] = c
				m, err := mrz.Parse(string(typed))
				require.NoError(t, err)
				tried++
				if m.Check() == nil {
					missed++
				}
			}
		}
	}
	require.NotZero(t, tried)
	require.Zero(t, missed, "digit for digit, every weight is prime to ten")
}

func TestMalformedInputIsRefusedWithoutRepeatingIt(t *testing.T) {
	for _, text := range []string{"", "P<UTO", specimen + "<", strings.Replace(specimen, "ANNA", "ÄNNA", 1), strings.Replace(specimen, "L898902C3", "L89890-C3", 1)} {
		_, err := mrz.Parse(text)
		require.ErrorIs(t, err, fault.MRZInvalid)
		require.NotContains(t, err.Error(), "ERIKSSON")
		require.NotContains(t, err.Error(), "89890")
	}
	for _, fields := range [][3]string{
		{"", "740812", "120415"}, {strings.Repeat("A", 23), "740812", "120415"}, {"L8989-2C3", "740812", "120415"},
		{"L898902C3", "741312", "120415"}, {"L898902C3", "740832", "120415"}, {"L898902C3", "740812", "1204"},
		{"L898902C3", "74081a", "120415"}, {"L898902C3", "740812", ""}, {"L898902C3", "750229", "120415"},
	} {
		_, err := mrz.KeyFromFields(fields[0], fields[1], fields[2])
		require.ErrorIs(t, err, fault.MRZInvalid, "%v", fields)
	}
}

func TestDates(t *testing.T) {
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for date, want := range map[mrz.Date][2]string{
		"740812": {"1974-08-12", "2074-08-12"},
		"261123": {"2026-11-23", "2026-11-23"},
		"261124": {"1926-11-24", "2026-11-24"},
		"000229": {"2000-02-29", "2000-02-29"},
		"74<<<<": {"1974-XX-XX", "2074-XX-XX"},
		"7408<<": {"1974-08-XX", "2074-08-XX"},
		"<<<<<<": {"XXXX-XX-XX", "XXXX-XX-XX"},
		"741301": {"", ""},
		"7A0812": {"", ""},
		"74081A": {"", ""},
		"7408<2": {"", ""},
		"990101": {"1999-01-01", "1999-01-01"},
	} {
		require.Equal(t, want[0] != "", date.Valid(), date)
		require.Equal(t, want[0], date.Birth(now), date)
		require.Equal(t, want[1], date.Expiry(now), date)
	}
}

func TestUnknownBirthDateOpensTheChip(t *testing.T) {
	key, err := mrz.KeyFromFields("L898902C3", "74<<<<", "120415")
	require.NoError(t, err)
	digit, err := mrz.CheckDigit("74<<<<")
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("L898902C3674<<<<%d1204159", digit), key.Information().Reveal())
}

func TestPrintingShowsNothing(t *testing.T) {
	m, err := mrz.Parse(specimen)
	require.NoError(t, err)
	key, err := m.Key()
	require.NoError(t, err)
	printed := fmt.Sprintf("%v %+v %#v %s %v %+v %#v", m, m, m, m, key, key, *m)
	encoded, err := json.Marshal(map[string]any{"key": key, "zone": m.LogValue()})
	require.NoError(t, err)
	for _, text := range []string{printed, string(encoded), m.LogValue().String()} {
		require.NotContains(t, text, "L898902C3")
		require.NotContains(t, text, "ERIKSSON")
	}
}

// Whatever is typed, Parse ends in a zone or in a typed error.
func TestParseNeverPanics(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.SampledFrom([]int{0, 1, 71, 72, 73, 88, 90, 91}).Draw(t, "length")
		text := rapid.StringOfN(rapid.RuneFrom([]rune("AZ059<")), length, length, -1).Draw(t, "text")
		m, err := mrz.Parse(text)
		if err != nil {
			require.ErrorIs(t, err, fault.MRZInvalid)
			return
		}
		_ = m.Check() // any verdict will do, a panic will not
		_, err = m.Key()
		require.NoError(t, err)
	})
}
