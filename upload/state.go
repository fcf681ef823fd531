package upload

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"passport-agent/internal/fault"
)

// StoredMedia is a file that the service keeps in a session.
type StoredMedia struct {
	ID       string
	Name     string
	Context  string
	MIMEType string
	Size     int64 // bytes, as the service states it; 0 if it states none
}

// MediaList is what the service keeps of the latest attempt of a session, in no
// order that says when it came.
type MediaList struct {
	Images       []StoredMedia
	Videos       []StoredMedia
	NFCDocuments []StoredMedia
}

// ListMedia asks for the media of a session (GET /v1/sessions/{id}/media). An
// empty list names no session and could be that of another: its signature covers
// the list alone, and the connection has to vouch for the rest.
func (c *Client) ListMedia(ctx context.Context, sessionID string) (MediaList, error) {
	r, a, err := c.ask(ctx, sessionID, "/media")
	if err != nil {
		return MediaList{}, err
	}
	fields, err := fieldsOf(a.body)
	if err != nil {
		return MediaList{}, a.unclear(r, err.Error())
	}
	var list MediaList
	for key, into := range map[string]*[]StoredMedia{"images": &list.Images, "videos": &list.Videos, "nfcDocuments": &list.NFCDocuments} {
		if *into, err = decodeList(fields[key], sessionID); err != nil {
			return MediaList{}, a.unclear(r, err.Error())
		}
	}
	if fields["images"] == nil && fields["nfcDocuments"] == nil {
		return MediaList{}, a.unclear(r, errNotUnderstood.Error())
	}
	return list, nil
}

// decodeList reads an array that may be missing or null.
func decodeList(raw json.RawMessage, sessionID string) ([]StoredMedia, error) {
	var items []*stored
	if raw != nil && json.Unmarshal(raw, &items) != nil {
		return nil, errNotUnderstood
	}
	var list []StoredMedia
	for _, s := range items {
		if s == nil || !s.plausible() || !s.in(sessionID) {
			return nil, errNotUnderstood
		}
		list = append(list, StoredMedia{ID: string(s.ID), Name: string(s.Name), Context: string(s.Context), MIMEType: string(s.MIMEType), Size: s.Size.integer()})
	}
	return list, nil
}

// Decision is what the service has decided about a session. What it says about
// the person is left where it is.
type Decision struct {
	Status       string // approved, declined, resubmission_requested, review, expired, abandoned
	Code         int    // 9001, 9102 and so on; 0 if none is given
	Reason       string
	ReasonCode   int
	AttemptID    string
	DecisionTime string // as the service writes it
	// NFCValidated tells whether the service could decode the chip data; nil where
	// it does not say.
	NFCValidated *bool
}

// Decision asks for the decision on a session (GET /v1/sessions/{id}/decision).
// It is nil as long as there is none.
func (c *Client) Decision(ctx context.Context, sessionID string) (*Decision, error) {
	r, a, err := c.ask(ctx, sessionID, "/decision")
	if err != nil {
		return nil, err
	}
	fields, err := fieldsOf(a.body)
	if err != nil {
		return nil, a.unclear(r, err.Error())
	}
	var v *struct {
		verification
		AttemptID    scalar `json:"attemptId"`
		Code         scalar `json:"code"`
		Reason       scalar `json:"reason"`
		ReasonCode   scalar `json:"reasonCode"`
		DecisionTime scalar `json:"decisionTime"`
		Document     *struct {
			NFCValidated *bool `json:"nfcValidated"`
		} `json:"document"`
	}
	raw, given := fields["verification"]
	if given && json.Unmarshal(raw, &v) != nil {
		return nil, a.unclear(r, errNotUnderstood.Error())
	}
	switch {
	case v == nil:
		return nil, nil
	case !strings.EqualFold(string(v.ID), sessionID):
		return nil, a.unclear(r, "the answer names another session")
	case v.Status == "" || !printable(v.Status, v.AttemptID, v.DecisionTime):
		return nil, a.unclear(r, errNotUnderstood.Error())
	}
	d := &Decision{
		AttemptID: string(v.AttemptID), Status: string(v.Status), Code: int(v.Code.integer()),
		Reason: string(v.Reason), ReasonCode: int(v.ReasonCode.integer()), DecisionTime: string(v.DecisionTime),
	}
	if !printable(v.Reason) {
		d.Reason = ""
	}
	if v.Document != nil {
		d.NFCValidated = v.Document.NFCValidated
	}
	return d, nil
}

// ask is a GET below a session, signed over the session id. What it fails with
// is never uncertain: asking changes nothing.
func (c *Client) ask(ctx context.Context, sessionID, below string) (request, answer, error) {
	address, err := c.sessionURL(sessionID, below)
	if err != nil {
		return request{}, answer{}, err
	}
	r := request{method: http.MethodGet, url: address, id: sessionID, lost: fault.AnswerUnusable}
	a, err := c.exchange(ctx, r, false, nil)
	return r, a, err
}
