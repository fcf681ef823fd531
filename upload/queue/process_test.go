package queue_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/require"
	"github.com/zalando/go-keyring"

	"passport-agent/internal/audit"
	"passport-agent/internal/fault"
	"passport-agent/upload/queue"
)

// A second process that wants to send is told which one does; putting something in
// works all the same, and the first one sends it.
func TestOneSendsManyPutIn(t *testing.T) {
	dir := t.TempDir()
	seen := &events{}
	delivered := make(chan struct{}, 100)
	o := options(dir)
	o.Observe = func(e queue.Event) {
		seen.observe(e)
		if e.Kind == queue.EventDelivered {
			delivered <- struct{}{}
		}
	}
	first := open(t, o)
	s := newService()
	enqueue(t, first, queue.Plan{NFC: documents()})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := first.Work(ctx, queue.WorkOptions{Client: s, Until: queue.UntilStopped})
		ended <- err
	}()
	<-delivered

	second := open(t, options(dir))
	_, err := second.Work(ctx, queue.WorkOptions{Client: s})
	require.ErrorIs(t, err, fault.QueueBusy)
	require.ErrorContains(t, err, "process "+strconv.Itoa(os.Getpid()))

	var group sync.WaitGroup
	for range 5 {
		group.Go(func() {
			for range 4 {
				_, err := open(t, options(dir)).Enqueue(ctx, queue.Plan{NFC: documents()})
				require.NoError(t, err)
			}
		})
	}
	group.Wait()
	held := enqueue(t, second, queue.Plan{NFC: documents(), Hold: true})
	for range 20 {
		<-delivered
	}
	// Items that stand still can be changed while another process sends.
	require.NoError(t, second.Retry(ctx, held))
	<-delivered
	gone := enqueue(t, second, queue.Plan{NFC: documents(), Hold: true})
	require.NoError(t, second.Drop(ctx, gone, false))
	cancel()
	require.ErrorIs(t, <-ended, fault.Interrupted)
	require.Equal(t, 22, s.uploads)
	require.Equal(t, queue.Summary{}, drain(t, open(t, options(dir)), s))
	nothingLeft(t, dir)
}

func TestHeldItemsWaitForRetry(t *testing.T) {
	q := open(t, options(t.TempDir()))
	plan := chipPlan()
	plan.Hold = true
	id := enqueue(t, q, plan)
	s := newService(session)
	require.Equal(t, queue.Summary{}, drain(t, q, s))
	require.NoError(t, q.Retry(t.Context(), id))
	require.Equal(t, 1, drain(t, q, s).Delivered)
	require.ErrorIs(t, q.Retry(t.Context(), id), fault.QueueItemUnknown)
	require.ErrorIs(t, q.Retry(t.Context(), "../../etc/passwd"), fault.QueueItemUnknown)
}

// What may be in a session is dropped by force only, and everything that was dropped
// is written down.
func TestDroppedItemsAreErasedAndWrittenDown(t *testing.T) {
	dir := t.TempDir()
	q := open(t, options(dir))
	plan := chipPlan()
	plan.Uncertain = true
	id := enqueue(t, q, plan)
	require.ErrorIs(t, q.Drop(t.Context(), id, false), fault.QueueItemBusy)
	require.NoError(t, q.Drop(t.Context(), id, true))
	require.ErrorIs(t, q.Drop(t.Context(), id, true), fault.QueueItemUnknown)
	nothingLeft(t, dir)
	dropped, err := (&audit.Log{Dir: filepath.Join(dir, "audit")}).Items("dropped")
	require.NoError(t, err)
	require.Equal(t, map[string]bool{id: true}, dropped)
}

// An item that somebody drops while another process is about to send it is not sent.
func TestWhatIsDroppedInTheLastMomentIsNotSent(t *testing.T) {
	dir := t.TempDir()
	q := open(t, options(dir))
	id := enqueue(t, q, chipPlan())
	s := newService(session)
	s.hook = func(call string) {
		if call == "list" {
			require.NoError(t, open(t, options(dir)).Drop(t.Context(), id, false))
			s.hook = nil
		}
	}
	require.Equal(t, queue.Summary{}, drain(t, q, s))
	require.Zero(t, s.uploads)
	nothingLeft(t, dir)
}

// A damaged item is shown and left alone; the others go on, and it can be dropped.
func TestADamagedItemHoldsNothingUp(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string){
		"the record": func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path+".json", []byte("{}"), 0o600)) },
		"the item": func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path+".age", []byte("age-encryption.org/v1\n"), 0o600))
		},
		"the item is gone": func(t *testing.T, path string) { require.NoError(t, os.Remove(path+".age")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			q := open(t, options(dir))
			id := enqueue(t, q, chipPlan())
			enqueue(t, q, queue.Plan{NFC: documents()})
			damage(t, filepath.Join(dir, "queue", "items", id))
			s := newService(session)
			require.Equal(t, 1, drain(t, q, s).Delivered)
			require.Empty(t, s.media(session))
			items, err := q.List(t.Context())
			require.NoError(t, err)
			require.Len(t, items, 1)
			require.NoError(t, q.Drop(t.Context(), id, true))
			require.Equal(t, queue.Summary{}, drain(t, q, s))
			nothingLeft(t, dir)
		})
	}
}

