package agent_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/agent"
	"passport-agent/icao/trust"
	"passport-agent/internal/canary"
	"passport-agent/internal/fault"
	"passport-agent/internal/secret"
	"passport-agent/pcsc"
	"passport-agent/tap"
	"passport-agent/upload"
	"passport-agent/upload/sandbox"
	"passport-agent/virtual"
)

const (
	patience = 20 * time.Second
	session  = "f04bdb47-d3be-4b28-b028-a652feb060b5"
	owner    = "operator:test"
)

// desk is an agent with readers in memory.
type desk struct {
	t        *testing.T
	agent    *agent.Agent
	document *virtual.Document
	chip     *virtual.Chip
	stop     context.CancelFunc
	ended    chan struct{}

	mu       sync.Mutex
	readers  []pcsc.ReaderInfo
	err      error
	changed  chan struct{}
	connect  func(ctx context.Context, reader string) (tap.Card, error)
	records  []agent.Record
	connects int
}

type card struct {
	*virtual.Chip
	name string
}

func (c card) Reader() string { return c.name }
func (c card) Close() error   { return nil }

func newDesk(t *testing.T, o agent.Options, readers ...pcsc.ReaderInfo) *desk {
	t.Helper()
	d := &desk{t: t, readers: readers, changed: make(chan struct{}), ended: make(chan struct{})}
	var err error
	d.document, err = virtual.Personalise(virtual.Options{})
	require.NoError(t, err)
	d.chip, err = virtual.NewChip(d.document, virtual.ChipOptions{})
	require.NoError(t, err)
	d.connect = func(ctx context.Context, reader string) (tap.Card, error) {
		return card{d.chip, reader}, d.chip.Reset(ctx)
	}
	o.Watch = d.watch
	o.Connect = func(ctx context.Context, reader string, _ time.Duration) (tap.Card, error) {
		d.mu.Lock()
		connect := d.connect
		d.connects++
		d.mu.Unlock()
		return connect(ctx, reader)
	}
	o.Audit = func(r agent.Record) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.records = append(d.records, r)
	}
	d.agent = agent.New(o)
	ctx, cancel := context.WithCancel(context.Background())
	d.stop = cancel
	go func() { defer close(d.ended); d.agent.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-d.ended })
	return d
}

func (d *desk) watch(ctx context.Context, again <-chan struct{}, observe func([]pcsc.ReaderInfo, error)) {
	for {
		d.mu.Lock()
		readers, err, changed := slices.Clone(d.readers), d.err, d.changed
		d.mu.Unlock()
		observe(readers, err)
		select {
		case <-changed:
		case <-again:
		case <-ctx.Done():
			return
		}
	}
}

// set changes what is plugged in.
func (d *desk) set(err error, readers ...pcsc.ReaderInfo) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.readers, d.err = readers, err
	close(d.changed)
	d.changed = make(chan struct{})
}

func reader(name string, status pcsc.ReaderStatus, counter uint16) pcsc.ReaderInfo {
	return pcsc.ReaderInfo{Name: name, Status: status, Counter: counter}
}

func (d *desk) request() agent.Request {
	text, err := d.document.MRZ()
	require.NoError(d.t, err)
	access, zone, warnings, err := tap.AccessByZone(text)
	require.NoError(d.t, err)
	return agent.Request{Access: access, Zone: zone, Warnings: warnings}
}

func (d *desk) begin(r agent.Request) *agent.Read {
	d.t.Helper()
	read, created, err := d.agent.Create(owner, "", [32]byte{}, r)
	require.NoError(d.t, err)
	require.True(d.t, created)
	return read
}

// until waits until a reading is as it should be.
func until(t *testing.T, r *agent.Read, ready func(agent.Status) bool) agent.Status {
	t.Helper()
	deadline := time.After(patience)
	for {
		status, changed := r.Status()
		if ready(status) {
			return status
		}
		select {
		case <-changed:
		case <-deadline:
			require.FailNow(t, "it does not come to that", "%+v", status)
		}
	}
}

func ended(s agent.Status) bool {
	return s.State == agent.StateDone || s.State == agent.StateFailed || s.State == agent.StateCancelled
}

func phase(kind tap.EventKind) func(agent.Status) bool {
	return func(s agent.Status) bool { return s.Phase == kind }
}

// A reader is plugged in while a reading waits, and then the document is laid down.
func TestReadersMayBePluggedInLater(t *testing.T) {
	d := newDesk(t, agent.Options{})
	r := d.begin(d.request())
	until(t, r, phase(tap.EventNoReader))
	d.set(nil, reader("Desk", pcsc.ReaderEmpty, 0))
	until(t, r, phase(tap.EventWaiting))
	d.set(nil, reader("Desk", pcsc.ReaderDocument, 1))
	require.Equal(t, agent.StateDone, until(t, r, ended).State)
	require.Equal(t, 1, d.connects)
}

