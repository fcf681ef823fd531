// Package docs_test holds the documentation against the code.
package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/config"
	"passport-agent/internal/icaotest"
)

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(icaotest.Root(), name))
	require.NoError(t, err)
	return string(b)
}

func TestEveryDirectDependencyHasItsReason(t *testing.T) {
	page := read(t, "docs/dependencies.md")
	required, _, _ := strings.Cut(read(t, "go.mod"), "\n)\n")
	modules := regexp.MustCompile(`(?m)^\t(\S+) (\S+)$`).FindAllStringSubmatch(required, -1)
	require.NotEmpty(t, modules)
	for _, m := range modules {
		require.Regexp(t, `(?m)^\| `+regexp.QuoteMeta(m[1])+` \| `+regexp.QuoteMeta(m[2])+` \| .{20,}\|$`, page)
	}
	require.Equal(t, len(modules), strings.Count(page, "\n| ")-1, "the page names a module that go.mod does not require")
}

func TestEverySettingIsDocumented(t *testing.T) {
	page := read(t, "docs/cli.md")
	for _, key := range config.Keys() {
		require.Contains(t, page, "| `"+key.Name+"` |")
	}
}

func TestEveryRoomIsInTheArchitecture(t *testing.T) {
	page := read(t, "docs/architecture.md")
	for _, pattern := range []string{"*/*.go", "*/*/*.go", "*/*/*/*.go"} {
		files, err := filepath.Glob(filepath.Join(icaotest.Root(), pattern))
		require.NoError(t, err)
		for _, file := range files {
			room, err := filepath.Rel(icaotest.Root(), filepath.Dir(file))
			require.NoError(t, err)
			if room == "docs" {
				continue
			}
			require.Contains(t, page, "`"+filepath.ToSlash(room), "a room that the page does not know")
		}
	}
}

// Links between the pages lead somewhere.
func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	for _, page := range []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/architecture.md", "docs/cli.md", "docs/dependencies.md"} {
		for _, m := range link.FindAllStringSubmatch(read(t, page), -1) {
			_, err := os.Stat(filepath.Join(icaotest.Root(), filepath.Dir(page), m[1]))
			require.NoError(t, err, page)
		}
	}
}
