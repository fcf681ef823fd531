// Package tap is one tap of a document, from waiting for it to having handed it
// over: one function and one observer. A report never holds more than was
// proved, and nothing counts as uploaded before the service has confirmed it.
package tap

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"passport-agent/icao"
	"passport-agent/icao/lds"
	"passport-agent/icao/mrz"
	"passport-agent/icao/trust"
	"passport-agent/icao/verdict"
	"passport-agent/internal/fault"
	"passport-agent/iso7816"
	"passport-agent/upload"
	"passport-agent/upload/media"
	"passport-agent/upload/queue"
)

// Card is a document on a named reader.
type Card interface {
	iso7816.Card
	// Reader returns the name of the reader.
	Reader() string
	// Close ends the dialogue, so that no session stays open in the chip.
	Close() error
}

// OnFailed is what becomes of the upload of a document with a failed check.
type OnFailed string

// What to do with a document that failed a check. The service needs the
// evidence, so that uploading is the rule.
const (
	UploadOnFailed OnFailed = "upload"
	HoldOnFailed   OnFailed = "hold" // keep it in the queue until somebody lets it go
	RefuseOnFailed OnFailed = "refuse"
)

// ParseOnFailed reads what the command line and the configuration say. It fails with
// fault.Usage.
func ParseOnFailed(name string) (OnFailed, error) {
	switch o := OnFailed(name); o {
	case UploadOnFailed, HoldOnFailed, RefuseOnFailed:
		return o, nil
	default:
		return "", fault.New(fault.Usage, fmt.Sprintf("--on-failed takes upload, hold or refuse, not %q", name), nil)
	}
}

// Options says what a tap does. Wait is required.
type Options struct {
	// Wait waits for a document, on the named reader or, where reader is empty, on
	// any. It reports through observe.
	Wait   func(ctx context.Context, reader string, observe func(Event)) (Card, error)
	Access icao.Access
	// NoResume ends the tap where the document is taken away, instead of asking for
	// it again.
	NoResume bool
	// ProbeExtended tries extended length where reader or chip say nothing about it.
	ProbeExtended bool
	// NoChipAuthentication leaves out what proves that the chip is no copy.
	NoChipAuthentication bool
	// Memory remembers how kinds of chips like to be asked; may be nil.
	Memory *icao.Memory
	// Uploader takes the files to SessionID; nil for no upload. FaceNFC sends the
	// portrait as a picture, too.
	Uploader  Uploader
	FaceNFC   bool
	SessionID string
	// Deferrer keeps what cannot be uploaded now; may be nil. Defer keeps everything,
	// without a try; SessionID may then be empty for a session of its own.
	Deferrer Deferrer
	Defer    bool
	OnFailed OnFailed
	// Zone is the machine-readable zone of the data page, where all of it is known.
	Zone *mrz.MRZ
	// Profile says which deviations from the standard are minded, in files and in the
	// dialogue with the chip.
	Profile verdict.Profile
	// Trust holds the country signers; nil is none.
	Trust *trust.Store
	// RequireTrust makes an undetermined verdict an error.
	RequireTrust bool
	// Warnings are what is known before the document is there.
	Warnings []Warning
	// Software names program and version in the report.
	Software string
	// Observe is told of every step; may be nil.
	Observe func(Event)
	// Judged is told of the verdict before anything is uploaded; may be nil. What it
	// gets must not be changed.
	Judged func(Report, *lds.Document)
	// Random gives nonces and the transaction's identifier; crypto/rand where nil.
	Random io.Reader
	// Now is the clock; time.Now where nil.
	Now func() time.Time
}

// Uploader is the part of upload.Client that a tap needs.
type Uploader interface {
	UploadNFC(ctx context.Context, sessionID string, docs upload.NFCDocuments, observe func(upload.Event)) (upload.Receipt, error)
	UploadImage(ctx context.Context, sessionID string, image upload.Image, observe func(upload.Event)) (upload.Receipt, error)
}

// Result is what a tap came to. Document holds personal data: it is nil where
// nothing was read.
type Result struct {
	Report   Report
	Document *lds.Document
	// Evidence is what is left of the chip's proof that it is no copy.
	Evidence Evidence
	// Err is nil, or an error with a code of package fault whose Exit is the exit
	// status of the tap. Of several, the one that decides: what kept the document
	// from being read, then what kept it from being uploaded, then a failed check.
	Err error
}

