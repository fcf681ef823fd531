package queue_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/audit"
	"passport-agent/internal/canary"
	"passport-agent/internal/disk"
	"passport-agent/internal/fault"
	"passport-agent/upload"
	"passport-agent/upload/queue"
)

const (
	session = "F04BDB47-d3be-4b28-b028-a652feb060b5"
	other   = "f04bdb47-d3be-4b28-b028-a652feb060b6"
	zone    = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10"
)

// canaries are what must not be found in the clear.
var canaries = map[string][]byte{
	"zone": []byte(zone), "session": []byte(session), "session in lower case": []byte(strings.ToLower(session)), "verdict": []byte("verdict about ERIKSSON"),
	"portrait": []byte("portrait of the holder"), "picture": []byte("picture of the data page"), "context": []byte("document-front"),
}

func documents() upload.NFCDocuments {
	return upload.NFCDocuments{COM: []byte("com"), SOD: []byte("sod"), DG1: []byte(zone), DG2: []byte("portrait of the holder")}
}

func chipPlan() queue.Plan {
	return queue.Plan{TransactionID: "tx", SessionID: session, NFC: documents(), Verdict: []byte("verdict about ERIKSSON")}
}

// fullPlan asks for everything a plan can ask for.
func fullPlan() queue.Plan {
	p := chipPlan()
	p.SessionID, p.Submit = "", true
	p.Images = []queue.Image{{"document-front", []byte("picture of the data page")}, {"face", []byte("picture of the data page, again")}}
	return p
}

// events collects what a queue tells.
type events struct {
	mu  sync.Mutex
	all []queue.Event
}

func (e *events) observe(event queue.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, event)
}

func (e *events) count(kind queue.EventKind) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, event := range e.all {
		if event.Kind == kind {
			n++
		}
	}
	return n
}

const (
	settle   = 5 * time.Millisecond
	patience = 30 * time.Second
)

// options are those of a queue with short times and a log.
func options(dir string) queue.Options {
	return queue.Options{
		Dir: filepath.Join(dir, "queue"), Keys: queue.PlaceFile, Settle: settle, FirstPause: time.Millisecond, LongestPause: 5 * time.Millisecond,
		Audit: &audit.Log{Dir: filepath.Join(dir, "audit")},
	}
}

func open(t *testing.T, o queue.Options) *queue.Queue {
	t.Helper()
	q, err := queue.Open(o)
	require.NoError(t, err)
	return q
}

func enqueue(t *testing.T, q *queue.Queue, p queue.Plan) string {
	t.Helper()
	id, err := q.Enqueue(t.Context(), p)
	require.NoError(t, err)
	return id
}

// drain works until the queue is empty.
func drain(t *testing.T, q *queue.Queue, client queue.Client) queue.Summary {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	summary, err := q.Work(ctx, queue.WorkOptions{Client: client, Until: queue.UntilEmpty})
	require.NoError(t, err)
	return summary
}

// nothingLeft requires that a folder holds neither items nor keys, and that its log
// is whole.
func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		for _, suffix := range []string{".age", ".json", ".key", disk.NewSuffix} {
			require.False(t, strings.HasSuffix(path, suffix), "%s is left", path)
		}
		return nil
	}))
	_, err := (&audit.Log{Dir: filepath.Join(dir, "audit")}).Verify("", nil)
	require.NoError(t, err)
}

// nothingClear requires that no canary is in a folder in the clear.
func nothingClear(t *testing.T, dir string) {
	t.Helper()
	var all bytes.Buffer
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		all.WriteString(path + "\n")
		if d.Type().IsRegular() {
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			if d.Name() == "reserve" {
				// Random bytes, too many to look at in every disguise each time.
				for name, value := range canaries {
					require.False(t, bytes.Contains(b, value), name)
				}
				return nil
			}
			all.Write(b)
		}
		return nil
	}))
	require.Empty(t, canary.Find(all.Bytes(), canaries))
}

