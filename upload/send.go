package upload

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"passport-agent/internal/fault"
)

// media is one request to the media endpoint, ready to be signed.
type media struct {
	sessionID string
	url       string
	body      []byte   // the JSON text that is signed
	replyKeys []string // under which the answer describes what was stored
	sizes     []int    // every number of bytes the answer may give as size
}

var errStalled = errors.New("nothing moved within the time-out")

func (c *Client) uploadMedia(ctx context.Context, m media, observe func(Event)) (Receipt, error) {
	var warnings []Warning
	if len(m.body) > c.config.WarnBodyBytes {
		warnings = append(warnings, Warning{WarnBodyLarge, fmt.Sprintf(
			"The request of %d bytes may be over the service's limit of 500 KB.", len(m.body))})
	}
	signature := hex.EncodeToString(sign(c.config.Secret, m.body))

	var receipt Receipt
	var err error
	if c.config.NoCompression {
		receipt, err = c.post(ctx, m, signature, "", m.body, observe)
	} else {
		receipt, err = c.post(ctx, m, signature, "gzip", compress(m.body), observe)
		if RetryOf(err) == RetryUncompressed {
			warnings = append(warnings, Warning{WarnUncompressed, "The service refused the compressed request; it was sent again without compression."})
			receipt, err = c.post(ctx, m, signature, "", m.body, observe)
		}
	}
	if err != nil {
		return Receipt{}, err
	}
	receipt.Warnings = append(warnings, receipt.Warnings...)
	return receipt, nil
}

// compress allocates once for what base64 of pictures shrinks to.
func compress(body []byte) []byte {
	buffer := bytes.NewBuffer(make([]byte, 0, len(body)/5*4+1024))
	w := gzip.NewWriter(buffer)
	// Writing to a bytes.Buffer does not fail.
	_, _ = w.Write(body)
	_ = w.Close()
	return buffer.Bytes()
}

// post sends content, which is m.body in the given Content-Encoding, exactly
// once and judges the answer.
func (c *Client) post(ctx context.Context, m media, signature, encoding string, content []byte, observe func(Event)) (Receipt, error) {
	running, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(c.config.Timeout, func() { cancel(errStalled) })
	defer watchdog.Stop()

	outgoing := &outgoing{content: content, observe: observe, moved: func() { watchdog.Reset(c.config.Timeout) }}
	defer outgoing.stop()
	outgoing.report(PhaseConnecting)

	request, err := http.NewRequestWithContext(running, http.MethodPost, m.url, outgoing)
	if err != nil {
		return Receipt{}, fault.New(fault.Unexpected, "the request could not be made", err)
	}
	request.ContentLength = int64(len(content))
	request.Header.Set("X-AUTH-CLIENT", c.config.APIKey)
	request.Header.Set("X-HMAC-SIGNATURE", signature)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", c.config.UserAgent)
	if encoding != "" {
		request.Header.Set("Content-Encoding", encoding)
	}

	// Not an http.Client: it would follow redirects.
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return Receipt{}, noAnswer(ctx, running, outgoing.stop(), err)
	}
	answer := c.receive(response)
	if answer.err != nil && answer.status/100 == 2 {
		return Receipt{}, noAnswer(ctx, running, true, answer.err)
	}
	receipt, err := c.judge(m, answer, encoding != "")
	receipt.SentBytes = len(content)
	return receipt, err
}

// noAnswer says how an upload without a whole answer ended. Once a byte of the
// body was handed over, only the service knows.
func noAnswer(ctx, running context.Context, handedOver bool, err error) error {
	switch {
	case !handedOver && errors.Is(ctx.Err(), context.Canceled):
		return fault.New(fault.Interrupted, "nothing was sent", ctx.Err())
	case !handedOver && running.Err() != nil:
		return fault.New(fault.UploadUnreachable, "no connection in time", context.Cause(running))
	case !handedOver:
		return fault.New(fault.UploadUnreachable, "", err)
	case ctx.Err() != nil:
		return fault.New(fault.UploadUncertain, "stopped before the answer was complete", ctx.Err())
	case running.Err() != nil:
		return fault.New(fault.UploadUncertain, "no complete answer in time", context.Cause(running))
	case errors.Is(err, errAnswerTooLarge):
		return fault.New(fault.UploadUncertain, "", err)
	default:
		return fault.New(fault.UploadUncertain, "", hiddenText{"the connection broke before the answer was complete", err})
	}
}

// hiddenText keeps an error of net/http reachable without printing it: after
// the request was sent, its text may quote what the other side sent back.
type hiddenText struct {
	text string
	err  error
}

func (h hiddenText) Error() string { return h.text }
func (h hiddenText) Unwrap() error { return h.err }

// outgoing is the request body. It is deliberately no type for which net/http
// knows how to send it a second time. net/http may read it from another
// goroutine even after RoundTrip has returned, hence the lock and stop.
type outgoing struct {
	mu      sync.Mutex
	content []byte
	sent    int
	touched bool
	stopped bool
	observe func(Event)
	moved   func()
}

var errStopped = errors.New("the upload has ended")

func (o *outgoing) Read(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stopped {
		return 0, errStopped
	}
	if o.sent == len(o.content) {
		return 0, io.EOF
	}
	n := copy(p, o.content[o.sent:])
	o.sent += n
	o.touched = true
	o.moved()
	o.report(PhaseSending)
	if o.sent == len(o.content) {
		o.report(PhaseWaiting)
	}
	return n, nil
}

// Close does nothing: there is nothing to release.
func (o *outgoing) Close() error { return nil }

// stop ends reading and reporting and tells whether anything was handed over.
func (o *outgoing) stop() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stopped = true
	return o.touched
}

func (o *outgoing) report(phase Phase) {
	if o.observe != nil {
		o.observe(Event{Phase: phase, Sent: o.sent, Total: len(o.content)})
	}
}
