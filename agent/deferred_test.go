package agent_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/agent"
	"passport-agent/internal/fault"
	"passport-agent/pcsc"
	"passport-agent/tap"
	"passport-agent/upload"
	"passport-agent/upload/queue"
	"passport-agent/upload/sandbox"
	"passport-agent/virtual"
)

func deferred(t *testing.T, client *upload.Client) *agent.Deferred {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "queue")
	d, err := agent.NewDeferred(client, func(observe func(queue.Event)) (*queue.Queue, error) {
		return queue.Open(queue.Options{Dir: dir, Keys: queue.PlaceFile, Settle: time.Millisecond, FirstPause: time.Hour, Observe: observe})
	}, nil)
	require.NoError(t, err)
	return d
}

func (d *desk) plan() queue.Plan {
	f := d.document.Files
	return queue.Plan{SessionID: session, NFC: upload.NFCDocuments{
		COM: f[virtual.COM], SOD: f[virtual.SOD], DG1: f[virtual.DataGroup(1)], DG2: f[virtual.DataGroup(2)],
	}}
}

// What waits is sent while the agent runs, also what comes later; one button makes
// everything due.
func TestTheQueueIsWorkedOff(t *testing.T) {
	server, veriff := service(t)
	q := deferred(t, veriff.Client)
	d := newDesk(t, agent.Options{Service: veriff, Queue: q})
	before := d.agent.Events().Last()
	_, err := q.Enqueue(t.Context(), d.plan())
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(server.Media(session)) == 1 }, patience, 5*time.Millisecond)
	require.Eventually(t, func() bool {
		events, _, _, _ := d.agent.Events().After(before)
		for _, e := range events {
			if e.Kind == agent.EventQueue {
				return true
			}
		}
		return false
	}, patience, 5*time.Millisecond)

	const late = "0c7b9e4e-5f0a-4a55-9f0c-6c1a2d3e4f50"
	plan := d.plan()
	plan.SessionID = late
	id, err := q.Enqueue(t.Context(), plan)
	require.NoError(t, err)
	var state agent.QueueState
	require.Eventually(t, func() bool {
		state, err = q.State(t.Context())
		return err == nil && len(state.Items) == 1 && state.Items[0].State == string(queue.Refused)
	}, patience, 5*time.Millisecond)
	require.Equal(t, id, state.Items[0].ID)
	require.Equal(t, string(fault.SessionNotFound), state.Items[0].Reason)
	require.Positive(t, state.Items[0].Bytes)
	server.AddSession(late)
	require.NoError(t, q.Retry(t.Context(), ""))
	require.Eventually(t, func() bool { return len(server.Media(late)) == 1 }, patience, 5*time.Millisecond)
	require.ErrorIs(t, q.Retry(t.Context(), "00000000000000000000000000000000"), fault.QueueItemUnknown)
}

// A queue that could not be worked on goes on when a person asks for it.
func TestTheButtonGoesOnWithAQueueThatHasStopped(t *testing.T) {
	server, veriff := service(t)
	dir := filepath.Join(t.TempDir(), "queue")
	open := func(observe func(queue.Event)) (*queue.Queue, error) {
		return queue.Open(queue.Options{Dir: dir, Keys: queue.PlaceFile, Observe: observe})
	}
	other, err := open(nil)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		err := error(fault.QueueBusy)
		for errors.Is(err, fault.QueueBusy) { // the third one below has it for a moment
			_, err = other.Work(ctx, queue.WorkOptions{Client: queue.API(veriff.Client), Until: queue.UntilStopped})
		}
		ended <- err
	}()
	third, err := open(nil)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := third.Work(t.Context(), queue.WorkOptions{Client: queue.API(veriff.Client), Until: queue.UntilEmpty})
		return errors.Is(err, fault.QueueBusy)
	}, patience, 5*time.Millisecond)

	q, err := agent.NewDeferred(veriff.Client, open, nil)
	require.NoError(t, err)
	d := newDesk(t, agent.Options{Service: veriff, Queue: q})
	require.Eventually(t, func() bool {
		state, err := q.State(t.Context())
		return err == nil && errors.Is(state.Paused, fault.QueueBusy)
	}, patience, 5*time.Millisecond)
	stop()
	require.ErrorIs(t, <-ended, fault.Interrupted)
	_, err = q.Enqueue(t.Context(), d.plan())
	require.NoError(t, err)
	require.NoError(t, q.Retry(t.Context(), ""))
	require.Eventually(t, func() bool { return len(server.Media(session)) == 1 }, patience, 5*time.Millisecond)
}

