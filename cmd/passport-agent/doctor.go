package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"passport-agent/doctor"
	"passport-agent/icao/trust"
	"passport-agent/internal/config"
	"passport-agent/internal/fault"
	"passport-agent/internal/keyring"
	"passport-agent/pcsc"
	"passport-agent/upload/queue"
)

func (a *app) doctorCommand() *cobra.Command {
	var bundle string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find what is wrong here, and the command that mends it",
		Long: `Looks at the configuration, the data folder, the log file, the clock, the smart card
service and its readers, the trust list, the keyring, the queue and the API, and says
of each thing that is wrong why it is and what mends it. Nothing is changed.

Exit status: 0 without a problem (warnings do not count), 7 with one.`,
		Example: `  passport-agent doctor
  passport-agent doctor --bundle support.tar.gz`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context(), bundle) },
	}
	cmd.Flags().StringVar(&bundle, "bundle", "", "also write an archive for support: findings, settings without secrets, versions, the newest of the log file; nothing personal")
	return cmd
}

// doctorReport is the document of `doctor --json`.
type doctorReport struct {
	Schema   string           `json:"schema"`
	Result   doctor.Result    `json:"result"`
	Findings []doctor.Finding `json:"findings"`
}

func (a *app) doctor(ctx context.Context, bundle string) error {
	observe := a.printFinding
	if a.json {
		observe = nil
	}
	findings := doctor.Examine(ctx, a.doctorOptions(), observe)
	report := doctorReport{Schema: "passport-agent/doctor/1", Result: doctor.Worst(findings), Findings: findings}
	if a.json {
		a.printJSON(report)
	}
	if bundle != "" {
		if err := a.writeBundle(bundle, report); err != nil {
			return err
		}
		a.note("Wrote %s: findings, settings, versions and the newest of the log file, without secrets or personal data. Look into it before you send it.", bundle)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if report.Result == doctor.Problem {
		return fault.New(fault.DoctorFoundProblem, "", nil)
	}
	return nil
}

func (a *app) doctorOptions() doctor.Options {
	inspected := config.Inspect(a.configPath, a.lookup)
	settings := inspected.Config
	o := doctor.Options{
		Inspect: func() config.Inspection { return inspected },
		Readers: pcsc.Readers,
		Trust:   func(ctx context.Context) (*trust.Store, error) { return a.loadTrust(ctx) },
		Folder:  a.dataFolder(), LogFile: a.logPath(settings),
	}
	if info, err := os.Stat("/sys/module"); err == nil && info.IsDir() {
		o.System = os.DirFS("/")
	}
	if info, err := os.Stat(filepath.Join(o.Folder, "queue")); o.Folder != "" && err == nil && info.IsDir() {
		o.Queue = func(ctx context.Context) (doctor.Queue, error) { return a.queueHealth(ctx, settings) }
	}
	if settings.QueueKeys == string(queue.PlaceKeyring) || settings.APISecretKeyring {
		o.Keyring = askKeyring
	}
	if settings.APIURL != "" && settings.APIKey != "" && !settings.APISecret.Empty() {
		o.Service = func(ctx context.Context) (doctor.Service, error) {
			client, err := (&apiFlags{}).client(settings)
			if err != nil {
				return doctor.Service{}, err
			}
			at, err := client.Probe(ctx)
			return doctor.Service{Time: at}, err
		}
	}
	return o
}

// queueHealth counts the items by what they wait for. It needs no key and no lock.
func (a *app) queueHealth(ctx context.Context, settings config.Config) (doctor.Queue, error) {
	q, err := a.openQueue(settings, nil)
	if err != nil {
		return doctor.Queue{}, err
	}
	items, err := q.List(ctx)
	health := doctor.Queue{}
	for _, item := range items {
		if item.Reason == fault.QueueNewer {
			err = fault.New(fault.QueueNewer, item.ID, nil)
		}
		switch item.State {
		case queue.Waiting, queue.Sending, queue.Sent:
			health.Waiting++
			health.Oldest = max(health.Oldest, time.Since(item.Created))
		case queue.Uncertain:
			health.Uncertain++
		case queue.Refused, queue.Expired:
			health.Refused++
		}
	}
	return health, err
}

// askKeyring asks for something that nobody has put there.
func askKeyring(ctx context.Context) error {
	if _, err := keyring.Get(ctx, "passport-agent", "doctor"); !errors.Is(err, keyring.ErrNotFound) {
		return err
	}
	return nil
}

func (a *app) printFinding(f doctor.Finding) {
	sign := map[doctor.Result]string{
		doctor.OK: a.colour(green, "✓ ok      "), doctor.Warning: a.colour(yellow, "! warning "), doctor.Problem: a.colour(red, "✗ problem "), doctor.Skipped: a.colour(grey, "– skipped "),
	}[f.Result]
	a.print("%s %-18s %s", sign, f.Check, f.Text)
	if f.Cause != "" {
		a.print("           %s", a.colour(grey, f.Cause))
	}
	if f.Mend != "" {
		a.print("           → %s", f.Mend)
	}
}
