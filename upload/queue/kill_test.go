package queue_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/secret"
	"passport-agent/upload"
	"passport-agent/upload/queue"
	"passport-agent/upload/sandbox"
)

const (
	victimEnv    = "PASSPORT_AGENT_QUEUE_VICTIM"     // its folder
	victimURLEnv = "PASSPORT_AGENT_QUEUE_VICTIM_URL" // the service
	victimItems  = 3
)

func victimPlan(n int) queue.Plan {
	return queue.Plan{SessionID: fmt.Sprintf("%s-%d", session, n), NFC: documents(), Images: []queue.Image{{"face", jpeg}}, Verdict: []byte("verdict about ERIKSSON")}
}

// victim puts items into a queue, saying so after each, and sends them.
func victim(dir string) int {
	q, err := queue.Open(options(dir))
	if err != nil {
		return 2
	}
	api, err := upload.New(upload.Config{BaseURL: os.Getenv(victimURLEnv), APIKey: sandbox.DemoAPIKey, Secret: secret.NewText(sandbox.DemoSecret)})
	if err != nil {
		return 2
	}
	fmt.Println("ready")
	ctx := context.Background()
	worked := make(chan error, 1)
	go func() {
		_, err := q.Work(ctx, queue.WorkOptions{Client: queue.API(api), Until: queue.UntilStopped})
		worked <- err
	}()
	for n := range victimItems {
		if _, err := q.Enqueue(ctx, victimPlan(n)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 3
		}
		fmt.Println("queued", n)
	}
	fmt.Fprintln(os.Stderr, <-worked)
	return 4
}

// A process is killed from outside at 200 random times. What it had promised is in
// the session once afterwards; what it had not, at most once. Nothing is in the clear
// at any time.
func TestKilledAtAnyTimeNothingIsLost(t *testing.T) {
	kills := 200
	if text := os.Getenv("PASSPORT_AGENT_QUEUE_KILLS"); text != "" {
		var err error
		kills, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	root := memory(t)
	uncertain, undelivered := 0, 0
	for n := range kills {
		dir := filepath.Join(root, fmt.Sprint(n))
		require.NoError(t, os.Mkdir(dir, 0o700))
		s := serve(t, sandbox.Options{AnySession: true})
		promised := killed(t, dir, s.url, time.Duration(rand.Int64N(int64(60*time.Millisecond))))
		nothingClear(t, dir)
		s.busy.Wait() // what was under way has arrived, or never will

		seen := &events{}
		o := options(dir)
		o.Observe = seen.observe
		summary := drain(t, open(t, o), client(t, s.url, 5*time.Second))
		uncertain += seen.count(queue.EventUncertain)
		undelivered += summary.Delivered
		for i := range victimItems {
			media := len(s.Media(victimPlan(i).SessionID))
			if i < promised {
				require.Equal(t, 2, media, "kill %d, item %d", n, i)
			} else {
				require.Contains(t, []int{0, 2}, media, "kill %d, item %d", n, i)
			}
		}
		nothingLeft(t, dir)
		nothingClear(t, dir)
		require.NoError(t, os.RemoveAll(dir))
	}
	t.Logf("%d kills: %d items were left to deliver, %d of them in the middle of a send", kills, undelivered, uncertain)
	require.NotZero(t, undelivered)
	require.NotZero(t, uncertain)
}

// killed runs a victim, kills it some time after it is ready and returns how many
// items it has promised to keep.
func killed(t *testing.T, dir, url string, after time.Duration) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimEnv+"="+dir, victimURLEnv+"="+url)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	promised := 0
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if lines.Text() == "ready" {
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
		if strings.HasPrefix(lines.Text(), "queued") {
			promised++
		}
	}
	err = cmd.Wait()
	require.ErrorContains(t, err, "killed")
	return promised
}
