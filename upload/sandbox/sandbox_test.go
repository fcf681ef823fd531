package sandbox_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/upload/sandbox"
)

const (
	session  = "f04bdb47-d3be-4b28-b028-a652feb060b5"
	deadline = 20 * time.Second
)

// start runs a sandbox with one open session and reports its events.
func start(t *testing.T, options sandbox.Options) (*sandbox.Server, string, chan sandbox.Event) {
	t.Helper()
	events := make(chan sandbox.Event, 100)
	options.Observe = func(e sandbox.Event) { events <- e }
	s := sandbox.New(options)
	s.AddSession(session)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL, events
}

func next(t *testing.T, events chan sandbox.Event) sandbox.Event {
	t.Helper()
	select {
	case e := <-events:
		return e
	case <-time.After(deadline):
		require.FailNow(t, "no event")
		return sandbox.Event{}
	}
}

func hexMAC(secret string, data []byte) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

// call is one raw request: a changed copy of a correct one.
type call struct {
	method, url string
	header      http.Header
	body        []byte
}

// correct returns a request as the page asks for it.
func correct(method, url string, body []byte) call {
	return call{method, url, http.Header{
		"X-Auth-Client":    {sandbox.DemoAPIKey},
		"X-Hmac-Signature": {hexMAC(sandbox.DemoSecret, body)},
		"Content-Type":     {"application/json"},
	}, body}
}

type result struct {
	status int
	header http.Header
	raw    []byte
	fields map[string]any
}

func (c call) do(t *testing.T) result {
	t.Helper()
	r, err := c.try(t)
	require.NoError(t, err)
	if strings.HasPrefix(r.header.Get("Content-Type"), "application/json") {
		require.NoError(t, json.Unmarshal(r.raw, &r.fields))
	}
	return r
}

func (c call) try(t *testing.T) (result, error) {
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, c.method, c.url, bytes.NewReader(c.body))
	require.NoError(t, err)
	request.Header = c.header
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return result{}, err
	}
	defer func() { require.NoError(t, response.Body.Close()) }()
	raw, err := io.ReadAll(response.Body)
	return result{status: response.StatusCode, header: response.Header, raw: raw}, err
}

func nfc(com, sod, dg1, dg2 []byte) []byte {
	e := base64.StdEncoding.EncodeToString
	return fmt.Appendf(nil, `{"nfcDocuments":{"com":"%s","sod":"%s","dg1":"%s","dg2":"%s"}}`, e(com), e(sod), e(dg1), e(dg2))
}

var (
	com   = []byte("\x60\x14com")
	sod   = []byte("\x77\x05sod..")
	dg1   = []byte("\x61\x03dg1")
	dg2   = []byte("\x75\x06dg2...")
	valid = nfc(com, sod, dg1, dg2)
)

// picture is the base64 of a PNG file of that size.
func picture(width, height int) string {
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(out.Bytes())
}

func mediaURL(base string) string { return base + "/v1/sessions/" + session + "/media" }

func requireSigned(t *testing.T, r result) {
	t.Helper()
	require.Equal(t, hexMAC(sandbox.DemoSecret, r.raw), r.header.Get("x-hmac-signature"))
	require.Equal(t, sandbox.DemoAPIKey, r.header.Get("x-auth-client"))
	require.Equal(t, "application/json", r.header.Get("Content-Type"))
}

func requireRefusal(t *testing.T, r result, status int, code string) {
	t.Helper()
	require.Equal(t, status, r.status, "%s", r.raw)
	require.Equal(t, "fail", r.fields["status"])
	require.Equal(t, code, r.fields["code"], "%s", r.raw)
	text := "message"
	if strings.HasPrefix(code, "141") {
		text = "error"
	}
	require.NotEmpty(t, r.fields[text])
	if status == http.StatusUnauthorized {
		require.Empty(t, r.header.Values("x-hmac-signature"), "the page shows no signature on a 401")
		return
	}
	require.Equal(t, hexMAC(sandbox.DemoSecret, r.raw), r.header.Get("x-hmac-signature"))
}

