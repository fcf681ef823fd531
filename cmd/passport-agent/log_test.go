package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/agent"
	"passport-agent/agent/api"
	"passport-agent/internal/canary"
	"passport-agent/internal/config"
	"passport-agent/internal/pcscdtest"
	"passport-agent/tap"
	"passport-agent/upload/sandbox"
	"passport-agent/virtual"
)

// readOn reads a document on the first reader to the end of its reading.
func (r *running) readOn(document *virtual.Document, zone string, request map[string]any) api.ReadBody {
	r.t.Helper()
	request["access"] = map[string]string{"mrz": zone}
	request["reader"] = pcscdtest.ReaderName(0)
	var read api.ReadBody
	require.NoError(r.t, r.call(http.MethodPost, "/v1/reads", request, &read))
	take, err := onReader(document, 0)
	require.NoError(r.t, err)
	read, err = r.outcomeOf(read.ID)
	require.NoError(r.t, err)
	require.NoError(r.t, take())
	return read
}

// logOf returns the log file of an agent that has ended.
func logOf(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

// The log file, named in the settings without a folder of its own, has what whoever
// looks after the machine needs, at the level that nobody has set; the bundle takes it
// along.
func TestTheLogFileTellsOfTheDay(t *testing.T) {
	pcscdtest.Require(t)
	_, online, url := serviceAway(t)
	env := map[string]string{
		"PASSPORT_AGENT_API_URL": url, "PASSPORT_AGENT_API_KEY": sandbox.DemoAPIKey, "PASSPORT_AGENT_API_SECRET": sandbox.DemoSecret,
		"PASSPORT_AGENT_QUEUE_KEYS": "file", "PASSPORT_AGENT_QUEUE_SETTLE": "10ms", "PASSPORT_AGENT_LOG_FILE": "log/agent.log",
	}
	r := serveProgram(t, env)
	document := specimen(t)
	read := r.readOn(document, zoneOf(t, document), map[string]any{"session": session})
	require.Equal(t, tap.UploadQueued, read.Report.Upload.State)
	online.Store(true)
	path := filepath.Join(r.dir, "log", "agent.log")
	require.Eventually(t, func() bool { return strings.Contains(logOf(t, path), "queue delivered") }, patience, 50*time.Millisecond)
	r.stop()

	text := logOf(t, path)
	require.Equal(t, text, r.stderr.String(), "standard error has the same")
	for _, record := range []string{
		`level=INFO msg="agent started" software=passport-agent/\S+ url=` + regexp.QuoteMeta(r.file.URL) + ` kiosk=false`,
		`level=INFO msg="reader plugged in" reader=".*" state=empty`,
		`level=WARN msg="trust list wants attention" concern=no_country_signers count=1`,
		`level=INFO msg="reading ended" transaction=` + read.Report.TransactionID + ` status=undetermined reader="Virtual.*" access=BAC seconds=\d+\.\d{1,3} checks.successful=\d+ checks.not_supported=\d+ checks.undetermined=\S*signer\S* .*upload.state=queued upload.item=` + read.Report.Upload.Item + ` upload.held=false code=upload_queued error=`,
		`level=INFO msg="queue delivered" item=` + read.Report.Upload.Item,
		`level=INFO msg="agent ending"`,
		`level=INFO msg="agent ended"`,
	} {
		require.Regexp(t, record, text)
	}
	require.NotContains(t, text, session)

	archive := filepath.Join(t.TempDir(), "support.tar.gz")
	command(t, env, "", "doctor", "--data-dir", r.dir, "--bundle", archive)
	require.Equal(t, text, unpack(t, archive)["passport-agent/agent.log"])
}

// Whatever happens at the reader, at the service and at the local API, the log at its
// lowest level holds nothing personal and no secret, and nobody's text begins a line.
func TestNothingPersonalIsInTheLogOfServe(t *testing.T) {
	pcscdtest.Require(t)
	document, zone, values := canaryDocument(t)
	values["operator"] = []byte("operator-canary")
	values["session"] = []byte(session)
	const forged = "time=2027-01-01T08:00:00Z level=ERROR msg=forged"
	server := sandbox.New(sandbox.Options{})
	server.AddSession(session)
	var hostile atomic.Bool
	listening := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if hostile.Load() {
			_, _ = io.Copy(io.Discard, q.Body) // an answer before the end of the request may be lost
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `{"status": "fail", "code": "1\r\n%s\u2028\u001b[2J", "message": "\n%s %s"}`, forged, forged, zone)
			return
		}
		server.ServeHTTP(w, q)
	}))
	t.Cleanup(func() { server.Release(); listening.CloseClientConnections(); listening.Close() })
	logPath := filepath.Join(t.TempDir(), "log", "agent.log")
	env := map[string]string{
		"PASSPORT_AGENT_API_URL": listening.URL, "PASSPORT_AGENT_API_KEY": sandbox.DemoAPIKey, "PASSPORT_AGENT_API_SECRET": sandbox.DemoSecret,
		"PASSPORT_AGENT_QUEUE_KEYS": "file", "PASSPORT_AGENT_LOG_FILE": logPath, "PASSPORT_AGENT_LOG_LEVEL": "debug",
	}
	r := serveProgram(t, env)
	values["token"] = []byte(r.file.Token)
	_, code, _ := strings.Cut(r.link, "#open=")
	values["link"] = []byte(code)
	require.NoError(t, r.call(http.MethodPut, "/v1/shift", map[string]string{"operator": "operator-canary"}, nil))

	read := r.readOn(document, zone, map[string]any{"session": session})
	require.Equal(t, tap.UploadAccepted, read.Report.Upload.State)
	read = r.readOn(document, zoneOf(t, specimen(t)), map[string]any{})
	require.Equal(t, agent.StateFailed, read.State)
	for _, f := range []sandbox.Fault{sandbox.ServerError, sandbox.TooManyRequests, sandbox.WrongSignature, sandbox.CommitThenDrop} {
		server.Inject(f, 2)
		r.readOn(document, zone, map[string]any{"session": session})
		server.ClearFaults()
	}
	hostile.Store(true)
	r.readOn(document, zone, map[string]any{"session": session})
	r.readOn(document, zone, map[string]any{"session": session, "defer": true})
	require.Error(t, r.call(http.MethodPost, "/v1/reads", map[string]any{"access": map[string]string{"mrz": zone + "\n" + forged}}, nil))
	require.Error(t, r.call(http.MethodGet, "/v1/reads/%0A"+strings.ReplaceAll(forged, " ", "%20")+zone[44:], nil, nil))
	c, err := net.Dial("tcp", strings.TrimPrefix(r.file.URL, "http://"))
	require.NoError(t, err)
	_, err = fmt.Fprintf(c, "GET /%s\n%s HTTP/9\r\n\r\n", zone, forged)
	require.NoError(t, err)
	require.NoError(t, c.Close())
	r.stop()

	text := logOf(t, logPath)
	archive := filepath.Join(t.TempDir(), "support.tar.gz")
	command(t, env, "", "doctor", "--bundle", archive)
	for name, log := range map[string]string{"file": text, "standard error": r.stderr.String(), "bundle": unpack(t, archive)["passport-agent/agent.log"]} {
		require.Empty(t, canary.Find([]byte(log), values), name)
		require.Regexp(t, `^(time=\S+ level=(DEBUG|INFO|WARN|ERROR) msg=[[:print:]]+\n)+$`, log, name)
		require.NotRegexp(t, `(?m)^.{0,60}msg=forged`, log, name)
		require.Contains(t, log, "level=DEBUG", name)
		require.Contains(t, log, "code=wrong_mrz", name)
		require.Contains(t, log, "httpStatus=400", name)
	}
}

