package fuzzlimit

import "time"

var start = time.Now()

// processorTime is the clock on the wall here.
func processorTime() time.Duration { return time.Since(start) }
