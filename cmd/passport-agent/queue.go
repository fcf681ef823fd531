package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"passport-agent/internal/audit"
	"passport-agent/internal/config"
	"passport-agent/internal/fault"
	"passport-agent/tap"
	"passport-agent/upload/queue"
)

func (a *app) queueCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "queue",
		Short: "Deferred uploads: list, send, let go, drop, carry to another machine; the audit log",
		Long: `What read --defer has read, and what could not be uploaded, is kept in the data
folder, encrypted, until it is in its session. The key of a day is destroyed when the
last item of that day is gone.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		a.queueListCommand(), a.queueFlushCommand(), a.queueRetryCommand(), a.queueDropCommand(),
		a.queueExportCommand(), a.queueImportCommand(), a.queueAuditCommand(),
	)
	return cmd
}

// auditLog is the log of readings and uploads; nil where there is no data folder.
func (a *app) auditLog() *audit.Log {
	dir := a.dataFolder()
	if dir == "" {
		return nil
	}
	return &audit.Log{Dir: filepath.Join(dir, "audit")}
}

// openQueue opens the queue. observe may be nil.
func (a *app) openQueue(settings config.Config, observe func(queue.Event)) (*queue.Queue, error) {
	options := queue.Options{
		Audit: a.auditLog(), Software: software(), Keys: queue.Place(settings.QueueKeys), Recipient: settings.QueueRecipient,
		Settle: settings.QueueSettle, KeepRefused: settings.QueueKeepRefused,
		Observe: func(e queue.Event) {
			if e.Kind == queue.EventKeysChosen {
				a.sayKeys(e)
			}
			if observe != nil {
				observe(e)
			}
		},
	}
	if dir := a.dataFolder(); dir != "" {
		options.Dir = filepath.Join(dir, "queue")
	}
	return queue.Open(options)
}

// sayKeys says where the keys are from now on: it is decided once and never silently.
func (a *app) sayKeys(e queue.Event) {
	if e.Place == queue.PlaceKeyring {
		a.note("The keys of deferred uploads are kept in this user's keyring from now on (queue_keys = keyring).")
		return
	}
	a.note("The keys of deferred uploads are kept in files in the data folder that only this user may read, from now on (queue_keys = file), because the keyring cannot be used: %s", e.Detail)
}

// queueReport is the document of the queue's short commands.
type queueReport struct {
	Schema string     `json:"schema"`
	Items  []string   `json:"items"`
	Error  *tap.Error `json:"error"`
}

// changeItems does something to each item named, up to the first error.
func (a *app) changeItems(what string, ids []string, do func(q *queue.Queue, id string) error) error {
	report := queueReport{Schema: "passport-agent/queue-" + what + "/1", Items: []string{}}
	err := a.withQueue(func(q *queue.Queue) error {
		for _, id := range ids {
			if err := do(q, id); err != nil {
				return err
			}
			report.Items = append(report.Items, id)
		}
		return nil
	})
	return a.finishItems(what, report, err)
}

func (a *app) withQueue(do func(*queue.Queue) error) error {
	settings, err := a.settings()
	if err != nil {
		return err
	}
	q, err := a.openQueue(settings, nil)
	if err != nil {
		return err
	}
	return do(q)
}

func (a *app) finishItems(what string, report queueReport, err error) error {
	report.Error = tap.ErrorOf(err)
	if a.json {
		a.printJSON(report)
		return asError(err)
	}
	for _, id := range report.Items {
		a.print("%-9s %s", what, id)
	}
	return asError(err)
}

// allItems returns the names of the items in one of these states.
func allItems(cmd *cobra.Command, q *queue.Queue, states ...queue.State) ([]string, error) {
	items, err := q.List(cmd.Context())
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, item := range items {
		for _, s := range states {
			if item.State == s {
				ids = append(ids, item.ID)
			}
		}
	}
	return ids, nil
}

// namedOrAll checks that either items or --all is given.
func namedOrAll(ids []string, all bool) error {
	if all == (len(ids) > 0) {
		return fault.New(fault.Usage, "name items, or give --all", nil)
	}
	return nil
}
