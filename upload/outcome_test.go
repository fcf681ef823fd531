package upload_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/internal/secret"
	"passport-agent/upload"
	"passport-agent/upload/sandbox"
)

// Every fault of the sandbox has one outcome, and none reports as done what is
// not done, or as refused what is done.
func TestFaultsOfTheService(t *testing.T) {
	outcomes := map[sandbox.Fault]struct {
		code      fault.Code // empty: accepted
		retry     upload.Retry
		status    int // 0: no answer to speak of
		committed int
	}{
		sandbox.DropBeforeCommit:    {fault.UploadUncertain, upload.RetryAfterCheck, 0, 0},
		sandbox.Reset:               {fault.UploadUncertain, upload.RetryAfterCheck, 0, 0},
		sandbox.Stall:               {fault.UploadUncertain, upload.RetryAfterCheck, 0, 0},
		sandbox.Redirect:            {fault.APIRedirected, upload.RetryNever, 307, 0},
		sandbox.IntegrationInactive: {fault.IntegrationInactive, upload.RetryNever, 401, 0},
		sandbox.TooManyRequests:     {fault.RateLimited, upload.RetryLater, 429, 0},
		sandbox.ServerError:         {fault.APIFailed, upload.RetryAfterCheck, 500, 0},
		sandbox.BadGateway:          {fault.APIFailed, upload.RetryAfterCheck, 502, 0},
		sandbox.Unavailable:         {fault.APIFailed, upload.RetryAfterCheck, 503, 0},
		sandbox.EncodingRefused:     {"", upload.RetryNever, 0, 1},
		sandbox.CommitThenDrop:      {fault.UploadUncertain, upload.RetryAfterCheck, 0, 1},
		sandbox.CommitThenReset:     {fault.UploadUncertain, upload.RetryAfterCheck, 0, 1},
		sandbox.CommitThenStall:     {fault.UploadUncertain, upload.RetryAfterCheck, 0, 1},
		sandbox.LateCommit:          {fault.UploadUncertain, upload.RetryAfterCheck, 0, 0},
		sandbox.Truncate:            {fault.UploadUncertain, upload.RetryAfterCheck, 0, 1},
		sandbox.WrongSignature:      {fault.UploadUncertain, upload.RetryAfterCheck, 200, 1},
		sandbox.Unsigned:            {fault.UploadUncertain, upload.RetryAfterCheck, 200, 1},
		sandbox.NotJSON:             {fault.UploadUncertain, upload.RetryAfterCheck, 200, 1},
		sandbox.WrongSession:        {fault.UploadUncertain, upload.RetryAfterCheck, 200, 1},
		sandbox.Oversize:            {fault.UploadUncertain, upload.RetryAfterCheck, 0, 1},
		sandbox.SlowLoris:           {fault.UploadUncertain, upload.RetryAfterCheck, 0, 1},
	}
	says := map[sandbox.Fault]string{
		sandbox.Stall:          "no complete answer in time",
		sandbox.SlowLoris:      "no complete answer in time",
		sandbox.CommitThenDrop: "the connection broke",
		sandbox.Truncate:       "the connection broke",
		sandbox.WrongSignature: "the signature of the answer is wrong",
		sandbox.Unsigned:       "the answer is not signed",
		sandbox.NotJSON:        "not a JSON object",
		sandbox.WrongSession:   "another session",
		sandbox.Oversize:       "larger than 1048576 bytes",
	}
	for _, f := range sandbox.Faults() {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			want, ok := outcomes[f]
			require.True(t, ok, "no outcome is stated for this fault")
			// The drip is faster than the time-out: a byte now and then does not prolong it.
			server, url := startSandbox(t, sandbox.Options{Drip: brief / 20})
			server.Inject(f, 1)
			config := configFor(url)
			if f == sandbox.Stall || f == sandbox.CommitThenStall || f == sandbox.SlowLoris {
				config.Timeout = brief
			}
			receipt, err := within(t, func(ctx context.Context) (upload.Receipt, error) {
				return newClient(t, config).UploadNFC(ctx, session, passport(), nil)
			})
			committed := server.Media(session)
			require.Len(t, committed, want.committed)
			if want.code == "" {
				require.NoError(t, err)
				require.Equal(t, committed[0].ID, receipt.MediaID)
				return
			}
			requireFault(t, err, want.code)
			require.ErrorContains(t, err, says[f])
			require.Equal(t, upload.Receipt{}, receipt)
			require.Equal(t, want.retry, upload.RetryOf(err))
			if want.status != 0 {
				require.Equal(t, want.status, apiError(t, err).HTTPStatus)
			}
			switch exit := fault.Lookup(want.code).Exit; exit {
			case fault.ExitRefused:
				require.Empty(t, committed, "refused, but stored")
			case fault.ExitNotNow:
			default:
				require.Fail(t, "exit status", "%d", exit)
			}
		})
	}
}

