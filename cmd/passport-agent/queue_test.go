package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"passport-agent/internal/canary"
	"passport-agent/internal/fault"
	"passport-agent/tap"
	"passport-agent/upload/queue"
	"passport-agent/upload/sandbox"
	"passport-agent/virtual"
)

// deskWithQueue is a document on the reader, a service, and a data folder.
type deskWithQueue struct {
	document *virtual.Document
	server   *sandbox.Server
	env      map[string]string
	data     string
}

func newDeskWithQueue(t *testing.T, change func(*virtual.Document)) *deskWithQueue {
	t.Helper()
	d := &deskWithQueue{document: specimen(t), data: t.TempDir()}
	if change != nil {
		change(d.document)
	}
	insert(t, d.document, virtual.Profile{})
	d.server, d.env = service(t)
	d.env["PASSPORT_AGENT_MRZ"] = zoneOf(t, d.document)
	d.env["PASSPORT_AGENT_QUEUE_KEYS"] = "file"
	d.env["PASSPORT_AGENT_QUEUE_SETTLE"] = "10ms"
	return d
}

func (d *deskWithQueue) run(t *testing.T, args ...string) outcome {
	t.Helper()
	return command(t, d.env, "", append(args, "--data-dir", d.data)...)
}

func (d *deskWithQueue) list(t *testing.T) []queue.Item {
	t.Helper()
	var report queueListReport
	d.run(t, "queue", "list", "--json").document(t, &report)
	return report.Items
}

// nothingClear requires that nothing of the document is in the data folder in clear.
func (d *deskWithQueue) nothingClear(t *testing.T) {
	t.Helper()
	zone := zoneOf(t, d.document)
	values := map[string][]byte{"first line": []byte(zone[:44]), "second line": []byte(zone[44:]), "session": []byte(session), "portrait": d.document.Files[virtual.DataGroup(2)][200:260]}
	require.NoError(t, filepath.WalkDir(d.data, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		if entry.Type().IsRegular() && entry.Name() != "reserve" {
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Empty(t, canary.Find(b, values), path)
		}
		return nil
	}))
}

// The whole way: read and defer, look, send, and what is left is the audit log.
func TestReadAndDeferThenFlush(t *testing.T) {
	d := newDeskWithQueue(t, nil)
	var report tap.Report
	o := d.run(t, "read", "--defer", "--session", session, "--json")
	o.document(t, &report)
	require.Zero(t, o.exit, o.err)
	require.Equal(t, tap.UploadQueued, report.Upload.State)
	require.Empty(t, d.server.Media(session))
	d.nothingClear(t)
	items := d.list(t)
	require.Len(t, items, 1)
	require.Equal(t, report.Upload.Item, items[0].ID)
	require.Contains(t, d.run(t, "queue", "list").out, items[0].ID+"  waiting")

	o = d.run(t, "queue", "flush", "--json")
	require.Zero(t, o.exit, o.err)
	lines := strings.Split(strings.TrimSpace(o.out), "\n")
	for _, line := range lines {
		require.True(t, json.Valid([]byte(line)), line)
	}
	require.JSONEq(t, `{"event":"end","delivered":1,"refused":0,"left":0,"aside":0,"error":null}`, lines[len(lines)-1])
	media := d.server.Media(session)
	require.Len(t, media, 1)
	require.Equal(t, d.document.Files[virtual.DataGroup(2)], media[0].DG2)
	require.Contains(t, d.run(t, "queue", "list").out, "The queue is empty")
	require.Zero(t, d.run(t, "queue", "flush").exit, "nothing to do is no error")
	d.nothingClear(t)

	var audited auditReport
	d.run(t, "queue", "audit", "--json").document(t, &audited)
	require.Equal(t, 2, audited.Records, "one reading, one upload")
	require.Zero(t, d.run(t, "queue", "audit", "--expect-head", audited.Head).exit)
	log, err := filepath.Glob(filepath.Join(d.data, "audit", "*.jsonl"))
	require.NoError(t, err)
	require.NoError(t, os.Truncate(log[0], 0))
	o = d.run(t, "queue", "audit", "--expect-head", audited.Head)
	require.Equal(t, fault.ExitCheckFailed, o.exit)
	require.Contains(t, o.err, "audit_truncated")
}

// Without a session of its own the item gets one when it is sent.
func TestDeferredWithoutASessionGetsOne(t *testing.T) {
	d := newDeskWithQueue(t, nil)
	o := d.run(t, "read", "--defer")
	require.Zero(t, o.exit, o.err)
	require.Contains(t, o.out, "queued")
	before := len(d.server.Sessions())
	require.Zero(t, d.run(t, "queue", "flush").exit)
	require.Len(t, d.server.Sessions(), before+1)
}

