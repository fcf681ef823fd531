package tap_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/internal/format/golden"
	"passport-agent/tap"
)

// Evidence that any version has saved beside a document's files can be judged again.
func TestEvidenceOfEveryVersionIsRead(t *testing.T) {
	const now = "testdata/format-1" // the present format
	for _, folder := range golden.Versions(t, now) {
		b, err := os.ReadFile(filepath.Join(folder, "evidence.json"))
		require.NoError(t, err)
		e, err := tap.ParseEvidence(b)
		require.NoError(t, err, folder)
		require.Equal(t, &tap.ActiveSignature{Challenge: "f173589974bf40c6", Signature: "00ff"}, e.ActiveAuthentication)
		require.Equal(t, "CA-ECDH-AES-128", e.Attested[0].Protocol)
		if folder == now {
			again, err := json.Marshal(e)
			require.NoError(t, err)
			require.JSONEq(t, string(b), string(again))
			golden.RequireFields(t, b, reflect.TypeFor[tap.Evidence]())
		}
	}
}

func TestEvidenceOfANewerVersionIsTold(t *testing.T) {
	_, err := tap.ParseEvidence([]byte(`{"schema": "passport-agent/evidence/2", "attested": "elsewhere"}`))
	require.ErrorIs(t, err, fault.FileNewer)
	for _, other := range []string{"passport-agent/evidence/0", "passport-agent/evidence/1x", "passport-agent/read/2", ""} {
		_, err = tap.ParseEvidence([]byte(`{"schema": "` + other + `"}`))
		require.ErrorIs(t, err, fault.EvidenceMalformed, other)
	}
}
