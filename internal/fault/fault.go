// Package fault is the list of every error a person can meet: its code, its
// cause and the next step. Nothing else in the program defines a code.
package fault

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// Code names one kind of error. Codes are stable: programs match on them. A
// Code is itself an error, so that errors.Is(err, fault.WrongMRZ) works.
type Code string

// Error returns the code itself.
func (c Code) Error() string { return string(c) }

// Entry is what is known about a code. Cause and NextStep are whole sentences
// for a person and hold no personal data.
type Entry struct {
	Code     Code
	Exit     int // exit status of a command that ends with this code
	Cause    string
	NextStep string
}

// Exit statuses of the command line; docs/cli.md explains each.
const (
	ExitUnexpected   = 1
	ExitUsage        = 2
	ExitReader       = 3
	ExitNoDocument   = 4
	ExitAccess       = 5
	ExitRead         = 6
	ExitCheckFailed  = 7
	ExitRefused      = 8
	ExitQueued       = 9
	ExitNotNow       = 10
	ExitInterrupted  = 130
	unknownCodeCause = "The program met an error that it has no name for."
)

// All returns every entry, in the order in which the rooms list them.
func All() []Entry {
	return slices.Concat(commandEntries, readerEntries, chipEntries, trustEntries, uploadEntries, queueEntries, agentEntries)
}

// Lookup returns the entry of a code; a code that is not in the list gets the
// entry of Unexpected.
func Lookup(code Code) Entry {
	all := All()
	if i := slices.IndexFunc(all, func(e Entry) bool { return e.Code == code }); i >= 0 {
		return all[i]
	}
	return Entry{Code: Unexpected, Exit: ExitUnexpected, Cause: unknownCodeCause, NextStep: "Report it with the steps that led here."}
}

// Error is an error with a code. Detail says which of several causes it was and
// never holds personal data; Err is what lies below (a status word, an HTTP
// status, an operating system error) and is reached by errors.Is and errors.As.
type Error struct {
	Code   Code
	Detail string
	Err    error
}

// New returns an error with a code, a detail (may be empty) and what lies below
// it (may be nil).
func New(code Code, detail string, err error) *Error {
	return &Error{Code: code, Detail: detail, Err: err}
}

// Error says what happened: the cause of the code, the detail and what lies below.
func (e *Error) Error() string {
	parts := []string{strings.TrimSuffix(Lookup(e.Code).Cause, ".")}
	if e.Detail != "" {
		parts = append(parts, e.Detail)
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns what lies below.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is the error's code.
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && code == e.Code
}

// From returns err as an Error: the outermost one with a code in its chain,
// Interrupted for a cancelled context, Unexpected for anything else. From(nil)
// is nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.Canceled):
		return New(Interrupted, "", err)
	default:
		return New(Unexpected, "", err)
	}
}
