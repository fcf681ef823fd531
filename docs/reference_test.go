package docs_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/icaotest"
)

var update = flag.Bool("update", false, "write the list of commands and flags into docs/cli.md")

const (
	referenceBegins = "<!-- Written by `go test ./docs -run Reference -update` -->\n"
	referenceEnds   = "<!-- end -->\n"
)

// The list of commands and flags is what --help says, word for word.
func TestReferenceOfCommandsAndFlags(t *testing.T) {
	page := read(t, "docs/cli.md")
	before, rest, begins := strings.Cut(page, referenceBegins)
	committed, after, ends := strings.Cut(rest, referenceEnds)
	require.True(t, begins && ends, "docs/cli.md has no place for the list")
	written := reference(commands(t))
	if *update {
		require.NoError(t, os.WriteFile(filepath.Join(icaotest.Root(), "docs", "cli.md"), []byte(before+referenceBegins+written+referenceEnds+after), 0o644))
		return
	}
	require.Equal(t, written, committed, "run go test ./docs -run Reference -update")
}

func reference(all []commandHelp) string {
	var b strings.Builder
	cell := strings.NewReplacer("|", `\|`, "<", "&lt;")
	for _, c := range all {
		if c.path == "" {
			b.WriteString("\n### Flags of every command\n")
		} else {
			fmt.Fprintf(&b, "\n### passport-agent %s\n\n%s.\n", c.path, strings.TrimSuffix(c.short, "."))
		}
		if len(c.flags) == 0 {
			continue
		}
		b.WriteString("\n| flag | meaning |\n|---|---|\n")
		for _, f := range c.flags {
			fmt.Fprintf(&b, "| `--%s` | %s |\n", f.name, cell.Replace(f.meaning))
		}
	}
	b.WriteByte('\n')
	return b.String()
}

// The table at the top, which says what a command is for, has all of them.
func TestEveryCommandIsInTheTable(t *testing.T) {
	table, _, _ := strings.Cut(read(t, "docs/cli.md"), "\n## ")
	for _, c := range commands(t) {
		require.Contains(t, table, "`"+c.path, "the table does not tell what it is for")
	}
}
