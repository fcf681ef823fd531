package main

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/lds"
	"passport-agent/internal/canary"
	"passport-agent/internal/fault"
	"passport-agent/internal/folder"
	"passport-agent/tap"
	"passport-agent/upload/sandbox"
	"passport-agent/virtual"
)

// serviceWith is a sandbox with one session, and the environment that leads to it.
func serviceWith(t *testing.T, options sandbox.Options) (*sandbox.Server, map[string]string) {
	t.Helper()
	server := sandbox.New(options)
	server.AddSession(session)
	listening := httptest.NewServer(server)
	t.Cleanup(func() { server.Release(); listening.CloseClientConnections(); listening.Close() })
	return server, map[string]string{
		"PASSPORT_AGENT_API_URL": listening.URL, "PASSPORT_AGENT_API_KEY": sandbox.DemoAPIKey, "PASSPORT_AGENT_API_SECRET": sandbox.DemoSecret,
	}
}

// picture writes a grey picture and returns its path.
func picture(t *testing.T, name string, width, height int) string {
	t.Helper()
	var out bytes.Buffer
	m := image.NewGray(image.Rect(0, 0, width, height))
	if strings.HasSuffix(name, ".png") {
		require.NoError(t, png.Encode(&out, m))
	} else {
		require.NoError(t, jpeg.Encode(&out, m, nil))
	}
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, out.Bytes(), 0o600))
	return path
}

func TestUploadImages(t *testing.T) {
	s, env := service(t)
	fits, large := picture(t, "page.jpg", 640, 480), picture(t, "large.png", 2400, 120)
	args := []string{"upload", "image", "--session", session, "--context", "document-front"}
	o := command(t, env, "", append(args, fits, large, "--timestamp", "now", "--json")...)
	require.Zero(t, o.exit, o.err)
	var report imagesReport
	o.document(t, &report)
	kept := s.Media(session)
	require.Len(t, kept, 2)
	content, err := os.ReadFile(fits)
	require.NoError(t, err)
	require.Equal(t, content, kept[0].Content, "byte for byte")
	for i, want := range []imageReport{{Width: 640, Height: 480}, {Width: 1920, Height: 96, Scaled: true}} {
		got := report.Images[i]
		require.Equal(t, tap.Upload{State: tap.UploadAccepted, SessionID: session, MediaID: kept[i].ID, Size: int64(len(kept[i].Content)), MIMEType: kept[i].MIMEType}, got.Upload)
		require.Positive(t, got.Sent)
		got.Upload, got.Sent = tap.Upload{}, 0
		require.Equal(t, want, got)
		require.Equal(t, "document-front", kept[i].Context)
	}
	require.Contains(t, o.err, "large.png was too large: made 1920 x 96 pixels")
	require.Regexp(t, `page\.jpg: \d+ bytes sent in \d+\.\d\d s \(\d+\.\d kB/s\)`, o.err)

	o = command(t, env, "", append(args, fits, large)...)
	require.Zero(t, o.exit, o.err)
	require.Equal(t, 2, strings.Count(o.out, "Picture   ✓ accepted  session "+session))
	require.Empty(t, command(t, env, "", append(args, fits, "--quiet", "--json")...).err)
}

// A mistake in the last file keeps the first from being sent, too.
func TestUploadImagesThatAreRefusedHere(t *testing.T) {
	s, env := service(t)
	fits, large, text := picture(t, "page.jpg", 640, 480), picture(t, "large.png", 2400, 120), filepath.Join(t.TempDir(), "a.jpg")
	require.NoError(t, os.WriteFile(text, []byte("%PDF-1.7"), 0o600))
	for code, more := range map[fault.Code][]string{fault.ResizeForbidden: {"--no-resize", large}, fault.PDFDisabled: {text}} {
		o := command(t, env, "", append([]string{"upload", "image", "--session", session, "--context", "face", "--json", fits}, more...)...)
		require.Equal(t, fault.ExitRefused, o.exit)
		var report imagesReport
		o.document(t, &report)
		require.Equal(t, code, report.Error.Code)
		require.Contains(t, report.Error.Message, filepath.Base(more[len(more)-1]))
		require.Equal(t, tap.UploadNone, report.Images[0].Upload.State)
		require.Equal(t, tap.UploadRefused, report.Images[1].Upload.State)
	}
	require.Empty(t, s.Media(session))

	s, env = serviceWith(t, sandbox.Options{PDF: true, Contexts: []string{"passport"}})
	env["PASSPORT_AGENT_PDF"], env["PASSPORT_AGENT_EXTRA_CONTEXTS"] = "true", "passport"
	require.Zero(t, command(t, env, "", "upload", "image", "--session", session, "--context", "passport", text).exit)
	require.Equal(t, "application/pdf", s.Media(session)[0].MIMEType)
}