// One document is for one reading, and the other one waits for the next document.
func TestOneDocumentIsForOneReading(t *testing.T) {
	d := newDesk(t, agent.Options{Wait: time.Minute}, reader("Desk", pcsc.ReaderEmpty, 0))
	goOn := make(chan struct{})
	d.connect = func(ctx context.Context, name string) (tap.Card, error) {
		<-goOn
		return card{d.chip, name}, d.chip.Reset(ctx)
	}
	first, second := d.begin(d.request()), d.begin(d.request())
	until(t, first, phase(tap.EventWaiting))
	until(t, second, phase(tap.EventWaiting))
	d.set(nil, reader("Desk", pcsc.ReaderDocument, 1))
	require.Eventually(t, func() bool {
		readers, err := d.agent.Readers()
		return err == nil && len(readers) == 1 && readers[0].State == agent.ReaderBusy
	}, patience, 5*time.Millisecond)
	goOn <- struct{}{}
	// The same access data: when the first has ended the second may read it again, on
	// the same reader, never beside it.
	goOn <- struct{}{}
	until(t, first, ended)
	until(t, second, ended)
	require.Equal(t, 2, d.connects)
}

func TestReadingsNameTheirReader(t *testing.T) {
	d := newDesk(t, agent.Options{}, reader("Left 00", pcsc.ReaderDocument, 1), reader("Right 00", pcsc.ReaderDocument, 1))
	request := d.request()
	request.Reader = "right"
	require.Equal(t, "Right 00", until(t, d.begin(request), ended).Reader)
	request.Reader = "middle"
	failed := until(t, d.begin(request), ended)
	require.ErrorIs(t, failed.Err, fault.ReaderNotFound)
}

// What the end of the time means, and what keeps a reading from beginning.
func TestReadingsThatFindNoDocument(t *testing.T) {
	for name, c := range map[string]struct {
		err     error
		readers []pcsc.ReaderInfo
		connect error
		want    fault.Code
	}{
		"no reader":            {want: fault.NoReader},
		"no document":          {readers: []pcsc.ReaderInfo{reader("Desk", pcsc.ReaderEmpty, 0)}, want: fault.NoDocument},
		"no service":           {err: fault.New(fault.PCSCNoService, "", nil), want: fault.PCSCNoService},
		"another program":      {readers: []pcsc.ReaderInfo{reader("Desk", pcsc.ReaderInUse, 1)}, connect: fault.New(fault.ReaderBusy, "", nil), want: fault.ReaderBusy},
		"it does not answer":   {readers: []pcsc.ReaderInfo{reader("Desk", pcsc.ReaderMute, 1)}, connect: fault.New(fault.CardUnresponsive, "", nil), want: fault.CardUnresponsive},
		"it leaves every time": {readers: []pcsc.ReaderInfo{reader("Desk", pcsc.ReaderDocument, 1)}, connect: fault.New(fault.DocumentRemoved, "", nil), want: fault.NoDocument},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, agent.Options{}, c.readers...)
			d.set(c.err, c.readers...)
			d.mu.Lock()
			d.connect = func(context.Context, string) (tap.Card, error) { return nil, c.connect }
			d.mu.Unlock()
			request := d.request()
			request.Wait = 300 * time.Millisecond
			failed := until(t, d.begin(request), ended)
			require.Equal(t, agent.StateFailed, failed.State)
			require.ErrorIs(t, failed.Err, c.want)
			require.Less(t, d.connects, 3, "a document that cannot be had is not tried without end")
		})
	}
}

// A service that was started again since it was last looked for is found when a reading
// asks; one that ends under a reading that waits is waited for.
func TestAServiceThatComesBackIsUsed(t *testing.T) {
	desk := reader("Desk", pcsc.ReaderDocument, 1)
	d := newDesk(t, agent.Options{})
	d.set(fault.New(fault.PCSCNoService, "", nil))
	require.ErrorIs(t, until(t, d.begin(d.request()), ended).Err, fault.PCSCNoService)
	d.mu.Lock()
	d.readers, d.err = []pcsc.ReaderInfo{desk}, nil // and nobody tells the watch
	d.mu.Unlock()
	require.Equal(t, agent.StateDone, until(t, d.begin(d.request()), ended).State)

	// waits begins a reading that has seen the service up.
	waits := func(r agent.Request) *agent.Read {
		t.Helper()
		d.set(nil)
		require.Eventually(t, func() bool {
			readers, err := d.agent.Readers()
			return err == nil && len(readers) == 0
		}, patience, time.Millisecond)
		waiting := d.begin(r)
		until(t, waiting, phase(tap.EventNoReader))
		d.set(nil, reader("Desk", pcsc.ReaderEmpty, 2))
		until(t, waiting, phase(tap.EventWaiting))
		return waiting
	}
	waiting := waits(d.request())
	d.set(fault.New(fault.PCSCNoService, "", nil))
	until(t, waiting, phase(tap.EventNoReader))
	d.set(nil, desk)
	require.Equal(t, agent.StateDone, until(t, waiting, ended).State)

	request := d.request()
	request.Wait = 300 * time.Millisecond
	began := time.Now()
	waiting = waits(request)
	d.set(fault.New(fault.PCSCNoService, "", nil))
	require.ErrorIs(t, until(t, waiting, ended).Err, fault.PCSCNoService, "not that there was no document")
	require.GreaterOrEqual(t, time.Since(began), request.Wait)
}

