package upload

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"passport-agent/internal/fault"
)

// mediaUpload is one upload to the media endpoint.
type mediaUpload struct {
	sessionID string
	body      body
	tooLarge  fault.Code
	context   string   // of a picture
	replyKeys []string // under which the answer describes what was stored
	sizes     []int    // every number of bytes the answer may give as size
}

// uploadMedia is POST /v1/sessions/{id}/media.
func (c *Client) uploadMedia(ctx context.Context, m mediaUpload, observe func(Event)) (Receipt, error) {
	url, err := c.sessionURL(m.sessionID, "/media")
	if err != nil {
		return Receipt{}, err
	}
	r := request{method: http.MethodPost, url: url, body: m.body, lost: fault.UploadUncertain, tooLarge: m.tooLarge}
	a, err := c.exchange(ctx, r, !c.config.NoCompression, observe)
	uncompressed := RetryOf(err) == RetryUncompressed
	if uncompressed {
		a, err = c.exchange(ctx, r, false, observe)
	}
	if err != nil {
		return Receipt{}, err
	}
	stored, err := decodeStored(a.body, m.replyKeys)
	if err != nil {
		return Receipt{}, a.unclear(r, err.Error())
	}
	// A signature covers the body alone: an answer to another upload has a valid one.
	if !stored.in(m.sessionID) {
		return Receipt{}, a.unclear(r, "the answer names another session")
	}
	receipt := Receipt{
		MediaID:   string(stored.ID),
		SessionID: m.sessionID,
		Name:      string(stored.Name),
		Context:   string(stored.Context),
		MIMEType:  string(stored.MIMEType),
		Size:      stored.Size.integer(),
		BodyBytes: m.body.size(),
		SentBytes: a.sentBytes,
	}
	if uncompressed {
		receipt.warn(WarnUncompressed, "The service refused the compressed request; it was sent again without compression.")
	}
	if !slices.Contains(m.sizes, int(receipt.Size)) {
		receipt.warn(WarnSizeDiffers, fmt.Sprintf("The service states a size of %d bytes, which is not what was sent.", receipt.Size))
	}
	if m.context != "" && !strings.EqualFold(m.context, receipt.Context) {
		receipt.warn(WarnContextDiffers, "The service states another context than the picture was sent with.")
	}
	return receipt, nil
}
