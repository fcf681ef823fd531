package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/doctor"
	"passport-agent/internal/fault"
	"passport-agent/internal/pcscdtest"
	"passport-agent/upload/sandbox"
	"passport-agent/virtual"
)

// With a real pcscd and the sandbox behind it, doctor finds service and readers; a
// wrong secret is told apart from a service that is not there; the archive for support
// says the same and holds no secret.
func TestDoctorAsItIsRun(t *testing.T) {
	pcscdtest.Require(t)
	_, env := service(t)
	archive := filepath.Join(t.TempDir(), "support.tar.gz")
	o := command(t, env, "", "doctor", "--json", "--bundle", archive)
	var report doctorReport
	o.document(t, &report)
	require.Zero(t, o.exit, o.err)
	require.Equal(t, doctor.OK, findingOf(report, "smart_card_service"))
	require.Equal(t, doctor.OK, findingOf(report, "readers"))
	require.Equal(t, doctor.OK, findingOf(report, "api"))
	require.Equal(t, doctor.Warning, findingOf(report, "trust_list"))
	require.Equal(t, doctor.Warning, report.Result)

	members := unpack(t, archive)
	require.Len(t, members, 3)
	require.Contains(t, members["passport-agent/config.json"], `"(set)"`)
	require.Contains(t, members["passport-agent/doctor.json"], `"smart_card_service"`)
	for name, text := range members {
		require.NotContains(t, text, env["PASSPORT_AGENT_API_SECRET"], name)
	}
	info, err := os.Stat(archive)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.NotZero(t, command(t, env, "", "doctor", "--bundle", archive).exit, "no file is replaced")

	env["PASSPORT_AGENT_API_SECRET"] = "another-" + sandbox.DemoSecret
	o = command(t, env, "", "doctor")
	require.Equal(t, fault.ExitCheckFailed, o.exit)
	require.Contains(t, o.out, "✗ problem  api")
	require.NotContains(t, o.out+o.err, env["PASSPORT_AGENT_API_SECRET"])

	env["PASSPORT_AGENT_API_URL"] = "http://127.0.0.1:1"
	o = command(t, env, "", "doctor")
	require.Zero(t, o.exit, "what is read now can be deferred")
	require.Contains(t, o.out, "! warning  api")
}

func findingOf(r doctorReport, check string) doctor.Result {
	for _, f := range r.Findings {
		if f.Check == check {
			return f.Result
		}
	}
	return ""
}

func unpack(t *testing.T, name string) map[string]string {
	t.Helper()
	f, err := os.Open(name)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	compressed, err := gzip.NewReader(f)
	require.NoError(t, err)
	members := map[string]string{}
	for archive := tar.NewReader(compressed); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return members
		}
		require.NoError(t, err)
		text, err := io.ReadAll(archive)
		require.NoError(t, err)
		members[header.Name] = string(text)
	}
}

// What waits in the queue is counted without a key.
func TestDoctorLooksIntoTheQueue(t *testing.T) {
	pcscdtest.Require(t)
	document, err := virtual.Personalise(virtual.Options{})
	require.NoError(t, err)
	insert(t, document, virtual.Profile{})
	env := map[string]string{"XDG_DATA_HOME": t.TempDir(), "PASSPORT_AGENT_MRZ": zoneOf(t, document), "PASSPORT_AGENT_QUEUE_KEYS": "file"}
	require.Zero(t, command(t, env, "", "read", "--defer").exit)
	o := command(t, env, "", "doctor", "--json")
	var report doctorReport
	o.document(t, &report)
	for _, f := range report.Findings {
		if f.Check == "queue" {
			require.Equal(t, doctor.OK, f.Result)
			require.Equal(t, "1 item(s) wait", f.Text)
			return
		}
	}
	t.Fatal("the queue was not looked at")
}
