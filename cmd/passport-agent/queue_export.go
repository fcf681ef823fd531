package main

import (
	"github.com/spf13/cobra"

	"passport-agent/internal/fault"
	"passport-agent/upload/queue"
)

func (a *app) queueExportCommand() *cobra.Command {
	var out, recipient string
	cmd := &cobra.Command{
		Use:   "export --out DIR [ITEM…]",
		Short: "Copy items, encrypted, to carry them to another machine",
		Long: `Copies items into a folder, each as a file that the age tool opens (age -d -i KEY
ITEM.age | tar x) and a small record beside it. Items sealed to the organisation's
recipient (queue_recipient) are copied as they are; others are encrypted anew to
--recipient. Without names it copies all that wait, are held, refused or expired.

This machine does not send them any more: drop them when the other machine has
delivered them, or take them back with queue retry.`,
		Example: `  passport-agent queue export --out /media/stick/items`,
		RunE: func(cmd *cobra.Command, ids []string) error {
			if out == "" {
				return fault.New(fault.Usage, "--out is required", nil)
			}
			report := queueReport{Schema: "passport-agent/queue-export/1", Items: []string{}}
			err := a.withQueue(func(q *queue.Queue) error {
				exported, err := q.Export(cmd.Context(), out, recipient, ids)
				report.Items = append(report.Items, exported...)
				return err
			})
			return a.finishItems("export", report, err)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "folder to copy to (required)")
	cmd.Flags().StringVar(&recipient, "recipient", "", "age recipient (age1…) to encrypt to what is sealed to this machine's keys")
	return cmd
}
