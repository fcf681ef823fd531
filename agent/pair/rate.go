package pair

import (
	"sync"
	"time"
)

// rate is how many requests may come at once, and how soon one more.
type rate struct {
	burst int
	every time.Duration
}

var (
	callerRate  = rate{200, 20 * time.Millisecond}
	openRate    = rate{10, time.Second}
	pairingRate = rate{5, 10 * time.Second}
)

const maxBuckets = 256

// limits counts the requests of each caller. The zero value with a clock works.
type limits struct {
	now     func() time.Time
	mu      sync.Mutex
	buckets map[string]time.Time // when the bucket will be full again
}

// take takes a request out of a bucket and returns 0, or how long to wait for one.
func (l *limits) take(key string, r rate) time.Duration {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	full := l.buckets[key]
	if full.Before(now) {
		full = now
	}
	full = full.Add(r.every)
	if wait := full.Sub(now) - time.Duration(r.burst)*r.every; wait > 0 {
		return wait
	}
	if l.buckets == nil || len(l.buckets) >= maxBuckets {
		l.forgetFull(now)
	}
	l.buckets[key] = full
	return 0
}

// forgetFull drops buckets that count nothing.
func (l *limits) forgetFull(now time.Time) {
	kept := map[string]time.Time{}
	for key, full := range l.buckets {
		if full.After(now) {
			kept[key] = full
		}
	}
	l.buckets = kept
}
