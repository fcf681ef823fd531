//go:build !linux

package portrait

import (
	"os"
	"runtime/metrics"
	"time"
)

const (
	heapMetric  = "/memory/classes/total:bytes"
	watchPeriod = 10 * time.Millisecond
)

// limitSelf watches the memory of this process and ends it where it is too much.
func limitSelf() error {
	go func() {
		sample := []metrics.Sample{{Name: heapMetric}}
		for range time.Tick(watchPeriod) {
			if metrics.Read(sample); sample[0].Value.Uint64() > memoryLimit {
				os.Exit(1)
			}
		}
	}()
	return nil
}
