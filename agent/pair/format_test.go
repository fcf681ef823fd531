package pair_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/agent/pair"
	"passport-agent/internal/fault"
	"passport-agent/internal/format/golden"
)

const goldenNow = "testdata/format-1" // of the present format

// What a person has confirmed under any version counts still, and after a pairing is
// added or revoked.
func TestPairingsOfEveryVersionCount(t *testing.T) {
	for _, from := range golden.Versions(t, goldenNow) {
		t.Run(filepath.Base(from), func(t *testing.T) {
			dir := t.TempDir()
			golden.Copy(t, from, filepath.Join(dir, "data"))
			store := filepath.Join(dir, "data", "pairings.json")
			g, _ := newGuard(t, pair.Options{Store: store})
			require.NoError(t, g.Newer())
			require.Len(t, g.Pairings(), 1)
			require.Equal(t, "Shop desk", g.Pairings()[0].Name)
			p, secret, err := g.Request(origin, "second")
			require.NoError(t, err)
			require.NoError(t, g.Confirm(p.ID, p.Code))
			token, err := g.Token(p.ID, secret, origin)
			require.NoError(t, err)
			for range 2 {
				for _, token := range []string{"golden-token", token} {
					caller, status := who(g, bearing(token, origin))
					require.Equal(t, 200, status)
					require.Equal(t, pair.Origin, caller.Kind)
				}
				_, status := who(g, bearing("golden-token", "https://another.example"))
				require.Equal(t, 403, status, "it counts for its own origin only")
				g, _ = newGuard(t, pair.Options{Store: store})
			}
		})
	}
}

// A field that comes, goes or is called otherwise makes another format.
func TestTheFormatIsThatOfTheGoldenFile(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(goldenNow, "pairings.json"))
	require.NoError(t, err)
	golden.RequireFields(t, b, pair.StoredFormat)
}

// After a downgrade the pairings are of a version that this one does not know. They stay
// as they are, the agent's own page and programs of the user go on, and a page that was
// paired is not told that its token is worth nothing, for which it would ask a person
// to confirm it again.
func TestPairingsOfANewerVersionAreLeftAlone(t *testing.T) {
	store := filepath.Join(t.TempDir(), "pairings.json")
	const content = `{"version": 99, "pairings": {"of": "another shape"}}`
	require.NoError(t, os.WriteFile(store, []byte(content), 0o600))
	g, _ := newGuard(t, pair.Options{Store: store, Local: "local-token"})
	require.ErrorIs(t, g.Newer(), fault.FileNewer)
	require.ErrorContains(t, g.Newer(), store)

	_, status := who(g, bearing("golden-token", origin))
	require.Equal(t, 409, status)
	_, _, err := g.Request(origin, "Shop desk")
	require.ErrorIs(t, err, fault.FileNewer, "before a person confirms what cannot be kept")
	require.Error(t, g.Revoke("bm90LXJhbmRvbS1pZA"))
	b, err := os.ReadFile(store)
	require.NoError(t, err)
	require.Equal(t, content, string(b))

	caller, status := who(g, func(r *http.Request) { r.Header.Set("Authorization", "Bearer local-token") })
	require.Equal(t, 200, status)
	require.Equal(t, pair.Local, caller.Kind)
	code, err := g.Link()
	require.NoError(t, err)
	_, err = g.Open(code)
	require.NoError(t, err)
}