func TestAcceptedUploadIsAnsweredAndKeptAsThePageSays(t *testing.T) {
	s, base, events := start(t, sandbox.Options{})
	r := correct("POST", mediaURL(base), valid).do(t)
	require.Equal(t, 200, r.status)
	requireSigned(t, r)
	require.Equal(t, "success", r.fields["status"])
	stored := r.fields["nfcDocument"].(map[string]any)
	kept := s.Media(session)
	require.Len(t, kept, 1)
	require.Equal(t, com, kept[0].COM)
	require.Equal(t, sod, kept[0].SOD)
	require.Equal(t, dg1, kept[0].DG1)
	require.Equal(t, dg2, kept[0].DG2)
	require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, kept[0].ID)
	require.Equal(t, map[string]any{
		"id": kept[0].ID, "name": "document-nfc", "context": "document-nfc", "timestamp": nil,
		"size": float64(len(com) + len(sod) + len(dg1) + len(dg2)), "mimetype": "application/octet-stream",
		"url": base + "/v1/media/" + kept[0].ID, "sessionId": session,
	}, stored)

	require.Equal(t, sandbox.Event{
		Method: "POST", Route: "/v1/sessions/{id}/media", SessionID: session, MediaID: kept[0].ID,
		Status: 200, ReceivedBytes: len(valid), BodyBytes: len(valid),
	}, next(t, events))
}

func TestAnswersInTheOtherDocumentedSpellings(t *testing.T) {
	_, base, _ := start(t, sandbox.Options{SchemaSpelling: true, NumericCodes: true, SizeReading: sandbox.ReadingBase64})
	stored := correct("POST", mediaURL(base), valid).do(t).fields["nfcDocuments"].(map[string]any)
	require.Equal(t, float64(8+12+8+12), stored["size"])
	require.Equal(t, float64(1410), correct("POST", mediaURL(base), []byte(`{"nfcDocuments":{}}`)).do(t).fields["code"])
}

// Every way in which the page lets a request fail for its headers.
func TestHeadersThatThePageRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*call)
		status int
		code   string
	}{
		"no API key":              {func(c *call) { c.header.Del("X-Auth-Client") }, 401, "1101"},
		"API key that is no UUID": {func(c *call) { c.header.Set("X-Auth-Client", "your-api-key") }, 401, "1802"},
		"long API key":            {func(c *call) { c.header.Set("X-Auth-Client", strings.Repeat("z", 36)) }, 401, "1802"},
		"API key without dashes":  {func(c *call) { c.header.Set("X-Auth-Client", strings.Repeat("a", 36)) }, 401, "1802"},
		"unknown API key":         {func(c *call) { c.header.Set("X-Auth-Client", session) }, 401, "1803"},
		"no signature":            {func(c *call) { c.header.Del("X-Hmac-Signature") }, 401, "1815"},
		"two signatures":          {func(c *call) { c.header.Add("X-Hmac-Signature", "00") }, 401, "1815"},
		"signature of another secret": {func(c *call) {
			c.header.Set("X-Hmac-Signature", hexMAC("another", c.body))
		}, 401, "1815"},
		"upper-case signature": {func(c *call) {
			c.header.Set("X-Hmac-Signature", strings.ToUpper(hexMAC(sandbox.DemoSecret, c.body)))
		}, 401, "1815"},
		"signature over the session id": {func(c *call) {
			c.header.Set("X-Hmac-Signature", hexMAC(sandbox.DemoSecret, []byte(session)))
		}, 401, "1815"},
		"signature over the compressed bytes": {func(c *call) {
			c.body = gzipped(t, c.body)
			c.header.Set("Content-Encoding", "gzip")
			c.header.Set("X-Hmac-Signature", hexMAC(sandbox.DemoSecret, c.body))
		}, 401, "1815"},
		"compressed without saying so": {func(c *call) { c.body = gzipped(t, c.body) }, 401, "1815"},
		"gzip that is none":            {func(c *call) { c.header.Set("Content-Encoding", "gzip") }, 400, "1101"},
		"deflate that is none":         {func(c *call) { c.header.Set("Content-Encoding", "deflate") }, 400, "1101"},
		"gzip with bytes after it": {func(c *call) {
			c.body = append(gzipped(t, c.body), "more"...)
			c.header.Set("Content-Encoding", "gzip")
		}, 400, "1101"},
		"raw deflate with bytes after it": {func(c *call) {
			c.body = append(deflated(t, c.body), 0, 0)
			c.header.Set("Content-Encoding", "deflate")
		}, 400, "1101"},
		"gzip cut off": {func(c *call) {
			c.body = gzipped(t, c.body)
			c.body = c.body[:len(c.body)-5]
			c.header.Set("Content-Encoding", "gzip")
		}, 400, "1101"},
		"br":            {func(c *call) { c.header.Set("Content-Encoding", "br") }, 415, "1101"},
		"identity":      {func(c *call) { c.header.Set("Content-Encoding", "identity") }, 415, "1101"},
		"gzip, deflate": {func(c *call) { c.header.Set("Content-Encoding", "gzip, deflate") }, 415, "1101"},
		"deflate, gzip": {func(c *call) { c.header.Set("Content-Encoding", "deflate, gzip") }, 415, "1101"},
		"two encodings": {func(c *call) { c.header["Content-Encoding"] = []string{"gzip", "deflate"} }, 415, "1101"},
		"text/plain":    {func(c *call) { c.header.Set("Content-Type", "text/plain") }, 400, "1101"},
		"no type":       {func(c *call) { c.header.Del("Content-Type") }, 400, "1101"},
	} {
		t.Run(name, func(t *testing.T) {
			s, base, events := start(t, sandbox.Options{})
			c := correct("POST", mediaURL(base), valid)
			test.change(&c)
			requireRefusal(t, c.do(t), test.status, test.code)
			require.Empty(t, s.Media(session))
			e := next(t, events)
			require.Equal(t, test.status, e.Status)
			require.Equal(t, test.code, e.Code)
			require.Empty(t, e.MediaID)
		})
	}
}

