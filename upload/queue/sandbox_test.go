package queue_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/badnetwork"
	"passport-agent/internal/fault"
	"passport-agent/internal/secret"
	"passport-agent/upload"
	"passport-agent/upload/queue"
	"passport-agent/upload/sandbox"
)

// jpeg is a picture of one pixel, as far as its header goes.
var jpeg = append([]byte{0xFF, 0xD8, 0xFF, 0xC0, 0, 11, 8, 0, 1, 0, 1, 1, 1, 0x11, 0, 0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0, 0x55}, 0xFF, 0xD9)

// server is a sandbox behind HTTP that can be waited for.
type server struct {
	*sandbox.Server
	url  string
	busy sync.WaitGroup
}

func serve(t *testing.T, o sandbox.Options) *server {
	t.Helper()
	s := &server{Server: sandbox.New(o)}
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.busy.Add(1)
		defer s.busy.Done()
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(h.Close)
	s.url = h.URL
	return s
}

func client(t *testing.T, url string, timeout time.Duration) queue.Client {
	t.Helper()
	c, err := upload.New(upload.Config{BaseURL: url, APIKey: sandbox.DemoAPIKey, Secret: secret.NewText(sandbox.DemoSecret), Timeout: timeout})
	require.NoError(t, err)
	return queue.API(c)
}

func TestTheSandboxGetsAWholePlan(t *testing.T) {
	dir := t.TempDir()
	q := open(t, options(dir))
	plan := fullPlan()
	plan.Images = []queue.Image{{"document-front", jpeg}, {"face", jpeg}}
	enqueue(t, q, plan)
	s := serve(t, sandbox.Options{})
	require.Equal(t, 1, drain(t, q, client(t, s.url, time.Second)).Delivered)
	require.Len(t, s.Sessions(), 1)
	id := s.Sessions()[0]
	require.True(t, s.Submitted(id))
	media := s.Media(id)
	require.Len(t, media, 3)
	require.Equal(t, jpeg, media[0].Content, "untouched")
	require.Equal(t, documents(), upload.NFCDocuments{COM: media[2].COM, SOD: media[2].SOD, DG1: media[2].DG1, DG2: media[2].DG2})
	nothingLeft(t, dir)
}

// Every fault of the sandbox, once: the item is there once in the end, or refused with
// a reason, or the queue says why it stands.
func TestEveryFaultOfTheServiceEndsWell(t *testing.T) {
	for _, f := range sandbox.Faults() {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			seen := &events{}
			o := options(dir)
			o.Observe = seen.observe
			o.Settle = 100 * time.Millisecond
			q := open(t, o)
			enqueue(t, q, chipPlan())
			s := serve(t, sandbox.Options{LateAfter: time.Millisecond, RetryAfter: time.Second, Drip: 50 * time.Millisecond})
			s.AddSession(session)
			s.Inject(f, 1)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			summary, err := q.Work(ctx, queue.WorkOptions{Client: client(t, s.url, 500*time.Millisecond), Until: queue.UntilEmpty})
			switch f {
			case sandbox.Redirect:
				require.ErrorIs(t, err, fault.APIRedirected)
			case sandbox.IntegrationInactive:
				require.ErrorIs(t, err, fault.IntegrationInactive)
			default:
				require.NoError(t, err)
				require.Equal(t, queue.Summary{Delivered: 1}, summary)
				require.Len(t, s.Media(session), 1)
				require.Zero(t, seen.count(queue.EventSurplus))
				nothingLeft(t, dir)
			}
			nothingClear(t, dir)
		})
	}
}

// A commit that comes after the settle time: twice in the session, and reported.
func TestALateCommitIsOnceOrReported(t *testing.T) {
	for name, settled := range map[string]bool{"within the settle time": true, "after it": false} {
		t.Run(name, func(t *testing.T) {
			seen := &events{}
			o := options(t.TempDir())
			s := serve(t, sandbox.Options{})
			s.AddSession(session)
			s.Inject(sandbox.LateCommit, 1)
			o.Settle = 30 * time.Millisecond
			o.Observe = func(e queue.Event) {
				seen.observe(e)
				if e.Kind == queue.EventUncertain && settled || e.Kind == queue.EventResent {
					s.CommitLate()
				}
			}
			q := open(t, o)
			enqueue(t, q, chipPlan())
			require.Equal(t, 1, drain(t, q, client(t, s.url, time.Second)).Delivered)
			if settled {
				require.Len(t, s.Media(session), 1)
				return
			}
			require.Len(t, s.Media(session), 2)
			require.Equal(t, 1, seen.count(queue.EventSurplus))
		})
	}
}