// A reader that hangs is left alone until something about it changes.
func TestAReaderThatHangsIsReportedAndLeftAlone(t *testing.T) {
	d := newDesk(t, agent.Options{Wait: time.Minute}, reader("Desk", pcsc.ReaderDocument, 1))
	works := d.connect
	d.connect = func(context.Context, string) (tap.Card, error) { return nil, fault.New(fault.ReaderStuck, "", nil) }
	require.ErrorIs(t, until(t, d.begin(d.request()), ended).Err, fault.ReaderStuck)
	readers, err := d.agent.Readers()
	require.NoError(t, err)
	require.Equal(t, agent.ReaderUnresponsive, readers[0].State)

	next := d.begin(d.request())
	until(t, next, phase(tap.EventUnresponsive))
	d.mu.Lock()
	require.Equal(t, 1, d.connects, "nothing more is sent into it")
	d.connect = works
	d.mu.Unlock()
	d.set(nil, reader("Desk", pcsc.ReaderDocument, 3)) // plugged in again
	require.Equal(t, agent.StateDone, until(t, next, ended).State)
}

// What `trust import` brings counts from the next document on; a store that is damaged
// later does not undo it, and is told of.
func TestTheTrustStoreFollowsItsFile(t *testing.T) {
	dir := t.TempDir()
	file := agent.NewTrustFile(dir)
	d := newDesk(t, agent.Options{Trust: file}, reader("Desk", pcsc.ReaderDocument, 1))
	require.Equal(t, "undetermined", until(t, d.begin(d.request()), ended).Report.Status)

	store := &trust.Store{}
	_, err := store.Import(d.document.CSCA, trust.ImportOptions{})
	require.NoError(t, err)
	require.NoError(t, store.Save(t.Context(), dir))
	require.Equal(t, "successful", until(t, d.begin(d.request()), ended).Report.Status)
	followed, err := d.agent.Trust(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, followed.Len())

	require.NoError(t, os.WriteFile(filepath.Join(dir, trust.FileName), []byte("damaged"), 0o600))
	require.Equal(t, "successful", until(t, d.begin(d.request()), ended).Report.Status)
	followed, err = d.agent.Trust(t.Context())
	require.ErrorIs(t, err, fault.TrustStoreDamaged)
	require.Equal(t, 1, followed.Len())
}

func service(t *testing.T) (*sandbox.Server, *agent.Veriff) {
	t.Helper()
	server := sandbox.New(sandbox.Options{})
	server.AddSession(session)
	listening := httptest.NewServer(server)
	t.Cleanup(func() { server.Release(); listening.CloseClientConnections(); listening.Close() })
	client, err := upload.New(upload.Config{BaseURL: listening.URL, APIKey: sandbox.DemoAPIKey, Secret: secret.NewText(sandbox.DemoSecret), Timeout: 2 * time.Second})
	require.NoError(t, err)
	return server, &agent.Veriff{Client: client}
}

// A session is made when there is something to upload, gets the document, and is ended.
func TestASessionIsMadeFilledAndSubmitted(t *testing.T) {
	server, veriff := service(t)
	d := newDesk(t, agent.Options{Service: veriff}, reader("Desk", pcsc.ReaderDocument, 1))
	request := d.request()
	request.Session, request.Submit = agent.CreateSession, true
	done := until(t, d.begin(request), ended)
	require.NoError(t, done.Err)
	require.Equal(t, agent.StateDone, done.State)
	require.True(t, done.Submitted)
	require.Equal(t, tap.UploadAccepted, done.Report.Upload.State)
	require.Equal(t, done.SessionID, done.Report.Upload.SessionID)
	require.NotEqual(t, agent.CreateSession, done.SessionID)
	media := server.Media(done.SessionID)
	require.Len(t, media, 1)
	require.Equal(t, d.document.Files[virtual.SOD], media[0].SOD)

	request.Session, request.Submit = session, false
	require.Equal(t, session, until(t, d.begin(request), ended).SessionID)

	request.Session = "00000000-0000-4000-8000-000000000000"
	failed := until(t, d.begin(request), ended)
	require.Equal(t, agent.StateFailed, failed.State)
	require.ErrorIs(t, failed.Err, fault.SessionNotFound)
	require.Equal(t, "undetermined", failed.Report.Status, "the verdict stays")
}

