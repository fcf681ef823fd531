package upload_test

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/internal/secret"
	"passport-agent/upload"
	"passport-agent/upload/media"
	"passport-agent/upload/sandbox"
)

func TestFilesArriveByteForByte(t *testing.T) {
	for _, uncompressed := range []bool{false, true} {
		// All lengths of base64 padding, and sizes from a byte to a large portrait.
		for _, docs := range []upload.NFCDocuments{
			passport(),
			{COM: []byte{0}, SOD: []byte{1, 2}, DG1: []byte{3, 4, 5}, DG2: []byte{0xFB, 0xFF, 0xBF, 0xFE}},
			{COM: randomBytes(5, 30), SOD: randomBytes(6, 20_000), DG1: randomBytes(7, 93), DG2: randomBytes(8, 340_000)},
		} {
			server, url := startSandbox(t, sandbox.Options{})
			config := configFor(url)
			config.NoCompression = uncompressed
			receipt, err := newClient(t, config).UploadNFC(t.Context(), session, docs, nil)
			require.NoError(t, err)
			kept := server.Media(session)
			require.Len(t, kept, 1)
			require.Equal(t, docs, upload.NFCDocuments{COM: kept[0].COM, SOD: kept[0].SOD, DG1: kept[0].DG1, DG2: kept[0].DG2})

			body := len(jsonBody(t, docs))
			require.Equal(t, upload.Receipt{
				MediaID: kept[0].ID, SessionID: session, Name: "document-nfc", Context: "document-nfc",
				MIMEType: "application/octet-stream", Size: int64(len(docs.COM) + len(docs.SOD) + len(docs.DG1) + len(docs.DG2)),
				BodyBytes: body, SentBytes: receipt.SentBytes,
			}, receipt)
			if uncompressed {
				require.Equal(t, body, receipt.SentBytes)
			} else if body > 1000 {
				require.Less(t, receipt.SentBytes, body)
			}
		}
	}
}

// jsonBody is the documented body as encoding/json writes it.
func jsonBody(t *testing.T, docs upload.NFCDocuments) []byte {
	type files struct {
		COM []byte `json:"com"`
		SOD []byte `json:"sod"`
		DG1 []byte `json:"dg1"`
		DG2 []byte `json:"dg2"`
	}
	body, err := json.Marshal(map[string]files{"nfcDocuments": files(docs)})
	require.NoError(t, err)
	return body
}

// The request as a stranger sees it, checked with nothing but the page: the
// signature covers the uncompressed bytes, and the compressed ones give exactly these.
func TestRequestOnTheWire(t *testing.T) {
	var seen *http.Request
	var wire []byte
	url := startServer(t, func(_ http.ResponseWriter, r *http.Request) {
		seen = r
		wire, _ = io.ReadAll(r.Body)
	})
	docs := passport()
	config := configFor(url)
	for _, uncompressed := range []bool{false, true} {
		config.NoCompression = uncompressed
		_, err := newClient(t, config).UploadNFC(t.Context(), session, docs, nil)
		requireFault(t, err, fault.UploadUncertain)

		body := wire
		if uncompressed {
			require.Empty(t, seen.Header.Values("Content-Encoding"))
		} else {
			require.Equal(t, []string{"gzip"}, seen.Header.Values("Content-Encoding"))
			unpacked, err := gzip.NewReader(bytes.NewReader(wire))
			require.NoError(t, err)
			body, err = io.ReadAll(unpacked)
			require.NoError(t, err)
		}
		require.Equal(t, string(jsonBody(t, docs)), string(body))
		mac := hmac.New(sha256.New, []byte(apiSecret))
		mac.Write(body)
		require.Equal(t, hex.EncodeToString(mac.Sum(nil)), seen.Header.Get("X-HMAC-SIGNATURE"))
		require.Equal(t, apiKey, seen.Header.Get("X-AUTH-CLIENT"))
		require.Equal(t, "application/json", seen.Header.Get("Content-Type"))
		require.Equal(t, "passport-agent", seen.Header.Get("User-Agent"))
		require.Equal(t, http.MethodPost, seen.Method)
		require.Equal(t, int64(len(wire)), seen.ContentLength)
		require.Empty(t, seen.TransferEncoding)
	}
}

