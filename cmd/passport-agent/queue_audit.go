package main

import (
	"github.com/spf13/cobra"

	"passport-agent/internal/audit"
	"passport-agent/internal/fault"
	"passport-agent/tap"
)

func (a *app) queueAuditCommand() *cobra.Command {
	var expect string
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Check the audit log of readings and uploads, and print its head",
		Long: `Checks that each record of the audit log follows the one before, and prints the head:
the SHA-256 of the newest record. Note the head somewhere else from time to time: with
--expect-head it also shows where records at the end were taken away. A log that has
grown since then passes.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			report := auditReport{Schema: "passport-agent/audit/1"}
			log := a.auditLog()
			if log == nil {
				return fault.New(fault.ConfigInvalid, "there is no data folder: give --data-dir", nil)
			}
			state, err := log.Verify(expect, nil)
			report.State, report.Error = state, tap.ErrorOf(err)
			if a.json {
				a.printJSON(report)
			} else if err == nil {
				a.print("Audit     %s  %d records, from number %d", a.colour(green, "✓ whole"), state.Records, state.First)
				a.print("Head      %s", state.Head)
				if state.Newer > 0 {
					a.note("%d records were written by a newer version of the agent: they are in the chain, and this one may not know all that they say.", state.Newer)
				}
			}
			return asError(err)
		},
	}
	cmd.Flags().StringVar(&expect, "expect-head", "", "a head that was noted before and has to be in the log")
	return cmd
}

// auditReport is the document of `queue audit --json`.
type auditReport struct {
	Schema string `json:"schema"`
	audit.State
	Error *tap.Error `json:"error"`
}
