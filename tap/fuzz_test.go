package tap_test

import (
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/internal/fuzzlimit"
	"passport-agent/tap"
)

// Evidence that stands beside saved files is read or refused, and stays the same when it
// is written again.
func FuzzParseEvidence(f *testing.F) {
	f.Add([]byte(`{"schema":"passport-agent/evidence/1","activeAuthentication":{"challenge":"F173589974BF40C6","signature":"00"},"attested":[{"check":"chip_authentication","protocol":"CA-ECDH-AES-128","time":"2026-05-01T12:00:00Z"}]}`))
	f.Add([]byte(`{"schema":"passport-agent/evidence/1","attested":null}`))
	f.Add([]byte(`{"schema":"passport-agent/evidence/1","activeAuthentication":{"challenge":"0","signature":"xy"}}`))
	f.Add([]byte(`{"schema":"passport-agent/evidence/2"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzzlimit.Check(t, func() {
			e, err := tap.ParseEvidence(b)
			if err != nil {
				require.Contains(t, []fault.Code{fault.EvidenceMalformed, fault.FileNewer}, fault.From(err).Code)
				return
			}
			if a := e.ActiveAuthentication; a != nil {
				for _, digits := range []string{a.Challenge, a.Signature} {
					_, err := hex.DecodeString(digits)
					require.NoError(t, err)
				}
			}
			again, err := json.Marshal(e)
			if err != nil {
				return // a year that JSON does not have
			}
			same, err := tap.ParseEvidence(again)
			require.NoError(t, err)
			require.Equal(t, e, same)
		})
	})
}
