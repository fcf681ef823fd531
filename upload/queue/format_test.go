package queue_test

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/internal/format/golden"
	"passport-agent/upload/queue"
)

var writeGolden = flag.Bool("golden", false, "write the golden files of the present format, where there are none")

const goldenNow = "testdata/format-1" // of the present format

// goldenTime is when the golden items were put in.
var goldenTime = time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)

// halfway is what was remembered of an item: every field has a value.
var halfway = queue.Progress{
	SessionID: "created-1", Creating: true, LostSessions: 1, Media: []string{"media-1"}, Before: []string{"media-1"}, BeforeKnown: true,
	First: []string{"media-0"}, Noted: true, Attempts: 2, Resent: 1, Surplus: 1, Reason: fault.UploadUncertain,
}

func goldenPlan() queue.Plan {
	p := fullPlan()
	p.SessionID = session
	return p
}

func goldenOptions(dir string) queue.Options {
	o := options(dir)
	o.Keys = ""
	o.Now = func() time.Time { return goldenTime.Add(time.Hour) }
	return o
}

// TestGoldenIsWritten makes, with -golden, a queue with an item that waits and one that
// is held half-way, and what a machine with an organisation's key exports.
func TestGoldenIsWritten(t *testing.T) {
	if !*writeGolden {
		t.Skip("golden files are written once for each version of the format, with -golden")
	}
	require.NoDirExists(t, goldenNow, "what a version has written is never changed")
	dir := t.TempDir()
	o := options(dir)
	o.Now = func() time.Time { return goldenTime }
	q := open(t, o)
	enqueue(t, q, goldenPlan())
	held := goldenPlan()
	held.SessionID = other
	require.NoError(t, q.Note(t.Context(), enqueue(t, q, held), queue.Held, halfway))
	require.NoError(t, os.WriteFile(filepath.Join(o.Dir, "keys"), []byte(queue.PlaceFile), 0o600))

	identity, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	kiosk := options(t.TempDir())
	kiosk.Now, kiosk.Recipient = o.Now, identity.Recipient().String()
	enqueue(t, open(t, kiosk), goldenPlan())
	_, err = open(t, kiosk).Export(t.Context(), filepath.Join(goldenNow, "exported"), "", nil)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(goldenNow, "organisation.key"), []byte(identity.String()+"\n"), 0o600))
	for _, pattern := range []string{"keys", "epochs/*", "items/*"} {
		names, err := filepath.Glob(filepath.Join(o.Dir, pattern))
		require.NoError(t, err)
		for _, name := range names {
			inside, err := filepath.Rel(o.Dir, name)
			require.NoError(t, err)
			content, err := os.ReadFile(name)
			require.NoError(t, err)
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(goldenNow, "queue", inside)), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(goldenNow, "queue", inside), content, 0o600))
		}
	}
}

// delivered requires that the golden plan has reached its session, whole.
func delivered(t *testing.T, s *service) {
	t.Helper()
	plan := goldenPlan()
	var content []string
	for _, m := range s.sessions[session] {
		content = append(content, string(s.content[m.ID]))
	}
	d := plan.NFC
	require.Equal(t, []string{string(plan.Images[0].Content), string(plan.Images[1].Content), string(slices.Concat(d.COM, d.SOD, d.DG1, d.DG2))}, content)
	require.Equal(t, map[string]int{session: 1}, s.submitted)
}

