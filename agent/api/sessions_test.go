package api_test

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/agent"
	"passport-agent/agent/api"
	"passport-agent/internal/fault"
	"passport-agent/internal/secret"
	"passport-agent/tap"
	"passport-agent/upload"
	"passport-agent/upload/sandbox"
)

func service(t *testing.T) (*sandbox.Server, agent.Service) {
	t.Helper()
	server := sandbox.New(sandbox.Options{})
	listening := httptest.NewServer(server)
	t.Cleanup(func() { server.Release(); listening.CloseClientConnections(); listening.Close() })
	client, err := upload.New(upload.Config{BaseURL: listening.URL, APIKey: sandbox.DemoAPIKey, Secret: secret.NewText(sandbox.DemoSecret), Timeout: patience})
	require.NoError(t, err)
	return server, &agent.Veriff{Client: client}
}

func picture(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 64, 48)), nil))
	return b.Bytes()
}

// form is a picture as a browser sends it.
func form(t *testing.T, content []byte) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	require.NoError(t, w.WriteField("context", "document-front"))
	part, err := w.CreateFormFile("file", "page.jpg")
	require.NoError(t, err)
	_, err = part.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String(), w.FormDataContentType()
}

// A session from its beginning to its end: made, filled with pictures and a document,
// looked at, submitted.
func TestTheLifeOfASession(t *testing.T) {
	server, veriff := service(t)
	d := newDesk(t, deskOptions{service: veriff})
	mine := page(d.openPage())
	var made struct{ ID string }
	d.answer(post("/v1/sessions", "{}", mine), 201, &made)
	path := "/v1/sessions/" + made.ID

	jpg := picture(t)
	body, contentType := form(t, jpg)
	var sent api.PictureBody
	d.answer(post(path+"/pictures", body, with(mine, "Content-Type", contentType)), 200, &sent)
	require.Equal(t, tap.UploadAccepted, sent.State)
	require.NotEmpty(t, sent.MediaID)
	d.answer(post(path+"/pictures?context=face", string(jpg), with(mine, "Content-Type", "image/jpeg")), 200, nil)

	d.place(true)
	request := d.access()
	request["session"] = made.ID
	require.Equal(t, agent.StateDone, d.ended(mine, d.create(mine, request).ID).State)

	var session api.SessionBody
	d.answer(get(path, mine), 200, &session)
	require.Len(t, session.Media, 3)
	require.Len(t, server.Media(made.ID), 3)
	d.answer(post(path+"/submit", "", mine), 204, nil)
	require.Equal(t, fault.SessionSubmitted, d.refused(post(path+"/pictures?context=face", string(jpg), with(mine, "Content-Type", "image/jpeg"))).Code)
}

// The name of a file may be that of a person.
func TestAFormThatCannotBeReadIsNotQuoted(t *testing.T) {
	_, veriff := service(t)
	d := newDesk(t, deskOptions{service: veriff})
	mine := page(d.openPage())
	var made struct{ ID string }
	d.answer(post("/v1/sessions", "{}", mine), 201, &made)
	body := "--b\r\nContent-Disposition: form-data; filename=\"ERIKSSON.jpg\"\rx\r\n\r\n--b--\r\n"
	refused := d.refused(post("/v1/sessions/"+made.ID+"/pictures", body, with(mine, "Content-Type", "multipart/form-data; boundary=b")))
	require.Equal(t, fault.RequestInvalid, refused.Code)
	require.NotContains(t, fmt.Sprintf("%+v", refused), "ERIKSSON")
}

