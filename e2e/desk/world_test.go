// Package desk_test does the whole job as people do it: the program runs as it is
// installed, documents lie on the readers of a real pcscd, a person uses the page in a
// browser, and the sandbox takes what is uploaded.
package desk_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/e2e/browser"
	"passport-agent/internal/pcscdtest"
	"passport-agent/pcsc"
	"passport-agent/upload/sandbox"
	"passport-agent/virtual"
)

const sessionID = "f04bdb47-d3be-4b28-b028-a652feb060b5"

func TestMain(m *testing.M) { pcscdtest.Main(m) }

// program builds the program once for all tests.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "passport-agent-e2e")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "passport-agent")
	build := exec.Command("go", "build", "-o", path, "./cmd/passport-agent")
	build.Dir = filepath.Join("..", "..")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, output)
	}
	return path, nil
})

// service is the sandbox behind an address that can be taken off the network.
type service struct {
	*sandbox.Server
	address string
	stop    func()
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{Server: sandbox.New(sandbox.Options{}), address: "127.0.0.1:0", stop: func() {}}
	s.AddSession(sessionID)
	s.online(t)
	t.Cleanup(func() { s.Release(); s.offline() })
	return s
}

func (s *service) online(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", s.address)
	require.NoError(t, err)
	s.address = listener.Addr().String()
	server := &http.Server{Handler: s.Server}
	go func() { _ = server.Serve(listener) }() // it ends with stop
	s.stop = func() { _ = server.Close() }
}

func (s *service) offline() { s.stop() }

// world is an agent, its service and a person with a browser before its page.
type world struct {
	t       *testing.T
	service *service
	url     string
	page    *browser.Page
}

// newWorld starts the program as it is installed and opens its page by the link that it
// prints.
func newWorld(t *testing.T, trusted *virtual.Document, arguments ...string) *world {
	t.Helper()
	pcscdtest.Require(t)
	path, err := program()
	require.NoError(t, err)
	w := &world{t: t, service: newService(t)}
	data := t.TempDir()
	environment := append(os.Environ(), "HOME="+data, "XDG_CONFIG_HOME="+data, "PASSPORT_AGENT_API_URL=http://"+w.service.address,
		"PASSPORT_AGENT_API_KEY="+sandbox.DemoAPIKey, "PASSPORT_AGENT_API_SECRET="+sandbox.DemoSecret)
	if trusted != nil {
		certificate := filepath.Join(data, "country.cer")
		require.NoError(t, os.WriteFile(certificate, trusted.CSCA, 0o600))
		imported := exec.Command(path, "trust", "import", certificate, "--data-dir", data)
		imported.Env = environment
		output, err := imported.CombinedOutput()
		require.NoError(t, err, string(output))
	}
	agent := exec.Command(path, append([]string{"serve", "--listen", "127.0.0.1:0", "--data-dir", data, "--json"}, arguments...)...)
	agent.Env, agent.Stderr = environment, os.Stderr
	out, err := agent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, agent.Start())
	lines := bufio.NewReader(out)
	first, err := lines.ReadBytes('\n')
	require.NoError(t, err, "the agent has ended")
	ended := make(chan error, 1)
	go func() {
		_, copied := io.Copy(io.Discard, lines)
		ended <- errors.Join(agent.Wait(), copied)
	}()
	t.Cleanup(func() {
		require.NoError(t, agent.Process.Signal(syscall.SIGINT))
		select {
		case err := <-ended:
			require.NoError(t, err)
		case <-time.After(browser.Patience):
			_ = agent.Process.Kill() // it is a failure either way
			t.Error("the agent does not end")
		}
	})
	var listening struct{ Event, URL, Link string }
	require.NoError(t, json.Unmarshal(first, &listening))
	require.Equal(t, "listening", listening.Event)
	w.url = listening.URL
	w.page = browser.New(t).Open(t, listening.Link, 1280, 900)
	t.Cleanup(func() {
		if t.Failed() {
			w.page.Screenshot(t, "end-to-end/failed-"+filepath.Base(t.Name()))
		}
	})
	return w
}

// lay puts a document on a reader, 0 or 1, as a person does who has taken off the one
// before. The document leaves with the test.
func lay(t *testing.T, document *virtual.Document, reader int, options virtual.ChipOptions) *virtual.Chip {
	t.Helper()
	require.Eventually(t, func() bool {
		readers, err := pcsc.Readers(context.Background())
		return err == nil && len(readers) > reader && readers[reader].Status == pcsc.ReaderEmpty
	}, browser.Patience, 20*time.Millisecond, "the reader does not become empty")
	chip, err := virtual.NewChip(document, options)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- virtual.Serve(ctx, virtual.VPCDOptions{Address: fmt.Sprintf("127.0.0.1:%d", 35963+reader)}, chip, nil)
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return chip
}

func personalise(t *testing.T, change func(*virtual.Options)) *virtual.Document {
	t.Helper()
	options := virtual.Options{}
	if change != nil {
		change(&options)
	}
	document, err := virtual.Personalise(options)
	require.NoError(t, err)
	return document
}

func zoneOf(t *testing.T, document *virtual.Document) string {
	t.Helper()
	zone, err := document.MRZ()
	require.NoError(t, err)
	return zone
}

// scan sends a zone as a scanner does.
func (w *world) scan(zone string) {
	w.t.Helper()
	w.page.Wait(w.t, "a page that is ready", `/^(entry|welcome)/.test(document.querySelector('[data-region=stage]')?.dataset.state ?? '')`)
	var keys []browser.Key
	for _, c := range zone[:44] + "\n" + zone[44:] + "\n" {
		switch {
		case c == '\n':
			keys = append(keys, browser.Key{Name: "Enter", Code: "Enter"})
		case c == '<':
			keys = append(keys, browser.Key{Name: "<", Code: "Comma", Shift: true})
		case c >= '0' && c <= '9':
			keys = append(keys, browser.Key{Name: string(c), Code: "Digit" + string(c)})
		default:
			keys = append(keys, browser.Key{Name: string(c), Code: "Key" + string(c), Shift: true})
		}
	}
	w.page.Scan(w.t, keys)
}

// toSession has the readings that follow uploaded to the session of the tests.
func (w *world) toSession() {
	w.t.Helper()
	w.page.State(w.t, "stage", "entry")
	w.page.Run(w.t, `location.hash = '#session=`+sessionID+`'`)
	w.page.State(w.t, "session", "given")
}

func (w *world) text() string {
	w.t.Helper()
	return browser.Eval[string](w.t, w.page, `document.querySelector('#page').innerText`)
}
