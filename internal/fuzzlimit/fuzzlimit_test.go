package fuzzlimit

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// report collects what a test is failed with.
type report struct {
	testing.TB
	errors []string
}

func (r *report) Helper() {}
func (r *report) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

var sink []byte

func TestWhatCostsTooMuchFails(t *testing.T) {
	for name, c := range map[string]struct {
		execution func()
		want      string
	}{
		"little":        {func() { sink = make([]byte, 1<<20) }, ""},
		"memory":        {func() { sink = make([]byte, Memory+1<<20) }, "bytes allocated"},
		"much garbage":  {func() { grow(Memory/1024 + 1024) }, "bytes allocated"},
		"time":          {func() { spin(Time + Time/4) }, "of processor time"},
		"a short while": {func() { spin(Time / 10) }, ""},
	} {
		r := &report{}
		Check(r, c.execution)
		if c.want == "" {
			require.Empty(t, r.errors, name)
			continue
		}
		require.Len(t, r.errors, 1, name)
		require.Contains(t, r.errors[0], c.want, name)
	}
}

func grow(kilobytes int) {
	for range kilobytes {
		sink = make([]byte, 1024)
	}
}

func spin(long time.Duration) {
	for begun := processorTime(); processorTime()-begun < long; {
		continue
	}
}

// What does not end is given up while it still runs.
func TestWhatDoesNotEndIsGivenUp(t *testing.T) {
	var reason string
	var given atomic.Bool
	measure(func() {
		for !given.Load() { // what hangs spends the processor's time
			runtime.Gosched()
		}
	}, func(why string) {
		reason = why
		given.Store(true)
	})
	require.Contains(t, reason, "no end after")
}
