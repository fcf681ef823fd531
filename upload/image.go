package upload

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"passport-agent/internal/fault"
	"passport-agent/upload/media"
)

// Image is a picture, or a PDF file, with what it was taken of.
type Image struct {
	// Context is one of media.Contexts, or one that Veriff has named for the
	// integration (media.CheckContext).
	Context string
	// File is what media.Prepare returned.
	File media.File
	// Timestamp is when the picture was taken. The zero value leaves it out, as it
	// should be where the upload comes later: the service refuses times that are
	// more than an hour past (code 1201).
	Timestamp time.Time
}

// UploadImage uploads a picture to a session (Veriff API, POST
// /v1/sessions/{id}/media with image). A context may be uploaded several times.
// It behaves as UploadNFC does; a file over the limits of package media is
// refused with fault.MediaTooLarge before anything is sent.
func (c *Client) UploadImage(ctx context.Context, sessionID string, image Image, observe func(Event)) (Receipt, error) {
	if err := c.CheckSession(sessionID); err != nil {
		return Receipt{}, err
	}
	if image.Context == "" {
		return Receipt{}, fault.New(fault.ContextUnknown, "it is empty", nil)
	}
	size, limit := len(image.File.Content), media.MaxImageBytes
	if image.File.MIMEType == "application/pdf" {
		limit = media.MaxPDFBytes
	}
	switch {
	case size == 0 || image.File.MIMEType == "":
		return Receipt{}, fault.New(fault.MediaFormatUnknown, "it is empty", nil)
	case size > limit:
		return Receipt{}, fault.New(fault.MediaTooLarge, fmt.Sprintf("%d bytes, at most %d", size, limit), nil)
	}
	body, err := imageBody(image)
	if err != nil {
		return Receipt{}, err
	}
	encoded := base64.StdEncoding.EncodedLen(size)
	return c.uploadMedia(ctx, mediaUpload{
		sessionID: sessionID,
		body:      body,
		tooLarge:  fault.ImageTooLarge,
		context:   image.Context,
		replyKeys: []string{"image"},
		sizes:     []int{size, encoded, len(dataURI(image.File.MIMEType)) + encoded, body.size()},
	}, observe)
}

// dataURI is what stands before the base64 text (RFC 2397).
func dataURI(mimeType string) string { return "data:" + mimeType + ";base64," }

func imageBody(image Image) (body, error) {
	kind, err := json.Marshal(image.Context)
	if err != nil {
		return nil, fault.New(fault.Unexpected, "context", err)
	}
	prefix, err := json.Marshal(dataURI(image.File.MIMEType))
	if err != nil {
		return nil, fault.New(fault.Unexpected, "data URI", err)
	}
	end := `"}}`
	if !image.Timestamp.IsZero() {
		end = `","timestamp":"` + image.Timestamp.UTC().Format(time.RFC3339) + `"}}`
	}
	return body{
		{text: `{"image":{"context":` + string(kind) + `,"content":` + string(prefix[:len(prefix)-1])},
		{octets: image.File.Content},
		{text: end},
	}, nil
}
