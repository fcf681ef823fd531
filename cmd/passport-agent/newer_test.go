package main

import (
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/agent"
	"passport-agent/agent/api"
	"passport-agent/internal/fault"
	"passport-agent/tap"
	"passport-agent/virtual"
)

const newerItem = "00112233445566778899aabbccddeeff"

// newerFolder is a data folder as a newer version has left it, every file in a shape that
// this one has never seen.
func newerFolder(t *testing.T) (dir string, kept map[string]string) {
	t.Helper()
	dir, kept = t.TempDir(), map[string]string{}
	for name, content := range map[string]string{
		"trust/trust.json":                    `{"version": 99, "lists": "elsewhere"}`,
		"pairings.json":                       `{"version": 99, "pairings": "elsewhere"}`,
		"chips.json":                          `{"version": 99, "models": "elsewhere"}`,
		"queue/items/" + newerItem + ".json":  `{"version": 99, "id": 5}`,
		"queue/items/" + newerItem + ".age":   `sealed in another way`,
		"queue/epochs/20990101-00112233.json": `{"version": 99, "id": 5}`,
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		kept[path] = content
	}
	return dir, kept
}

func requireKept(t *testing.T, kept map[string]string) {
	t.Helper()
	for path, content := range kept {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, content, string(b), path)
	}
}

// After a downgrade the agent runs: its page and its queue do what they can, documents
// are not judged without the trust store, and all stays for the newer version.
func TestServeGoesOnBesideWhatANewerVersionHasKept(t *testing.T) {
	dir, kept := newerFolder(t)
	_, env := service(t)
	r := serveIn(t, dir, env)
	var queued api.QueueBody
	require.NoError(t, r.call(http.MethodGet, "/v1/queue", nil, &queued))
	require.Len(t, queued.Items, 1)
	require.Equal(t, newerItem, queued.Items[0].ID)
	require.EqualValues(t, fault.QueueNewer, queued.Items[0].Reason)
	require.NoError(t, r.call(http.MethodPost, "/v1/queue/retry", map[string]string{}, nil))
	require.ErrorContains(t, r.call(http.MethodPost, "/v1/queue/retry", map[string]string{"id": newerItem}, nil), string(fault.QueueNewer))

	var read api.ReadBody
	require.NoError(t, r.call(http.MethodPost, "/v1/reads", map[string]any{"access": map[string]string{"can": "123456"}}, &read))
	read, err := r.outcomeOf(read.ID)
	require.NoError(t, err)
	require.Equal(t, agent.StateFailed, read.State)
	require.Equal(t, fault.TrustStoreNewer, read.Error.Code)
	r.stop()
	requireKept(t, kept)
}

// The commands that need such a file name it; the others do not mind.
func TestCommandsNameWhatANewerVersionHasKept(t *testing.T) {
	dir, kept := newerFolder(t)
	run := func(args ...string) outcome { return command(t, nil, "", append(args, "--data-dir", dir)...) }
	for name, c := range map[string]struct {
		args []string
		code fault.Code
		file string
	}{
		"trust list":   {[]string{"trust", "list"}, fault.TrustStoreNewer, filepath.Join("trust", "trust.json")},
		"trust import": {[]string{"trust", "import", filepath.Join(dir, "none.ml")}, fault.TrustStoreNewer, filepath.Join("trust", "trust.json")},
		"queue drop":   {[]string{"queue", "drop", newerItem}, fault.QueueNewer, newerItem},
		"queue retry":  {[]string{"queue", "retry", newerItem}, fault.QueueNewer, newerItem},
		"queue export": {[]string{"queue", "export", newerItem, "--out", t.TempDir()}, fault.QueueNewer, newerItem},
	} {
		o := run(append(c.args, "--json")...)
		var report struct{ Error *tap.Error }
		o.document(t, &report)
		require.Equal(t, fault.ExitUsage, o.exit, name)
		require.Equal(t, c.code, report.Error.Code, name)
		require.Contains(t, report.Error.Message, c.file, name)
	}
	o := run("queue", "list")
	require.Zero(t, o.exit, o.err)
	require.Contains(t, o.out, string(fault.QueueNewer))
	o = run("doctor")
	require.Contains(t, o.out, fault.Lookup(fault.QueueNewer).Cause[:30])
	require.Contains(t, o.out, fault.Lookup(fault.TrustStoreNewer).Cause[:30])
	requireKept(t, kept)
}

// A flush that leaves nothing but what a newer version has queued says what helps.
func TestFlushSaysThatANewerVersionIsNeeded(t *testing.T) {
	dir, kept := newerFolder(t)
	_, env := service(t)
	o := command(t, env, "", "queue", "flush", "--data-dir", dir)
	require.Equal(t, fault.ExitUsage, o.exit, o.err)
	require.Contains(t, o.err, fault.Lookup(fault.QueueNewer).NextStep)
	requireKept(t, kept)
}

// Reading goes on without what a newer version has learned about chips, and does not
// write over it.
func TestReadingLeavesWhatANewerVersionHasLearned(t *testing.T) {
	dir, kept := newerFolder(t)
	document := specimen(t)
	insert(t, document, virtual.Profile{})
	env := map[string]string{"PASSPORT_AGENT_MRZ": zoneOf(t, document), "PASSPORT_AGENT_TRUST_FOLDER": t.TempDir(), "PASSPORT_AGENT_QUEUE_KEYS": "file"}
	before := slices.Collect(maps.Keys(kept))
	o := command(t, env, "", "read", "--defer", "--json", "--data-dir", dir)
	require.Zero(t, o.exit, o.err)
	require.Contains(t, o.err, filepath.Join(dir, "chips.json"))
	requireKept(t, kept)

	// The new item has a key of its own, which this version knows.
	added := 0
	require.NoError(t, filepath.WalkDir(filepath.Join(dir, "queue"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".json") && !slices.Contains(before, path) {
			added++
		}
		return err
	}))
	require.Equal(t, 2, added, "a record and an epoch")
}
