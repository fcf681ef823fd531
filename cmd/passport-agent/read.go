package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	"passport-agent/internal/config"
	"passport-agent/internal/fault"
	"passport-agent/internal/folder"
	"passport-agent/pcsc"
	"passport-agent/tap"
	"passport-agent/upload"
)

type readFlags struct {
	accessFlags
	session      string
	deferred     bool
	out          string
	portrait     string
	reader       string
	wait         time.Duration
	onFailed     string
	profile      string
	requireTrust bool
	showPersonal bool
	noResume     bool
	probe        bool
	noChip       bool
	api          apiFlags
}

func (a *app) readCommand() *cobra.Command {
	f := &readFlags{}
	cmd := &cobra.Command{
		Use:   "read",
		Short: "Wait for a document, read and judge it, upload it to a session",
		Long: `Waits for a document on a PC/SC reader, opens its chip with the machine-readable
zone or the card access number (by PACE where the chip offers it, else by BAC),
reads EF.COM, DG1, EF.SOD and DG2 and compares the files with the hashes
that their issuer signed. Where the document has keys for it, the chip proves that
it is no copy. With --session the files are uploaded.

Exit status: 0 done, 2 usage or configuration, 3 reader or PC/SC, 4 no document
in time or removed, 5 access refused, 6 read failed, 7 read but a check failed,
8 upload refused for good, 9 upload failed for now and queued, 10 upload not possible
now or its outcome unknown and nothing kept, 130 interrupted, 1 anything else.`,
		Example: `  passport-agent read --mrz-file mrz.txt
  PASSPORT_AGENT_MRZ="P<UTO… L898902C3…" passport-agent read --session f04bdb47-d3be-4b28-b028-a652feb060b5 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.read(cmd, f) },
	}
	f.register(cmd)
	f.api.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.session, "session", "", "id of the Veriff session to upload to; without it nothing is uploaded")
	flags.BoolVar(&f.deferred, "defer", false, "do not upload now: keep it in the queue for --session, or for a session of its own")
	flags.StringVar(&f.out, "out", "", "folder to save the files and the report in, in the clear")
	flags.StringVar(&f.portrait, "portrait", "", portraitHelp)
	flags.StringVar(&f.reader, "reader", "", "name of the reader, or a part of it (default: the first with a document)")
	flags.DurationVar(&f.wait, "wait", 30*time.Second, "how long to wait for a document")
	flags.StringVar(&f.onFailed, "on-failed", string(tap.UploadOnFailed), "what to do with a document that failed a check: upload, hold (in the queue, until queue retry) or refuse")
	flags.StringVar(&f.profile, "profile", "", profileHelp)
	flags.BoolVar(&f.requireTrust, "require-trust", false, "treat a document that could not be proved genuine as an error (exit status 7)")
	flags.BoolVar(&f.noResume, "no-resume", false, "end where the document is taken away, instead of asking for it again")
	flags.BoolVar(&f.probe, "probe-extended", false, "try extended length where reader or chip say nothing about it")
	flags.BoolVar(&f.noChip, "no-chip-authentication", false, "leave out what proves that the chip is no copy (DG14, DG15, Chip and Active Authentication)")
	flags.BoolVar(&f.showPersonal, "show-personal-data", false, "show name, number and dates from the chip")
	return cmd
}

func (a *app) read(cmd *cobra.Command, f *readFlags) error {
	options, err := a.readOptions(cmd, f)
	if err != nil {
		return a.finish(tap.Aborted(software(), err))
	}
	memory := a.loadMemory()
	options.Memory = memory.Memory
	progress := a.newProgress()
	options.Observe = progress.observe
	result := tap.Run(cmd.Context(), options)
	progress.end()
	memory.save()
	a.auditRead(cmd.Context(), result.Report, "")
	if f.showPersonal && result.Document != nil && result.Document.MRZ != nil {
		result.Report.ShowHolder(result.Document.MRZ, time.Now())
	}
	result = a.withPortrait(cmd.Context(), f.portrait, result)
	if f.out != "" && result.Document != nil {
		if err := a.save(f.out, result); err != nil {
			return err
		}
	}
	return a.finish(result)
}

// readOptions finds every mistake that can be found before a document is there.
func (a *app) readOptions(cmd *cobra.Command, f *readFlags) (tap.Options, error) {
	settings, err := a.settings()
	if err != nil {
		return tap.Options{}, err
	}
	if !cmd.Flags().Changed("wait") {
		f.wait = settings.Wait
	}
	if f.reader == "" {
		f.reader = settings.Reader
	}
	if !cmd.Flags().Changed("on-failed") {
		f.onFailed = settings.OnFailed
	}
	if !cmd.Flags().Changed("require-trust") {
		f.requireTrust = settings.RequireTrust
	}
	profile, err := parseProfile(f.profile, settings)
	if err != nil {
		return tap.Options{}, err
	}
	access, zone, warnings, err := a.access(cmd.Context(), &f.accessFlags)
	if err != nil {
		return tap.Options{}, err
	}
	for _, w := range warnings {
		a.note("Warning: %s", w.Text)
	}
	store, err := a.loadTrust(cmd.Context())
	if err != nil {
		return tap.Options{}, err
	}
	options := tap.Options{
		Trust: store, Wait: waitFor(f.reader, f.wait), Access: access, Zone: zone, Profile: profile, Warnings: warnings,
		NoResume: f.noResume, ProbeExtended: f.probe, NoChipAuthentication: f.noChip, RequireTrust: f.requireTrust, Software: software(),
	}
	if options.OnFailed, err = tap.ParseOnFailed(f.onFailed); err != nil {
		return tap.Options{}, err
	}
	if !cmd.Flags().Changed("session") && !f.deferred {
		return options, nil
	}
	options.SessionID, options.FaceNFC, options.Defer = f.session, settings.FaceNFC, f.deferred
	queue, err := a.openQueue(settings, nil)
	switch {
	case err == nil:
		options.Deferrer = queue
	case f.deferred || options.OnFailed == tap.HoldOnFailed || a.dataFolder() != "":
		return tap.Options{}, err
	}
	if f.deferred {
		return options, nil
	}
	client, err := f.api.client(settings)
	if err != nil {
		return tap.Options{}, err
	}
	options.Uploader = client
	return options, client.CheckSession(f.session)
}

// waitFor waits for a document through PC/SC.
func waitFor(named string, timeout time.Duration) func(context.Context, string, func(tap.Event)) (tap.Card, error) {
	kinds := map[pcsc.EventKind]tap.EventKind{
		pcsc.EventNoReader: tap.EventNoReader, pcsc.EventWaiting: tap.EventWaiting, pcsc.EventUnresponsive: tap.EventUnresponsive,
	}
	return func(ctx context.Context, reader string, observe func(tap.Event)) (tap.Card, error) {
		if reader == "" {
			reader = named
		}
		card, err := pcsc.Wait(ctx, pcsc.WaitOptions{Reader: reader, Timeout: timeout, Observe: func(e pcsc.Event) {
			if kind, ok := kinds[e.Kind]; ok {
				observe(tap.Event{Kind: kind, Reader: e.Reader})
			}
		}})
		if err != nil {
			return nil, err
		}
		return card, nil
	}
}

// save writes files and report in the clear, and says so.
func (a *app) save(dir string, result tap.Result) error {
	files := map[string][]byte{}
	for file, b := range result.Document.Files {
		files[file.String()] = b
	}
	report, err := json.MarshalIndent(result.Report, "", "  ")
	if err != nil {
		return fault.New(fault.OutputFailed, "report", err)
	}
	if err := folder.Save(dir, files, append(report, '\n')); err != nil {
		return err
	}
	evidence, err := json.MarshalIndent(result.Evidence, "", "  ")
	if err != nil {
		return fault.New(fault.OutputFailed, "evidence", err)
	}
	if err := folder.SaveEvidence(dir, append(evidence, '\n')); err != nil {
		return err
	}
	a.note("Saved in %s, in the clear: these files hold a portrait and personal data.", dir)
	return nil
}

// apiFlags overrule the configuration. There is no flag for the secret: other
// users can see arguments.
type apiFlags struct{ url, key string }

func (f *apiFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.url, "api-url", "", "address of the API, from the integration's page in the Veriff Customer Portal")
	cmd.Flags().StringVar(&f.key, "api-key", "", "API key of the integration; its secret comes from PASSPORT_AGENT_API_SECRET, PASSPORT_AGENT_API_SECRET_FILE or the configuration file")
}

func (f *apiFlags) client(c config.Config) (*upload.Client, error) {
	if f.url != "" {
		c.APIURL = f.url
	}
	if f.key != "" {
		c.APIKey = f.key
	}
	return upload.New(upload.Config{
		BaseURL: c.APIURL, APIKey: c.APIKey, Secret: c.APISecret, VerifySecrets: c.VerifySecrets, IntegrationID: c.IntegrationID,
		ExtraCA: c.ExtraCA, Proxy: c.Proxy, MaxRawBytes: c.MaxNFCBytes, WarnBodyBytes: c.WarnBodyBytes,
		Timeout: c.UploadTimeout, NoCompression: !c.Compression, UserAgent: software(),
	})
}
