package agent_test

import (
	"bytes"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/agent"
	"passport-agent/icao/trust"
	"passport-agent/icao/verdict"
	"passport-agent/internal/fault"
	"passport-agent/pcsc"
	"passport-agent/tap"
	"passport-agent/upload/queue"
)

// lines is a log that a test looks at while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func journal() (*agent.Journal, *lines) {
	l := &lines{}
	return agent.NewJournal(slog.New(slog.NewTextHandler(l, nil))), l
}

// comes waits until a record is there.
func (l *lines) comes(t *testing.T, record string) {
	t.Helper()
	require.Eventually(t, func() bool { return regexp.MustCompile(record).MatchString(l.String()) }, patience, 5*time.Millisecond, "%s", record)
}

// Readers that come and go, fall silent and answer again, and a smart card service that
// goes away, each stand there once, however often they are seen.
func TestTheJournalTellsOfReaders(t *testing.T) {
	d := newDesk(t, agent.Options{})
	j, log := journal()
	followed := make(chan struct{})
	go func() { defer close(followed); j.Follow(d.agent) }()
	d.set(nil, reader("Desk", pcsc.ReaderEmpty, 0))
	log.comes(t, `level=INFO msg="reader plugged in" reader=Desk state=empty`)
	d.set(nil, reader("Desk", pcsc.ReaderDocument, 1))
	d.set(nil, reader("Desk", pcsc.ReaderMute, 1))
	log.comes(t, `level=INFO msg="reader does not answer" reader=Desk state=unresponsive`)
	d.set(nil, reader("Desk", pcsc.ReaderEmpty, 2))
	log.comes(t, `level=INFO msg="reader answers again" reader=Desk state=empty`)
	for range 3 {
		d.set(fault.New(fault.PCSCNoService, "", nil))
	}
	log.comes(t, `level=WARN msg="readers cannot be watched" code=pcsc_no_service`)
	d.set(nil)
	log.comes(t, `level=INFO msg="smart card service answers again"`)
	log.comes(t, `level=INFO msg="reader unplugged" reader=Desk`)
	d.stop()
	<-followed
	require.Equal(t, 6, strings.Count(log.String(), "\n"), log.String())
}

// A reader that hangs within a command is given up by its reading, which is for whoever
// looks after the machine.
func TestTheJournalTellsOfStuckReaders(t *testing.T) {
	j, log := journal()
	r := tap.Aborted("test", fault.New(fault.ReaderStuck, "", nil)).Report
	r.Reader.Name = "Desk"
	j.Record(agent.Record{Kind: agent.RecordRead, Report: &r})
	require.Regexp(t, `level=WARN msg="reading ended: the reader is stuck and was given up" transaction=\S+ status=aborted reader=Desk .* code=reader_stuck`, log.String())
}

// A list that is too old is told at the start, by kind and number.
func TestTheJournalTellsOfAnOldTrustList(t *testing.T) {
	d := newDesk(t, agent.Options{})
	store := &trust.Store{}
	_, err := store.Import(d.document.CSCA, trust.ImportOptions{})
	require.NoError(t, err)
	folder := t.TempDir()
	require.NoError(t, store.Save(t.Context(), folder))
	old := newDesk(t, agent.Options{Trust: agent.NewTrustFile(folder), Now: func() time.Time { return time.Now().AddDate(30, 0, 0) }})
	j, log := journal()
	old.stop()
	j.Follow(old.agent)
	require.Regexp(t, `level=INFO msg="trust list" signers=1`, log.String())
	require.Regexp(t, `level=WARN msg="trust list wants attention" concern=country_signer_expired count=1`, log.String())
}

// Which checks failed and what became of the upload stand there; who is at the desk, and
// the session, do not. What cannot be put right at the desk is a warning.
func TestTheJournalTellsOfReadings(t *testing.T) {
	for name, c := range map[string]struct {
		record agent.Record
		want   string
	}{
		"a failed check": {agent.Record{Kind: agent.RecordRead, Operator: "op-7", Report: &tap.Report{
			TransactionID: "t1", Status: "failed", Access: tap.Access{Protocol: "BAC"}, Wire: tap.Wire{Seconds: 1.23456},
			Checks: []verdict.Check{{Name: "a", Result: verdict.Failed}, {Name: "b", Result: verdict.Successful}, {Name: "c", Result: verdict.Undetermined}, {Name: "d", Result: verdict.Failed}},
			Upload: tap.Upload{State: tap.UploadAccepted, SessionID: session, MediaID: "m", Size: 9}, Error: tap.ErrorOf(fault.New(fault.CheckFailed, "", nil)),
		}}, `level=INFO msg="reading ended" transaction=t1 status=failed reader="" access=BAC seconds=1.235 checks.successful=1 checks.not_supported=0 checks.failed=a,d checks.undetermined=c upload.state=accepted upload.bytes=9 code=check_failed error=`},
		"an upload that failed": {agent.Record{Kind: agent.RecordRead, Report: &tap.Report{
			TransactionID: "t2", Upload: tap.Upload{State: tap.UploadFailed, SessionID: session}, Portrait: &tap.Upload{State: tap.UploadRefused}, Error: tap.ErrorOf(fault.New(fault.UploadUnauthorized, "", nil)),
		}}, `level=WARN msg="reading ended" transaction=t2 .*upload.state=failed portrait.state=refused code=upload_unauthorized`},
		"a picture": {agent.Record{Kind: agent.RecordPicture, Upload: tap.Upload{State: tap.UploadAccepted, SessionID: session, Size: 5}},
			`level=INFO msg="picture ended" upload.state=accepted upload.bytes=5\n`},
		"a shift": {agent.Record{Kind: agent.RecordShift, Operator: "op-7"}, `level=INFO msg="shift changed" begun=true\n`},
	} {
		t.Run(name, func(t *testing.T) {
			j, log := journal()
			j.Record(c.record)
			require.Regexp(t, c.want, log.String())
			require.NotContains(t, log.String(), "op-7")
			require.NotContains(t, log.String(), session)
		})
	}
}

// What readers and services say of themselves stays within its value.
func TestNobodyForgesALineOfTheJournal(t *testing.T) {
	const hostile = "x\n\rtime=2027-01-01T08:00:00Z level=ERROR msg=forged\u2028\u202e\x1b[2J\x00\xff\""
	j, log := journal()
	d := newDesk(t, agent.Options{}, reader(hostile, pcsc.ReaderEmpty, 0))
	followed := make(chan struct{})
	go func() { defer close(followed); j.Follow(d.agent) }()
	log.comes(t, "reader plugged in")
	d.stop()
	<-followed
	r := tap.Report{Reader: tap.Reader{Name: hostile}, Error: &tap.Error{Code: fault.UploadRejected, Message: hostile}}
	j.Record(agent.Record{Kind: agent.RecordRead, Report: &r})
	j.Queue(queue.Event{Kind: queue.EventSurplus, Item: hostile, Detail: hostile})
	require.Regexp(t, `^(time=\S+ level=(INFO|WARN) msg="(reader plugged in|reading ended|queue surplus)" [ -~]+\n){3}$`, log.String())
}

// Each step of the queue stands there; that it waits for the same thing once.
func TestTheJournalTellsOfTheQueue(t *testing.T) {
	j, log := journal()
	for _, e := range []queue.Event{
		{Kind: queue.EventSending, Item: "i1", Done: 5},
		{Kind: queue.EventAccepted, Item: "i1", Step: 1, Steps: 2},
		{Kind: queue.EventPaused, Code: fault.UploadUnauthorized}, {Kind: queue.EventPaused, Code: fault.UploadUnauthorized},
		{Kind: queue.EventResumed},
		{Kind: queue.EventPaused, Code: fault.UploadUnauthorized},
		{Kind: queue.EventRefused, Item: "i2", Code: fault.UploadRejected},
		{Kind: queue.EventLostSession, Item: "i3"},
	} {
		j.Queue(e)
	}
	require.Regexp(t, `^\S+ level=INFO msg="queue accepted" item=i1 step=1 steps=2
\S+ level=WARN msg="queue paused" code=upload_unauthorized
\S+ level=INFO msg="queue resumed"
\S+ level=WARN msg="queue paused" code=upload_unauthorized
\S+ level=WARN msg="queue refused" item=i2 code=upload_rejected
\S+ level=WARN msg="queue lost session" item=i3
$`, log.String())
}
