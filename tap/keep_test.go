package tap_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/tap"
	"passport-agent/upload"
	"passport-agent/upload/queue"
	"passport-agent/upload/sandbox"
	"passport-agent/virtual"
)

// withQueue gives a desk a queue of its own.
func withQueue(t *testing.T, d *desk) *queue.Queue {
	t.Helper()
	q, err := queue.Open(queue.Options{Dir: filepath.Join(t.TempDir(), "queue"), Keys: queue.PlaceFile, Settle: time.Millisecond})
	require.NoError(t, err)
	d.options.Deferrer = q
	return q
}

// deliver sends what is queued and returns what the session has then.
func deliver(t *testing.T, d *desk, q *queue.Queue) []sandbox.Media {
	t.Helper()
	_, err := q.Work(context.Background(), queue.WorkOptions{Client: queue.API(d.client), Until: queue.UntilEmpty})
	require.NoError(t, err)
	return d.sandbox.Media(session)
}

func away(t *testing.T, d *desk) *upload.Client {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return d.clientFor(t, "http://"+listener.Addr().String())
}

// With a queue, what cannot be uploaded now or may have been is kept, exit 9, and is
// in the session once in the end.
func TestWhatCannotBeUploadedNowIsQueued(t *testing.T) {
	for name, spoil := range map[string]func(*desk){
		"away":             func(d *desk) { d.options.Uploader = away(t, d) },
		"429":              func(d *desk) { d.sandbox.Inject(sandbox.TooManyRequests, 1) },
		"500":              func(d *desk) { d.sandbox.Inject(sandbox.ServerError, 1) },
		"commit-then-drop": func(d *desk) { d.sandbox.Inject(sandbox.CommitThenDrop, 1) },
		"wrong signature":  func(d *desk) { d.sandbox.Inject(sandbox.WrongSignature, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, virtual.Profile{}, nil)
			q := withQueue(t, d)
			spoil(d)
			result := tap.Run(context.Background(), d.options)
			require.ErrorIs(t, result.Err, fault.UploadQueued)
			require.Equal(t, fault.ExitQueued, exit(result))
			require.Equal(t, tap.UploadQueued, result.Report.Upload.State)
			items, err := q.List(context.Background())
			require.NoError(t, err)
			require.Len(t, items, 1)
			require.Equal(t, items[0].ID, result.Report.Upload.Item)
			media := deliver(t, d, q)
			require.Len(t, media, 1)
			require.Equal(t, d.document.Files[virtual.DataGroup(2)], media[0].DG2)
		})
	}
}

// The portrait is a medium of its own: where the chip data has arrived and the portrait
// has not, the portrait alone is queued; both are in the session once in the end.
func TestThePortraitIsQueuedToo(t *testing.T) {
	portrait := func(d *desk, q *queue.Queue) (nfc, faces int) {
		for _, m := range deliver(t, d, q) {
			if m.Context == "face-nfc" {
				faces++
			} else {
				nfc++
			}
		}
		return nfc, faces
	}
	for name, spoil := range map[string]func(*desk){
		"the second is lost":      func(d *desk) { d.options.Uploader = secondFails{d.client, d.sandbox, sandbox.CommitThenDrop} },
		"the second is not taken": func(d *desk) { d.options.Uploader = secondFails{d.client, d.sandbox, sandbox.TooManyRequests} },
		"the first is lost":       func(d *desk) { d.sandbox.Inject(sandbox.CommitThenDrop, 1) },
		"nobody is there":         func(d *desk) { d.options.Uploader = away(t, d) },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, virtual.Profile{}, nil)
			q := withQueue(t, d)
			d.options.FaceNFC = true
			spoil(d)
			result := tap.Run(context.Background(), d.options)
			require.ErrorIs(t, result.Err, fault.UploadQueued)
			nfc, faces := portrait(d, q)
			require.Equal(t, [2]int{1, 1}, [2]int{nfc, faces})
		})
	}
}