func gzipped(t *testing.T, data []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	pack(t, w, data)
	return out.Bytes()
}

func deflated(t *testing.T, data []byte) []byte {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	require.NoError(t, err)
	pack(t, w, data)
	return out.Bytes()
}

func zlibbed(t *testing.T, data []byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	pack(t, w, data)
	return out.Bytes()
}

func pack(t *testing.T, w io.WriteCloser, data []byte) {
	_, err := w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
}

func TestCompressedBodiesAreSignedUncompressed(t *testing.T) {
	s, base, events := start(t, sandbox.Options{})
	for i, packed := range []struct {
		encoding string
		bytes    []byte
	}{{"gzip", gzipped(t, valid)}, {"deflate", zlibbed(t, valid)}, {"deflate", deflated(t, valid)}} {
		c := correct("POST", mediaURL(base), valid)
		c.body = packed.bytes
		c.header.Set("Content-Encoding", packed.encoding)
		c.header.Set("Content-Type", "application/json; charset=utf-8")
		require.Equal(t, 200, c.do(t).status)
		require.Equal(t, dg2, s.Media(session)[i].DG2)
		e := next(t, events)
		require.Equal(t, packed.encoding, e.Encoding)
		require.Equal(t, len(packed.bytes), e.ReceivedBytes)
		require.Equal(t, len(valid), e.BodyBytes)
	}
}

// A body above 32 MiB, compressed or not, is refused before anything else is
// looked at; its signature is of no account.
func TestDecompressionIsBounded(t *testing.T) {
	s, base, _ := start(t, sandbox.Options{})
	const size = 33 << 20
	var zlibBomb bytes.Buffer
	w, err := zlib.NewWriterLevel(&zlibBomb, zlib.BestSpeed)
	require.NoError(t, err)
	pack(t, w, make([]byte, size))
	gzipBomb := bytes.Repeat(gzipped(t, make([]byte, 1<<20)), size>>20) // members in a row are one stream
	for encoding, packed := range map[string][]byte{"gzip": gzipBomb, "deflate": zlibBomb.Bytes(), "": make([]byte, size)} {
		c := correct("POST", mediaURL(base), valid)
		c.body = packed
		if encoding != "" {
			c.header.Set("Content-Encoding", encoding)
		}
		r, err := c.try(t)
		if encoding == "" && err != nil {
			continue // the server may hang up on a body that it does not read to its end
		}
		require.NoError(t, err)
		require.Equal(t, 413, r.status)
	}
	require.Empty(t, s.Media(session))
}

