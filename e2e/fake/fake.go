// Package fake is an agent that does what a test tells it: it speaks the local API to
// the page, and has neither reader nor document.
package fake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"passport-agent/agent/web"
)

// Object is a JSON object.
type Object = map[string]any

// World is what the agent says about itself. A test changes it by Agent.Change.
type World struct {
	Locked       bool
	Held         bool // requests of the page wait
	Silent       bool // requests are answered with 503, as by an agent that stops
	Me           Object
	Readers      []Object
	ReadersError Object
	Queue        Object
	Trust        Object
	Pairings     []Object
	Reads        map[string]Object
	Holders      map[string]Object
	Portrait     []byte // PNG
	Refuse       Object // problem that the next call that changes something meets
	Picture      Object // answer to a picture
	// Words changes a language file on its way, where it is set.
	Words func(map[string]string) map[string]string
}

// Agent serves the page and its API.
type Agent struct {
	URL string

	mutex   sync.Mutex
	world   World
	calls   []Call
	streams map[chan message]string // to the id of a read, empty for the agent's own
	next    int
	changed chan struct{}
}

// Call is a request that changes something, as the page sent it.
type Call struct {
	Method, Path string
	Body         Object
	Header       http.Header
}

type message struct {
	name string
	data any
}

// New starts an agent with one empty reader and a trust list.
func New(t testing.TB) *Agent {
	t.Helper()
	a := &Agent{streams: map[chan message]string{}, changed: make(chan struct{}), world: World{
		Me:      Object{"kind": "operator", "origin": "", "operator": "", "kiosk": false},
		Readers: []Object{Reader("ACS ACR1252 Dual Reader PICC", "empty")},
		Queue:   Object{"items": []Object{}, "counts": Object{}, "oldest": "", "paused": nil},
		Trust:   Object{"lists": []any{}, "signers": 512, "date": "2025-11-12", "expiring": []any{}, "warnings": []any{}},
		Reads:   map[string]Object{}, Holders: map[string]Object{},
		Picture: Object{"state": "accepted", "mediaId": "m-1"},
	}}
	server := httptest.NewServer(a)
	a.URL = server.URL
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return a
}

// Reader is a reader in a state.
func Reader(name, state string) Object {
	return Object{"name": name, "state": state, "extendedLength": true, "job": ""}
}

// Problem is an error as the API tells it.
func Problem(status int, code, title, advice string) Object {
	return Object{"status": status, "code": code, "title": title, "detail": title, "advice": advice}
}

// Change changes the world and tells every page that something is new.
func (a *Agent) Change(change func(*World)) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	change(&a.world)
	a.tell()
	for _, name := range []string{"readers", "queue", "trust", "job", "pairing"} {
		a.send("", message{name, Object{}})
	}
}

// Read changes a reading and tells the page that watches it.
func (a *Agent) Read(id string, fields Object) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	read := a.world.Reads[id]
	before := read["state"]
	for name, value := range fields {
		read[name] = value
	}
	a.send(id, message{"read", withoutReport(read)})
	if read["state"] != before {
		a.send("", message{"job", Object{"id": id, "state": read["state"]}})
	}
}

func withoutReport(read Object) Object {
	event := Object{}
	for name, value := range read {
		if name != "report" {
			event[name] = value
		}
	}
	return event
}

func (a *Agent) tell() {
	close(a.changed)
	a.changed = make(chan struct{})
}

