package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/config"
	"passport-agent/internal/fault"
	"passport-agent/internal/fuzzlimit"
)

// Whatever a file holds, what is wrong with it is told with place and mend, and the
// secret that stands in it is not told at all.
func FuzzInspect(f *testing.F) {
	f.Add([]byte(config.Template()))
	f.Add([]byte("api_url = \"https://x\"\nwait = \"5s\"\ncompression = false\nmax_nfc_bytes = 1\n"))
	f.Add([]byte("aip_url = 1\n[table]\nwait = 2\n[[list]]\n"))
	f.Add([]byte("api_secret_file = \"/dev/null\"\nprofile = \"loose\"\n"))
	f.Add([]byte("wait = \"5s\nx = \"\"\""))
	f.Add([]byte("a = [[[[[[[[[[[[[[[[[[[[\n"))
	path := filepath.Join(f.TempDir(), "config.toml")
	f.Fuzz(func(t *testing.T, content []byte) {
		if strings.Contains(string(content), "_file") {
			return // files of the machine are not the target
		}
		content = fmt.Appendf(nil, "api_secret = %q\n%s", canary, content)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		fuzzlimit.Check(t, func() {
			i := config.Inspect(path, env(nil))
			for _, p := range i.Problems {
				require.True(t, strings.HasPrefix(p.Place, path), p.Place)
				require.NotEmpty(t, p.Text)
				require.NotEmpty(t, p.Mend)
			}
			require.NotContains(t, fmt.Sprintf("%+v", i), canary)
			loaded, err := config.Load(path, env(nil))
			if len(i.Problems) > 0 {
				require.ErrorIs(t, err, fault.ConfigInvalid)
				require.NotContains(t, err.Error(), canary)
				return
			}
			require.NoError(t, err)
			require.Equal(t, canary, loaded.APISecret.Reveal())
			require.GreaterOrEqual(t, loaded.Wait, time.Duration(0))
			require.Contains(t, []string{"field", "strict"}, loaded.Profile)
		})
	})
}