// Every way in which the page lets a body fail.
func TestBodiesThatThePageRefuses(t *testing.T) {
	with := func(field, value string) string {
		fields := map[string]string{"com": `"YWJj"`, "sod": `"YWJj"`, "dg1": `"YWJj"`, "dg2": `"YWJj"`}
		fields[field] = value
		var list []string
		for name, value := range fields {
			if value != "" {
				list = append(list, strconv.Quote(name)+":"+value)
			}
		}
		return `{"nfcDocuments":{` + strings.Join(list, ",") + `}}`
	}
	type body struct{ code, text string }
	bodies := map[string]body{
		"no JSON":                {"1101", `com=YWJj`},
		"empty":                  {"1101", ``},
		"cut off":                {"1101", string(valid[:len(valid)-1])},
		"cut off in a name":      {"1101", `{"nfcDo`},
		"more after the object":  {"1101", string(valid) + "{}"},
		"an array":               {"1101", `[]`},
		"an empty object":        {"1101", `{}`},
		"unknown member":         {"1101", `{"nfcData":{}}`},
		"the reply's spelling":   {"1101", strings.Replace(string(valid), "nfcDocuments", "nfcDocument", 1)},
		"image and nfcDocuments": {"1101", `{"image":{"context":"face","content":"` + picture(10, 10) + `"},` + string(valid[1:])},
		"nfcDocuments twice":     {"1101", strings.TrimSuffix(string(valid), "}") + "," + string(valid[1:])},
		"nfcDocuments an array":  {"1410", `{"nfcDocuments":[{"com":"YWJj","sod":"YWJj","dg1":"YWJj","dg2":"YWJj"}]}`},
		"nfcDocuments null":      {"1410", `{"nfcDocuments":null}`},
		"a further data group":   {"1104", with("dg14", `"YWJj"`)},
		"image no object":        {"1400", `{"image":"YWJj"}`},
		"image without context":  {"1403", `{"image":{"content":"YWJj"}}`},
		"image without content":  {"1403", `{"image":{"context":"face"}}`},
		"image with more":        {"1104", `{"image":{"context":"face","content":"YWJj","name":"face"}}`},
		"image as document-nfc":  {"1402", `{"image":{"context":"document-nfc","content":"YWJj"}}`},
		"image not base64":       {"1401", `{"image":{"context":"face","content":"data:image/png;base64,*"}}`},
		"image URI not base64":   {"1401", `{"image":{"context":"face","content":"data:image/png,YWJj"}}`},
		"image of no format":     {"1101", `{"image":{"context":"face","content":"YWJj"}}`},
		"image of another":       {"1101", `{"image":{"context":"face","content":"data:image/webp;base64,` + picture(10, 10) + `"}}`},
		"image without a size":   {"1101", `{"image":{"context":"face","content":"data:image/png;base64,iVBORw0KGgoAAAAN"}}`},
		"image too long":         {"1101", `{"image":{"context":"face","content":"` + picture(1921, 1) + `"}}`},
		"image too high":         {"1101", `{"image":{"context":"face","content":"` + picture(1, 1921) + `"}}`},
		"image timestamp number": {"1202", `{"image":{"context":"face","content":"` + picture(10, 10) + `","timestamp":1}}`},
		"image timestamp date":   {"1202", `{"image":{"context":"face","content":"` + picture(10, 10) + `","timestamp":"2025-01-01"}}`},
	}
	for _, field := range []string{"com", "sod", "dg1", "dg2"} {
		bodies[field+" missing"] = body{"1410", with(field, "")}
		bodies[field+" null"] = body{"1410", with(field, "null")}
		bodies[field+" a number"] = body{"1410", with(field, "1")}
		bodies[field+" empty"] = body{"1410", with(field, `""`)}
		bodies[field+" unpadded"] = body{"1410", with(field, `"YWI"`)}
		bodies[field+" in the URL alphabet"] = body{"1410", with(field, `"-_-_"`)}
		bodies[field+" with a line break"] = body{"1410", with(field, `"YW\nJj"`)}
		bodies[field+" with stray bits"] = body{"1410", with(field, `"YWJ="`)}
		bodies[field+" as data URI"] = body{"1410", with(field, `"data:application/octet-stream;base64,YWJj"`)}
	}
	s, base, _ := start(t, sandbox.Options{})
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			requireRefusal(t, correct("POST", mediaURL(base), []byte(body.text)).do(t), 400, body.code)
			require.Empty(t, s.Media(session))
		})
	}
}

