package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"passport-agent/tap"
	"passport-agent/upload/queue"
)

func (a *app) queueListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Show what is in the queue",
		Long: `Shows what is in the queue, oldest first: state, age, size, when it is tried next, and
where the machine can open its records, why it stands still. Nothing about the holder.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report := queueListReport{Schema: "passport-agent/queue-list/1", Items: []queue.Item{}}
			err := a.withQueue(func(q *queue.Queue) (err error) {
				report.Items, err = q.List(cmd.Context())
				return err
			})
			return a.finishQueueList(report, err)
		},
	}
}

// queueListReport is the document of `queue list --json`.
type queueListReport struct {
	Schema string       `json:"schema"`
	Items  []queue.Item `json:"items"`
	Error  *tap.Error   `json:"error"`
}

func (a *app) finishQueueList(report queueListReport, err error) error {
	report.Error = tap.ErrorOf(err)
	if a.json {
		a.printJSON(report)
		return asError(err)
	}
	for _, item := range report.Items {
		if item.State == "" { // nothing is known but its name
			a.print("%s  %s", item.ID, itemNote(item))
			continue
		}
		a.print("%s  %-9s  %s  %8d bytes  %s", item.ID, item.State, item.Created.Local().Format("2006-01-02 15:04"), item.Bytes, itemNote(item))
	}
	if err == nil && len(report.Items) == 0 {
		a.print("The queue is empty")
	}
	return asError(err)
}

func itemNote(item queue.Item) string {
	note := string(item.Reason)
	switch {
	case item.Damaged:
		note = "damaged"
	case item.State == queue.Uncertain:
		note += ", decided from " + item.NextAttempt.Local().Format(time.TimeOnly)
	case item.State == queue.Waiting && note != "":
		note += ", next try " + item.NextAttempt.Local().Format(time.DateTime)
	}
	if item.LostSessions > 0 {
		note += fmt.Sprintf(", %d empty sessions may be left at the service", item.LostSessions)
	}
	return note
}