// What any version has queued this one lists, sends, exports and erases, with its key.
func TestQueuesOfEveryVersionAreWorkedOff(t *testing.T) {
	for _, from := range golden.Versions(t, goldenNow) {
		t.Run(filepath.Base(from), func(t *testing.T) {
			dir := t.TempDir()
			o := goldenOptions(dir)
			golden.Copy(t, filepath.Join(from, "queue"), o.Dir)
			items, err := open(t, o).List(t.Context())
			require.NoError(t, err)
			require.Len(t, items, 2)
			byState := map[queue.State]queue.Item{}
			for _, item := range items {
				require.False(t, item.Damaged)
				require.Equal(t, goldenTime, item.Created)
				byState[item.State] = item
			}
			held := byState[queue.Held]
			require.Equal(t, halfway.Reason, held.Reason)
			require.Equal(t, halfway.LostSessions, held.LostSessions)
			require.Equal(t, queue.HashSession(other), held.SessionHash)

			s := newService(session, other)
			require.Equal(t, queue.Summary{Delivered: 1}, drain(t, open(t, o), s))
			delivered(t, s)
			b, err := open(t, o).Noted(t.Context(), held.ID)
			require.NoError(t, err)
			var noted queue.Progress
			require.NoError(t, json.Unmarshal(b, &noted))
			require.Equal(t, halfway, noted, "what is held keeps what was remembered")

			exported, err := open(t, o).Export(t.Context(), filepath.Join(dir, "stick"), recipient(t), nil)
			require.NoError(t, err)
			require.Equal(t, []string{held.ID}, exported)
			require.NoError(t, open(t, o).Drop(t.Context(), held.ID, false))
			nothingLeft(t, o.Dir)
		})
	}
}

func TestExportsOfEveryVersionAreTakenIn(t *testing.T) {
	for _, from := range golden.Versions(t, goldenNow) {
		t.Run(filepath.Base(from), func(t *testing.T) {
			o := goldenOptions(t.TempDir())
			q := open(t, o)
			imported, err := q.Import(t.Context(), filepath.Join(from, "exported"))
			require.NoError(t, err)
			require.Len(t, imported, 1)
			b, err := os.ReadFile(filepath.Join(from, "organisation.key"))
			require.NoError(t, err)
			identities, err := queue.ParseIdentities(b)
			require.NoError(t, err)
			s := newService(session)
			summary, err := q.Work(t.Context(), queue.WorkOptions{Client: s, Identities: identities, Until: queue.UntilEmpty})
			require.NoError(t, err)
			require.Equal(t, queue.Summary{Delivered: 1}, summary)
			delivered(t, s)
		})
	}
}

// A field that comes, goes or is called otherwise makes another format.
func TestTheFormatsAreThoseOfTheGoldenFiles(t *testing.T) {
	o := goldenOptions(t.TempDir())
	golden.Copy(t, filepath.Join(goldenNow, "queue"), o.Dir)
	q := open(t, o)
	items, err := q.List(t.Context())
	require.NoError(t, err)
	held := items[slices.IndexFunc(items, func(i queue.Item) bool { return i.State == queue.Held })].ID
	contents := map[string][]byte{}
	for what, read := range map[string]func() ([]byte, error){
		"record":   func() ([]byte, error) { return os.ReadFile(filepath.Join(o.Dir, "items", held+".json")) },
		"progress": func() ([]byte, error) { return q.Noted(t.Context(), held) },
		"plan":     func() ([]byte, error) { return q.Head(t.Context(), held) },
		"epoch":    func() ([]byte, error) { return os.ReadFile(only(t, o.Dir, "epochs/*.json")) },
	} {
		contents[what], err = read()
		require.NoError(t, err, what)
		golden.RequireFields(t, contents[what], queue.Formats[what])
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(queue.Formats)), slices.Collect(maps.Keys(contents)))
}

