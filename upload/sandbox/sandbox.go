// Package sandbox is a local stand-in of the Veriff API for demonstrations,
// training and tests. It enforces what the API's pages document with code of its
// own, so that a client and its stand-in cannot share a mistake, and it fails on
// demand.
package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Credentials of a sandbox whose options name none. They are no secret: they
// open nothing but a sandbox.
const (
	DemoAPIKey = "5a7db0c4-0000-4000-8000-000000000001"
	DemoSecret = "5a7db0c4-0000-4000-8000-00000000beef"
)

// Reading is a way of counting the bytes of an upload, where the page names a
// number without saying what it counts.
type Reading string

// Readings of the documented '500KB' and of the 'size' in an answer.
const (
	ReadingBody   Reading = "body"   // the JSON text; as a limit 500,000 bytes
	ReadingBase64 Reading = "base64" // the four base64 strings together; as a limit 500,000 bytes
	ReadingRaw    Reading = "raw"    // the four files together; as a limit 512,000 bytes, 500 × 1024
)

// limits holds the narrowest unit for the readings that count text, so that
// ReadingBody refuses the most, and the widest for the files themselves, so that
// ReadingRaw refuses the least of what the page can mean.
var limits = map[Reading]int{ReadingBody: 500_000, ReadingBase64: 500_000, ReadingRaw: 500 * 1024}

// ParseReading returns the reading of that name.
func ParseReading(name string) (Reading, error) {
	if _, ok := limits[Reading(name)]; !ok {
		return "", fmt.Errorf("unknown reading %q: body, base64 or raw", name)
	}
	return Reading(name), nil
}

// Options of a sandbox. The zero value serves the demo credentials and is as
// strict as the page allows.
type Options struct {
	APIKey string // empty: DemoAPIKey
	Secret string // empty: DemoSecret
	// AnswerSecret signs the answers, as while secrets are changed; empty: Secret.
	AnswerSecret string

	LimitReading   Reading // empty: ReadingBody
	SizeReading    Reading // what 'size' counts in answers; empty: ReadingRaw
	SchemaSpelling bool    // answer under 'nfcDocuments' (the page's schema) instead of 'nfcDocument' (its example)
	NumericCodes   bool    // write error codes as numbers instead of strings

	// PDF takes PDF files, as Veriff enables it for an integration.
	PDF bool
	// Contexts are taken beside those of the page.
	Contexts []string
	// TimestampWithinHour refuses pictures whose timestamp is more than an hour past
	// (code 1201), which the page does not say of pictures.
	TimestampWithinHour bool
	// Decide is the status that a session has as soon as it is submitted; empty: it
	// stays submitted. ParseDecision knows the values.
	Decide string

	// AnySession accepts every session id, as if it had been created.
	AnySession bool
	// RetryAfter is named in 429 answers; 0: 7 s. It is sent in whole seconds.
	RetryAfter time.Duration
	// LateAfter is when a late-commit commits by itself; 0: only by CommitLate.
	LateAfter time.Duration
	// Drip is the pause between two bytes of a slow answer; 0: 1 s.
	Drip time.Duration
	// Observe is told about every request after its answer was written, and
	// once more before where it stalls. It is called from many goroutines.
	Observe func(Event)
}

// Event is one request as the sandbox saw it. It holds no content.
type Event struct {
	Method        string `json:"method"`
	Route         string `json:"route"`
	SessionID     string `json:"sessionId,omitempty"`
	MediaID       string `json:"mediaId,omitempty"` // what the request committed
	Status        int    `json:"status"`            // 0: no answer was given
	Code          string `json:"code,omitempty"`    // Veriff code of a refusal
	Fault         Fault  `json:"fault,omitempty"`
	Stalled       bool   `json:"stalled,omitempty"` // the request stands still, another event will follow
	Encoding      string `json:"contentEncoding,omitempty"`
	ReceivedBytes int    `json:"receivedBytes"` // as sent
	BodyBytes     int    `json:"bodyBytes"`     // uncompressed
}