// Without an integration the queue keeps, and says why it does not send.
func TestAQueueWithoutAnIntegrationSaysSo(t *testing.T) {
	q := deferred(t, nil)
	d := newDesk(t, agent.Options{Queue: q})
	_, err := q.Enqueue(t.Context(), d.plan())
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		state, err := q.State(t.Context())
		return err == nil && fault.From(state.Paused) != nil && fault.From(state.Paused).Code == fault.ServiceNotConfigured && len(state.Items) == 1
	}, patience, 5*time.Millisecond)
}

// While another process works on the queue, the agent does not, and says so.
func TestAQueueThatAnotherProcessWorksOn(t *testing.T) {
	_, veriff := service(t)
	dir := filepath.Join(t.TempDir(), "queue")
	open := func(observe func(queue.Event)) (*queue.Queue, error) {
		return queue.Open(queue.Options{Dir: dir, Keys: queue.PlaceFile, Observe: observe})
	}
	began := make(chan struct{}, 64)
	other, err := open(func(queue.Event) { began <- struct{}{} })
	require.NoError(t, err)
	d := newDesk(t, agent.Options{})
	_, err = other.Enqueue(t.Context(), d.plan())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = other.Work(ctx, queue.WorkOptions{Client: queue.API(veriff.Client), Until: queue.UntilStopped}) // it is interrupted
	}()
	t.Cleanup(func() { cancel(); <-ended })
	q, err := agent.NewDeferred(veriff.Client, open, nil)
	require.NoError(t, err)
	working := make(chan struct{})
	<-began // it has the queue
	go func() { defer close(working); q.Work(ctx, func() {}) }()
	t.Cleanup(func() { cancel(); <-working })
	require.Eventually(t, func() bool {
		state, err := q.State(t.Context())
		return err == nil && fault.From(state.Paused) != nil && fault.From(state.Paused).Code == fault.QueueBusy
	}, patience, 5*time.Millisecond)
}

// What was to be deferred, or could not be uploaded now, is in the queue, and in its
// session in the end, once; a session that was made for it is the one.
func TestReadingsGoThroughTheQueue(t *testing.T) {
	server, veriff := service(t)
	q := deferred(t, veriff.Client)
	d := newDesk(t, agent.Options{Service: veriff, Queue: q}, reader("Desk", pcsc.ReaderDocument, 1))

	request := d.request()
	request.Session, request.Defer, request.Submit = session, true, true
	later := until(t, d.begin(request), ended)
	require.NoError(t, later.Err)
	require.Equal(t, agent.StateDone, later.State)
	require.Equal(t, tap.UploadQueued, later.Report.Upload.State)
	require.Eventually(t, func() bool { return server.Submitted(session) }, patience, 5*time.Millisecond)
	require.Len(t, server.Media(session), 1)

	// The session is made, the upload is refused for now: the queue has both.
	server.Inject(sandbox.TooManyRequests, 1)
	request = d.request()
	request.Session = agent.CreateSession
	queued := until(t, d.begin(request), ended)
	require.Equal(t, agent.StateDone, queued.State)
	require.ErrorIs(t, queued.Err, fault.UploadQueued)
	require.Equal(t, tap.UploadQueued, queued.Report.Upload.State)
	require.NotEmpty(t, queued.SessionID)
	require.Eventually(t, func() bool { return len(server.Media(queued.SessionID)) == 1 }, patience, 5*time.Millisecond)
}

