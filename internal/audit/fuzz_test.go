package audit_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/audit"
	"passport-agent/internal/fault"
	"passport-agent/internal/fuzzlimit"
)

// A log is whole or it is not, whatever is in its file; one that is whole goes on, and a
// record of it that is changed afterwards shows.
func FuzzVerify(f *testing.F) {
	made := &audit.Log{Dir: filepath.Join(f.TempDir(), "audit")}
	var lines []byte
	for _, kind := range []string{audit.KindRead, audit.KindUpload, audit.KindDrop} {
		_, err := made.Append(f.Context(), audit.Record{Kind: kind, Result: "successful", Sizes: map[string]int64{"DG1": 93}})
		require.NoError(f, err)
		names, err := filepath.Glob(filepath.Join(made.Dir, "*.jsonl"))
		require.NoError(f, err)
		lines, err = os.ReadFile(names[0])
		require.NoError(f, err)
		f.Add(lines)
	}
	f.Add(lines[:len(lines)-5])
	f.Add(bytes.Replace(lines, []byte(`"seq":2`), []byte(`"seq":3`), 1))
	f.Add([]byte("{}\n"))
	f.Add([]byte("\n\n"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		require.NoError(t, os.RemoveAll(dir))
		require.NoError(t, os.MkdirAll(dir, 0o700))
		l := &audit.Log{Dir: dir}
		name := filepath.Join(dir, "000000000001.jsonl")
		require.NoError(t, os.WriteFile(name, content, 0o600))
		fuzzlimit.Check(t, func() {
			before, err := l.Verify("", nil)
			if err != nil {
				require.ErrorIs(t, err, fault.AuditDamaged)
				if _, err := l.Append(t.Context(), audit.Record{Kind: audit.KindRead}); err != nil {
					require.ErrorIs(t, err, fault.AuditUnavailable)
				}
				_, err = l.Verify("", nil)
				require.ErrorIs(t, err, fault.AuditDamaged, "what is damaged stays so")
				return
			}
			head, err := l.Append(t.Context(), audit.Record{Kind: audit.KindRead})
			require.NoError(t, err)
			after, err := l.Verify(before.Head, nil)
			require.NoError(t, err)
			require.Equal(t, audit.State{Records: before.Records + 1, First: 1, Head: head, Newer: before.Newer}, after)

			whole, err := os.ReadFile(name)
			require.NoError(t, err)
			whole[len(whole)/2] ^= 0x01
			require.NoError(t, os.WriteFile(name, whole, 0o600))
			_, err = l.Verify(head, nil)
			require.Error(t, err, "a bit of byte %d of %d is another", len(whole)/2, len(whole))
		})
	})
}