// Where one of several fails, the report tells which were taken.
func TestUploadImagesUpToAFault(t *testing.T) {
	for f, want := range map[sandbox.Fault]struct {
		state string
		code  fault.Code
		exit  int
	}{
		sandbox.ServerError:         {tap.UploadFailed, fault.APIFailed, fault.ExitNotNow},
		sandbox.CommitThenDrop:      {tap.UploadUncertain, fault.UploadUncertain, fault.ExitNotNow},
		sandbox.IntegrationInactive: {tap.UploadRefused, fault.IntegrationInactive, fault.ExitRefused},
	} {
		s, env := serviceWith(t, sandbox.Options{Drip: time.Microsecond})
		s.Inject(sandbox.SlowLoris, 1) // slow, but whole
		s.Inject(f, 1)
		page := picture(t, "page.jpg", 64, 48)
		o := command(t, env, "", "upload", "image", "--session", session, "--context", "face", "--json", page, page, page)
		var report imagesReport
		o.document(t, &report)
		require.Equal(t, want.exit, o.exit)
		require.Equal(t, want.code, report.Error.Code)
		require.Equal(t, tap.UploadAccepted, report.Images[0].Upload.State)
		require.Equal(t, want.state, report.Images[1].Upload.State)
		require.Equal(t, tap.UploadNone, report.Images[2].Upload.State)
	}
}

func TestProgressHasBytesAndRate(t *testing.T) {
	_, env := service(t)
	page := picture(t, "page.jpg", 64, 48)
	content, err := os.ReadFile(page)
	require.NoError(t, err)
	noise := make([]byte, 2_000_000) // behind the picture's end, so that it takes a while
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	require.NoError(t, os.WriteFile(page, append(content, noise...), 0o600))
	var said bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	exit := run(ctx, terminal{in: strings.NewReader(""), out: &bytes.Buffer{}, err: &said, errIsTerminal: true, lookup: func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}}, []string{"upload", "image", "--session", session, "--context", "face", page, page, "--config", os.DevNull})
	require.Zero(t, exit, said.String())
	require.Regexp(t, `Uploading 2 of 2.*\(\d.*/2\.0 MB, \d.*/s\)`, said.String())
}

func TestSubmitAndStatus(t *testing.T) {
	s, env := service(t)
	status := func() (statusReport, outcome) {
		o := command(t, env, "", "upload", "status", "--session", session, "--json")
		var report statusReport
		o.document(t, &report)
		return report, o
	}
	submit := func() (submitReport, outcome) {
		o := command(t, env, "", "upload", "submit", "--session", session, "--json")
		var report submitReport
		o.document(t, &report)
		return report, o
	}
	report, o := status()
	require.Zero(t, o.exit, o.err)
	require.Equal(t, statusReport{Schema: "passport-agent/upload-status/1", SessionID: session, Media: []mediaReport{}}, report)
	require.Contains(t, o.out, `"media":[],"decision":null`)

	require.Zero(t, command(t, env, "", "upload", "image", "--session", session, "--context", "face", picture(t, "a.jpg", 64, 48)).exit)
	report, _ = status()
	kept := s.Media(session)[0]
	require.Equal(t, []mediaReport{{"image", kept.ID, "face", "image/jpeg", int64(kept.Size)}}, report.Media)
	require.Contains(t, command(t, env, "", "upload", "status", "--session", session).out, "Decision  none yet (1 media)")

	s.InjectOn(sandbox.Submit, sandbox.CommitThenDrop, 1)
	submitted, o := submit()
	require.Equal(t, fault.ExitNotNow, o.exit)
	require.Equal(t, tap.UploadUncertain, submitted.State)
	require.Equal(t, fault.SubmitUncertain, submitted.Error.Code)
	submitted, o = submit()
	require.Zero(t, o.exit, o.err)
	require.Equal(t, submitReport{Schema: "passport-agent/upload-submit/1", SessionID: session, State: "submitted", Already: true}, submitted)
	require.Contains(t, command(t, env, "", "upload", "submit", "--session", session).out, "it was already")

	require.NoError(t, s.SetStatus(session, "declined"))
	report, o = status()
	require.Zero(t, o.exit, "a decision is no error")
	require.Equal(t, "declined", report.Decision.Status)
	require.Equal(t, 9102, report.Decision.Code)
	require.False(t, *report.Decision.NFCValidated)
	text := command(t, env, "", "upload", "status", "--session", session, "--log-level", "debug")
	require.Contains(t, text.out, "Decision  declined (9102)")
	// What the decision says about the person stays there.
	require.Empty(t, canary.Find([]byte(o.out+o.err+text.out+text.err), map[string][]byte{
		"surname": []byte("ERIKSSON"), "given name": []byte("ANNA MARIA"), "number": []byte("L898902C3"), "birth": []byte("1974-08-12"), "secret": []byte(sandbox.DemoSecret),
	}))

	require.NoError(t, s.SetStatus(session, "expired"))
	submitted, o = submit()
	require.Equal(t, fault.ExitRefused, o.exit)
	require.Equal(t, tap.UploadRefused, submitted.State)
	require.Equal(t, fault.SessionExpired, submitted.Error.Code)
	o = command(t, env, "", "upload", "status", "--session", "another", "--json")
	require.Equal(t, fault.ExitRefused, o.exit)
}