// What cannot be uploaded is queued, exit 9; a flush that cannot do it either, too.
func TestAnUploadThatFailsIsQueued(t *testing.T) {
	d := newDeskWithQueue(t, nil)
	away := maps.Clone(d.env)
	away["PASSPORT_AGENT_API_URL"] = "http://127.0.0.1:1"
	o := command(t, away, "", "read", "--session", session, "--data-dir", d.data)
	require.Equal(t, fault.ExitQueued, o.exit, o.err)
	require.Contains(t, o.err, "upload_queued")
	require.Equal(t, fault.ExitQueued, command(t, away, "", "queue", "flush", "--data-dir", d.data).exit)
	require.Equal(t, fault.UploadUnreachable, d.list(t)[0].Reason)
	require.Zero(t, d.run(t, "queue", "flush").exit)
	require.Len(t, d.server.Media(session), 1)

	// Committed, and the answer lost: the list of the session decides.
	d.server.Inject(sandbox.CommitThenDrop, 1)
	d.server.AddSession("another")
	require.Equal(t, fault.ExitQueued, d.run(t, "read", "--session", "another").exit)
	o = d.run(t, "queue", "flush")
	require.Zero(t, o.exit, o.err)
	require.Contains(t, o.err, "has it already")
	require.Len(t, d.server.Media("another"), 1)
}

// A document that failed a check is held until somebody lets it go, or is dropped.
func TestHeldUntilItIsLetGo(t *testing.T) {
	d := newDeskWithQueue(t, func(document *virtual.Document) {
		dg2 := document.Files[virtual.DataGroup(2)]
		dg2[len(dg2)-1] ^= 1
	})
	for range 2 {
		o := d.run(t, "read", "--session", session, "--on-failed", "hold")
		require.Equal(t, fault.ExitCheckFailed, o.exit, o.err)
	}
	require.Zero(t, d.run(t, "queue", "flush").exit)
	require.Empty(t, d.server.Media(session))
	items := d.list(t)
	require.Len(t, items, 2)
	require.Equal(t, queue.Held, items[0].State)
	require.Zero(t, d.run(t, "queue", "drop", items[0].ID).exit)
	require.Equal(t, fault.ExitUsage, d.run(t, "queue", "drop", items[0].ID).exit)
	require.Equal(t, fault.ExitUsage, d.run(t, "queue", "retry").exit)
	require.Zero(t, d.run(t, "queue", "retry", "--all").exit)
	require.Zero(t, d.run(t, "queue", "flush").exit)
	require.Len(t, d.server.Media(session), 1)
}

// A refused item is told by the exit status and shown with its reason.
func TestARefusedItemIsShown(t *testing.T) {
	d := newDeskWithQueue(t, nil)
	require.Zero(t, d.run(t, "read", "--defer", "--session", "unknown").exit)
	require.Equal(t, fault.ExitRefused, d.run(t, "queue", "flush").exit)
	items := d.list(t)
	require.Equal(t, queue.Refused, items[0].State)
	require.Equal(t, fault.SessionNotFound, items[0].Reason)
}

// A kiosk has a public key and no account: it reads, lists and exports, and says why
// it cannot send. Another machine does.
func TestAKioskHasNoSecrets(t *testing.T) {
	d := newDeskWithQueue(t, nil)
	identity, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	kiosk := map[string]string{"PASSPORT_AGENT_MRZ": d.env["PASSPORT_AGENT_MRZ"], "PASSPORT_AGENT_QUEUE_RECIPIENT": identity.Recipient().String()}
	at := func(args ...string) outcome { return command(t, kiosk, "", append(args, "--data-dir", d.data)...) }
	o := at("queue", "flush")
	require.Equal(t, fault.ExitUsage, o.exit)
	require.Contains(t, o.err, "queue_public_key_only")
	require.Zero(t, at("read", "--defer", "--session", session).exit)
	d.nothingClear(t)
	o = at("queue", "flush", "--json")
	require.Equal(t, fault.ExitUsage, o.exit)
	require.Contains(t, o.out, "queue_public_key_only")
	require.Contains(t, at("queue", "list").out, "waiting")
	stick := filepath.Join(t.TempDir(), "stick")
	require.Zero(t, at("queue", "export", "--out", stick).exit)

	key := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(key, []byte(identity.String()), 0o600))
	d.data = t.TempDir()
	o = d.run(t, "queue", "import", stick)
	require.Zero(t, o.exit, o.err)
	require.Equal(t, fault.ExitUsage, d.run(t, "queue", "flush").exit)
	require.Equal(t, fault.ExitUsage, d.run(t, "queue", "flush", "--identity", filepath.Join(stick, "nothing")).exit)
	o = d.run(t, "queue", "flush", "--identity", key)
	require.Zero(t, o.exit, o.err)
	require.Len(t, d.server.Media(session), 1)
	o = d.run(t, "queue", "import", stick)
	require.Equal(t, fault.ExitUsage, o.exit)
	require.Contains(t, o.err, "queue_item_delivered")
	require.False(t, bytes.Contains([]byte(o.err+o.out), []byte(session)))
}
