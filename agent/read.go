package agent

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"passport-agent/icao"
	"passport-agent/icao/lds"
	"passport-agent/icao/mrz"
	"passport-agent/internal/fault"
	"passport-agent/tap"
)

// State is how far a reading is.
type State string

// The states of a reading.
const (
	StateWaiting   State = "waiting"
	StateReading   State = "reading"
	StateProving   State = "proving"
	StateJudging   State = "judging"
	StateUploading State = "uploading"
	StateDone      State = "done"      // read, and handed over as was asked; the report says how it was judged
	StateFailed    State = "failed"    // not read, or not handed over
	StateCancelled State = "cancelled" // by its caller, or because the agent stops
)

func (s State) ended() bool { return s == StateDone || s == StateFailed || s == StateCancelled }

// CreateSession as a Request's Session asks for a new session at the service.
const CreateSession = "create"

// Request is what a reading is to do.
type Request struct {
	Access   icao.Access
	Zone     *mrz.MRZ // where all of it is known
	Warnings []tap.Warning
	// Reader is the name of the reader, or a part of it; empty is the agent's.
	Reader string
	// Session is where to upload to; CreateSession makes one, empty uploads nothing.
	Session string
	// Defer puts the document into the queue.
	Defer bool
	// Submit submits the session when everything is there.
	Submit   bool
	OnFailed tap.OnFailed // the agent's where empty
	// Wait is how long to wait for the document; the agent's where 0.
	Wait time.Duration
}

// Status is what may be known about a reading. Nothing in it is personal.
type Status struct {
	ID    string
	State State
	// Phase is the last step of the tap.
	Phase   tap.EventKind
	File    string
	Percent int
	// Elapsed is the time since the document was there.
	Elapsed time.Duration
	Reader  string
	Created time.Time
	// Expires is when personal data will be erased; zero while there is no end yet.
	Expires time.Time
	// SessionID is that of the upload, also where it was created for it.
	SessionID string
	Submitted bool
	// Report is nil before the verdict.
	Report *tap.Report
	Err    error
	// Portrait says that there is one to be shown.
	Portrait bool
	// Version counts changes.
	Version uint64
}

// Trace is where the time of a reading went.
type Trace struct {
	Connected, Judged, Ended time.Time
	// Transmit is the time in commands to the chip, Upload that from the first byte to
	// the service to its answer.
	Transmit, Upload time.Duration
}

// Read is one reading: the wait for a document, its reading and what follows.
type Read struct {
	agent *Agent
	id    string
	owner string
	// operator is who was at the desk when the reading began, whoever is when it ends.
	operator string
	request  Request
	access   fingerprint
	cancel   context.CancelFunc

	mu      sync.Mutex
	status  Status
	changed chan struct{}
	trace   Trace
	holder  *tap.Holder
	picture []byte // encoded, its hash proved
	png     []byte
	erased  bool
	erase   *time.Timer
}

// ID names the reading.
func (r *Read) ID() string { return r.id }

// Status returns what is known now, and a channel that is closed with the next change.
func (r *Read) Status() (Status, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.status
	if !s.State.ended() && !r.trace.Connected.IsZero() {
		s.Elapsed = r.agent.options.Now().Sub(r.trace.Connected)
	}
	return s, r.changed
}

// Trace returns where the time went.
func (r *Read) Trace() Trace {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trace
}

func (r *Read) transmitted(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trace.Transmit += d
}

func (r *Read) wait() time.Duration {
	if r.request.Wait > 0 {
		return r.request.Wait
	}
	return r.agent.options.Wait
}

// change changes the status and tells of it.
func (r *Read) change(do func(*Status)) {
	r.mu.Lock()
	before := r.status
	do(&r.status)
	if same(r.status, before) {
		r.mu.Unlock()
		return
	}
	r.status.Version++
	close(r.changed)
	r.changed = make(chan struct{})
	now := r.status.State
	r.mu.Unlock()
	if now != before.State {
		r.agent.events.publish(Event{Kind: EventRead, Read: r.id, State: now})
	}
}

// same compares all but the error, which never changes alone.
func same(a, b Status) bool {
	a.Err, b.Err = nil, nil
	return a == b
}

