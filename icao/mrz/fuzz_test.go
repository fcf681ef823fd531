package mrz_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/mrz"
	"passport-agent/internal/fault"
	"passport-agent/internal/fuzzlimit"
)

// A zone is read or refused, however it is typed; and the fields that open a chip are
// the same when they are typed one by one.
func FuzzParse(f *testing.F) {
	f.Add(specimen)
	f.Add(strings.ToLower(specimen))
	f.Add("I<UTOD231458907<<<<<<<<<<<<<<<7408122F1204159UTO<<<<<<<<<<<6ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
	f.Add("I<UTOD23145890<7349<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<")
	f.Add("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\r\nD231458907UTO7408122F1204159<<<<<<<6")
	f.Add(strings.Repeat("<", 88))
	f.Add(strings.Repeat("9", 72))
	f.Add("P<UTO\x00")
	f.Fuzz(func(t *testing.T, text string) {
		fuzzlimit.Check(t, func() {
			m, err := mrz.Parse(text)
			if err != nil {
				require.ErrorIs(t, err, fault.MRZInvalid)
				return
			}
			require.Equal(t, "[redacted]", fmt.Sprint(m))
			again, err := mrz.Parse(strings.ToLower(strings.Join(strings.Fields(text), "\n")))
			require.NoError(t, err)
			require.Equal(t, m, again)
			require.Equal(t, m.Deviations(), again.Deviations())
			key, err := m.Key()
			require.NoError(t, err, "every character of a zone has a value")
			wrong, _ := m.Wrong()
			switch err := m.Check(); {
			case err != nil && len(wrong) > 0:
				require.ErrorIs(t, err, fault.MRZCheckDigit)
			case err != nil:
				require.ErrorIs(t, err, fault.MRZInvalid)
			case !strings.HasPrefix(m.DocumentNumber, "<") && m.DocumentNumber != "":
				fields, err := mrz.KeyFromFields(m.DocumentNumber, string(m.BirthDate), string(m.ExpiryDate))
				require.NoError(t, err)
				require.Equal(t, key.Information().Reveal(), fields.Information().Reveal())
			}
		})
	})
}

// What a person types makes a key of the right form, or is refused.
func FuzzKeyFromFields(f *testing.F) {
	f.Add("L898902C3", "740812", "120415")
	f.Add(" d23145890734 ", "340712", "950712")
	f.Add("<<<<<<<<<", "000000", "991332")
	f.Add("Ä1234567", "７40812", "")
	f.Fuzz(func(t *testing.T, number, birth, expiry string) {
		fuzzlimit.Check(t, func() {
			key, err := mrz.KeyFromFields(number, birth, expiry)
			if err != nil {
				require.ErrorIs(t, err, fault.MRZInvalid)
				require.True(t, key.Empty())
				return
			}
			require.Regexp(t, `^[0-9A-Z<]{9,22}[0-9]([0-9<]{6}[0-9]){2}$`, key.Information().Reveal())
			require.Len(t, key.SHA1().Reveal(), 20)
		})
	})
}