// Media is what an upload has left in a session.
type Media struct {
	ID                 string
	Context            string
	MIMEType           string
	Size               int    // as stated in answers
	COM, SOD, DG1, DG2 []byte // of nfcDocuments
	Content            []byte // of an image
}

// Server is the stand-in. It is an http.Handler; Serve runs it on a listener.
type Server struct {
	options Options
	mux     *http.ServeMux

	mu       sync.Mutex
	sessions map[string]*session
	faults   []planned
	late     []func()
	released chan struct{}
}

type session struct {
	status string
	media  []Media
}

// New returns a sandbox without sessions.
func New(options Options) *Server {
	if options.APIKey == "" {
		options.APIKey = DemoAPIKey
	}
	if options.Secret == "" {
		options.Secret = DemoSecret
	}
	if options.AnswerSecret == "" {
		options.AnswerSecret = options.Secret
	}
	if options.LimitReading == "" {
		options.LimitReading = ReadingBody
	}
	if options.SizeReading == "" {
		options.SizeReading = ReadingRaw
	}
	if options.RetryAfter == 0 {
		options.RetryAfter = 7 * time.Second
	}
	if options.Drip == 0 {
		options.Drip = time.Second
	}
	s := &Server{
		options:  options,
		mux:      http.NewServeMux(),
		sessions: map[string]*session{},
		released: make(chan struct{}),
	}
	s.handle("POST", "/v1/sessions", Create, s.createSession)
	s.handle("PATCH", "/v1/sessions/{id}", Submit, s.submitSession)
	s.handle("GET", "/v1/sessions/{id}/media", List, s.listMedia)
	s.handle("POST", "/v1/sessions/{id}/media", Upload, s.uploadMedia)
	s.handle("GET", "/v1/sessions/{id}/decision", Decision, s.decision)
	s.handle("", "/", "", func(*exchange) answer { return refuse(http.StatusNotFound, "1101", "no such resource") })
	return s
}

// ServeHTTP answers one request of the API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Serve answers requests on a listener until the context ends, which also ends
// requests that stall. It closes the listener.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	const grace = 5 * time.Second
	server := &http.Server{
		Handler:           s,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       10 * time.Minute,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	ended := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		ended <- server.Shutdown(closing)
	})
	err := server.Serve(listener)
	if stop() || !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-ended
}

// AddSession makes a session known, as if it had been created.
func (s *Server) AddSession(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[id] == nil {
		s.sessions[id] = &session{status: "created"}
	}
}

// Submit submits a session, as a PATCH does; it does nothing to one that is
// unknown or past that.
func (s *Server) Submit(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.sessions[id]; known != nil && takesMedia(known.status) {
		s.submit(known)
	}
}

// SetStatus puts a known session into any status of the API, such as "started",
// "expired" or "approved".
func (s *Server) SetStatus(id, status string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := statuses[status]; !ok || s.sessions[id] == nil {
		return fmt.Errorf("no session %q, or no status %q", id, status)
	}
	s.sessions[id].status = status
	return nil
}

// Sessions returns the ids of all sessions, in no order.
func (s *Server) Sessions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.sessions))
}

// Submitted reports whether a session is known and was submitted, whatever was
// decided since.
func (s *Server) Submitted(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.sessions[id]
	return known != nil && !slices.Contains([]string{"created", "started", "expired", "abandoned"}, known.status)
}

// Media returns what has been committed to a session, in order.
func (s *Server) Media(sessionID string) []Media {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.sessions[sessionID]; known != nil {
		return append([]Media(nil), known.media...)
	}
	return nil
}

// known returns a session, or nil. The caller holds the lock.
func (s *Server) known(id string) *session {
	if s.sessions[id] == nil && s.options.AnySession {
		s.sessions[id] = &session{status: "created"}
	}
	return s.sessions[id]
}

// newID returns a random UUID, version 4.
func newID() string {
	var b [16]byte
	// rand.Read never fails: it ends the program instead.
	_, _ = rand.Read(b[:])
	b[6] = b[6]&0x0F | 0x40
	b[8] = b[8]&0x3F | 0x80
	text := hex.EncodeToString(b[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}