// A log that cannot be written keeps nobody from reading: it is said once, and doctor
// says what mends it.
func TestALogThatCannotBeWritten(t *testing.T) {
	pcscdtest.Require(t)
	_, env := service(t)
	folder := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(folder, nil, 0o600))
	env["PASSPORT_AGENT_LOG_FILE"] = filepath.Join(folder, "agent.log")
	r := serveProgram(t, env)
	document := specimen(t)
	read := r.readOn(document, zoneOf(t, document), map[string]any{"session": session})
	require.Equal(t, tap.UploadAccepted, read.Report.Upload.State)
	r.stop()
	require.Equal(t, 1, strings.Count(r.stderr.String(), "the log file cannot be written"), &r.stderr)
	require.Contains(t, r.stderr.String(), `msg="reading ended"`)

	o := command(t, env, "", "doctor")
	require.Regexp(t, `! warning  log_file .*not a directory\n.*\n +→ .*log_file`, o.out)
}

// The flag overrules the settings, which overrule what serve and the other commands log
// by themselves. On a terminal serve says no more than they do.
func TestTheLevelOfTheLog(t *testing.T) {
	for name, c := range map[string]struct {
		flag, set    string
		terminal     bool
		stderr, file slog.Level
	}{
		"nothing said":   {"", "", false, slog.LevelInfo, slog.LevelInfo},
		"on a terminal":  {"", "", true, slog.LevelWarn, slog.LevelInfo},
		"by the setting": {"", "error", false, slog.LevelError, slog.LevelError},
		"by the flag":    {"debug", "error", true, slog.LevelDebug, slog.LevelDebug},
	} {
		t.Run(name, func(t *testing.T) {
			t.Cleanup(func() { slog.SetDefault(slog.New(slog.DiscardHandler)) })
			var said bytes.Buffer
			path := filepath.Join(t.TempDir(), "agent.log")
			a := &app{terminal: terminal{err: &said, errIsTerminal: c.terminal}, logLevel: c.flag}
			require.NoError(t, a.setUpLog())
			slog.Info("of a command")
			require.Equal(t, c.flag == "debug", said.Len() > 0)
			said.Reset()
			settings := config.Config{LogLevel: c.set, LogFile: path, LogFileMiB: 1, LogFilesKept: 1}
			a.settleLevel(settings)
			end := a.openLog(settings)
			for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
				slog.Log(t.Context(), level, "record")
			}
			end()
			require.Equal(t, records(c.stderr), strings.Count(said.String(), "msg=record"))
			require.Equal(t, records(c.file), strings.Count(logOf(t, path), "msg=record"))
		})
	}
}

// records is how many of four records, one of each level, are logged from a level on.
func records(from slog.Level) int { return int(slog.LevelError-from)/4 + 1 }

// The file may have been written by anything: of it the bundle has records, and none of
// the secrets that the settings know.
func TestTheBundleTakesRecordsWithoutSecrets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.log")
	const record = "time=2027-01-01T08:00:00Z level=INFO msg=record key="
	require.NoError(t, os.WriteFile(path, []byte("root:x:0:0\n"+record+sandbox.DemoSecret+"\n"), 0o600))
	archive := filepath.Join(t.TempDir(), "support.tar.gz")
	command(t, map[string]string{"PASSPORT_AGENT_LOG_FILE": path, "PASSPORT_AGENT_API_SECRET": sandbox.DemoSecret}, "", "doctor", "--bundle", archive)
	require.Equal(t, record+"(removed)\n", unpack(t, archive)["passport-agent/agent.log"])
}
