package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/agent"
	"passport-agent/agent/api"
	"passport-agent/internal/canary"
	"passport-agent/internal/pcscdtest"
	"passport-agent/pcsc"
	"passport-agent/tap"
	"passport-agent/upload/sandbox"
	"passport-agent/virtual"
)

// program builds the program once for all tests.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "passport-agent")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "passport-agent")
	output, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, output)
	}
	return path, nil
})

// running is the agent as a process of its own.
type running struct {
	t      *testing.T
	cmd    *exec.Cmd
	dir    string
	file   api.PortFile
	link   string
	events chan string
	ended  chan error
	over   chan struct{}
	stderr bytes.Buffer // may be read after the end
}

// serveProgram starts the agent on a free port, with an empty data folder, and waits
// until it listens.
func serveProgram(t *testing.T, env map[string]string, args ...string) *running {
	t.Helper()
	return serveIn(t, t.TempDir(), env, args...)
}

// serveIn does that with a data folder.
func serveIn(t *testing.T, dir string, env map[string]string, args ...string) *running {
	t.Helper()
	path, err := program()
	require.NoError(t, err)
	r := &running{t: t, dir: dir, events: make(chan string, 4096), ended: make(chan error, 1), over: make(chan struct{})}
	r.cmd = exec.Command(path, append([]string{"serve", "--listen", "127.0.0.1:0", "--data-dir", r.dir, "--json"}, args...)...)
	for name, value := range env {
		r.cmd.Env = append(r.cmd.Env, name+"="+value)
	}
	r.cmd.Env = append(r.cmd.Env, "HOME="+r.dir, "XDG_CONFIG_HOME="+r.dir)
	r.cmd.Stderr = &r.stderr
	out, err := r.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, r.cmd.Start())
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			select {
			case r.events <- lines.Text():
			default:
			}
		}
		close(r.events)
		r.ended <- r.cmd.Wait()
		close(r.over)
	}()
	t.Cleanup(func() {
		_ = r.cmd.Process.Kill() // it may have ended
		<-r.over
		if t.Failed() {
			t.Logf("standard error of the agent:\n%s", &r.stderr)
		}
	})
	var listening struct{ Event, URL, Link string }
	select {
	case line, ok := <-r.events:
		require.True(t, ok, "the agent has ended")
		require.NoError(t, json.Unmarshal([]byte(line), &listening))
	case <-time.After(patience):
		require.FailNow(t, "the agent does not listen")
	}
	require.Equal(t, "listening", listening.Event)
	r.link = listening.Link
	r.file, err = api.ReadPortFile(filepath.Join(r.dir, portFileName))
	require.NoError(t, err)
	require.Equal(t, listening.URL, r.file.URL)
	require.Equal(t, r.cmd.Process.Pid, r.file.PID)
	return r
}

// stop sends the signal of Ctrl-C and waits for the end.
func (r *running) stop() {
	r.t.Helper()
	require.NoError(r.t, r.cmd.Process.Signal(syscall.SIGINT))
	select {
	case err := <-r.ended:
		require.NoError(r.t, err)
	case <-time.After(patience):
		require.FailNow(r.t, "the agent does not end")
	}
}

// call makes a call as a program of the same user.
func (r *running) call(method, path string, body, into any) error {
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		reader = bytes.NewReader(text)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, method, r.file.URL+path, reader)
	if err != nil {
		return err
	}
	q.Header.Set("Authorization", "Bearer "+r.file.Token)
	if method != http.MethodGet {
		q.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	b, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode >= 300:
		return fmt.Errorf("%s %s: %d %s", method, path, response.StatusCode, b)
	case into != nil:
		return json.Unmarshal(b, into)
	}
	return nil
}

// outcomeOf waits for the end of a reading on its event stream.
func (r *running) outcomeOf(id string) (api.ReadBody, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, r.file.URL+"/v1/reads/"+id+"/events", nil)
	if err != nil {
		return api.ReadBody{}, err
	}
	q.Header.Set("Authorization", "Bearer "+r.file.Token)
	response, err := http.DefaultClient.Do(q)
	if err != nil {
		return api.ReadBody{}, err
	}
	_, err = io.Copy(io.Discard, response.Body) // it ends with the reading
	_ = response.Body.Close()
	if err != nil {
		return api.ReadBody{}, err
	}
	var read api.ReadBody
	err = r.call(http.MethodGet, "/v1/reads/"+id, nil, &read)
	return read, err
}

// onReader lays a document on a reader of the real service, and takes it off again.
func onReader(document *virtual.Document, reader int) (take func() error, err error) {
	for deadline := time.Now().Add(patience); ; {
		readers, err := pcsc.Readers(context.Background())
		if err != nil {
			return nil, err
		}
		if len(readers) > reader && readers[reader].Status == pcsc.ReaderEmpty {
			break
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("reader %d does not become empty", reader)
		}
		time.Sleep(20 * time.Millisecond)
	}
	chip, err := virtual.NewChip(document, virtual.ChipOptions{})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- virtual.Serve(ctx, virtual.VPCDOptions{Address: fmt.Sprintf("127.0.0.1:%d", 35963+reader)}, chip, nil)
	}()
	return func() error { cancel(); return <-ended }, nil
}

