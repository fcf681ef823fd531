package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"passport-agent/internal/fault"
	"passport-agent/tap"
	"passport-agent/upload"
)

func (a *app) uploadStatusCommand() *cobra.Command {
	f := &uploadFlags{}
	cmd := &cobra.Command{
		Use:   "status --session ID",
		Short: "Ask what the service keeps of a session, and what it has decided",
		Long: `Lists the media of the session's latest attempt and its decision, as far as there is
one. What the decision says about the person is not shown. The exit status is 0
whatever was decided.`,
		Example: `  passport-agent upload status --session f04bdb47-d3be-4b28-b028-a652feb060b5 --json`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.finishStatus(a.sessionStatus(cmd.Context(), f))
		},
	}
	f.register(cmd)
	return cmd
}

// statusReport is the document of `upload status --json`. Decision is null as long
// as there is none.
type statusReport struct {
	Schema    string          `json:"schema"`
	SessionID string          `json:"sessionId"`
	Media     []mediaReport   `json:"media"`
	Decision  *decisionReport `json:"decision"`
	Error     *tap.Error      `json:"error"`
}

type mediaReport struct {
	Kind     string `json:"kind"` // image, video or nfc
	ID       string `json:"mediaId"`
	Context  string `json:"context"`
	MIMEType string `json:"mimetype"`
	Size     int64  `json:"size"` // bytes, as the service states it
}

type decisionReport struct {
	Status       string `json:"status"`
	Code         int    `json:"code"`
	Reason       string `json:"reason"`
	ReasonCode   int    `json:"reasonCode"`
	AttemptID    string `json:"attemptId"`
	DecisionTime string `json:"decisionTime"`
	NFCValidated *bool  `json:"nfcValidated"`
}

func (a *app) sessionStatus(ctx context.Context, f *uploadFlags) (statusReport, error) {
	report := statusReport{Schema: "passport-agent/upload-status/1", SessionID: f.session, Media: []mediaReport{}}
	client, _, err := a.uploadClient(f)
	if err != nil {
		return report, err
	}
	list, err := client.ListMedia(ctx, f.session)
	if err != nil {
		return report, err
	}
	for _, of := range []struct {
		kind  string
		media []upload.StoredMedia
	}{{"image", list.Images}, {"video", list.Videos}, {"nfc", list.NFCDocuments}} {
		for _, m := range of.media {
			report.Media = append(report.Media, mediaReport{of.kind, m.ID, m.Context, m.MIMEType, m.Size})
		}
	}
	decision, err := client.Decision(ctx, f.session)
	if errors.Is(err, fault.SessionNotFound) {
		// The list has shown that the session is there: what is missing is the decision.
		return report, nil
	}
	if decision != nil {
		d := decisionReport(*decision)
		report.Decision = &d
	}
	return report, err
}

func (a *app) finishStatus(report statusReport, err error) error {
	report.Error = tap.ErrorOf(err)
	if a.json {
		a.printJSON(report)
		return asError(err)
	}
	for _, m := range report.Media {
		a.print("Media     %-5s  %-16s  %8d bytes  %-24s  %s", m.Kind, m.Context, m.Size, m.MIMEType, m.ID)
	}
	switch d := report.Decision; {
	case err != nil:
	case d == nil:
		a.print("Decision  none yet (%d media)", len(report.Media))
	default:
		a.print("Decision  %s", strings.TrimSpace(fmt.Sprintf("%s (%d) %s", d.Status, d.Code, d.Reason)))
	}
	return asError(err)
}