// An answer without an end is left at its first mebibyte.
func TestEndlessAnswers(t *testing.T) {
	for status, code := range map[int]fault.Code{200: fault.UploadUncertain, 404: fault.SessionNotFound} {
		url := startServer(t, func(w http.ResponseWriter, r *http.Request) {
			drain(r)
			w.WriteHeader(status)
			for block := make([]byte, 64<<10); ; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		})
		_, err := within(t, func(ctx context.Context) (upload.Receipt, error) {
			return newClient(t, configFor(url)).UploadNFC(ctx, session, passport(), nil)
		})
		requireFault(t, err, code)
		if status == 200 {
			require.ErrorContains(t, err, "larger than 1048576 bytes")
		}
	}
}

func TestRetryAfterIsHandedOn(t *testing.T) {
	server, url := startSandbox(t, sandbox.Options{RetryAfter: 90 * time.Second})
	server.Inject(sandbox.TooManyRequests, 1)
	client := newClient(t, configFor(url))
	_, err := client.UploadNFC(t.Context(), session, passport(), nil)
	require.Equal(t, 90*time.Second, apiError(t, err).RetryAfter)
	require.ErrorContains(t, err, "try again after 1m30s")
	require.False(t, apiError(t, err).Authenticated)

	for text, want := range map[string]time.Duration{
		"0": 0, "-5": 0, "soon": 0, "99999999999999999999": 0, "4000000": 24 * time.Hour,
		"Wed, 21 Oct 2026 07:30:00 GMT": 2 * time.Minute,
		"Wed, 21 Oct 2026 07:00:00 GMT": 0,
		"Wed, 21 Oct 2099 07:00:00 GMT": 24 * time.Hour,
	} {
		url := startServer(t, func(w http.ResponseWriter, r *http.Request) {
			drain(r)
			w.Header().Set("Date", "Wed, 21 Oct 2026 07:28:00 GMT")
			w.Header().Set("Retry-After", text)
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		_, err := newClient(t, configFor(url)).UploadNFC(t.Context(), session, passport(), nil)
		require.Equal(t, want, apiError(t, err).RetryAfter, text)
	}
	url = startServer(t, func(w http.ResponseWriter, r *http.Request) {
		drain(r)
		w.Header()["Date"] = nil
		w.Header().Set("Retry-After", "Wed, 21 Oct 2099 07:00:00 GMT")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	_, err = newClient(t, configFor(url)).UploadNFC(t.Context(), session, passport(), nil)
	require.Zero(t, apiError(t, err).RetryAfter)
}

// Answers of the sandbox to requests that it refuses by the page's rules.
func TestRefusalsByTheRulesOfThePage(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(*upload.Config, *string)
		options sandbox.Options
		prepare func(*sandbox.Server)
		code    fault.Code
		want    upload.APIError
	}{
		"wrong secret": {
			change: func(c *upload.Config, _ *string) { c.Secret = secret.NewText("another") },
			code:   fault.UploadUnauthorized, want: upload.APIError{HTTPStatus: 401, Code: "1815"},
		},
		"unknown key": {
			change: func(c *upload.Config, _ *string) { c.APIKey = session },
			code:   fault.UploadUnauthorized, want: upload.APIError{HTTPStatus: 401, Code: "1803"},
		},
		"unknown session": {
			change: func(_ *upload.Config, id *string) { *id = "another" },
			code:   fault.SessionNotFound, want: upload.APIError{HTTPStatus: 404, Code: "1101", Authenticated: true},
		},
		"submitted": {
			prepare: func(s *sandbox.Server) { s.Submit(session) },
			code:    fault.SessionSubmitted, want: upload.APIError{HTTPStatus: 409, Code: "1101", Authenticated: true},
		},
		"numeric code": {
			change: func(_ *upload.Config, id *string) { *id = "another" }, options: sandbox.Options{NumericCodes: true},
			code: fault.SessionNotFound, want: upload.APIError{HTTPStatus: 404, Code: "1101", Authenticated: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			server, url := startSandbox(t, test.options)
			config, id := configFor(url), session
			if test.change != nil {
				test.change(&config, &id)
			}
			if test.prepare != nil {
				test.prepare(server)
			}
			_, err := newClient(t, config).UploadNFC(t.Context(), id, passport(), nil)
			requireFault(t, err, test.code)
			test.want.Retry = upload.RetryNever
			require.Equal(t, &test.want, apiError(t, err))
			require.Empty(t, server.Media(session))
			require.Empty(t, server.Media(id))
		})
	}
}

func TestAnswersAreClassifiedByStatusFirst(t *testing.T) {
	const placeholder = `{"status":"fail","code":"1101","message":"x"}`
	for _, test := range []struct {
		status int
		body   string
		code   fault.Code
		retry  upload.Retry
		veriff string
	}{
		{300, ``, fault.APIRedirected, upload.RetryNever, ""},
		{304, ``, fault.APIRedirected, upload.RetryNever, ""},
		{400, placeholder, fault.UploadRejected, upload.RetryNever, "1101"},
		{400, `{"status":"fail","code":"1410","error":"x"}`, fault.NFCDataRejected, upload.RetryNever, "1410"},
		{400, `{"status":400,"code":1410}`, fault.NFCDataRejected, upload.RetryNever, "1410"},
		{401, placeholder, fault.UploadUnauthorized, upload.RetryNever, "1101"},
		{401, `{"code":1804}`, fault.IntegrationInactive, upload.RetryNever, "1804"},
		{403, `<html>`, fault.UploadRejected, upload.RetryNever, ""},
		{404, placeholder, fault.SessionNotFound, upload.RetryNever, "1101"},
		{408, ``, fault.APIFailed, upload.RetryAfterCheck, ""},
		{409, ``, fault.SessionSubmitted, upload.RetryNever, ""},
		{413, `{"code":"1412"}`, fault.PayloadTooLarge, upload.RetryNever, "1412"},
		{413, `{"code":"1410"}`, fault.PayloadTooLarge, upload.RetryNever, "1410"},
		{415, ``, fault.EncodingRefused, upload.RetryNever, ""},
		{418, placeholder, fault.UploadRejected, upload.RetryNever, "1101"},
		{429, ``, fault.RateLimited, upload.RetryLater, ""},
		{500, placeholder, fault.APIFailed, upload.RetryAfterCheck, "1101"},
		{504, ``, fault.APIFailed, upload.RetryAfterCheck, ""},
		{600, ``, fault.UploadUncertain, upload.RetryAfterCheck, ""},
		// Codes that are none.
		{400, `{"code":"CANARY"}`, fault.UploadRejected, upload.RetryNever, ""},
		{400, `{"code":"740812230"}`, fault.UploadRejected, upload.RetryNever, ""},
		{400, `{"code":{"a":1}}`, fault.UploadRejected, upload.RetryNever, ""},
		{400, `{"code":null}`, fault.UploadRejected, upload.RetryNever, ""},
	} {
		for _, signed := range []bool{true, false} {
			url := startServer(t, func(w http.ResponseWriter, r *http.Request) {
				drain(r)
				if signed {
					w.Header().Set("X-HMAC-SIGNATURE", signature(apiSecret, []byte(test.body)))
				}
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			})
			_, err := newClient(t, configFor(url)).UploadNFC(t.Context(), session, passport(), nil)
			requireFault(t, err, test.code)
			want := &upload.APIError{HTTPStatus: test.status, Code: test.veriff, Authenticated: signed, Retry: test.retry}
			require.Equal(t, want, apiError(t, err))
			require.ErrorContains(t, err, fmt.Sprint(test.status))
			suspect := strings.Contains(err.Error(), "not signed by the service")
			documentedAsSigned := test.status/100 == 4 && test.status != 401 && test.status != 408 && test.status != 409 && test.status != 415 && test.status != 429
			require.Equal(t, documentedAsSigned && !signed, suspect, "%v", err)
		}
	}
}

func TestAcceptedAnswersInEverySpelling(t *testing.T) {
	docs := passport()
	raw := len(docs.COM) + len(docs.SOD) + len(docs.DG1) + len(docs.DG2)
	base64Size := 0
	for _, f := range [][]byte{docs.COM, docs.SOD, docs.DG1, docs.DG2} {
		base64Size += (len(f) + 2) / 3 * 4
	}
	body := len(jsonBody(t, docs))
	object := body - len(`{"nfcDocuments":}`)
	media := func(size string) string {
		return `{"id":"ID","name":"N","context":"C","timestamp":null,"size":` + size + `,"mimetype":"M","url":"U","sessionId":"` + session + `"}`
	}
	for _, test := range []struct {
		answer string
		size   int
		warned bool
	}{
		{`{"status":"success","nfcDocument":` + media(fmt.Sprint(raw)) + `}`, raw, false},
		{`{"status":"success","nfcDocuments":` + media(fmt.Sprint(base64Size)) + `}`, base64Size, false},
		{`{"nfcDocuments":[` + media(fmt.Sprintf("%d.0", object)) + `]}`, object, false},
		{`{"status":200,"nfcDocument":[` + media(fmt.Sprintf(`"%d"`, body)) + `]}`, body, false},
		{`{"status":"SUCCESS","new":{"field":[1]},"nfcDocument":` + media(fmt.Sprint(raw+1)) + `} `, raw + 1, true},
		{`{"nfcDocument":` + media("null") + `}`, 0, true},
		{`{"nfcDocument":` + media("-1") + `}`, 0, true},
		{`{"nfcDocument":` + media("1e400") + `}`, 0, true},
		{`{"nfcDocument":` + media("0.5") + `}`, 0, true},
		{`{"nfcDocument":` + strings.NewReplacer("mimetype", "mimeType", session, strings.ToUpper(session)).Replace(media("0")) + `}`, 0, true},
	} {
		for _, status := range []int{200, 201} {
			url := startServer(t, answering(status, test.answer))
			receipt, err := newClient(t, configFor(url)).UploadNFC(t.Context(), session, docs, nil)
			require.NoError(t, err, test.answer)
			var warnings []upload.WarningCode
			if test.warned {
				warnings = []upload.WarningCode{upload.WarnSizeDiffers}
			}
			require.Equal(t, warnings, codes(receipt), test.answer)
			receipt.Warnings, receipt.SentBytes = nil, 0
			require.Equal(t, upload.Receipt{
				MediaID: "ID", SessionID: session, Name: "N", Context: "C", MIMEType: "M", Size: int64(test.size), BodyBytes: body,
			}, receipt)
		}
	}
}

// A 2xx that does not clearly say that this upload is stored proves nothing.
func TestAnswersThatProveNothing(t *testing.T) {
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `success`, `"success"`, `{"status":"success"}`, `{"status":"success","nfcDocument":null}`,
		`{"status":"success","nfcDocument":{"id":"x"}}`,                                                              // of which session?
		`{"status":"success","nfcDocument":{"sessionId":"` + session + `"}}`,                                         // no id
		`{"status":"success","nfcDocument":{"id":"","sessionId":"` + session + `"}}`,                                 // no id
		`{"status":"success","nfcDocument":{"id":{},"sessionId":"` + session + `"}}`,                                 // an id that is none
		`{"status":"success","nfcDocument":{"id":"x","sessionId":"another"}}`,                                        // another session
		`{"status":"success","nfcDocuments":[]}`,                                                                     // nothing
		`{"status":"success","nfcDocuments":["x"]}`,                                                                  // nothing known
		`{"status":"success","image":{"id":"x","sessionId":"` + session + `"}}`,                                      // something else
		`{"status":"fail","nfcDocument":{"id":"x","sessionId":"` + session + `"}}`,                                   // says the opposite
		`{"status":400,"nfcDocument":{"id":"x","sessionId":"` + session + `"}}`,                                      // says the opposite
		`{"status":[],"nfcDocument":{"id":"x","sessionId":"` + session + `"}}`,                                       // says nothing
		`{"status":"success","nfcDocument":{"id":"x\u001b[2J","sessionId":"` + session + `"}}`,                       // control characters
		`{"status":"success","nfcDocument":{"id":"` + strings.Repeat("x", 257) + `","sessionId":"` + session + `"}}`, // endless
		`{"status":"success","nfcDocument":{"id":"x","sessionId":"` + session + `"}`,                                 // cut off
		`{"nfcDocuments":[{"id":"x","sessionId":"` + session + `"},{"id":"y","sessionId":"` + session + `"}]}`,       // which?
	} {
		url := startServer(t, answering(http.StatusOK, body))
		receipt, err := newClient(t, configFor(url)).UploadNFC(t.Context(), session, passport(), nil)
		requireFault(t, err, fault.UploadUncertain)
		require.Equal(t, &upload.APIError{HTTPStatus: 200, Authenticated: true, Retry: upload.RetryAfterCheck}, apiError(t, err), body)
		require.Equal(t, upload.Receipt{}, receipt)
	}
}

// While secrets are changed, answers may be signed with the old or the new one;
// a second signature header is no choice to guess from.
func TestAnswersMayBeSignedWithAnyKnownSecret(t *testing.T) {
	const body = `{"nfcDocument":{"id":"x","sessionId":"` + session + `"}}`
	for _, test := range []struct {
		signatures []string
		accepted   bool
	}{
		{[]string{signature(apiSecret, []byte(body))}, true},
		{[]string{signature("old", []byte(body))}, true},
		{[]string{signature("older", []byte(body))}, true},
		{[]string{signature("unknown", []byte(body))}, false},
		{[]string{signature("", []byte(body))}, false},
		{[]string{signature(apiSecret, []byte(body)), signature(apiSecret, []byte(body))}, false},
		{[]string{""}, false},
	} {
		url := startServer(t, func(w http.ResponseWriter, r *http.Request) {
			drain(r)
			w.Header()["X-Hmac-Signature"] = test.signatures
			_, _ = io.WriteString(w, body)
		})
		config := configFor(url)
		config.VerifySecrets = []secret.Text{secret.NewText("old"), secret.NewText("older")}
		_, err := newClient(t, config).UploadNFC(t.Context(), session, passport(), nil)
		if test.accepted {
			require.NoError(t, err)
		} else {
			requireFault(t, err, fault.UploadUncertain)
			require.ErrorContains(t, err, "the signature of the answer is wrong")
		}
	}
}

func TestRefusedCompressionIsLeftOutOnce(t *testing.T) {
	server, url := startSandbox(t, sandbox.Options{})
	server.Inject(sandbox.EncodingRefused, sandbox.Always)
	recorder := &recorder{}
	receipt, err := newClient(t, configFor(url)).UploadNFC(t.Context(), session, passport(), recorder.observe)
	require.NoError(t, err)
	require.Equal(t, []upload.WarningCode{upload.WarnUncompressed}, codes(receipt))
	require.Equal(t, receipt.BodyBytes, receipt.SentBytes)
	require.Len(t, server.Media(session), 1)
	connecting := 0
	for _, e := range recorder.all() {
		if e.Phase == upload.PhaseConnecting {
			connecting++
		}
	}
	require.Equal(t, 2, connecting)

	for _, uncompressed := range []bool{false, true} {
		var requests atomic.Int32
		url := startServer(t, func(w http.ResponseWriter, r *http.Request) {
			drain(r)
			requests.Add(1)
			w.WriteHeader(http.StatusUnsupportedMediaType)
		})
		config := configFor(url)
		config.NoCompression = uncompressed
		_, err = newClient(t, config).UploadNFC(t.Context(), session, passport(), nil)
		requireFault(t, err, fault.EncodingRefused)
		require.Equal(t, upload.RetryNever, upload.RetryOf(err))
		require.Equal(t, map[bool]int32{false: 2, true: 1}[uncompressed], requests.Load())
	}
}

// The API key, the signature and the files stay with the configured host.
func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := startServer(t, func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") })
	for _, status := range []int{301, 302, 303, 307, 308} {
		url := startServer(t, func(w http.ResponseWriter, r *http.Request) {
			drain(r)
			w.Header().Set("Location", elsewhere+r.URL.Path)
			w.WriteHeader(status)
		})
		_, err := newClient(t, configFor(url)).UploadNFC(t.Context(), session, passport(), nil)
		requireFault(t, err, fault.APIRedirected)
		require.Equal(t, fault.ExitRefused, fault.Lookup(fault.APIRedirected).Exit)
		require.NotContains(t, err.Error(), elsewhere)
	}
}

func TestNothingSentIsUnreachable(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, says nothing: TLS never begins
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, silent.Close()) })
	stranger := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") }))
	stranger.Config.ErrorLog = discardLog
	stranger.StartTLS()
	t.Cleanup(stranger.Close)
	plain := startServer(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })

	unresolved := &net.DNSError{Err: "no such host", Name: "api.invalid", IsNotFound: true}
	for name, test := range map[string]struct {
		change func(*upload.Config)
		below  func(error) bool
	}{
		"nobody listens": {
			func(c *upload.Config) { c.BaseURL = "http://" + closed.Addr().String() },
			func(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) },
		},
		"unknown name": {
			func(c *upload.Config) {
				c.BaseURL = "https://api.invalid"
				c.Transport = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, unresolved }}
			},
			func(err error) bool { return errors.Is(err, unresolved) },
		},
		"unknown certificate": {
			func(c *upload.Config) { c.BaseURL = stranger.URL },
			func(err error) bool { return errors.As(err, new(x509.UnknownAuthorityError)) },
		},
		"no TLS there": {
			func(c *upload.Config) { c.BaseURL = strings.Replace(plain, "http:", "https:", 1) },
			func(err error) bool { return strings.Contains(err.Error(), "does not look like a TLS handshake") },
		},
		"TLS handshake never ends": {
			func(c *upload.Config) { c.BaseURL, c.Timeout = "https://"+silent.Addr().String(), brief },
			func(err error) bool { return strings.Contains(err.Error(), "no connection in time") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := configFor("http://localhost")
			test.change(&config)
			_, err := within(t, func(ctx context.Context) (upload.Receipt, error) {
				return newClient(t, config).UploadNFC(ctx, session, passport(), nil)
			})
			requireFault(t, err, fault.UploadUnreachable)
			require.Equal(t, upload.RetryLater, upload.RetryOf(err))
			require.Equal(t, fault.ExitNotNow, fault.Lookup(fault.UploadUnreachable).Exit)
			require.True(t, test.below(err), "%v", err)
		})
	}
}

