package main

import (
	"github.com/spf13/cobra"

	"passport-agent/upload/queue"
)

func (a *app) queueImportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "import FOLDER|FILE…",
		Short: "Take in items that another machine has exported",
		Long: `Takes in what queue export has written. No key is needed for it; queue flush --identity
FILE sends it then. An item that this queue has delivered before is refused.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, paths []string) error {
			report := queueReport{Schema: "passport-agent/queue-import/1", Items: []string{}}
			err := a.withQueue(func(q *queue.Queue) error {
				for _, path := range paths {
					imported, err := q.Import(cmd.Context(), path)
					for _, item := range imported {
						if item.Known {
							a.note("%s is in the queue already", item.ID)
							continue
						}
						report.Items = append(report.Items, item.ID)
					}
					if err != nil {
						return err
					}
				}
				return nil
			})
			return a.finishItems("import", report, err)
		},
	}
}
