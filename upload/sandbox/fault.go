package sandbox

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Request is a kind of request. Its value is the name on the command line.
type Request string

// The requests of the API.
const (
	Upload   Request = "upload"   // POST /v1/sessions/{id}/media
	Create   Request = "create"   // POST /v1/sessions
	Submit   Request = "submit"   // PATCH /v1/sessions/{id}
	List     Request = "list"     // GET /v1/sessions/{id}/media
	Decision Request = "decision" // GET /v1/sessions/{id}/decision
)

// ParseRequest returns the request of that name.
func ParseRequest(name string) (Request, error) {
	if !slices.Contains([]Request{Upload, Create, Submit, List, Decision}, Request(name)) {
		return "", fmt.Errorf("unknown request %q: upload, create, submit, list or decision", name)
	}
	return Request(name), nil
}

// Fault is a way in which a request fails on demand. Its value is the name on the
// command line.
type Fault string

// Faults in which the request is not looked at and nothing is committed.
const (
	DropBeforeCommit    Fault = "drop-before-commit"   // the request is read, the connection is cut
	Reset               Fault = "reset"                // the request is read, the connection is reset
	Stall               Fault = "stall"                // no answer until the client goes or Release; released, the upload is served
	Redirect            Fault = "redirect"             // 307 to another host
	IntegrationInactive Fault = "integration-inactive" // 401 with code 1804
	TooManyRequests     Fault = "429"                  // with Retry-After
	ServerError         Fault = "500"                  // signed, as the page has it
	BadGateway          Fault = "502"                  // a proxy's HTML page
	Unavailable         Fault = "503"                  // unsigned, no body
	EncodingRefused     Fault = "415"                  // whatever the encoding, while it has one
)

// Faults in which a valid request is committed, and its answer is spoilt. The
// answer to a refused request is spoilt too.
const (
	CommitThenDrop  Fault = "commit-then-drop"  // the connection is cut before the answer
	CommitThenReset Fault = "commit-then-reset" // the connection is reset before the answer
	CommitThenStall Fault = "commit-then-stall" // no answer until the client goes or Release
	LateCommit      Fault = "late-commit"       // the connection is cut; the commit comes later
	Truncate        Fault = "truncate"          // the connection is cut in the middle of the answer
	WrongSignature  Fault = "wrong-signature"   // signed with another secret
	Unsigned        Fault = "unsigned"          // no signature
	NotJSON         Fault = "not-json"          // signed, but no JSON
	WrongSession    Fault = "wrong-session"     // signed, but names another session
	Oversize        Fault = "oversize"          // signed, but padded to 8 MiB
	SlowLoris       Fault = "slow-loris"        // a byte at a time, each after Options.Drip
)

// Faults returns every fault there is.
func Faults() []Fault {
	return []Fault{
		DropBeforeCommit, Reset, Stall, Redirect, IntegrationInactive, TooManyRequests, ServerError, BadGateway, Unavailable, EncodingRefused,
		CommitThenDrop, CommitThenReset, CommitThenStall, LateCommit, Truncate, WrongSignature, Unsigned, NotJSON, WrongSession, Oversize, SlowLoris,
	}
}

// ParseFault returns the fault of that name.
func ParseFault(name string) (Fault, error) {
	if !slices.Contains(Faults(), Fault(name)) {
		return "", fmt.Errorf("unknown fault %q", name)
	}
	return Fault(name), nil
}

// Always makes a fault stay.
const Always = -1

type planned struct {
	request Request
	fault   Fault
	left    int // requests, or Always
}

// Inject lets the next uploads fail, as many as times says, or Always. Faults
// come in the order in which they were injected.
func (s *Server) Inject(f Fault, times int) { s.InjectOn(Upload, f, times) }

// InjectOn does that to the next requests of any kind.
func (s *Server) InjectOn(r Request, f Fault, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if times != 0 {
		s.faults = append(s.faults, planned{r, f, times})
	}
}

// ClearFaults forgets every fault that has not come yet.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

func (s *Server) nextFault(r Request) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.faults, func(p planned) bool { return p.request == r })
	if at < 0 {
		return ""
	}
	next := &s.faults[at]
	fault := next.fault
	if next.left > 0 {
		if next.left--; next.left == 0 {
			s.faults = slices.Delete(s.faults, at, at+1)
		}
	}
	return fault
}

// Release lets every request go on that stalls at this moment.
func (s *Server) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.released)
	s.released = make(chan struct{})
}

