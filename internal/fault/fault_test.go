package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
)

// A code without a cause and a next step of its own is no help to anybody.
func TestEveryCodeHasItsOwnCauseAndNextStep(t *testing.T) {
	codes, causes, steps := map[fault.Code]bool{}, map[string]fault.Code{}, map[string]fault.Code{}
	name := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	sentence := regexp.MustCompile(`^[A-Z].*[.]$`)
	for _, e := range fault.All() {
		require.Regexp(t, name, string(e.Code))
		require.False(t, codes[e.Code], "code %s stands twice", e.Code)
		codes[e.Code] = true
		require.Regexp(t, sentence, e.Cause, "%s", e.Code)
		require.Regexp(t, sentence, e.NextStep, "%s", e.Code)
		require.Empty(t, causes[e.Cause], "%s has the cause of another code", e.Code)
		require.Empty(t, steps[e.NextStep], "%s has the next step of another code", e.Code)
		causes[e.Cause], steps[e.NextStep] = e.Code, e.Code
		require.NotZero(t, e.Exit)
		require.Equal(t, e, fault.Lookup(e.Code))
	}
}

func TestCodeAndCauseAreReachedThroughWrapping(t *testing.T) {
	err := fmt.Errorf("reading DG2: %w", fault.New(fault.ChipStatus, "READ BINARY", io.ErrUnexpectedEOF))
	require.ErrorIs(t, err, fault.ChipStatus)
	require.NotErrorIs(t, err, fault.WrongMRZ)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, fault.ChipStatus, fault.From(err).Code)
	require.Equal(t, "reading DG2: The chip refused a command: READ BINARY: unexpected EOF", err.Error())
}

func TestFromGivesEveryErrorACode(t *testing.T) {
	require.Nil(t, fault.From(nil))
	require.Equal(t, fault.Interrupted, fault.From(fmt.Errorf("x: %w", context.Canceled)).Code)
	require.Equal(t, fault.Unexpected, fault.From(errors.New("x")).Code)
	require.Equal(t, fault.Unexpected, fault.Lookup("never_heard_of").Code)
}