// run does the reading.
func (r *Read) run(ctx context.Context) {
	a := r.agent
	options := tap.Options{
		Wait: func(ctx context.Context, reader string, observe func(tap.Event)) (tap.Card, error) {
			return a.wait(ctx, r, reader, observe)
		},
		Access: r.request.Access, Zone: r.request.Zone, Warnings: r.request.Warnings, Defer: r.request.Defer, FaceNFC: a.options.FaceNFC,
		OnFailed: r.request.OnFailed, Profile: a.options.Profile, RequireTrust: a.options.RequireTrust,
		NoResume: a.options.NoResume, ProbeExtended: a.options.ProbeExtended, NoChipAuthentication: a.options.NoChipAuthentication, Memory: a.options.Memory,
		Software: a.options.Software, Observe: r.observe, Judged: r.judged, Now: a.options.Now,
	}
	uploader := &uploader{read: r, service: a.options.Service, create: r.request.Session == CreateSession}
	if !uploader.create {
		options.SessionID = r.request.Session
	}
	if r.request.Session != "" && !r.request.Defer {
		options.Uploader = uploader
	}
	if a.options.Queue != nil {
		options.Deferrer = uploader
	}
	var trustErr error
	if a.options.Trust != nil {
		// A store that cannot be read any more leaves the one that was read before.
		options.Trust, trustErr = a.options.Trust.Store(ctx)
	}
	if trustErr != nil && options.Trust == nil {
		r.finish(tap.Aborted(a.options.Software, trustErr), uploader)
		return
	}
	r.finish(tap.Run(ctx, options), uploader)
}

// finish takes the result. The files of the document are overwritten: from here on
// only what is shown is kept.
func (r *Read) finish(result tap.Result, u *uploader) {
	a := r.agent
	if u.session != "" {
		result.Report.Upload.SessionID = u.session
	}
	submitted, err := r.submit(result)
	if result.Err == nil {
		result.Err = err
		result.Report.Error = tap.ErrorOf(err)
	}
	code := fault.Code("")
	if f := fault.From(result.Err); f != nil {
		code = f.Code
	}
	a.readers.release(r.id, r.access, result.Document != nil && result.Document.MRZ != nil && result.Report.Status != tap.StatusAborted,
		errors.Is(result.Err, fault.ReaderStuck), result.Report.Reader.ExtendedLength)
	a.options.Learned()
	wipe(result.Document)
	// A copy: a pointer into the result would keep its document.
	report := result.Report
	now := a.options.Now()
	r.mu.Lock()
	r.trace.Ended = now
	r.request = Request{}
	r.mu.Unlock()
	r.change(func(s *Status) {
		s.Report, s.Err, s.Submitted, s.SessionID = &report, result.Err, submitted, report.Upload.SessionID
		s.Expires = now.Add(a.options.Keep)
		if !r.trace.Connected.IsZero() {
			s.Elapsed = now.Sub(r.trace.Connected)
		}
		switch code {
		case "", fault.CheckFailed, fault.TrustRequired, fault.UploadQueued:
			s.State, s.Percent = StateDone, 100
		case fault.Interrupted:
			s.State = StateCancelled
		default:
			s.State = StateFailed
		}
	})
	a.options.Audit(Record{Time: now, Kind: RecordRead, Operator: r.operator, Report: &report, Trace: r.Trace()})
	a.events.publish(Event{Kind: EventReaders})
	r.eraseLater(a.options.Keep)
}

// submit ends the session where that was asked for and everything has arrived.
func (r *Read) submit(result tap.Result) (bool, error) {
	if !r.request.Submit || result.Report.Upload.State != tap.UploadAccepted {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.agent.options.Grace)
	defer cancel()
	if err := r.agent.options.Service.Submit(ctx, result.Report.Upload.SessionID); err != nil {
		return false, err
	}
	return true, nil
}

// wipe overwrites what a chip has given. Copies that the runtime made, and text, are
// not reached (docs/security.md).
func wipe(d *lds.Document) {
	if d == nil {
		return
	}
	for _, file := range d.Files {
		clear(file)
	}
}

// judged keeps what may be shown. A picture is kept only where its hash is proved.
func (r *Read) judged(report tap.Report, document *lds.Document) {
	shown := report
	if document.MRZ != nil {
		shown.ShowHolder(document.MRZ, r.agent.options.Now())
	}
	var picture []byte
	if r.agent.options.Portrait != nil && report.PortraitProved() && document.Face != nil && len(document.Face.Portraits) > 0 {
		picture = append(picture, document.Face.Portraits[0].Image...)
	}
	r.mu.Lock()
	r.trace.Judged = r.agent.options.Now()
	r.holder, r.picture = shown.Holder, picture
	r.mu.Unlock()
	r.change(func(s *Status) { s.Report, s.Portrait = &report, picture != nil })
}

