package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"passport-agent/agent"
	"passport-agent/agent/pair"
	"passport-agent/internal/fault"
)

type eventsInput struct {
	LastEventID string `header:"Last-Event-ID" maxLength:"64" doc:"the last event that was received; what came since is sent first"`
}

type readEventsInput struct {
	ID          string `path:"id" maxLength:"64"`
	LastEventID string `header:"Last-Event-ID" maxLength:"64" doc:"the last event that was received"`
}

func (s *server) registerEvents() {
	register(s, route{"watch-events", http.MethodGet, "/v1/events", caller, 200, "Watch the agent",
		"Server-sent events: `readers`, `queue` and `trust` with what the routes of these names answer, `job` with id and state of a reading, `pairing` and `shift` for the desk. `reset`, at first and where events were missed, is followed by everything as it is now, but for readings, which are to be asked for."},
		func(ctx context.Context, in *eventsInput) (*huma.StreamResponse, error) {
			number, resumed := s.position(in.LastEventID)
			return s.stream(func(e *eventStream) { s.watch(e, pair.CallerOf(ctx), number, resumed) })
		})
	register(s, route{"watch-read-events", http.MethodGet, "/v1/reads/{id}/events", caller, 200, "Watch a reading",
		"Server-sent events `read`: the reading without its report, at once and after each change; what follows another at once may be left out. The stream ends with the reading."},
		func(ctx context.Context, in *readEventsInput) (*huma.StreamResponse, error) {
			r, err := s.read(ctx, &readInput{in.ID})
			if err != nil {
				return nil, err
			}
			return s.stream(func(e *eventStream) { s.watchRead(e, r, in.LastEventID) })
		})
}

// eventStream is an answer that goes on.
type eventStream struct {
	ctx        context.Context
	w          http.ResponseWriter
	controller *http.ResponseController
	beat       *time.Ticker
}

// stream answers with events, if there is room for one more that listens.
func (s *server) stream(run func(*eventStream)) (*huma.StreamResponse, error) {
	select {
	case s.streams <- struct{}{}:
	default:
		return nil, fault.New(fault.TooManyRequests, "too many event streams are open", nil)
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer func() { <-s.streams }()
		r, w := humago.Unwrap(ctx)
		w.Header().Set("Content-Type", "text/event-stream")
		e := &eventStream{ctx: r.Context(), w: w, controller: http.NewResponseController(w), beat: time.NewTicker(s.Heartbeat)}
		defer e.beat.Stop()
		// The time for the whole request is no time for a stream.
		if e.controller.SetReadDeadline(time.Time{}) != nil || !e.write(": hello\n\n") {
			return
		}
		run(e)
	}}, nil
}

// writeTime is how long a listener may take to take an event.
const writeTime = 10 * time.Second

// write reports whether the listener is still there.
func (e *eventStream) write(text string) bool {
	if e.controller.SetWriteDeadline(time.Now().Add(writeTime)) != nil {
		return false
	}
	if _, err := e.w.Write([]byte(text)); err != nil {
		return false
	}
	return e.controller.Flush() == nil
}

func (e *eventStream) send(id, kind string, data any) bool {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(data); err != nil {
		return false
	}
	return e.write(fmt.Sprintf("id: %s\nevent: %s\ndata: %s\n\n", id, kind, bytes.TrimSpace(b.Bytes())))
}

// wait waits for a change and keeps the stream alive. It reports whether to go on.
func (e *eventStream) wait(changed <-chan struct{}) bool {
	for {
		select {
		case <-changed:
			return true
		case <-e.beat.C:
			if !e.write(": still here\n\n") {
				return false
			}
		case <-e.ctx.Done():
			return false
		}
	}
}

// watch sends the events of the agent after a number, the present state first where
// that number is none.
func (s *server) watch(e *eventStream, c pair.Caller, last uint64, resumed bool) {
	if !resumed && !s.present(e, c, last) {
		return
	}
	log := s.Agent.Events()
	for {
		events, missed, ended, changed := log.After(last)
		if missed {
			last = log.Last()
			if !s.present(e, c, last) {
				return
			}
			continue
		}
		for i, event := range events {
			last = event.Number
			// Of what only says 'not as it was', the last one is enough.
			if event.Kind != agent.EventRead && later(events[i+1:], event.Kind) {
				continue
			}
			if data := s.eventData(e.ctx, c, event); data != nil && !e.send(s.eventID(last), string(event.Kind), data) {
				return
			}
		}
		if ended || !e.wait(changed) {
			return
		}
	}
}

// present sends everything as it is now, as events that bring a listener up to date.
func (s *server) present(e *eventStream, c pair.Caller, number uint64) bool {
	if !e.send(s.eventID(number), "reset", struct{}{}) {
		return false
	}
	for _, kind := range []agent.EventKind{agent.EventReaders, agent.EventQueue, agent.EventTrust, agent.EventPairing, agent.EventShift} {
		if data := s.eventData(e.ctx, c, agent.Event{Kind: kind}); data != nil && !e.send(s.eventID(number), string(kind), data) {
			return false
		}
	}
	return true
}

// position is where a listener goes on. Ids name the agent's run, so that those of an
// earlier one are not taken for its own.
func (s *server) position(lastID string) (number uint64, resumed bool) {
	if text, ok := strings.CutPrefix(lastID, s.Agent.RunID()+"-"); ok {
		if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			return n, true
		}
	}
	return s.Agent.Events().Last(), false
}

func later(events []agent.Event, kind agent.EventKind) bool {
	for _, e := range events {
		if e.Kind == kind {
			return true
		}
	}
	return false
}

func (s *server) eventID(number uint64) string {
	return s.Agent.RunID() + "-" + strconv.FormatUint(number, 10)
}

// jobData is a reading in the agent's events.
type jobData struct {
	ID    string      `json:"id"`
	State agent.State `json:"state"`
}

// eventData is what a caller is told of an event; nil is nothing.
func (s *server) eventData(ctx context.Context, c pair.Caller, e agent.Event) any {
	atDesk := desk.may(c) == nil
	switch {
	case e.Kind == agent.EventReaders:
		return s.readers(c)
	case e.Kind == agent.EventTrust:
		return s.trust(ctx)
	case e.Kind == agent.EventQueue:
		queue, err := s.queue(ctx)
		if err != nil {
			return nil // asking for it tells
		}
		return queue
	case e.Kind == agent.EventRead && (atDesk || s.Agent.Owns(c.Owner(), e.Read)):
		return jobData{e.Read, e.State}
	case e.Kind == agent.EventPairing && atDesk:
		return s.Guard.Pairings()
	case e.Kind == agent.EventShift && atDesk:
		return map[string]string{"operator": s.Agent.Shift()}
	default:
		return nil
	}
}

// watchRead sends a reading after each change, and ends with it.
func (s *server) watchRead(e *eventStream, r *agent.Read, lastID string) {
	for {
		status, changed := r.Status()
		id := strconv.FormatUint(status.Version, 10)
		if id != lastID {
			status.Report = nil
			if !e.send(id, "read", bodyOf(status)) {
				return
			}
			lastID = id
		}
		if ended(status.State) || !e.wait(changed) {
			return
		}
	}
}

func ended(s agent.State) bool {
	return s == agent.StateDone || s == agent.StateFailed || s == agent.StateCancelled
}
