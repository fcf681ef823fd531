package upload_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/internal/secret"
	"passport-agent/upload"
	"passport-agent/upload/media"
	"passport-agent/upload/sandbox"
)

// The page "Upload media or NFC data" from top to bottom, against the sandbox:
// what the page asks for is done by the client, or written by hand where the
// client would not do it, and the sandbox refuses what the page says is refused.
// Each row names its section of the page.
func TestThePageFromTopToBottom(t *testing.T) {
	sections := []string{
		"When to use this endpoint", "Image upload", "Supported image formats", "NFC data upload", "Response data",
		"Implementation notes", "Improved fraud detection", "PDF support is not enabled by default",
		"Identity and Document Verification feature", "Proof of Address Verification", "Header parameters", "Path parameters",
		"Body parameters", "MediaUploadImage", "NfcDocumentsUploadRequest", "200", "400", "401", "404", "413", "500",
		"Media compression support info", "Operation order", "Request headers", "Common mistakes",
	}
	covered := map[string]int{}
	for _, row := range pageRows(t) {
		covered[row.section]++
		t.Run(row.section+"/"+row.says, func(t *testing.T) {
			p := &page{T: t}
			p.server, p.url = startSandbox(t, row.options)
			config := configFor(p.url)
			if row.config != nil {
				row.config(&config)
			}
			p.client = newClient(t, config)
			row.run(p)
		})
	}
	for _, section := range sections {
		require.NotZero(t, covered[section], "no row for the section %q", section)
		delete(covered, section)
	}
	require.Empty(t, covered, "sections that the page does not have")
}

// page is one row's world.
type page struct {
	*testing.T
	server *sandbox.Server
	url    string
	client *upload.Client
}

type pageRow struct {
	section, says string
	options       sandbox.Options
	config        func(*upload.Config)
	run           func(*page)
}

// written is a request written by hand: correct, until it is changed.
type written struct {
	method, path     string
	body, sent       []byte // sent is body unless it is set
	key, signature   string
	contentType      string
	contentEncodings []string
}

func (p *page) write(body string, change func(*written)) (status int, answer map[string]any) {
	p.Helper()
	w := written{
		method: "POST", path: "/v1/sessions/" + session + "/media", body: []byte(body),
		key: apiKey, signature: signature(apiSecret, []byte(body)), contentType: "application/json",
	}
	if change != nil {
		change(&w)
	}
	if w.sent == nil {
		w.sent = w.body
	}
	request, err := http.NewRequestWithContext(p.Context(), w.method, p.url+w.path, bytes.NewReader(w.sent))
	require.NoError(p, err)
	for name, value := range map[string]string{"X-Auth-Client": w.key, "X-Hmac-Signature": w.signature, "Content-Type": w.contentType} {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	request.Header["Content-Encoding"] = w.contentEncodings
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	require.NoError(p, err)
	raw, err := io.ReadAll(response.Body)
	require.NoError(p, err)
	require.NoError(p, response.Body.Close())
	require.NoError(p, json.Unmarshal(raw, &answer))
	require.Equal(p, "application/json", response.Header.Get("Content-Type"))
	require.Equal(p, w.key, response.Header.Get("x-auth-client"))
	if response.StatusCode == http.StatusUnauthorized {
		require.Empty(p, response.Header.Get("x-hmac-signature"), "the page has no signature on a 401")
	} else {
		require.Equal(p, signature(apiSecret, raw), response.Header.Get("x-hmac-signature"))
	}
	return response.StatusCode, answer
}

// refused is a row whose request the sandbox refuses, and does not keep.
func refused(section, says string, status int, code, body string, change func(*written)) pageRow {
	return pageRow{section: section, says: says, run: func(p *page) {
		got, answer := p.write(body, change)
		require.Equal(p, status, got, "%v", answer)
		require.Equal(p, "fail", answer["status"])
		require.Equal(p, code, answer["code"], "%v", answer)
		text := "message"
		if code == "1410" || code == "1412" {
			text = "error"
		}
		require.NotEmpty(p, answer[text])
		require.Empty(p, p.server.Media(session))
	}}
}

// taken is a row whose request the sandbox keeps.
func taken(section, says, body string, change func(*written)) pageRow {
	return pageRow{section: section, says: says, run: func(p *page) {
		got, answer := p.write(body, change)
		require.Equal(p, 200, got, "%v", answer)
		require.Equal(p, "success", answer["status"])
		require.Len(p, p.server.Media(session), 1)
	}}
}

func (r pageRow) with(options sandbox.Options) pageRow {
	r.options = options
	return r
}

// uploadImage sends a picture as the program does: prepared, then uploaded.
func (p *page) uploadImage(context string, content []byte, options media.Options) upload.Receipt {
	p.Helper()
	file, err := media.Prepare(content, options)
	require.NoError(p, err)
	receipt, err := p.client.UploadImage(p.Context(), session, upload.Image{Context: context, File: file}, nil)
	require.NoError(p, err)
	require.Empty(p, receipt.Warnings)
	require.Equal(p, context, receipt.Context)
	kept := p.server.Media(session)
	require.Equal(p, file.Content, kept[len(kept)-1].Content)
	require.Equal(p, file.MIMEType, receipt.MIMEType)
	require.Equal(p, int64(len(file.Content)), receipt.Size)
	require.Equal(p, kept[len(kept)-1].ID, receipt.MediaID)
	return receipt
}

func jpegOf(w, h int) []byte {
	var out bytes.Buffer
	_ = jpeg.Encode(&out, image.NewGray(image.Rect(0, 0, w, h)), nil) // into memory
	return out.Bytes()
}

func pngOf(w, h int) []byte {
	var out bytes.Buffer
	_ = png.Encode(&out, image.NewGray(image.Rect(0, 0, w, h))) // into memory
	return out.Bytes()
}

func sampleOf(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("media", "testdata", name))
	require.NoError(t, err)
	return b
}

