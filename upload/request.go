package upload

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"strings"
	"unicode"

	"passport-agent/internal/fault"
)

// request is one request to the API.
type request struct {
	method string
	url    string
	body   body
	// id is what is signed where there is no body: the id in the path.
	id string
	// lost is what it means when a request that was handed over has no usable
	// answer. Only an upload is not simply sent again then.
	lost fault.Code
	// tooLarge is what 413 means.
	tooLarge fault.Code
	// integrationID is sent where the service needs it.
	integrationID string
}

// retryWhenLost is the verdict on a second try where the answer tells nothing.
func (r request) retryWhenLost() Retry {
	if r.lost == fault.UploadUncertain {
		return RetryAfterCheck
	}
	return RetryLater
}

// changesNothing reports whether the request only asks.
func (r request) changesNothing() bool { return r.lost == fault.AnswerUnusable }

// outgoing is a request's body on its way: the text itself or what it compresses to.
type outgoing struct {
	content   io.Reader
	size      int
	encoding  string
	signature string
}

// outgoing goes over the text once, signs it as it is and, to know the length in
// advance, counts what it compresses to.
func (c *Client) outgoing(r request, compressed bool) outgoing {
	mac := hmac.New(sha256.New, []byte(c.config.Secret.Reveal()))
	o := outgoing{size: r.body.size(), content: r.body.reader()}
	if len(r.body) == 0 {
		mac.Write([]byte(r.id))
	} else if !compressed {
		copyText(mac, r.body.reader())
	} else {
		packed := r.body.packedReader().(*packedReader)
		packed.text = io.TeeReader(packed.text, mac)
		o.size = copyText(io.Discard, packed)
		o.content, o.encoding = r.body.packedReader(), "gzip"
	}
	o.signature = hex.EncodeToString(mac.Sum(nil))
	return o
}

// copyText copies between things that do not fail.
func copyText(to io.Writer, from io.Reader) int {
	n, _ := io.Copy(to, from)
	return int(n)
}

// sessionURL returns an address below a session. Session ids are opaque to the
// client: it escapes them and refuses only what cannot be an id.
func (c *Client) sessionURL(sessionID, below string) (string, error) {
	const maxSessionID = 256
	switch {
	case sessionID == "":
		return "", fault.New(fault.SessionIDInvalid, "it is empty", nil)
	case len(sessionID) > maxSessionID:
		return "", fault.New(fault.SessionIDInvalid, fmt.Sprintf("it is longer than %d bytes", maxSessionID), nil)
	case strings.ContainsFunc(sessionID, notInID):
		return "", fault.New(fault.SessionIDInvalid, "it holds control characters or is not UTF-8", nil)
	case sessionID == "." || sessionID == "..":
		return "", fault.New(fault.SessionIDInvalid, "dots alone are not an id", nil)
	}
	return c.base + "/sessions/" + url.PathEscape(sessionID) + below, nil
}

func notInID(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }
