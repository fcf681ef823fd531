package upload_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"passport-agent/internal/fault"
	"passport-agent/upload"
	"passport-agent/upload/media"
	"passport-agent/upload/sandbox"
)

// The JSON that arrives is the page's, whatever the length of the file: its
// base64 is made in pieces.
func TestPictureOnTheWire(t *testing.T) {
	var body []byte
	url := startServer(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusConflict)
	})
	config := configFor(url)
	config.NoCompression = true
	client := newClient(t, config)
	at := time.Date(2026, 3, 24, 12, 30, 15, 999, time.FixedZone("east", 2*60*60))
	rapid.Check(t, func(rt *rapid.T) {
		content := randomBytes(1, rapid.IntRange(1, 100_000).Draw(rt, "size"))
		image := upload.Image{Context: `fa"ce`, File: media.File{MIMEType: "image/png", Content: content}}
		want := map[string]any{"context": `fa"ce`, "content": "data:image/png;base64," + base64.StdEncoding.EncodeToString(content)}
		if rapid.Bool().Draw(rt, "timestamp") {
			image.Timestamp = at
			want["timestamp"] = "2026-03-24T10:30:15Z"
		}
		_, err := client.UploadImage(t.Context(), session, image, nil)
		require.ErrorIs(rt, err, fault.SessionSubmitted)
		var got map[string]map[string]any
		require.NoError(rt, json.Unmarshal(body, &got))
		require.Equal(rt, map[string]map[string]any{"image": want}, got)
	})
}

// Compressed and signed in two passes, the bytes are those that were announced.
func TestPicturesOfEverySizeArrive(t *testing.T) {
	server, url := startSandbox(t, sandbox.Options{})
	client := newClient(t, configFor(url))
	for i, size := range []int{2000, 24<<10 - 1, 24 << 10, 24<<10 + 1, 72 << 10, 65_535, 1 << 20, 3<<20 + 7} {
		content := append(jpegOf(8, 8), randomBytes(byte(i), size)...)[:size]
		if i%2 == 1 { // something that compresses
			content = fill(jpegOf(8, 8), size)
		}
		recorder := &recorder{}
		receipt, err := client.UploadImage(t.Context(), session, upload.Image{Context: "face", File: media.File{MIMEType: "image/jpeg", Content: content}}, recorder.observe)
		require.NoError(t, err)
		kept := server.Media(session)
		require.Equal(t, content, kept[len(kept)-1].Content)
		last := recorder.all()[len(recorder.all())-1]
		require.Equal(t, upload.Event{Phase: upload.PhaseWaiting, Sent: receipt.SentBytes, Total: receipt.SentBytes}, last)
	}
}

func TestPicturesThatAreNotSent(t *testing.T) {
	url := startServer(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	client := newClient(t, configFor(url))
	for code, image := range map[fault.Code]upload.Image{
		fault.ContextUnknown:     {File: media.File{MIMEType: "image/jpeg", Content: []byte{1}}},
		fault.MediaFormatUnknown: {Context: "face", File: media.File{MIMEType: "image/jpeg"}},
		fault.MediaTooLarge:      {Context: "face", File: media.File{MIMEType: "image/jpeg", Content: make([]byte, media.MaxImageBytes+1)}},
	} {
		_, err := client.UploadImage(t.Context(), session, image, nil)
		requireFault(t, err, code)
		require.Equal(t, upload.RetryNever, upload.RetryOf(err))
	}
}

func TestRefusalsOfPictures(t *testing.T) {
	picture := upload.Image{Context: "face", File: media.File{MIMEType: "image/jpeg", Content: jpegOf(8, 8)}}
	for _, test := range []struct {
		status int
		body   string
		code   fault.Code
	}{
		{400, `{"code":"1400"}`, fault.ImageRejected},
		{400, `{"code":1401}`, fault.ImageRejected},
		{400, `{"code":"1402"}`, fault.ImageRejected},
		{400, `{"code":"1403"}`, fault.ImageRejected},
		{400, `{"code":"1101"}`, fault.UploadRejected},
		{413, `{"code":"1101"}`, fault.ImageTooLarge},
		{409, ``, fault.SessionSubmitted},
	} {
		url := startServer(t, answering(test.status, test.body))
		_, err := newClient(t, configFor(url)).UploadImage(t.Context(), session, picture, nil)
		requireFault(t, err, test.code)
		require.Equal(t, fault.ExitRefused, fault.Lookup(test.code).Exit)
		require.Equal(t, upload.RetryNever, upload.RetryOf(err))
	}

	for answer, warnings := range map[string][]upload.WarningCode{
		`{"image":{"id":"x","context":"FACE","size":%SIZE%,"sessionId":"` + session + `"}}`:   nil,
		`{"image":{"id":"x","context":"other","size":%SIZE%,"sessionId":"` + session + `"}}`:  {upload.WarnContextDiffers},
		`{"image":[{"id":"x","context":"face","size":%SIZE%,"sessionId":"` + session + `"}]}`: nil,
		`{"image":{"id":"x","context":"face","size":1,"sessionId":"` + session + `"}}`:        {upload.WarnSizeDiffers},
	} {
		size, err := json.Marshal(len(picture.File.Content))
		require.NoError(t, err)
		url := startServer(t, answering(http.StatusOK, strings.ReplaceAll(answer, "%SIZE%", string(size))))
		receipt, err := newClient(t, configFor(url)).UploadImage(t.Context(), session, picture, nil)
		require.NoError(t, err)
		require.Equal(t, warnings, codes(receipt), answer)
	}
	// The answer to an upload of chip data is no answer to this one.
	url := startServer(t, answering(http.StatusOK, `{"nfcDocument":{"id":"x","sessionId":"`+session+`"}}`))
	_, err := newClient(t, configFor(url)).UploadImage(t.Context(), session, picture, nil)
	requireFault(t, err, fault.UploadUncertain)
}
