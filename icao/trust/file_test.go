package trust_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/trust"
	"passport-agent/internal/fault"
)

func kept(t *testing.T) (*trust.Store, string) {
	t.Helper()
	p := newPublisher(t, nil)
	s := storeOf(t, p.certificate.Raw, p.revoke(1, 100), p.list(issued, countries(t, "AA", "BB")), p.signerDER)
	folder := filepath.Join(t.TempDir(), "a", "b")
	require.NoError(t, s.Save(t.Context(), folder))
	return s, folder
}

func TestStoreIsKept(t *testing.T) {
	s, folder := kept(t)
	again, err := trust.Load(t.Context(), folder)
	require.NoError(t, err)
	require.Equal(t, 3, again.Len())
	require.Equal(t, 1, again.DocumentSigners())
	require.Equal(t, fingerprints(s), fingerprints(again))
	require.Equal(t, s.Lists(), again.Lists())
	require.Equal(t, s.RevocationLists()[0].Raw, again.RevocationLists()[0].Raw)
	require.NoError(t, again.Save(t.Context(), folder), "what is there is replaced")

	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		info, err := entry.Info()
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o022, "nobody else writes what is trusted")
		if filepath.Ext(entry.Name()) != ".lock" {
			require.NotZero(t, info.Mode().Perm()&0o004, "the users of a shared folder read it, wherever the folder lets them in")
		}
		names = append(names, entry.Name())
	}
	info, err := os.Stat(folder)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), "a folder that is made lets nobody else in")
	require.Len(t, names, 3, "%v: store, lock, document signers; no temporary file stays behind", names)

	empty, err := trust.Load(t.Context(), t.TempDir())
	require.NoError(t, err)
	require.Zero(t, empty.Len())
	require.True(t, empty.Date().IsZero())
}

func TestDamagedStoreIsNamed(t *testing.T) {
	_, folder := kept(t)
	path := filepath.Join(folder, "trust.json")
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	other := bytes.Clone(b)
	fingerprint := []byte(`"certificates":[{"sha256":"`)
	copy(other[bytes.Index(other, fingerprint)+len(fingerprint):], "AAAA")
	for what, c := range map[string]struct {
		content []byte
		code    fault.Code
	}{
		"empty":                     {nil, fault.TrustStoreDamaged},
		"cut off":                   {b[:len(b)/2], fault.TrustStoreDamaged},
		"no version":                {[]byte("{}"), fault.TrustStoreDamaged},
		"another fingerprint":       {other, fault.TrustStoreDamaged},
		"of a version of next year": {bytes.Replace(b, []byte(`"version":2`), []byte(`"version":3`), 1), fault.TrustStoreNewer},
	} {
		require.NotEqual(t, b, c.content, what)
		require.NoError(t, os.WriteFile(path, c.content, 0o600))
		_, err := trust.Load(t.Context(), folder)
		require.ErrorIs(t, err, c.code, what)
	}
}

func TestInterruptedSaveLeavesTheOldStore(t *testing.T) {
	s, folder := kept(t)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	before, err := os.ReadFile(filepath.Join(folder, "trust.json"))
	require.NoError(t, err)
	_, err = s.Import(countries(t, "CC")[0], trust.ImportOptions{Now: issued})
	require.NoError(t, err)
	require.ErrorIs(t, s.Save(cancelled, folder), context.Canceled)
	after, err := os.ReadFile(filepath.Join(folder, "trust.json"))
	require.NoError(t, err)
	require.Equal(t, before, after)
	_, err = trust.Load(cancelled, folder)
	require.ErrorIs(t, err, context.Canceled)

	file := filepath.Join(folder, "trust.json")
	require.ErrorIs(t, s.Save(t.Context(), file), fault.TrustStoreUnavailable, "a file in place of the folder")
	occupied := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(occupied, "trust.json", "full"), 0o700))
	require.ErrorIs(t, s.Save(t.Context(), occupied), fault.TrustStoreUnavailable)
	left, err := filepath.Glob(filepath.Join(occupied, ".writing-*"))
	require.NoError(t, err)
	require.Empty(t, left, "no temporary file stays behind")
}
