package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"passport-agent/agent"
	"passport-agent/agent/api"
	"passport-agent/agent/pair"
	"passport-agent/agent/web"
	"passport-agent/internal/audit"
	"passport-agent/internal/config"
	"passport-agent/internal/fault"
	"passport-agent/internal/portrait"
	"passport-agent/tap"
	"passport-agent/upload"
	"passport-agent/upload/media"
	"passport-agent/upload/queue"
)

type serveFlags struct {
	listen       string
	allowOrigin  []string
	kiosk        bool
	openBrowser  bool
	link         bool
	reader       string
	wait         time.Duration
	keep         time.Duration
	onFailed     string
	profile      string
	requireTrust bool
	noResume     bool
	probe        bool
	noChip       bool
	api          apiFlags
}

func (a *app) serveCommand() *cobra.Command {
	f := &serveFlags{}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the agent: the page for desks and kiosks, and the local API",
		Long: `Runs until Ctrl-C: watches the readers, serves the page and the local API on this
machine alone, and prints a one-time link that opens the page. Readings under way
are ended cleanly at the end, uploads are waited for; a second Ctrl-C ends at once.

Web pages of other origins call the API after they were named with --allow-origin
and a person has confirmed a code once (docs/integrators.md). Programs of the same
user find port and token in agent.json in the data folder.`,
		Example: `  passport-agent serve
  passport-agent serve --allow-origin https://desk.example
  passport-agent serve --kiosk --listen 127.0.0.1:0 --json
  passport-agent serve --link`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.link {
				return a.newLink(cmd.Context())
			}
			return a.serve(cmd, f)
		},
	}
	f.api.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "", "loopback address and port to listen on, on both 127.0.0.1 and ::1; port 0 takes any free one (default 127.0.0.1:24770)")
	flags.StringArrayVar(&f.allowOrigin, "allow-origin", nil, "origin of a web page that may ask to be paired, such as https://desk.example; may be repeated")
	flags.BoolVar(&f.kiosk, "kiosk", false, "the page is a kiosk's: it reads documents and administers nothing")
	flags.BoolVar(&f.openBrowser, "open-browser", false, "open the page in the browser")
	flags.BoolVar(&f.link, "link", false, "print a new one-time link to the agent that runs, and end")
	flags.StringVar(&f.reader, "reader", "", "name of the reader, or a part of it, for readings that name none (default: the first with a document)")
	flags.DurationVar(&f.wait, "wait", 30*time.Second, "how long readings wait for a document unless they say otherwise")
	flags.DurationVar(&f.keep, "keep-personal-data", agent.DefaultKeep, "how long personal data is kept after the end of a reading")
	flags.StringVar(&f.onFailed, "on-failed", string(tap.UploadOnFailed), "what to do with a document that failed a check: upload, hold (in the queue) or refuse")
	flags.StringVar(&f.profile, "profile", "", profileHelp)
	flags.BoolVar(&f.requireTrust, "require-trust", false, "treat a document that could not be proved genuine as an error")
	flags.BoolVar(&f.noResume, "no-resume", false, "end a reading where the document is taken away, instead of asking for it again")
	flags.BoolVar(&f.probe, "probe-extended", false, "try extended length where reader or chip say nothing about it")
	flags.BoolVar(&f.noChip, "no-chip-authentication", false, "leave out what proves that the chip is no copy")
	return cmd
}

// merge takes settings where no flag was given.
func (f *serveFlags) merge(cmd *cobra.Command, c config.Config) error {
	given := cmd.Flags().Changed
	if !given("listen") {
		f.listen = c.Listen
	}
	if !given("allow-origin") {
		f.allowOrigin = c.AllowOrigins
	}
	if !given("kiosk") {
		f.kiosk = c.Kiosk
	}
	if !given("reader") {
		f.reader = c.Reader
	}
	if !given("wait") {
		f.wait = c.Wait
	}
	if !given("keep-personal-data") {
		f.keep = c.KeepPersonal
	}
	if !given("on-failed") {
		f.onFailed = c.OnFailed
	}
	if !given("require-trust") {
		f.requireTrust = c.RequireTrust
	}
	if _, err := tap.ParseOnFailed(f.onFailed); err != nil {
		return err
	}
	if f.wait <= 0 || f.keep <= 0 {
		return fault.New(fault.Usage, "--wait and --keep-personal-data take times such as 30s", nil)
	}
	return nil
}

const portFileName = "agent.json"

