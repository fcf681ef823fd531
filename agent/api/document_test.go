package api_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/agent/api"
)

// The committed document is what integrators read: a change of the API shows in it.
// PASSPORT_AGENT_UPDATE=1 writes it.
func TestTheCommittedDocumentIsThatOfTheCode(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "openapi.json")
	if os.Getenv("PASSPORT_AGENT_UPDATE") == "1" {
		require.NoError(t, os.WriteFile(path, api.Document(), 0o644))
	}
	committed, err := os.ReadFile(path)
	require.NoError(t, err)
	written, now := strings.Split(string(committed), "\n"), strings.Split(string(api.Document()), "\n")
	for i := range min(len(written), len(now)) {
		require.Equal(t, written[i], now[i], "line %d of docs/openapi.json: run PASSPORT_AGENT_UPDATE=1 go test ./agent/api -run Committed, and look at the difference", i+1)
	}
	require.Len(t, now, len(written))

	var document struct {
		OpenAPI string                               `json:"openapi"`
		Paths   map[string]map[string]map[string]any `json:"paths"`
	}
	require.NoError(t, json.Unmarshal(committed, &document))
	require.Equal(t, "3.1.0", document.OpenAPI)
	for path, methods := range document.Paths {
		for method, operation := range methods {
			require.NotEmpty(t, operation["summary"], "%s %s", method, path)
			require.Contains(t, operation["responses"], "default", "%s %s tells its errors", method, path)
			require.NotContains(t, []string{"head", "patch"}, method)
		}
	}
}