// The chip's portrait goes along as a picture where that is asked for, and it is one.
func TestThePortraitAsAPicture(t *testing.T) {
	// The begin of a JP2 file (ISO/IEC 15444-1, I.5.1); nothing looks further.
	jp2 := append([]byte{0, 0, 0, 0x0C, 'j', 'P', ' ', ' ', 0x0D, 0x0A, 0x87, 0x0A}, make([]byte, 40)...)
	for name, options := range map[string]virtual.Options{"JPEG": {}, "JPEG 2000": {Portrait: &virtual.Portrait{Picture: jp2, Width: 64, Height: 64}}} {
		document, err := virtual.Personalise(options)
		require.NoError(t, err)
		dir := t.TempDir()
		require.NoError(t, folder.Save(dir, map[string][]byte{
			"COM": document.Files[virtual.COM], "SOD": document.Files[virtual.SOD],
			"DG1": document.Files[virtual.DataGroup(1)], "DG2": document.Files[virtual.DataGroup(2)],
		}, nil))
		s, env := service(t)
		args := []string{"upload", "nfc", "--session", session, dir, "--json"}
		require.Zero(t, command(t, env, "", args...).exit)
		require.Len(t, s.Media(session), 1, "not unless it is configured")

		env["PASSPORT_AGENT_FACE_NFC"] = "true"
		o := command(t, env, "", args...)
		require.Zero(t, o.exit, o.err)
		var report uploadReport
		o.document(t, &report)
		require.Equal(t, tap.UploadAccepted, report.Upload.State)
		kept := s.Media(session)
		if name != "JPEG" {
			require.Len(t, kept, 2)
			require.Equal(t, tap.UploadNone, report.Portrait.State)
			require.Equal(t, "portrait_not_sent", report.Warnings[0].Name)
			continue
		}
		require.Len(t, kept, 3)
		face, err := lds.ParseDG2(document.Files[virtual.DataGroup(2)])
		require.NoError(t, err)
		require.Equal(t, "face-nfc", kept[2].Context)
		require.Equal(t, face.Portraits[0].Image, kept[2].Content, "byte for byte as on the chip")
		require.Equal(t, kept[2].ID, report.Portrait.MediaID)
	}
}

// Every upload that was tried stands in the audit log, also those without a reading and
// those that were refused, by the service or here; what was no attempt does not.
func TestUploadsFromFilesAreWrittenDown(t *testing.T) {
	s, env := service(t)
	env["XDG_DATA_HOME"] = t.TempDir()
	records := func() int {
		var report auditReport
		command(t, env, "", "queue", "audit", "--json").document(t, &report)
		return report.Records
	}
	page := picture(t, "page.jpg", 64, 48)
	args := []string{"upload", "image", "--session", session, "--context", "document-front"}
	require.Zero(t, command(t, env, "", append(args, page, page)...).exit)
	require.Equal(t, 2, records())

	dir := t.TempDir()
	document, err := virtual.Personalise(virtual.Options{})
	require.NoError(t, err)
	require.NoError(t, document.Save(dir))
	require.Zero(t, command(t, env, "", "upload", "nfc", "--session", session, dir).exit)
	require.Equal(t, 3, records())

	s.Inject(sandbox.IntegrationInactive, 1)
	require.Equal(t, fault.ExitRefused, command(t, env, "", "upload", "nfc", "--session", session, dir).exit)
	require.Equal(t, 4, records())
	require.NotZero(t, command(t, env, "", append(args, t.TempDir())...).exit)
	require.Equal(t, 5, records(), "refused here")
	require.Equal(t, fault.ExitUsage, command(t, env, "", "upload", "nfc", "--session", session).exit)
	require.Equal(t, 5, records(), "a mistake on the command line")
}
