package upload_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/upload"
	"passport-agent/upload/media"
	"passport-agent/upload/sandbox"
)

// A deferred item's way: create, upload, look, submit, ask.
func TestLifeOfASession(t *testing.T) {
	server, url := startSandbox(t, sandbox.Options{})
	client := newClient(t, configFor(url))
	created, err := client.CreateSession(t.Context(), upload.NewSession{VendorData: "case 7", EndUserID: apiKey, Callback: "https://example.com/done"})
	require.NoError(t, err)
	require.Equal(t, "created", created.Status)
	require.Contains(t, server.Sessions(), created.ID)

	list, err := client.ListMedia(t.Context(), created.ID)
	require.NoError(t, err)
	require.Equal(t, upload.MediaList{}, list)

	picture := upload.Image{Context: "face", File: media.File{MIMEType: "image/jpeg", Content: jpegOf(8, 8)}}
	image, err := client.UploadImage(t.Context(), created.ID, picture, nil)
	require.NoError(t, err)
	nfc, err := client.UploadNFC(t.Context(), created.ID, passport(), nil)
	require.NoError(t, err)
	list, err = client.ListMedia(t.Context(), created.ID)
	require.NoError(t, err)
	require.Equal(t, upload.MediaList{
		Images:       []upload.StoredMedia{{ID: image.MediaID, Name: "face", Context: "face", MIMEType: "image/jpeg", Size: int64(len(picture.File.Content))}},
		NFCDocuments: []upload.StoredMedia{{ID: nfc.MediaID, Name: "document-nfc", Context: "document-nfc", MIMEType: "application/octet-stream", Size: nfc.Size}},
	}, list)

	submission, err := client.Submit(t.Context(), created.ID)
	require.NoError(t, err)
	require.False(t, submission.Already)
	require.True(t, server.Submitted(created.ID))

	decision, err := client.Decision(t.Context(), created.ID)
	require.NoError(t, err)
	require.Nil(t, decision, "there is none yet")
	require.NoError(t, server.SetStatus(created.ID, "approved"))
	decision, err = client.Decision(t.Context(), created.ID)
	require.NoError(t, err)
	require.Equal(t, "approved", decision.Status)
	require.Equal(t, 9001, decision.Code)
	require.True(t, *decision.NFCValidated)
	require.NotEmpty(t, decision.AttemptID)
	require.NotEmpty(t, decision.DecisionTime)
}

// Submitting again is no mistake; submitting what is over is.
func TestSubmittingTwiceIsSubmittingOnce(t *testing.T) {
	server, url := startSandbox(t, sandbox.Options{})
	client := newClient(t, configFor(url))
	for status, code := range map[string]fault.Code{
		"submitted": "", "approved": "", "declined": "", "resubmission_requested": "", "review": "",
		"expired": fault.SessionExpired, "abandoned": fault.SessionExpired,
	} {
		require.NoError(t, server.SetStatus(session, status))
		submission, err := client.Submit(t.Context(), session)
		if code == "" {
			require.NoError(t, err, status)
			require.True(t, submission.Already, status)
			continue
		}
		requireFault(t, err, code)
		require.Equal(t, fault.ExitRefused, fault.Lookup(code).Exit)
	}
	require.NoError(t, server.SetStatus(session, "started"))
	submission, err := client.Submit(t.Context(), session)
	require.NoError(t, err)
	require.False(t, submission.Already)

	// Whether it is over has to be known: where the service does not say, it is asked again.
	server.InjectOn(sandbox.Decision, sandbox.Unavailable, 1)
	_, err = client.Submit(t.Context(), session)
	requireFault(t, err, fault.APIFailed)
	require.Equal(t, upload.RetryLater, upload.RetryOf(err))

	_, err = client.Submit(t.Context(), "another")
	requireFault(t, err, fault.SessionNotFound)
}

