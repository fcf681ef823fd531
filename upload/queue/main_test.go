package queue_test

import (
	"os"
	"testing"
)

// TestMain lets the test binary be a process that is to be killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv(victimEnv); dir != "" {
		os.Exit(victim(dir))
	}
	os.Exit(m.Run())
}
