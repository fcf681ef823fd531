// Package fuzzlimit bounds what one execution of a fuzz target may cost, whatever its
// input: hostile bytes must spend neither time nor memory.
package fuzzlimit

import (
	"fmt"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

// Limits of one execution.
const (
	// Time is that of the processor, so that a busy machine makes no false finding.
	Time = slowdown * time.Second
	// Memory is in bytes, garbage included.
	Memory = 64 << 20
	// longestWait is by the clock on the wall, for what waits and does nothing.
	longestWait = time.Minute
)

// Check runs one execution and fails the test where it took more than Time or Memory.
// One that does not come to an end takes the process with it: the fuzzing engine, which
// has no limit of its own, keeps the input then. Nothing else that counts may run in the
// process.
func Check(t testing.TB, execution func()) {
	t.Helper()
	spent, allocated := measure(execution, func(reason string) {
		debug.SetTraceback("all")
		panic(reason)
	})
	if spent > Time {
		t.Errorf("%v of processor time, at most %v", spent, Time)
	}
	if allocated > Memory {
		t.Errorf("%d bytes allocated, at most %d", allocated, Memory)
	}
}

// measure calls giveUp where the execution does not end.
func measure(execution func(), giveUp func(reason string)) (spent time.Duration, allocated uint64) {
	time0, memory0 := processorTime(), allocations()
	done := make(chan struct{})
	defer close(done)
	go watch(done, giveUp)
	execution()
	return processorTime() - time0, allocations() - memory0
}

func watch(done <-chan struct{}, giveUp func(reason string)) {
	begun, time0 := time.Now(), processorTime()
	ticker := time.NewTicker(Time / 4)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
		}
		if spent := processorTime() - time0; spent > 2*Time || time.Since(begun) > longestWait {
			giveUp(fmt.Sprintf("no end after %v, %v of processor time", time.Since(begun), spent))
			return
		}
	}
}

// allocations is how many bytes have been allocated in the life of the process.
func allocations() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
