package sandbox_test

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fuzzlimit"
	"passport-agent/upload/sandbox"
)

// The stand-in answers whatever it is asked, in JSON, and keeps nothing that was not
// signed; what was is served or refused.
func FuzzRequest(f *testing.F) {
	const id = "f04bdb47-d3be-4b28-b028-a652feb060b5"
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write([]byte(`{"nfcDocuments":{"efCom":"AQ==","efSod":"AQ==","dg1":"AQ==","dg2":"AQ=="}}`))
	require.NoError(f, err)
	require.NoError(f, w.Close())
	f.Add(true, "POST", "/v1/sessions", "", []byte(`{"verification":{"vendorData":"a"}}`))
	f.Add(false, "POST", "/v1/sessions", "", []byte(`{"verification":{"vendorData":"a"}}`))
	f.Add(true, "POST", "/v1/sessions/"+id+"/media", "gzip", packed.Bytes())
	f.Add(false, "POST", "/v1/sessions/"+id+"/media", "gzip", packed.Bytes())
	f.Add(true, "POST", "/v1/sessions/"+id+"/media", "", []byte(`{"image":{"context":"face","content":"data:image/png;base64,AAAA"}}`))
	f.Add(false, "POST", "/v1/sessions/"+id+"/media", "", []byte(`{"image":{"context":"face","content":"data:image/png;base64,AAAA"}}`))
	f.Add(true, "PATCH", "/v1/sessions/"+id, "", []byte(`{"verification":{"status":"submitted"}}`))
	f.Add(false, "PATCH", "/v1/sessions/"+id, "", []byte(`{"verification":{"status":"submitted"}}`))
	f.Add(true, "GET", "/v1/sessions/"+id+"/decision", "", []byte{})
	f.Add(false, "GET", "/v1/sessions/"+id+"/decision", "", []byte{})
	f.Add(true, "GET", "/v1/sessions/%2e%2e/media", "br", []byte{0x1F, 0x8B})
	f.Add(false, "GET", "/v1/sessions/%2e%2e/media", "br", []byte{0x1F, 0x8B})
	f.Fuzz(func(t *testing.T, signed bool, method, path, encoding string, body []byte) {
		request, err := http.NewRequest(method, "http://127.0.0.1/", bytes.NewReader(body))
		if err != nil || !strings.HasPrefix(path, "/") {
			return
		}
		request.URL.Path = path
		if encoding != "" {
			request.Header.Set("Content-Encoding", encoding)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("X-AUTH-CLIENT", sandbox.DemoAPIKey)
		request.Header.Set("X-HMAC-SIGNATURE", strings.Repeat("0", 64))
		if signed {
			request.Header.Set("X-HMAC-SIGNATURE", signatureOf(method, id, body))
		}
		fuzzlimit.Check(t, func() {
			s := sandbox.New(sandbox.Options{})
			s.AddSession(id)
			answer := httptest.NewRecorder()
			s.ServeHTTP(answer, request)
			require.Less(t, answer.Code, 500, "%s", answer.Body)
			if !signed {
				require.GreaterOrEqual(t, answer.Code, 300, "%s", answer.Body)
				require.Empty(t, s.Media(id))
				require.Len(t, s.Sessions(), 1)
			}
			if strings.HasPrefix(answer.Header().Get("Content-Type"), "application/json") {
				require.True(t, json.Valid(answer.Body.Bytes()))
			}
		})
	})
}

// signatureOf is over the uncompressed body, or over the id of a GET.
func signatureOf(method, id string, body []byte) string {
	h := hmac.New(sha256.New, []byte(sandbox.DemoSecret))
	if method == http.MethodGet {
		body = []byte(id)
	} else if r, err := gzip.NewReader(bytes.NewReader(body)); err == nil {
		if unpacked, err := io.ReadAll(io.LimitReader(r, 1<<20)); err == nil {
			body = unpacked
		}
	}
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}
