package audit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/audit"
	"passport-agent/internal/disk/powerloss"
	"passport-agent/internal/fault"
)

func fill(t *testing.T, l *audit.Log, n int) (head string) {
	t.Helper()
	for i := range n {
		var err error
		head, err = l.Append(t.Context(), audit.Record{Kind: audit.KindRead, TransactionID: fmt.Sprint(i), Result: "successful"})
		require.NoError(t, err)
	}
	return head
}

func files(t *testing.T, l *audit.Log) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(l.Dir, "*.jsonl"))
	require.NoError(t, err)
	return names
}

func TestTheChainIsWholeAcrossFilesAndProcesses(t *testing.T) {
	l := &audit.Log{Dir: filepath.Join(t.TempDir(), "audit"), FileBytes: 1000}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() { fill(t, &audit.Log{Dir: l.Dir, FileBytes: l.FileBytes}, 10) })
	}
	group.Wait()
	head := fill(t, l, 1)
	require.Greater(t, len(files(t, l)), 3)
	n := 0
	state, err := l.Verify("", func(r audit.Record) {
		n++
		require.Equal(t, n, r.Sequence)
	})
	require.NoError(t, err)
	require.Equal(t, audit.State{Records: 41, First: 1, Head: head}, state)

	// Older files may be taken to an archive: the rest is a chain still.
	require.NoError(t, os.Remove(files(t, l)[0]))
	state, err = l.Verify(head, nil)
	require.NoError(t, err)
	require.Greater(t, state.First, 1)
}

func TestAnEmptyLogIsWhole(t *testing.T) {
	state, err := (&audit.Log{Dir: filepath.Join(t.TempDir(), "none")}).Verify("", nil)
	require.NoError(t, err)
	require.Zero(t, state.Records)
}

// Every byte that is changed, every line that is taken out, moved or added shows.
func TestEveryChangeShows(t *testing.T) {
	l := &audit.Log{Dir: t.TempDir()}
	head := fill(t, l, 5)
	name := files(t, l)[0]
	whole, err := os.ReadFile(name)
	require.NoError(t, err)
	broken := func(content, what string) {
		t.Helper()
		require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
		_, err := l.Verify(head, nil)
		require.Error(t, err, what)
		require.True(t, fault.From(err).Code == fault.AuditDamaged || fault.From(err).Code == fault.AuditTruncated, what)
	}
	for i := range whole {
		changed := append([]byte(nil), whole...)
		changed[i] ^= 1
		broken(string(changed), fmt.Sprint("byte ", i))
	}
	lines := strings.SplitAfter(string(whole), "\n")
	broken(strings.Join(append(append([]string{}, lines[:2]...), lines[3:]...), ""), "a line is gone")
	broken(lines[0]+lines[2]+lines[1]+lines[3]+lines[4], "two lines are swapped")
	broken(lines[0]+lines[0]+strings.Join(lines[1:], ""), "a line is there twice")
	broken(strings.Join(lines[1:], ""), "the beginning is gone, and the first file says it begins the log")
	require.NoError(t, os.Remove(name))
	_, err = l.Verify(head, nil)
	require.ErrorIs(t, err, fault.AuditTruncated)
}

// A chain cannot tell that its end is missing; a head that was noted can. A log that
// has grown since still holds it.
func TestANotedHeadShowsWhatIsMissingAtTheEnd(t *testing.T) {
	l := &audit.Log{Dir: t.TempDir()}
	fill(t, l, 3)
	noted := fill(t, l, 1)
	fill(t, l, 2)
	_, err := l.Verify(strings.ToUpper(noted), nil)
	require.NoError(t, err)
	whole, err := os.ReadFile(files(t, l)[0])
	require.NoError(t, err)
	lines := strings.SplitAfter(string(whole), "\n")
	require.NoError(t, os.WriteFile(files(t, l)[0], []byte(strings.Join(lines[:3], "")), 0o600))
	_, err = l.Verify("", nil)
	require.NoError(t, err)
	_, err = l.Verify(noted, nil)
	require.ErrorIs(t, err, fault.AuditTruncated)
}

// Power is lost at every operation: what was promised is in the chain, and the chain
// goes on.
func TestPowerLossLeavesAWholeChain(t *testing.T) {
	lives := func(dir string, moment powerloss.Moment) (*powerloss.Disk, []string) {
		d := powerloss.New(dir, moment)
		l := &audit.Log{Dir: filepath.Join(dir, "audit"), Disk: d, FileBytes: 500}
		var heads []string
		for range 5 {
			head, err := l.Append(context.Background(), audit.Record{Kind: audit.KindRead, Result: "successful"})
			if err != nil {
				break
			}
			heads = append(heads, head)
		}
		return d, heads
	}
	d, _ := lives(t.TempDir(), powerloss.Moment{After: -1})
	states := 0
	for after := range d.Count() {
		first, _ := lives(t.TempDir(), powerloss.Moment{After: after})
		for _, aftermath := range first.Aftermaths() {
			states++
			d, heads := lives(t.TempDir(), powerloss.Moment{After: after})
			found := t.TempDir()
			require.NoError(t, d.LayOut(found, aftermath))
			l := &audit.Log{Dir: filepath.Join(found, "audit"), FileBytes: 500}
			for _, head := range heads {
				_, err := l.Verify(head, nil)
				require.NoError(t, err, "after %d operations, %+v", after, aftermath)
			}
			fill(t, l, 2)
			state, err := l.Verify("", nil)
			require.NoError(t, err, "after %d operations, %+v", after, aftermath)
			require.GreaterOrEqual(t, state.Records, len(heads)+2)
			require.False(t, state.Torn)
		}
	}
	require.Greater(t, states, 30)
}
