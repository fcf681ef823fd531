package upload_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/internal/fuzzlimit"
	"passport-agent/upload"
	"passport-agent/upload/media"
)

// requests are all that the client asks for.
var requests = []func(context.Context, *upload.Client) error{
	func(ctx context.Context, c *upload.Client) error {
		receipt, err := c.UploadNFC(ctx, session, upload.NFCDocuments{COM: []byte{1}, SOD: []byte{2}, DG1: []byte{3}, DG2: []byte{4}}, nil)
		return printed(err, receipt.MediaID, receipt.SessionID, receipt.MIMEType)
	},
	func(ctx context.Context, c *upload.Client) error {
		image := upload.Image{Context: "document-front", File: media.File{MIMEType: "image/png", Content: []byte{1}}}
		receipt, err := c.UploadImage(ctx, session, image, nil)
		return printed(err, receipt.MediaID, receipt.SessionID, receipt.MIMEType)
	},
	func(ctx context.Context, c *upload.Client) error {
		list, err := c.ListMedia(ctx, session)
		for _, m := range append(append(list.Images, list.Videos...), list.NFCDocuments...) {
			err = printed(err, m.ID, m.Name, m.Context, m.MIMEType)
		}
		return err
	},
	func(ctx context.Context, c *upload.Client) error {
		decision, err := c.Decision(ctx, session)
		if decision == nil {
			return err
		}
		return printed(err, decision.Status, decision.Reason, decision.AttemptID, decision.DecisionTime)
	},
	func(ctx context.Context, c *upload.Client) error {
		created, err := c.CreateSession(ctx, upload.NewSession{})
		return printed(err, created.ID, created.Status)
	},
	func(ctx context.Context, c *upload.Client) error {
		_, err := c.Submit(ctx, session)
		return err
	},
}

var errNotPrintable = errors.New("what the service says would be awkward to print")

func printed(err error, texts ...string) error {
	for _, text := range texts {
		if err == nil && (len(text) > 256 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7F })) {
			return errNotPrintable
		}
	}
	return err
}

// service answers every request with the same bytes, over connections in memory.
type service struct{ answer []byte }

func (s *service) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	go func() {
		defer func() { _ = there.Close() }() // nothing follows
		request, err := http.ReadRequest(bufio.NewReader(there))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, request.Body) // whatever comes is answered
		_, _ = there.Write(s.answer)             // whether it is read is up to the client
	}()
	return here, nil
}

func newFuzzedClient(f *testing.F) (*service, *upload.Client) {
	s := &service{}
	config := configFor("http://127.0.0.1:1")
	config.Transport, config.Timeout = &http.Transport{DialContext: s.dial}, 10*time.Second
	client, err := upload.New(config)
	require.NoError(f, err)
	return s, client
}

// Whatever an answer says, what is accepted was signed, and what is not has a code of its
// own and quotes nothing of it.
func FuzzAnswer(f *testing.F) {
	stored := `{"status":"success","nfcDocument":{"id":"a","name":"nfc","context":"nfc","size":"4","mimetype":"application/json","sessionId":"` + session + `"}}`
	decision := `{"status":"success","verification":{"id":"` + session + `","status":"approved","code":9001,"attemptId":"b","reasonCode":null,"document":{"nfcValidated":true}}}`
	for i := range requests {
		f.Add(byte(i), uint16(200), true, "", []byte(stored))
		f.Add(byte(i), uint16(200), true, "1", []byte(decision))
		f.Add(byte(i), uint16(201), false, "", []byte(strings.Replace(stored, "nfcDocument", "image", 1)))
		f.Add(byte(i), uint16(200), true, "", []byte(`{"images":[{"id":"a","sessionId":"`+session+`","size":1e3}],"nfcDocuments":[null],"status":200}`))
		f.Add(byte(i), uint16(200), true, "", []byte(`{"verification":{"id":"`+session+`","status":"submitted"}}`))
		f.Add(byte(i), uint16(400), true, "", []byte(`{"status":"fail","code":"1304","message":"no"}`))
		f.Add(byte(i), uint16(429), false, "Fri, 31 Dec 2027 23:59:59 GMT", []byte(`{"code":1004}`))
		f.Add(byte(i), uint16(302), false, "", []byte{})
	}
	s, client := newFuzzedClient(f)
	f.Fuzz(func(t *testing.T, which byte, status uint16, signed bool, retryAfter string, body []byte) {
		if strings.ContainsFunc(retryAfter, func(r rune) bool { return r < ' ' || r > '~' }) || status < 200 || status > 999 {
			return
		}
		header := fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Length: %d\r\nRetry-After: %s\r\n", status, len(body), retryAfter)
		if signed {
			header += "X-HMAC-SIGNATURE: " + signature(apiSecret, body) + "\r\n"
		}
		s.answer = append([]byte(header+"\r\n"), body...)
		fuzzlimit.Check(t, func() {
			err := requests[int(which)%len(requests)](t.Context(), client)
			if err == nil {
				require.True(t, signed)
				require.EqualValues(t, 2, status/100)
				return
			}
			requireRefused(t, err, body)
		})
	})
}

// The same for bytes that need not be HTTP.
func FuzzRawAnswer(f *testing.F) {
	f.Add(byte(0), []byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"))
	f.Add(byte(2), []byte("HTTP/1.0 500 X\r\nRetry-After: 99999999999\r\nX-HMAC-SIGNATURE: 00\r\nX-HMAC-SIGNATURE: 01\r\n\r\n{}"))
	f.Add(byte(3), []byte("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 X\r\nContent-Length: 100000000\r\n\r\n"))
	f.Add(byte(4), []byte("\x16\x03\x01\x00\x05"))
	s, client := newFuzzedClient(f)
	f.Fuzz(func(t *testing.T, which byte, raw []byte) {
		s.answer = raw
		fuzzlimit.Check(t, func() {
			err := requests[int(which)%len(requests)](t.Context(), client)
			require.Error(t, err, "nobody has signed it")
			requireRefused(t, err, raw)
		})
	})
}

func requireRefused(t *testing.T, err error, body []byte) {
	code := fault.From(err).Code
	require.NotEqual(t, fault.Unexpected, code, "%v", err)
	require.Contains(t, []upload.Retry{upload.RetryNever, upload.RetryLater, upload.RetryAfterCheck, upload.RetryUncompressed}, upload.RetryOf(err))
	const quote = 24 // characters that are none of ours by chance
	for at := 0; at+quote <= len(body); at++ {
		require.NotContains(t, err.Error(), string(body[at:at+quote]))
	}
}
