package main

import (
	"github.com/spf13/cobra"

	"passport-agent/upload/queue"
)

func (a *app) queueRetryCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "retry ITEM…",
		Short: "Let items be sent that are held, refused, expired or exported",
		Long: `Lets items be sent again: those that --on-failed hold has kept, that were refused or
have expired, that were exported, or that wait for a later time. It works while
another process sends.`,
		RunE: func(cmd *cobra.Command, ids []string) error {
			if err := namedOrAll(ids, all); err != nil {
				return err
			}
			if all {
				err := a.withQueue(func(q *queue.Queue) (err error) {
					ids, err = allItems(cmd, q, queue.Held, queue.Refused, queue.Expired, queue.Waiting)
					return err
				})
				if err != nil {
					return err
				}
			}
			return a.changeItems("retry", ids, func(q *queue.Queue, id string) error { return q.Retry(cmd.Context(), id) })
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all that are held, refused, expired or wait")
	return cmd
}
