package upload

import (
	"context"
	"errors"
	"net/http"
	"time"

	"passport-agent/internal/fault"
)

// nobodysSession is a session id that the service gives to nobody: nothing in it is random.
const nobodysSession = "00000000-0000-4000-8000-000000000000"

// Probe asks for a session that does not exist, which shows whether the service is there
// and takes the credentials, and changes nothing. It returns the time by the service's
// clock, zero where the answer does not say, and fails as ListMedia does.
func (c *Client) Probe(ctx context.Context) (time.Time, error) {
	address, err := c.sessionURL(nobodysSession, "/media")
	if err != nil {
		return time.Time{}, err
	}
	r := request{method: http.MethodGet, url: address, id: nobodysSession, lost: fault.AnswerUnusable}
	a, err := c.send(ctx, r, c.outgoing(r, false), nil)
	if err != nil {
		return time.Time{}, err
	}
	if err := a.accepted(r, false); err != nil && !errors.Is(err, fault.SessionNotFound) {
		return a.date, err
	}
	return a.date, nil
}
