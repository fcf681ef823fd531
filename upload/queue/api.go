package queue

import (
	"context"

	"passport-agent/upload"
	"passport-agent/upload/media"
)

// API makes a Client of the API's client. Pictures carry no time: the upload comes
// later than an hour, and the service refuses older times (code 1201).
func API(client *upload.Client) Client { return api{client} }

type api struct{ *upload.Client }

func (a api) CreateSession(ctx context.Context, vendorData string) (string, error) {
	session, err := a.Client.CreateSession(ctx, upload.NewSession{VendorData: vendorData})
	return session.ID, err
}

func (a api) ListMedia(ctx context.Context, sessionID string) ([]Media, error) {
	list, err := a.Client.ListMedia(ctx, sessionID)
	if err != nil {
		return nil, err
	}
	var all []Media
	for _, m := range list.Images {
		all = append(all, Media{ID: m.ID, Context: m.Context, Size: m.Size})
	}
	for _, m := range list.NFCDocuments {
		all = append(all, Media{ID: m.ID, NFC: true, Size: m.Size})
	}
	return all, nil
}

// UploadImage sends a picture that was prepared before it was queued: what fits is
// not touched here.
func (a api) UploadImage(ctx context.Context, sessionID string, image Image, observe func(upload.Event)) (string, error) {
	file, err := media.Prepare(image.Content, media.Options{PDF: true})
	if err != nil {
		return "", err
	}
	receipt, err := a.Client.UploadImage(ctx, sessionID, upload.Image{Context: image.Context, File: file}, observe)
	return receipt.MediaID, err
}

func (a api) UploadNFC(ctx context.Context, sessionID string, docs upload.NFCDocuments, observe func(upload.Event)) (string, error) {
	receipt, err := a.Client.UploadNFC(ctx, sessionID, docs, observe)
	return receipt.MediaID, err
}

func (a api) Submit(ctx context.Context, sessionID string) error {
	_, err := a.Client.Submit(ctx, sessionID)
	return err
}