// hold keeps a request waiting as long as the world is held.
func (a *Agent) hold(r *http.Request) {
	for {
		a.mutex.Lock()
		held, changed := a.world.Held, a.changed
		a.mutex.Unlock()
		if !held {
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

func (a *Agent) send(id string, m message) {
	for stream, of := range a.streams {
		if of == id {
			stream <- m // as long as a test has no thousand events, there is room
		}
	}
}

// Disconnect ends every event stream, as an agent does that is stopped.
func (a *Agent) Disconnect() {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	for stream := range a.streams {
		close(stream)
		delete(a.streams, stream)
	}
}

// Streams is how many event streams are open.
func (a *Agent) Streams() int {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return len(a.streams)
}

// Wait waits for a call that a test expects and returns it.
func (a *Agent) Wait(t testing.TB, method, path string) Call {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		a.mutex.Lock()
		i := slices.IndexFunc(a.calls, func(c Call) bool { return c.Method == method && c.Path == path })
		if i >= 0 {
			call := a.calls[i]
			a.calls = slices.Delete(a.calls, i, i+1)
			a.mutex.Unlock()
			return call
		}
		calls, changed := a.calls, a.changed
		a.mutex.Unlock()
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("no %s %s; there were %v", method, path, calls)
		}
	}
}

// Started waits for a reading that the page asks for and returns its id and access data.
func (a *Agent) Started(t testing.TB) (string, Call) {
	t.Helper()
	call := a.Wait(t, http.MethodPost, "/v1/reads")
	return call.Body["id"].(string), call
}

func (a *Agent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mutex.Lock()
	silent, words := a.world.Silent, a.world.Words
	a.mutex.Unlock()
	switch {
	case len(r.URL.Path) < 4 || r.URL.Path[:4] != "/v1/":
		if words != nil && r.URL.Path == "/static/lang/en.json" {
			a.words(w, r, words)
			return
		}
		web.Handler().ServeHTTP(w, r)
	case silent:
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		a.hold(r)
		a.api(w, r)
	}
}

func (a *Agent) words(w http.ResponseWriter, r *http.Request, change func(map[string]string) map[string]string) {
	recorder := httptest.NewRecorder()
	web.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, r.URL.Path, nil))
	all := map[string]string{}
	if err := json.Unmarshal(recorder.Body.Bytes(), &all); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	answer(w, http.StatusOK, change(all))
}

func (a *Agent) api(w http.ResponseWriter, r *http.Request) {
	mux := http.NewServeMux()
	world := func(pick func(*World) any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			a.mutex.Lock()
			defer a.mutex.Unlock()
			answer(w, http.StatusOK, pick(&a.world))
		}
	}
	mux.HandleFunc("GET /v1/me", world(func(v *World) any { return v.Me }))
	mux.HandleFunc("GET /v1/health", world(func(*World) any { return Object{"status": "ok", "version": "1.2.3", "api": "v1"} }))
	mux.HandleFunc("GET /v1/readers", world(func(v *World) any {
		return Object{"readers": v.Readers, "error": v.ReadersError}
	}))
	mux.HandleFunc("GET /v1/queue", world(func(v *World) any { return v.Queue }))
	mux.HandleFunc("GET /v1/trust", world(func(v *World) any { return v.Trust }))
	mux.HandleFunc("GET /v1/pairings", world(func(v *World) any { return v.Pairings }))
	mux.HandleFunc("GET /v1/reads", world(func(v *World) any {
		reads := []Object{}
		for _, read := range v.Reads {
			reads = append(reads, read)
		}
		return reads
	}))
	mux.HandleFunc("GET /v1/reads/{id}", a.one(func(v *World, id string) any { return v.Reads[id] }))
	mux.HandleFunc("GET /v1/reads/{id}/holder", a.one(func(v *World, id string) any { return v.Holders[id] }))
	mux.HandleFunc("GET /v1/reads/{id}/portrait", func(w http.ResponseWriter, _ *http.Request) {
		a.mutex.Lock()
		defer a.mutex.Unlock()
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write(a.world.Portrait) // a page that has gone does not read it
	})
	mux.HandleFunc("GET /v1/events", func(w http.ResponseWriter, r *http.Request) { a.stream(w, r, "") })
	mux.HandleFunc("GET /v1/reads/{id}/events", func(w http.ResponseWriter, r *http.Request) { a.stream(w, r, r.PathValue("id")) })
	mux.HandleFunc("POST /v1/reads", a.changes(a.create))
	mux.HandleFunc("DELETE /v1/reads/{id}", a.changes(func(r *http.Request, _ Object) (int, any) {
		delete(a.world.Reads, r.PathValue("id"))
		return http.StatusNoContent, nil
	}))
	mux.HandleFunc("POST /v1/reads/{id}/extend", a.changes(func(r *http.Request, _ Object) (int, any) {
		read := a.world.Reads[r.PathValue("id")]
		expires, _ := time.Parse(time.RFC3339, read["expires"].(string))
		read["expires"] = expires.Add(2 * time.Minute).Format(time.RFC3339)
		return http.StatusOK, read
	}))
	mux.HandleFunc("POST /v1/reads/{id}/cancel", a.changes(func(r *http.Request, _ Object) (int, any) {
		read := a.world.Reads[r.PathValue("id")]
		read["state"] = "cancelled"
		a.send(r.PathValue("id"), message{"read", withoutReport(read)})
		return http.StatusNoContent, nil
	}))
	mux.HandleFunc("PUT /v1/shift", a.changes(func(_ *http.Request, body Object) (int, any) {
		a.world.Me["operator"] = body["operator"]
		return http.StatusNoContent, nil
	}))
	mux.HandleFunc("POST /v1/sessions/{id}/pictures", a.changes(func(*http.Request, Object) (int, any) { return http.StatusCreated, a.world.Picture }))
	mux.HandleFunc("/v1/", a.changes(func(*http.Request, Object) (int, any) { return http.StatusNoContent, nil }))

	a.mutex.Lock()
	locked := a.world.Locked
	a.mutex.Unlock()
	if locked && r.URL.Path != "/v1/open" && r.URL.Path != "/v1/health" {
		answer(w, http.StatusUnauthorized, Problem(http.StatusUnauthorized, "token_missing", "The call needs a token or the page's cookie.", "Open the page with the one-time link."))
		return
	}
	mux.ServeHTTP(w, r)
}

