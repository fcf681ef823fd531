package upload

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"passport-agent/internal/fault"
)

// NFCDocuments are the elementary files of a chip, whole and byte for byte as
// the chip sent them: the document's issuer signed the hashes of these bytes.
// The service requires all four.
type NFCDocuments struct {
	COM, SOD, DG1, DG2 []byte
}

type namedFile struct {
	name, key string
	content   []byte
}

func (d NFCDocuments) files() []namedFile {
	return []namedFile{
		{"EF.COM", "com", d.COM},
		{"EF.SOD", "sod", d.SOD},
		{"DG1", "dg1", d.DG1},
		{"DG2", "dg2", d.DG2},
	}
}

// UploadNFC uploads the files of a chip to a session
// (Veriff API, POST /v1/sessions/{id}/media with nfcDocuments). observe may be
// nil; it is never called after UploadNFC has returned.
//
// The request is sent once. It is sent a second time only where the service
// refuses its compression (415), then uncompressed. Errors carry a code of
// package fault; errors.As reaches an APIError where the service answered, and
// RetryOf tells whether trying again makes sense.
func (c *Client) UploadNFC(ctx context.Context, sessionID string, docs NFCDocuments, observe func(Event)) (Receipt, error) {
	if err := c.CheckSession(sessionID); err != nil {
		return Receipt{}, err
	}
	if err := c.checkNFC(docs); err != nil {
		return Receipt{}, err
	}
	body, sizes := nfcBody(docs)
	receipt, err := c.uploadMedia(ctx, mediaUpload{
		sessionID: sessionID,
		body:      body,
		tooLarge:  fault.PayloadTooLarge,
		replyKeys: []string{"nfcDocument", "nfcDocuments"},
		sizes:     sizes,
	}, observe)
	if err == nil && receipt.BodyBytes > c.config.WarnBodyBytes {
		receipt.warn(WarnBodyLarge, fmt.Sprintf("The request of %d bytes may be over the service's limit of 500 KB.", receipt.BodyBytes))
	}
	return receipt, err
}

func (c *Client) checkNFC(docs NFCDocuments) error {
	var missing []string
	raw := 0
	for _, f := range docs.files() {
		if len(f.content) == 0 {
			missing = append(missing, f.name)
		}
		raw += len(f.content)
	}
	if len(missing) > 0 {
		return fault.New(fault.FileMissing, strings.Join(missing, ", "), nil)
	}
	if raw > c.config.MaxRawBytes {
		return fault.New(fault.UploadTooLarge, fmt.Sprintf("%d bytes, at most %d", raw, c.config.MaxRawBytes), nil)
	}
	return nil
}

// nfcBody returns the JSON body and every number of bytes that the service may
// mean by the 'size' of this upload: the page does not say whether it counts the
// files, their base64 text, the object that holds them (a download gives that as
// JSON) or the body.
func nfcBody(docs NFCDocuments) (b body, sizes []int) {
	const begin, end = `{"nfcDocuments":`, `"}}`
	raw, encoded := 0, 0
	separator := begin + `{"`
	for _, f := range docs.files() {
		b = append(b, part{text: separator + f.key + `":"`}, part{octets: f.content})
		raw += len(f.content)
		encoded += base64.StdEncoding.EncodedLen(len(f.content))
		separator = `","`
	}
	b = append(b, part{text: end})
	return b, []int{raw, encoded, b.size() - len(begin) - len("}"), b.size()}
}
