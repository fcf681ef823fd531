package queue_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/upload/queue"
)

// only returns the one file of the queue that matches.
func only(t *testing.T, dir, pattern string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	require.NoError(t, err)
	require.Len(t, names, 1)
	return names[0]
}

func recipient(t *testing.T) string {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	return identity.Recipient().String()
}

// A key that is damaged, of another queue or of a newer program is told as just that, and
// what it opens stays where it is.
func TestDamagedKeysAreTold(t *testing.T) {
	stranger, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	for name, c := range map[string]struct {
		file, content string
		code          fault.Code
	}{
		"epoch is no JSON":       {"epochs/*.json", "{", fault.QueueKeysUnavailable},
		"epoch of another":       {"epochs/*.json", `{"version":1,"id":"20260101-00000000"}`, fault.QueueKeysUnavailable},
		"epoch of no version":    {"epochs/*.json", `{"id":"20260101-00000000"}`, fault.QueueKeysUnavailable},
		"epoch of a newer time":  {"epochs/*.json", `{"version":99}`, fault.QueueNewer},
		"key is none":            {"epochs/*.key", "AGE-SECRET-KEY-NONSENSE", fault.QueueKeysUnavailable},
		"key of another queue":   {"epochs/*.key", stranger.String(), fault.QueueKeysUnavailable},
		"record of a newer time": {"items/*.json", `{"version":99}`, fault.QueueNewer},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t.TempDir())
			id := enqueue(t, open(t, o), chipPlan())
			require.NoError(t, os.WriteFile(only(t, o.Dir, c.file), []byte(c.content), 0o600))
			out := filepath.Join(t.TempDir(), "out")
			_, err := open(t, o).Export(t.Context(), out, recipient(t), []string{id})
			require.ErrorIs(t, err, c.code)
			require.FileExists(t, filepath.Join(o.Dir, "items", id+".age"))
			require.NoFileExists(t, filepath.Join(out, id+".json"))
		})
	}
}

// Where the keys of the days are is decided once; what says so is not guessed at.
func TestADamagedChoiceOfPlaceIsTold(t *testing.T) {
	o := options(t.TempDir())
	enqueue(t, open(t, o), chipPlan())
	require.NoError(t, os.WriteFile(filepath.Join(o.Dir, "keys"), []byte("attic"), 0o600))
	o.Keys = ""
	_, err := open(t, o).Enqueue(t.Context(), chipPlan())
	require.ErrorIs(t, err, fault.QueueKeysUnavailable)
}

func TestExportsThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	o := options(dir)
	q := open(t, o)
	id := enqueue(t, q, chipPlan())
	_, err := q.Export(t.Context(), filepath.Join(dir, "out"), "age1nonsense", nil)
	require.ErrorIs(t, err, fault.Usage)

	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = q.Export(t.Context(), filepath.Join(file, "out"), recipient(t), nil)
	require.ErrorIs(t, err, fault.OutputFailed)

	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	exported, err := q.Export(interrupted, filepath.Join(dir, "out"), recipient(t), nil)
	require.ErrorIs(t, err, fault.Interrupted)
	require.Empty(t, exported)

	require.NoError(t, os.Remove(filepath.Join(o.Dir, "items", id+".age")))
	_, err = q.Export(t.Context(), filepath.Join(dir, "out"), recipient(t), []string{id})
	require.ErrorIs(t, err, fault.QueueItemDamaged)
}

func TestImportsThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	o := options(dir)
	named := filepath.Join(dir, "passport.age")
	require.NoError(t, os.WriteFile(named, nil, 0o600))
	_, err := open(t, o).Import(t.Context(), named)
	require.ErrorIs(t, err, fault.QueueBundleInvalid, "a file that is not named as an item is")

	// Whether an item was delivered before, the audit log says: where that is damaged,
	// nothing is taken.
	enqueue(t, open(t, o), chipPlan())
	require.NoError(t, os.MkdirAll(o.Audit.Dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(o.Audit.Dir, "000000000001.jsonl"), []byte("{\n{\n"), 0o600))
	stick := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(stick, strings.Repeat("0", 32)+".age"), nil, 0o600))
	_, err = open(t, o).Import(t.Context(), stick)
	require.ErrorIs(t, err, fault.AuditDamaged)
}

// What Enqueue refuses, beside what is tried in queue_test.go.
func TestPlansBeyondTheBounds(t *testing.T) {
	q := open(t, options(t.TempDir()))
	longVerdict, sentBefore, largeFile := chipPlan(), chipPlan(), chipPlan()
	longVerdict.Verdict = make([]byte, 1<<20+1)
	sentBefore.Uncertain, sentBefore.Images = true, []queue.Image{{Context: "face", Content: []byte{1}}}
	largeFile.NFC.DG2 = make([]byte, 32<<20+1)
	for name, plan := range map[string]queue.Plan{"verdict": longVerdict, "sent before, with images": sentBefore, "file": largeFile} {
		_, err := q.Enqueue(t.Context(), plan)
		require.ErrorIs(t, err, fault.QueueItemInvalid, name)
	}
}
