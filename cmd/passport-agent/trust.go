package main

import (
	"context"
	"encoding/pem"
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
	cmd.AddCommand(a.trustImportCommand(), a.trustListCommand(), a.trustCheckCommand())
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
	Schema          string             `json:"schema"`
	Imported        []trustImported    `json:"imported,omitempty"`
	Certificates    []trustCertificate `json:"certificates"`
	DocumentSigners int                `json:"documentSigners"`
	Lists           []trust.List       `json:"lists"`
	DefectLists     []trust.DefectList `json:"defectLists"`
	RevocationLists []trustRevocation  `json:"revocationLists"`
	Error           *tap.Error         `json:"error"`
}

// trustImported is what became of one file; the counts are of country signers where
// nothing else is said.
type trustImported struct {
	File            string      `json:"file"`
	Added           int         `json:"added"`
	Known           int         `json:"known"`
	Removed         int         `json:"removed"`
	DocumentSigners trust.Count `json:"documentSigners"`
	RevocationLists int         `json:"revocationLists"`
	DefectLists     int         `json:"defectLists"`
	LeftOut         []string    `json:"leftOut,omitempty"`
	MoreLeftOut     int         `json:"moreLeftOut,omitempty"`
	Error           *tap.Error  `json:"error"`
}

type trustCertificate struct {
	Country     string    `json:"country"`
	Subject     string    `json:"subject"`
	NotBefore   time.Time `json:"notBefore"`
	NotAfter    time.Time `json:"notAfter"`
	Fingerprint string    `json:"sha256"`
	Sources     []string  `json:"sources"`
}

type trustRevocation struct {
	Country    string     `json:"country"`
	Issuer     string     `json:"issuer"`
	ThisUpdate time.Time  `json:"thisUpdate"`
	NextUpdate *time.Time `json:"nextUpdate"`
	Revoked    int        `json:"revoked"`
}

func (a *app) trustImportCommand() *cobra.Command {
	var root string
	cmd := &cobra.Command{
		Use:   "import FILE…",
		Short: "Import master lists, defect lists, certificates, revocation lists, PKD downloads",
		Long: `Imports files and folders (every file in them, without those below):

  master lists (ICAO, BSI and others that follow Doc 9303-12) and defect lists (BSI
  TR-03129-2), signed under the certificate given with --root, or under a country
  signer that is there already;
  certificates of country signers and document signers, DER or PEM, several in a file;
  revocation lists, signed by a country signer that is there or comes along;
  LDIF as the ICAO PKD gives it out, complete or with changes only.

Nothing is imported where a file that is named fails; a file of a folder that cannot
be used is reported and left out. Two imports at once wait for one another.`,
		Example: `  passport-agent trust import DE_ML.ml --root DE_CSCA.cer
  passport-agent trust import icaopkd-001-complete.ldif icaopkd-002-complete.ldif`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			report, err := a.trustImport(cmd.Context(), args, root)
			return a.finishTrust(report, err)
		},
	}
	cmd.Flags().StringVar(&root, "root", "", "certificate under which what is imported is signed")
	return cmd
}

func (a *app) trustListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the country signers that are trusted, and the lists",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, err := a.loadTrust(cmd.Context())
			return a.finishTrust(reportOf(store), err)
		},
	}
}

// maxTrustFile is the largest root certificate that is read, in bytes.
const maxTrustFile = 1 << 20

func (a *app) trustImport(ctx context.Context, files []string, root string) (trustReport, error) {
	report := reportOf(nil)
	dir := a.trustDir()
	if dir == "" {
		return report, fault.New(fault.ConfigInvalid, "--data-dir: this user has no data folder", nil)
	}
	options, err := importOptions(root)
	if err != nil {
		return report, err
	}
	p := a.newProgress()
	if !a.quiet {
		options.Progress = func(file string, done, total int64) { p.move("Reading "+file, int(done), int(total)) }
	}
	var imported []trustImported
	store, err := trust.Update(ctx, dir, func(store *trust.Store) error {
		reports, err := store.ImportFiles(ctx, files, options)
		for _, r := range reports {
			imported = append(imported, importedOf(r))
		}
		return err
	})
	p.end()
	if err == nil {
		report = reportOf(store)
	}
	report.Imported = imported
	return report, err
}

