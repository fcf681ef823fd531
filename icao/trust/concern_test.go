package trust_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/trust"
)

// concerns are those of a store, "!" before warnings, by kind and country.
func concerns(t *testing.T, s *trust.Store, at time.Time) []string {
	t.Helper()
	all, err := s.Concerns(at, trust.ConcernLimits{})
	require.NoError(t, err)
	var list []string
	for _, c := range all {
		require.NotEmpty(t, c.Text)
		text := string(c.Kind) + " " + c.Country
		if c.Warning {
			text = "!" + text
		}
		list = append(list, text)
	}
	require.True(t, slices.IsSortedFunc(all, func(a, b trust.Concern) int {
		switch {
		case a.Warning == b.Warning:
			return 0
		case a.Warning:
			return -1
		default:
			return 1
		}
	}), "warnings come first")
	return list
}

func TestConcernsOfCountrySigners(t *testing.T) {
	random := seeded(21)
	key := func() *signingKey { return newSigningKey(t, "P-256", random) }
	authority := func(k *signingKey, by *made, country string, days int) *made {
		return certify(t, k, by, request{common: "CSCA", country: country, serial: 1, authority: true, from: issued.AddDate(-5, 0, days), to: issued.AddDate(0, 0, days)})
	}
	var empty trust.Store
	require.Equal(t, []string{"!no_country_signers "}, concerns(t, &empty, issued))

	first, second := key(), key()
	old := authority(first, nil, "AA", 30)
	link := authority(second, old, "AA", 1000)
	young := authority(second, nil, "AA", 1000)
	require.Empty(t, concerns(t, storeOf(t, authority(key(), nil, "AA", 1000).der), issued))
	require.Equal(t, []string{"!country_signer_expiring AA"}, concerns(t, storeOf(t, old.der), issued))
	require.Equal(t, []string{"!country_signer_expired AA"}, concerns(t, storeOf(t, old.der), issued.AddDate(0, 0, 31)))
	require.Equal(t, []string{"country_signer_expiring AA"}, concerns(t, storeOf(t, old.der, young.der, link.der), issued), "another one lasts longer")
	require.Equal(t, []string{"country_signer_expiring AA", "link_missing AA"}, concerns(t, storeOf(t, old.der, young.der), issued))
	require.Equal(t, []string{"country_signer_expired AA"}, concerns(t, storeOf(t, old.der, young.der, link.der), issued.AddDate(0, 0, 31)))
	require.Equal(t, []string{"!country_signer_expiring BB", "country_signer_expiring AA"},
		concerns(t, storeOf(t, old.der, young.der, link.der, authority(key(), nil, "BB", 1).der), issued), "each country for itself")

	all, err := storeOf(t, old.der).Concerns(issued, trust.ConcernLimits{})
	require.NoError(t, err)
	require.Equal(t, 30, all[0].Days)
	all, err = storeOf(t, old.der).Concerns(issued.AddDate(0, 0, 31), trust.ConcernLimits{})
	require.NoError(t, err)
	require.Equal(t, -1, all[0].Days)
	all, err = storeOf(t, old.der).Concerns(issued, trust.ConcernLimits{Expiring: 29 * 24 * time.Hour})
	require.NoError(t, err)
	require.Empty(t, all)

	forged := *link
	forged.der = alter(link.der, link.der[len(link.der)-1:], 0)
	require.Contains(t, concerns(t, storeOf(t, old.der, young.der, forged.der), issued), "link_missing AA", "a link is one only if it is signed")
}

// Keys are looked at when they are needed: one of a kind that nobody knows neither keeps
// the store from loading nor costs anything at the start, and the check names it.
func TestKeysAreParsedWhenNeeded(t *testing.T) {
	unknown := newSigningKey(t, "P-256", seeded(22))
	unknown.info = sequence(t, sequence(t, encode(t, oids{1, 2, 3, 4})), unknown.info[len(unknown.info)-68:])
	s := storeOf(t, certify(t, unknown, nil, request{common: "CSCA", serial: 1, authority: true}).der)
	folder := t.TempDir()
	require.NoError(t, s.Save(t.Context(), folder))
	again, err := trust.Load(t.Context(), folder)
	require.NoError(t, err)
	require.Equal(t, 1, again.Len())
	require.Equal(t, []string{"!key_unreadable UT"}, concerns(t, again, issued))
}

func TestConcernsOfLists(t *testing.T) {
	p := newPublisher(t, nil)
	var s trust.Store
	_, err := s.Import(p.list(issued, [][]byte{p.certificate.Raw, {0x30, 0x03, 0x02, 0x01, 0x01}}), p.options())
	require.NoError(t, err)
	require.Equal(t, []string{"list_unreadable UT"}, concerns(t, &s, issued.AddDate(0, 0, 120)))
	require.Equal(t, []string{"!list_old UT", "list_unreadable UT"}, concerns(t, &s, issued.AddDate(0, 0, 121)))

	a := newAuthority(t, countryTemplate())
	current := storeOf(t, a.certificate.Raw, a.revoke(1, 7))
	require.Empty(t, concerns(t, current, issued.AddDate(0, 0, 30)))
	require.Equal(t, []string{"!revocation_list_stale UT"}, concerns(t, current, issued.AddDate(0, 0, 32)))

	d := newDefective(t)
	defects := storeOf(t, d.country.der)
	_, err = defects.Import(d.list(0, issued), d.root())
	require.NoError(t, err)
	require.Empty(t, concerns(t, defects, issued.AddDate(0, 0, 120)))
	require.Equal(t, []string{"!list_old UU"}, concerns(t, defects, issued.AddDate(0, 0, 121)))
}

// The published lists, half a year after they came out.
func TestConcernsOfThePublishedLists(t *testing.T) {
	s := published2026(t)
	counts := map[string]int{}
	all, err := s.Concerns(when, trust.ConcernLimits{})
	require.NoError(t, err)
	for _, c := range all {
		counts[string(c.Kind)]++
	}
	require.Equal(t, 2, counts["list_old"], "both are older than 120 days")
	require.Zero(t, counts["key_unreadable"])
	require.Positive(t, counts["country_signer_expired"])
	require.Positive(t, counts["link_missing"])
	fresh, err := s.Concerns(time.Date(2026, 7, 24, 0, 0, 0, 0, time.UTC), trust.ConcernLimits{})
	require.NoError(t, err)
	for _, c := range fresh {
		require.False(t, c.Warning, "%v: on the day after the Dutch list nothing has to be done", c)
	}
}
