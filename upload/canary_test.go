package upload_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/upload"
	"passport-agent/upload/sandbox"
)

var discardLog = log.New(io.Discard, "", 0)

// No text that an upload produces holds the secret or anything of the files,
// also where the other side sends it back in every place it can write to.
func TestNothingSecretOrPersonalIsPrinted(t *testing.T) {
	const personal = "CANARYL898902C36UTO7408122F1204159"
	docs := upload.NFCDocuments{COM: []byte(personal), SOD: []byte(personal), DG1: []byte(personal), DG2: []byte(personal)}
	hostile := map[string]http.HandlerFunc{
		"message": answering(400, `{"status":"`+personal+`","code":"`+personal+`","message":"`+personal+`","error":"`+personal+`"}`),
		"2xx":     answering(200, `{"status":"success","nfcDocument":{"id":"x","context":"c","sessionId":"`+personal+`"}}`),
		"retry after": func(w http.ResponseWriter, r *http.Request) {
			drain(r)
			w.Header().Set("Retry-After", personal)
			w.Header().Set("Location", "https://"+personal)
			w.WriteHeader(http.StatusServiceUnavailable)
		},
	}
	for name, line := range map[string]string{
		"status line": "HTTP/1.1 " + personal + "\r\n\r\n",
		"no HTTP":     personal + "\r\n\r\n",
		"header":      "HTTP/1.1 200 OK\r\n" + personal + "\r\n\r\n",
		"length":      "HTTP/1.1 200 OK\r\nContent-Length: " + personal + "\r\n\r\n",
		"encoding":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + personal + "\r\n\r\n",
		"chunk":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + personal + "\r\n",
	} {
		hostile[name] = func(w http.ResponseWriter, r *http.Request) {
			drain(r)
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, line)
			_ = conn.Close()
		}
	}

	check := func(name string, options func(*upload.Config), url string) {
		recorder := &recorder{}
		config := configFor(url)
		options(&config)
		client := newClient(t, config)
		receipt, err := within(t, func(ctx context.Context) (upload.Receipt, error) {
			return client.UploadNFC(ctx, session, docs, recorder.observe)
		})
		text := fmt.Sprintf("%v %+v %v %+v", err, receipt, recorder.all(), config)
		var apiError *upload.APIError
		if errors.As(err, &apiError) {
			text += fmt.Sprintf("%+v", *apiError)
		}
		for _, canary := range []string{personal, apiSecret} {
			for _, form := range []string{
				canary, hex.EncodeToString([]byte(canary)), fmt.Sprintf("%v", []byte(canary)), base64.StdEncoding.EncodeToString([]byte(canary))[4:20],
			} {
				require.NotContains(t, text, form, name)
			}
		}
	}
	for name, handler := range hostile {
		check(name, func(*upload.Config) {}, startServer(t, handler))
	}
	for _, f := range sandbox.Faults() {
		server, url := startSandbox(t, sandbox.Options{Drip: brief / 20})
		server.Inject(f, 1)
		check(string(f), func(c *upload.Config) {
			if f == sandbox.Stall || f == sandbox.CommitThenStall || f == sandbox.SlowLoris {
				c.Timeout = brief
			}
		}, url)
	}
}
