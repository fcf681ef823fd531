// Package pcscdtest gives the tests of one package a real PC/SC daemon of their
// own, with the two virtual readers of vpcd, and a card to put on them. Nothing
// of it is seen outside: the daemon lives in network, mount and process
// namespaces that end with the tests.
package pcscdtest

import (
	"os"
	"testing"
)

// RequireEnv is the environment variable that, set to 1, makes Require fail
// where it would skip.
const RequireEnv = "PASSPORT_AGENT_REQUIRE_PCSCD"

// stageEnv tells a process of the tests what is already there around it.
const (
	stageEnv     = "PASSPORT_AGENT_PCSCDTEST_STAGE"
	stageEntered = "entered" // namespaces; the daemon is to be started
	stageRunning = "running" // daemon too: a process that a test has started
)

// Main runs the tests of a package inside the private world, and without it
// where it cannot be had; tests that need the daemon call Require. It is called
// from TestMain and does not return.
func Main(m *testing.M) {
	if missing() != "" {
		os.Exit(m.Run())
	}
	switch os.Getenv(stageEnv) {
	case stageEntered:
		os.Exit(runWithDaemon(m))
	case stageRunning:
		os.Exit(m.Run())
	default:
		os.Exit(enter())
	}
}

// Require ends the test where there is no private daemon: as skipped, or as
// failed where RequireEnv is 1.
func Require(t testing.TB) {
	t.Helper()
	reason := missing()
	if reason == "" && os.Getenv(stageEnv) != stageRunning {
		reason = "TestMain of this package does not call pcscdtest.Main"
	}
	if reason == "" {
		return
	}
	if os.Getenv(RequireEnv) == "1" {
		t.Fatalf("no private pcscd: %s", reason)
	}
	t.Skipf("no private pcscd: %s", reason)
}
