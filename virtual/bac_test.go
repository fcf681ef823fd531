package virtual_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/icaotest"
	"passport-agent/iso7816"
	"passport-agent/virtual"
)

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

func TestChallengeIsFreshAndServesOnce(t *testing.T) {
	chip := newChip(t, virtual.Profile{})
	transmit(t, chip, selectApplication)
	m := newMutual(t, specimenInformation)
	first := transmit(t, chip, getChallenge)
	second := transmit(t, chip, getChallenge)
	require.NotEqual(t, first, second)
	require.Equal(t, iso7816.SWAuthenticationFailed, status(t, chip, m.command(t, first[:8])...), "an older challenge")
	require.Equal(t, iso7816.SWConditionsOfUse, status(t, chip, m.command(t, second[:8])...), "used up by the failure")
	third := transmit(t, chip, getChallenge)
	require.Len(t, transmit(t, chip, m.command(t, third[:8])), 42)
	require.Equal(t, iso7816.SWConditionsOfUse, status(t, chip, m.command(t, third[:8])...), "used up by success")
}

func TestWrongKeyIsRefused(t *testing.T) {
	chip := newChip(t, virtual.Profile{})
	transmit(t, chip, selectApplication)
	m := newMutual(t, "L898902C3674081221204158")
	for range 3 {
		challenge := transmit(t, chip, getChallenge)
		require.Equal(t, iso7816.SWAuthenticationFailed, status(t, chip, m.command(t, challenge[:8])...))
	}
	authenticate(t, chip)
}

// The checksum is looked at as well as the challenge.
func TestWrongChecksumIsRefused(t *testing.T) {
	chip := newChip(t, virtual.Profile{})
	transmit(t, chip, selectApplication)
	challenge := transmit(t, chip, getChallenge)
	command := newMutual(t, specimenInformation).command(t, challenge[:8])
	command[len(command)-2] ^= 0x01
	require.Equal(t, iso7816.SWAuthenticationFailed, status(t, chip, command...))
}

func TestAuthenticationAsksForApplicationChallengeAndLength(t *testing.T) {
	chip := newChip(t, virtual.Profile{})
	m := newMutual(t, specimenInformation)
	challenge := transmit(t, chip, getChallenge)
	require.Equal(t, iso7816.SWConditionsOfUse, status(t, chip, m.command(t, challenge[:8])...), "in the master file")
	transmit(t, chip, selectApplication)
	require.Equal(t, iso7816.SWConditionsOfUse, status(t, chip, m.command(t, challenge[:8])...), "without a challenge")
	challenge = transmit(t, chip, getChallenge)
	require.Equal(t, iso7816.SWWrongLength, status(t, chip, append([]byte{0x00, 0x82, 0x00, 0x00, 0x08}, challenge[:8]...)...))
	transmit(t, chip, getChallenge)
	require.Equal(t, iso7816.SWIncorrectP1P2, status(t, chip, 0x00, 0x82, 0x00, 0x01, 0x01, 0x00))
	require.Equal(t, iso7816.SWIncorrectP1P2, status(t, chip, 0x00, 0x84, 0x01, 0x00, 0x08))
	require.Equal(t, iso7816.SWWrongLength, status(t, chip, 0x00, 0x84, 0x00, 0x00, 0x04))
	require.Equal(t, iso7816.SWWrongLength, status(t, chip, 0x00, 0x84, 0x00, 0x00))

	x := authenticate(t, chip)
	response, err := x.exchange(iso7816.Command{INS: 0x84, Ne: 8})
	require.NoError(t, err)
	require.Len(t, response.Data, 8)
	x.expect(iso7816.SWConditionsOfUse, iso7816.Command{INS: 0x82, Data: make([]byte, 40), Ne: 40})
}

func TestBasicAccessControlFaults(t *testing.T) {
	for fault, check := range map[virtual.BACFault]func(rndIC, rndIFD, challenge, sent []byte, macRight bool){
		virtual.BACBadMAC: func(rndIC, rndIFD, challenge, sent []byte, macRight bool) {
			require.False(t, macRight)
		},
		virtual.BACBadCryptogram: func(rndIC, rndIFD, challenge, sent []byte, macRight bool) {
			require.True(t, macRight)
			require.NotEqual(t, challenge, rndIC)
		},
		virtual.BACWrongRNDIC: func(rndIC, rndIFD, challenge, sent []byte, macRight bool) {
			require.True(t, macRight)
			require.NotEqual(t, challenge, rndIC)
			require.Equal(t, sent, rndIFD)
		},
		virtual.BACWrongRNDIFD: func(rndIC, rndIFD, challenge, sent []byte, macRight bool) {
			require.True(t, macRight)
			require.Equal(t, challenge, rndIC)
			require.NotEqual(t, sent, rndIFD)
		},
	} {
		chip := newChip(t, virtual.Profile{BACFault: fault})
		transmit(t, chip, selectApplication)
		m := newMutual(t, specimenInformation)
		challenge := transmit(t, chip, getChallenge)[:8]
		rndIC, rndIFD, _, right := m.open(t, transmit(t, chip, m.command(t, challenge)))
		check(rndIC, rndIFD, challenge, m.rndIFD, right)
	}
}

func TestFirstAuthenticationsCanBeRefused(t *testing.T) {
	chip := newChip(t, virtual.Profile{RefuseAuthentications: 2})
	transmit(t, chip, selectApplication)
	m := newMutual(t, specimenInformation)
	wrong := newMutual(t, "L898902C3674081221204158")
	for _, attempt := range []mutual{m, wrong, m} {
		challenge := transmit(t, chip, getChallenge)
		require.Equal(t, iso7816.SWAuthenticationFailed, status(t, chip, attempt.command(t, challenge[:8])...))
		require.NoError(t, chip.Reset(t.Context()))
		transmit(t, chip, selectApplication)
	}
	authenticate(t, chip)
}

func TestDocumentWithoutBasicAccessControl(t *testing.T) {
	chip := newChip(t, virtual.Profile{AuthenticationStatus: 0x6A88})
	transmit(t, chip, selectApplication)
	challenge := transmit(t, chip, getChallenge)
	require.Equal(t, iso7816.SWReferenceNotFound, status(t, chip, newMutual(t, specimenInformation).command(t, challenge[:8])...))
}

func TestRandomGeneratorThatFails(t *testing.T) {
	chip, err := virtual.NewChip(specimen(), virtual.ChipOptions{Random: bytes.NewReader(make([]byte, 8))})
	require.NoError(t, err)
	transmit(t, chip, selectApplication)
	challenge := transmit(t, chip, getChallenge)
	require.Equal(t, iso7816.SWUnspecified, status(t, chip, newMutual(t, specimenInformation).command(t, challenge[:8])...))
	require.Equal(t, iso7816.SWUnspecified, status(t, chip, getChallenge...))
}