// The worked value of the HMAC rule: an answer that consists of the vector's
// data and carries its signature is authentic, though it is no JSON.
func TestSignatureVector(t *testing.T) {
	const (
		key  = "abcdef12-abcd-abcd-abcd-abcdef012345"
		data = "aea9ba6d-1b47-47fc-a4fc-f72b6d3584a7"
		mac  = "895cb3fd31139d89aeb7b263682e15479ab57651e70591256ad2c14fde4950dd"
	)
	for given, authentic := range map[string]bool{
		mac:                                true,
		string(bytes.ToUpper([]byte(mac))): true,
		"0" + mac[1:]:                      false,
		mac[:62]:                           false,
		mac + "00":                         false,
		"sha256=" + mac:                    false,
		base64.StdEncoding.EncodeToString([]byte(mac)): false,
	} {
		url := startServer(t, func(w http.ResponseWriter, r *http.Request) {
			drain(r)
			w.Header().Set("X-HMAC-SIGNATURE", given)
			_, _ = io.WriteString(w, data)
		})
		config := configFor(url)
		config.Secret = secret.NewText(key)
		_, err := newClient(t, config).UploadNFC(t.Context(), session, passport(), nil)
		requireFault(t, err, fault.UploadUncertain)
		require.Equal(t, authentic, apiError(t, err).Authenticated, given)
	}
}