func importedOf(r trust.FileReport) trustImported {
	return trustImported{
		File: r.Name, Added: r.Report.Added, Known: r.Report.Known, Removed: r.Report.Removed, DocumentSigners: r.Report.DocumentSigners,
		RevocationLists: r.Report.RevocationLists, DefectLists: len(r.Report.DefectLists),
		LeftOut: r.Report.LeftOut, MoreLeftOut: r.Report.MoreLeftOut, Error: tap.ErrorOf(r.Err),
	}
}

func importOptions(root string) (trust.ImportOptions, error) {
	if root == "" {
		return trust.ImportOptions{}, nil
	}
	b, err := readTrustFile(root)
	if err != nil {
		return trust.ImportOptions{}, err
	}
	if block, _ := pem.Decode(b); block != nil {
		b = block.Bytes
	}
	certificate, err := cms.ParseCertificate(b)
	if err != nil {
		return trust.ImportOptions{}, fault.New(fault.TrustFileUnknown, "--root takes one certificate, DER or PEM", err)
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
	report := trustReport{
		Schema: "passport-agent/trust/1", Certificates: []trustCertificate{}, Lists: []trust.List{},
		DefectLists: []trust.DefectList{}, RevocationLists: []trustRevocation{},
	}
	if store == nil {
		return report
	}
	report.DocumentSigners = store.DocumentSigners()
	report.Lists = append(report.Lists, store.Lists()...)
	report.DefectLists = append(report.DefectLists, store.DefectLists()...)
	for _, l := range store.RevocationLists() {
		one := trustRevocation{Country: l.Issuer.Country(), Issuer: l.Issuer.String(), ThisUpdate: l.ThisUpdate, Revoked: l.Len()}
		if !l.NextUpdate.IsZero() {
			one.NextUpdate = &l.NextUpdate
		}
		report.RevocationLists = append(report.RevocationLists, one)
	}
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
		a.printImported(i)
	}
	if len(report.Imported) == 0 {
		for _, c := range report.Certificates {
			a.print("%-3s %s  until %s  %s…  %s", c.Country, c.NotBefore.Format(time.DateOnly), c.NotAfter.Format(time.DateOnly), c.Fingerprint[:16], c.Subject)
		}
		for _, l := range report.RevocationLists {
			a.print("Revocation list of %s, %s: %d certificates, issued by %s", l.Country, l.ThisUpdate.Format(time.DateOnly), l.Revoked, l.Issuer)
		}
	}
	for _, l := range report.Lists {
		a.print("List of %s, %s: %d certificates, signed by %s", l.Publisher, l.Date.Format(time.DateOnly), l.Certificates, l.Signer)
	}
	for _, l := range report.DefectLists {
		a.print("Defect list of %s, %s: %d certificates, signed by %s", l.Publisher, l.Date.Format(time.DateOnly), l.Defects, l.Signer)
	}
	if err == nil {
		if report.DocumentSigners > 0 {
			a.print("%d document signers are kept for documents that carry none.", report.DocumentSigners)
		}
		a.print("%d country signers are trusted.", len(report.Certificates))
	}
	return err
}

func (a *app) printImported(i trustImported) {
	if i.Error != nil {
		a.print("%s: left out: %s", i.File, i.Error.Message)
		return
	}
	a.print("%s: %d added, %d known, %d removed, %d revocation lists, %d defect lists", i.File, i.Added, i.Known, i.Removed, i.RevocationLists, i.DefectLists)
	if d := i.DocumentSigners; d != (trust.Count{}) {
		a.print("  document signers: %d added, %d known, %d removed", d.Added, d.Known, d.Removed)
	}
	for _, text := range i.LeftOut {
		a.print("  left out: %s", text)
	}
	if i.MoreLeftOut > 0 {
		a.print("  left out: %d more", i.MoreLeftOut)
	}
}
