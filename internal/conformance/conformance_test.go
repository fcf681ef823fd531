package conformance_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/conformance"
	"passport-agent/internal/icaotest"
)

func load(t *testing.T) *conformance.Suite {
	t.Helper()
	suite, err := conformance.Load(filepath.Join(icaotest.Root(), "testdata", "conformance"))
	require.NoError(t, err)
	return suite
}

// Every case of the plan comes out as it asks, and docs/conformance.md says so: it is
// what scripts/conformance writes.
func TestCases(t *testing.T) {
	suite := load(t)
	require.Empty(t, suite.Missing(), "a case of the plan has no file")
	runner := conformance.NewRunner(suite)
	results := make([]conformance.Result, len(suite.Cases))
	t.Run("case", func(t *testing.T) {
		for i, c := range suite.Cases {
			t.Run(c.ID, func(t *testing.T) {
				t.Parallel()
				results[i] = runner.Run(t.Context(), c)
				require.Empty(t, results[i].Miss, c.Title)
			})
		}
	})
	t.Run("page", func(t *testing.T) {
		if slices.ContainsFunc(results, func(r conformance.Result) bool { return r.Case.ID == "" }) {
			t.Skip("a part of the cases was run, and the page is about all of them")
		}
		page, err := os.ReadFile(filepath.Join(icaotest.Root(), "docs", "conformance.md"))
		require.NoError(t, err)
		var fresh strings.Builder
		require.NoError(t, suite.WriteMarkdown(&fresh, results))
		require.Equal(t, fresh.String(), string(page), "run scripts/conformance and commit what it writes")
	})
}