// A picture that cannot be uploaded now waits with the rest; one that is none is refused.
func TestPicturesGoThroughTheQueue(t *testing.T) {
	q := deferred(t, nil)
	d := newDesk(t, agent.Options{Queue: q})
	var jpg bytes.Buffer
	require.NoError(t, jpeg.Encode(&jpg, image.NewGray(image.Rect(0, 0, 8, 8)), nil))
	state, item, err := d.agent.Picture(t.Context(), session, "document-front", jpg.Bytes())
	require.NoError(t, err)
	require.Equal(t, tap.UploadQueued, state)
	in, err := q.State(t.Context())
	require.NoError(t, err)
	require.Equal(t, item, in.Items[0].ID)
	_, _, err = d.agent.Picture(t.Context(), session, "document-front", []byte("no picture"))
	require.ErrorIs(t, err, fault.MediaFormatUnknown)
	_, _, err = d.agent.Picture(t.Context(), session, "no-such-context", jpg.Bytes())
	require.ErrorIs(t, err, fault.ContextUnknown)
}

// A kiosk without an API secret: what is for a session waits for the machine that sends it.
func TestWithoutAnIntegrationReadingsAreQueued(t *testing.T) {
	q := deferred(t, nil)
	d := newDesk(t, agent.Options{Queue: q}, reader("Kiosk", pcsc.ReaderDocument, 1))
	for _, wanted := range []string{session, agent.CreateSession} {
		request := d.request()
		request.Session = wanted
		done := until(t, d.begin(request), ended)
		require.NoError(t, done.Err)
		require.Equal(t, tap.UploadQueued, done.Report.Upload.State)
	}
	state, err := q.State(t.Context())
	require.NoError(t, err)
	require.Len(t, state.Items, 2)
}

// What became of a picture that was sent at once is written down, also where it was
// refused; what the queue sends, the queue writes down.
func TestPicturesAreWrittenDown(t *testing.T) {
	server, veriff := service(t)
	d := newDesk(t, agent.Options{Service: veriff})
	require.NoError(t, d.agent.SetShift("desk-7"))
	var jpg bytes.Buffer
	require.NoError(t, jpeg.Encode(&jpg, image.NewGray(image.Rect(0, 0, 8, 8)), nil))
	_, id, err := d.agent.Picture(t.Context(), session, "document-front", jpg.Bytes())
	require.NoError(t, err)
	server.Inject(sandbox.IntegrationInactive, 1)
	_, _, err = d.agent.Picture(t.Context(), session, "document-front", jpg.Bytes())
	require.ErrorIs(t, err, fault.IntegrationInactive)
	d.stop()
	<-d.ended
	require.Len(t, d.records, 3, "the shift and two pictures")
	for i, want := range []string{tap.UploadAccepted, tap.UploadRefused} {
		r := d.records[i+1]
		require.Equal(t, agent.RecordPicture, r.Kind)
		require.Equal(t, "desk-7", r.Operator)
		require.Equal(t, want, r.Upload.State)
	}
	require.Equal(t, id, d.records[1].Upload.MediaID)
	require.ErrorIs(t, d.records[2].Err, fault.IntegrationInactive)
}

// Whoever keeps the log is told why nothing is sent, also where the queue cannot say so
// itself.
func TestWhatKeepsTheQueueFromWorkingIsTold(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "queue")
	told := make(chan queue.Event, 16)
	q, err := agent.NewDeferred(nil, func(observe func(queue.Event)) (*queue.Queue, error) {
		return queue.Open(queue.Options{Dir: dir, Keys: queue.PlaceFile, Observe: observe})
	}, func(e queue.Event) { told <- e })
	require.NoError(t, err)
	newDesk(t, agent.Options{Queue: q})
	for {
		select {
		case e := <-told:
			if e.Kind != queue.EventPaused {
				continue
			}
			require.Equal(t, fault.ServiceNotConfigured, e.Code)
			return
		case <-time.After(patience):
			require.FailNow(t, "nothing is told")
		}
	}
}