// Run does one tap.
func Run(ctx context.Context, o Options) Result {
	t := newTap(o)
	err := t.run(ctx)
	t.report.Error = ErrorOf(err)
	return Result{Report: t.report, Document: t.document, Evidence: t.evidence, Err: err}
}

// Aborted is what a tap comes to that could not be begun.
func Aborted(software string, err error) Result {
	t := newTap(Options{Software: software})
	t.report.Error = ErrorOf(err)
	return Result{Report: t.report, Err: err}
}

type tap struct {
	Options
	report   Report
	document *lds.Document
	proof    verdict.Proof
	evidence Evidence
	card     Card
	reader   string
}

func newTap(o Options) *tap {
	if o.Observe == nil {
		o.Observe = func(Event) {}
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Profile == "" {
		o.Profile = verdict.Field
	}
	return &tap{Options: o, report: Report{
		Schema: Schema, Software: o.Software, Profile: string(o.Profile), Status: StatusAborted,
		Files: map[string]File{}, Checks: []verdict.Check{}, Warnings: append([]Warning{}, o.Warnings...),
		Upload: Upload{State: UploadNone, SessionID: o.SessionID},
	}}
}

func (t *tap) run(ctx context.Context) error {
	var id [16]byte
	if _, err := io.ReadFull(t.Random, id[:]); err != nil {
		return fault.New(fault.Unexpected, "random numbers", err)
	}
	t.report.TransactionID = fmt.Sprintf("%x", id)
	protected, err := t.read(ctx)
	if err != nil {
		return err
	}
	checkErr := t.judge(protected)
	err = t.upload(ctx, checkErr)
	if err == nil || checkErr != nil && errors.Is(err, fault.UploadQueued) {
		return checkErr
	}
	return err
}

// read waits for the document and reads it. The card is closed before anything
// slow happens: a chip that waits is reset by some systems.
func (t *tap) read(ctx context.Context) (protected bool, err error) {
	defer t.letGo()
	if t.card, err = t.Wait(ctx, "", t.observe); err != nil {
		return false, err
	}
	t.reader = t.card.Reader()
	t.report.Reader = Reader{Name: t.reader, ExtendedLength: extended(t.card.Limits())}
	t.observe(Event{Kind: EventDocument})

	started := t.Now()
	options := icao.Options{Access: t.Access, Random: t.Random, Observe: t.reading, ProbeExtended: t.ProbeExtended, NoChipAuthentication: t.NoChipAuthentication, Memory: t.Memory, Without: icao.Without(t.Profile)}
	if !t.NoResume {
		options.PutBack = t.putBack
	}
	session, err := icao.Open(ctx, t.card, options)
	if err != nil {
		return false, err
	}
	t.report.Access = Access{Protocol: session.Protocol(), Cipher: session.Cipher()}
	t.document, err = session.ReadDocument(ctx)
	t.proof = session.Proof()
	t.evidence = evidenceOf(session, t.Now())
	traffic := session.Traffic()
	t.report.Wire = Wire{
		Commands: traffic.Commands, SentBytes: traffic.SentBytes, ReceivedBytes: traffic.ReceivedBytes,
		Seconds: t.Now().Sub(started).Seconds(),
	}
	t.report.Files = filesOf(t.document)
	return session.Cipher() != "", err
}

// putBack waits for the document that was taken away, on the reader where it lay.
func (t *tap) putBack(ctx context.Context) (iso7816.Card, error) {
	t.letGo()
	card, err := t.Wait(ctx, t.reader, func(Event) {})
	if err != nil {
		return nil, err
	}
	t.card = card
	return card, nil
}

// letGo closes the card. What was read is read: a card that cannot be closed any
// more is gone.
func (t *tap) letGo() {
	if t.card != nil {
		_ = t.card.Close()
		t.card = nil
	}
}

func extended(limits iso7816.Limits) *bool {
	switch limits.Extended {
	case iso7816.Yes, iso7816.No:
		yes := limits.Extended == iso7816.Yes
		return &yes
	default:
		return nil
	}
}

// judge makes the checks and returns the error that a failed one is.
func (t *tap) judge(protected bool) error {
	v := verdict.Judge(verdict.Input{
		Document: t.document, Protected: protected, Key: t.Access.Key, Zone: t.Zone, Proof: t.proof, Profile: t.Profile, Trust: t.Trust, At: t.Now(),
	})
	t.report.judged(v, t.document, t.Trust)
	t.report.Authentication = authenticationOf(t.proof)
	if t.Judged != nil {
		t.Judged(t.report, t.document)
	}
	t.observe(Event{Kind: EventJudged})
	return verdictError(v, t.RequireTrust)
}

// verdictError is the error that a verdict is for the caller.
func verdictError(v verdict.Verdict, requireTrust bool) error {
	switch {
	case v.Status == verdict.Failed:
		return fault.New(fault.CheckFailed, failedNames(v.Checks), nil)
	case v.Status == verdict.Undetermined && requireTrust:
		return fault.New(fault.TrustRequired, "", nil)
	default:
		return nil
	}
}

func failedNames(checks []verdict.Check) string {
	var names []string
	for _, c := range checks {
		if c.Result == verdict.Failed {
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, ", ")
}

// upload hands the files over, unless a check failed and the caller does not
// want such documents sent.
func (t *tap) upload(ctx context.Context, checkErr error) error {
	if t.Uploader == nil && !t.Defer {
		return nil
	}
	if checkErr != nil {
		switch t.OnFailed {
		case RefuseOnFailed:
			t.report.Upload.State = UploadRefused
			return nil
		case HoldOnFailed:
			return t.keep(ctx, queue.Plan{Hold: true})
		}
	}
	if t.Defer {
		return t.keep(ctx, queue.Plan{})
	}
	t.observe(Event{Kind: EventUploading})
	files := t.document.Files
	receipt, err := t.Uploader.UploadNFC(ctx, t.SessionID, upload.NFCDocuments{
		COM: files[lds.COM], SOD: files[lds.SOD], DG1: files[lds.DG1], DG2: files[lds.DG2],
	}, t.uploading)
	if err != nil {
		t.report.Upload.State = UploadState(err)
		return t.keepFailed(err, func(uncertain bool) error { return t.keep(ctx, queue.Plan{Uncertain: uncertain}) })
	}
	accepted, warnings := Accepted(t.SessionID, receipt)
	t.report.Upload = accepted
	t.report.Warnings = append(t.report.Warnings, warnings...)
	if t.FaceNFC {
		portrait, warnings, err := UploadPortrait(ctx, t.Uploader, t.SessionID, files[lds.DG2], t.uploading)
		t.report.Portrait = &portrait
		t.report.Warnings = append(t.report.Warnings, warnings...)
		if err != nil {
			return t.keepFailed(err, func(uncertain bool) error {
				file, _ := portraitFile(files[lds.DG2]) // it was sent
				return t.keepPortrait(ctx, queue.Image{Context: media.FaceNFC, Content: file.Content}, uncertain)
			})
		}
	}
	t.observe(Event{Kind: EventUploaded})
	return nil
}

func (t *tap) uploading(e upload.Event) {
	t.observe(Event{Kind: EventUploading, Done: e.Sent, Total: e.Total})
}

// Accepted describes an upload that the service has confirmed.
func Accepted(sessionID string, receipt upload.Receipt) (Upload, []Warning) {
	warnings := []Warning{}
	for _, w := range receipt.Warnings {
		warnings = append(warnings, Warning{Name: string(w.Code), Text: w.Text})
	}
	return Upload{State: UploadAccepted, SessionID: sessionID, MediaID: receipt.MediaID, Size: receipt.Size, MIMEType: receipt.MIMEType}, warnings
}

// UploadState returns the state that an upload's error stands for.
func UploadState(err error) string {
	switch {
	case errors.Is(err, fault.UploadUncertain):
		return UploadUncertain
	case fault.Lookup(fault.From(err).Code).Exit == fault.ExitRefused:
		return UploadRefused
	default:
		return UploadFailed
	}
}

func (t *tap) observe(e Event) {
	if e.Reader == "" {
		e.Reader = t.reader
	}
	t.Observe(e)
}

// reading turns the events of the document into those of the tap.
func (t *tap) reading(e icao.Event) {
	event := Event{File: e.File.String(), Done: e.Done, Total: e.Total}
	switch e.Kind {
	case icao.AccessOpened:
		event = Event{Kind: EventOpened}
	case icao.FileProgress:
		event.Kind = EventReading
	case icao.FileComplete:
		event.Kind = EventFile
	case icao.FileAbsent:
		event.Kind = EventFileAbsent
	case icao.Removed:
		event = Event{Kind: EventRemoved}
	case icao.Proving:
		event = Event{Kind: EventProving}
	case icao.Resumed:
		event = Event{Kind: EventResumed}
	default:
		return
	}
	t.observe(event)
}