func (a *Agent) one(pick func(*World, string) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a.mutex.Lock()
		defer a.mutex.Unlock()
		found := pick(&a.world, r.PathValue("id")).(Object)
		if found == nil {
			answer(w, http.StatusNotFound, Problem(http.StatusNotFound, "read_unknown", "There is no such reading.", "List your readings."))
			return
		}
		answer(w, http.StatusOK, found)
	}
}

// changes holds a call that changes something to what the API asks of the page: its
// header, and JSON or a form with a picture.
func (a *Agent) changes(do func(*http.Request, Object) (int, any)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body := Object{}
		kind := r.Header.Get("Content-Type")
		if r.Header.Get("X-Passport-Agent") != "1" || r.Method == http.MethodGet {
			answer(w, http.StatusForbidden, Problem(http.StatusForbidden, "page_header_missing", "A change lacks its header.", "Send it."))
			return
		}
		if kind == "application/json" {
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				answer(w, http.StatusUnprocessableEntity, Problem(http.StatusUnprocessableEntity, "request_invalid", err.Error(), "Send JSON."))
				return
			}
		} else if err := r.ParseMultipartForm(32 << 20); err != nil {
			answer(w, http.StatusUnsupportedMediaType, Problem(http.StatusUnsupportedMediaType, "content_type_refused", err.Error(), "Send JSON."))
			return
		} else {
			_, file, err := r.FormFile("file")
			if err == nil {
				body = Object{"context": r.FormValue("context"), "size": float64(file.Size), "type": file.Header.Get("Content-Type")}
			}
		}
		a.mutex.Lock()
		defer a.mutex.Unlock()
		status, result := 0, any(nil)
		if refusal := a.world.Refuse; refusal != nil {
			a.world.Refuse = nil
			status, result = refusal["status"].(int), refusal
		} else {
			status, result = do(r, body)
		}
		a.calls = append(a.calls, Call{r.Method, r.URL.Path, body, r.Header})
		a.tell()
		answer(w, status, result)
	}
}

func (a *Agent) create(_ *http.Request, body Object) (int, any) {
	a.next++
	id := fmt.Sprintf("read-%d", a.next)
	now := time.Now()
	read := Object{
		"id": id, "state": "waiting", "phase": "waiting", "file": "", "percent": 0, "seconds": 0, "reader": body["reader"],
		"created": now.Add(time.Duration(a.next) * time.Millisecond).Format(time.RFC3339Nano), "expires": nil, "session": body["session"], "report": nil, "error": nil, "portrait": false,
	}
	a.world.Reads[id] = read
	body["id"] = id
	return http.StatusCreated, read
}

func (a *Agent) stream(w http.ResponseWriter, r *http.Request, id string) {
	events := make(chan message, 1024)
	a.mutex.Lock()
	if read := a.world.Reads[id]; read != nil {
		events <- message{"read", withoutReport(read)}
	}
	a.streams[events] = id
	a.mutex.Unlock()
	defer func() {
		a.mutex.Lock()
		defer a.mutex.Unlock()
		delete(a.streams, events)
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	controller := http.NewResponseController(w)
	if err := controller.Flush(); err != nil {
		return
	}
	for {
		select {
		case <-r.Context().Done():
			return
		case m, open := <-events:
			if !open {
				return
			}
			data, err := json.Marshal(m.data)
			if err != nil {
				return
			}
			if _, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", m.name, data); err != nil {
				return
			}
			if err := controller.Flush(); err != nil {
				return
			}
		}
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	if status >= http.StatusBadRequest {
		w.Header().Set("Content-Type", "application/problem+json")
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if body != nil {
		_ = json.NewEncoder(w).Encode(body) // a page that has gone does not read it
	}
}