// Each reading of '500KB' is met exactly: one byte more is refused.
func TestSizeLimit(t *testing.T) {
	const overhead = len(`{"nfcDocuments":{"com":"AAAA","sod":"AAAA","dg1":"AAAA","dg2":""}}`)
	b64 := func(n int) string { return strings.Repeat("A", n) }
	build := func(dg2 string, spaces int) []byte {
		return []byte(`{"nfcDocuments":{"com":"AAAA","sod":"AAAA","dg1":"AAAA","dg2":"` + dg2 + `"}}` + strings.Repeat(" ", spaces))
	}
	pad := (500_000 - overhead) % 4
	fitting := (500_000 - overhead) - pad
	for _, test := range []struct {
		reading sandbox.Reading
		fits    []byte
		over    []byte
	}{
		{"", build(b64(fitting), pad), build(b64(fitting), pad+1)},
		{sandbox.ReadingBody, build(b64(fitting), pad), build(b64(fitting), pad+1)},
		{sandbox.ReadingBase64, build(b64(500_000-12), 0), build(b64(500_000-8), 0)},
		{sandbox.ReadingRaw, build(base64.StdEncoding.EncodeToString(make([]byte, 512_000-9)), 0), build(base64.StdEncoding.EncodeToString(make([]byte, 512_000-8)), 0)},
	} {
		t.Run(string(test.reading), func(t *testing.T) {
			s, base, _ := start(t, sandbox.Options{LimitReading: test.reading})
			require.Equal(t, 200, correct("POST", mediaURL(base), test.fits).do(t).status)
			requireRefusal(t, correct("POST", mediaURL(base), test.over).do(t), 413, "1412")
			require.Len(t, s.Media(session), 1)
		})
	}
}

func TestSessionMustBeKnownAndOpen(t *testing.T) {
	s, base, _ := start(t, sandbox.Options{})
	requireRefusal(t, correct("POST", base+"/v1/sessions/unknown/media", valid).do(t), 404, "1101")
	require.Equal(t, 200, correct("POST", mediaURL(base), valid).do(t).status)
	s.Submit(session)
	s.Submit("unknown")
	require.True(t, s.Submitted(session))
	require.False(t, s.Submitted("unknown"))
	requireRefusal(t, correct("POST", mediaURL(base), valid).do(t), 409, "1101")
	require.Len(t, s.Media(session), 1)
	requireRefusal(t, correct("GET", base+"/v1/elsewhere", nil).do(t), 404, "1101")
}

func TestAnySessionIsKnownWhereAsked(t *testing.T) {
	s, base, _ := start(t, sandbox.Options{AnySession: true})
	const odd = "a/b ü?"
	require.Equal(t, 200, correct("POST", base+"/v1/sessions/"+url.PathEscape(odd)+"/media", valid).do(t).status)
	require.Len(t, s.Media(odd), 1)
	require.Nil(t, s.Media("never used"))
}

func TestImageUploadIsKept(t *testing.T) {
	s, base, _ := start(t, sandbox.Options{})
	encoded := picture(1920, 2)
	content, err := base64.StdEncoding.DecodeString(encoded)
	require.NoError(t, err)
	for _, text := range []string{encoded, "data:image/png;base64," + encoded} {
		body := `{"image":{"context":"document-front","content":"` + text + `","timestamp":"2025-01-01T10:00:00Z"}}`
		r := correct("POST", mediaURL(base), []byte(body)).do(t)
		require.Equal(t, 200, r.status)
		image := r.fields["image"].(map[string]any)
		require.Equal(t, "image/png", image["mimetype"])
		require.Equal(t, "document-front", image["context"])
		require.Equal(t, float64(len(content)), image["size"])
	}
	require.Len(t, s.Media(session), 2)
	require.Equal(t, content, s.Media(session)[1].Content)
}

