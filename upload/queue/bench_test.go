package queue_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/upload"
	"passport-agent/upload/queue"
)

// passport is chip data of 35 KB that does not shrink.
func passport() upload.NFCDocuments {
	dg2 := make([]byte, 33<<10)
	_, _ = rand.Read(dg2)
	return upload.NFCDocuments{COM: dg2[:24], SOD: dg2[:1900], DG1: dg2[:93], DG2: dg2}
}

// BenchmarkQueue puts n items of 35 KB into a queue on the disk and sends them to a
// service that answers at once. What it reports is per item: the cost of the queue
// alone.
func BenchmarkQueue(b *testing.B) {
	for _, n := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				benchmarkQueue(b, n)
			}
		})
	}
}

func benchmarkQueue(b *testing.B, n int) {
	dir := filepath.Join(b.TempDir(), fmt.Sprint(n))
	o := queue.Options{Dir: dir, Keys: queue.PlaceFile}
	q, err := queue.Open(o)
	require.NoError(b, err)
	s := newService()
	s.forgetful = true
	docs := passport()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("session-%d", i)
		s.sessions[ids[i]] = []queue.Media{}
	}
	started, cpu := time.Now(), cpuTime()
	for _, id := range ids {
		_, err := q.Enqueue(context.Background(), queue.Plan{SessionID: id, NFC: docs})
		require.NoError(b, err)
	}
	b.ReportMetric(time.Since(started).Seconds()*1e3/float64(n), "enqueue-ms/item")
	b.ReportMetric((cpuTime()-cpu).Seconds()*1e3/float64(n), "enqueue-cpu-ms/item")

	files, bytes := 0, int64(0)
	require.NoError(b, filepath.WalkDir(filepath.Join(dir, "items"), func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			info, err := d.Info()
			require.NoError(b, err)
			files++
			bytes += info.Size()
		}
		return err
	}))
	require.Equal(b, 2*n, files)
	b.ReportMetric(float64(bytes)/float64(n), "disk-B/item")

	// From the start of another process until the first send.
	q, err = queue.Open(o)
	require.NoError(b, err)
	var first, firstCPU time.Duration
	s.hook = func(string) {
		if first == 0 {
			first, firstCPU = time.Since(started), cpuTime()
		}
	}
	runtime.GC()
	var before, peak runtime.MemStats
	runtime.ReadMemStats(&before)
	started, cpu = time.Now(), cpuTime()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		var now runtime.MemStats
		for {
			select {
			case <-ticker.C:
				runtime.ReadMemStats(&now)
				peak.HeapInuse = max(peak.HeapInuse, now.HeapInuse)
			case <-stop:
				return
			}
		}
	}()
	summary, err := q.Work(context.Background(), queue.WorkOptions{Client: s, Until: queue.UntilEmpty, Parallel: 1})
	drained := time.Since(started)
	close(stop)
	<-stopped
	require.NoError(b, err)
	require.Equal(b, n, summary.Delivered)
	b.ReportMetric(first.Seconds()*1e3, "start-ms")
	b.ReportMetric((firstCPU-cpu).Seconds()*1e3, "start-cpu-ms")
	b.ReportMetric((cpuTime()-firstCPU).Seconds()*1e3/float64(n), "drain-cpu-ms/item")
	b.ReportMetric((drained-first).Seconds()*1e3/float64(n), "drain-ms/item")
	b.ReportMetric(float64(peak.HeapInuse-min(peak.HeapInuse, before.HeapInuse))/(1<<20), "heap-MiB")
}