// cycle reads one document to its upload, on one reader, and forgets it.
func (r *running) cycle(document *virtual.Document, reader int) (api.ReadBody, error) {
	zone, err := document.MRZ()
	if err != nil {
		return api.ReadBody{}, err
	}
	var read api.ReadBody
	if err := r.call(http.MethodPost, "/v1/reads", map[string]any{
		"access": map[string]string{"mrz": zone}, "session": session, "reader": pcscdtest.ReaderName(reader), "waitSeconds": 30,
	}, &read); err != nil {
		return read, err
	}
	take, err := onReader(document, reader)
	if err != nil {
		return read, err
	}
	read, err = r.outcomeOf(read.ID)
	if takeErr := take(); err == nil {
		err = takeErr
	}
	if err != nil {
		return read, err
	}
	if read.State != agent.StateDone || read.Report.Upload.State != tap.UploadAccepted {
		return read, fmt.Errorf("state %s, upload %s: %w", read.State, read.Report.Upload.State, read.Error)
	}
	return read, r.call(http.MethodDelete, "/v1/reads/"+read.ID, nil, nil)
}

// The agent as it is installed: two readers at once, each document to its own caller
// and into the session; then Ctrl-C.
func TestServeReadsOnTwoReadersAtOnce(t *testing.T) {
	pcscdtest.Require(t)
	server, env := service(t)
	r := serveProgram(t, env)
	require.True(t, strings.HasPrefix(r.link, r.file.URL+"/#open="))

	var working sync.WaitGroup
	results := make([]api.ReadBody, pcscdtest.Readers)
	errs := make([]error, pcscdtest.Readers)
	for reader := range pcscdtest.Readers {
		document, err := virtual.Personalise(virtual.Options{DG2Size: 9000 + reader})
		require.NoError(t, err)
		working.Go(func() { results[reader], errs[reader] = r.cycle(document, reader) })
	}
	working.Wait()
	for reader, read := range results {
		require.NoError(t, errs[reader])
		require.Equal(t, pcscdtest.ReaderName(reader), read.Reader)
		require.Equal(t, 9000+reader, read.Report.Files["DG2"].Size)
	}
	require.Len(t, server.Media(session), pcscdtest.Readers)
	r.stop()
	require.NoFileExists(t, filepath.Join(r.dir, portFileName))
}

// A new link for a browser that has lost its cookie comes from the running agent.
func TestServeGivesNewLinks(t *testing.T) {
	r := serveProgram(t, nil, "--kiosk")
	require.True(t, strings.HasPrefix(r.link, r.file.URL+"/kiosk#open="))
	var answer struct{ Link string }
	command(t, nil, "", "serve", "--link", "--json", "--data-dir", r.dir).document(t, &answer)
	require.True(t, strings.HasPrefix(answer.Link, r.file.URL+"/kiosk#open="))
	require.NotEqual(t, r.link, answer.Link)
	for _, link := range []string{r.link, answer.Link} {
		_, code, _ := strings.Cut(link, "#open=")
		require.NoError(t, r.call(http.MethodPost, "/v1/open", map[string]string{"code": code}, nil))
		require.ErrorContains(t, r.call(http.MethodPost, "/v1/open", map[string]string{"code": code}, nil), "link_refused")
	}
	r.stop()
	o := command(t, nil, "", "serve", "--link", "--data-dir", r.dir)
	require.Equal(t, 2, o.exit)
	require.Contains(t, o.err, "no agent runs")
}

func TestServeSaysWhoHasThePort(t *testing.T) {
	r := serveProgram(t, nil)
	o := command(t, nil, "", "serve", "--listen", fmt.Sprintf("127.0.0.1:%d", r.file.Port))
	require.Equal(t, 2, o.exit)
	require.Contains(t, o.err, "port_taken")
	require.Contains(t, o.err, fmt.Sprintf("port %d, by passport-agent (process ", r.file.Port))
	r.stop()
}

func TestServeMistakes(t *testing.T) {
	for name, args := range map[string][]string{
		"an address others reach": {"--listen", "0.0.0.0:24770"}, "no port": {"--listen", "127.0.0.1"},
		"no origin": {"--allow-origin", "desk.example"}, "origin with a path": {"--allow-origin", "https://desk.example/"},
		"policy": {"--on-failed", "ignore"}, "profile": {"--profile", "lax"}, "half an integration": {"--api-url", "https://x.example"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if name == "no origin" || name == "origin with a path" {
				args = append(args, "--listen", "127.0.0.1:0")
			}
			o := commandContext(ctx, t, nil, "", append([]string{"serve"}, args...)...)
			require.Equal(t, 2, o.exit, o.err)
		})
	}
}

