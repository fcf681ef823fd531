package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"passport-agent/internal/fault"
	"passport-agent/tap"
	"passport-agent/upload"
	"passport-agent/upload/media"
)

type imageFlags struct {
	uploadFlags
	context   string
	timestamp string
	noResize  bool
}

func (a *app) uploadImageCommand() *cobra.Command {
	f := &imageFlags{}
	cmd := &cobra.Command{
		Use:   "image --session ID --context CONTEXT FILE…",
		Short: "Upload pictures or PDF files",
		Long: `Uploads pictures, one after the other. JPEG, PNG, WebP, HEIC, HEIF and, where it is
enabled, PDF are told by their content. What fits the service's limits (17 MB, longer
side 1920 pixels; PDF 20 MB) is sent untouched, with all that is in it. A JPEG, PNG or
WebP picture that is larger is made smaller, upright and without metadata such as the
place; WebP becomes JPEG. Several pictures of one thing help the service.

Contexts: ` + strings.Join(media.Contexts(), ", ") + `.
Of two pictures of one thing, that with -pre is the first.`,
		Example: `  passport-agent upload image --session f04bdb47-d3be-4b28-b028-a652feb060b5 --context document-front page.jpg again.jpg
  passport-agent upload image --session f04bdb47-d3be-4b28-b028-a652feb060b5 --context face selfie.png --json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.finishImages(cmd.Context(), f, args)
		},
	}
	f.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.context, "context", "", "what the pictures are of (required)")
	flags.StringVar(&f.timestamp, "timestamp", "", "when they were taken, as 2026-03-24T10:00:00Z, or now (default: left out)")
	flags.BoolVar(&f.noResize, "no-resize", false, "refuse a picture that is too large instead of making it smaller")
	return cmd
}

// imagesReport is the document of `upload image --json`. Images stand in the order
// of the arguments.
type imagesReport struct {
	Schema    string        `json:"schema"`
	SessionID string        `json:"sessionId"`
	Context   string        `json:"context"`
	Images    []imageReport `json:"images"`
	Warnings  []tap.Warning `json:"warnings"`
	Error     *tap.Error    `json:"error"`
}

// imageReport is one picture: what became of it, and what was sent.
type imageReport struct {
	Upload tap.Upload `json:"upload"`
	Width  int        `json:"width,omitempty"` // pixels, as sent
	Height int        `json:"height,omitempty"`
	Scaled bool       `json:"scaled"`
	Sent   int        `json:"sentBytes,omitempty"` // of the request, compressed
}

func (a *app) uploadImages(ctx context.Context, f *imageFlags, paths []string) (imagesReport, error) {
	report := imagesReport{Schema: "passport-agent/upload-image/1", SessionID: f.session, Context: f.context, Images: make([]imageReport, len(paths)), Warnings: []tap.Warning{}}
	for i := range report.Images {
		report.Images[i].Upload = tap.Upload{State: tap.UploadNone, SessionID: f.session}
	}
	client, settings, err := a.uploadClient(&f.uploadFlags)
	if err != nil {
		return report, err
	}
	if err := media.CheckContext(f.context, settings.ExtraContexts); err != nil {
		return report, err
	}
	timestamp, err := parseTimestamp(f.timestamp)
	if err != nil {
		return report, err
	}
	options := media.Options{PDF: settings.PDF, NoResize: f.noResize}
	// Mistakes in the last file are found before the first is sent, and one file at
	// a time stands in memory.
	for i, path := range paths {
		if err := checkImage(path, options); err != nil {
			report.Images[i].Upload.State = tap.UploadState(err)
			return report, err
		}
	}
	for i, path := range paths {
		what := "Uploading"
		if len(paths) > 1 {
			what = fmt.Sprintf("Uploading %d of %d", i+1, len(paths))
		}
		var warnings []tap.Warning
		report.Images[i], warnings, err = a.uploadOneImage(ctx, client, f, path, what, options, timestamp)
		report.Warnings = append(report.Warnings, warnings...)
		if err != nil {
			return report, err
		}
	}
	return report, nil
}

func checkImage(path string, options media.Options) error {
	content, err := media.Load(path)
	if err == nil {
		err = media.Check(content, options)
	}
	return inFile(path, err)
}

func (a *app) uploadOneImage(ctx context.Context, client *upload.Client, f *imageFlags, path, what string, options media.Options, timestamp time.Time) (imageReport, []tap.Warning, error) {
	report := imageReport{Upload: tap.Upload{State: tap.UploadNone, SessionID: f.session}}
	content, err := media.Load(path)
	if err != nil {
		return report, nil, inFile(path, err)
	}
	file, err := media.Prepare(content, options)
	if err != nil {
		report.Upload.State = tap.UploadState(err)
		return report, nil, inFile(path, err)
	}
	report.Width, report.Height, report.Scaled = file.Width, file.Height, file.Scaled

	progress := a.newProgress()
	defer progress.end()
	if file.Scaled {
		progress.say(fmt.Sprintf("%s was too large: made %d x %d pixels, %d bytes", path, file.Width, file.Height, len(file.Content)))
	}
	started := time.Now()
	receipt, err := client.UploadImage(ctx, f.session, upload.Image{Context: f.context, File: file, Timestamp: timestamp}, func(e upload.Event) {
		progress.move(what, e.Sent, e.Total)
	})
	if err != nil {
		report.Upload.State = tap.UploadState(err)
		return report, nil, inFile(path, err)
	}
	seconds := time.Since(started).Seconds()
	progress.say(fmt.Sprintf("%s: %d bytes sent in %.2f s (%.1f kB/s)", path, receipt.SentBytes, seconds, float64(receipt.SentBytes)/1000/seconds))
	var warnings []tap.Warning
	report.Upload, warnings = tap.Accepted(f.session, receipt)
	report.Sent = receipt.SentBytes
	return report, warnings, nil
}

func parseTimestamp(text string) (time.Time, error) {
	switch text {
	case "":
		return time.Time{}, nil
	case "now":
		return time.Now(), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fault.New(fault.Usage, "--timestamp takes a time such as 2026-03-24T10:00:00Z, or now", nil)
	}
	return at, nil
}

func (a *app) finishImages(ctx context.Context, f *imageFlags, paths []string) error {
	report, err := a.uploadImages(ctx, f, paths)
	for _, image := range report.Images {
		a.auditUpload(ctx, "", image.Upload, tap.ErrorOf(err))
	}
	report.Error = tap.ErrorOf(err)
	if a.json {
		a.printJSON(report)
	} else {
		a.printWarnings(report.Warnings)
		for _, image := range report.Images {
			a.printUpload("Picture", image.Upload)
		}
	}
	return asError(err)
}
