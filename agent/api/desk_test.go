package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/agent"
	"passport-agent/agent/api"
	"passport-agent/agent/pair"
	"passport-agent/agent/problem"
	"passport-agent/internal/secret"
	"passport-agent/pcsc"
	"passport-agent/tap"
	"passport-agent/virtual"
)

const (
	patience      = 20 * time.Second
	allowed       = "https://shop.example"
	alsoAllowed   = "https://bank.example"
	metricsSecret = "metrics-token-of-the-test"
	readerName    = "Test Reader 00"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(otherUserEnv); url != "" {
		os.Exit(beOtherUser(url))
	}
	os.Exit(m.Run())
}

// desk is an agent that listens on real sockets, with one reader in memory.
type desk struct {
	t        *testing.T
	agent    *agent.Agent
	guard    *pair.Guard
	port     int
	document *virtual.Document
	chip     *virtual.Chip
	dir      string
	local    string
	contract contract
	stop     context.CancelFunc
	hold     chan struct{}

	mu      sync.Mutex
	present bool
	counter uint16
	changed chan struct{}
}

type deskOptions struct {
	kiosk     bool
	service   agent.Service
	queue     agent.Queue
	bodyTime  time.Duration
	heartbeat time.Duration
	profile   virtual.Profile
	keep      time.Duration
}

func newDesk(t *testing.T, o deskOptions) *desk {
	t.Helper()
	d := &desk{t: t, changed: make(chan struct{}), dir: t.TempDir(), local: "token-of-the-port-file", contract: loadContract(t)}
	var err error
	d.document, err = virtual.Personalise(virtual.Options{DG2Size: 9000})
	require.NoError(t, err)
	d.chip, err = virtual.NewChip(d.document, virtual.ChipOptions{Profile: o.profile})
	require.NoError(t, err)

	listeners, err := api.Listen("127.0.0.1:0")
	require.NoError(t, err)
	d.port = listeners.Port
	metrics := api.NewMetrics()
	d.agent = agent.New(agent.Options{
		Software: "test/1", Watch: d.watch, Connect: d.connect, Service: o.service, Queue: o.queue, Keep: o.keep,
		Audit: metrics.Record,
		Portrait: func(_ context.Context, picture []byte) ([]byte, error) {
			return append([]byte("\x89PNG of "), picture[:4]...), nil
		},
	})
	metrics.Watch(d.agent)
	d.guard, err = pair.New(pair.Options{
		Port: d.port, Origins: []string{allowed, alsoAllowed}, Store: filepath.Join(d.dir, "pairings.json"), Local: d.local, Kiosk: o.kiosk,
		Changed: func() { d.agent.Events().Publish(agent.EventPairing) },
	})
	require.NoError(t, err)
	handler := api.New(api.Options{
		Agent: d.agent, Guard: d.guard, Software: "test/1", Metrics: metrics, MetricsToken: secret.NewText(metricsSecret),
		Kiosk: o.kiosk, BodyTime: o.bodyTime, Heartbeat: o.heartbeat,
		Page: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the page") }),
	})
	ctx, cancel := context.WithCancel(context.Background())
	d.stop = cancel
	var running sync.WaitGroup
	running.Go(func() { d.agent.Run(ctx) })
	running.Go(func() {
		if err := listeners.Serve(ctx, handler); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })
	return d
}

