package api_test

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/agent/api"
	"passport-agent/internal/fault"
	"passport-agent/internal/format/golden"
)

// A program finds the agent that runs, also where one of them was updated before the
// other.
func TestPortFilesOfEveryVersionAreRead(t *testing.T) {
	const now = "testdata/format-1" // the present format
	for _, folder := range golden.Versions(t, now) {
		path := filepath.Join(folder, "agent.json")
		f, err := api.ReadPortFile(path)
		require.NoError(t, err, folder)
		require.Equal(t, api.PortFile{Version: f.Version, PID: 4711, Port: 24770, URL: "http://127.0.0.1:24770", Token: "golden-token"}, f)
		if folder != now {
			continue
		}
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		golden.RequireFields(t, b, reflect.TypeFor[api.PortFile]())
		written := filepath.Join(t.TempDir(), "agent.json")
		require.NoError(t, f.Write(written))
		again, err := os.ReadFile(written)
		require.NoError(t, err)
		require.Equal(t, string(b), string(again))
	}
}

func TestAPortFileOfANewerAgentIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"version": 99, "port": "a pipe"}`), 0o600))
	_, err := api.ReadPortFile(path)
	require.ErrorIs(t, err, fault.FileNewer)
	require.ErrorContains(t, err, path)
}
