package tap_test

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/jpeg"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/icao"
	"passport-agent/icao/lds"
	"passport-agent/icao/mrz"
	"passport-agent/icao/trust"
	"passport-agent/icao/verdict"
	"passport-agent/internal/canary"
	"passport-agent/internal/fault"
	"passport-agent/internal/secret"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
	"passport-agent/tap"
	"passport-agent/upload"
	"passport-agent/upload/media"
	"passport-agent/upload/sandbox"
	"passport-agent/virtual"
)

const session = "f04bdb47-d3be-4b28-b028-a652feb060b5"

// desk is a virtual passport, a sandbox and a client between them.
type desk struct {
	document *virtual.Document
	chip     *virtual.Chip
	key      mrz.Key
	sandbox  *sandbox.Server
	client   *upload.Client
	options  tap.Options
	closed   int
}

// card is the virtual passport as it lies on a reader.
type card struct {
	*virtual.Chip
	desk *desk
}

func (c card) Reader() string { return "Test Reader 00" }
func (c card) Close() error   { c.desk.closed++; return nil }

func newDesk(t *testing.T, profile virtual.Profile, change func(*virtual.Document)) *desk {
	t.Helper()
	d := &desk{}
	var err error
	d.document, err = virtual.Personalise(virtual.Options{SODSize: 1843, DG2Size: 18432})
	require.NoError(t, err)
	d.key = keyOf(t, d.document)
	if change != nil {
		change(d.document)
	}
	d.chip, err = virtual.NewChip(d.document, virtual.ChipOptions{Profile: profile})
	require.NoError(t, err)
	d.sandbox = sandbox.New(sandbox.Options{})
	d.sandbox.AddSession(session)
	server := httptest.NewServer(d.sandbox)
	t.Cleanup(func() { d.sandbox.Release(); server.CloseClientConnections(); server.Close() })
	d.client = d.clientFor(t, server.URL)
	d.options = tap.Options{
		Wait:   func(context.Context, string, func(tap.Event)) (tap.Card, error) { return card{d.chip, d}, nil },
		Access: icao.Access{Key: d.key, Protocol: icao.BAC}, Uploader: d.client, SessionID: session, Software: "test/1",
	}
	return d
}

func (d *desk) clientFor(t *testing.T, url string) *upload.Client {
	client, err := upload.New(upload.Config{BaseURL: url, APIKey: sandbox.DemoAPIKey, Secret: secret.NewText(sandbox.DemoSecret), Timeout: 300 * time.Millisecond})
	require.NoError(t, err)
	return client
}

func keyOf(t *testing.T, document *virtual.Document) mrz.Key {
	t.Helper()
	text, err := document.MRZ()
	require.NoError(t, err)
	zone, err := mrz.Parse(text)
	require.NoError(t, err)
	key, err := zone.Key()
	require.NoError(t, err)
	return key
}

func exit(result tap.Result) int {
	if result.Err == nil {
		return 0
	}
	return fault.Lookup(fault.From(result.Err).Code).Exit
}

func TestTapEndsInTheSession(t *testing.T) {
	d := newDesk(t, virtual.Profile{}, nil)
	var kinds []tap.EventKind
	d.options.Observe = func(e tap.Event) {
		if e.Kind == tap.EventReading || e.Kind == tap.EventUploading {
			return
		}
		require.Equal(t, "Test Reader 00", e.Reader)
		kinds = append(kinds, e.Kind)
	}
	result := tap.Run(context.Background(), d.options)
	require.NoError(t, result.Err)

	media := d.sandbox.Media(session)
	require.Len(t, media, 1)
	require.Equal(t, d.document.Files[virtual.COM], media[0].COM)
	require.Equal(t, d.document.Files[virtual.SOD], media[0].SOD)
	require.Equal(t, d.document.Files[virtual.DataGroup(1)], media[0].DG1)
	require.Equal(t, d.document.Files[virtual.DataGroup(2)], media[0].DG2)

	r := result.Report
	require.Equal(t, tap.Schema, r.Schema)
	require.Equal(t, "undetermined", r.Status, "whose signature it is, nothing here can tell")
	require.Equal(t, tap.Upload{State: tap.UploadAccepted, SessionID: session, MediaID: media[0].ID, Size: 22 + 1843 + 93 + 18432, MIMEType: "application/octet-stream"}, r.Upload)
	require.Equal(t, "BAC", r.Access.Protocol)
	require.Equal(t, 93, r.Wire.Commands)
	require.Equal(t, d.chip.Counters().ReceivedBytes, r.Wire.SentBytes)
	require.Equal(t, d.chip.Counters().SentBytes, r.Wire.ReceivedBytes)
	require.Equal(t, 18432, r.Files["DG2"].Size)
	require.Nil(t, r.Holder, "nothing personal without being asked")
	require.Nil(t, r.Error)
	require.Equal(t, 1, d.closed, "the chip is let go")
	require.Equal(t, []tap.EventKind{tap.EventDocument, tap.EventOpened, tap.EventFile, tap.EventFile, tap.EventFile, tap.EventFile, tap.EventJudged, tap.EventUploaded}, kinds)
}

