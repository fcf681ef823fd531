package main

import (
	"github.com/spf13/cobra"

	"passport-agent/internal/fault"
	"passport-agent/internal/folder"
	"passport-agent/tap"
	"passport-agent/upload"
)

func (a *app) uploadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "upload",
		Short: "Upload saved files to a session",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.uploadNFCCommand())
	return cmd
}

func (a *app) uploadNFCCommand() *cobra.Command {
	var session string
	api := &apiFlags{}
	cmd := &cobra.Command{
		Use:     "nfc --session ID FOLDER",
		Short:   "Upload the chip files that `read --out` saved",
		Example: `  passport-agent upload nfc --session f04bdb47-d3be-4b28-b028-a652feb060b5 ./saved`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.finishUpload(a.uploadNFC(cmd, api, session, args[0]))
		},
	}
	api.register(cmd)
	cmd.Flags().StringVar(&session, "session", "", "id of the Veriff session (required)")
	return cmd
}

// uploadReport is the document of `upload --json`.
type uploadReport struct {
	Schema   string        `json:"schema"`
	Upload   tap.Upload    `json:"upload"`
	Warnings []tap.Warning `json:"warnings"`
	Error    *tap.Error    `json:"error"`
}

func (a *app) uploadNFC(cmd *cobra.Command, api *apiFlags, session, dir string) (uploadReport, error) {
	report := uploadReport{Schema: "passport-agent/upload/1", Upload: tap.Upload{State: tap.UploadNone, SessionID: session}, Warnings: []tap.Warning{}}
	settings, err := a.settings()
	if err != nil {
		return report, err
	}
	client, err := api.client(settings)
	if err != nil {
		return report, err
	}
	if err := client.CheckSession(session); err != nil {
		return report, err
	}
	files, err := folder.Load(dir, []string{"COM", "SOD", "DG1", "DG2"})
	if err != nil {
		return report, err
	}
	progress := a.newProgress()
	receipt, err := client.UploadNFC(cmd.Context(), session, upload.NFCDocuments{
		COM: files["COM"], SOD: files["SOD"], DG1: files["DG1"], DG2: files["DG2"],
	}, func(e upload.Event) {
		progress.observe(tap.Event{Kind: tap.EventUploading, Done: e.Sent, Total: e.Total})
	})
	progress.end()
	if err != nil {
		report.Upload.State = tap.UploadState(err)
		return report, err
	}
	report.Upload, report.Warnings = tap.Accepted(session, receipt)
	return report, nil
}

// finishUpload prints what an upload came to and returns its error for the exit status.
func (a *app) finishUpload(report uploadReport, err error) error {
	report.Error = tap.ErrorOf(err)
	if a.json {
		a.printJSON(report)
	} else {
		for _, w := range report.Warnings {
			a.print("Warning   %s: %s", w.Name, w.Text)
		}
		a.printUpload(report.Upload)
	}
	if err != nil {
		return fault.From(err)
	}
	return nil
}
