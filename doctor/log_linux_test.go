package doctor_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/doctor"
	"passport-agent/internal/disk/smalldisk"
)

// On a full disk the agent works, and its log is lost.
func TestALogOnAFullDisk(t *testing.T) {
	dir := smalldisk.Mount(t, "64k")
	if dir == "" {
		return
	}
	err := os.WriteFile(filepath.Join(dir, "other"), make([]byte, 128<<10), 0o600)
	require.True(t, errors.Is(err, syscall.ENOSPC), "%v", err)
	o := healthy(t)
	o.LogFile = filepath.Join(dir, "log", "agent.log")
	for _, f := range doctor.Examine(t.Context(), o, nil) {
		if f.Check == "log_file" {
			require.Equal(t, doctor.Warning, f.Result)
			require.Contains(t, f.Cause, "disk is full")
			require.Contains(t, f.Mend, "df -h "+dir)
			return
		}
	}
	require.FailNow(t, "the log was not looked at")
}
