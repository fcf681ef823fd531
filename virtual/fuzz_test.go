package virtual_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fuzzlimit"
	"passport-agent/iso7816"
	"passport-agent/virtual"
)

// Whatever a reader sends, in the clear or well protected, the chip answers with
// a status word and lives on.
func FuzzChip(f *testing.F) {
	for _, seed := range [][]byte{
		nil, selectApplication, getChallenge, {0x00, 0xB0, 0x9E, 0x00, 0x00}, {0x00, 0xB1, 0x00, 0x02, 0x03, 0x54, 0x01, 0x00, 0x00},
		{0x0C, 0xB0, 0x81, 0x00, 0x0D, 0x97, 0x01, 0x04, 0x8E, 0x08, 1, 2, 3, 4, 5, 6, 7, 8, 0x00},
		{0x0C, 0xA4, 0x02, 0x0C, 0x15, 0x87, 0x09, 0x01, 1, 2, 3, 4, 5, 6, 7, 8, 0x8E, 0x08, 1, 2, 3, 4, 5, 6, 7, 8, 0x00},
		{0x00, 0xB0, 0x82, 0x00, 0x00, 0x00, 0x00}, {0x00, 0x82, 0x00, 0x00, 0x28},
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, command []byte) {
		for _, p := range []virtual.Profile{{}, {Extended: &virtual.Extended{MaxResponse: 48}, EndOfFile: virtual.EndCorrectLe}} {
			fuzzlimit.Check(t, func() { requireAlive(t, newChip(t, p), command) })
		}
	})
}

// requireAlive gives a command to a chip before, within and behind a session.
func requireAlive(t *testing.T, chip *virtual.Chip, command []byte) {
	require.GreaterOrEqual(t, len(transmit(t, chip, command)), 2)
	require.True(t, authenticate(t, chip).alive())
	require.GreaterOrEqual(t, len(transmit(t, chip, command)), 2, "in the clear, within a session")
	x := authenticate(t, chip)
	if parsed, err := iso7816.ParseCommand(command); err == nil && len(parsed.Data) < 60000 {
		if _, err := x.exchange(parsed); err != nil {
			require.ErrorIs(t, err, iso7816.SWWrongLength, "only what the chip cannot receive ends outside secure messaging")
		}
	}
	require.True(t, authenticate(t, chip).alive())
}

func TestDocumentIsPrintedWithoutItsContent(t *testing.T) {
	require.Equal(t, "EF.CardAccess 2, EF.COM 4, EF.SOD 2, DG1 93, DG2 1000, DG3 2", specimen().String())
}

// Whatever comes in place of a step of PACE, the chip answers, and runs PACE
// afterwards.
func FuzzPACE(f *testing.F) {
	for _, seed := range [][]byte{
		nil, {0x7C, 0x00}, {0x7C, 0x02, 0x81, 0x00}, {0x7C, 0x03, 0x83, 0x01, 0x00}, {0x7C, 0x0A, 0x85, 0x08, 1, 2, 3, 4, 5, 6, 7, 8},
		{0x80, 0x0A, 4, 0, 0x7F, 0, 7, 2, 2, 4, 2, 2, 0x83, 0x01, 0x01}, {0x80, 0x80}, {0x7C, 0x83, 0xFF, 0xFF, 0xFF},
	} {
		f.Add(byte(1), seed)
		f.Add(byte(2), seed)
		f.Add(byte(4), seed)
	}
	document, err := virtual.Personalise(virtual.Options{PACE: []virtual.PACEInfo{gm}, Files: map[virtual.File][]byte{
		virtual.DataGroup(1): dg1Of(specimenZone), virtual.DataGroup(2): {0x75, 0x00},
	}})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, step byte, data []byte) {
		if len(data) > 240 {
			return
		}
		chip, err := virtual.NewChip(document, virtual.ChipOptions{})
		require.NoError(t, err)
		fuzzlimit.Check(t, func() {
			upTo(t, chip, gm, int(step%5))
			answer := transmit(t, chip, plain(t, general(step%5 == 4, data)))
			require.GreaterOrEqual(t, len(answer), 2)
			if step%5 == 4 {
				require.NotEqual(t, []byte{0x90, 0x00}, answer[len(answer)-2:], "a token that nobody has computed")
			}
			require.GreaterOrEqual(t, len(transmit(t, chip, plain(t, iso7816.Command{INS: 0x22, P1: 0xC1, P2: 0xA4, Data: data}))), 2)
			require.True(t, newPACETerminal(t, chip, gm).open().alive())
		})
	})
}

// A profile is read to the last field or refused; a chip that has one answers.
func FuzzParseProfile(f *testing.F) {
	f.Add([]byte(`{"name": "strict", "access": "bac", "maxRead": 160, "tooLong": "refuse", "endOfFile": "6282empty", "missingFiles": ["EF.COM"], "fileStatus": {"EF.CardAccess": "6982"}}`))
	f.Add([]byte(`{"selectStatus": {"000C": "6A86"}, "extended": {"maxResponse": 4096, "refused": "keep"}, "historical": "8073", "emptyFrom": {"DG2": 231}, "nakedErrors": "end"}`))
	f.Add([]byte(`{"smFaults": [{"response": 0, "kind": "noMAC"}], "statusAt": [{"command": 1, "status": "0988", "endSession": true}], "bacFault": "rnd.ifd", "resetAt": [1]}`))
	f.Add([]byte(`{"extraSecurityInfos": ["300506032A0304"], "paceFaults": [{"step": 3, "kind": "ownKey"}], "chipAuthenticationFault": "oldKeys"}`))
	f.Add([]byte(`{} {}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzzlimit.Check(t, func() {
			p, err := virtual.ParseProfile(b)
			if err != nil {
				require.ErrorIs(t, err, virtual.ErrProfile)
				return
			}
			written, err := json.Marshal(p)
			require.NoError(t, err)
			again, err := virtual.ParseProfile(written)
			require.NoError(t, err)
			rewritten, err := json.Marshal(again)
			require.NoError(t, err)
			require.Equal(t, string(written), string(rewritten))
			p.SilentAt = nil // nobody waits here
			chip, err := virtual.NewChip(specimen(), virtual.ChipOptions{Profile: p})
			if err != nil {
				require.True(t, errors.Is(err, virtual.ErrProfile) || errors.Is(err, virtual.ErrDocument), "%v", err)
				return
			}
			require.LessOrEqual(t, len(chip.ATR()), 33)
			for _, command := range [][]byte{selectApplication, getChallenge, {0x00, 0xB0, 0x9E, 0x00, 0x00}} {
				n, err := chip.Transmit(t.Context(), command, make([]byte, iso7816.MaxResponse))
				require.True(t, err == nil && n >= 2 || errors.Is(err, iso7816.ErrReset), "%v", err)
			}
		})
	})
}