// Something on the way that says 'forbidden transition' does not make a session submitted.
func TestOnlyTheServiceCanSayThatASessionWasSubmitted(t *testing.T) {
	const forbidden = `{"status":"fail","code":"1304","message":"x"}`
	const undecided = `{"status":"success","verification":null}`
	for _, signed := range []bool{true, false} {
		url := startServer(t, func(w http.ResponseWriter, r *http.Request) {
			drain(r)
			body := undecided
			if r.Method == http.MethodPatch {
				body = forbidden
			}
			if signed || r.Method != http.MethodPatch {
				w.Header().Set("X-HMAC-SIGNATURE", signature(apiSecret, []byte(body)))
			}
			if r.Method == http.MethodPatch {
				w.WriteHeader(http.StatusBadRequest)
			}
			_, _ = io.WriteString(w, body)
		})
		submission, err := newClient(t, configFor(url)).Submit(t.Context(), session)
		require.Equal(t, signed, submission.Already)
		if !signed {
			requireFault(t, err, fault.UploadRejected)
		}
	}
}

// asking is a request of session life, made to look alike.
type asking struct {
	request sandbox.Request
	lost    fault.Code
	do      func(*upload.Client, context.Context) error
}

func sessionRequests() []asking {
	return []asking{
		{sandbox.Create, fault.CreateUncertain, func(c *upload.Client, ctx context.Context) error {
			_, err := c.CreateSession(ctx, upload.NewSession{})
			return err
		}},
		{sandbox.Submit, fault.SubmitUncertain, func(c *upload.Client, ctx context.Context) error {
			_, err := c.Submit(ctx, session)
			return err
		}},
		{sandbox.List, fault.AnswerUnusable, func(c *upload.Client, ctx context.Context) error {
			_, err := c.ListMedia(ctx, session)
			return err
		}},
		{sandbox.Decision, fault.AnswerUnusable, func(c *upload.Client, ctx context.Context) error {
			_, err := c.Decision(ctx, session)
			return err
		}},
	}
}

// Every fault, on every request: typed, worth another try where it is, and a
// second try comes to the end that the first should have come to.
func TestFaultsInTheLifeOfASession(t *testing.T) {
	answered := map[sandbox.Fault]fault.Code{
		sandbox.Redirect: fault.APIRedirected, sandbox.IntegrationInactive: fault.IntegrationInactive, sandbox.TooManyRequests: fault.RateLimited,
		sandbox.ServerError: fault.APIFailed, sandbox.BadGateway: fault.APIFailed, sandbox.Unavailable: fault.APIFailed,
	}
	for _, a := range sessionRequests() {
		for _, f := range sandbox.Faults() {
			t.Run(string(a.request)+"/"+string(f), func(t *testing.T) {
				t.Parallel()
				server, url := startSandbox(t, sandbox.Options{Drip: brief / 20})
				require.NoError(t, server.SetStatus(session, map[bool]string{true: "review", false: "created"}[a.request == sandbox.Decision]))
				server.InjectOn(a.request, f, 1)
				config := configFor(url)
				if f == sandbox.Stall || f == sandbox.CommitThenStall || f == sandbox.SlowLoris {
					config.Timeout = brief
				}
				client := newClient(t, config)
				_, err := within(t, func(ctx context.Context) (upload.Receipt, error) { return upload.Receipt{}, a.do(client, ctx) })
				want, isAnswered := answered[f]
				switch {
				case f == sandbox.EncodingRefused, // these requests are not compressed
					f == sandbox.WrongSession && (a.request == sandbox.Create || a.request == sandbox.List): // no session is named
					require.NoError(t, err)
					return
				case !isAnswered:
					want = a.lost
				}
				requireFault(t, err, want)
				refused := f == sandbox.Redirect || f == sandbox.IntegrationInactive
				require.Equal(t, map[bool]upload.Retry{true: upload.RetryNever, false: upload.RetryLater}[refused], upload.RetryOf(err))
				require.Equal(t, map[bool]int{true: fault.ExitRefused, false: fault.ExitNotNow}[refused], fault.Lookup(want).Exit)
				require.NoError(t, a.do(client, t.Context()))
				if a.request == sandbox.Submit {
					require.True(t, server.Submitted(session))
				}
			})
		}
	}
}

