package trust_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/trust"
	"passport-agent/internal/fault"
	"passport-agent/internal/format/golden"
)

var writeGolden = flag.Bool("golden", false, "write the golden files of the present format, where there are none")

const goldenNow = "testdata/format-2" // of the present format

// TestGoldenIsWritten makes, with -golden, a store that has one of everything.
func TestGoldenIsWritten(t *testing.T) {
	if !*writeGolden {
		t.Skip("golden files are written once for each version of the format, with -golden")
	}
	require.NoDirExists(t, goldenNow, "what a version has written is never changed")
	p, d := newPublisher(t, nil), newDefective(t)
	s := storeOf(t, p.certificate.Raw, p.revoke(1, 100), p.list(issued, countries(t, "AA", "BB")), p.signerDER)
	_, err := s.Import(d.list(0, issued, d.defect([][]byte{d.issuerAndSerial(d.signer)}, d.known(status(t, 3), 1, 1))), d.root())
	require.NoError(t, err)
	require.NoError(t, s.Save(t.Context(), goldenNow))
	require.NoError(t, os.Remove(filepath.Join(goldenNow, "trust.lock")))
}

// A store of any version has what it had, and is saved as the present one.
func TestStoresOfEveryVersionAreRead(t *testing.T) {
	for _, from := range golden.Versions(t, goldenNow) {
		t.Run(filepath.Base(from), func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "trust")
			golden.Copy(t, from, folder)
			var before map[string][]string
			for _, when := range []string{"as it was", "as it is saved"} {
				s, err := trust.Load(t.Context(), folder)
				require.NoError(t, err, when)
				require.Equal(t, 3, s.Len(), when)
				require.Equal(t, 1, s.DocumentSigners(), when)
				require.Len(t, s.Lists(), 1, when)
				require.Equal(t, "UT", s.Lists()[0].Publisher, when)
				require.Equal(t, 2, s.Lists()[0].Certificates, when)
				require.Len(t, s.RevocationLists(), 1, when)
				if from != "testdata/format-1" { // which had none
					require.Len(t, s.DefectLists(), 1, when)
					require.Equal(t, 1, s.DefectLists()[0].Defects, when)
				}
				if before != nil {
					require.Equal(t, before, fingerprints(s))
				}
				before = fingerprints(s)
				_, err = trust.Update(t.Context(), folder, func(*trust.Store) error { return nil })
				require.NoError(t, err, when)
			}
		})
	}
}

// A field that comes, goes or is called otherwise makes another format.
func TestTheFormatIsThatOfTheGoldenFile(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(goldenNow, trust.FileName))
	require.NoError(t, err)
	golden.RequireFields(t, b, trust.StoredFormat)
}

// After a downgrade the store is of a version that this one does not know: it is told
// and left as it is, whatever its shape.
func TestAStoreOfANewerVersionIsLeftAlone(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, trust.FileName)
	const content = `{"version": 99, "lists": "elsewhere", "certificates": 5}`
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	_, err := trust.Load(t.Context(), folder)
	require.ErrorIs(t, err, fault.TrustStoreNewer)
	require.ErrorContains(t, err, path)
	_, err = trust.Update(t.Context(), folder, func(*trust.Store) error { return nil })
	require.ErrorIs(t, err, fault.TrustStoreNewer)
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, content, string(b))
}