// Records name who was at the desk and what a reading came to, and nobody's passport.
func TestRecordsNameTheOperatorAndNobodyElse(t *testing.T) {
	d := newDesk(t, agent.Options{}, reader("Desk", pcsc.ReaderDocument, 1))
	require.NoError(t, d.agent.SetShift("desk-7"))
	require.NoError(t, d.agent.SetShift("desk-7"))
	reading := d.begin(d.request())
	require.NoError(t, d.agent.SetShift(""))
	until(t, reading, ended)
	d.stop()
	<-d.ended
	require.Len(t, d.records, 3)
	require.Equal(t, []agent.RecordKind{agent.RecordShift, agent.RecordShift, agent.RecordRead}, []agent.RecordKind{d.records[0].Kind, d.records[1].Kind, d.records[2].Kind})
	require.Equal(t, []string{"desk-7", "", "desk-7"}, []string{d.records[0].Operator, d.records[1].Operator, d.records[2].Operator}, "who was there when it began")
	require.Equal(t, "undetermined", d.records[2].Report.Status)
	require.Positive(t, d.records[2].Trace.Transmit)
	require.True(t, d.records[2].Trace.Ended.After(d.records[2].Trace.Connected))

	text, err := json.Marshal(d.records)
	require.NoError(t, err)
	zone, err := d.document.MRZ()
	require.NoError(t, err)
	require.Empty(t, canary.Find(text, map[string][]byte{"zone": []byte(zone[44:]), "number": []byte(zone[44:53]), "name": []byte("ERIKSSON"), "DG1": d.document.Files[virtual.DataGroup(1)]}))
	require.Error(t, d.agent.SetShift("a\nb"))
}

// hanging is a service whose upload ends with its context only.
type hanging struct {
	*agent.Veriff
	began chan struct{}
}

func (h hanging) UploadNFC(ctx context.Context, _ string, _ upload.NFCDocuments, observe func(upload.Event)) (upload.Receipt, error) {
	observe(upload.Event{Sent: 1, Total: 2})
	close(h.began)
	<-ctx.Done()
	return upload.Receipt{}, fault.New(fault.UploadUncertain, "", ctx.Err())
}

// At the end an upload is given its time, and no more than that; new readings are
// refused, and what was personal is gone.
func TestTheEndWaitsForUploadsButNotForEver(t *testing.T) {
	_, veriff := service(t)
	h := hanging{veriff, make(chan struct{})}
	d := newDesk(t, agent.Options{Service: h, Grace: 300 * time.Millisecond}, reader("Desk", pcsc.ReaderDocument, 1))
	request := d.request()
	request.Session = session
	r := d.begin(request)
	<-h.began
	began := time.Now()
	d.stop()
	<-d.ended
	require.GreaterOrEqual(t, time.Since(began), 300*time.Millisecond)
	status, _ := r.Status()
	require.True(t, ended(status))
	require.Equal(t, tap.UploadUncertain, status.Report.Upload.State)
	_, err := r.Holder()
	require.ErrorIs(t, err, fault.PersonalDataGone)
	_, _, err = d.agent.Create(owner, "", [32]byte{}, d.request())
	require.ErrorIs(t, err, fault.AgentStopping)
	_, _, over, _ := d.agent.Events().After(d.agent.Events().Last())
	require.True(t, over)
}

func TestTheLogForgetsAndSaysSo(t *testing.T) {
	d := newDesk(t, agent.Options{})
	log := d.agent.Events()
	first := log.Last()
	log.Publish(agent.EventPairing)
	events, missed, _, _ := log.After(first)
	require.False(t, missed)
	require.NotEmpty(t, events)
	for range 300 {
		log.Publish(agent.EventPairing)
	}
	events, missed, _, _ = log.After(first)
	require.True(t, missed)
	require.Empty(t, events)
	_, missed, _, _ = log.After(log.Last() + 5)
	require.True(t, missed, "a number of the future is nobody's")
	events, missed, _, _ = log.After(log.Last() - 200)
	require.False(t, missed)
	require.Len(t, events, 200)
}

// Readings that have ended are forgotten when there are many, the oldest first.
func TestOldReadingsAreForgotten(t *testing.T) {
	d := newDesk(t, agent.Options{}, reader("Desk", pcsc.ReaderEmpty, 0))
	request := d.request()
	request.Wait = time.Nanosecond
	first := d.begin(request)
	for range 300 {
		until(t, d.begin(request), ended)
	}
	_, err := d.agent.Read(owner, first.ID())
	require.ErrorIs(t, err, fault.ReadUnknown)
	require.LessOrEqual(t, len(d.agent.Reads(owner)), 256)
}
