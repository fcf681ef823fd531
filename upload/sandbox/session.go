package sandbox

import "net/http"

// createSession is POST /v1/sessions: the one request that needs no signature;
// one that is given must hold.
func (s *Server) createSession(x *exchange) answer {
	if x.request.Header.Get("X-HMAC-SIGNATURE") != "" && !s.authentic(x, x.body) {
		return unauthorized("1815", "X-HMAC-SIGNATURE does not fit the body")
	}
	fields, err := object(x.body)
	if err != nil {
		return refuse(http.StatusBadRequest, "1101", "the body is not a JSON object")
	}
	wanted, err := object(fields["verification"])
	if err != nil {
		return refuse(http.StatusBadRequest, "1102", "verification is missing")
	}
	vendorData, _ := text(wanted["vendorData"])
	id := newID()
	s.AddSession(id)
	x.event.SessionID = id
	return success(http.StatusCreated, verification(x, id, "created", vendorData))
}

// submitSession is PATCH /v1/sessions/{id} with the status 'submitted', the only
// one it takes.
func (s *Server) submitSession(x *exchange) answer {
	if !s.authentic(x, x.body) {
		return unauthorized("1815", "X-HMAC-SIGNATURE does not fit the body")
	}
	fields, err := object(x.body)
	if err != nil {
		return refuse(http.StatusBadRequest, "1101", "the body is not a JSON object")
	}
	wanted, err := object(fields["verification"])
	if err != nil {
		return refuse(http.StatusBadRequest, "1102", "verification is missing")
	}
	if status, _ := text(wanted["status"]); status != "submitted" {
		return refuse(http.StatusBadRequest, "1303", "the status must be submitted")
	}
	id := x.request.PathValue("id")
	s.mu.Lock()
	defer s.mu.Unlock()
	switch known := s.known(id); {
	case known == nil:
		return refuse(http.StatusNotFound, "1101", "no such session")
	case known.submitted:
		return refuse(http.StatusBadRequest, "1304", "the session was submitted before")
	default:
		known.submitted = true
	}
	return success(http.StatusOK, verification(x, id, "submitted", ""))
}

func verification(x *exchange, id, status, vendorData string) map[string]any {
	host := "http://" + x.request.Host
	return map[string]any{"status": "success", "verification": map[string]any{
		"id": id, "url": host + "/flow/" + id, "host": host, "status": status,
		"vendorData": vendorData, "sessionToken": id,
	}}
}

// listMedia is GET /v1/sessions/{id}/media, signed over the session id.
func (s *Server) listMedia(x *exchange) answer {
	id := x.request.PathValue("id")
	if !s.authentic(x, []byte(id)) {
		return unauthorized("1818", "X-HMAC-SIGNATURE does not fit the session id")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.known(id)
	if known == nil {
		return refuse(http.StatusNotFound, "1101", "no such session")
	}
	images, nfc := []any{}, []any{}
	for _, m := range known.media {
		if m.Context == nfcContext {
			nfc = append(nfc, describe(x, m, id))
		} else {
			images = append(images, describe(x, m, id))
		}
	}
	return success(http.StatusOK, map[string]any{"status": "success", "images": images, "videos": []any{}, "nfcDocuments": nfc})
}
