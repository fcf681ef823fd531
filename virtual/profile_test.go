package virtual_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/virtual"
)

func TestProfileIsReadFromJSON(t *testing.T) {
	p, err := virtual.ParseProfile([]byte(`{
		"name": "strict", "description": "160 bytes, or 6700",
		"access": "bac", "maxRead": 160, "tooLong": "refuse", "endOfFile": "6282empty",
		"missingFiles": ["EF.COM"], "fileStatus": {"EF.CardAccess": "6982"},
		"selectStatus": {"000C": "6A86"}, "shortIdentifier": "6A82",
		"extended": {"maxResponse": 4096, "refused": "keep"}, "historical": "8073",
		"emptyFrom": {"DG2": 231}, "bacFault": "rnd.ifd", "nakedErrors": "end",
		"selectApplicationWithoutAccess": "6982", "repeatedEphemeralKey": "6300",
		"smFaults": [{"response": 3, "kind": "noMAC"}],
		"statusAt": [{"command": 5, "status": "6988", "endSession": true}],
		"selectApplicationInSession": "6700", "shortIdentifierOf": {"EF.CardAccess": "6A82"},
		"mseWithoutParameters": "6A87", "mseWithLe": "6700", "extraSecurityInfos": ["300506032A0304"],
		"paceFaults": [{"step": 0, "status": "6A80", "runs": 1, "only": {"protocol": "ECDH-GM-AES-256", "parameterId": 13}}, {"step": 3, "kind": "ownKey"}],
		"dropSessions": 1, "wrongOffsetEndsSession": true, "resetAt": [7], "silentAt": [8, 9]
	}`))
	require.NoError(t, err)
	want := virtual.Profile{
		Name: "strict", Description: "160 bytes, or 6700",
		Access: virtual.AccessBAC, MaxRead: 160, TooLong: virtual.TooLongRefuse, EndOfFile: virtual.EndEmpty,
		MissingFiles: []virtual.File{virtual.COM}, FileStatus: map[virtual.File]virtual.Status{virtual.CardAccess: 0x6982},
		SelectStatus: map[string]virtual.Status{"000C": 0x6A86}, ShortIdentifier: 0x6A82,
		Extended: &virtual.Extended{MaxResponse: 4096, Refused: virtual.NakedKeep}, Historical: virtual.Hex{0x80, 0x73},
		EmptyFrom: map[virtual.File]int{virtual.DataGroup(2): 231}, BACFault: virtual.BACWrongRNDIFD, NakedErrors: virtual.NakedEnd,
		SelectApplicationWithoutAccess: 0x6982, RepeatedEphemeralKey: 0x6300,
		SMFaults:                   []virtual.SMFault{{Response: 3, Kind: virtual.SMNoMAC}},
		StatusAt:                   []virtual.StatusAt{{Command: 5, Status: 0x6988, EndSession: true}},
		SelectApplicationInSession: 0x6700, ShortIdentifierOf: map[virtual.File]virtual.Status{virtual.CardAccess: 0x6A82},
		MSEWithoutParameters: 0x6A87, MSEWithLe: 0x6700, ExtraSecurityInfos: []virtual.Hex{{0x30, 0x05, 0x06, 0x03, 0x2A, 0x03, 0x04}},
		PACEFaults: []virtual.PACEFault{
			{Step: 0, Status: 0x6A80, Runs: 1, Only: &virtual.PACEInfo{Protocol: "ECDH-GM-AES-256", ParameterID: 13}},
			{Step: 3, Kind: virtual.PACEOwnKey},
		},
		DropSessions: 1, WrongOffsetEndsSession: true, ResetAt: []int{7}, SilentAt: []int{8, 9},
	}
	require.Equal(t, want, p)

	encoded, err := json.Marshal(p)
	require.NoError(t, err)
	again, err := virtual.ParseProfile(encoded)
	require.NoError(t, err)
	require.Equal(t, want, again)
	require.Contains(t, string(encoded), `"6A82"`)
}

func TestProfileThatIsNoneIsRefused(t *testing.T) {
	for _, text := range []string{
		``, `[]`, `{} {}`, `{"maxread": "x"}`,
		`{"unknown": 1}`,
		`{"access": "eac"}`, `{"tooLong": "Clamp"}`, `{"endOfFile": "6283"}`, `{"bacFault": "x"}`, `{"nakedErrors": "yes"}`,
		`{"missingFiles": ["DG17"]}`, `{"fileStatus": {"EF.CVCA": "6982"}}`, `{"fileStatus": {"DG1": "698"}}`, `{"fileStatus": {"DG1": "69ZZ"}}`,
		`{"emptyFrom": {"DG1": -1}}`, `{"emptyFrom": {"DG0": 1}}`,
		`{"selectStatus": {"00C": "6A86"}}`, `{"selectStatus": {"000c": "6A86"}}`, `{"selectStatus": {"000C00": "6A86"}}`,
		`{"maxShortResponse": 47}`, `{"maxShortResponse": -1}`, `{"extended": {"maxResponse": 12}}`, `{"extended": {"maxCommand": 12}}`,
		`{"maxRead": -1}`, `{"refuseAuthentications": -1}`,
		`{"historical": "000102030405060708090A0B0C0D0E0F"}`, `{"historical": "0"}`,
		`{"smFaults": [{"response": 0}]}`, `{"smFaults": [{"response": -1, "kind": "noMAC"}]}`, `{"smFaults": [{"response": 1, "kind": "x"}]}`,
		`{"extended": {"refused": "yes"}}`, `{"shortIdentifierOf": {"EF.CVCA": "6A82"}}`,
		`{"dropSessions": -1}`, `{"resetAt": [-1]}`, `{"silentAt": [0, -1]}`,
		`{"extraSecurityInfos": ["3100"]}`, `{"extraSecurityInfos": ["300000"]}`, `{"extraSecurityInfos": ["3001"]}`,
		`{"paceFaults": [{"step": 5, "kind": "noObject"}]}`, `{"paceFaults": [{"step": -1, "status": "6300"}]}`,
		`{"paceFaults": [{"step": 1}]}`, `{"paceFaults": [{"step": 1, "kind": "noObject", "status": "6300"}]}`,
		`{"paceFaults": [{"step": 1, "kind": "x"}]}`, `{"paceFaults": [{"step": 2, "kind": "wrongToken"}]}`, `{"paceFaults": [{"step": 0, "kind": "noObject"}]}`,
		`{"paceFaults": [{"step": 1, "status": "6300", "runs": -1}]}`, `{"paceFaults": [{"step": 1, "status": "6300", "run": 1}]}`,
		`{"paceFaults": [{"step": 1, "status": "6300", "only": {"protocol": "ECDH-GM-AES-512", "parameterId": 13}}]}`,
		`{"paceFaults": [{"step": 1, "status": "6300", "only": {"protocol": "ECDH-IM-AES-128", "parameterId": 10}}]}`,
		`{"statusAt": [{"command": 1}]}`, `{"statusAt": [{"command": -1, "status": "6700"}]}`,
	} {
		_, err := virtual.ParseProfile([]byte(text))
		require.ErrorIs(t, err, virtual.ErrProfile, "%s", text)
	}
	_, err := virtual.NewChip(specimen(), virtual.ChipOptions{Profile: virtual.Profile{MaxRead: -1}})
	require.ErrorIs(t, err, virtual.ErrProfile)
}
