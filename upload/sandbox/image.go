package sandbox

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"image"
	_ "image/jpeg" // for image.DecodeConfig
	_ "image/png"
	"net/http"
	"slices"
	"strings"
	"time"

	_ "golang.org/x/image/webp"
)

// Limits of the page's "Image upload", each in the narrowest reading.
const (
	maxImageText = 24_000_000 // of a picture's data URI; it has to be smaller
	maxPDF       = 20_000_000 // of a PDF file
	maxSide      = 1920       // pixels
)

// contexts are the valid values of 'context'.
var contexts = strings.Fields(`
	address-front document-and-face document-and-face-pre document-back document-back-barcode document-back-barcode-pre
	document-back-pre document-back-qrcode document-back-qrcode-pre document-front document-front-face-cropped
	document-front-pre document-front-qrcode document-front-qrcode-pre face face-cropped face-nfc face-pre face-reference
	registry-face`)

// decodeImage reads context, content and timestamp. content is base64, with a
// data URI's prefix (the page's notes) or without (its schema).
func (s *Server) decodeImage(raw json.RawMessage) (Media, answer, bool) {
	fields, err := object(raw)
	if err != nil {
		return bad("1400", "image is not an object")
	}
	context, ok := text(fields["context"])
	content, okContent := text(fields["content"])
	if !ok || context == "" || !okContent || content == "" {
		return bad("1403", "image needs context and content")
	}
	for name := range fields {
		if name != "context" && name != "content" && name != "timestamp" {
			return bad("1104", "image holds more than context, content and timestamp")
		}
	}
	if !slices.Contains(contexts, context) && !slices.Contains(s.options.Contexts, context) {
		return bad("1402", "the context is not supported")
	}
	if refusal, ok := s.checkTimestamp(fields["timestamp"]); !ok {
		return Media{}, refusal, false
	}
	stated, encoded := "", content
	if strings.HasPrefix(content, "data:") {
		prefix, rest, isBase64 := strings.Cut(content, ";base64,")
		if !isBase64 {
			return bad("1401", "content is a data URI without base64")
		}
		stated, encoded = strings.TrimPrefix(prefix, "data:"), rest
	}
	media := Media{Context: context}
	if media.Content, ok = decodeBase64(encoded); !ok {
		return bad("1401", "content is not base64")
	}
	found := formatOf(media.Content)
	media.MIMEType = stated
	if stated == "" {
		media.MIMEType = found
	}
	if found == "" || !sameFormat(found, media.MIMEType) {
		return bad("1101", "content is in none of the formats, or not in the one it states")
	}
	media.Size = len(media.Content)
	if refusal, ok := s.checkSize(media, len(content)); !ok {
		return Media{}, refusal, false
	}
	return media, answer{}, true
}

// checkTimestamp takes the page's three ways of writing a time.
func (s *Server) checkTimestamp(raw json.RawMessage) (answer, bool) {
	if raw == nil {
		return answer{}, true
	}
	written, ok := text(raw)
	at, err := time.Parse(time.RFC3339, written)
	if err != nil {
		at, err = time.Parse("2006-01-02T15:04:05Z0700", written)
	}
	switch {
	case !ok || err != nil:
		return refuse(http.StatusBadRequest, "1202", "timestamp is no date and time with an offset"), false
	case s.options.TimestampWithinHour && time.Since(at) > time.Hour:
		return refuse(http.StatusBadRequest, "1201", "timestamp is more than an hour past"), false
	}
	return answer{}, true
}

func (s *Server) checkSize(m Media, textSize int) (answer, bool) {
	if m.MIMEType == "application/pdf" {
		switch {
		case !s.options.PDF:
			return refuse(http.StatusBadRequest, "1101", "PDF is not enabled for the integration"), false
		case m.Size > maxPDF:
			return refuse(http.StatusRequestEntityTooLarge, "1101", "the PDF file is over 20 MB"), false
		}
		return answer{}, true
	}
	if textSize >= maxImageText {
		return refuse(http.StatusRequestEntityTooLarge, "1101", "the picture is not smaller than 24 MB of base64"), false
	}
	width, height, err := sizeOf(m.Content)
	switch {
	case err != nil:
		return refuse(http.StatusBadRequest, "1101", "the picture cannot be read"), false
	case max(width, height) > maxSide:
		return refuse(http.StatusBadRequest, "1101", "the longer side of the picture is over 1920 pixels"), false
	}
	return answer{}, true
}

// formatOf recognises the page's formats by their first bytes; "" for any other.
func formatOf(b []byte) string {
	for _, known := range []struct{ begin, mimeType string }{
		{"\xFF\xD8\xFF", "image/jpeg"}, {"\x89PNG\r\n\x1A\n", "image/png"}, {"%PDF-", "application/pdf"},
	} {
		if bytes.HasPrefix(b, []byte(known.begin)) {
			return known.mimeType
		}
	}
	if len(b) < 12 {
		return ""
	}
	switch string(b[4:12]) {
	case "ftypheic", "ftypheix", "ftypheim", "ftypheis":
		return "image/heic"
	case "ftypmif1":
		return "image/heif"
	}
	if string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP" {
		return "image/webp"
	}
	return ""
}

// sameFormat: the page has two names each for JPEG and for HEIF files.
func sameFormat(found, stated string) bool {
	if found == "image/heif" {
		found = "image/heic"
	}
	switch stated {
	case "image/jpg":
		stated = "image/jpeg"
	case "image/heif":
		stated = "image/heic"
	}
	return found == stated
}

// sizeOf reads a picture's size from its header: of HEIF the largest that any
// property ispe states (ISO/IEC 23008-12, 6.5.3).
func sizeOf(b []byte) (width, height int, err error) {
	if string(b[4:8]) != "ftyp" {
		config, _, err := image.DecodeConfig(bytes.NewReader(b))
		return config.Width, config.Height, err
	}
	const after = len("ispe") + 4 // version and flags
	for rest := b; ; {
		at := bytes.Index(rest, []byte("ispe"))
		if at < 0 || len(rest) < at+after+8 {
			break
		}
		rest = rest[at+after:]
		width = max(width, int(binary.BigEndian.Uint32(rest)))
		height = max(height, int(binary.BigEndian.Uint32(rest[4:])))
	}
	if width == 0 || height == 0 {
		return 0, 0, errors.New("no size")
	}
	return width, height, nil
}
