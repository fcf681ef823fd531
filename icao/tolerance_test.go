package icao_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao"
	"passport-agent/icao/verdict"
	"passport-agent/internal/fault"
	"passport-agent/virtual"
)

// Strict reads every document that the standard allows, however it says where a file
// ends and how much it gives at once (TR-03105-5.1, ISO7816_C_04 to C_06), and tries
// nothing again that has failed.
func TestWhatStrictDoesWithout(t *testing.T) {
	require.Empty(t, icao.Without(verdict.Field))
	require.Empty(t, icao.Without(""))
	without := icao.Without(verdict.Strict)
	require.Subset(t, icao.Tolerances(), without)
	for _, kept := range []icao.Tolerance{icao.EndWarning, icao.ExactLength, icao.CorrectLe, icao.ShorterBlocks, icao.ShortAPDU, icao.ShortIdentifier, icao.CardAccessSelect} {
		require.NotContains(t, without, kept)
	}
	require.Len(t, without, len(icao.Tolerances())-7)
}

// A file that anybody may have cut opens a document by BAC in the field, and not in
// strict.
func TestMalformedCardAccess(t *testing.T) {
	document := provable(t, virtual.Options{PACE: offers(t, "ECDH-GM-AES-128/12")})
	file := document.Files[virtual.CardAccess]
	for _, cut := range [][]byte{file[:len(file)-1], {0x31}, append([]byte{0x30}, file[1:]...)} {
		document.Files[virtual.CardAccess] = cut
		for profile, want := range map[verdict.Profile]fault.Code{verdict.Field: "", verdict.Strict: fault.FileMalformed} {
			chip := chipOf(t, document, virtual.Profile{})
			session, err := icao.Open(t.Context(), chip, icao.Options{Access: icao.Access{Key: keyOf(t, document)}, Without: icao.Without(profile)})
			if want != "" {
				require.ErrorIs(t, err, want)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, "BAC", session.Protocol())
		}
	}
}