// Each fault of the service has its outcome, and nothing is reported as done
// that is not: what the report says is held against what the sandbox holds.
func TestEveryFaultOfTheServiceHasItsOutcome(t *testing.T) {
	outcomes := map[sandbox.Fault]struct {
		state string
		code  fault.Code
		exit  int
	}{
		sandbox.DropBeforeCommit:    {tap.UploadUncertain, fault.UploadUncertain, fault.ExitNotNow},
		sandbox.Reset:               {tap.UploadUncertain, fault.UploadUncertain, fault.ExitNotNow},
		sandbox.CommitThenReset:     {tap.UploadUncertain, fault.UploadUncertain, fault.ExitNotNow},
		sandbox.Stall:               {tap.UploadUncertain, fault.UploadUncertain, fault.ExitNotNow},
		sandbox.Redirect:            {tap.UploadRefused, fault.APIRedirected, fault.ExitRefused},
		sandbox.IntegrationInactive: {tap.UploadRefused, fault.IntegrationInactive, fault.ExitRefused},
		sandbox.TooManyRequests:     {tap.UploadFailed, fault.RateLimited, fault.ExitNotNow},
		sandbox.ServerError:         {tap.UploadFailed, fault.APIFailed, fault.ExitNotNow},
		sandbox.BadGateway:          {tap.UploadFailed, fault.APIFailed, fault.ExitNotNow},
		sandbox.Unavailable:         {tap.UploadFailed, fault.APIFailed, fault.ExitNotNow},
		sandbox.EncodingRefused:     {tap.UploadAccepted, "", 0},
		sandbox.CommitThenDrop:      {tap.UploadUncertain, fault.UploadUncertain, fault.ExitNotNow},
		sandbox.CommitThenStall:     {tap.UploadUncertain, fault.UploadUncertain, fault.ExitNotNow},
		sandbox.LateCommit:          {tap.UploadUncertain, fault.UploadUncertain, fault.ExitNotNow},
		sandbox.Truncate:            {tap.UploadUncertain, fault.UploadUncertain, fault.ExitNotNow},
		sandbox.WrongSignature:      {tap.UploadUncertain, fault.UploadUncertain, fault.ExitNotNow},
		sandbox.Unsigned:            {tap.UploadUncertain, fault.UploadUncertain, fault.ExitNotNow},
		sandbox.NotJSON:             {tap.UploadUncertain, fault.UploadUncertain, fault.ExitNotNow},
		sandbox.WrongSession:        {tap.UploadUncertain, fault.UploadUncertain, fault.ExitNotNow},
		sandbox.Oversize:            {tap.UploadUncertain, fault.UploadUncertain, fault.ExitNotNow},
		sandbox.SlowLoris:           {tap.UploadUncertain, fault.UploadUncertain, fault.ExitNotNow},
	}
	for _, f := range sandbox.Faults() {
		t.Run(string(f), func(t *testing.T) {
			want, known := outcomes[f]
			require.True(t, known, "this fault has no stated outcome")
			d := newDesk(t, virtual.Profile{}, nil)
			d.sandbox.Inject(f, 1)
			result := tap.Run(context.Background(), d.options)
			require.Equal(t, want.state, result.Report.Upload.State)
			require.Equal(t, want.exit, exit(result))
			held := len(d.sandbox.Media(session))
			switch want.state {
			case tap.UploadAccepted:
				require.Equal(t, 1, held)
				require.Nil(t, result.Report.Error)
			case tap.UploadRefused, tap.UploadFailed:
				require.Zero(t, held)
				fallthrough
			default:
				require.ErrorIs(t, result.Err, want.code)
				require.Equal(t, want.code, result.Report.Error.Code)
				require.NotEmpty(t, result.Report.Error.Advice)
				require.Empty(t, result.Report.Upload.MediaID)
			}
		})
	}
}

