package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/internal/icaotest"
)

// The committed page is what scripts/troubleshooting would write now.
func TestThePageIsThatOfTheCodes(t *testing.T) {
	committed, err := os.ReadFile(filepath.Join(icaotest.Root(), "docs", "troubleshooting.md"))
	require.NoError(t, err)
	require.Equal(t, string(page(fault.All())), string(committed), "run scripts/troubleshooting and commit its page")
}

func TestEveryCodeIsFoundByItsStatusAndByItsName(t *testing.T) {
	text := string(page([]fault.Entry{
		{Code: "lost", Exit: 4, Cause: "It is lost.", NextStep: "Look for it."},
		{Code: "broken", Exit: 4, Cause: "It is broken.", NextStep: "Mend it."},
		{Code: "late", Exit: 2, Cause: "It is late.", NextStep: "Hurry."},
	}))
	require.Contains(t, text, "| 2 | [late](#late) |\n| 4 | [broken](#broken), [lost](#lost) |\n")
	require.Contains(t, text, "\n## lost\n\nIt is lost. Exit status 4.\n\n**What to do:** Look for it.\n")
}
