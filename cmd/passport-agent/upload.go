package main

import (
	"errors"

	"github.com/spf13/cobra"

	"passport-agent/internal/config"
	"passport-agent/internal/fault"
	"passport-agent/internal/folder"
	"passport-agent/tap"
	"passport-agent/upload"
)

func (a *app) uploadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "upload",
		Short: "Upload saved files and pictures to a session, submit it, ask what became of it",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.uploadNFCCommand(), a.uploadImageCommand(), a.uploadSubmitCommand(), a.uploadStatusCommand())
	return cmd
}

// uploadFlags are those of every upload command.
type uploadFlags struct {
	api     apiFlags
	session string
}

func (f *uploadFlags) register(cmd *cobra.Command) {
	f.api.register(cmd)
	cmd.Flags().StringVar(&f.session, "session", "", "id of the Veriff session (required)")
}

// uploadClient finds the mistakes that can be found before anything is sent.
func (a *app) uploadClient(f *uploadFlags) (*upload.Client, config.Config, error) {
	settings, err := a.settings()
	if err != nil {
		return nil, config.Config{}, err
	}
	client, err := f.api.client(settings)
	if err != nil {
		return nil, config.Config{}, err
	}
	return client, settings, client.CheckSession(f.session)
}

func (a *app) uploadNFCCommand() *cobra.Command {
	f := &uploadFlags{}
	cmd := &cobra.Command{
		Use:   "nfc --session ID FOLDER",
		Short: "Upload the chip files that `read --out` saved",
		Long: `Uploads EF.COM, EF.SOD, DG1 and DG2 from a folder that read --out has written. With
face_nfc = true in the configuration the portrait of DG2 follows as a picture with
the context face-nfc, where it is JPEG.`,
		Example: `  passport-agent upload nfc --session f04bdb47-d3be-4b28-b028-a652feb060b5 ./saved`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.finishNFC(cmd, f, args[0])
		},
	}
	f.register(cmd)
	return cmd
}

// uploadReport is the document of `upload nfc --json`.
type uploadReport struct {
	Schema   string        `json:"schema"`
	Upload   tap.Upload    `json:"upload"`
	Portrait *tap.Upload   `json:"portrait,omitempty"`
	Warnings []tap.Warning `json:"warnings"`
	Error    *tap.Error    `json:"error"`
}

func (a *app) finishNFC(cmd *cobra.Command, f *uploadFlags, dir string) error {
	report, err := a.uploadNFC(cmd, f, dir)
	a.auditUpload(cmd.Context(), "", report.Upload, tap.ErrorOf(err))
	if report.Portrait != nil {
		a.auditUpload(cmd.Context(), "", *report.Portrait, tap.ErrorOf(err))
	}
	return a.finishUpload(report, err)
}

func (a *app) uploadNFC(cmd *cobra.Command, f *uploadFlags, dir string) (uploadReport, error) {
	report := uploadReport{Schema: "passport-agent/upload/1", Upload: tap.Upload{State: tap.UploadNone, SessionID: f.session}, Warnings: []tap.Warning{}}
	client, settings, err := a.uploadClient(f)
	if err != nil {
		return report, err
	}
	files, err := folder.Load(dir, []string{"COM", "SOD", "DG1", "DG2"})
	if err != nil {
		return report, err
	}
	progress := a.newProgress()
	defer progress.end()
	observe := func(e upload.Event) {
		progress.observe(tap.Event{Kind: tap.EventUploading, Done: e.Sent, Total: e.Total})
	}
	receipt, err := client.UploadNFC(cmd.Context(), f.session, upload.NFCDocuments{
		COM: files["COM"], SOD: files["SOD"], DG1: files["DG1"], DG2: files["DG2"],
	}, observe)
	if err != nil {
		report.Upload.State = tap.UploadState(err)
		return report, err
	}
	report.Upload, report.Warnings = tap.Accepted(f.session, receipt)
	if !settings.FaceNFC {
		return report, nil
	}
	portrait, warnings, err := tap.UploadPortrait(cmd.Context(), client, f.session, files["DG2"], observe)
	report.Portrait, report.Warnings = &portrait, append(report.Warnings, warnings...)
	return report, err
}

// finishUpload prints what an upload came to and returns its error for the exit status.
func (a *app) finishUpload(report uploadReport, err error) error {
	report.Error = tap.ErrorOf(err)
	if a.json {
		a.printJSON(report)
	} else {
		a.printWarnings(report.Warnings)
		a.printUpload("Upload", report.Upload)
		if report.Portrait != nil {
			a.printUpload("Portrait", *report.Portrait)
		}
	}
	return asError(err)
}

func (a *app) printWarnings(warnings []tap.Warning) {
	for _, w := range warnings {
		a.print("Warning   %s: %s", w.Name, w.Text)
	}
}

// asError gives any error a code, and none to nil.
func asError(err error) error {
	if err == nil {
		return nil
	}
	return fault.From(err)
}

// inFile says in which file a mistake is.
func inFile(path string, err error) error {
	f := fault.From(err)
	if err == nil || errors.Is(f, fault.InputFileMissing) || errors.Is(f, fault.Interrupted) {
		return err // the path is in it already, or does not matter
	}
	detail := path
	if f.Detail != "" {
		detail += ": " + f.Detail
	}
	return fault.New(f.Code, detail, f.Err)
}
