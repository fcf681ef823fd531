package docs_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/icaotest"
)

// pages are what people read, relative to the folder of the project.
func pages(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(icaotest.Root(), "docs", "*.md"))
	require.NoError(t, err)
	require.NotEmpty(t, found)
	names := []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md"}
	for _, path := range found {
		names = append(names, "docs/"+filepath.Base(path))
	}
	return names
}

// block is a block of code of a page. What is indented is shell; what is fenced names
// its language.
type block struct {
	page     string
	line     int // of its first line, from 1
	language string
	lines    []string
}

func (b block) at(line int) string { return fmt.Sprintf("%s:%d", b.page, b.line+line) }

// codeBlocks returns the blocks of code of a page, and the rest of its lines.
func codeBlocks(t *testing.T, page string) (blocks []block, prose []string) {
	t.Helper()
	lines := strings.Split(read(t, page), "\n")
	after := "" // the line before
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		fence := strings.TrimLeft(line, " ")
		switch {
		case strings.HasPrefix(fence, "```"):
			b := block{page: page, line: i + 2, language: strings.TrimPrefix(fence, "```")}
			indent := len(line) - len(fence)
			for i++; i < len(lines) && !strings.HasPrefix(strings.TrimLeft(lines[i], " "), "```"); i++ {
				b.lines = append(b.lines, strings.TrimPrefix(lines[i], strings.Repeat(" ", indent)))
			}
			require.Less(t, i, len(lines), "%s: a fence that does not end", b.at(0))
			blocks = append(blocks, b)
		case strings.HasPrefix(line, "    ") && after == "":
			b := block{page: page, line: i + 1, language: "sh"}
			for ; i < len(lines) && (strings.HasPrefix(lines[i], "    ") || lines[i] == ""); i++ {
				b.lines = append(b.lines, strings.TrimPrefix(lines[i], "    "))
			}
			i--
			blocks = append(blocks, b)
			line = lines[i]
		default:
			prose = append(prose, line)
		}
		after = line
	}
	return blocks, prose
}

var heading = regexp.MustCompile(`^#{1,6} +(.*)$`)

// anchors returns what a link into a page may name, as the places where people read
// the pages make it from headings.
func anchors(t *testing.T, page string) map[string]bool {
	t.Helper()
	_, prose := codeBlocks(t, page)
	found := map[string]bool{}
	for _, line := range prose {
		m := heading.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			default:
				return -1
			}
		}, m[1])
		require.False(t, found[anchor], "%s has two headings with the anchor %s", page, anchor)
		found[anchor] = true
	}
	return found
}