// secondFails lets the portrait's upload fail.
type secondFails struct {
	*upload.Client
	sandbox *sandbox.Server
	fault   sandbox.Fault
}

func (s secondFails) UploadImage(ctx context.Context, session string, image upload.Image, observe func(upload.Event)) (upload.Receipt, error) {
	s.sandbox.Inject(s.fault, 1)
	return s.Client.UploadImage(ctx, session, image, observe)
}

// What is refused for good is not queued.
func TestWhatIsRefusedIsNotQueued(t *testing.T) {
	d := newDesk(t, virtual.Profile{}, nil)
	q := withQueue(t, d)
	d.options.SessionID = "f04bdb47-0000-0000-0000-000000000000"
	result := tap.Run(context.Background(), d.options)
	require.ErrorIs(t, result.Err, fault.SessionNotFound)
	items, err := q.List(context.Background())
	require.NoError(t, err)
	require.Empty(t, items)
}

// Asked for, a deferral is no error and tries nothing.
func TestDeferringWasAskedFor(t *testing.T) {
	d := newDesk(t, virtual.Profile{}, nil)
	q := withQueue(t, d)
	d.options.Uploader, d.options.Defer = nil, true
	var kinds []tap.EventKind
	d.options.Observe = func(e tap.Event) { kinds = append(kinds, e.Kind) }
	result := tap.Run(context.Background(), d.options)
	require.NoError(t, result.Err)
	require.Equal(t, tap.UploadQueued, result.Report.Upload.State)
	require.Contains(t, kinds, tap.EventQueued)
	require.NotContains(t, kinds, tap.EventUploading)
	require.Empty(t, d.sandbox.Media(session))
	require.Len(t, deliver(t, d, q), 1)
}

// A failed check: held until somebody lets it go, or queued like any other, but the
// exit status is that of the check.
func TestAFailedCheckIsHeldOrQueued(t *testing.T) {
	d := newDesk(t, virtual.Profile{}, tampered)
	q := withQueue(t, d)
	d.options.OnFailed = tap.HoldOnFailed
	result := tap.Run(context.Background(), d.options)
	require.ErrorIs(t, result.Err, fault.CheckFailed)
	require.Equal(t, tap.UploadQueued, result.Report.Upload.State)
	require.True(t, result.Report.Upload.Held)
	require.Empty(t, deliver(t, d, q))
	require.NoError(t, q.Retry(context.Background(), result.Report.Upload.Item))
	require.Len(t, deliver(t, d, q), 1)

	d = newDesk(t, virtual.Profile{}, tampered)
	q = withQueue(t, d)
	d.options.Uploader = away(t, d)
	result = tap.Run(context.Background(), d.options)
	require.ErrorIs(t, result.Err, fault.CheckFailed)
	require.Equal(t, tap.UploadQueued, result.Report.Upload.State)
	require.Len(t, deliver(t, d, q), 1)
}

// A queue that cannot take it says so, and the tap says what the upload came to.
func TestAQueueThatFailsIsNoQueue(t *testing.T) {
	d := newDesk(t, virtual.Profile{}, nil)
	d.options.Deferrer = fullQueue{}
	d.options.Uploader = away(t, d)
	result := tap.Run(context.Background(), d.options)
	require.ErrorIs(t, result.Err, fault.UploadUnreachable)
	require.Equal(t, fault.ExitNotNow, exit(result))
	require.Equal(t, tap.UploadFailed, result.Report.Upload.State)
	require.Contains(t, result.Err.Error(), "no space left")

	d.options.Uploader, d.options.Defer = nil, true
	result = tap.Run(context.Background(), d.options)
	require.ErrorIs(t, result.Err, fault.QueueDiskFull)
	require.Equal(t, fault.ExitNotNow, exit(result))
	require.Equal(t, tap.UploadFailed, result.Report.Upload.State)
}

type fullQueue struct{}

func (fullQueue) Enqueue(context.Context, queue.Plan) (string, error) {
	return "", fault.New(fault.QueueDiskFull, "", errors.New("no space"))
}