// A newcomer can walk the whole way: create, upload, list, submit.
func TestLifeOfASession(t *testing.T) {
	s, base, _ := start(t, sandbox.Options{})
	create := correct("POST", base+"/v1/sessions", []byte(`{"verification":{"vendorData":"case 7"}}`))
	create.header.Del("X-Hmac-Signature")
	r := create.do(t)
	require.Equal(t, 201, r.status)
	requireSigned(t, r)
	created := r.fields["verification"].(map[string]any)
	require.Equal(t, "created", created["status"])
	require.Equal(t, "case 7", created["vendorData"])
	id := created["id"].(string)

	require.Equal(t, 200, correct("POST", base+"/v1/sessions/"+id+"/media", valid).do(t).status)
	image := []byte(`{"image":{"context":"face","content":"` + picture(10, 10) + `"}}`)
	require.Equal(t, 200, correct("POST", base+"/v1/sessions/"+id+"/media", image).do(t).status)

	list := correct("GET", base+"/v1/sessions/"+id+"/media", nil)
	requireRefusal(t, list.do(t), 401, "1818") // signed over the empty body
	list.header.Set("X-Hmac-Signature", hexMAC(sandbox.DemoSecret, []byte(id)))
	r = list.do(t)
	require.Equal(t, 200, r.status)
	requireSigned(t, r)
	require.Equal(t, s.Media(id)[0].ID, r.fields["nfcDocuments"].([]any)[0].(map[string]any)["id"])
	require.Equal(t, "face", r.fields["images"].([]any)[0].(map[string]any)["context"])
	require.Empty(t, r.fields["videos"])

	submit := correct("PATCH", base+"/v1/sessions/"+id, []byte(`{"verification":{"status":"submitted"}}`))
	r = submit.do(t)
	require.Equal(t, 200, r.status)
	requireSigned(t, r)
	require.Equal(t, "submitted", r.fields["verification"].(map[string]any)["status"])
	require.True(t, s.Submitted(id))
	requireRefusal(t, submit.do(t), 400, "1304")
	requireRefusal(t, correct("POST", base+"/v1/sessions/"+id+"/media", valid).do(t), 409, "1101")
}

func TestSessionRequestsThatAreRefused(t *testing.T) {
	_, base, _ := start(t, sandbox.Options{})
	patch := func(id, body string) call { return correct("PATCH", base+"/v1/sessions/"+id, []byte(body)) }
	requireRefusal(t, patch(session, `no`).do(t), 400, "1101")
	requireRefusal(t, patch(session, `{}`).do(t), 400, "1102")
	requireRefusal(t, patch(session, `{"verification":{"status":"approved"}}`).do(t), 400, "1303")
	requireRefusal(t, patch("unknown", `{"verification":{"status":"submitted"}}`).do(t), 404, "1101")
	wrong := patch(session, `{"verification":{"status":"submitted"}}`)
	wrong.header.Set("X-Hmac-Signature", hexMAC(sandbox.DemoSecret, []byte(session)))
	requireRefusal(t, wrong.do(t), 401, "1815")

	create := func(body string) call { return correct("POST", base+"/v1/sessions", []byte(body)) }
	requireRefusal(t, create(`no`).do(t), 400, "1101")
	requireRefusal(t, create(`{}`).do(t), 400, "1102")
	requireRefusal(t, create(`{"verification":{"vendorData":7}}`).do(t), 400, "1501")
	requireRefusal(t, create(`{"verification":{"vendorData":"`+strings.Repeat("ü", 1001)+`"}}`).do(t), 400, "1500")
	require.Equal(t, 201, create(`{"verification":{"vendorData":"`+strings.Repeat("ü", 1000)+`"}}`).do(t).status)
	requireRefusal(t, create(`{"verification":{"callback":"http://example.com"}}`).do(t), 400, "1302")
	requireRefusal(t, create(`{"verification":{"endUserId":"me"}}`).do(t), 400, "1104")
	wrong = create(`{"verification":{}}`)
	wrong.header.Set("X-Hmac-Signature", hexMAC("another", wrong.body))
	requireRefusal(t, wrong.do(t), 401, "1815")

	for _, below := range []string{"/media", "/decision"} {
		get := correct("GET", base+"/v1/sessions/unknown"+below, nil)
		get.header.Set("X-Hmac-Signature", hexMAC(sandbox.DemoSecret, []byte("unknown")))
		requireRefusal(t, get.do(t), 404, "1101")
	}
}