// Ctrl-C while a chip is read: the reading ends cleanly and says so, and nothing is
// left in the session; an upload under way is waited for.
func TestServeStopsCleanly(t *testing.T) {
	pcscdtest.Require(t)
	server := sandbox.New(sandbox.Options{})
	server.AddSession(session)
	arrived, goOn := make(chan struct{}), make(chan struct{})
	listening := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		close(arrived)
		<-goOn
		server.ServeHTTP(w, q)
	}))
	t.Cleanup(listening.Close)
	r := serveProgram(t, map[string]string{
		"PASSPORT_AGENT_API_URL": listening.URL, "PASSPORT_AGENT_API_KEY": sandbox.DemoAPIKey, "PASSPORT_AGENT_API_SECRET": sandbox.DemoSecret,
	})
	uploading, err := virtual.Personalise(virtual.Options{})
	require.NoError(t, err)
	zone, err := uploading.MRZ()
	require.NoError(t, err)
	request := map[string]any{"access": map[string]string{"mrz": zone}, "session": session, "reader": pcscdtest.ReaderName(0)}
	var first, second api.ReadBody
	require.NoError(t, r.call(http.MethodPost, "/v1/reads", request, &first))
	take, err := onReader(uploading, 0)
	require.NoError(t, err)
	<-arrived
	request["reader"] = pcscdtest.ReaderName(1)
	require.NoError(t, r.call(http.MethodPost, "/v1/reads", request, &second))

	require.NoError(t, r.cmd.Process.Signal(syscall.SIGINT))
	states := map[string]string{}
	for line := range r.events {
		var e struct{ Event, ID, State string }
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		if e.Event == "job" {
			states[e.ID] = e.State
		}
		if e.ID == second.ID && e.State == string(agent.StateCancelled) {
			close(goOn)
		}
	}
	require.NoError(t, <-r.ended)
	require.Equal(t, map[string]string{first.ID: "done", second.ID: "cancelled"}, states)
	require.Len(t, server.Media(session), 1)
	require.NoError(t, take())
}

// serviceAway is a service that is away until online says otherwise.
func serviceAway(t *testing.T) (server *sandbox.Server, online *atomic.Bool, url string) {
	t.Helper()
	server, online = sandbox.New(sandbox.Options{}), &atomic.Bool{}
	server.AddSession(session)
	listening := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if !online.Load() {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "away", http.StatusServiceUnavailable)
			return
		}
		server.ServeHTTP(w, q)
	}))
	t.Cleanup(listening.Close)
	return server, online, listening.URL
}

// Offline, then online: what cannot be uploaded is kept and goes by itself; the audit
// log names the label of who was at the desk, and holds together.
func TestServeOfflineThenOnline(t *testing.T) {
	pcscdtest.Require(t)
	server, online, url := serviceAway(t)
	r := serveProgram(t, map[string]string{
		"PASSPORT_AGENT_API_URL": url, "PASSPORT_AGENT_API_KEY": sandbox.DemoAPIKey, "PASSPORT_AGENT_API_SECRET": sandbox.DemoSecret,
		"PASSPORT_AGENT_QUEUE_KEYS": "file", "PASSPORT_AGENT_QUEUE_SETTLE": "10ms",
	})
	require.NoError(t, r.call(http.MethodPut, "/v1/shift", map[string]string{"operator": "desk-7"}, nil))
	document, err := virtual.Personalise(virtual.Options{})
	require.NoError(t, err)
	zone, err := document.MRZ()
	require.NoError(t, err)
	var read api.ReadBody
	require.NoError(t, r.call(http.MethodPost, "/v1/reads", map[string]any{"access": map[string]string{"mrz": zone}, "session": session}, &read))
	take, err := onReader(document, 0)
	require.NoError(t, err)
	read, err = r.outcomeOf(read.ID)
	require.NoError(t, err)
	require.Equal(t, agent.StateDone, read.State)
	require.Equal(t, tap.UploadQueued, read.Report.Upload.State)
	var queue api.QueueBody
	require.NoError(t, r.call(http.MethodGet, "/v1/queue", nil, &queue))
	require.Len(t, queue.Items, 1)
	require.NotNil(t, queue.Oldest)

	online.Store(true)
	require.Eventually(t, func() bool { return len(server.Media(session)) == 1 }, patience, 50*time.Millisecond)
	require.NoError(t, take())
	r.stop()

	var audited struct {
		Records int
		Head    string
		Error   any
	}
	command(t, nil, "", "queue", "audit", "--json", "--data-dir", r.dir).document(t, &audited)
	require.Nil(t, audited.Error)
	lines, err := filepath.Glob(filepath.Join(r.dir, "audit", "*.jsonl"))
	require.NoError(t, err)
	require.Len(t, lines, 1)
	text, err := os.ReadFile(lines[0])
	require.NoError(t, err)
	require.Contains(t, string(text), `"kind":"shift","operator":"desk-7"`)
	require.Regexp(t, `"kind":"read","transactionId":"[0-9a-f]+","operator":"desk-7"`, string(text))
	require.Empty(t, canary.Find(text, map[string][]byte{"zone": []byte(zone[44:]), "number": []byte(zone[44:53]), "DG1": document.Files[virtual.DataGroup(1)]}))
}