// serve logs how it ends, also where it cannot begin: it may be started by nobody who
// looks.
func (a *app) serve(cmd *cobra.Command, f *serveFlags) (err error) {
	if a.overwriteFreed != nil {
		a.overwriteFreed()
	}
	settings, err := a.settings()
	if err != nil {
		return err
	}
	if err := f.merge(cmd, settings); err != nil {
		return err
	}
	defer a.openLog(settings)()
	journal := agent.NewJournal(slog.Default())
	defer func() { journal.Ended(err) }()
	metrics := api.NewMetrics()
	options, err := a.agentOptions(f, settings, metrics, journal)
	if err != nil {
		return err
	}
	listeners, err := api.Listen(f.listen)
	if err != nil {
		return err
	}
	defer listeners.Close()
	runner := agent.New(options)
	metrics.Watch(runner)

	portFile := api.PortFile{PID: os.Getpid(), Port: listeners.Port, URL: fmt.Sprintf("http://127.0.0.1:%d", listeners.Port)}
	if portFile.Token, err = randomToken(); err != nil {
		return err
	}
	guarding := pair.Options{
		Port: listeners.Port, Origins: f.allowOrigin, Kiosk: f.kiosk, Local: portFile.Token,
		Changed: func() { runner.Events().Publish(agent.EventPairing) },
	}
	if dir := a.dataFolder(); dir != "" {
		guarding.Store = filepath.Join(dir, "pairings.json")
		path := filepath.Join(dir, portFileName)
		if err := portFile.Write(path); err != nil {
			return err
		}
		defer portFile.Remove(path)
	}
	guard, err := pair.New(guarding)
	if err != nil {
		return err
	}
	if err := guard.Newer(); err != nil {
		a.note("Paired pages cannot call, and none can be paired: %v", err)
	}
	code, err := guard.Link()
	if err != nil {
		return err
	}
	link := linkTo(portFile.URL, f.kiosk, code)
	events := &eventPrinter{app: a}
	events.print(map[string]any{"event": "listening", "url": portFile.URL, "link": link, "pid": portFile.PID},
		fmt.Sprintf("passport-agent is at %s\nOpen its page, once and within ten minutes, at\n\n  %s\n\nCtrl-C ends it.", portFile.URL, link))
	journal.Started(software(), portFile.URL, f.kiosk)
	if f.openBrowser {
		defer a.openBrowser(link)()
	}
	// What starting has left behind is given back before the day begins.
	debug.FreeOSMemory()
	return a.runAgent(cmd.Context(), runner, journal, listeners, events, api.New(api.Options{
		Agent: runner, Guard: guard, Software: software(), Kiosk: f.kiosk, Page: web.Handler(), Metrics: metrics, MetricsToken: settings.MetricsToken,
	}))
}

// runAgent runs agent and API until the context ends. Readings are ended while the API
// still answers, so that pages learn of it.
func (a *app) runAgent(ctx context.Context, runner *agent.Agent, journal *agent.Journal, listeners *api.Listeners, events *eventPrinter, handler http.Handler) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	served := make(chan error, 1)
	go func() {
		served <- listeners.Serve(serving, handler)
		cancel()
	}()
	var following sync.WaitGroup
	following.Go(func() { a.printAgentEvents(runner, events) })
	following.Go(func() { journal.Follow(runner) })
	following.Go(func() { <-ctx.Done(); journal.Ending() })
	runner.Run(ctx)
	stopServing()
	following.Wait()
	if err := <-served; err != nil {
		return fault.New(fault.Unexpected, "local API", err)
	}
	return nil
}

// printAgentEvents prints what happens until the agent has ended: to programs, and to
// whoever sits before it. For all others there is the log.
func (a *app) printAgentEvents(runner *agent.Agent, events *eventPrinter) {
	var last uint64
	for {
		happened, missed, ended, changed := runner.Events().After(last)
		if missed {
			last = runner.Events().Last()
		}
		for _, e := range happened {
			last = e.Number
			switch {
			case e.Kind == agent.EventRead && (a.json || a.outIsTerminal):
				events.print(map[string]any{"event": e.Kind, "id": e.Read, "state": e.State}, fmt.Sprintf("%s  reading %s  %s", time.Now().Format(time.TimeOnly), e.Read[:8], e.State))
			case a.json:
				events.print(map[string]any{"event": e.Kind}, "")
			}
		}
		if ended {
			return
		}
		<-changed
	}
}

