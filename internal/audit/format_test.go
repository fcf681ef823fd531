package audit_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/audit"
	"passport-agent/internal/fault"
	"passport-agent/internal/format/golden"
)

var writeGolden = flag.Bool("golden", false, "write the golden files of the present format, where there are none")

const goldenNow = "testdata/format-1" // of the present format

// full has a value in every field that Append does not fill in.
func full() audit.Record {
	return audit.Record{
		Kind: audit.KindUpload, TransactionID: "tx", Operator: "desk 3", Item: strings.Repeat("0", 32), Session: strings.Repeat("a", 64),
		Software: "passport-agent 0.1.0", Profile: "field", TrustDate: "2026-02-01", Seconds: 1.5, Sizes: map[string]int64{"DG1": 93},
		Result: "submitted", Checks: map[string]string{"com": "successful"}, Code: fault.CheckFailed, Resent: 1, Surplus: 1,
	}
}

// TestGoldenIsWritten makes, with -golden, a log of two records.
func TestGoldenIsWritten(t *testing.T) {
	if !*writeGolden {
		t.Skip("golden files are written once for each version of the format, with -golden")
	}
	l := &audit.Log{Dir: goldenNow, Now: func() time.Time { return time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC) }}
	require.NoFileExists(t, filepath.Join(l.Dir, "000000000001.jsonl"), "what a version has written is never changed")
	for range 2 {
		_, err := l.Append(t.Context(), full())
		require.NoError(t, err)
	}
	require.NoError(t, os.Remove(filepath.Join(l.Dir, "lock")))
}

// A log that any version has begun is whole, says what it said, and goes on.
func TestLogsOfEveryVersionGoOn(t *testing.T) {
	for _, from := range golden.Versions(t, goldenNow) {
		t.Run(filepath.Base(from), func(t *testing.T) {
			l := &audit.Log{Dir: filepath.Join(t.TempDir(), "audit")}
			golden.Copy(t, from, l.Dir)
			var records []audit.Record
			state, err := l.Verify("", func(r audit.Record) { records = append(records, r) })
			require.NoError(t, err)
			require.Equal(t, audit.State{Records: 2, First: 1, Head: state.Head}, state)
			want := full()
			want.Version, want.Sequence, want.Time, want.Previous = records[1].Version, 2, records[0].Time, records[1].Previous
			require.Equal(t, want, records[1])
			delivered, err := l.Items("submitted")
			require.NoError(t, err)
			require.True(t, delivered[want.Item])

			head, err := l.Append(t.Context(), full())
			require.NoError(t, err)
			after, err := l.Verify(state.Head, nil)
			require.NoError(t, err)
			require.Equal(t, audit.State{Records: 3, First: 1, Head: head}, after)
		})
	}
}

// A field that comes, goes or is called otherwise makes another format.
func TestTheFormatIsThatOfTheGoldenFile(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(goldenNow, "000000000001.jsonl"))
	require.NoError(t, err)
	line, _, _ := strings.Cut(string(b), "\n")
	golden.RequireFields(t, []byte(line), reflect.TypeFor[audit.Record]())
}

// After a downgrade the log goes on behind what a newer version has written, in one
// chain, and nothing of it is touched.
func TestALogOfANewerVersionGoesOn(t *testing.T) {
	l := &audit.Log{Dir: t.TempDir()}
	head := fill(t, l, 1)
	newer, err := json.Marshal(map[string]any{"version": 99, "seq": 2, "kind": "of another year", "previous": head, "unheardOf": []int{1}})
	require.NoError(t, err)
	name := files(t, l)[0]
	before, err := os.ReadFile(name)
	require.NoError(t, err)
	before = append(append(before, newer...), '\n')
	require.NoError(t, os.WriteFile(name, before, 0o600))
	head = fill(t, l, 1)
	state, err := l.Verify(head, nil)
	require.NoError(t, err)
	require.Equal(t, audit.State{Records: 3, First: 1, Head: head, Newer: 1}, state)
	after, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, string(before), string(after[:len(before)]))
}
