package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/agent/web"
)

func get(t *testing.T, method, path string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, "http://127.0.0.1:24770"+path, nil)
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	web.Handler().ServeHTTP(w, r)
	return w
}

func TestNothingButTheAgentsOwnFilesRunsInThePage(t *testing.T) {
	for _, path := range []string{"/", "/kiosk", "/static/js/desk.js", "/static/css/base.css", "/static/lang/ar.json", "/static/img/icons.svg"} {
		answer := get(t, http.MethodGet, path, nil)
		require.Equal(t, http.StatusOK, answer.Code, path)
		policy := answer.Header().Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'none'; script-src 'self'; style-src 'self';")
		require.Contains(t, policy, "frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		require.NotContains(t, policy, "unsafe")
		require.Equal(t, "nosniff", answer.Header().Get("X-Content-Type-Options"))
		require.Equal(t, "same-origin", answer.Header().Get("Cross-Origin-Resource-Policy"))
		require.Equal(t, "same-origin", answer.Header().Get("Cross-Origin-Opener-Policy"))
		require.Equal(t, "no-referrer", answer.Header().Get("Referrer-Policy"))
		require.Empty(t, answer.Header().Get("Access-Control-Allow-Origin"))
	}
}

func TestOnlyTheDeskMayUseTheCamera(t *testing.T) {
	require.Contains(t, get(t, http.MethodGet, "/", nil).Header().Get("Permissions-Policy"), "camera=(self)")
	require.Contains(t, get(t, http.MethodGet, "/kiosk", nil).Header().Get("Permissions-Policy"), "camera=()")
}

func TestFilesHaveTheirTypes(t *testing.T) {
	for path, want := range map[string]string{
		"/":                    "text/html; charset=utf-8",
		"/kiosk":               "text/html; charset=utf-8",
		"/static/js/mrz.js":    "text/javascript; charset=utf-8",
		"/static/css/desk.css": "text/css; charset=utf-8",
		"/static/img/icon.svg": "image/svg+xml",
		"/static/lang/en.json": "application/json",
	} {
		require.Equal(t, want, get(t, http.MethodGet, path, nil).Header().Get("Content-Type"), path)
	}
}

// A browser that has a file asks whether it is still the same.
func TestAFileThatIsThereIsNotSentAgain(t *testing.T) {
	first := get(t, http.MethodGet, "/static/js/desk.js", nil)
	etag := first.Header().Get("ETag")
	require.NotEmpty(t, etag)
	require.Equal(t, "no-cache", first.Header().Get("Cache-Control"))
	again := get(t, http.MethodGet, "/static/js/desk.js", http.Header{"If-None-Match": {etag}})
	require.Equal(t, http.StatusNotModified, again.Code)
	other := get(t, http.MethodGet, "/static/js/kiosk.js", http.Header{"If-None-Match": {etag}})
	require.Equal(t, http.StatusOK, other.Code)
}

func TestHeadTellsTheSizeAndSendsNothing(t *testing.T) {
	answer := get(t, http.MethodHead, "/", nil)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Empty(t, body)
	require.NotEmpty(t, answer.Header().Get("Content-Length"))
}

func TestThePageTakesNoOtherMethod(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		answer := get(t, method, "/", nil)
		require.Equal(t, http.StatusMethodNotAllowed, answer.Code, method)
		require.Equal(t, "GET, HEAD", answer.Header().Get("Allow"))
	}
}

func TestWhatIsNoFileOfThePageIsNotFound(t *testing.T) {
	for _, path := range []string{
		"/static/", "/static/js/", "/static/desk.html", "/static/js/../../web.go", "/static/%2e%2e/web.go", "/web.go",
		"/static//js/desk.js", "/static/js/desk.js/", "/static/js/desk.js%00", "/index.html", "//",
	} {
		answer := get(t, http.MethodGet, path, nil)
		require.Equal(t, http.StatusNotFound, answer.Code, path)
		require.Equal(t, "no-store", answer.Header().Get("Cache-Control"), path)
	}
}

func TestNeitherScriptNorStyleStandsInThePages(t *testing.T) {
	for _, path := range []string{"/", "/kiosk"} {
		body, err := io.ReadAll(get(t, http.MethodGet, path, nil).Body)
		require.NoError(t, err)
		page := string(body)
		require.NotContains(t, page, "<style")
		require.NotContains(t, page, "style=")
		require.NotContains(t, page, "://", "the page loads nothing from elsewhere")
		require.NotRegexp(t, `<script[^>]*>[^<]`, page)
		require.NotRegexp(t, `\son[a-z]+=`, page)
		require.Equal(t, strings.Count(page, "<script"), strings.Count(page, `<script type="module" src="/static/js/`))
	}
}