func (a *app) agentOptions(f *serveFlags, settings config.Config, metrics *api.Metrics, journal *agent.Journal) (agent.Options, error) {
	profile, err := parseProfile(f.profile, settings)
	if err != nil {
		return agent.Options{}, err
	}
	memory := a.loadMemory()
	var saving sync.Mutex
	options := agent.Options{
		Software: software(), Reader: f.reader, Wait: f.wait, Keep: f.keep, Profile: profile, OnFailed: tap.OnFailed(f.onFailed),
		RequireTrust: f.requireTrust, NoResume: f.noResume, ProbeExtended: f.probe, NoChipAuthentication: f.noChip,
		Memory: memory.Memory, Portrait: portrait.Decode, FaceNFC: settings.FaceNFC,
		Media: media.Options{PDF: settings.PDF}, ExtraContexts: settings.ExtraContexts,
		Audit: func(r agent.Record) {
			metrics.Record(r)
			journal.Record(r)
			a.auditAgent(r)
		},
		Learned: func() {
			saving.Lock()
			defer saving.Unlock()
			memory.save()
		},
	}
	if dir := a.trustDir(); dir != "" {
		options.Trust = agent.NewTrustFile(dir)
		// A store that cannot be read keeps the agent from starting, not from going on. One
		// of a newer version keeps documents from being judged, and nothing else.
		if _, err := options.Trust.Store(context.Background()); errors.Is(err, fault.TrustStoreNewer) {
			a.note("No document can be read: %v", err)
		} else if err != nil {
			return agent.Options{}, err
		}
	}
	var client *upload.Client
	if settings.APIURL == "" && settings.APIKey == "" && f.api == (apiFlags{}) {
		a.note("No Veriff integration is configured (api_url, api_key): documents are read and judged, and uploaded by nobody but who imports what is queued.")
	} else if client, err = f.api.client(settings); err != nil {
		return agent.Options{}, err
	} else {
		options.Service = &agent.Veriff{Client: client}
	}
	if a.dataFolder() != "" {
		deferred, err := agent.NewDeferred(client, func(observe func(queue.Event)) (*queue.Queue, error) { return a.openQueue(settings, observe) }, journal.Queue)
		if err != nil {
			return agent.Options{}, err
		}
		options.Queue = deferred
	}
	return options, nil
}

// auditAgent writes down what the agent did.
func (a *app) auditAgent(r agent.Record) {
	switch r.Kind {
	case agent.RecordRead:
		a.auditRead(context.Background(), *r.Report, r.Operator)
	case agent.RecordPicture:
		a.auditUpload(context.Background(), "", r.Upload, tap.ErrorOf(r.Err))
	case agent.RecordShift:
		result := "begun"
		if r.Operator == "" {
			result = "ended"
		}
		a.audit(context.Background(), audit.Record{Kind: audit.KindShift, Operator: r.Operator, Software: software(), Result: result})
	}
}

func linkTo(url string, kiosk bool, code string) string {
	if kiosk {
		return url + "/kiosk#open=" + code
	}
	return url + "/#open=" + code
}

func randomToken() (string, error) {
	var b [32]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fault.New(fault.Unexpected, "random numbers", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

// openBrowser opens a link through a file that only this user can read, because other
// users see the arguments of a browser. It returns what removes the file.
func (a *app) openBrowser(link string) (remove func()) {
	remove = func() {}
	f, err := os.CreateTemp(a.dataFolder(), "open-*.html") // mode 0600
	if err == nil {
		remove = func() { _ = os.Remove(f.Name()) } // it opens nothing any more
		_, err = fmt.Fprintf(f, `<!DOCTYPE html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=%s">`, html.EscapeString(link))
	}
	if err == nil {
		err = f.Close()
	}
	if err == nil {
		err = browser(f.Name()).Start()
	}
	if err != nil {
		a.note("The browser cannot be opened (%v): open the link by hand.", err)
	}
	return remove
}

func browser(file string) *exec.Cmd {
	switch runtime.GOOS {
	case "windows":
		return exec.Command("rundll32", "url.dll,FileProtocolHandler", file)
	case "darwin":
		return exec.Command("open", file)
	default:
		return exec.Command("xdg-open", file)
	}
}

// newLink asks the agent of this user and data folder for a new one-time link.
func (a *app) newLink(ctx context.Context) error {
	file, err := api.ReadPortFile(filepath.Join(a.dataFolder(), portFileName))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, file.URL+"/v1/links", bytes.NewReader(nil))
	if err != nil {
		return fault.New(fault.InputFileMissing, "port file", err)
	}
	request.Header.Set("Authorization", "Bearer "+file.Token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fault.New(fault.InputFileMissing, "port file: the agent that wrote it does not run any more", err)
	}
	defer func() { _ = response.Body.Close() }() // it was only read from
	var answer struct {
		Code  string `json:"code"`
		Kiosk bool   `json:"kiosk"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusCreated || answer.Code == "" {
		return fault.New(fault.Unexpected, fmt.Sprintf("the agent answered %d", response.StatusCode), err)
	}
	link := linkTo(file.URL, answer.Kiosk, answer.Code)
	if a.json {
		a.printJSON(map[string]any{"schema": "passport-agent/link/1", "link": link})
		return nil
	}
	a.print("%s", link)
	return nil
}