func TestTLS(t *testing.T) {
	serve := func(versions *tls.Config) (*sandbox.Server, upload.Config) {
		s := sandbox.New(sandbox.Options{APIKey: apiKey, Secret: apiSecret})
		s.AddSession(session)
		server := httptest.NewUnstartedServer(s)
		server.TLS = versions
		server.EnableHTTP2 = true
		server.Config.ErrorLog = discardLog
		server.StartTLS()
		t.Cleanup(server.Close)
		pool := x509.NewCertPool()
		pool.AddCert(server.Certificate())
		config := configFor(server.URL)
		config.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10}}
		return s, config
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		s, config := serve(&tls.Config{MinVersion: version, MaxVersion: version})
		_, err := newClient(t, config).UploadNFC(t.Context(), session, passport(), nil)
		require.NoError(t, err)
		require.Len(t, s.Media(session), 1)
	}
	s, config := serve(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	_, err := newClient(t, config).UploadNFC(t.Context(), session, passport(), nil)
	requireFault(t, err, fault.UploadUnreachable)
	require.Empty(t, s.Media(session))
	require.Equal(t, uint16(tls.VersionTLS10), config.Transport.TLSClientConfig.MinVersion, "the caller's transport is left alone")
}

// A deadline or a cancelling says whether anything had left.
func TestStoppingAtEveryPhase(t *testing.T) {
	for _, phase := range []upload.Phase{"before", upload.PhaseConnecting, upload.PhaseSending, upload.PhaseWaiting} {
		t.Run(string(phase), func(t *testing.T) {
			server, url := startSandbox(t, sandbox.Options{})
			server.Inject(sandbox.Stall, sandbox.Always)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if phase == "before" {
				cancel()
			}
			_, err := within(t, func(context.Context) (upload.Receipt, error) {
				return newClient(t, configFor(url)).UploadNFC(ctx, session, passport(), func(e upload.Event) {
					if e.Phase == phase {
						cancel()
					}
				})
			})
			require.ErrorIs(t, err, context.Canceled)
			if phase == "before" || phase == upload.PhaseConnecting {
				requireFault(t, err, fault.Interrupted)
				require.Equal(t, upload.RetryLater, upload.RetryOf(err))
			} else {
				requireFault(t, err, fault.UploadUncertain)
				require.Equal(t, upload.RetryAfterCheck, upload.RetryOf(err))
			}
			require.Empty(t, server.Media(session))
		})
	}
	// Cancelled while the service holds the answer back, having stored the upload.
	events := make(chan sandbox.Event, 10)
	server, url := startSandbox(t, sandbox.Options{Observe: func(e sandbox.Event) { events <- e }})
	server.Inject(sandbox.CommitThenStall, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		if (<-events).Stalled {
			cancel()
		}
	}()
	_, err := within(t, func(context.Context) (upload.Receipt, error) {
		return newClient(t, configFor(url)).UploadNFC(ctx, session, passport(), nil)
	})
	requireFault(t, err, fault.UploadUncertain)
	require.Len(t, server.Media(session), 1)

	// A deadline that is over before anything was sent is no interruption.
	expired, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	_, err = newClient(t, configFor(url)).UploadNFC(expired, session, passport(), nil)
	requireFault(t, err, fault.UploadUnreachable)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// A service that stops taking the body is noticed, however large the body.
func TestStandstillWithinTheBody(t *testing.T) {
	const small = 64 << 10 // of the kernel's buffers, so that the body does not vanish in them
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	accepted := make(chan net.Conn, 1)
	go func() {
		if c, err := listener.Accept(); err == nil {
			_ = c.(*net.TCPConn).SetReadBuffer(small)
			accepted <- c
		}
		close(accepted)
	}()
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		for c := range accepted {
			require.NoError(t, c.Close())
		}
	})
	docs := passport()
	docs.DG2 = make([]byte, 6<<20)
	config := configFor("http://" + listener.Addr().String())
	config.MaxRawBytes, config.NoCompression, config.Timeout = 8<<20, true, brief
	config.Transport = &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		if err == nil {
			_ = c.(*net.TCPConn).SetWriteBuffer(small)
		}
		return c, err
	}}
	recorder := &recorder{}
	_, err = within(t, func(ctx context.Context) (upload.Receipt, error) {
		return newClient(t, config).UploadNFC(ctx, session, docs, recorder.observe)
	})
	requireFault(t, err, fault.UploadUncertain)
	require.ErrorContains(t, err, "no complete answer in time")
	last := recorder.all()[len(recorder.all())-1]
	require.Equal(t, upload.PhaseSending, last.Phase)
	require.Less(t, last.Sent, last.Total)
}

// Whatever happens to connections, one call is one request. Each has a connection
// of its own: on a kept one, that the service may be closing just now, a request
// would end as uncertain for no reason.
func TestRequestsAreNeverRepeated(t *testing.T) {
	var requests atomic.Int32
	connections := make(chan string, 10)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		drain(r)
		connections <- r.RemoteAddr
		if requests.Add(1)%2 == 0 {
			panic(http.ErrAbortHandler) // as a server does that closes an idle connection
		}
		answering(http.StatusConflict, "")(w, r)
	}))
	server.Start()
	t.Cleanup(server.Close)
	client := newClient(t, configFor(server.URL))
	for i := range 6 {
		_, err := client.UploadNFC(t.Context(), session, passport(), nil)
		requireFault(t, err, []fault.Code{fault.SessionSubmitted, fault.UploadUncertain}[i%2])
		require.Equal(t, int32(i+1), requests.Load())
	}
	// The answer to an odd request leaves its connection fit for the next one.
	seen := map[string]bool{}
	for range 6 {
		seen[<-connections] = true
	}
	require.Len(t, seen, 6)
}
