package conformance

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/verdict"
	"passport-agent/internal/icaotest"
)

// What strict minds in how EF.SOD and its certificates are written, field lets pass: no
// check fails, though a signature that cannot be verified proves nothing.
func TestFieldToleratesHowAnIssuerWrites(t *testing.T) {
	suite, err := Load(filepath.Join(icaotest.Root(), "testdata", "conformance"))
	require.NoError(t, err)
	b := &builder{folder: suite.folder}
	checked := 0
	for _, c := range suite.Cases {
		kind, _, _ := strings.Cut(c.Fails, ":")
		if kind != "sod_conformity" && kind != "signer_conformity" && kind != "atr_info_conformity" {
			continue
		}
		checked++
		t.Run(c.ID, func(t *testing.T) {
			s, err := parseSpecimen(c.Document, c.Deviation)
			require.NoError(t, err)
			o, err := b.read(t.Context(), s, verdict.Field)
			require.NoError(t, err)
			require.Empty(t, o.failed, o.String())
			require.Empty(t, o.code)
			require.Empty(t, o.broken)
		})
	}
	require.Greater(t, checked, 20)
}
