package virtual_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/icaotest"
	"passport-agent/iso7816"
	"passport-agent/virtual"
)

// selectApplication is the APDU of Doc 9303-10, 3.6.1.2.
var selectApplication = []byte{0x00, 0xA4, 0x04, 0x0C, 0x07, 0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01}

// dg1Of wraps a machine-readable zone of fewer than 0x80-3 characters.
func dg1Of(zone string) []byte {
	n := byte(len(zone))
	return append([]byte{0x61, n + 3, 0x5F, 0x1F, n}, zone...)
}

func transmit(t *testing.T, chip iso7816.Card, command []byte) []byte {
	t.Helper()
	response := make([]byte, iso7816.MaxResponse)
	n, err := chip.Transmit(context.Background(), command, response)
	require.NoError(t, err)
	return response[:n]
}

// The dialogue of Doc 9303-11, D.3 and D.4, byte for byte, with the chip's
// nonces injected.
func TestWorkedExampleOfBasicAccessControl(t *testing.T) {
	var bac []struct {
		RNDIC        icaotest.Hex `json:"rnd_ic"`
		KIC          icaotest.Hex `json:"k_ic"`
		GetChallenge icaotest.Hex `json:"get_challenge_apdu"`
		Challenge    icaotest.Hex `json:"get_challenge_response"`
		Authenticate icaotest.Hex `json:"external_authenticate_apdu"`
		Answer       icaotest.Hex `json:"external_authenticate_response"`
	}
	icaotest.Load(t, "bac_d3", &bac)
	var messages []struct {
		Step                string
		Protected, Response icaotest.Hex
		File                icaotest.Hex
	}
	icaotest.Load(t, "sm_3des_d4", &messages)
	require.Len(t, messages, 3)

	chip, err := virtual.NewChip(&virtual.Document{Files: map[virtual.File][]byte{
		virtual.COM:          messages[2].File,
		virtual.DataGroup(1): dg1Of("I<UTOL898902C<3<<<<<<<<<<<<<<<6908061F9406236UTO<<<<<<<<<<<2ERIKSSON<<ANNA<MARIA<<<<<<<<<<"),
	}}, virtual.ChipOptions{Random: bytes.NewReader(append(bac[0].RNDIC, bac[0].KIC...))})
	require.NoError(t, err)

	require.Equal(t, []byte{0x90, 0x00}, transmit(t, chip, selectApplication))
	require.Equal(t, []byte(bac[0].Challenge), transmit(t, chip, bac[0].GetChallenge))
	require.Equal(t, []byte(bac[0].Answer), transmit(t, chip, bac[0].Authenticate))
	for _, m := range messages {
		require.Equal(t, []byte(m.Response), transmit(t, chip, m.Protected), m.Step)
	}
}
