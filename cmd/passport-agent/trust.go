package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"passport-agent/icao/trust"
	"passport-agent/internal/cms"
	"passport-agent/internal/config"
	"passport-agent/internal/fault"
	"passport-agent/tap"
)

func (a *app) trustCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trust",
		Short: "Country signers: whose signature on a document counts",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.trustImportCommand(), a.trustListCommand())
	return cmd
}

// trustDir is the folder of the trust store: that of the configuration, else in the data
// folder; empty where there is none.
func (a *app) trustDir() string {
	if shared := config.Inspect(a.configPath, a.lookup).Config.TrustFolder; shared != "" {
		return shared
	}
	dir := a.dataFolder()
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "trust")
}

func (a *app) loadTrust(ctx context.Context) (*trust.Store, error) {
	dir := a.trustDir()
	if dir == "" {
		return &trust.Store{}, nil
	}
	return trust.Load(ctx, dir)
}

// trustReport is the document of `trust import --json` and `trust list --json`.
type trustReport struct {
	Schema       string             `json:"schema"`
	Imported     []trustImported    `json:"imported,omitempty"`
	Certificates []trustCertificate `json:"certificates"`
	Lists        []trust.List       `json:"lists"`
	Error        *tap.Error         `json:"error"`
}

type trustImported struct {
	File            string   `json:"file"`
	Added           int      `json:"added"`
	Known           int      `json:"known"`
	Removed         int      `json:"removed"`
	RevocationLists int      `json:"revocationLists"`
	Unreadable      []string `json:"unreadable,omitempty"`
}

type trustCertificate struct {
	Country     string    `json:"country"`
	Subject     string    `json:"subject"`
	NotBefore   time.Time `json:"notBefore"`
	NotAfter    time.Time `json:"notAfter"`
	Fingerprint string    `json:"sha256"`
	Sources     []string  `json:"sources"`
}

func (a *app) trustImportCommand() *cobra.Command {
	var root string
	cmd := &cobra.Command{
		Use:   "import FILE…",
		Short: "Import master lists, certificates and revocation lists",
		Long: `Imports master lists (ICAO, BSI and others that follow Doc 9303-12), certificates
of country signers and revocation lists. A master list has to be signed under the
certificate given with --root, or under a country signer that is there already.
Nothing is imported where one of the files fails.`,
		Example: `  passport-agent trust import DE_ML.ml --root DE_CSCA.cer`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			report, err := a.trustImport(cmd.Context(), args, root)
			return a.finishTrust(report, err)
		},
	}
	cmd.Flags().StringVar(&root, "root", "", "certificate under which a master list is signed")
	return cmd
}

func (a *app) trustListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the country signers that are trusted",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, err := a.loadTrust(cmd.Context())
			return a.finishTrust(reportOf(store), err)
		},
	}
}

// maxTrustFile is the largest file that is imported, in bytes.
const maxTrustFile = 64 << 20

func (a *app) trustImport(ctx context.Context, files []string, root string) (trustReport, error) {
	report := reportOf(&trust.Store{})
	dir := a.trustDir()
	if dir == "" {
		return report, fault.New(fault.ConfigInvalid, "--data-dir: this user has no data folder", nil)
	}
	store, err := trust.Load(ctx, dir)
	if err != nil {
		return report, err
	}
	options, err := importOptions(root)
	if err != nil {
		return report, err
	}
	var imported []trustImported
	for _, file := range files {
		b, err := readTrustFile(file)
		if err != nil {
			return report, err
		}
		one, err := store.Import(b, options)
		if err != nil {
			f := fault.From(err)
			return report, fault.New(f.Code, filepath.Base(file), err)
		}
		imported = append(imported, trustImported{filepath.Base(file), one.Added, one.Known, one.Removed, one.RevocationLists, one.Unreadable})
	}
	if err := store.Save(ctx, dir); err != nil {
		return report, err
	}
	report = reportOf(store)
	report.Imported = imported
	return report, nil
}

func importOptions(root string) (trust.ImportOptions, error) {
	if root == "" {
		return trust.ImportOptions{}, nil
	}
	b, err := readTrustFile(root)
	if err != nil {
		return trust.ImportOptions{}, err
	}
	certificate, err := cms.ParseCertificate(b)
	if err != nil {
		return trust.ImportOptions{}, fault.New(fault.TrustFileUnknown, "--root takes one certificate in DER", err)
	}
	return trust.ImportOptions{Root: certificate}, nil
}

func readTrustFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.InputFileMissing, "", err)
	}
	defer func() { _ = f.Close() }() // it was only read from
	b, err := io.ReadAll(io.LimitReader(f, maxTrustFile+1))
	if err != nil {
		return nil, fault.New(fault.InputFileMissing, "", err)
	}
	if len(b) > maxTrustFile {
		return nil, fault.New(fault.TrustFileUnknown, fmt.Sprintf("%s has more than %d bytes", filepath.Base(path), maxTrustFile), nil)
	}
	return b, nil
}

func reportOf(store *trust.Store) trustReport {
	report := trustReport{Schema: "passport-agent/trust/1", Certificates: []trustCertificate{}, Lists: []trust.List{}}
	if store == nil {
		return report
	}
	report.Lists = append(report.Lists, store.Lists()...)
	for _, s := range store.CountrySigners() {
		report.Certificates = append(report.Certificates, trustCertificate{
			Country: s.Certificate.Subject.Country(), Subject: s.Certificate.Subject.String(),
			NotBefore: s.Certificate.NotBefore, NotAfter: s.Certificate.NotAfter, Fingerprint: s.Fingerprint, Sources: s.Sources,
		})
	}
	return report
}

func (a *app) finishTrust(report trustReport, err error) error {
	report.Error = tap.ErrorOf(err)
	if a.json {
		a.printJSON(report)
		return err
	}
	for _, i := range report.Imported {
		a.print("%s: %d added, %d known, %d removed, %d revocation lists", i.File, i.Added, i.Known, i.Removed, i.RevocationLists)
		for _, u := range i.Unreadable {
			a.print("  left out: %s", u)
		}
	}
	if len(report.Imported) == 0 {
		for _, c := range report.Certificates {
			a.print("%-3s %s  until %s  %s…  %s", c.Country, c.NotBefore.Format(time.DateOnly), c.NotAfter.Format(time.DateOnly), c.Fingerprint[:16], c.Subject)
		}
	}
	for _, l := range report.Lists {
		a.print("List of %s, %s: %d certificates, signed by %s", l.Publisher, l.Date.Format(time.DateOnly), l.Certificates, l.Signer)
	}
	if err == nil {
		a.print("%d country signers are trusted.", len(report.Certificates))
	}
	return err
}
