package pcsc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"

	"passport-agent/internal/fault"
	"passport-agent/internal/pcscdtest"
	"passport-agent/pcsc"
)

// childEnv makes the test binary list the readers and print what it got, for
// tests that need another user or another machine.
const childEnv = "PASSPORT_AGENT_PCSC_TEST_CHILD"

type childReport struct {
	Readers    int
	Fault      fault.Code
	ReturnCode pcsc.ReturnCode
}

func TestMain(m *testing.M) {
	if action := os.Getenv(childEnv); action != "" {
		os.Exit(child(action))
	}
	pcscdtest.Main(m)
}

func child(action string) int {
	if action == "hide-library" {
		if err := hideLibrary(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	var report childReport
	readers, err := pcsc.Readers(context.Background())
	report.Readers = len(readers)
	if err != nil {
		report.Fault = fault.From(err).Code
		errors.As(err, &report.ReturnCode)
	}
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		return 1
	}
	return 0
}
