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
		"extended": {"maxResponse": 4096}, "historical": "8073",
		"emptyFrom": {"DG2": 231}, "bacFault": "rnd.ifd", "nakedErrors": "end",
		"smFaults": [{"response": 3, "kind": "noMAC"}],
		"statusAt": [{"command": 5, "status": "6988", "endSession": true}]
	}`))
	require.NoError(t, err)
	want := virtual.Profile{
		Name: "strict", Description: "160 bytes, or 6700",
		Access: virtual.AccessBAC, MaxRead: 160, TooLong: virtual.TooLongRefuse, EndOfFile: virtual.EndEmpty,
		MissingFiles: []virtual.File{virtual.COM}, FileStatus: map[virtual.File]virtual.Status{virtual.CardAccess: 0x6982},
		SelectStatus: map[string]virtual.Status{"000C": 0x6A86}, ShortIdentifier: 0x6A82,
		Extended: &virtual.Extended{MaxResponse: 4096}, Historical: virtual.Hex{0x80, 0x73},
		EmptyFrom: map[virtual.File]int{virtual.DataGroup(2): 231}, BACFault: virtual.BACWrongRNDIFD, NakedErrors: virtual.NakedEnd,
		SMFaults: []virtual.SMFault{{Response: 3, Kind: virtual.SMNoMAC}},
		StatusAt: []virtual.StatusAt{{Command: 5, Status: 0x6988, EndSession: true}},
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
		`{"statusAt": [{"command": 1}]}`, `{"statusAt": [{"command": -1, "status": "6700"}]}`,
	} {
		_, err := virtual.ParseProfile([]byte(text))
		require.ErrorIs(t, err, virtual.ErrProfile, "%s", text)
	}
	_, err := virtual.NewChip(specimen(), virtual.ChipOptions{Profile: virtual.Profile{MaxRead: -1}})
	require.ErrorIs(t, err, virtual.ErrProfile)
}