// Keys are kept where it was decided, which is said, and looked for nowhere else.
func TestKeysStayWhereTheyAre(t *testing.T) {
	t.Cleanup(func() { keyring.MockInitWithError(keyring.ErrUnsupportedPlatform) })

	keyring.MockInit()
	dir := t.TempDir()
	seen := &events{}
	o := options(dir)
	o.Keys, o.Observe = "", seen.observe
	enqueue(t, open(t, o), chipPlan())
	require.Equal(t, queue.PlaceKeyring, seen.all[0].Place)
	require.Equal(t, queue.EventKeysChosen, seen.all[0].Kind)
	keys, err := filepath.Glob(filepath.Join(dir, "queue", "epochs", "*.key"))
	require.NoError(t, err)
	require.Empty(t, keys)

	// The keyring is gone: an error, not another place.
	keyring.MockInitWithError(keyring.ErrUnsupportedPlatform)
	_, err = open(t, o).Enqueue(t.Context(), chipPlan())
	require.NoError(t, err, "it can be sealed to today's key without the keyring")
	s := newService(session)
	summary, err := open(t, o).Work(t.Context(), queue.WorkOptions{Client: s})
	require.ErrorIs(t, err, fault.QueueKeysUnavailable)
	require.Equal(t, queue.Summary{Left: 2}, summary)
	require.Empty(t, s.media(session))

	// On a machine without a keyring files are chosen.
	dir = t.TempDir()
	seen = &events{}
	o = options(dir)
	o.Keys, o.Observe = "", seen.observe
	enqueue(t, open(t, o), chipPlan())
	require.Equal(t, queue.PlaceFile, seen.all[0].Place)
	require.NotEmpty(t, seen.all[0].Detail)
	keyring.MockInit()
	enqueue(t, open(t, o), chipPlan())
	require.Equal(t, 2, drain(t, open(t, o), s).Delivered)
	require.Equal(t, 1, seen.count(queue.EventKeysChosen), "once")

	// The keyring was asked for by name, and there is none.
	keyring.MockInitWithError(keyring.ErrUnsupportedPlatform)
	o = options(t.TempDir())
	o.Keys = queue.PlaceKeyring
	_, err = open(t, o).Enqueue(t.Context(), chipPlan())
	require.ErrorIs(t, err, fault.QueueKeysUnavailable)
}

// kiosk is a machine that holds an organisation's recipient alone.
func kiosk(t *testing.T, dir string) (*queue.Queue, *age.X25519Identity) {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	o := options(dir)
	o.Recipient = identity.Recipient().String()
	return open(t, o), identity
}

// A kiosk queues and exports, and says why it cannot send; another machine imports
// and sends, once.
func TestAKioskQueuesAndAnotherMachineSends(t *testing.T) {
	here, there, stick := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "stick")
	q, identity := kiosk(t, here)
	id := enqueue(t, q, chipPlan())
	held := chipPlan()
	held.Hold = true
	enqueue(t, q, held)
	s := newService(session)
	_, err := q.Work(t.Context(), queue.WorkOptions{Client: s})
	require.ErrorIs(t, err, fault.QueuePublicKeyOnly)
	items, err := q.List(t.Context())
	require.NoError(t, err)
	require.Len(t, items, 2)
	require.Equal(t, queue.Waiting, items[0].State)
	keys, err := filepath.Glob(filepath.Join(here, "queue", "epochs", "*"))
	require.NoError(t, err)
	require.Empty(t, keys, "nothing that opens")

	exported, err := q.Export(t.Context(), stick, "", nil)
	require.NoError(t, err)
	require.Len(t, exported, 2)
	nothingClear(t, stick)
	nothingClear(t, here)

	desk := open(t, options(there))
	imported, err := desk.Import(t.Context(), stick)
	require.NoError(t, err)
	require.Len(t, imported, 2)
	again, err := desk.Import(t.Context(), stick)
	require.NoError(t, err)
	require.True(t, again[0].Known)
	_, err = desk.Work(t.Context(), queue.WorkOptions{Client: s})
	require.ErrorIs(t, err, fault.QueuePublicKeyOnly)
	stranger, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	summary, err := desk.Work(t.Context(), queue.WorkOptions{Client: s, Identities: []age.Identity{stranger}})
	require.NoError(t, err)
	require.Equal(t, 1, summary.Aside)
	summary, err = desk.Work(t.Context(), queue.WorkOptions{Client: s, Identities: []age.Identity{identity}})
	require.NoError(t, err)
	require.Equal(t, queue.Summary{Delivered: 1}, summary, "the held one is still held")
	require.Len(t, s.media(session), 1)

	_, err = desk.Import(t.Context(), filepath.Join(stick, id+".age"))
	require.ErrorIs(t, err, fault.QueueItemDelivered)
	for _, item := range items {
		require.NoError(t, q.Drop(t.Context(), item.ID, false))
	}
	nothingLeft(t, here)
}

