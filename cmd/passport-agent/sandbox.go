package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"passport-agent/internal/fault"
	"passport-agent/upload/sandbox"
)

type sandboxFlags struct {
	listen       string
	limitReading string
	faults       []string
	sessions     []string
	anySession   bool
	options      sandbox.Options
}

func (a *app) sandboxCommand() *cobra.Command {
	f := &sandboxFlags{}
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Run a local stand-in of the Veriff API",
		Long: `Runs an HTTP server that answers as the Veriff API documents it: sessions, media,
submission, decisions, with their signatures, fields, formats, sizes and compression.
Its API key and secret are fixed and public; it is for demonstrations, training and
tests. Nothing is written to disk.

Faults on demand: --fault [REQUEST:]NAME[=N|=always], where REQUEST is upload (the
default), create, submit, list or decision, and NAME one of
` + strings.Join(faultNames(), ", ") + `.`,
		Example: `  passport-agent sandbox --any-session
  passport-agent sandbox --session f04bdb47-d3be-4b28-b028-a652feb060b5 --fault 500=2 --fault submit:commit-then-drop
  passport-agent sandbox --any-session --pdf --decide approved --fault late-commit=always --late-after 30s`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.sandbox(cmd, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8793", "address to listen on; port 0 takes any free one")
	flags.StringVar(&f.limitReading, "limit-reading", "body", "what the documented '500KB' counts: body, base64 or raw")
	flags.StringArrayVar(&f.faults, "fault", nil, "fail the next upload in this way, or the next N with NAME=N, all with NAME=always, other requests with REQUEST:NAME; may be repeated")
	flags.StringArrayVar(&f.sessions, "session", nil, "a session that exists; may be repeated (more come by POST /v1/sessions)")
	flags.BoolVar(&f.anySession, "any-session", false, "accept every session id")
	flags.BoolVar(&f.options.PDF, "pdf", false, "take PDF files, as an integration does for which Veriff has enabled them")
	flags.StringArrayVar(&f.options.Contexts, "context", nil, "take this context of a picture beside the documented ones; may be repeated")
	flags.StringVar(&f.options.Decide, "decide", "", "decide submitted sessions at once: approved, declined, resubmission_requested, review, expired or abandoned")
	flags.DurationVar(&f.options.LateAfter, "late-after", 5*time.Second, "when the fault late-commit commits")
	flags.DurationVar(&f.options.RetryAfter, "retry-after", 7*time.Second, "what the fault 429 asks to wait")
	flags.DurationVar(&f.options.Drip, "drip", time.Second, "pause between two bytes of the fault slow-loris")
	return cmd
}

func faultNames() []string {
	var names []string
	for _, f := range sandbox.Faults() {
		names = append(names, string(f))
	}
	return names
}

func (a *app) sandbox(cmd *cobra.Command, f *sandboxFlags) error {
	reading, err := sandbox.ParseReading(f.limitReading)
	if err != nil {
		return fault.New(fault.Usage, "--limit-reading", err)
	}
	if f.options.Decide != "" {
		if err := sandbox.ParseDecision(f.options.Decide); err != nil {
			return fault.New(fault.Usage, "--decide", err)
		}
	}
	if f.options.LateAfter < 0 || f.options.RetryAfter < 0 || f.options.Drip < 0 {
		return fault.New(fault.Usage, "--late-after, --retry-after and --drip take times that are not negative", nil)
	}
	events := &eventPrinter{app: a}
	options := f.options
	options.LimitReading, options.AnySession, options.Observe = reading, f.anySession, events.request
	server := sandbox.New(options)
	for _, id := range f.sessions {
		server.AddSession(id)
	}
	for _, text := range f.faults {
		if err := inject(server, text); err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", f.listen)
	if err != nil {
		return listenError(f.listen, err)
	}
	url := "http://" + listener.Addr().String()
	events.print(map[string]any{"event": "listening", "url": url, "apiKey": sandbox.DemoAPIKey, "apiSecret": sandbox.DemoSecret}, fmt.Sprintf(
		"Stand-in of the Veriff API. Its key and secret are public and open nothing else:\n\n"+
			"  export PASSPORT_AGENT_API_URL=%s\n  export PASSPORT_AGENT_API_KEY=%s\n  export PASSPORT_AGENT_API_SECRET=%s\n\nCtrl-C ends it.\n",
		url, sandbox.DemoAPIKey, sandbox.DemoSecret))
	if err := server.Serve(cmd.Context(), listener); err != nil {
		return fault.New(fault.Unexpected, "sandbox", err)
	}
	return nil
}

// inject plans a fault given as NAME, NAME=N or NAME=always, with a request and a
// colon before it where it is not for uploads.
func inject(server *sandbox.Server, text string) error {
	request := sandbox.Upload
	if named, rest, ok := strings.Cut(text, ":"); ok {
		var err error
		if request, err = sandbox.ParseRequest(named); err != nil {
			return fault.New(fault.Usage, "--fault", err)
		}
		text = rest
	}
	name, times, counted := strings.Cut(text, "=")
	f, err := sandbox.ParseFault(name)
	if err != nil {
		return fault.New(fault.Usage, "--fault", err)
	}
	n := 1
	if counted {
		n, err = strconv.Atoi(times)
		switch {
		case times == "always":
			n = sandbox.Always
		case err != nil || n < 1:
			return fault.New(fault.Usage, "--fault "+name+"= takes a number of requests, or always", nil)
		}
	}
	server.InjectOn(request, f, n)
	return nil
}

func listenError(address string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fault.New(fault.PortTaken, address, err)
	}
	return fault.New(fault.Usage, "--listen", err)
}

// eventPrinter prints events from many goroutines: JSON lines, or text.
type eventPrinter struct {
	app *app
	mu  sync.Mutex
}

func (p *eventPrinter) print(document any, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.app.json {
		p.app.printJSON(document)
		return
	}
	p.app.print("%s", text)
}

func (p *eventPrinter) request(e sandbox.Event) {
	outcome := strconv.Itoa(e.Status)
	switch {
	case e.Stalled:
		outcome = "stalled"
	case e.Status == 0:
		outcome = "no answer"
	}
	text := fmt.Sprintf("%s  %-5s %s  %s  %d bytes", time.Now().Format(time.TimeOnly), e.Method, e.Route, outcome, e.ReceivedBytes)
	for _, detail := range []string{e.Code, string(e.Fault), e.MediaID} {
		if detail != "" {
			text += "  " + detail
		}
	}
	p.print(struct {
		Kind string `json:"event"`
		sandbox.Event
	}{"request", e}, text)
}
