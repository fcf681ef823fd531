package docs_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/icaotest"
)

var link = regexp.MustCompile(`\]\(([^) ]+)\)`)

// Links between the pages lead to files and headings that are there.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, page := range pages(t) {
		_, prose := codeBlocks(t, page)
		for _, m := range link.FindAllStringSubmatch(strings.Join(prose, "\n"), -1) {
			target := m[1]
			if strings.HasPrefix(target, "https://") {
				continue // other people's pages: this test has no network
			}
			require.NotContains(t, target, "://", "%s", page)
			file, anchor, anchored := strings.Cut(target, "#")
			if file == "" {
				file = path.Base(page)
			}
			file = path.Join(path.Dir(page), file)
			_, err := os.Stat(filepath.Join(icaotest.Root(), file))
			require.NoError(t, err, "%s links to %s", page, target)
			if anchored {
				require.True(t, anchors(t, file)[anchor], "%s links to %s, and %s has no such heading", page, target, file)
			}
		}
	}
}

// Every page of docs/ is found from the README.
func TestEveryPageIsFoundFromTheReadme(t *testing.T) {
	readme := read(t, "README.md")
	for _, page := range pages(t) {
		if page != "README.md" {
			require.Contains(t, readme, "]("+page+")", "nobody finds it")
		}
	}
}