func TestServiceThatIsNotThere(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	d := newDesk(t, virtual.Profile{}, nil)
	d.options.Uploader = d.clientFor(t, "http://"+listener.Addr().String())
	result := tap.Run(context.Background(), d.options)
	require.ErrorIs(t, result.Err, fault.UploadUnreachable)
	require.Equal(t, fault.ExitNotNow, exit(result))
	require.Equal(t, tap.UploadFailed, result.Report.Upload.State)
	require.Len(t, result.Report.Files, 4, "what was read is reported")
}

// Removal at every command: exit 4, and the session gets nothing, not even a part.
func TestRemovalUploadsNothing(t *testing.T) {
	d := newDesk(t, virtual.Profile{}, nil)
	d.options.NoResume = true
	for at := range 93 {
		var err error
		d.chip, err = virtual.NewChip(d.document, virtual.ChipOptions{})
		require.NoError(t, err)
		d.chip.RemoveAt(at, virtual.AnswerLost)
		result := tap.Run(context.Background(), d.options)
		require.ErrorIs(t, result.Err, fault.DocumentRemoved, "command %d", at)
		require.Equal(t, fault.ExitNoDocument, exit(result))
		require.Equal(t, tap.UploadNone, result.Report.Upload.State)
		require.Equal(t, tap.StatusAborted, result.Report.Status)
		require.Empty(t, result.Report.Checks)
	}
	require.Empty(t, d.sandbox.Media(session))
	require.Equal(t, 93, d.closed)
}

// Taken away and put back in the middle of the portrait: the tap goes on, on the
// same reader, and the session gets the whole document once.
func TestTakenAwayAndPutBack(t *testing.T) {
	d := newDesk(t, virtual.Profile{}, nil)
	d.chip.RemoveAt(40, virtual.AnswerLost)
	var asked []string
	var kinds []tap.EventKind
	d.options.Wait = func(_ context.Context, reader string, _ func(tap.Event)) (tap.Card, error) {
		asked = append(asked, reader)
		if reader != "" {
			d.chip.PutBack()
		}
		return card{d.chip, d}, nil
	}
	d.options.Observe = func(e tap.Event) {
		if e.Kind == tap.EventRemoved || e.Kind == tap.EventResumed {
			kinds = append(kinds, e.Kind)
		}
	}
	result := tap.Run(context.Background(), d.options)
	require.NoError(t, result.Err)
	require.Equal(t, []string{"", "Test Reader 00"}, asked)
	require.Equal(t, []tap.EventKind{tap.EventRemoved, tap.EventResumed}, kinds)
	require.Equal(t, 2, d.closed)
	media := d.sandbox.Media(session)
	require.Len(t, media, 1)
	require.Equal(t, d.document.Files[virtual.DataGroup(2)], media[0].DG2)
	require.Less(t, result.Report.Wire.Commands, 110, "what was read is not read again")
}

func TestChipWithoutCOMIsReadAndJudgedAndNotUploaded(t *testing.T) {
	d := newDesk(t, virtual.Profile{MissingFiles: []virtual.File{virtual.COM}}, nil)
	result := tap.Run(context.Background(), d.options)
	require.ErrorIs(t, result.Err, fault.FileMissing)
	require.Equal(t, fault.ExitRefused, exit(result))
	require.Equal(t, tap.UploadRefused, result.Report.Upload.State)
	require.Equal(t, "undetermined", result.Report.Status)
	require.NotEmpty(t, result.Report.Checks)
	require.Empty(t, d.sandbox.Media(session))
}

func tampered(d *virtual.Document) {
	dg2 := bytes.Clone(d.Files[virtual.DataGroup(2)])
	dg2[len(dg2)-1] ^= 1
	d.Files[virtual.DataGroup(2)] = dg2
}

