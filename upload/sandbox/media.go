package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"strings"
)

// uploadMedia is POST /v1/sessions/{id}/media.
func (s *Server) uploadMedia(x *exchange) answer {
	if !s.authentic(x, x.body) {
		return unauthorized("1815", "X-HMAC-SIGNATURE does not fit the uncompressed body")
	}
	kind, _, err := mime.ParseMediaType(x.request.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return refuse(http.StatusBadRequest, "1101", "Content-Type must be application/json")
	}
	id := x.request.PathValue("id")
	if refusal, ok := s.openSession(id); !ok {
		return refusal
	}
	media, refusal, ok := s.decodeMedia(x.body)
	if !ok {
		return refusal
	}
	media.ID = newID()
	if x.fault == LateCommit {
		s.commitLater(func() { _, _ = s.commit(id, media) })
	} else if refusal, ok := s.commit(id, media); !ok {
		return refusal
	} else {
		x.event.MediaID = media.ID
	}
	field := "image"
	if media.Context == nfcContext {
		field = "nfcDocument"
		if s.options.SchemaSpelling {
			field = "nfcDocuments"
		}
	}
	return success(http.StatusOK, map[string]any{"status": "success", field: describe(x, media, id)})
}

const nfcContext = "document-nfc"

// describe writes stored media as the page does (NfcUploadResponse, ImageUploadResponse).
func describe(x *exchange, m Media, sessionID string) map[string]any {
	if x.fault == WrongSession {
		sessionID = newID()
	}
	return map[string]any{
		"id": m.ID, "name": m.Context, "context": m.Context, "timestamp": nil, "size": m.Size, "mimetype": m.MIMEType,
		"url": "http://" + x.request.Host + "/v1/media/" + m.ID, "sessionId": sessionID,
	}
}

// openSession refuses an unknown (404) and a submitted session (409).
func (s *Server) openSession(id string) (answer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open(id)
}

func (s *Server) open(id string) (answer, bool) {
	switch known := s.known(id); {
	case known == nil:
		return refuse(http.StatusNotFound, "1101", "no such session"), false
	case !takesMedia(known.status):
		return refuse(http.StatusConflict, "1101", "the session is "+known.status), false
	}
	return answer{}, true
}

func (s *Server) commit(id string, m Media) (answer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// The session may have been submitted since it was looked at.
	if refusal, ok := s.open(id); !ok {
		return refusal, false
	}
	s.sessions[id].media = append(s.sessions[id].media, m)
	return answer{}, true
}

// decodeMedia reads a body that holds exactly one of image and nfcDocuments.
func (s *Server) decodeMedia(body []byte) (Media, answer, bool) {
	fields, err := object(body)
	if err != nil {
		return bad("1101", "the body is not a JSON object")
	}
	if len(fields) != 1 {
		return bad("1101", "one request holds one of image and nfcDocuments")
	}
	for name, value := range fields {
		switch name {
		case "nfcDocuments":
			return s.decodeNFC(value, len(body))
		case "image":
			return s.decodeImage(value)
		}
	}
	return bad("1101", "neither image nor nfcDocuments")
}

func bad(code, why string) (Media, answer, bool) {
	return Media{}, refuse(http.StatusBadRequest, code, why), false
}

// decodeNFC reads com, sod, dg1 and dg2: all required, base64 (RFC 4648, 4) with
// padding, no prefix.
func (s *Server) decodeNFC(raw json.RawMessage, bodySize int) (Media, answer, bool) {
	fields, err := object(raw)
	if err != nil {
		return bad("1410", "nfcDocuments is not an object")
	}
	media := Media{Context: nfcContext, MIMEType: "application/octet-stream"}
	counts := map[Reading]int{ReadingBody: bodySize}
	for _, file := range []struct {
		name    string
		content *[]byte
	}{{"com", &media.COM}, {"sod", &media.SOD}, {"dg1", &media.DG1}, {"dg2", &media.DG2}} {
		encoded, ok := text(fields[file.name])
		if !ok || encoded == "" {
			return bad("1410", file.name+" is missing")
		}
		if *file.content, ok = decodeBase64(encoded); !ok {
			return bad("1410", file.name+" is not base64")
		}
		counts[ReadingBase64] += len(encoded)
		counts[ReadingRaw] += len(*file.content)
		delete(fields, file.name)
	}
	if len(fields) > 0 {
		return bad("1104", "nfcDocuments holds more than com, sod, dg1 and dg2")
	}
	if counts[s.options.LimitReading] > limits[s.options.LimitReading] {
		return Media{}, refuse(http.StatusRequestEntityTooLarge, "1412", "the chip data is over 500 KB"), false
	}
	media.Size = counts[s.options.SizeReading]
	return media, answer{}, true
}

func decodeBase64(encoded string) ([]byte, bool) {
	// The decoder skips line breaks, which do not belong here.
	if strings.ContainsAny(encoded, "\r\n") {
		return nil, false
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(encoded)
	return decoded, err == nil
}
