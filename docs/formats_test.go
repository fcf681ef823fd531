package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/icaotest"
)

// The page tells the version of every file that the program keeps: that of the newest
// golden files of the room which writes it.
func TestTheVersionsOfFilesAreThoseOfTheGoldenFiles(t *testing.T) {
	rooms := map[string]string{
		"queue/items/*": "upload/queue", "trust/trust.json": "icao/trust", "audit/*.jsonl": "internal/audit", "pairings.json": "agent/pair",
		"chips.json": "icao", "agent.json": "agent/api", "evidence.json": "tap",
	}
	_, table, _ := strings.Cut(read(t, "docs/administrators.md"), "## Files and their versions\n")
	table, _, _ = strings.Cut(table, "\n## ")
	told := map[string]int{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)`[^|]* \\| ([0-9]+) \\|").FindAllStringSubmatch(table, -1) {
		room, known := rooms[m[1]]
		require.True(t, known, "%s has no golden files", m[1])
		told[room], _ = strconv.Atoi(m[2])
	}
	golden := map[string]int{}
	require.NoError(t, filepath.WalkDir(icaotest.Root(), func(path string, d os.DirEntry, err error) error {
		require.NoError(t, err)
		number, is := strings.CutPrefix(d.Name(), "format-")
		if !d.IsDir() || !is || filepath.Base(filepath.Dir(path)) != "testdata" {
			return nil
		}
		n, err := strconv.Atoi(number)
		require.NoError(t, err)
		room, err := filepath.Rel(icaotest.Root(), filepath.Dir(filepath.Dir(path)))
		require.NoError(t, err)
		golden[filepath.ToSlash(room)] = max(golden[filepath.ToSlash(room)], n)
		return filepath.SkipDir
	}))
	require.Equal(t, golden, told)
}