// A portrait that is not the one that was signed: the service gets the evidence,
// unless the operator wants it otherwise, and the desk is told.
func TestTamperedPortrait(t *testing.T) {
	d := newDesk(t, virtual.Profile{}, tampered)
	result := tap.Run(context.Background(), d.options)
	require.ErrorIs(t, result.Err, fault.CheckFailed)
	require.ErrorContains(t, result.Err, "dg2_hash")
	require.Equal(t, fault.ExitCheckFailed, exit(result))
	require.Equal(t, "failed", result.Report.Status)
	require.Equal(t, tap.UploadAccepted, result.Report.Upload.State)
	require.Len(t, d.sandbox.Media(session), 1)

	d = newDesk(t, virtual.Profile{}, tampered)
	d.options.OnFailed = tap.RefuseOnFailed
	result = tap.Run(context.Background(), d.options)
	require.Equal(t, fault.ExitCheckFailed, exit(result))
	require.Equal(t, tap.UploadRefused, result.Report.Upload.State)
	require.Empty(t, d.sandbox.Media(session))
}

// Where that is configured, the portrait follows the chip data as a picture; one
// that does not arrive is told, and the chip data are accepted all the same.
func TestThePortraitFollowsAsAPicture(t *testing.T) {
	d := newDesk(t, virtual.Profile{}, nil)
	d.options.FaceNFC = true
	result := tap.Run(t.Context(), d.options)
	require.NoError(t, result.Err)
	media := d.sandbox.Media(session)
	require.Len(t, media, 2)
	face, err := lds.ParseDG2(media[0].DG2)
	require.NoError(t, err)
	require.Equal(t, "face-nfc", media[1].Context)
	require.Equal(t, face.Portraits[0].Image, media[1].Content)
	require.Equal(t, media[1].ID, result.Report.Portrait.MediaID)

	d = newDesk(t, virtual.Profile{}, nil)
	d.options.FaceNFC = true
	d.options.Observe = func(e tap.Event) {
		if e.Kind == tap.EventUploading && e.Done == 0 && len(d.sandbox.Media(session)) == 1 {
			d.sandbox.Inject(sandbox.ServerError, 1)
		}
	}
	result = tap.Run(t.Context(), d.options)
	require.ErrorIs(t, result.Err, fault.APIFailed)
	require.Equal(t, tap.UploadAccepted, result.Report.Upload.State)
	require.Equal(t, tap.UploadFailed, result.Report.Portrait.State)
	require.Len(t, d.sandbox.Media(session), 1)
}

// A portrait that is larger than the service takes is not made smaller: that would
// decode it, proved or not.
func TestALargePortraitIsNotDecodedToBeSent(t *testing.T) {
	var large bytes.Buffer
	require.NoError(t, jpeg.Encode(&large, image.NewGray(image.Rect(0, 0, media.MaxSide+1, 1)), nil))
	made, err := virtual.Personalise(virtual.Options{Portrait: &virtual.Portrait{Picture: large.Bytes(), Width: media.MaxSide + 1, Height: 1}})
	require.NoError(t, err)
	d := newDesk(t, virtual.Profile{}, nil)
	upload, warnings, err := tap.UploadPortrait(t.Context(), d.client, session, made.Files[virtual.DataGroup(2)], nil)
	require.NoError(t, err)
	require.Equal(t, tap.UploadNone, upload.State)
	require.Len(t, warnings, 1)
	require.Empty(t, d.sandbox.Media(session))
}

// The profile strict minds what a chip does otherwise in the dialogue, too: where field
// tries again, it has failed.
func TestStrictEndsWhereFieldTriesAgain(t *testing.T) {
	for code, profile := range map[fault.Code]virtual.Profile{
		fault.WrongMRZ:   {RefuseAuthentications: 1},
		fault.ChipStatus: {DropSessions: 1},
	} {
		for name, want := range map[verdict.Profile]fault.Code{verdict.Field: "", verdict.Strict: code} {
			d := newDesk(t, profile, nil)
			d.options.Profile, d.options.Uploader = name, nil
			result := tap.Run(t.Context(), d.options)
			if want == "" {
				require.NoError(t, result.Err)
				continue
			}
			require.ErrorIs(t, result.Err, want)
			require.Equal(t, tap.StatusAborted, result.Report.Status)
		}
	}
}

// Where several hold, the upload's failure comes before the failed check
// (8 and 10 before 7).
func TestWhichErrorDecides(t *testing.T) {
	for f, want := range map[sandbox.Fault]int{sandbox.IntegrationInactive: fault.ExitRefused, sandbox.ServerError: fault.ExitNotNow} {
		d := newDesk(t, virtual.Profile{}, tampered)
		d.sandbox.Inject(f, 1)
		result := tap.Run(context.Background(), d.options)
		require.Equal(t, want, exit(result))
		require.Equal(t, "failed", result.Report.Status)
	}
}