// Pictures are bounded and read whole into memory; each attack has its twin above.
func TestPicturesThatAreRefused(t *testing.T) {
	_, veriff := service(t)
	d := newDesk(t, deskOptions{service: veriff})
	mine := page(d.openPage())
	var made struct{ ID string }
	d.answer(post("/v1/sessions", "{}", mine), 201, &made)
	path := "/v1/sessions/" + made.ID + "/pictures"
	good, contentType := form(t, picture(t))
	large, largeType := form(t, make([]byte, 25<<20))
	boundary := strings.TrimPrefix(contentType, "multipart/form-data; boundary=")
	field := func(name string) string {
		return "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\nx\r\n"
	}
	for name, c := range map[string]struct {
		body, kind string
		code       fault.Code
	}{
		"too large":          {large, largeType, fault.RequestTooLarge},
		"no form":            {"what is this", contentType, fault.RequestInvalid},
		"cut off":            {good[:len(good)/2], contentType, fault.RequestInvalid},
		"other fields":       {field("other") + good, contentType, fault.RequestInvalid},
		"two files":          {field("file") + good, contentType, fault.RequestInvalid},
		"without context":    {"x", "image/jpeg", fault.RequestInvalid},
		"no such context":    {strings.Replace(good, "document-front", "document-other", 1), contentType, fault.ContextUnknown},
		"no picture":         {strings.Replace(good, "\xFF\xD8\xFF", "\x00\x00\x00", 1), contentType, fault.MediaFormatUnknown},
		"text of the page":   {"x", "text/html", fault.ContentTypeRefused},
		"without its header": {good, contentType, fault.PageHeaderMissing},
	} {
		t.Run(name, func(t *testing.T) {
			d.t = t
			header := with(mine, "Content-Type", c.kind)
			if name == "without its header" {
				delete(header, "X-Passport-Agent")
			}
			require.Equal(t, c.code, d.refused(post(path, c.body, header)).Code)
		})
	}
	d.t = t
	d.answer(post(path, good, with(mine, "Content-Type", contentType)), 200, nil)
}

// A body that does not say how long it is is bounded all the same.
func TestAPictureWithoutEndIsCutOff(t *testing.T) {
	_, veriff := service(t)
	d := newDesk(t, deskOptions{service: veriff})
	var made struct{ ID string }
	local := map[string]string{"Authorization": "Bearer " + d.local, "Content-Type": "application/json"}
	d.answer(post("/v1/sessions", "{}", local), 201, &made)
	for size, want := range map[int64]int{1 << 20: http.StatusConflict, 25 << 20: http.StatusRequestEntityTooLarge} {
		// Zeros are no picture, which is found out when they are all there.
		body := struct{ io.Reader }{io.LimitReader(zeros{}, size)}
		q, err := http.NewRequest(http.MethodPost, d.url("/v1/sessions/"+made.ID+"/pictures?context=face"), body)
		require.NoError(t, err)
		q.Header.Set("Authorization", "Bearer "+d.local)
		q.Header.Set("Content-Type", "image/jpeg")
		response, err := http.DefaultTransport.RoundTrip(q)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, want, response.StatusCode)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// A picture never touches the disk on its way through the agent.
func TestPicturesAreNotSpilledToDisk(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("TMPDIR means nothing there")
	}
	server, veriff := service(t)
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	require.NoError(t, os.Chmod(temporary, 0o500))
	info, err := os.Stat(temporary)
	require.NoError(t, err)
	d := newDesk(t, deskOptions{service: veriff})
	mine := page(d.openPage())
	var made struct{ ID string }
	d.answer(post("/v1/sessions", "{}", mine), 201, &made)
	jpg := picture(t)
	// Behind the end of the picture, where decoders do not look.
	body, contentType := form(t, append(jpg, make([]byte, 1<<20)...))
	d.answer(post("/v1/sessions/"+made.ID+"/pictures", body, with(mine, "Content-Type", contentType)), 200, nil)
	require.Len(t, server.Media(made.ID), 1)
	now, err := os.Stat(temporary)
	require.NoError(t, err)
	require.Equal(t, info.ModTime(), now.ModTime(), "nothing was made in the folder for temporary files")
}

func TestWithoutAnIntegrationThereAreNoSessions(t *testing.T) {
	d := newDesk(t, deskOptions{})
	mine := page(d.openPage())
	for _, r := range []request{
		post("/v1/sessions", "{}", mine), get("/v1/sessions/x", mine), post("/v1/sessions/x/submit", "", mine),
		post("/v1/sessions/x/pictures?context=face", "x", with(mine, "Content-Type", "image/jpeg")),
	} {
		require.Equal(t, fault.ServiceNotConfigured, d.refused(r).Code)
	}
	require.Equal(t, fault.QueueNotConfigured, d.refused(post("/v1/queue/retry", "{}", mine)).Code)
	var queue api.QueueBody
	d.answer(get("/v1/queue", mine), 200, &queue)
	require.Empty(t, queue.Items)
	var trust api.TrustBody
	d.answer(get("/v1/trust", mine), 200, &trust)
	require.Contains(t, fmt.Sprint(trust.Warnings), "no country signers")
}