// A decision is asked for until it is there; what is decided or over takes no
// media and is not submitted again.
func TestDecisions(t *testing.T) {
	s, base, _ := start(t, sandbox.Options{})
	get := correct("GET", base+"/v1/sessions/"+session+"/decision", nil)
	requireRefusal(t, get.do(t), 401, "1818")
	get.header.Set("X-Hmac-Signature", hexMAC(sandbox.DemoSecret, []byte(session)))
	submit := correct("PATCH", base+"/v1/sessions/"+session, []byte(`{"verification":{"status":"submitted"}}`))
	for status, code := range map[string]int{
		"created": 0, "started": 0, "submitted": 0, "approved": 9001, "declined": 9102, "resubmission_requested": 9103, "review": 9121, "expired": 9104, "abandoned": 9104,
	} {
		require.NoError(t, s.SetStatus(session, status))
		r := get.do(t)
		require.Equal(t, 200, r.status)
		requireSigned(t, r)
		open := status == "created" || status == "started"
		require.Equal(t, !open && status != "expired" && status != "abandoned", s.Submitted(session), status)
		if code == 0 {
			require.Contains(t, r.fields, "verification")
			require.Nil(t, r.fields["verification"])
		} else {
			decided := r.fields["verification"].(map[string]any)
			require.Equal(t, session, decided["id"])
			require.Equal(t, status, decided["status"])
			require.Equal(t, float64(code), decided["code"])
			require.Equal(t, false, decided["document"].(map[string]any)["nfcValidated"])
		}
		if !open {
			requireRefusal(t, correct("POST", mediaURL(base), valid).do(t), 409, "1101")
			requireRefusal(t, submit.do(t), 400, "1304")
		}
	}
	require.Error(t, s.SetStatus(session, "lost"))
	require.Error(t, s.SetStatus("unknown", "created"))

	s, base, _ = start(t, sandbox.Options{Decide: "declined"})
	require.Equal(t, 200, correct("POST", mediaURL(base), valid).do(t).status)
	require.Equal(t, 200, correct("PATCH", base+"/v1/sessions/"+session, []byte(`{"verification":{"status":"submitted"}}`)).do(t).status)
	get.url = base + "/v1/sessions/" + session + "/decision"
	decided := get.do(t).fields["verification"].(map[string]any)
	require.Equal(t, "declined", decided["status"])
	require.Equal(t, true, decided["document"].(map[string]any)["nfcValidated"])
	require.True(t, s.Submitted(session))
	require.Equal(t, []string{session}, s.Sessions())
}

func TestNamesOnTheCommandLine(t *testing.T) {
	for _, f := range sandbox.Faults() {
		parsed, err := sandbox.ParseFault(string(f))
		require.NoError(t, err)
		require.Equal(t, f, parsed)
	}
	_, err := sandbox.ParseFault("earthquake")
	require.ErrorContains(t, err, "earthquake")
	_, err = sandbox.ParseFault("")
	require.Error(t, err)
	for _, r := range []sandbox.Reading{sandbox.ReadingBody, sandbox.ReadingBase64, sandbox.ReadingRaw} {
		parsed, err := sandbox.ParseReading(string(r))
		require.NoError(t, err)
		require.Equal(t, r, parsed)
	}
	_, err = sandbox.ParseReading("gzip")
	require.ErrorContains(t, err, "gzip")
	for _, r := range []sandbox.Request{sandbox.Upload, sandbox.Create, sandbox.Submit, sandbox.List, sandbox.Decision} {
		parsed, err := sandbox.ParseRequest(string(r))
		require.NoError(t, err)
		require.Equal(t, r, parsed)
	}
	_, err = sandbox.ParseRequest("delete")
	require.ErrorContains(t, err, "delete")
	require.NoError(t, sandbox.ParseDecision("approved"))
	require.ErrorContains(t, sandbox.ParseDecision("submitted"), "submitted")
}

func TestServeEndsWithItsContextAlsoWhileARequestStalls(t *testing.T) {
	events := make(chan sandbox.Event, 10)
	s := sandbox.New(sandbox.Options{Observe: func(e sandbox.Event) { events <- e }})
	s.AddSession(session)
	s.Inject(sandbox.Stall, sandbox.Always)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	served, answered := make(chan error, 1), make(chan error, 1)
	go func() { served <- s.Serve(ctx, listener) }()
	go func() {
		_, err := correct("POST", mediaURL("http://"+listener.Addr().String()), valid).try(t)
		answered <- err
	}()
	require.True(t, next(t, events).Stalled)
	cancel()
	for _, ended := range []struct {
		c    chan error
		fail bool
	}{{served, false}, {answered, true}} {
		select {
		case err := <-ended.c:
			require.Equal(t, ended.fail, err != nil, "%v", err)
		case <-time.After(deadline):
			require.FailNow(t, "still serving")
		}
	}
	require.Error(t, s.Serve(t.Context(), listener), "the listener is closed")
}
