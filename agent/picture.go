package agent

import (
	"context"

	"passport-agent/internal/fault"
	"passport-agent/tap"
	"passport-agent/upload"
	"passport-agent/upload/media"
	"passport-agent/upload/queue"
)

// Picture makes a picture fit and brings it into a session; where that is not possible
// now, or this machine uploads nothing, into the queue. It returns tap.UploadAccepted
// with the service's name for it, or tap.UploadQueued with the queue's.
func (a *Agent) Picture(ctx context.Context, session, kind string, picture []byte) (state, id string, err error) {
	if a.options.Service == nil && a.options.Queue == nil {
		return "", "", fault.New(fault.ServiceNotConfigured, "", nil)
	}
	if err := media.CheckContext(kind, a.options.ExtraContexts); err != nil {
		return "", "", err
	}
	file, err := media.Prepare(picture, a.options.Media)
	if err != nil {
		return "", "", err
	}
	if a.options.Service != nil {
		var receipt upload.Receipt
		receipt, err = a.options.Service.UploadImage(ctx, session, upload.Image{Context: kind, File: file}, nil)
		a.pictureSent(session, receipt, err)
		if err == nil {
			return tap.UploadAccepted, receipt.MediaID, nil
		}
		// What may have arrived is not sent again: whoever asked looks at the session.
		if upload.RetryOf(err) != upload.RetryLater {
			return "", "", err
		}
	}
	if a.options.Queue == nil {
		return "", "", err
	}
	id, err = a.options.Queue.Enqueue(ctx, queue.Plan{SessionID: session, Images: []queue.Image{{Context: kind, Content: file.Content}}})
	return tap.UploadQueued, id, err
}

// pictureSent notes what became of a picture that was sent at once; what the queue sends
// it notes itself.
func (a *Agent) pictureSent(session string, receipt upload.Receipt, err error) {
	sent := tap.Upload{State: tap.UploadAccepted, SessionID: session, MediaID: receipt.MediaID, Size: receipt.Size, MIMEType: receipt.MIMEType}
	if err != nil {
		sent = tap.Upload{State: tap.UploadState(err), SessionID: session}
	}
	a.options.Audit(Record{Time: a.options.Now(), Kind: RecordPicture, Operator: a.Shift(), Upload: sent, Err: err})
}