// imageJSON is a body as the page's examples have it.
func imageJSON(context, mimeType string, content []byte, more string) string {
	return `{"image":{"context":"` + context + `","content":"data:` + mimeType + `;base64,` + base64.StdEncoding.EncodeToString(content) + `"` + more + `}}`
}

// fill makes a file of a format exactly that long.
func fill(begin []byte, size int) []byte { return append(begin, make([]byte, size-len(begin))...) }

func packed(w io.WriteCloser, out *bytes.Buffer, data []byte) []byte {
	_, _ = w.Write(data) // into memory
	_ = w.Close()
	return out.Bytes()
}

func gzipOf(data []byte) []byte {
	var out bytes.Buffer
	return packed(gzip.NewWriter(&out), &out, data)
}

func zlibOf(data []byte) []byte {
	var out bytes.Buffer
	return packed(zlib.NewWriter(&out), &out, data)
}

func deflateOf(data []byte) []byte {
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, flate.DefaultCompression) // the level is valid
	return packed(w, &out, data)
}

// patiently: under the race detector on a busy machine the sandbox takes its time
// for twenty million bytes, and compressing them takes as long.
func patiently(c *upload.Config) { c.Timeout, c.NoCompression = 10*deadline, true }

func pageRows(t *testing.T) []pageRow {
	face := imageJSON("face", "image/jpeg", jpegOf(64, 64), "")
	pdfFile := []byte("%PDF-1.7\n1 0 obj\n")
	mif1 := bytes.Replace(sampleOf(t, "small.heic"), []byte("ftypheic"), []byte("ftypmif1"), 1)
	nfc := string(jsonBody(t, passport()))
	nfcWith := func(field, value string) string {
		fields := map[string]string{"com": `"YWJj"`, "sod": `"YWJj"`, "dg1": `"YWJj"`, "dg2": `"YWJj"`}
		fields[field] = value
		var list []string
		for name, value := range fields {
			if value != "" {
				list = append(list, `"`+name+`":`+value)
			}
		}
		return `{"nfcDocuments":{` + strings.Join(list, ",") + `}}`
	}
	uploaded := func(section, says, context string, content []byte) pageRow {
		return pageRow{section: section, says: says, run: func(p *page) { p.uploadImage(context, content, media.Options{}) }}
	}
	enabled := sandbox.Options{PDF: true}
	pdf := media.Options{PDF: true}

	rows := []pageRow{
		// When to use this endpoint
		uploaded("When to use this endpoint", "document photos", "document-front", jpegOf(640, 480)),
		uploaded("When to use this endpoint", "selfie images", "face", jpegOf(640, 480)),
		uploaded("When to use this endpoint", "proof of address images", "address-front", jpegOf(640, 480)),
		{section: "When to use this endpoint", says: "collected NFC data", run: func(p *page) {
			receipt, err := p.client.UploadNFC(p.Context(), session, passport(), nil)
			require.NoError(p, err)
			require.Equal(p, "document-nfc", receipt.Context)
		}},

		// Request body content: image upload
		{section: "Image upload", says: "a 17 MB file is smaller than 24 MB in base64", config: patiently, run: func(p *page) {
			p.uploadImage("face", fill(jpegOf(8, 8), 17_000_000), media.Options{NoResize: true})
		}},
		{section: "Image upload", says: "what is larger is made smaller before it is sent", run: func(p *page) {
			receipt := p.uploadImage("face", fill(jpegOf(8, 8), 17_000_001), media.Options{})
			require.Less(p, receipt.Size, int64(10_000))
		}},
		refused("Image upload", "24 MB in base64 is not smaller than 24 MB", 413, "1101", imageJSON("face", "image/jpeg", fill(jpegOf(8, 8), 18_000_000), ""), nil),
		{section: "Image upload", says: "24 MB is not sent by the client", run: func(p *page) {
			_, err := p.client.UploadImage(p.Context(), session, upload.Image{Context: "face", File: media.File{MIMEType: "image/jpeg", Content: make([]byte, 17_000_001)}}, nil)
			requireFault(p.T, err, fault.MediaTooLarge)
			require.Empty(p, p.server.Media(session))
		}},
		{section: "Image upload", says: "a PDF of 20 MB", options: enabled, config: patiently, run: func(p *page) { p.uploadImage("address-front", fill(pdfFile, 20_000_000), pdf) }},
		refused("Image upload", "a PDF over 20 MB", 413, "1101", imageJSON("address-front", "application/pdf", fill(pdfFile, 20_000_001), ""), nil).with(enabled),
		{section: "Image upload", says: "a PDF over 20 MB is not sent by the client", run: func(p *page) {
			_, err := media.Prepare(fill(pdfFile, 20_000_001), pdf)
			requireFault(p.T, err, fault.MediaTooLarge)
			_, err = p.client.UploadImage(p.Context(), session, upload.Image{Context: "face", File: media.File{MIMEType: "application/pdf", Content: make([]byte, 20_000_001)}}, nil)
			requireFault(p.T, err, fault.MediaTooLarge)
		}},
		uploaded("Image upload", "the longer side is at most 1920 pixels", "face", jpegOf(1920, 10)),
		refused("Image upload", "the longer side is over 1920 pixels", 400, "1101", imageJSON("face", "image/jpeg", jpegOf(1921, 10), ""), nil),
		refused("Image upload", "the longer side is the height", 400, "1101", imageJSON("face", "image/png", pngOf(10, 1921), ""), nil),
		refused("Image upload", "a HEIC picture over 1920 pixels", 400, "1101", imageJSON("face", "image/heic", sampleOf(t, "large.heic"), ""), nil),
		{section: "Image upload", says: "the client brings it to 1920 pixels", run: func(p *page) { p.uploadImage("face", jpegOf(2400, 100), media.Options{}) }},
		refused("Image upload", "no image object", 400, "1400", `{"image":"data:image/jpeg;base64,"}`, nil),
		refused("Image upload", "no context", 400, "1403", strings.Replace(face, `"context":"face",`, "", 1), nil),
		refused("Image upload", "no content", 400, "1403", `{"image":{"context":"face"}}`, nil),
		taken("Image upload", "a timestamp", imageJSON("face", "image/jpeg", jpegOf(8, 8), `,"timestamp":"2025-01-01T10:00:00Z"`), nil),

		// Supported image formats: the client tells them by their bytes
		uploaded("Supported image formats", ".jpg", "document-front", jpegOf(64, 64)),
		taken("Supported image formats", ".jpg as image/jpg", imageJSON("face", "image/jpg", jpegOf(8, 8), ""), nil),
		uploaded("Supported image formats", ".jpeg", "document-front", append(jpegOf(64, 64), 0)),
		uploaded("Supported image formats", ".png", "document-front", pngOf(64, 64)),
		uploaded("Supported image formats", ".heif", "document-front", mif1),
		uploaded("Supported image formats", ".heic", "document-front", sampleOf(t, "small.heic")),
		uploaded("Supported image formats", ".webp", "document-front", sampleOf(t, "small.webp")),
		{section: "Supported image formats", says: ".pdf", options: enabled, run: func(p *page) { p.uploadImage("document-front", pdfFile, pdf) }},
		refused("Supported image formats", "another format", 400, "1101", imageJSON("face", "image/gif", []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00\x3B"), ""), nil),
		refused("Supported image formats", "no picture at all", 400, "1101", imageJSON("face", "image/jpeg", []byte("a letter to the reader"), ""), nil),

		// NFC data upload
		taken("NFC data upload", "com, sod, dg1 and dg2", nfc, nil),
		refused("NFC data upload", "com missing", 400, "1410", nfcWith("com", ""), nil),
		refused("NFC data upload", "sod missing", 400, "1410", nfcWith("sod", ""), nil),
		refused("NFC data upload", "dg1 missing", 400, "1410", nfcWith("dg1", ""), nil),
		refused("NFC data upload", "dg2 missing", 400, "1410", nfcWith("dg2", ""), nil),
		{section: "NFC data upload", says: "nothing is sent where a file is missing", run: func(p *page) {
			_, err := p.client.UploadNFC(p.Context(), session, upload.NFCDocuments{SOD: []byte{1}, DG1: []byte{1}, DG2: []byte{1}}, nil)
			requireFault(p.T, err, fault.FileMissing)
		}},

		// Response data
		{section: "Response data", says: "metadata of what was uploaded, timestamp always null", run: func(p *page) {
			_, answer := p.write(imageJSON("face", "image/png", pngOf(10, 10), ""), nil)
			kept := p.server.Media(session)[0]
			require.Equal(p, map[string]any{
				"id": kept.ID, "name": "face", "context": "face", "timestamp": nil, "size": float64(len(pngOf(10, 10))), "mimetype": "image/png",
				"url": p.url + "/v1/media/" + kept.ID, "sessionId": session,
			}, answer["image"])
		}},

		// Implementation notes
		refused("Implementation notes", "one file in one request", 400, "1101", face[:len(face)-1]+","+nfc[1:], nil),
		refused("Implementation notes", "a list of files", 400, "1400", `{"image":[`+face[len(`{"image":`):len(face)-1]+`]}`, nil),
		{section: "Implementation notes", says: "409 after the session was submitted", run: func(p *page) {
			_, err := p.client.Submit(p.Context(), session)
			require.NoError(p, err)
			status, answer := p.write(face, nil)
			require.Equal(p, 409, status, "%v", answer)
			_, err = p.client.UploadImage(p.Context(), session, upload.Image{Context: "face", File: media.File{MIMEType: "image/jpeg", Content: jpegOf(8, 8)}}, nil)
			requireFault(p.T, err, fault.SessionSubmitted)
			require.Empty(p, p.server.Media(session))
		}},
		{section: "Implementation notes", says: "the same context several times", run: func(p *page) {
			p.uploadImage("face", jpegOf(64, 64), media.Options{})
			p.uploadImage("face", jpegOf(64, 64), media.Options{})
			require.Len(p, p.server.Media(session), 2)
		}},
		taken("Implementation notes", "the data URI is a 'should'", strings.Replace(face, "data:image/jpeg;base64,", "", 1), nil),
		refused("Implementation notes", "a data URI without base64", 400, "1401", strings.Replace(face, ";base64,", ",", 1), nil),
		refused("Implementation notes", "session-level signature required", 401, "1815", face, func(w *written) { w.signature = "" }),
		{section: "Implementation notes", says: "the API URL, with and without /v1", run: func(p *page) {
			for _, base := range []string{p.url, p.url + "/", p.url + "/v1", p.url + "/v1/"} {
				p.client = newClient(p.T, configFor(base))
				p.uploadImage("face", jpegOf(8, 8), media.Options{})
			}
		}},

		// Additional info
		{section: "Improved fraud detection", says: "several images per context, the first with -pre, each in its request", run: func(p *page) {
			for _, context := range []string{"face-pre", "face", "document-front-pre", "document-front"} {
				p.uploadImage(context, jpegOf(64, 64), media.Options{})
			}
			list, err := p.client.ListMedia(p.Context(), session)
			require.NoError(p, err)
			require.Len(p, list.Images, 4)
		}},
		refused("PDF support is not enabled by default", "by the service", 400, "1101", imageJSON("address-front", "application/pdf", pdfFile, ""), nil),
		{section: "PDF support is not enabled by default", says: "nor by the client", run: func(p *page) {
			_, err := media.Prepare(pdfFile, media.Options{})
			requireFault(p.T, err, fault.PDFDisabled)
		}},
		{section: "Identity and Document Verification feature", says: "front and back in two PDF files", options: enabled, run: func(p *page) {
			p.uploadImage("document-front", pdfFile, pdf)
			p.uploadImage("document-back", append(pdfFile, "2"...), pdf)
		}},
		{section: "Identity and Document Verification feature", says: "both in a single PDF file", options: enabled, run: func(p *page) { p.uploadImage("document-front", pdfFile, pdf) }},
		{section: "Proof of Address Verification", says: "one document of at most 20 MB", options: enabled, run: func(p *page) { p.uploadImage("address-front", pdfFile, pdf) }},

		// Header parameters
		refused("Header parameters", "x-auth-client missing", 401, "1101", face, func(w *written) { w.key = "" }),
		refused("Header parameters", "x-auth-client unknown", 401, "1803", face, func(w *written) { w.key = session }),
		refused("Header parameters", "x-hmac-signature missing", 401, "1815", face, func(w *written) { w.signature = "" }),
		refused("Header parameters", "x-hmac-signature of another secret", 401, "1815", face, func(w *written) { w.signature = signature("another", w.body) }),
		refused("Header parameters", "Content-Type missing", 400, "1101", face, func(w *written) { w.contentType = "" }),
		refused("Header parameters", "Content-Type not application/json", 400, "1101", face, func(w *written) { w.contentType = "multipart/form-data" }),
		refused("Path parameters", "id of no session", 404, "1101", face, func(w *written) { w.path = "/v1/sessions/" + apiKey + "/media" }),

		// Body parameters: the six examples
		taken("Body parameters", "media_document_front", imageJSON("document-front", "image/jpeg", jpegOf(8, 8), `,"timestamp":"2025-01-01T10:00:00Z"`), nil),
		taken("Body parameters", "media_document_back", imageJSON("document-back", "image/png", pngOf(1, 1), `,"timestamp":"2025-01-01T10:00:15Z"`), nil),
		taken("Body parameters", "media_selfie_face", imageJSON("face", "image/jpeg", jpegOf(8, 8), `,"timestamp":"2025-01-01T10:01:00Z"`), nil),
		taken("Body parameters", "media_proof_of_address", imageJSON("address-front", "image/jpeg", jpegOf(8, 8), `,"timestamp":"2025-01-01T10:05:00Z"`), nil),
		taken("Body parameters", "media_without_timestamp", imageJSON("document-front", "image/jpeg", jpegOf(8, 8), ""), nil),
		taken("Body parameters", "nfcDocuments_data_upload", nfc, nil),
		refused("Body parameters", "neither of the two", 400, "1101", `{"document":{}}`, nil),
		refused("Body parameters", "no JSON", 400, "1101", "image=face", nil),

		// MediaUploadImage
		refused("MediaUploadImage", "context not in the list", 400, "1402", strings.Replace(face, `"face"`, `"passport"`, 1), nil),
		taken("MediaUploadImage", "context that Veriff has named", strings.Replace(face, `"face"`, `"passport"`, 1), nil).with(sandbox.Options{Contexts: []string{"passport"}}),
		refused("MediaUploadImage", "content not base64", 400, "1401", strings.Replace(face, ";base64,", ";base64,?", 1), nil),
		taken("MediaUploadImage", "timestamp with milliseconds", imageJSON("face", "image/jpeg", jpegOf(8, 8), `,"timestamp":"2020-01-01T00:00:00.000Z"`), nil),
		taken("MediaUploadImage", "timestamp with an offset", imageJSON("face", "image/jpeg", jpegOf(8, 8), `,"timestamp":"2020-01-01T02:00:00+0200"`), nil),
		refused("MediaUploadImage", "timestamp without an offset", 400, "1202", imageJSON("face", "image/jpeg", jpegOf(8, 8), `,"timestamp":"2020-01-01T00:00:00"`), nil),
		refused("MediaUploadImage", "timestamp of a deferred upload", 400, "1201", imageJSON("face", "image/jpeg", jpegOf(8, 8), `,"timestamp":"2020-01-01T00:00:00Z"`), nil).with(sandbox.Options{TimestampWithinHour: true}),
		{section: "MediaUploadImage", says: "timestamp as the client sends it", options: sandbox.Options{TimestampWithinHour: true}, run: func(p *page) {
			picture := upload.Image{Context: "face", File: media.File{MIMEType: "image/jpeg", Content: jpegOf(8, 8)}, Timestamp: time.Now().In(time.FixedZone("east", 7200))}
			_, err := p.client.UploadImage(p.Context(), session, picture, nil)
			require.NoError(p, err)
			picture.Timestamp = picture.Timestamp.Add(-2 * time.Hour)
			_, err = p.client.UploadImage(p.Context(), session, picture, nil)
			requireFault(p.T, err, fault.UploadRejected)
			require.Equal(p, "1201", apiError(p.T, err).Code)
			picture.Timestamp = time.Time{} // left out
			_, err = p.client.UploadImage(p.Context(), session, picture, nil)
			require.NoError(p, err)
		}},

		// NfcDocumentsUploadRequest
		refused("NfcDocumentsUploadRequest", "com not base64", 400, "1410", nfcWith("com", `"*"`), nil),
		refused("NfcDocumentsUploadRequest", "sod not base64", 400, "1410", nfcWith("sod", `"YWJj..."`), nil),
		refused("NfcDocumentsUploadRequest", "dg1 no string", 400, "1410", nfcWith("dg1", `1`), nil),
		refused("NfcDocumentsUploadRequest", "dg2 null", 400, "1410", nfcWith("dg2", `null`), nil),
		refused("NfcDocumentsUploadRequest", "a data group that is not in the list", 400, "1104", nfcWith("dg14", `"YWJj"`), nil),

		// Responses: the examples
		{section: "200", says: "document_front_success", run: func(p *page) { p.uploadImage("document-front", jpegOf(64, 64), media.Options{}) }},
		{section: "200", says: "face_upload_success", run: func(p *page) { p.uploadImage("face", jpegOf(64, 64), media.Options{}) }},
		{section: "200", says: "proof_of_address_success", run: func(p *page) { p.uploadImage("address-front", jpegOf(64, 64), media.Options{}) }},
		{section: "200", says: "nfc_data_upload_success, nfcDocument as in the example", run: uploadsNFC},
		{section: "200", says: "nfcDocuments as in the schema", options: sandbox.Options{SchemaSpelling: true}, run: uploadsNFC},
		{section: "200", says: "the answer is signed with one of several secrets", options: sandbox.Options{AnswerSecret: "the one to come"}, config: func(c *upload.Config) {
			c.VerifySecrets = []secret.Text{secret.NewText("the one before"), secret.NewText("the one to come")}
		}, run: uploadsNFC},
		{section: "200", says: "an answer signed with none of them proves nothing", options: sandbox.Options{AnswerSecret: "a stranger's"}, config: func(c *upload.Config) {
			c.VerifySecrets = []secret.Text{secret.NewText("the one before")}
		}, run: func(p *page) {
			_, err := p.client.UploadNFC(p.Context(), session, passport(), nil)
			requireFault(p.T, err, fault.UploadUncertain)
		}},
		{section: "200", says: "an answer that is not signed proves nothing", run: func(p *page) {
			p.server.Inject(sandbox.Unsigned, 1)
			_, err := p.client.UploadNFC(p.Context(), session, passport(), nil)
			requireFault(p.T, err, fault.UploadUncertain)
		}},
		refused("400", "bad_request", 400, "1101", `{}`, nil),
		refused("400", "invalid_nfc_data", 400, "1410", `{"nfcDocuments":{}}`, nil),
		refused("401", "missing_api_key", 401, "1101", face, func(w *written) { w.key = "" }),
		{section: "401", says: "to the client", config: func(c *upload.Config) { c.Secret = secret.NewText("another") }, run: func(p *page) {
			_, err := p.client.UploadNFC(p.Context(), session, passport(), nil)
			requireFault(p.T, err, fault.UploadUnauthorized)
		}},
		refused("404", "session_not_found", 404, "1101", face, func(w *written) { w.path = "/v1/sessions/another/media" }),
		refused("413", "nfc_payload_too_large", 413, "1412", nfcWith("dg2", `"`+strings.Repeat("A", 500_000)+`"`), nil),
		{section: "500", says: "server_error", run: func(p *page) {
			p.server.Inject(sandbox.ServerError, 2)
			status, answer := p.write(face, nil)
			require.Equal(p, 500, status)
			require.Equal(p, "1101", answer["code"])
			_, err := p.client.UploadNFC(p.Context(), session, passport(), nil)
			requireFault(p.T, err, fault.APIFailed)
			require.Equal(p, upload.RetryAfterCheck, upload.RetryOf(err))
		}},

		// Media compression support info
		taken("Media compression support info", "gzip", face, func(w *written) { w.sent, w.contentEncodings = gzipOf(w.body), []string{"gzip"} }),
		taken("Media compression support info", "deflate, with the header of zlib", face, func(w *written) { w.sent, w.contentEncodings = zlibOf(w.body), []string{"deflate"} }),
		taken("Media compression support info", "deflate, bare", face, func(w *written) { w.sent, w.contentEncodings = deflateOf(w.body), []string{"deflate"} }),
		{section: "Media compression support info", says: "saves 25 to 35 % with pictures", run: func(p *page) {
			receipt := p.uploadImage("face", append(jpegOf(64, 64), randomBytes(7, 1<<20)...), media.Options{})
			require.InDelta(p, 0.75, float64(receipt.SentBytes)/float64(receipt.BodyBytes), 0.01)
		}},
		{section: "Operation order", says: "signed, then compressed; it unpacks to what was signed", run: func(p *page) {
			receipt := p.uploadImage("face", jpegOf(640, 480), media.Options{})
			require.Less(p, receipt.SentBytes, receipt.BodyBytes)
		}},
		refused("Request headers", "lower-case hexadecimal only", 401, "1815", face, func(w *written) { w.signature = strings.ToUpper(w.signature) }),
		refused("Request headers", "no prefix", 401, "1815", face, func(w *written) { w.signature = "sha256=" + w.signature }),

		// Common mistakes
		refused("Common mistakes", "signing the compressed bytes", 401, "1815", face, func(w *written) {
			w.sent, w.contentEncodings = gzipOf(w.body), []string{"gzip"}
			w.signature = signature(apiSecret, w.sent)
		}),
		refused("Common mistakes", "gzip stated, not compressed", 400, "1101", face, func(w *written) { w.contentEncodings = []string{"gzip"} }),
		refused("Common mistakes", "deflate stated, not compressed", 400, "1101", face, func(w *written) { w.contentEncodings = []string{"deflate"} }),
		refused("Common mistakes", "gzip stated, deflate sent", 400, "1101", face, func(w *written) { w.sent, w.contentEncodings = zlibOf(w.body), []string{"gzip"} }),
		refused("Common mistakes", "compressed, not stated", 401, "1815", face, func(w *written) { w.sent = gzipOf(w.body) }),
		refused("Common mistakes", "json= with compressed bytes: serialized again", 401, "1815", face, func(w *written) {
			again, err := json.Marshal(gzipOf(w.body))
			require.NoError(t, err)
			w.sent = again
		}),
		refused("Common mistakes", "double compression", 401, "1815", face, func(w *written) { w.sent, w.contentEncodings = gzipOf(gzipOf(w.body)), []string{"gzip"} }),
	}
	for _, encodings := range [][]string{{"gzip, deflate"}, {"deflate, gzip"}, {"gzip", "deflate"}, {"br"}, {"identity"}} {
		rows = append(rows, refused("Common mistakes", fmt.Sprint("unsupported or combined ", encodings), 415, "1101", face, func(w *written) {
			w.sent, w.contentEncodings = gzipOf(w.body), encodings
		}))
	}
	for _, context := range media.Contexts() {
		rows = append(rows, uploaded("MediaUploadImage", "context "+context, context, jpegOf(8, 8)))
	}
	return rows
}

func uploadsNFC(p *page) {
	receipt, err := p.client.UploadNFC(p.Context(), session, passport(), nil)
	require.NoError(p, err)
	kept := p.server.Media(session)
	require.Equal(p, upload.Receipt{
		MediaID: kept[0].ID, SessionID: session, Name: "document-nfc", Context: "document-nfc", MIMEType: "application/octet-stream",
		Size: 22 + 1843 + 93 + 18432, BodyBytes: receipt.BodyBytes, SentBytes: receipt.SentBytes,
	}, receipt)
	require.Equal(p, passport(), upload.NFCDocuments{COM: kept[0].COM, SOD: kept[0].SOD, DG1: kept[0].DG1, DG2: kept[0].DG2})
}
