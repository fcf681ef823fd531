package conformance_test

import (
	"path/filepath"
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

// Every case of the plan comes out as it asks.
func TestCases(t *testing.T) {
	suite := load(t)
	runner := conformance.NewRunner(suite)
	for _, c := range suite.Cases {
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			require.Empty(t, runner.Run(t.Context(), c).Miss, c.Title)
		})
	}
}
