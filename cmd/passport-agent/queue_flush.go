package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"passport-agent/internal/fault"
	"passport-agent/tap"
	"passport-agent/upload/queue"
)

type flushFlags struct {
	identity   string
	untilEmpty bool
	follow     bool
	api        apiFlags
}

func (a *app) queueFlushCommand() *cobra.Command {
	f := &flushFlags{}
	cmd := &cobra.Command{
		Use:   "flush",
		Short: "Send what is in the queue",
		Long: `Sends what waits in the queue: the session's media list is looked at before each send,
and after an answer was lost the list decides, some time later (queue_settle), whether
anything is sent again. Each item is tried once; --until-empty goes on until all is
sent, --follow goes on for ever and sends what comes in meanwhile. One process at a
time can do this.

With --json a line is printed per event, and at the end a line with the counts.

Exit status: 0 all that was to be sent is delivered, 8 something was refused for good
or has expired, 9 something is left for later, 2 another process sends, or this
machine cannot open what it has queued, or a newer version has queued all that is left.`,
		Example: `  passport-agent queue flush
  passport-agent queue flush --identity organisation.key --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.queueFlush(cmd, f) },
	}
	f.api.register(cmd)
	cmd.Flags().StringVar(&f.identity, "identity", "", "age identity file that opens what was sealed to an organisation's recipient")
	cmd.Flags().BoolVar(&f.untilEmpty, "until-empty", false, "go on until everything is sent")
	cmd.Flags().BoolVar(&f.follow, "follow", false, "go on for ever")
	cmd.MarkFlagsMutuallyExclusive("until-empty", "follow")
	return cmd
}

// flushReport is the last line of `queue flush --json`.
type flushReport struct {
	Event string `json:"event"`
	queue.Summary
	Error *tap.Error `json:"error"`
}

func (a *app) queueFlush(cmd *cobra.Command, f *flushFlags) error {
	printer := &flushPrinter{app: a, progress: a.newProgress()}
	summary, err := a.flush(cmd, f, printer)
	printer.progress.end()
	if err == nil {
		err = leftError(summary)
	}
	if a.json {
		a.printJSON(flushReport{"end", summary, tap.ErrorOf(err)})
	} else {
		a.print("Queue     %d delivered, %d refused or expired, %d left, %d that cannot be opened", summary.Delivered, summary.Refused, summary.Left, summary.Aside)
	}
	return asError(err)
}

func leftError(s queue.Summary) error {
	switch {
	case s.Refused > 0:
		return fault.New(fault.QueueLost, fmt.Sprintf("%d items", s.Refused), nil)
	case s.Newer > 0 && s.Newer == s.Left+s.Aside:
		return fault.New(fault.QueueNewer, fmt.Sprintf("%d items", s.Newer), nil)
	case s.Left+s.Aside > 0:
		return fault.New(fault.QueueLeft, fmt.Sprintf("%d items, and %d that cannot be opened", s.Left, s.Aside), nil)
	default:
		return nil
	}
}

func (a *app) flush(cmd *cobra.Command, f *flushFlags, printer *flushPrinter) (queue.Summary, error) {
	settings, err := a.settings()
	if err != nil {
		return queue.Summary{}, err
	}
	q, err := a.openQueue(settings, printer.observe)
	if err != nil {
		return queue.Summary{}, err
	}
	options := queue.WorkOptions{Parallel: settings.QueueParallel}
	switch {
	case f.untilEmpty:
		options.Until = queue.UntilEmpty
	case f.follow:
		options.Until = queue.UntilStopped
	}
	if f.identity != "" {
		options.Identities, err = readIdentities(f.identity)
	} else {
		// Before the settings of the API are missed, which a kiosk does not have.
		err = q.CanSend()
	}
	if err != nil {
		return queue.Summary{}, err
	}
	client, err := f.api.client(settings)
	if err != nil {
		return queue.Summary{}, err
	}
	options.Client = queue.API(client)
	return q.Work(cmd.Context(), options)
}

// maxIdentityFile is the largest identity file that is read, in bytes.
const maxIdentityFile = 64 << 10

func readIdentities(path string) ([]age.Identity, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fault.New(fault.InputFileMissing, "", err)
	}
	if info.Size() > maxIdentityFile {
		return nil, fault.New(fault.QueueIdentityInvalid, path, nil)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.New(fault.InputFileMissing, "", err)
	}
	return queue.ParseIdentities(b)
}

// flushPrinter prints the queue's events, which come from several goroutines.
type flushPrinter struct {
	app      *app
	mu       sync.Mutex
	progress *progress
}

func (p *flushPrinter) observe(e queue.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Kind == queue.EventSending {
		p.progress.move("Uploading", e.Done, e.Total)
		return
	}
	if p.app.json {
		p.app.printJSON(e)
	}
	if text := flushSentence(e); text != "" {
		p.progress.say(text)
	}
}

// flushSentence says what an event means to the person who waits.
func flushSentence(e queue.Event) string {
	name := e.Item
	switch e.Kind {
	case queue.EventDelivered:
		return name + " is delivered"
	case queue.EventArrived:
		return name + ": the session has it already, it is not sent again"
	case queue.EventResent:
		return name + ": the session does not have it, it is sent again"
	case queue.EventUncertain:
		return name + ": the answer was lost; the session's media list decides at " + e.Next.Local().Format(time.TimeOnly)
	case queue.EventLater:
		return fmt.Sprintf("%s: not now (%s), next try %s", name, e.Code, e.Next.Local().Format(time.TimeOnly))
	case queue.EventRefused, queue.EventExpired:
		return fmt.Sprintf("%s: not taken (%s); see queue list", name, e.Code)
	case queue.EventDamaged:
		return fmt.Sprintf("%s cannot be opened (%s)", name, e.Code)
	case queue.EventSurplus:
		return name + ": " + e.Detail
	case queue.EventLostSession:
		return name + ": a session was created whose id was lost; it stays empty and expires"
	case queue.EventPaused:
		return fmt.Sprintf("The queue is paused (%s): nothing is sent until that is mended", e.Code)
	case queue.EventResumed:
		return "The queue goes on"
	default:
		return ""
	}
}