func TestAnItemIsDeliveredOnceAndErased(t *testing.T) {
	dir := t.TempDir()
	seen := &events{}
	o := options(dir)
	o.Observe = seen.observe
	q := open(t, o)
	enqueue(t, q, chipPlan())
	nothingClear(t, dir)

	// Another process, later.
	q = open(t, o)
	s := newService(session)
	require.Equal(t, queue.Summary{Delivered: 1}, drain(t, q, s))
	require.Len(t, s.media(session), 1)
	require.Equal(t, "comsod"+zone+"portrait of the holder", string(s.content["media-1"]), "byte for byte")
	require.Equal(t, 1, seen.count(queue.EventErased), "the key is destroyed with its last item")
	nothingLeft(t, dir)
	nothingClear(t, dir)
	require.Equal(t, queue.Summary{}, drain(t, q, s), "a second time there is nothing to do")
	require.Len(t, s.media(session), 1)
}

func TestAWholePlanCreatesSendsAndSubmits(t *testing.T) {
	dir := t.TempDir()
	q := open(t, options(dir))
	enqueue(t, q, fullPlan())
	s := newService()
	require.Equal(t, 1, drain(t, q, s).Delivered)
	media := s.media("created-1")
	require.Len(t, media, 3)
	require.Equal(t, []string{"document-front", "face", ""}, []string{media[0].Context, media[1].Context, media[2].Context})
	require.True(t, media[2].NFC)
	require.Equal(t, 1, s.submitted["created-1"])
	require.Equal(t, 3, s.lists, "the media list is noted before each send")
	nothingLeft(t, dir)
	nothingClear(t, dir)
}

// The record beside an item says when and how much, and nothing about whom.
func TestTheClearRecordHoldsNothingElse(t *testing.T) {
	dir := t.TempDir()
	q := open(t, options(dir))
	id := enqueue(t, q, chipPlan())
	b, err := os.ReadFile(filepath.Join(dir, "queue", "items", id+".json"))
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(b, &fields))
	for name := range fields {
		require.Contains(t, []string{"version", "id", "state", "created", "changed", "bytes", "epoch", "nextAttempt", "sessionHash", "sessionSeen", "progress"}, name)
	}
	info, err := os.Stat(filepath.Join(dir, "queue", "items", id+".age"))
	require.NoError(t, err)
	require.EqualValues(t, info.Size(), fields["bytes"])
	if runtimeHasModes {
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
		for _, folder := range []string{"queue", "queue/items", "queue/epochs"} {
			info, err := os.Stat(filepath.Join(dir, folder))
			require.NoError(t, err)
			require.Equal(t, fs.FileMode(0o700), info.Mode().Perm())
		}
	}
}

func TestWhatCannotBeAnUploadIsNotQueued(t *testing.T) {
	q := open(t, options(t.TempDir()))
	withoutCOM := chipPlan()
	withoutCOM.NFC.COM = nil
	for name, c := range map[string]struct {
		plan queue.Plan
		code fault.Code
	}{
		"empty":           {queue.Plan{SessionID: session}, fault.QueueItemInvalid},
		"without EF.COM":  {withoutCOM, fault.FileMissing},
		"empty image":     {queue.Plan{Images: []queue.Image{{Context: "face"}}}, fault.QueueItemInvalid},
		"too many images": {queue.Plan{Images: make([]queue.Image, 65)}, fault.QueueItemInvalid},
		"too long":        {queue.Plan{SessionID: strings.Repeat("x", 257), NFC: documents()}, fault.QueueItemInvalid},
	} {
		_, err := q.Enqueue(t.Context(), c.plan)
		require.ErrorIs(t, err, c.code, name)
	}
	items, err := q.List(t.Context())
	require.NoError(t, err)
	require.Empty(t, items)
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []queue.Options{{}, {Dir: "x", Settle: -1}, {Dir: "x", Keys: "attic"}, {Dir: "x", Recipient: "age1nonsense"}} {
		_, err := queue.Open(o)
		require.ErrorIs(t, err, fault.ConfigInvalid)
	}
}
