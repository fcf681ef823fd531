package upload

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"passport-agent/internal/fault"
)

// CheckSession fails with fault.SessionIDInvalid where a session id cannot be
// one. Whether the service knows the session shows with the upload.
func (c *Client) CheckSession(sessionID string) error {
	_, err := c.sessionURL(sessionID, "")
	return err
}

// NewSession is what may be said about a session when it is created; everything
// is optional. Data of the person are not among it: the service takes them from
// the document.
type NewSession struct {
	// VendorData is echoed by the service, at most 1000 characters. It must mean
	// nothing to others.
	VendorData string
	// EndUserID is a UUID of the person in the caller's own system.
	EndUserID string
	// Callback is an https address for the person's browser.
	Callback string
}

// Session is a session at the service.
type Session struct {
	ID     string
	Status string // as the service says it, such as "created"
}

// CreateSession creates a session (POST /v1/sessions). Where the answer is lost,
// fault.CreateUncertain: there may be a session that stays empty and expires.
func (c *Client) CreateSession(ctx context.Context, s NewSession) (Session, error) {
	if err := s.check(); err != nil {
		return Session{}, err
	}
	verification := map[string]string{}
	for key, value := range map[string]string{"vendorData": s.VendorData, "endUserId": s.EndUserID, "callback": s.Callback} {
		if value != "" {
			verification[key] = value
		}
	}
	r, err := verificationRequest(http.MethodPost, c.base+"/sessions", verification, fault.CreateUncertain)
	if err != nil {
		return Session{}, err
	}
	r.integrationID = c.config.IntegrationID
	a, err := c.exchange(ctx, r, false, nil)
	if err != nil {
		return Session{}, err
	}
	created, err := decodeVerification(a.body)
	if err != nil {
		return Session{}, a.unclear(r, err.Error())
	}
	if err := c.CheckSession(string(created.ID)); err != nil {
		return Session{}, a.unclear(r, "the answer names no session")
	}
	return Session{ID: string(created.ID), Status: string(created.Status)}, nil
}

// check refuses what the service documents as refused (codes 1302, 1500).
func (s NewSession) check() error {
	const longest = 1000
	callback, err := url.Parse(s.Callback)
	switch {
	case utf8.RuneCountInString(s.VendorData) > longest:
		return invalid("vendorData: at most 1000 characters")
	case s.EndUserID != "" && !uuid.MatchString(s.EndUserID):
		return invalid("endUserId: must be a UUID")
	case s.Callback != "" && (err != nil || callback.Scheme != "https" || callback.Host == ""):
		return invalid("callback: must be an https address")
	}
	return nil
}

// Submission is a session that was submitted.
type Submission struct {
	// Already tells that it had been submitted before.
	Already bool
}

// Submit ends a session, which takes no more media then (PATCH /v1/sessions/{id}).
// Submitting twice is submitting once: where the service says that the session is
// past that, its decision tells a submitted session from an expired one
// (fault.SessionExpired). Where the answer is lost, fault.SubmitUncertain, and
// Submit may be called again.
func (c *Client) Submit(ctx context.Context, sessionID string) (Submission, error) {
	address, err := c.sessionURL(sessionID, "")
	if err != nil {
		return Submission{}, err
	}
	r, err := verificationRequest(http.MethodPatch, address, map[string]string{"status": "submitted"}, fault.SubmitUncertain)
	if err != nil {
		return Submission{}, err
	}
	a, err := c.exchange(ctx, r, false, nil)
	if pastSubmission(err) {
		return c.submittedBefore(ctx, sessionID)
	}
	if err != nil {
		return Submission{}, err
	}
	submitted, err := decodeVerification(a.body)
	switch {
	case err != nil:
		return Submission{}, a.unclear(r, err.Error())
	case !strings.EqualFold(string(submitted.ID), sessionID):
		return Submission{}, a.unclear(r, "the answer names another session")
	case submitted.Status != "submitted":
		return Submission{}, a.unclear(r, "the answer does not say submitted")
	}
	return Submission{}, nil
}

// pastSubmission: the service itself says that the session cannot become
// submitted (code 1304, or a conflict), because it is or because it is over.
func pastSubmission(err error) bool {
	var e *APIError
	return errors.As(err, &e) && e.Authenticated &&
		(e.HTTPStatus == http.StatusConflict || e.HTTPStatus == http.StatusBadRequest && e.Code == "1304")
}

func (c *Client) submittedBefore(ctx context.Context, sessionID string) (Submission, error) {
	decision, err := c.Decision(ctx, sessionID)
	switch {
	case errors.Is(err, fault.SessionNotFound): // it is known: no decision is
		return Submission{Already: true}, nil
	case err != nil:
		return Submission{}, err
	case decision != nil && (decision.Status == "expired" || decision.Status == "abandoned"):
		return Submission{}, fault.New(fault.SessionExpired, "its status is "+decision.Status, nil)
	}
	return Submission{Already: true}, nil
}

// verificationRequest has the body {"verification": {…}}.
func verificationRequest(method, address string, verification map[string]string, lost fault.Code) (request, error) {
	text, err := json.Marshal(map[string]any{"verification": verification})
	if err != nil {
		return request{}, fault.New(fault.Unexpected, "verification", err)
	}
	return request{method: method, url: address, body: body{{text: string(text)}}, lost: lost}, nil
}

// verification is what the service says about a session.
type verification struct {
	ID     scalar `json:"id"`
	Status scalar `json:"status"`
}

func decodeVerification(body []byte) (verification, error) {
	fields, err := fieldsOf(body)
	if err != nil {
		return verification{}, err
	}
	var v *verification
	if json.Unmarshal(fields["verification"], &v) != nil || v == nil || v.ID == "" || !printable(v.ID, v.Status) {
		return verification{}, errNotUnderstood
	}
	return *v, nil
}
