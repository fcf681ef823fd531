//go:build !linux

package pcscdtest

import "testing"

func missing() string { return "it needs the namespaces of Linux" }

func enter() int { return 1 }

func runWithDaemon(m *testing.M) int { return m.Run() }

// Stop, Start, StartWithoutReaders and Freeze control the daemon on Linux;
// elsewhere they do what Require does.
func Stop(t testing.TB)                { t.Helper(); Require(t) }
func Start(t testing.TB)               { t.Helper(); Require(t) }
func StartWithoutReaders(t testing.TB) { t.Helper(); Require(t) }

// Freeze does what Require does.
func Freeze(t testing.TB) (thaw func()) {
	t.Helper()
	Require(t)
	return func() {}
}
