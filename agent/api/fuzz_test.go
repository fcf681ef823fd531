package api_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/agent"
	"passport-agent/agent/api"
	"passport-agent/agent/pair"
	"passport-agent/internal/fault"
	"passport-agent/internal/fuzzlimit"
	"passport-agent/pcsc"
	"passport-agent/tap"
)

// fuzzedRoutes are the calls of the API but for its streams, which do not end.
func fuzzedRoutes(f *testing.F) (routes [][2]string) {
	var document struct{ Paths map[string]map[string]any }
	require.NoError(f, json.Unmarshal(api.Document(), &document))
	for path, methods := range document.Paths {
		for method := range methods {
			if !strings.HasSuffix(path, "/events") {
				routes = append(routes, [2]string{strings.ToUpper(method), path})
			}
		}
	}
	require.NotEmpty(f, routes)
	slices.SortFunc(routes, func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[1], b[1]), cmp.Compare(a[0], b[0])) })
	return routes
}

// fuzzedAgent serves in memory; no document ever comes.
func fuzzedAgent(f *testing.F) http.Handler {
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	a := agent.New(agent.Options{
		Software: "test/1", Wait: time.Millisecond, Keep: time.Millisecond, Grace: time.Millisecond,
		Watch: func(ctx context.Context, _ <-chan struct{}, observe func([]pcsc.ReaderInfo, error)) {
			observe([]pcsc.ReaderInfo{{Name: readerName, Status: pcsc.ReaderEmpty}}, nil)
			<-ctx.Done()
		},
		Connect: func(context.Context, string, time.Duration) (tap.Card, error) {
			return nil, fault.New(fault.NoDocument, "", nil)
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); a.Run(ctx) }()
	f.Cleanup(func() { cancel(); <-ended })
	var minutes atomic.Int64 // no caller is too fast
	guard, err := pair.New(pair.Options{
		Port: 1, Origins: []string{allowed}, Local: "token-of-the-port-file", Now: func() time.Time { return time.Unix(60*minutes.Add(1), 0) },
	})
	require.NoError(f, err)
	return api.New(api.Options{Agent: a, Guard: guard, Software: "test/1", Metrics: api.NewMetrics()})
}

// Whatever a program of the machine sends, it gets an answer that the document knows; no
// handler fails, and no problem quotes what was sent.
func FuzzRequest(f *testing.F) {
	routes, handler := fuzzedRoutes(f), fuzzedAgent(f)
	bodies := map[string]string{
		"POST /v1/mrz/check": `{"mrz":"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10"}`,
		"POST /v1/reads":     `{"access":{"documentNumber":"L898902C3","birth":"740812","expiry":"120415"},"sessionId":"f04bdb47-d3be-4b28-b028-a652feb060b5"}`,
		"POST /v1/sessions":  `{"vendorData":"a"}`, "PUT /v1/shift": `{"operator":"desk 3"}`, "POST /v1/pairings": `{"name":"shop"}`,
	}
	for i, r := range routes {
		f.Add(byte(i), "f04bdb47", "", "application/json", []byte(bodies[r[0]+" "+r[1]]))
		f.Add(byte(i), "../x", "context=face", "multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"context\"\r\n\r\nface\r\n--b--\r\n"))
		f.Add(byte(i), "\x00", "wait=-1&x=%zz", "image/png", []byte("\x89PNG\r\n\x1a\n"))
	}
	f.Add(byte(0), "", "", "application/json", []byte(strings.Repeat("[", 10_000)))
	f.Fuzz(func(t *testing.T, which byte, id, query, contentType string, body []byte) {
		route := routes[int(which)%len(routes)]
		if route[0] == http.MethodGet {
			body = nil
		}
		request := httptest.NewRequest(route[0], "http://127.0.0.1:1/", bytes.NewReader(body))
		request.URL = &url.URL{Scheme: "http", Host: request.Host, Path: strings.ReplaceAll(route[1], "{id}", id), RawQuery: query}
		request.RequestURI = request.URL.RequestURI()
		request.Header.Set("Authorization", "Bearer token-of-the-port-file")
		request.Header.Set("Content-Type", contentType)
		fuzzlimit.Check(t, func() {
			answer := patient{httptest.NewRecorder()}
			handler.ServeHTTP(answer, request)
			require.NotEqual(t, http.StatusInternalServerError, answer.Code, "%s", answer.Body)
			if !strings.Contains(answer.Header().Get("Content-Type"), "json") {
				return
			}
			require.True(t, json.Valid(answer.Body.Bytes()))
			if answer.Code < 400 {
				return
			}
			var problem struct{ Code fault.Code }
			require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &problem))
			require.NotEqual(t, fault.Unexpected, fault.Lookup(problem.Code).Code, "%s", answer.Body)
			const quote = 24 // characters that are none of ours by chance
			for at := 0; at+quote <= len(body); at++ {
				require.NotContains(t, answer.Body.String(), string(body[at:at+quote]))
			}
		})
	})
}

// patient takes the deadlines that a connection would.
type patient struct{ *httptest.ResponseRecorder }

func (patient) SetReadDeadline(time.Time) error { return nil }
