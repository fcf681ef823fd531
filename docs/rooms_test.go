package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/icaotest"
)

// The table of the architecture says of each room what the linter lets it import.
func TestTheTableOfRoomsIsThatOfTheLinter(t *testing.T) {
	rows := map[string]string{} // what a room may import
	for _, m := range regexp.MustCompile("(?m)^\\| (`[^|]+) \\|[^|]+\\| ([^|]+) \\|$").FindAllStringSubmatch(read(t, "docs/architecture.md"), -1) {
		for _, room := range strings.Split(m[1], ", ") {
			room = strings.Trim(room, "`/")
			require.NotContains(t, rows, room, "a room stands twice")
			rows[room] = m[2]
		}
	}
	rules := regexp.MustCompile(`(?m)^ +list-mode: strict\n +files: \[(.*)\]\n +allow: \[(.*)\]$`).FindAllStringSubmatch(read(t, ".golangci.yml"), -1)
	require.Greater(t, len(rules), 20, "the linter's rules are not understood")
	for _, rule := range rules {
		for _, file := range regexp.MustCompile(`"\*\*/([^"]+)/\*\.go"`).FindAllStringSubmatch(rule[1], -1) {
			room := file[1]
			if strings.HasPrefix(room, "internal/conformance") && room != "internal/conformance/edit" {
				continue // a tool: below the table
			}
			require.Contains(t, rows, room)
			require.Equal(t, imports(t, rule[2]), rows[room], "what %s may import", room)
		}
	}
}

// imports turns what the linter allows into what the table says: … stands for the
// rooms below.
func imports(t *testing.T, allow string) string {
	t.Helper()
	var names []string
	for _, one := range strings.Split(allow, ", ") {
		room, ours := strings.CutPrefix(one, "passport-agent/")
		switch {
		case one == "$gostd":
		case !ours:
			names = append(names, regexp.MustCompile(`^(github\.com/[^/]+|golang\.org|filippo\.io)/|/v[0-9]+$`).ReplaceAllString(one, ""))
		case strings.HasSuffix(room, "$"):
			names = append(names, strings.TrimSuffix(room, "$"))
		case hasRooms(t, room):
			names = append(names, room+"/…")
		default:
			names = append(names, room)
		}
	}
	if len(names) == 0 {
		return "–"
	}
	return strings.Join(names, ", ")
}

func hasRooms(t *testing.T, room string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(icaotest.Root(), room, "*", "*.go"))
	require.NoError(t, err)
	for _, file := range files {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		if !strings.HasSuffix(file, "_test.go") && len(b) > 0 {
			return true
		}
	}
	return false
}

// A merge of two branches easily leaves what both have changed twice.
func TestNothingStandsTwice(t *testing.T) {
	for _, page := range pages(t) {
		_, prose := codeBlocks(t, page)
		items, rows := map[string]bool{}, map[string]bool{}
		for _, line := range prose {
			if strings.HasPrefix(line, "- ") {
				require.False(t, items[line], "%s has this item twice: %s", page, line)
				items[line] = true
			}
			if !strings.HasPrefix(line, "| ") {
				rows = map[string]bool{} // the table has ended
				continue
			}
			first, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
			require.False(t, rows[first] && strings.HasPrefix(first, "`"), "%s has two rows for %s", page, first)
			rows[first] = true
		}
	}
}
