// Package problem is how an error looks over HTTP: problem details (RFC 9457) with
// the code, cause and next step of internal/fault.
package problem

import (
	"encoding/json"
	"net/http"

	"passport-agent/internal/fault"
)

// ContentType is that of every error.
const ContentType = "application/problem+json"

// Problem is an error as the API tells it. Nothing in it is personal.
type Problem struct {
	Status int        `json:"status" doc:"HTTP status"`
	Code   fault.Code `json:"code" doc:"stable code, listed in docs/api.md"`
	Title  string     `json:"title" doc:"what happened, the same for every occurrence of the code"`
	Detail string     `json:"detail" doc:"what happened this time"`
	Advice string     `json:"advice" doc:"what to do next"`
}

// Of describes an error; nil for none.
func Of(err error) *Problem {
	f := fault.From(err)
	if f == nil {
		return nil
	}
	entry := fault.Lookup(f.Code)
	return &Problem{Status: status(entry), Code: f.Code, Title: entry.Cause, Detail: f.Error(), Advice: entry.NextStep}
}

// New describes a code with a detail, which may be empty.
func New(code fault.Code, detail string) *Problem { return Of(fault.New(code, detail, nil)) }

// Error returns the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType returns the content type of the package, whatever was negotiated.
func (p *Problem) ContentType(string) string { return ContentType }

// Write sends the problem as the whole answer.
func (p *Problem) Write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", ContentType)
	w.WriteHeader(p.Status)
	// A caller that has gone does not read its error.
	_ = json.NewEncoder(w).Encode(p)
}

// statuses are those of codes whose exit status does not tell enough.
var statuses = map[fault.Code]int{
	fault.HostRefused:          http.StatusForbidden,
	fault.OriginRefused:        http.StatusForbidden,
	fault.CrossSiteRefused:     http.StatusForbidden,
	fault.TokenMissing:         http.StatusUnauthorized,
	fault.TokenRefused:         http.StatusUnauthorized,
	fault.CallNotPermitted:     http.StatusForbidden,
	fault.PageHeaderMissing:    http.StatusForbidden,
	fault.ContentTypeRefused:   http.StatusUnsupportedMediaType,
	fault.RequestInvalid:       http.StatusUnprocessableEntity,
	fault.RequestTooLarge:      http.StatusRequestEntityTooLarge,
	fault.RequestTooSlow:       http.StatusRequestTimeout,
	fault.TooManyRequests:      http.StatusTooManyRequests,
	fault.RouteUnknown:         http.StatusNotFound,
	fault.MethodRefused:        http.StatusMethodNotAllowed,
	fault.LinkRefused:          http.StatusForbidden,
	fault.PairingUnknown:       http.StatusNotFound,
	fault.PairingCodeWrong:     http.StatusForbidden,
	fault.PairingRefused:       http.StatusForbidden,
	fault.PairingEnded:         http.StatusGone,
	fault.ReadUnknown:          http.StatusNotFound,
	fault.ReadNotJudged:        http.StatusConflict,
	fault.PersonalDataGone:     http.StatusGone,
	fault.PortraitUnavailable:  http.StatusNotFound,
	fault.IdempotencyMismatch:  http.StatusConflict,
	fault.TooManyReads:         http.StatusTooManyRequests,
	fault.ServiceNotConfigured: http.StatusConflict,
	fault.QueueNotConfigured:   http.StatusConflict,
	fault.SessionNotFound:      http.StatusNotFound,
	fault.FileNewer:            http.StatusConflict,
	fault.RateLimited:          http.StatusServiceUnavailable,
}

func status(e fault.Entry) int {
	if s, ok := statuses[e.Code]; ok {
		return s
	}
	switch e.Exit {
	case fault.ExitUsage:
		return http.StatusUnprocessableEntity
	case fault.ExitUnexpected:
		return http.StatusInternalServerError
	case fault.ExitReader, fault.ExitQueued, fault.ExitNotNow, fault.ExitInterrupted:
		return http.StatusServiceUnavailable
	default:
		return http.StatusConflict
	}
}
