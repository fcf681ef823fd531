package upload_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/internal/secret"
	"passport-agent/upload"
	"passport-agent/upload/sandbox"
)

const (
	session   = "f04bdb47-d3be-4b28-b028-a652feb060b5"
	apiKey    = "0a1b2c3d-0000-4000-8000-0123456789ab"
	apiSecret = "CANARY-SECRET-7b1e"
	deadline  = 20 * time.Second
	// brief is a time-out that a test waits for; long enough for a loaded machine to connect.
	brief = time.Second
)

func configFor(url string) upload.Config {
	return upload.Config{BaseURL: url, APIKey: apiKey, Secret: secret.NewText(apiSecret), Timeout: deadline}
}

func newClient(t *testing.T, config upload.Config) *upload.Client {
	t.Helper()
	client, err := upload.New(config)
	require.NoError(t, err)
	return client
}

// startSandbox runs a sandbox with one open session.
func startSandbox(t *testing.T, options sandbox.Options) (*sandbox.Server, string) {
	t.Helper()
	options.APIKey, options.Secret = apiKey, apiSecret
	s := sandbox.New(options)
	s.AddSession(session)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL
}

// startServer runs a handler and returns its address.
func startServer(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func randomBytes(seed byte, n int) []byte {
	out := make([]byte, n)
	// The reader of a ChaCha8 source does not fail.
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(out)
	return out
}

// passport is as large as an ordinary chip's files.
func passport() upload.NFCDocuments {
	return upload.NFCDocuments{COM: randomBytes(1, 22), SOD: randomBytes(2, 1843), DG1: randomBytes(3, 93), DG2: randomBytes(4, 18432)}
}

func signature(secret string, data []byte) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

// answering returns a handler that reads the request and gives one answer, signed.
func answering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		drain(r)
		w.Header().Set("X-HMAC-SIGNATURE", signature(apiSecret, []byte(body)))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func drain(r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }

func apiError(t *testing.T, err error) *upload.APIError {
	t.Helper()
	var e *upload.APIError
	require.True(t, errors.As(err, &e), "no APIError in %v", err)
	return e
}

// requireFault checks the code of an error, and that no other code is in it.
func requireFault(t *testing.T, err error, code fault.Code) {
	t.Helper()
	require.Error(t, err)
	require.ErrorIs(t, err, code)
	require.Equal(t, code, fault.From(err).Code)
	require.NotEqual(t, fault.Unexpected, fault.Lookup(code).Code)
}

// recorder collects events, as an observer.
type recorder struct {
	mu     sync.Mutex
	events []upload.Event
}

func (r *recorder) observe(e upload.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *recorder) all() []upload.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]upload.Event(nil), r.events...)
}

// within fails the test where an upload does not come back.
func within(t *testing.T, run func(context.Context) (upload.Receipt, error)) (upload.Receipt, error) {
	t.Helper()
	type result struct {
		receipt upload.Receipt
		err     error
	}
	done := make(chan result, 1)
	go func() {
		receipt, err := run(t.Context())
		done <- result{receipt, err}
	}()
	select {
	case r := <-done:
		return r.receipt, r.err
	case <-time.After(2 * deadline):
		require.FailNow(t, "the upload hangs")
		return upload.Receipt{}, nil
	}
}
