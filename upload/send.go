package upload

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"passport-agent/internal/fault"
)

var errStalled = errors.New("nothing moved within the time-out")

// exchange sends a request exactly once and returns its answer, which is a 2xx
// with a signature that holds.
func (c *Client) exchange(ctx context.Context, r request, compressed bool, observe func(Event)) (answer, error) {
	a, err := c.send(ctx, r, c.outgoing(r, compressed), observe)
	if err != nil {
		return answer{}, err
	}
	if err := a.accepted(r, compressed); err != nil {
		return answer{}, err
	}
	return a, nil
}

// send returns any answer that came whole, and of a refusal also what came of it.
func (c *Client) send(ctx context.Context, r request, o outgoing, observe func(Event)) (answer, error) {
	running, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(c.config.Timeout, func() { cancel(errStalled) })
	defer watchdog.Stop()

	stream := &stream{content: o.content, size: o.size, observe: observe, moved: func() { watchdog.Reset(c.config.Timeout) }}
	defer stream.stop()
	stream.report(PhaseConnecting)
	if o.size == 0 {
		// There is no body whose first byte could tell that the request is on its way.
		running = httptrace.WithClientTrace(running, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { stream.touch() }})
	}

	outbound, err := http.NewRequestWithContext(running, r.method, r.url, stream)
	if err != nil {
		return answer{}, fault.New(fault.Unexpected, "the request could not be made", err)
	}
	outbound.ContentLength = int64(o.size)
	if o.size == 0 {
		outbound.Body = http.NoBody
	} else {
		outbound.Header.Set("Content-Type", "application/json")
	}
	outbound.Header.Set("X-AUTH-CLIENT", c.config.APIKey)
	outbound.Header.Set("X-HMAC-SIGNATURE", o.signature)
	outbound.Header.Set("Accept", "application/json")
	outbound.Header.Set("User-Agent", c.config.UserAgent)
	if o.encoding != "" {
		outbound.Header.Set("Content-Encoding", o.encoding)
	}
	if r.integrationID != "" {
		outbound.Header.Set("VRF-INTEGRATION-ID", r.integrationID)
	}

	// Not an http.Client: it would follow redirects.
	response, err := c.transport.RoundTrip(outbound)
	if err != nil {
		return answer{}, noAnswer(ctx, running, r, stream.stop(), err)
	}
	a := c.receive(response)
	a.sentBytes = o.size
	if a.err != nil && a.status/100 == 2 {
		return answer{}, noAnswer(ctx, running, r, true, a.err)
	}
	return a, nil
}

// noAnswer says how a request without a whole answer ended. Once a byte of the
// body was handed over, only the service knows.
func noAnswer(ctx, running context.Context, r request, handedOver bool, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled) && (!handedOver || r.changesNothing()):
		return fault.New(fault.Interrupted, "nothing was changed at the service", ctx.Err())
	case !handedOver && running.Err() != nil:
		return fault.New(fault.UploadUnreachable, "no connection in time", context.Cause(running))
	case !handedOver:
		return fault.New(fault.UploadUnreachable, "", err)
	case ctx.Err() != nil:
		return fault.New(r.lost, "stopped before the answer was complete", ctx.Err())
	case running.Err() != nil:
		return fault.New(r.lost, "no complete answer in time", context.Cause(running))
	case errors.Is(err, errAnswerTooLarge):
		return fault.New(r.lost, "", err)
	default:
		return fault.New(r.lost, "", hiddenText{"the connection broke before the answer was complete", err})
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

// stream is the request body as net/http reads it. It is deliberately no type
// that net/http knows how to send a second time. net/http may read it from
// another goroutine even after RoundTrip has returned, hence the lock and stop.
type stream struct {
	mu      sync.Mutex
	content io.Reader
	size    int
	sent    int
	touched bool
	stopped bool
	observe func(Event)
	moved   func()
}

var errStopped = errors.New("the upload has ended")

func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return 0, errStopped
	}
	if s.sent == s.size {
		return 0, io.EOF
	}
	n, err := s.content.Read(p)
	s.sent += n
	s.touched = true
	s.moved()
	s.report(PhaseSending)
	if s.sent == s.size {
		s.report(PhaseWaiting)
	}
	return n, err
}

// Close does nothing: there is nothing to release.
func (s *stream) Close() error { return nil }

// touch says that the request is on its way.
func (s *stream) touch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touched = true
}

// stop ends reading and reporting and tells whether anything was handed over.
func (s *stream) stop() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	return s.touched
}

func (s *stream) report(phase Phase) {
	if s.observe != nil {
		s.observe(Event{Phase: phase, Sent: s.sent, Total: s.size})
	}
}
