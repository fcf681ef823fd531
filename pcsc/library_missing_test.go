//go:build linux && !cgo

package pcsc_test

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/internal/pcscdtest"
)

// With cgo the program is linked to the library and does not start without it.
func TestAMachineWithoutTheLibrary(t *testing.T) {
	pcscdtest.Require(t)
	report := runChild(t, "hide-library", &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS})
	require.Equal(t, childReport{Fault: fault.PCSCLibraryMissing}, report)
}
