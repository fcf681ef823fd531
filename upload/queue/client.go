package queue

import (
	"context"

	"passport-agent/upload"
)

// Client is what the queue needs of the API. The errors are those of package upload:
// upload.RetryOf tells what they mean for a second try.
type Client interface {
	// CreateSession creates a session and returns its id. vendorData is given back
	// with it and means nothing outside the queue.
	CreateSession(ctx context.Context, vendorData string) (id string, err error)
	// ListMedia returns what is in a session.
	ListMedia(ctx context.Context, sessionID string) ([]Media, error)
	// UploadImage and UploadNFC send one medium, once, and return its id.
	UploadImage(ctx context.Context, sessionID string, image Image, observe func(upload.Event)) (id string, err error)
	UploadNFC(ctx context.Context, sessionID string, docs upload.NFCDocuments, observe func(upload.Event)) (id string, err error)
	// Submit ends a session. One that was submitted before is no error.
	Submit(ctx context.Context, sessionID string) error
}

// Media is one entry of a session's media list.
type Media struct {
	ID      string
	NFC     bool
	Context string // of an image
	Size    int64  // in bytes, as the service counts
}