// The age tool of the distribution opens what was exported, and tar unpacks it.
func TestTheAgeToolOpensWhatWasExported(t *testing.T) {
	tool, err := exec.LookPath("age")
	if err != nil {
		if os.Getenv("PASSPORT_AGENT_REQUIRE_AGE") != "" {
			t.Fatal("age is not installed")
		}
		t.Skip("age is not installed (apt-get install age)")
	}
	identity, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	key := filepath.Join(t.TempDir(), "key.txt")
	require.NoError(t, os.WriteFile(key, []byte("# a comment\n"+identity.String()+"\n"), 0o600))
	for name, recipient := range map[string]string{"sealed to the organisation": identity.Recipient().String(), "sealed anew": ""} {
		t.Run(name, func(t *testing.T) {
			o := options(t.TempDir())
			o.Recipient = recipient
			q := open(t, o)
			plan := chipPlan()
			plan.Images = []queue.Image{{"face", jpeg}}
			id := enqueue(t, q, plan)
			stick, out := filepath.Join(t.TempDir(), "stick"), t.TempDir()
			if recipient == "" {
				_, err := q.Export(t.Context(), stick, "", nil)
				require.ErrorIs(t, err, fault.Usage)
			}
			_, err := q.Export(t.Context(), stick, identity.Recipient().String(), []string{id})
			require.NoError(t, err)
			tar := filepath.Join(out, "item.tar")
			b, err := exec.Command(tool, "--decrypt", "-i", key, "-o", tar, filepath.Join(stick, id+".age")).CombinedOutput()
			require.NoError(t, err, string(b))
			b, err = exec.Command("tar", "-C", out, "-xf", tar).CombinedOutput()
			require.NoError(t, err, string(b))
			for file, want := range map[string]string{"DG1.bin": zone, "report.json": "verdict about ERIKSSON", "image-01": string(jpeg)} {
				got, err := os.ReadFile(filepath.Join(out, file))
				require.NoError(t, err)
				require.Equal(t, want, string(got))
			}
			plain, err := os.ReadFile(filepath.Join(out, "plan.json"))
			require.NoError(t, err)
			require.Contains(t, string(plain), session)

			// And so does this program, on another machine.
			identities, err := queue.ParseIdentities([]byte("# a comment\n" + identity.String() + "\n"))
			require.NoError(t, err)
			desk := open(t, options(t.TempDir()))
			_, err = desk.Import(t.Context(), stick)
			require.NoError(t, err)
			s := newService(session)
			summary, err := desk.Work(t.Context(), queue.WorkOptions{Client: s, Identities: identities})
			require.NoError(t, err)
			require.Equal(t, queue.Summary{Delivered: 1}, summary)
		})
	}
	_, err = queue.ParseIdentities([]byte("AGE-SECRET-KEY-NONSENSE " + zone))
	require.ErrorIs(t, err, fault.QueueIdentityInvalid)
	require.NotContains(t, err.Error(), zone)
}

// Bundles come from other machines: what is no item is refused, whatever it is.
func TestHostileBundlesAreRefused(t *testing.T) {
	stick := filepath.Join(t.TempDir(), "stick")
	q, _ := kiosk(t, t.TempDir())
	id := enqueue(t, q, chipPlan())
	_, err := q.Export(t.Context(), stick, "", nil)
	require.NoError(t, err)
	record, err := os.ReadFile(filepath.Join(stick, id+".json"))
	require.NoError(t, err)
	desk := open(t, options(t.TempDir()))
	for name, content := range map[string]string{
		"no record":          "",
		"another's record":   strings.Replace(string(record), id, strings.Repeat("0", 32), 1),
		"a path as epoch":    strings.Replace(string(record), `"epoch":"key-`, `"epoch":"../../key-`, 1),
		"a state of its own": strings.Replace(string(record), `"waiting"`, `"sent"`, 1),
		"another length":     strings.Replace(string(record), `"bytes":`, `"bytes":1`, 1),
		"a session in clear": strings.Replace(string(record), `"sessionHash":"`, `"sessionHash":"`+session, 1),
		"huge":               strings.Repeat(" ", 300<<10) + string(record),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(stick, id+".json"), []byte(content), 0o600))
		_, err := desk.Import(t.Context(), stick)
		require.ErrorIs(t, err, fault.QueueBundleInvalid, name)
	}
	_, err = desk.Import(t.Context(), t.TempDir())
	require.ErrorIs(t, err, fault.QueueBundleInvalid)
	_, err = desk.Import(t.Context(), filepath.Join(stick, "nothing"))
	require.ErrorIs(t, err, fault.InputFileMissing)
	items, err := desk.List(t.Context())
	require.NoError(t, err)
	require.Empty(t, items)
}
