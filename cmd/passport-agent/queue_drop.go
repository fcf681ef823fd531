package main

import (
	"github.com/spf13/cobra"

	"passport-agent/upload/queue"
)

func (a *app) queueDropCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "drop ITEM…",
		Short: "Erase items without sending them",
		Long: `Erases items. What was read is gone then; the audit log says so. An item that may have
arrived in its session needs --force.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return a.changeItems("drop", ids, func(q *queue.Queue, id string) error { return q.Drop(cmd.Context(), id, force) })
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "also where it is not known whether the item has arrived")
	return cmd
}