// observe takes a step of the tap.
func (r *Read) observe(e tap.Event) {
	r.change(func(s *Status) {
		s.Phase = e.Kind
		if e.Reader != "" {
			s.Reader = e.Reader
		}
		s.File = ""
		switch e.Kind {
		case tap.EventNoReader, tap.EventWaiting, tap.EventUnresponsive, PhaseRemovePrevious:
			s.State = StateWaiting
		case tap.EventDocument:
			s.State = StateReading
			r.trace.Connected = r.agent.options.Now()
		case tap.EventProving:
			s.State = StateProving
		case tap.EventJudged:
			s.State = StateJudging
		case tap.EventUploading, tap.EventUploaded, tap.EventQueued:
			s.State = StateUploading
		default:
			s.State = StateReading
			s.File = e.File
		}
		s.Percent = max(s.Percent, percent(e))
	})
}

// begin is the percentage at which a file's bytes begin to count: they are in the
// order of reading, and DG2 is nearly all.
var begin = map[string]int{"COM": 6, "DG1": 8, "SOD": 10, "DG14": 16, "DG15": 18, "DG2": 20}

// percent is how far a tap is.
func percent(e tap.Event) int {
	part := func(from, to int) int {
		if e.Total <= 0 {
			return from
		}
		return from + int(math.Round(float64(to-from)*float64(min(e.Done, e.Total))/float64(e.Total)))
	}
	switch e.Kind {
	case tap.EventDocument:
		return 2
	case tap.EventOpened:
		return 5
	case tap.EventReading, tap.EventFile:
		from := begin[e.File]
		if e.File == "DG2" {
			return part(from, 85)
		}
		return part(from, from+2)
	case tap.EventProving:
		return 19
	case tap.EventJudged:
		return 88
	case tap.EventUploading:
		return part(88, 98)
	case tap.EventUploaded, tap.EventQueued:
		return 99
	default:
		return 0
	}
}

// Holder returns what DG1 says. It fails with fault.ReadNotJudged or
// fault.PersonalDataGone.
func (r *Read) Holder() (tap.Holder, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.erased:
		return tap.Holder{}, fault.New(fault.PersonalDataGone, "", nil)
	case r.holder == nil:
		return tap.Holder{}, fault.New(fault.ReadNotJudged, "", nil)
	}
	return *r.holder, nil
}

// Portrait returns the portrait as PNG, a copy that the caller overwrites after use. It
// fails as Holder does, and with fault.PortraitUnavailable.
func (r *Read) Portrait(ctx context.Context) ([]byte, error) {
	r.mu.Lock()
	picture, png, erased, judged := slices.Clone(r.picture), slices.Clone(r.png), r.erased, r.holder != nil
	r.mu.Unlock()
	defer clear(picture)
	switch {
	case erased:
		return nil, fault.New(fault.PersonalDataGone, "", nil)
	case png != nil:
		return png, nil
	case !judged:
		return nil, fault.New(fault.ReadNotJudged, "", nil)
	case picture == nil:
		return nil, fault.New(fault.PortraitUnavailable, "", nil)
	}
	png, err := r.agent.options.Portrait(ctx, picture)
	if err != nil {
		return nil, fault.New(fault.PortraitUnavailable, "", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.erased {
		clear(png)
		return nil, fault.New(fault.PersonalDataGone, "", nil)
	}
	r.png = png
	return slices.Clone(png), nil
}

// Cancel ends the reading, as soon as the command under way at the chip has come back.
func (r *Read) Cancel() { r.cancel() }

// end ends the reading. An upload under way is ended only where hard is set: it might
// have arrived.
func (r *Read) end(hard bool) {
	status, _ := r.Status()
	if hard || status.State != StateUploading {
		r.cancel()
	}
}

// Extend keeps the personal data for as long again as at the end of the reading. It
// fails with fault.PersonalDataGone, or fault.ReadNotJudged before the end.
func (r *Read) Extend() error {
	r.mu.Lock()
	erased, ended := r.erased, r.status.State.ended()
	r.mu.Unlock()
	switch {
	case erased:
		return fault.New(fault.PersonalDataGone, "", nil)
	case !ended:
		return fault.New(fault.ReadNotJudged, "", nil)
	}
	keep := r.agent.options.Keep
	r.change(func(s *Status) { s.Expires = r.agent.options.Now().Add(keep) })
	r.eraseLater(keep)
	return nil
}

func (r *Read) eraseLater(in time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.erase != nil {
		r.erase.Stop()
	}
	r.erase = time.AfterFunc(in, r.forget)
}

// forget erases the personal data.
func (r *Read) forget() {
	r.mu.Lock()
	if r.erase != nil {
		r.erase.Stop()
	}
	clear(r.picture)
	clear(r.png)
	r.holder, r.picture, r.png, r.erased = nil, nil, nil, true
	r.mu.Unlock()
	r.change(func(s *Status) { s.Portrait = false })
	r.agent.scrubSoon()
}
