// Package docs_test holds the documentation against the code.
package docs_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/audit"
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

// The page on privacy tells every field of an audit record, and no other.
func TestEveryFieldOfTheAuditLogIsExplained(t *testing.T) {
	_, table, _ := strings.Cut(read(t, "docs/privacy.md"), "| field | what it is |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var explained, fields []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-zA-Z]+)` \\|").FindAllStringSubmatch(table, -1) {
		explained = append(explained, m[1])
	}
	record := reflect.TypeFor[audit.Record]()
	for i := range record.NumField() {
		name, _, _ := strings.Cut(record.Field(i).Tag.Get("json"), ",")
		fields = append(fields, name)
	}
	require.ElementsMatch(t, fields, explained)
}
