package queue_test

import "time"

const runtimeHasModes = false

// cpuTime is not measured here.
func cpuTime() time.Duration { return 0 }
