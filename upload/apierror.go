package upload

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"passport-agent/internal/fault"
)

// Retry says whether trying the same upload again makes sense.
type Retry string

// Verdicts on a second try.
const (
	RetryNever        Retry = "never"        // the same request will be refused again
	RetryLater        Retry = "later"        // try again after a pause: nothing was stored, or storing it again changes nothing
	RetryAfterCheck   Retry = "after_check"  // it may be stored: look at the session's media first
	RetryUncompressed Retry = "uncompressed" // at once, without Content-Encoding
)

// APIError is an answer of the service, or of a proxy before it, that is not an
// acceptance. The text of the answer is not kept: it may quote personal data.
type APIError struct {
	HTTPStatus int
	// Code is the Veriff code, at most 5 digits; empty if the answer has none.
	Code string
	// Authenticated tells that the signature of the answer holds. The service
	// does not sign a 401; where another 4xx is not authentic, something on the
	// way may have given it.
	Authenticated bool
	Retry         Retry
	// RetryAfter is the pause that the answer asks for, at most 24 hours.
	RetryAfter time.Duration
}

// Error gives status, code and pause.
func (e *APIError) Error() string {
	text := fmt.Sprintf("HTTP status %d", e.HTTPStatus)
	if e.Code != "" {
		text += ", code " + e.Code
	}
	if e.RetryAfter > 0 {
		text += fmt.Sprintf(", try again after %s", e.RetryAfter)
	}
	return text
}

// RetryOf returns the verdict on a second try that an error of this package
// stands for.
func RetryOf(err error) Retry {
	var apiError *APIError
	switch {
	case errors.As(err, &apiError):
		return apiError.Retry
	case errors.Is(err, fault.UploadUnreachable), errors.Is(err, fault.Interrupted), errors.Is(err, fault.AnswerUnusable),
		errors.Is(err, fault.SubmitUncertain), errors.Is(err, fault.CreateUncertain):
		return RetryLater
	case errors.Is(err, fault.UploadUncertain):
		return RetryAfterCheck
	default:
		return RetryNever
	}
}

// refusal classifies an answer that is not 2xx, by its HTTP status first: the
// page shows code 1101 for 400, 401, 404 and 500 alike.
func (a answer) refusal(r request, compressed bool) error {
	e := &APIError{
		HTTPStatus:    a.status,
		Code:          veriffCode(a.body),
		Authenticated: a.authentic,
		Retry:         RetryNever,
		RetryAfter:    a.retryAfter,
	}
	code, detail := fault.UploadRejected, ""
	switch {
	case a.status/100 == 3:
		code = fault.APIRedirected
	case a.status == http.StatusUnauthorized && e.Code == "1804":
		code = fault.IntegrationInactive
	case a.status == http.StatusUnauthorized:
		code = fault.UploadUnauthorized
	case a.status == http.StatusConflict:
		code = fault.SessionSubmitted
	case a.status == http.StatusUnsupportedMediaType:
		code = fault.EncodingRefused
		if compressed {
			e.Retry = RetryUncompressed
		}
	case a.status == http.StatusTooManyRequests:
		code, e.Retry = fault.RateLimited, RetryLater
	case a.status == http.StatusRequestTimeout, a.status/100 == 5:
		code, e.Retry = fault.APIFailed, r.retryWhenLost()
	case a.status/100 != 4:
		code, e.Retry = r.lost, r.retryWhenLost()
	default:
		switch {
		case a.status == http.StatusNotFound:
			code = fault.SessionNotFound
		case a.status == http.StatusRequestEntityTooLarge && r.tooLarge != "":
			code = r.tooLarge
		case a.status == http.StatusBadRequest && e.Code == "1410":
			code = fault.NFCDataRejected
		case a.status == http.StatusBadRequest && slices.Contains(imageCodes, e.Code):
			code = fault.ImageRejected
		}
		if !a.authentic {
			detail = "the answer is not signed by the service, something on the way may have given it"
		}
	}
	return fault.New(code, detail, e)
}

// imageCodes: image data missing, not base64, context not supported, property missing.
var imageCodes = []string{"1400", "1401", "1402", "1403"}

// veriffCode returns the code of an error body, written as string or number.
func veriffCode(body []byte) string {
	const longest = 5
	var fields struct {
		Code scalar `json:"code"`
	}
	if json.Unmarshal(body, &fields) != nil || len(fields.Code) > longest {
		return ""
	}
	for _, digit := range fields.Code {
		if digit < '0' || digit > '9' {
			return ""
		}
	}
	return string(fields.Code)
}
