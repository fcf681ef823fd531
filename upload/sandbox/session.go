package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
	"unicode/utf8"
)

// statuses of a session and, where there is a decision, its code.
var statuses = map[string]int{
	"created": 0, "started": 0, "submitted": 0,
	"approved": 9001, "declined": 9102, "resubmission_requested": 9103, "review": 9121, "expired": 9104, "abandoned": 9104,
}

// ParseDecision fails where a decision cannot be in this status.
func ParseDecision(status string) error {
	if statuses[status] == 0 {
		return fmt.Errorf("unknown decision %q: approved, declined, resubmission_requested, review, expired or abandoned", status)
	}
	return nil
}

// takesMedia reports whether a session in this status can be added to and submitted.
func takesMedia(status string) bool { return status == "created" || status == "started" }

// createSession is POST /v1/sessions: the one request that needs no signature;
// one that is given must hold.
func (s *Server) createSession(x *exchange) answer {
	if x.request.Header.Get("X-HMAC-SIGNATURE") != "" && !s.authentic(x, x.body) {
		return unauthorized("1815", "X-HMAC-SIGNATURE does not fit the body")
	}
	wanted, refusal, ok := verificationOf(x.body)
	if !ok {
		return refusal
	}
	vendorData, _ := text(wanted["vendorData"])
	if refusal, ok := checkWanted(wanted, vendorData); !ok {
		return refusal
	}
	id := newID()
	x.event.SessionID = id
	if x.fault == LateCommit {
		s.commitLater(func() { s.AddSession(id) })
	} else {
		s.AddSession(id)
	}
	return success(http.StatusCreated, verification(x, id, "created", vendorData))
}

// checkWanted holds what a session is created with against the codes 1302, 1500
// and 1501.
func checkWanted(wanted map[string]json.RawMessage, vendorData string) (answer, bool) {
	const longest = 1000
	if raw, given := wanted["vendorData"]; given {
		if _, ok := text(raw); !ok {
			return refuse(http.StatusBadRequest, "1501", "vendorData is not a string"), false
		}
		if utf8.RuneCountInString(vendorData) > longest {
			return refuse(http.StatusBadRequest, "1500", "vendorData is longer than 1000 characters"), false
		}
	}
	if raw, given := wanted["callback"]; given {
		address, _ := text(raw)
		if parsed, err := url.Parse(address); err != nil || parsed.Scheme != "https" {
			return refuse(http.StatusBadRequest, "1302", "callback is not an https address"), false
		}
	}
	if raw, given := wanted["endUserId"]; given {
		if id, _ := text(raw); !isUUID(id) {
			return refuse(http.StatusBadRequest, "1104", "endUserId is not a UUID"), false
		}
	}
	return answer{}, true
}

// submitSession is PATCH /v1/sessions/{id} with the status 'submitted', the only
// one it takes.
func (s *Server) submitSession(x *exchange) answer {
	if !s.authentic(x, x.body) {
		return unauthorized("1815", "X-HMAC-SIGNATURE does not fit the body")
	}
	wanted, refusal, ok := verificationOf(x.body)
	if !ok {
		return refusal
	}
	if status, _ := text(wanted["status"]); status != "submitted" {
		return refuse(http.StatusBadRequest, "1303", "the status must be submitted")
	}
	id := x.request.PathValue("id")
	if x.fault == LateCommit {
		s.commitLater(func() { s.Submit(id) })
		return answer{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch known := s.known(id); {
	case known == nil:
		return refuse(http.StatusNotFound, "1101", "no such session")
	case !takesMedia(known.status):
		return refuse(http.StatusBadRequest, "1304", "the session is "+known.status)
	default:
		s.submit(known)
	}
	named := id
	if x.fault == WrongSession {
		named = newID()
	}
	return success(http.StatusOK, verification(x, named, "submitted", ""))
}

// submit decides at once where the options say so. The caller holds the lock.
func (s *Server) submit(known *session) {
	known.status = "submitted"
	if s.options.Decide != "" {
		known.status = s.options.Decide
	}
}

// verificationOf reads a body {"verification": {…}}.
func verificationOf(body []byte) (map[string]json.RawMessage, answer, bool) {
	fields, err := object(body)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "1101", "the body is not a JSON object"), false
	}
	wanted, err := object(fields["verification"])
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "1102", "verification is missing"), false
	}
	return wanted, answer{}, true
}

func verification(x *exchange, id, status, vendorData string) map[string]any {
	host := "http://" + x.request.Host
	return map[string]any{"status": "success", "verification": map[string]any{
		"id": id, "url": host + "/flow/" + id, "host": host, "status": status,
		"vendorData": vendorData, "sessionToken": id,
	}}
}

// asked finds the session of a GET, which is signed over the session id.
func (s *Server) asked(x *exchange) (*session, answer) {
	id := x.request.PathValue("id")
	if !s.authentic(x, []byte(id)) {
		return nil, unauthorized("1818", "X-HMAC-SIGNATURE does not fit the session id")
	}
	known := s.known(id)
	if known == nil {
		return nil, refuse(http.StatusNotFound, "1101", "no such session")
	}
	return known, answer{}
}

// listMedia is GET /v1/sessions/{id}/media.
func (s *Server) listMedia(x *exchange) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, refusal := s.asked(x)
	if known == nil {
		return refusal
	}
	images, nfc := []any{}, []any{}
	for _, m := range known.media {
		if m.Context == nfcContext {
			nfc = append(nfc, describe(x, m, x.request.PathValue("id")))
		} else {
			images = append(images, describe(x, m, x.request.PathValue("id")))
		}
	}
	return success(http.StatusOK, map[string]any{"status": "success", "images": images, "videos": []any{}, "nfcDocuments": nfc})
}

// decision is GET /v1/sessions/{id}/decision. Its person is the specimen of
// Doc 9303, whoever was uploaded.
func (s *Server) decision(x *exchange) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, refusal := s.asked(x)
	if known == nil {
		return refusal
	}
	code := statuses[known.status]
	if code == 0 {
		return success(http.StatusOK, map[string]any{"status": "success", "verification": nil})
	}
	id := x.request.PathValue("id")
	if x.fault == WrongSession {
		id = newID()
	}
	hasNFC := slices.ContainsFunc(known.media, func(m Media) bool { return m.Context == nfcContext })
	return success(http.StatusOK, map[string]any{"status": "success", "verification": map[string]any{
		"id": id, "attemptId": newID(), "status": known.status, "code": code, "reason": nil, "reasonCode": nil,
		"vendorData": nil, "endUserId": nil, "decisionTime": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		"person":   map[string]any{"firstName": "ANNA MARIA", "lastName": "ERIKSSON", "dateOfBirth": "1974-08-12"},
		"document": map[string]any{"number": "L898902C3", "type": "PASSPORT", "country": nil, "nfcValidated": hasNFC},
	}})
}
