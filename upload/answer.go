package upload

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"passport-agent/internal/fault"
)

const (
	maxAnswer       = 1 << 20  // bytes of an answer's body; the documented ones have some hundred
	maxAnswerHeader = 64 << 10 // bytes of an answer's header
)

var errAnswerTooLarge = fmt.Errorf("the answer is larger than %d bytes", maxAnswer)

// answer is what came back, with the signature already checked.
type answer struct {
	status     int
	body       []byte
	err        error // the body is not complete
	unsigned   bool  // no signature was given
	authentic  bool  // the signature holds
	retryAfter time.Duration
	date       time.Time // by the service's clock; zero where it says nothing
	sentBytes  int       // of the request's body
}

func (c *Client) receive(response *http.Response) answer {
	a := answer{status: response.StatusCode, retryAfter: retryAfter(response.Header)}
	if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		a.date = date
	}
	a.body, a.err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	// Nothing is to be learned from closing a connection that is not used again.
	_ = response.Body.Close()
	if a.err == nil && len(a.body) > maxAnswer {
		a.err = errAnswerTooLarge
	}
	signatures := response.Header.Values("X-HMAC-SIGNATURE")
	a.unsigned = len(signatures) == 0
	a.authentic = a.err == nil && len(signatures) == 1 && verify(c.verifySecrets, signatures[0], a.body)
	return a
}

// retryAfter reads Retry-After in both its forms. The date form is taken
// against the answer's own Date, so that no clock here matters.
func retryAfter(header http.Header) time.Duration {
	const longest = 24 * time.Hour
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, longest)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), longest)
}

// accepted returns the error that an answer is for a request, or nil where it is
// a 2xx that the service has signed.
func (a answer) accepted(r request, compressed bool) error {
	switch {
	case a.status/100 != 2:
		return a.refusal(r, compressed)
	case a.unsigned:
		return a.unclear(r, "the answer is not signed")
	case !a.authentic:
		return a.unclear(r, "the signature of the answer is wrong")
	default:
		return nil
	}
}

// unclear is a 2xx answer that proves nothing.
func (a answer) unclear(r request, detail string) error {
	return fault.New(r.lost, detail, &APIError{HTTPStatus: a.status, Authenticated: a.authentic, Retry: r.retryWhenLost()})
}

// stored describes what the service keeps (NfcUploadResponse, ImageUploadResponse).
type stored struct {
	ID        scalar `json:"id"`
	Name      scalar `json:"name"`
	Context   scalar `json:"context"`
	Size      scalar `json:"size"`
	MIMEType  scalar `json:"mimetype"`
	SessionID scalar `json:"sessionId"`
}

var errNotUnderstood = errors.New("the answer is not understood")

// fieldsOf reads a 2xx answer, which says success.
func fieldsOf(body []byte) (map[string]json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return nil, errors.New("the answer is not a JSON object")
	}
	if !fieldSaysSuccess(fields["status"]) {
		return nil, errors.New("the answer does not say success")
	}
	return fields, nil
}

// decodeStored reads the answer to an upload. The page describes the same object
// under two keys and the list of media has it in an array; new fields may come
// any time.
func decodeStored(body []byte, keys []string) (stored, error) {
	fields, err := fieldsOf(body)
	if err != nil {
		return stored{}, err
	}
	for _, key := range keys {
		raw, ok := fields[key]
		if !ok {
			continue
		}
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) == nil && len(list) == 1 {
			raw = list[0]
		}
		var s stored
		if json.Unmarshal(raw, &s) != nil || !s.plausible() {
			return stored{}, errNotUnderstood
		}
		return s, nil
	}
	return stored{}, errNotUnderstood
}

func fieldSaysSuccess(raw json.RawMessage) bool {
	var status scalar
	if raw == nil {
		return true
	}
	if json.Unmarshal(raw, &status) != nil {
		return false
	}
	return strings.EqualFold(string(status), "success") || status.integer()/100 == 2
}

// plausible refuses what would be awkward to print or to store.
func (s stored) plausible() bool {
	return printable(s.ID, s.Name, s.Context, s.MIMEType) && s.ID != "" && s.SessionID != ""
}

// in reports whether the service keeps it in that session.
func (s stored) in(sessionID string) bool { return strings.EqualFold(string(s.SessionID), sessionID) }

func printable(texts ...scalar) bool {
	const longest = 256
	for _, text := range texts {
		if len(text) > longest || strings.ContainsFunc(string(text), unicode.IsControl) {
			return false
		}
	}
	return true
}

// scalar is a JSON string, number or null as text: the service writes numbers
// in both ways.
type scalar string

func (s *scalar) UnmarshalJSON(raw []byte) error {
	switch {
	case string(raw) == "null":
		*s = ""
		return nil
	case raw[0] == '"':
		return json.Unmarshal(raw, (*string)(s))
	default:
		var n json.Number
		err := json.Unmarshal(raw, &n)
		*s = scalar(n)
		return err
	}
}

// integer returns the value as a whole number, also where it is written 12345.0,
// and 0 where it is none.
func (s scalar) integer() int64 {
	const exact = 1 << 53
	f, err := strconv.ParseFloat(string(s), 64)
	if err != nil || f != math.Trunc(f) || f < 0 || f > exact {
		return 0
	}
	return int64(f)
}