func TestMissingFilesAreNamedAndNothingIsSent(t *testing.T) {
	url := startServer(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	client := newClient(t, configFor(url))
	for name, remove := range map[string]func(*upload.NFCDocuments){
		"EF.COM":   func(d *upload.NFCDocuments) { d.COM = nil },
		"EF.SOD":   func(d *upload.NFCDocuments) { d.SOD = []byte{} },
		"DG1":      func(d *upload.NFCDocuments) { d.DG1 = nil },
		"DG1, DG2": func(d *upload.NFCDocuments) { d.DG1, d.DG2 = nil, nil },
	} {
		docs := passport()
		remove(&docs)
		_, err := client.UploadNFC(t.Context(), session, docs, nil)
		requireFault(t, err, fault.FileMissing)
		require.ErrorContains(t, err, ": "+name)
		require.Equal(t, fault.ExitRefused, fault.Lookup(fault.From(err).Code).Exit)
	}
}

// 512,000 bytes of files are the most that any reading of '500 KB' allows.
func TestFilesOverEveryReadingOfTheLimitAreNotSent(t *testing.T) {
	docs := passport()
	docs.DG2 = make([]byte, 500*1024-len(docs.COM)-len(docs.SOD)-len(docs.DG1))
	server, url := startSandbox(t, sandbox.Options{LimitReading: sandbox.ReadingRaw})
	client := newClient(t, configFor(url))
	receipt, err := client.UploadNFC(t.Context(), session, docs, nil)
	require.NoError(t, err)
	require.Equal(t, []upload.WarningCode{upload.WarnBodyLarge}, codes(receipt))

	docs.DG2 = append(docs.DG2, 0)
	recorder := &recorder{}
	_, err = client.UploadNFC(t.Context(), session, docs, recorder.observe)
	requireFault(t, err, fault.UploadTooLarge)
	require.ErrorContains(t, err, "512001 bytes, at most 512000")
	require.Equal(t, upload.RetryNever, upload.RetryOf(err))
	require.Empty(t, recorder.all())
	require.Len(t, server.Media(session), 1)

	config := configFor(url)
	config.MaxRawBytes = len(passport().DG2)
	_, err = newClient(t, config).UploadNFC(t.Context(), session, passport(), nil)
	requireFault(t, err, fault.UploadTooLarge)
}

// Between the readings the service decides.
func TestBodyOverOneReadingOfTheLimitIsLeftToTheService(t *testing.T) {
	docs := passport()
	docs.DG2 = randomBytes(9, 400_000)
	for reading, accepted := range map[sandbox.Reading]bool{sandbox.ReadingBody: false, sandbox.ReadingBase64: false, sandbox.ReadingRaw: true} {
		server, url := startSandbox(t, sandbox.Options{LimitReading: reading})
		receipt, err := newClient(t, configFor(url)).UploadNFC(t.Context(), session, docs, nil)
		if accepted {
			require.NoError(t, err)
			require.Equal(t, []upload.WarningCode{upload.WarnBodyLarge}, codes(receipt))
			require.Len(t, server.Media(session), 1)
			continue
		}
		requireFault(t, err, fault.PayloadTooLarge)
		require.Equal(t, &upload.APIError{HTTPStatus: 413, Code: "1412", Authenticated: true, Retry: upload.RetryNever}, apiError(t, err))
		require.Empty(t, server.Media(session))
	}
	exact := configFor("")
	_, exact.BaseURL = startSandbox(t, sandbox.Options{})
	exact.WarnBodyBytes = len(jsonBody(t, passport()))
	receipt, err := newClient(t, exact).UploadNFC(t.Context(), session, passport(), nil)
	require.NoError(t, err)
	require.Empty(t, receipt.Warnings)
	exact.WarnBodyBytes--
	receipt, err = newClient(t, exact).UploadNFC(t.Context(), session, passport(), nil)
	require.NoError(t, err)
	require.Equal(t, []upload.WarningCode{upload.WarnBodyLarge}, codes(receipt))
}

func codes(receipt upload.Receipt) []upload.WarningCode {
	var out []upload.WarningCode
	for _, w := range receipt.Warnings {
		out = append(out, w.Code)
	}
	return out
}

func TestProgressRunsFromConnectingToTheWholeBody(t *testing.T) {
	_, url := startSandbox(t, sandbox.Options{})
	recorder := &recorder{}
	receipt, err := newClient(t, configFor(url)).UploadNFC(t.Context(), session, passport(), recorder.observe)
	require.NoError(t, err)
	events := recorder.all()
	require.Equal(t, upload.Event{Phase: upload.PhaseConnecting, Total: receipt.SentBytes}, events[0])
	require.Equal(t, upload.Event{Phase: upload.PhaseWaiting, Sent: receipt.SentBytes, Total: receipt.SentBytes}, events[len(events)-1])
	sent := 0
	for _, e := range events[1 : len(events)-1] {
		require.Equal(t, upload.PhaseSending, e.Phase)
		require.Greater(t, e.Sent, sent)
		sent = e.Sent
	}
	require.Equal(t, receipt.SentBytes, sent)
}

// Files stand in memory once: neither their base64, nor the JSON text that is
// signed, nor what it compresses to is ever there as a whole.
func TestLargeFilesAreNotCopied(t *testing.T) {
	url := startServer(t, func(w http.ResponseWriter, r *http.Request) {
		drain(r)
		w.WriteHeader(http.StatusConflict)
	})
	docs := passport()
	docs.DG2 = randomBytes(10, 4<<20)
	picture := upload.Image{Context: "face", File: media.File{MIMEType: "image/jpeg", Content: randomBytes(10, media.MaxImageBytes)}}
	for _, uncompressed := range []bool{true, false} {
		config := configFor(url)
		config.MaxRawBytes = 1 << 30
		config.NoCompression = uncompressed
		client := newClient(t, config)
		for _, run := range []func() error{
			func() error { _, err := client.UploadNFC(t.Context(), session, docs, nil); return err },
			func() error { _, err := client.UploadImage(t.Context(), session, picture, nil); return err },
		} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := run()
			runtime.ReadMemStats(&after)
			requireFault(t, err, fault.SessionSubmitted)
			// Of both sides of the connection: buffers, and twice the tables of gzip.
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(3<<20))
		}
	}
}