// Without the country signer nothing is proved to come from the issuer; with it
// everything is.
func TestRequireTrust(t *testing.T) {
	d := newDesk(t, virtual.Profile{}, nil)
	d.options.RequireTrust = true
	result := tap.Run(context.Background(), d.options)
	require.ErrorIs(t, result.Err, fault.TrustRequired)
	require.Equal(t, fault.ExitCheckFailed, exit(result))
	require.Nil(t, result.Report.TrustList)

	d.options.Trust = &trust.Store{}
	_, err := d.options.Trust.Import(d.document.CSCA, trust.ImportOptions{})
	require.NoError(t, err)
	result = tap.Run(context.Background(), d.options)
	require.NoError(t, result.Err)
	require.Equal(t, "successful", result.Report.Status)
	require.Equal(t, &tap.TrustList{Signers: 1}, result.Report.TrustList)

	again := tap.Judge(result.Document, result.Evidence, time.Now(), tap.Options{Software: "test/1", Trust: d.options.Trust, RequireTrust: true})
	require.NoError(t, again.Err)
	require.Equal(t, "successful", again.Report.Status)
	again = tap.Judge(result.Document, result.Evidence, time.Now().AddDate(30, 0, 0), tap.Options{Software: "test/1", Trust: d.options.Trust})
	require.ErrorIs(t, again.Err, fault.CheckFailed)
}

func TestWithoutASessionNothingIsUploaded(t *testing.T) {
	d := newDesk(t, virtual.Profile{}, nil)
	d.options.Uploader, d.options.SessionID = nil, ""
	result := tap.Run(context.Background(), d.options)
	require.NoError(t, result.Err)
	require.Equal(t, tap.Upload{State: tap.UploadNone}, result.Report.Upload)
	require.NotNil(t, result.Document.MRZ)
	result.Report.ShowHolder(result.Document.MRZ, time.Now())
	require.Equal(t, "ERIKSSON", result.Report.Holder.PrimaryIdentifier)
	require.True(t, result.Report.Holder.Proved)
}

// What proves the chip is told while it happens, named in the report and kept as
// evidence; the same judgement on the files repeats what can be repeated.
func TestTheChipIsProved(t *testing.T) {
	d := newDesk(t, virtual.Profile{}, nil)
	var err error
	d.document, err = virtual.Personalise(virtual.Options{
		ChipAuthentication:   []virtual.ChipAuthenticationInfo{{Protocol: "ECDH-AES-128", ParameterID: 13}},
		ActiveAuthentication: &virtual.ActiveAuthentication{ParameterID: 12},
	})
	require.NoError(t, err)
	d.chip, err = virtual.NewChip(d.document, virtual.ChipOptions{})
	require.NoError(t, err)
	d.options.Access.Key, d.options.Uploader = keyOf(t, d.document), nil
	now := time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC)
	d.options.Now = func() time.Time { return now }
	proving := 0
	d.options.Observe = func(e tap.Event) {
		if e.Kind == tap.EventProving {
			proving++
		}
	}
	result := tap.Run(context.Background(), d.options)
	require.Equal(t, 1, proving)
	require.Equal(t, tap.Authentication{Chip: "CA-ECDH-AES-128", Active: "ECDSA P-256, SHA-256"}, result.Report.Authentication)
	require.Equal(t, []tap.Attestation{{Check: "chip_authentication", Protocol: "CA-ECDH-AES-128", Time: now.Truncate(time.Second)}}, result.Evidence.Attested)
	require.Len(t, result.Evidence.ActiveAuthentication.Challenge, 16)

	written, err := json.Marshal(result.Evidence)
	require.NoError(t, err)
	kept, err := tap.ParseEvidence(written)
	require.NoError(t, err)
	require.Equal(t, result.Evidence, kept)
	again := tap.Judge(result.Document, kept, now, tap.Options{})
	require.Equal(t, tap.Authentication{Active: "ECDSA P-256, SHA-256"}, again.Report.Authentication)
	require.Contains(t, again.Report.Warnings, tap.Warning{
		Name: "chip_authentication_attested", Text: "CA-ECDH-AES-128 was successful at the reader on 2030-01-02T03:04:05Z; nobody else can check that",
	})
	without := tap.Judge(result.Document, tap.Evidence{}, now, tap.Options{})
	require.Equal(t, tap.Authentication{}, without.Report.Authentication)
}