// soakTime is how long the network of faults lasts; scripts/queue-soak makes it long.
func soakTime(t *testing.T) time.Duration {
	return durationFromEnv(t, "PASSPORT_AGENT_QUEUE_SOAK", 5*time.Second)
}

// Between client and service lies a network that resets, stalls and cuts, and the
// service storms with errors. All that was queued is delivered once.
func TestANetworkOfFaultsDeliversAllOnce(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, sandbox.Options{RetryAfter: time.Second, Drip: 5 * time.Millisecond})
	// Longer than a request can linger in this network.
	const timeout = 500 * time.Millisecond
	o := options(dir)
	o.Settle, o.FirstPause, o.LongestPause = 2*timeout, 5*time.Millisecond, 100*time.Millisecond
	seen := &events{}
	o.Observe = seen.observe
	q := open(t, o)
	bad := badnetwork.New(t, s.url)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := q.Work(ctx, queue.WorkOptions{Client: client(t, bad.URL, timeout), Until: queue.UntilStopped})
		ended <- err
	}()
	storms := []sandbox.Fault{
		sandbox.ServerError, sandbox.TooManyRequests, sandbox.BadGateway, sandbox.Unavailable, sandbox.CommitThenDrop, sandbox.CommitThenReset,
		sandbox.DropBeforeCommit, sandbox.Truncate, sandbox.WrongSignature, sandbox.Unsigned, sandbox.NotJSON, sandbox.SlowLoris, sandbox.CommitThenStall,
	}
	var sessions []string
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	// It goes on until everything that it is about has happened.
	seenAll := func() bool {
		return seen.count(queue.EventArrived) > 0 && seen.count(queue.EventResent) > 0 && seen.count(queue.EventLater) > 0
	}
	end, last := time.After(soakTime(t)), time.After(soakTime(t)+patience)
	for {
		select {
		case <-ticker.C:
			if len(sessions)-seen.count(queue.EventDelivered) > 30 {
				continue // a busy machine: what is there comes first
			}
			id := "soak-" + time.Now().Format("150405.000000000")
			s.AddSession(id)
			sessions = append(sessions, id)
			enqueue(t, q, queue.Plan{SessionID: id, NFC: documents()})
			if rand.IntN(4) == 0 {
				s.ClearFaults() // a storm is over when the next one begins
				s.Inject(storms[rand.IntN(len(storms))], 1+rand.IntN(5))
			}
			continue
		case err := <-ended:
			require.NoError(t, err, "work has ended")
		case <-end:
			if !seenAll() {
				end = time.After(time.Second)
				continue
			}
		case <-last:
			require.Fail(t, "the network is not bad enough", "%d arrived, %d resent, %d later, %d delivered, %d uncertain, %d queued", seen.count(queue.EventArrived), seen.count(queue.EventResent), seen.count(queue.EventLater), seen.count(queue.EventDelivered), seen.count(queue.EventUncertain), len(sessions))
		}
		break
	}
	s.ClearFaults()
	bad.Calm(true)
	cancel()
	require.ErrorIs(t, <-ended, fault.Interrupted)
	drain(t, q, client(t, bad.URL, 10*time.Second))
	for _, id := range sessions {
		require.Len(t, s.Media(id), 1)
	}
	require.Zero(t, seen.count(queue.EventSurplus))
	t.Logf("%d items, %d answers lost, %d of them stored, %d sent again, %d later", len(sessions), seen.count(queue.EventUncertain),
		seen.count(queue.EventArrived), seen.count(queue.EventResent), seen.count(queue.EventLater))
	nothingLeft(t, dir)
}

func durationFromEnv(t *testing.T, name string, fallback time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return fallback
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err)
	return d
}