// watch tells of the one reader.
func (d *desk) watch(ctx context.Context, _ <-chan struct{}, observe func([]pcsc.ReaderInfo, error)) {
	for {
		d.mu.Lock()
		info := pcsc.ReaderInfo{Name: readerName, Status: pcsc.ReaderEmpty, Counter: d.counter}
		if d.present {
			info.Status = pcsc.ReaderDocument
		}
		changed := d.changed
		d.mu.Unlock()
		observe([]pcsc.ReaderInfo{info}, nil)
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// place lays the document on the reader, or takes it off.
func (d *desk) place(present bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.present = present
	d.counter++
	close(d.changed)
	d.changed = make(chan struct{})
}

// card is the document on the reader. Where hold is set, it answers nothing before
// that is closed.
type card struct {
	*virtual.Chip
	hold <-chan struct{}
}

func (card) Reader() string { return readerName }
func (card) Close() error   { return nil }

func (c card) Transmit(ctx context.Context, command, response []byte) (int, error) {
	if c.hold != nil {
		<-c.hold
	}
	return c.Chip.Transmit(ctx, command, response)
}

func (d *desk) connect(context.Context, string, time.Duration) (tap.Card, error) {
	if err := d.chip.Reset(context.Background()); err != nil {
		return nil, err
	}
	return card{d.chip, d.hold}, nil
}

func (d *desk) mrz() string {
	text, err := d.document.MRZ()
	require.NoError(d.t, err)
	return text
}

func (d *desk) url(path string) string { return fmt.Sprintf("http://127.0.0.1:%d%s", d.port, path) }

// request is a request as a browser or a program sends it.
type request struct {
	method, path string
	body         string
	header       map[string]string
	host         string
}

// answered is what came back. The end of the test closes it.
type answered struct {
	StatusCode int
	Header     http.Header
	Body       io.Reader
	Cookies    []*http.Cookie
}

func (d *desk) send(r request) answered {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	d.t.Cleanup(cancel)
	var body io.Reader
	if r.body != "" {
		body = strings.NewReader(r.body)
	}
	q, err := http.NewRequestWithContext(ctx, r.method, d.url(r.path), body)
	require.NoError(d.t, err)
	for name, value := range r.header {
		q.Header.Set(name, value)
	}
	if r.host != "" {
		q.Host = r.host
	}
	response, err := http.DefaultTransport.RoundTrip(q)
	require.NoError(d.t, err)
	d.t.Cleanup(func() { _ = response.Body.Close() })
	return answered{response.StatusCode, response.Header, response.Body, response.Cookies()}
}

// answer sends and decodes.
func (d *desk) answer(r request, status int, into any) {
	d.t.Helper()
	response := d.send(r)
	b, err := io.ReadAll(response.Body)
	require.NoError(d.t, err)
	require.Equal(d.t, status, response.StatusCode, "%s %s: %s", r.method, r.path, b)
	require.Empty(d.t, d.contract.check(r.method, r.path, status, response.Header.Get("Content-Type"), b), "the document tells what the code does")
	if into != nil {
		require.NoError(d.t, json.Unmarshal(b, into), "%s", b)
	}
}

// refused sends and returns the problem.
func (d *desk) refused(r request) problem.Problem {
	d.t.Helper()
	response := d.send(r)
	var p problem.Problem
	b, err := io.ReadAll(response.Body)
	require.NoError(d.t, err)
	require.Equal(d.t, problem.ContentType, response.Header.Get("Content-Type"), "%d %s", response.StatusCode, b)
	require.NoError(d.t, json.Unmarshal(b, &p))
	require.Equal(d.t, response.StatusCode, p.Status)
	require.NotEmpty(d.t, p.Title)
	require.NotEmpty(d.t, p.Advice)
	return p
}

// openPage exchanges a one-time link and returns the cookie.
func (d *desk) openPage() string {
	d.t.Helper()
	code, err := d.guard.Link()
	require.NoError(d.t, err)
	response := d.send(request{method: "POST", path: "/v1/open", body: fmt.Sprintf(`{"code":%q}`, code), header: map[string]string{"Content-Type": "application/json"}})
	require.Equal(d.t, http.StatusNoContent, response.StatusCode)
	require.Len(d.t, response.Cookies, 1)
	cookie := response.Cookies[0]
	require.True(d.t, cookie.HttpOnly)
	require.Equal(d.t, http.SameSiteStrictMode, cookie.SameSite)
	return cookie.Name + "=" + cookie.Value
}

// page is the header of a change by the agent's page.
func page(cookie string) map[string]string {
	return map[string]string{"Cookie": cookie, "X-Passport-Agent": "1", "Content-Type": "application/json"}
}

// paired pairs an origin and returns its token.
func (d *desk) paired(origin string) string {
	d.t.Helper()
	cookie := d.openPage()
	foreign := map[string]string{"Origin": origin, "Content-Type": "application/json"}
	var asked struct{ ID, Code, Secret string }
	d.answer(request{method: "POST", path: "/v1/pairings", body: `{"name":"Shop"}`, header: foreign}, 201, &asked)
	fetch := request{method: "POST", path: "/v1/pairings/" + asked.ID + "/token", body: fmt.Sprintf(`{"secret":%q}`, asked.Secret), header: foreign}
	d.answer(fetch, 202, nil)
	d.answer(request{method: "POST", path: "/v1/pairings/" + asked.ID + "/confirm", body: fmt.Sprintf(`{"code":%q}`, asked.Code), header: page(cookie)}, 204, nil)
	var got struct{ Token string }
	d.answer(fetch, 200, &got)
	require.NotEmpty(d.t, got.Token)
	return got.Token
}

func with(header map[string]string, more ...string) map[string]string {
	all := map[string]string{}
	for k, v := range header {
		all[k] = v
	}
	for i := 0; i < len(more); i += 2 {
		if more[i+1] == "" {
			delete(all, more[i])
			continue
		}
		all[more[i]] = more[i+1]
	}
	return all
}

// create begins a reading.
func (d *desk) create(header map[string]string, body any) api.ReadBody {
	d.t.Helper()
	text, err := json.Marshal(body)
	require.NoError(d.t, err)
	var read api.ReadBody
	d.answer(request{method: "POST", path: "/v1/reads", body: string(text), header: header}, 201, &read)
	return read
}

func (d *desk) access() map[string]any {
	return map[string]any{"access": map[string]string{"mrz": d.mrz()}}
}

// ended waits for the end of a reading on its event stream.
func (d *desk) ended(header map[string]string, id string) api.ReadBody {
	d.t.Helper()
	for e := range d.events(header, "/v1/reads/"+id+"/events") {
		var read api.ReadBody
		require.NoError(d.t, json.Unmarshal([]byte(e.data), &read))
		if read.State == agent.StateDone || read.State == agent.StateFailed || read.State == agent.StateCancelled {
			d.answer(request{method: "GET", path: "/v1/reads/" + id, header: with(header, "Content-Type", "")}, 200, &read)
			return read
		}
	}
	require.FailNow(d.t, "the stream ended before the reading")
	return api.ReadBody{}
}

type event struct{ id, kind, data string }

// events opens a stream; the channel is closed with it.
func (d *desk) events(header map[string]string, path string) <-chan event {
	d.t.Helper()
	response := d.send(request{method: "GET", path: path, header: with(header, "Content-Type", "")})
	if response.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(response.Body)
		require.FailNow(d.t, "no stream", "%d %s", response.StatusCode, b)
	}
	require.Equal(d.t, "text/event-stream", response.Header.Get("Content-Type"))
	events := make(chan event, 1024)
	go func() {
		defer close(events)
		reader := &lines{r: response.Body}
		var e event
		for {
			line, err := reader.next()
			if err != nil {
				return
			}
			name, value, _ := strings.Cut(line, ": ")
			switch {
			case line == "" && e.kind != "":
				events <- e
				e = event{}
			case name == "id":
				e.id = value
			case name == "event":
				e.kind = value
			case name == "data":
				e.data = value
			case strings.HasPrefix(line, ":"):
				select {
				case events <- event{kind: "comment", data: value}:
				default:
				}
			}
		}
	}()
	out := make(chan event, 1024)
	go func() {
		defer close(out)
		for e := range events {
			if e.kind != "comment" || strings.Contains(path, "beat") {
				out <- e
			}
		}
	}()
	return out
}

type lines struct {
	r    io.Reader
	rest []byte
}

func (l *lines) next() (string, error) {
	for {
		if i := bytes.IndexByte(l.rest, '\n'); i >= 0 {
			line := string(l.rest[:i])
			l.rest = l.rest[i+1:]
			return line, nil
		}
		b := make([]byte, 4096)
		n, err := l.r.Read(b)
		l.rest = append(l.rest, b[:n]...)
		if n == 0 && err != nil {
			return "", err
		}
	}
}

func portFile(d *desk) api.PortFile {
	return api.PortFile{PID: os.Getpid(), Port: d.port, URL: d.url(""), Token: d.local}
}
