package main

import (
	"errors"

	"github.com/spf13/cobra"

	"passport-agent/internal/fault"
	"passport-agent/tap"
)

func (a *app) uploadSubmitCommand() *cobra.Command {
	f := &uploadFlags{}
	cmd := &cobra.Command{
		Use:   "submit --session ID",
		Short: "Submit a session: everything is there, the service may decide",
		Long: `Submits a session, which takes no more media then. A session that was submitted
already counts as done, so that the command may be repeated.`,
		Example: `  passport-agent upload submit --session f04bdb47-d3be-4b28-b028-a652feb060b5`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.finishSubmit(a.submit(cmd, f)) },
	}
	f.register(cmd)
	return cmd
}

// submitReport is the document of `upload submit --json`.
type submitReport struct {
	Schema    string     `json:"schema"`
	SessionID string     `json:"sessionId"`
	State     string     `json:"state"` // submitted, or as those of an upload
	Already   bool       `json:"alreadySubmitted"`
	Error     *tap.Error `json:"error"`
}

const stateSubmitted = "submitted"

func (a *app) submit(cmd *cobra.Command, f *uploadFlags) (submitReport, error) {
	report := submitReport{Schema: "passport-agent/upload-submit/1", SessionID: f.session, State: tap.UploadNone}
	client, _, err := a.uploadClient(f)
	if err != nil {
		return report, err
	}
	submission, err := client.Submit(cmd.Context(), f.session)
	switch {
	case err == nil:
		report.State, report.Already = stateSubmitted, submission.Already
	case errors.Is(err, fault.SubmitUncertain):
		report.State = tap.UploadUncertain
	default:
		report.State = tap.UploadState(err)
	}
	return report, err
}

func (a *app) finishSubmit(report submitReport, err error) error {
	report.Error = tap.ErrorOf(err)
	switch {
	case a.json:
		a.printJSON(report)
	case report.Already:
		a.print("Session   %s  %s: it was already", a.colour(green, "✓ submitted"), report.SessionID)
	case report.State == stateSubmitted:
		a.print("Session   %s  %s", a.colour(green, "✓ submitted"), report.SessionID)
	case report.State == tap.UploadUncertain:
		a.print("Session   %s  %s: it is not known whether it was submitted", a.colour(yellow, "? uncertain"), report.SessionID)
	}
	return asError(err)
}