// What the issuer's signature does not cover is shown as not proved.
func TestAHolderThatNobodySignedIsNotProved(t *testing.T) {
	d := newDesk(t, virtual.Profile{}, func(document *virtual.Document) {
		dg1 := document.Files[virtual.DataGroup(1)]
		at := bytes.Index(dg1, []byte("ANNA"))
		require.Positive(t, at)
		dg1[at] = 'E'
	})
	result := tap.Run(context.Background(), d.options)
	require.ErrorIs(t, result.Err, fault.CheckFailed)
	result.Report.ShowHolder(result.Document.MRZ, time.Now())
	require.False(t, result.Report.Holder.Proved)
}

func TestAnotherDocumentThanTheDataPage(t *testing.T) {
	// The chip opens with its own key but holds a DG1 of somebody else.
	other, err := virtual.Personalise(virtual.Options{Holder: virtual.Holder{Format: virtual.TD3, DocumentCode: "P", Issuer: "UTO", Nationality: "UTO", Surname: "Doe", DocumentNumber: "X1", BirthDate: "800101", Sex: "M", ExpiryDate: "400101"}})
	require.NoError(t, err)
	d := newDesk(t, virtual.Profile{Access: virtual.AccessNone}, func(document *virtual.Document) {
		document.Files = other.Files
	})
	result := tap.Run(context.Background(), d.options)
	require.ErrorContains(t, result.Err, "mrz_matches_dg1")
	require.Equal(t, fault.ExitCheckFailed, exit(result))
}

func TestWaitingThatFails(t *testing.T) {
	d := newDesk(t, virtual.Profile{}, nil)
	for code, want := range map[fault.Code]int{fault.NoDocument: 4, fault.PCSCNoService: 3, fault.ReaderBusy: 3} {
		d.options.Wait = func(context.Context, string, func(tap.Event)) (tap.Card, error) { return nil, fault.New(code, "", nil) }
		result := tap.Run(context.Background(), d.options)
		require.Equal(t, want, exit(result))
		require.Equal(t, code, result.Report.Error.Code)
		require.Nil(t, result.Document)
	}
	d.options.Wait = func(context.Context, string, func(tap.Event)) (tap.Card, error) { return nil, context.Canceled }
	require.Equal(t, 130, exit(tap.Run(context.Background(), d.options)))
}

func TestCancellingDuringTheUploadIsNeverSuccess(t *testing.T) {
	d := newDesk(t, virtual.Profile{}, nil)
	ctx, cancel := context.WithCancel(context.Background())
	d.options.Observe = func(e tap.Event) {
		if e.Kind == tap.EventJudged {
			cancel()
		}
	}
	result := tap.Run(ctx, d.options)
	require.Error(t, result.Err)
	require.NotEqual(t, tap.UploadAccepted, result.Report.Upload.State)
	require.Equal(t, 130, exit(result))
	require.Empty(t, d.sandbox.Media(session))
}

// fixed gives random numbers that the test knows.
type fixed byte

func (f fixed) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(f) + byte(i*7)
	}
	return len(b), nil
}

// Nothing that a tap says, in success and in every failure, holds personal data,
// an access key or a session key.
func TestNothingPersonalIsSaid(t *testing.T) {
	var said bytes.Buffer
	previous := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug - 10})))
	t.Cleanup(func() { slog.SetDefault(previous) })

	profiles := []virtual.Profile{
		{}, {MaxRead: 160, TooLong: virtual.TooLongRefuse}, {BACFault: virtual.BACBadMAC}, {AuthenticationStatus: virtual.Status(0x6F00)},
		{EmptyFrom: map[virtual.File]int{virtual.DataGroup(1): 0}}, {SMFaults: []virtual.SMFault{{Response: 3, Kind: virtual.SMWrongMAC}}},
		{MissingFiles: []virtual.File{virtual.DataGroup(1)}},
	}
	changes := []func(*virtual.Document){nil, tampered}
	values := map[string][]byte{}
	taps := 0
	for _, profile := range profiles {
		for _, change := range changes {
			d := newDesk(t, virtual.Profile{}, nil)
			personalValues(t, d.document, d.key, values)
			if change != nil {
				change(d.document)
			}
			var err error
			d.chip, err = virtual.NewChip(d.document, virtual.ChipOptions{Profile: profile, Random: fixed(90)})
			require.NoError(t, err)
			d.options.Random = fixed(10)
			d.options.Observe = func(e tap.Event) { slog.Debug("event", "event", e) }
			d.sandbox.Inject(sandbox.Faults()[taps%len(sandbox.Faults())], 1)
			result := tap.Run(context.Background(), d.options)
			encoded, err := json.Marshal(result.Report)
			require.NoError(t, err)
			said.Write(encoded)
			if result.Err != nil {
				said.WriteString(result.Err.Error())
			}
			taps++
		}
	}
	require.Equal(t, len(profiles)*len(changes), taps)
	require.Empty(t, canary.Find(said.Bytes(), values))
	require.Contains(t, said.String(), "transactionId")
}

