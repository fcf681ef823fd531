package sandbox

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
)

// maxBody is the most that is read of a request, before and after
// decompression: 24 MB of base64, the page's largest upload, with room around it.
const maxBody = 32 << 20

// exchange is one request with its body read and uncompressed.
type exchange struct {
	request *http.Request
	body    []byte
	event   *Event
	fault   Fault
}

// answer is what is sent back. The zero value is no answer: the connection is cut.
type answer struct {
	status   int
	value    any    // written as JSON
	code     string // Veriff code, of a refusal
	unsigned bool
	refused  bool
}

// handle routes requests to what answers them, behind the checks that all share.
func (s *Server) handle(method, path string, kind Request, serve func(*exchange) answer) {
	pattern := strings.TrimSpace(method + " " + path)
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		event := Event{Method: r.Method, Route: path, SessionID: r.PathValue("id")}
		defer func() { s.observe(event) }()
		x := &exchange{request: r, event: &event}
		received, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
		event.ReceivedBytes = len(received)
		if err != nil {
			// The client went away within its request; nobody is there to answer.
			panic(http.ErrAbortHandler)
		}
		x.fault = s.nextFault(kind)
		event.Fault = x.fault
		if s.failBefore(w, x) {
			return
		}
		reply, ok := s.admit(x, received)
		if ok {
			reply = serve(x)
		}
		s.write(w, x, reply)
	})
}

func (s *Server) observe(event Event) {
	if s.options.Observe != nil {
		s.options.Observe(event)
	}
}

// admit checks the API key and takes the body out of its encoding.
func (s *Server) admit(x *exchange, received []byte) (answer, bool) {
	key := x.request.Header.Get("X-AUTH-CLIENT")
	switch {
	case key == "":
		return unauthorized("1101", "the header X-AUTH-CLIENT is missing"), false
	case !isUUID(key):
		return unauthorized("1802", "the API key is not a UUID"), false
	case key != s.options.APIKey:
		return unauthorized("1803", "the API key is not known"), false
	case len(received) > maxBody:
		return refuse(http.StatusRequestEntityTooLarge, "1101", "the request is too large"), false
	}
	encodings := x.request.Header.Values("Content-Encoding")
	x.event.Encoding = strings.Join(encodings, ", ")
	body, err := uncompress(encodings, received)
	switch {
	case err == nil:
	case errors.Is(err, errEncodingUnknown):
		return refuse(http.StatusUnsupportedMediaType, "1101", "Content-Encoding must be gzip or deflate, one of them"), false
	case errors.Is(err, errTooLarge):
		return refuse(http.StatusRequestEntityTooLarge, "1101", "the request is too large"), false
	default:
		return refuse(http.StatusBadRequest, "1101", "the body is not in the stated Content-Encoding"), false
	}
	x.body = body
	x.event.BodyBytes = len(body)
	return answer{}, true
}

// authentic reports whether the request is signed over signed: the uncompressed
// body of a POST or PATCH, the id in the path of a GET.
func (s *Server) authentic(x *exchange, signed []byte) bool {
	given := x.request.Header.Values("X-HMAC-SIGNATURE")
	return len(given) == 1 && hmac.Equal([]byte(given[0]), []byte(sign(s.options.Secret, signed)))
}

// sign returns HMAC-SHA256 in lower-case hexadecimal, as the page asks for.
func sign(secret string, data []byte) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

func success(status int, value any) answer { return answer{status: status, value: value} }

func refuse(status int, code, text string) answer {
	return answer{status: status, code: code, refused: true, value: text}
}

// unauthorized is the one answer that the page documents without a signature.
func unauthorized(code, text string) answer {
	a := refuse(http.StatusUnauthorized, code, text)
	a.unsigned = true
	return a
}

// body writes an answer. The page has a refusal's text under 'error' for chip
// data (codes 141x) and under 'message' everywhere else.
func (s *Server) body(a answer) []byte {
	value := a.value
	if a.refused {
		var code any = a.code
		if s.options.NumericCodes {
			code = json.Number(a.code)
		}
		field := "message"
		if strings.HasPrefix(a.code, "141") {
			field = "error"
		}
		value = map[string]any{"status": "fail", "code": code, field: a.value}
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	// Only strings, numbers and maps of them are written here.
	_ = encoder.Encode(value)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// write sends an answer, spoilt by the fault of the exchange where it has one.
func (s *Server) write(w http.ResponseWriter, x *exchange, a answer) {
	x.event.Status, x.event.Code = a.status, a.code
	body := s.body(a)
	header := w.Header()
	header.Set("Content-Type", "application/json")
	if key := x.request.Header.Get("X-AUTH-CLIENT"); key != "" {
		header.Set("x-auth-client", key)
	}
	if !a.unsigned {
		header.Set("x-hmac-signature", sign(s.options.AnswerSecret, body))
	}
	if s.failAfter(w, x, a, body) {
		return
	}
	w.WriteHeader(a.status)
	// A client that has gone does not want the answer.
	_, _ = w.Write(body)
}

func isUUID(text string) bool {
	if len(text) != 36 {
		return false
	}
	for i, c := range []byte(strings.ToLower(text)) {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}
