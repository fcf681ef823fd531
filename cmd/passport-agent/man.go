//go:build docs

package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"passport-agent/internal/fault"
)

// buildCommands are those of the build that makes the packages (scripts/package): the
// manual is generated from the commands, so that it says what they do.
func buildCommands() []*cobra.Command {
	return []*cobra.Command{{
		Use:    "manual FOLDER",
		Short:  "Write the manual pages of all commands into a folder",
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			date, err := time.Parse(time.DateOnly, os.Getenv("MANUAL_DATE"))
			if err != nil {
				return fault.New(fault.Usage, "MANUAL_DATE takes a date YYYY-MM-DD", nil)
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true
			return doc.GenManTree(root, &doc.GenManHeader{Section: "1", Date: &date, Source: software(), Manual: "passport-agent"}, args[0])
		},
	}}
}