// After a downgrade the queue holds what this version does not know. It is told by its
// name and left as it is, with its key; the rest is sent.
func TestWhatANewerVersionHasQueuedIsLeftAlone(t *testing.T) {
	o := options(t.TempDir())
	q := open(t, o)
	newer, known := enqueue(t, q, chipPlan()), enqueue(t, q, fullPlan())
	path := filepath.Join(o.Dir, "items", newer+".json")
	// A record of another shape in every way but one.
	require.NoError(t, os.WriteFile(path, []byte(`{"version": 99, "id": {"of": "another year"}, "state": 5}`), 0o600))
	before := snapshot(t, o.Dir, newer)

	items, err := q.List(t.Context())
	require.NoError(t, err)
	require.Len(t, items, 2)
	require.Equal(t, queue.Item{Record: queue.Record{ID: newer}, Reason: fault.QueueNewer}, items[1])
	require.NoError(t, q.CanSend())
	for what, err := range map[string]error{
		"drop": q.Drop(t.Context(), newer, true), "retry": q.Retry(t.Context(), newer),
	} {
		require.ErrorIs(t, err, fault.QueueNewer, what)
		require.ErrorContains(t, err, newer, what)
	}
	_, err = q.Export(t.Context(), t.TempDir(), recipient(t), []string{newer})
	require.ErrorIs(t, err, fault.QueueNewer)
	exported, err := q.Export(t.Context(), t.TempDir(), recipient(t), nil)
	require.NoError(t, err)
	require.Equal(t, []string{known}, exported)
	require.NoError(t, q.Retry(t.Context(), known))

	heard := &events{}
	o.Observe = heard.observe
	require.Equal(t, queue.Summary{Delivered: 1, Aside: 1, Newer: 1}, drain(t, open(t, o), newService()))
	require.Equal(t, 1, heard.count(queue.EventDamaged))
	require.Zero(t, heard.count(queue.EventErased), "the newer item may need the key of the day")
	enqueue(t, open(t, o), chipPlan())
	require.Equal(t, before, snapshot(t, o.Dir, newer))
}

// snapshot returns the files of an item and of all keys.
func snapshot(t *testing.T, dir, id string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, pattern := range []string{"items/" + id + ".*", "epochs/*"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		require.NoError(t, err)
		for _, name := range names {
			b, err := os.ReadFile(name)
			require.NoError(t, err)
			files[name] = string(b)
		}
	}
	require.GreaterOrEqual(t, len(files), 4)
	return files
}

// The same for a plan within the seal, a key, and an item on a stick.
func TestNewerPlansKeysAndExportsAreLeftAlone(t *testing.T) {
	t.Run("plan", func(t *testing.T) {
		o := options(t.TempDir())
		q := open(t, o)
		id := enqueue(t, q, chipPlan())
		require.NoError(t, q.Reseal(t.Context(), id, []byte(`{"version": 99, "images": "none"}`)))
		before := snapshot(t, o.Dir, id)
		require.Equal(t, queue.Summary{Aside: 1, Newer: 1}, drain(t, q, newService(session)))
		require.Equal(t, before, snapshot(t, o.Dir, id))
	})
	t.Run("key", func(t *testing.T) {
		o := options(t.TempDir())
		id := enqueue(t, open(t, o), chipPlan())
		require.NoError(t, os.WriteFile(only(t, o.Dir, "epochs/*.json"), []byte(`{"version": 99, "id": 5}`), 0o600))
		before := snapshot(t, o.Dir, id)
		second := fullPlan()
		enqueue(t, open(t, o), second) // gets a key that this version knows
		require.Equal(t, queue.Summary{Delivered: 1, Aside: 1, Newer: 1}, drain(t, open(t, o), newService(session)))
		require.Equal(t, before, snapshot(t, o.Dir, id))
		require.NoError(t, os.Remove(filepath.Join(o.Dir, "items", id+".json")))
		require.Equal(t, queue.Summary{}, drain(t, open(t, o), newService()))
		require.FileExists(t, only(t, o.Dir, "epochs/*.json"), "what it opens is for the newer version to know")
	})
	t.Run("export", func(t *testing.T) {
		stick := t.TempDir()
		golden.Copy(t, filepath.Join(goldenNow, "exported"), stick)
		require.NoError(t, os.WriteFile(only(t, stick, "*.json"), []byte(`{"version": 99}`), 0o600))
		_, err := open(t, options(t.TempDir())).Import(t.Context(), stick)
		require.ErrorIs(t, err, fault.QueueNewer)
	})
}