// personalValues are what must not be said: the zone and its fields, names, the
// access keys and the session keys that the fixed random numbers lead to.
func personalValues(t *testing.T, document *virtual.Document, key mrz.Key, values map[string][]byte) {
	zone, err := document.MRZ()
	require.NoError(t, err)
	seed := key.SHA1().Reveal()
	values["zone"], values["information"], values["seed"] = []byte(zone), []byte(key.Information().Reveal()), seed[:16]
	values["number"], values["surname"], values["given name"] = []byte("L898902C3"), []byte("ERIKSSON"), []byte("ANNA")
	values["personal number"] = []byte("ZE184226B")
	values["kEnc"], values["kMAC"] = sm.TDES.DeriveKey(seed[:16], sm.CounterEnc), sm.TDES.DeriveKey(seed[:16], sm.CounterMAC)
	values["secret"] = []byte(sandbox.DemoSecret)
	// K.IFD are the last 16 of 24 random bytes, K.IC 16 of their own.
	kIFD, kIC := make([]byte, 24), make([]byte, 16)
	_, err = fixed(10).Read(kIFD)
	require.NoError(t, err)
	_, err = fixed(90).Read(kIC)
	require.NoError(t, err)
	shared := make([]byte, 16)
	for i := range shared {
		shared[i] = kIFD[8+i] ^ kIC[i]
	}
	values["ksEnc"], values["ksMAC"] = sm.TDES.DeriveKey(shared, sm.CounterEnc), sm.TDES.DeriveKey(shared, sm.CounterMAC)
	values["portrait"] = document.Files[virtual.DataGroup(2)][200:264]
}

func TestErrorsCarryStatusWordAndHTTPStatus(t *testing.T) {
	e := tap.ErrorOf(fault.New(fault.ChipStatus, "", iso7816.SWWrongLength))
	require.Equal(t, "6700", e.StatusWord)
	e = tap.ErrorOf(fault.New(fault.APIFailed, "", &upload.APIError{HTTPStatus: http.StatusBadGateway}))
	require.Equal(t, 502, e.HTTPStatus)
	require.Nil(t, tap.ErrorOf(nil))
	require.Equal(t, fault.Lookup(fault.APIFailed).NextStep, e.Advice)
}

// pending is a card whose command is under way until it is let go.
type pending struct {
	card
	at      int
	started chan struct{}
	release chan struct{}
}

func (p *pending) Transmit(ctx context.Context, command, response []byte) (int, error) {
	if p.at == 0 {
		close(p.started)
		<-p.release
	}
	p.at--
	return p.Chip.Transmit(context.WithoutCancel(ctx), command, response)
}

// Cancelled in any phase, a tap is over at most 200 ms after the answer to the
// pending command, and sends nothing more.
func TestCancellingInEveryPhase(t *testing.T) {
	const limit = 200 * time.Millisecond
	for _, at := range []int{0, 1, 2, 3, 4, 12, 50, 92} {
		d := newDesk(t, virtual.Profile{}, nil)
		p := &pending{card: card{d.chip, d}, at: at, started: make(chan struct{}), release: make(chan struct{})}
		d.options.Wait = func(context.Context, string, func(tap.Event)) (tap.Card, error) { return p, nil }
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan tap.Result, 1)
		go func() { ended <- tap.Run(ctx, d.options) }()
		<-p.started
		cancel()
		close(p.release)
		select {
		case result := <-ended:
			require.Equal(t, 130, exit(result), "command %d", at)
			require.Equal(t, at+1, d.chip.Counters().Commands)
			require.Equal(t, 1, d.closed)
		case <-time.After(limit):
			t.Fatalf("command %d: still running %v after its answer", at, limit)
		}
		require.Empty(t, d.sandbox.Media(session))
	}
}
