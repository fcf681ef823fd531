package trust_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/trust"
	"passport-agent/internal/cms"
)

// hashList stands for the list of hashes in EF.SOD: what it says plays no part here.
var hashList = bytes.Repeat([]byte("hash of a data group "), 12)

// chain is a country signer, a document signer and a message that it signed.
type chain struct {
	country, signer *made
	sod             []byte
}

func newChain(t testing.TB, kind string, seed byte) chain {
	t.Helper()
	random := seeded(seed)
	c := chain{country: certify(t, newSigningKey(t, kind, random), nil, request{common: "CSCA", serial: 1, authority: true})}
	c.signer = certify(t, newSigningKey(t, kind, random), c.country, request{common: "DS", serial: 258})
	c.sod = message{content: hashList, signer: c.signer, at: issued}.encode(t)
	return c
}

// Every algorithm of Doc 9303-12, 4.1.6 and the curves that states use.
func TestEveryAlgorithmIsProved(t *testing.T) {
	for i, kind := range algorithmKinds {
		c := newChain(t, kind, byte(i))
		s := storeOf(t, c.country.der)
		signed, err := cms.ParseSignedData(c.sod)
		require.NoError(t, err)
		_, notes := only(t, s.Verify(signed, issued))
		require.Equal(t, map[trust.Check]trust.Reason{trust.CheckRevocation: noList}, notes, kind)
	}
}

// BenchmarkPassiveAuthentication is one document: EF.SOD read, its signature and that of
// the document signer verified, with keys that nobody has looked at before.
func BenchmarkPassiveAuthentication(b *testing.B) {
	for i, kind := range algorithmKinds {
		c := newChain(b, kind, byte(i))
		b.Run(kind, func(b *testing.B) {
			b.ReportAllocs()
			start := processorTime()
			for b.Loop() {
				s := storeOf(b, c.country.der)
				signed, err := cms.ParseSignedData(c.sod)
				require.NoError(b, err)
				require.Equal(b, trust.Successful, s.Verify(signed, issued)[0].Finding(trust.CheckPath).Result)
			}
			b.ReportMetric(float64((processorTime()-start).Microseconds())/1000/float64(b.N), "cpu-ms/op")
		})
	}
}