func TestRefusalsInTheLifeOfASession(t *testing.T) {
	_, url := startSandbox(t, sandbox.Options{})
	client := newClient(t, configFor(url))
	for _, id := range []string{"", "..", "a\nb"} {
		for _, do := range []func() error{
			func() error { _, err := client.Submit(t.Context(), id); return err },
			func() error { _, err := client.ListMedia(t.Context(), id); return err },
			func() error { _, err := client.Decision(t.Context(), id); return err },
			func() error { _, err := client.UploadImage(t.Context(), id, upload.Image{}, nil); return err },
		} {
			requireFault(t, do(), fault.SessionIDInvalid)
		}
	}
	_, err := client.ListMedia(t.Context(), "another")
	requireFault(t, err, fault.SessionNotFound)
	_, err = client.Decision(t.Context(), "another")
	requireFault(t, err, fault.SessionNotFound)

	for name, s := range map[string]upload.NewSession{
		"vendorData": {VendorData: strings.Repeat("ü", 1001)}, "endUserId": {EndUserID: "me"}, "callback": {Callback: "http://example.com"},
	} {
		_, err := client.CreateSession(t.Context(), s)
		requireFault(t, err, fault.ConfigInvalid)
		require.ErrorContains(t, err, name)
	}
	_, err = client.CreateSession(t.Context(), upload.NewSession{VendorData: strings.Repeat("ü", 1000)})
	require.NoError(t, err)
}

// What an integration with flexible API keys needs, and what a GET signs.
func TestRequestsOfSessionLifeOnTheWire(t *testing.T) {
	var seen *http.Request
	var body string
	url := startServer(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		seen, body = r, string(b)
		w.WriteHeader(http.StatusNotFound)
	})
	config := configFor(url)
	config.IntegrationID = "7"
	client := newClient(t, config)
	for i, want := range []struct{ method, path, body, signed, integration string }{
		{"POST", "/v1/sessions", `{"verification":{}}`, `{"verification":{}}`, "7"},
		{"PATCH", "/v1/sessions/" + session, `{"verification":{"status":"submitted"}}`, `{"verification":{"status":"submitted"}}`, ""},
		{"GET", "/v1/sessions/" + session + "/media", "", session, ""},
		{"GET", "/v1/sessions/" + session + "/decision", "", session, ""},
	} {
		require.Error(t, sessionRequests()[i].do(client, t.Context()))
		require.Equal(t, want.method, seen.Method)
		require.Equal(t, want.path, seen.RequestURI)
		require.Equal(t, want.body, body)
		require.Equal(t, signature(apiSecret, []byte(want.signed)), seen.Header.Get("X-HMAC-SIGNATURE"))
		require.Equal(t, apiKey, seen.Header.Get("X-AUTH-CLIENT"))
		require.Equal(t, want.integration, seen.Header.Get("vrf-integration-id"))
		require.Empty(t, seen.Header.Values("Content-Encoding"))
	}
	// The id in a path is escaped, the one that is signed is not.
	_, err := client.ListMedia(t.Context(), "a b/c")
	require.Error(t, err)
	require.Equal(t, "/v1/sessions/a%20b%2Fc/media", seen.RequestURI)
	require.Equal(t, signature(apiSecret, []byte("a b/c")), seen.Header.Get("X-HMAC-SIGNATURE"))
}

