package agent

import (
	"context"

	"passport-agent/upload"
)

// Veriff is the Veriff API as the agent uses it.
type Veriff struct{ *upload.Client }

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
