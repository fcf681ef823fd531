package tap

import (
	"context"
	"encoding/json"
	"errors"

	"passport-agent/icao/lds"
	"passport-agent/internal/fault"
	"passport-agent/upload"
	"passport-agent/upload/media"
	"passport-agent/upload/queue"
)

// Deferrer is the part of queue.Queue that a tap needs.
type Deferrer interface {
	Enqueue(ctx context.Context, plan queue.Plan) (item string, err error)
}

// keep puts what was read into the queue. It does so also where this process was
// asked to end meanwhile: what was read is not thrown away.
func (t *tap) keep(ctx context.Context, plan queue.Plan) error {
	report, err := json.Marshal(t.report)
	if err != nil {
		return fault.New(fault.Unexpected, "report", err)
	}
	files := t.document.Files
	plan.TransactionID, plan.SessionID, plan.Verdict = t.report.TransactionID, t.SessionID, report
	plan.NFC = upload.NFCDocuments{COM: files[lds.COM], SOD: files[lds.SOD], DG1: files[lds.DG1], DG2: files[lds.DG2]}
	var portrait []queue.Image
	if t.FaceNFC {
		if file, why := portraitFile(plan.NFC.DG2); why != "" {
			t.report.Warnings = append(t.report.Warnings, Warning{Name: "portrait_not_sent", Text: why})
		} else {
			portrait = []queue.Image{{Context: media.FaceNFC, Content: file.Content}}
		}
	}
	if !plan.Uncertain {
		plan.Images = portrait
	}
	item, err := t.Deferrer.Enqueue(context.WithoutCancel(ctx), plan)
	if err != nil {
		if t.report.Upload.State == UploadNone {
			t.report.Upload.State = UploadState(err)
		}
		return err
	}
	t.report.Upload = Upload{State: UploadQueued, SessionID: t.SessionID, Item: item, Held: plan.Hold}
	t.observe(Event{Kind: EventQueued})
	if plan.Uncertain && len(portrait) > 0 {
		// The chip data may be there already: what was not tried goes for itself.
		return t.keepPortrait(ctx, portrait[0], false)
	}
	return nil
}

// keepPortrait puts the portrait alone into the queue.
func (t *tap) keepPortrait(ctx context.Context, portrait queue.Image, uncertain bool) error {
	item, err := t.Deferrer.Enqueue(context.WithoutCancel(ctx), queue.Plan{
		TransactionID: t.report.TransactionID, SessionID: t.SessionID, Images: []queue.Image{portrait}, Uncertain: uncertain,
	})
	if err != nil {
		return err
	}
	t.report.Portrait = &Upload{State: UploadQueued, SessionID: t.SessionID, Item: item}
	return nil
}

// keepFailed keeps what could not be uploaded for now. It returns the upload's own
// error where it could not be kept, or where another try makes no sense.
func (t *tap) keepFailed(err error, keep func(uncertain bool) error) error {
	retry := upload.RetryOf(err)
	if t.Deferrer == nil || errors.Is(err, fault.Interrupted) || retry != upload.RetryLater && retry != upload.RetryAfterCheck {
		return err
	}
	if kept := keep(retry == upload.RetryAfterCheck); kept != nil {
		return errors.Join(err, kept)
	}
	return fault.New(fault.UploadQueued, "", err)
}