// Signed answers in every spelling, and signed answers that say nothing.
func TestAnswersInTheLifeOfASession(t *testing.T) {
	item := `{"id":"ID","name":"N","context":"C","size":"12","mimetype":"M","sessionId":"` + strings.ToUpper(session) + `"}`
	for _, test := range []struct {
		request sandbox.Request
		answer  string
		good    bool
	}{
		{sandbox.List, `{"status":"success","images":[` + item + `],"videos":[]}`, true},
		{sandbox.List, `{"status":"success","images":null,"videos":null,"nfcDocuments":[` + item + `]}`, true},
		{sandbox.List, `{"images":[],"new":[1]}`, true},
		{sandbox.List, `{"status":"success"}`, false},
		{sandbox.List, `{"status":"fail","images":[]}`, false},
		{sandbox.List, `{"status":"success","images":{}}`, false},
		{sandbox.List, `{"status":"success","images":[null]}`, false},
		{sandbox.List, `{"status":"success","images":[{"id":"x","sessionId":"another"}]}`, false},
		{sandbox.List, `{"status":"success","images":[{"id":"x\u001b","sessionId":"` + session + `"}]}`, false},
		{sandbox.List, `[]`, false},
		{sandbox.Decision, `{"status":"success","verification":null}`, true},
		{sandbox.Decision, `{"status":"success"}`, true}, // old integrations leave it out
		{sandbox.Decision, `{"status":"success","verification":{"id":"` + session + `","status":"declined","code":9102,"reason":"\u001b[2J","reasonCode":102}}`, true},
		{sandbox.Decision, `{"status":"success","verification":{"id":"` + session + `","status":"approved","code":"9001","document":null,"person":{"firstName":"X"}}}`, true},
		{sandbox.Decision, `{"status":"success","verification":{"id":"another","status":"approved"}}`, false},
		{sandbox.Decision, `{"status":"success","verification":{"id":"` + session + `"}}`, false},
		{sandbox.Decision, `{"status":"success","verification":{"id":"` + session + `","status":"a\nb"}}`, false},
		{sandbox.Decision, `{"status":"success","verification":[]}`, false},
		{sandbox.Decision, `nothing`, false},
		{sandbox.Create, `{"status":"success","verification":{"id":"x","status":"created"}}`, true},
		{sandbox.Create, `{"verification":{"id":"x"}}`, true},
		{sandbox.Create, `{"status":"success","verification":{"id":""}}`, false},
		{sandbox.Create, `{"status":"success","verification":{"id":".."}}`, false},
		{sandbox.Create, `{"status":"success","verification":null}`, false},
		{sandbox.Create, `{"status":"fail","verification":{"id":"x"}}`, false},
		{sandbox.Submit, `{"status":"success","verification":{"id":"` + session + `","status":"submitted"}}`, true},
		{sandbox.Submit, `{"status":"success","verification":{"id":"` + session + `","status":"created"}}`, false},
		{sandbox.Submit, `{"status":"success","verification":{"id":"another","status":"submitted"}}`, false},
		{sandbox.Submit, `{"status":"success"}`, false},
	} {
		url := startServer(t, answering(http.StatusOK, test.answer))
		for _, a := range sessionRequests() {
			if a.request != test.request {
				continue
			}
			err := a.do(newClient(t, configFor(url)), t.Context())
			if test.good {
				require.NoError(t, err, test.answer)
				continue
			}
			requireFault(t, err, a.lost)
			require.True(t, apiError(t, err).Authenticated)
			require.Equal(t, upload.RetryLater, upload.RetryOf(err), test.answer)
		}
	}
	url := startServer(t, answering(http.StatusOK, `{"verification":{"id":"`+session+`","status":"declined","reason":"Document tampering","reasonCode":102,"code":"9102"}}`))
	decision, err := newClient(t, configFor(url)).Decision(t.Context(), session)
	require.NoError(t, err)
	require.Equal(t, &upload.Decision{Status: "declined", Code: 9102, Reason: "Document tampering", ReasonCode: 102}, decision)
}

// Stopping says whether something may have happened; asking has no such doubt.
func TestStoppingInTheLifeOfASession(t *testing.T) {
	for _, a := range sessionRequests() {
		events := make(chan sandbox.Event, 10)
		server, url := startSandbox(t, sandbox.Options{Observe: func(e sandbox.Event) { events <- e }})
		server.InjectOn(a.request, sandbox.CommitThenStall, 1)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			if (<-events).Stalled {
				cancel()
			}
		}()
		client := newClient(t, configFor(url))
		_, err := within(t, func(context.Context) (upload.Receipt, error) { return upload.Receipt{}, a.do(client, ctx) })
		want := a.lost
		if want == fault.AnswerUnusable {
			want = fault.Interrupted
		}
		requireFault(t, err, want)

		before, stop := context.WithCancel(t.Context())
		stop()
		requireFault(t, a.do(client, before), fault.Interrupted)
	}
}
