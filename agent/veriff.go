package agent

import (
	"context"

	"passport-agent/upload"
	"passport-agent/upload/media"
)

// Veriff is the Veriff API as the agent uses it.
type Veriff struct {
	*upload.Client
	// Media says what may be done to pictures, ExtraContexts which contexts there are
	// beside the documented ones.
	Media         media.Options
	ExtraContexts []string
}

var _ Service = (*Veriff)(nil)

// CreateSession makes a session and returns its id.
func (v *Veriff) CreateSession(ctx context.Context) (string, error) {
	session, err := v.Client.CreateSession(ctx, upload.NewSession{})
	return session.ID, err
}

// Submit ends a session; one that was submitted before counts as done.
func (v *Veriff) Submit(ctx context.Context, id string) error {
	_, err := v.Client.Submit(ctx, id)
	return err
}

// Session tells what is in a session and what was decided.
func (v *Veriff) Session(ctx context.Context, id string) (Session, error) {
	list, err := v.ListMedia(ctx, id)
	if err != nil {
		return Session{}, err
	}
	decision, err := v.Decision(ctx, id)
	if err != nil {
		return Session{}, err
	}
	var s Session
	for kind, media := range map[string][]upload.StoredMedia{"image": list.Images, "video": list.Videos, "nfc": list.NFCDocuments} {
		for _, m := range media {
			if m.Context == "" {
				m.Context = kind
			}
			s.Media = append(s.Media, Media{ID: m.ID, Context: m.Context, Type: m.MIMEType, Bytes: m.Size})
		}
	}
	if decision != nil {
		s.Status, s.Decision = decision.Status, decision.Status
	}
	return s, nil
}

// UploadPicture makes a picture fit and uploads it.
func (v *Veriff) UploadPicture(ctx context.Context, id, kind string, picture []byte) (upload.Receipt, error) {
	if err := media.CheckContext(kind, v.ExtraContexts); err != nil {
		return upload.Receipt{}, err
	}
	file, err := media.Prepare(picture, v.Media)
	if err != nil {
		return upload.Receipt{}, err
	}
	return v.UploadImage(ctx, id, upload.Image{Context: kind, File: file}, nil)
}
