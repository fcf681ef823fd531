package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"passport-agent/icao/trust"
	"passport-agent/internal/fault"
	"passport-agent/tap"
)

// trustCheckReport is the document of `trust check --json`.
type trustCheckReport struct {
	Schema    string         `json:"schema"`
	At        string         `json:"at"`
	Signers   int            `json:"signers"`
	Countries int            `json:"countries"`
	Warnings  int            `json:"warnings"`
	Concerns  []trustConcern `json:"concerns"`
	Error     *tap.Error     `json:"error"`
}

type trustConcern struct {
	Severity string            `json:"severity"` // warning or note
	Kind     trust.ConcernKind `json:"kind"`
	Country  string            `json:"country,omitempty"`
	Subject  string            `json:"subject,omitempty"`
	SHA256   string            `json:"sha256,omitempty"`
	Days     int               `json:"days"`
	Text     string            `json:"text"`
}

func (a *app) trustCheckCommand() *cobra.Command {
	var expiring, listAge int
	var at string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say what in the trust store is expired, old, missing or unreadable",
		Long: `Looks through the trust store: country signers that have expired or will soon,
master lists and defect lists that are old, revocation lists whose successor is due,
countries whose newest key has no link certificate from a former one, certificates
that cannot be read.

A warning asks for something to be done, a note does not. The exit status is 0 without
warnings and 7 with them.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			limits := trust.ConcernLimits{Expiring: time.Duration(expiring) * 24 * time.Hour, ListAge: time.Duration(listAge) * 24 * time.Hour}
			report, err := a.trustCheck(cmd.Context(), at, limits)
			return a.finishTrustCheck(report, err)
		},
	}
	cmd.Flags().IntVar(&expiring, "expiring", 90, "how many days before it expires a country signer is mentioned")
	cmd.Flags().IntVar(&listAge, "list-age", 120, "how many days old a master list or defect list may be")
	cmd.Flags().StringVar(&at, "at", "", "check as of this date, YYYY-MM-DD (default: today)")
	return cmd
}

func (a *app) trustCheck(ctx context.Context, at string, limits trust.ConcernLimits) (trustCheckReport, error) {
	report := trustCheckReport{Schema: "passport-agent/trust-check/1", Concerns: []trustConcern{}}
	const longest = 100 * 366 * 24 * time.Hour
	if limits.Expiring <= 0 || limits.ListAge <= 0 || limits.Expiring > longest || limits.ListAge > longest {
		return report, fault.New(fault.Usage, "--expiring and --list-age take a number of days, 1 or more", nil)
	}
	date := time.Now()
	if at != "" {
		var err error
		if date, err = time.Parse(time.DateOnly, at); err != nil {
			return report, fault.New(fault.Usage, "--at takes a date YYYY-MM-DD", nil)
		}
	}
	report.At = date.Format(time.DateOnly)
	store, err := a.loadTrust(ctx)
	if err != nil {
		return report, err
	}
	report.Signers, report.Countries = store.Len(), len(store.Countries())
	concerns, err := store.Concerns(date, limits)
	for _, c := range concerns {
		one := trustConcern{"note", c.Kind, c.Country, c.Subject, c.SHA256, c.Days, c.Text}
		if c.Warning {
			one.Severity = "warning"
			report.Warnings++
		}
		report.Concerns = append(report.Concerns, one)
	}
	if err == nil && report.Warnings > 0 {
		err = fault.New(fault.TrustAttention, fmt.Sprintf("%d warnings", report.Warnings), nil)
	}
	return report, err
}

func (a *app) finishTrustCheck(report trustCheckReport, err error) error {
	report.Error = tap.ErrorOf(err)
	if a.json {
		a.printJSON(report)
		return err
	}
	for _, c := range report.Concerns {
		sign := a.colour(grey, "– note   ")
		if c.Severity == "warning" {
			sign = a.colour(yellow, "! warning")
		}
		a.print("%s %-3s %s", sign, c.Country, c.Text)
		if c.Subject != "" {
			a.print("              %s", a.colour(grey, c.Subject))
		}
	}
	if report.At != "" {
		a.print("%s: %d country signers of %d countries, %d warnings, %d notes.", report.At, report.Signers, report.Countries,
			report.Warnings, len(report.Concerns)-report.Warnings)
	}
	return err
}