// stall reports whether the exchange was released before the client went.
func (s *Server) stall(x *exchange) bool {
	s.mu.Lock()
	released := s.released
	s.mu.Unlock()
	standing := *x.event
	standing.Stalled = true
	s.observe(standing)
	select {
	case <-released:
		return true
	case <-x.request.Context().Done():
		return false
	}
}

// commitLater: a session that is submitted in the meantime takes nothing more, and
// then nothing comes.
func (s *Server) commitLater(commit func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late = append(s.late, commit)
	if s.options.LateAfter > 0 {
		time.AfterFunc(s.options.LateAfter, s.CommitLate)
	}
}

// CommitLate commits what late-commit has held back so far.
func (s *Server) CommitLate() {
	s.mu.Lock()
	late := s.late
	s.late = nil
	s.mu.Unlock()
	for _, commit := range late {
		commit()
	}
}

// cut ends the connection without another byte.
func cut() { panic(http.ErrAbortHandler) }

// reset ends it so that the other side sees a reset instead of an end.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		cut()
	}
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	if plain, ok := conn.(*net.TCPConn); ok {
		_ = plain.SetLinger(0) // what is left to send is dropped
	}
	_ = conn.Close()
}

// failBefore answers for the faults that come before the upload is looked at.
func (s *Server) failBefore(w http.ResponseWriter, x *exchange) bool {
	status := 0
	switch x.fault {
	case DropBeforeCommit:
		cut()
	case Reset:
		reset(w)
		return true
	case Stall:
		if s.stall(x) {
			return false
		}
		cut()
	case Redirect:
		w.Header().Set("Location", "https://elsewhere.invalid"+x.request.URL.EscapedPath())
		status = http.StatusTemporaryRedirect
	case IntegrationInactive:
		s.write(w, x, unauthorized("1804", "the integration is not active"))
		return true
	case TooManyRequests:
		w.Header().Set("Retry-After", strconv.Itoa(int(s.options.RetryAfter/time.Second)))
		status = http.StatusTooManyRequests
	case ServerError:
		s.write(w, x, refuse(http.StatusInternalServerError, "1101", "something failed"))
		return true
	case BadGateway:
		w.Header().Set("Content-Type", "text/html")
		status = http.StatusBadGateway
	case Unavailable:
		status = http.StatusServiceUnavailable
	case EncodingRefused:
		if x.request.Header.Get("Content-Encoding") == "" {
			return false
		}
		status = http.StatusUnsupportedMediaType
	default:
		return false
	}
	x.event.Status = status
	w.WriteHeader(status)
	if x.fault == BadGateway {
		// A client that has gone does not want the answer.
		_, _ = fmt.Fprint(w, "<html><body><h1>Bad gateway</h1></body></html>")
	}
	return true
}

// failAfter spoils an answer for the faults that come after the upload was
// looked at; it reports whether it has written the answer itself.
func (s *Server) failAfter(w http.ResponseWriter, x *exchange, a answer, body []byte) bool {
	header := w.Header()
	switch x.fault {
	case CommitThenDrop, LateCommit:
		x.event.Status = 0
		cut()
	case CommitThenReset:
		x.event.Status = 0
		reset(w)
		return true
	case CommitThenStall:
		if !s.stall(x) {
			x.event.Status = 0
			cut()
		}
	case Truncate:
		header.Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(a.status)
		writeAndFlush(w, body[:len(body)/2])
		cut()
	case WrongSignature:
		header.Set("x-hmac-signature", sign("not "+s.options.AnswerSecret, body))
	case Unsigned:
		header.Del("x-hmac-signature")
	case NotJSON:
		return s.replace(w, a.status, []byte("success"))
	case Oversize:
		return s.replace(w, a.status, append(body, bytes.Repeat([]byte(" "), 8<<20)...))
	case SlowLoris:
		s.drip(w, x, a.status, body)
		return true
	}
	return false
}

// replace answers with another body, signed as it should be.
func (s *Server) replace(w http.ResponseWriter, status int, body []byte) bool {
	w.Header().Set("x-hmac-signature", sign(s.options.AnswerSecret, body))
	w.WriteHeader(status)
	// A client that has gone does not want the answer.
	_, _ = w.Write(body)
	return true
}

func (s *Server) drip(w http.ResponseWriter, x *exchange, status int, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	ticker := time.NewTicker(s.options.Drip)
	defer ticker.Stop()
	for i := range body {
		writeAndFlush(w, body[i:i+1])
		select {
		case <-ticker.C:
		case <-x.request.Context().Done():
			return
		}
	}
}

// writeAndFlush ignores errors: a client that has gone does not want the answer.
func writeAndFlush(w http.ResponseWriter, part []byte) {
	_, _ = w.Write(part)
	_ = http.NewResponseController(w).Flush()
}
