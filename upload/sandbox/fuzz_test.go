package sandbox_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fuzzlimit"
	"passport-agent/upload/sandbox"
)

// The stand-in answers whatever it is asked, in JSON, and keeps nothing that was not
// signed.
func FuzzRequest(f *testing.F) {
	const id = "f04bdb47-d3be-4b28-b028-a652feb060b5"
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write([]byte(`{"nfcDocuments":{"efCom":"AQ==","efSod":"AQ==","dg1":"AQ==","dg2":"AQ=="}}`))
	require.NoError(f, err)
	require.NoError(f, w.Close())
	f.Add("POST", "/v1/sessions", "", []byte(`{"verification":{"vendorData":"a"}}`))
	f.Add("POST", "/v1/sessions/"+id+"/media", "gzip", packed.Bytes())
	f.Add("POST", "/v1/sessions/"+id+"/media", "", []byte(`{"image":{"context":"face","content":"data:image/png;base64,AAAA"}}`))
	f.Add("PATCH", "/v1/sessions/"+id, "", []byte(`{"verification":{"status":"submitted"}}`))
	f.Add("GET", "/v1/sessions/"+id+"/decision", "", []byte{})
	f.Add("GET", "/v1/sessions/%2e%2e/media", "br", []byte{0x1F, 0x8B})
	f.Fuzz(func(t *testing.T, method, path, encoding string, body []byte) {
		request, err := http.NewRequest(method, "http://127.0.0.1/", bytes.NewReader(body))
		if err != nil || !strings.HasPrefix(path, "/") {
			return
		}
		request.URL.Path = path
		request.Header.Set("Content-Encoding", encoding)
		request.Header.Set("X-AUTH-CLIENT", sandbox.DemoAPIKey)
		request.Header.Set("X-HMAC-SIGNATURE", strings.Repeat("0", 64))
		fuzzlimit.Check(t, func() {
			s := sandbox.New(sandbox.Options{})
			s.AddSession(id)
			answer := httptest.NewRecorder()
			s.ServeHTTP(answer, request)
			require.Contains(t, []int{400, 401, 404, 405, 413, 415, 301, 307, 308}, answer.Code, "%s", answer.Body)
			require.Empty(t, s.Media(id))
			require.Len(t, s.Sessions(), 1)
			if strings.HasPrefix(answer.Header().Get("Content-Type"), "application/json") {
				require.True(t, json.Valid(answer.Body.Bytes()))
			}
		})
	})
}
