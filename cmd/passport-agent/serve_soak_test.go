//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/canary"
	"passport-agent/internal/pcscdtest"
	"passport-agent/upload/sandbox"
	"passport-agent/virtual"
)

// Environment of scripts/soak-agent: how many documents, and where to write what was
// measured.
const (
	soakDocumentsEnv = "PASSPORT_AGENT_SOAK_DOCUMENTS"
	soakReportEnv    = "PASSPORT_AGENT_SOAK_REPORT"
	idleSecondsEnv   = "PASSPORT_AGENT_IDLE_SECONDS"
)

const metricsToken = "metrics-token-of-the-soak"

// timedService is a sandbox that measures the time it takes itself.
type timedService struct {
	*sandbox.Server
	inside atomic.Int64 // nanoseconds
}

func (s *timedService) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	// The time in which the request arrives is the client's.
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return
	}
	q.Body = io.NopCloser(strings.NewReader(string(body)))
	began := time.Now()
	s.Server.ServeHTTP(w, q)
	s.inside.Add(int64(time.Since(began)))
}

// soaking is the agent with its service, both measured.
func soaking(t *testing.T) (*running, *timedService) {
	t.Helper()
	server := &timedService{Server: sandbox.New(sandbox.Options{})}
	server.AddSession(session)
	listening := httptest.NewServer(server)
	t.Cleanup(func() { server.Release(); listening.CloseClientConnections(); listening.Close() })
	token := filepath.Join(t.TempDir(), "metrics.token")
	require.NoError(t, os.WriteFile(token, []byte(metricsToken), 0o600))
	env := map[string]string{
		"PASSPORT_AGENT_API_URL": listening.URL, "PASSPORT_AGENT_API_KEY": sandbox.DemoAPIKey, "PASSPORT_AGENT_API_SECRET": sandbox.DemoSecret,
		"PASSPORT_AGENT_METRICS_TOKEN_FILE": token,
	}
	if debug, ok := os.LookupEnv("GODEBUG"); ok {
		env["GODEBUG"] = debug // clobberfree=0 shows what is there without it
	}
	return serveProgram(t, env), server
}

// metrics reads the agent's counters.
func (r *running) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	q, err := http.NewRequest(http.MethodGet, r.file.URL+"/metrics", nil)
	require.NoError(t, err)
	q.Header.Set("Authorization", "Bearer "+metricsToken)
	response, err := http.DefaultClient.Do(q)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	values := map[string]float64{}
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		name, text, ok := strings.Cut(lines.Text(), " ")
		value, err := strconv.ParseFloat(text, 64)
		if ok && err == nil {
			values[name] = value
		}
	}
	return values
}

// proc is a number of /proc/PID/status, in kB. The private world of the tests has
// process numbers of its own; the agent is a child of this process.
func (r *running) proc(t *testing.T, name string) int {
	t.Helper()
	b, err := os.ReadFile(r.procPath(t, "status"))
	require.NoError(t, err)
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			n, err := strconv.Atoi(strings.Fields(rest)[0])
			require.NoError(t, err)
			return n
		}
	}
	require.FailNow(t, "no such line", name)
	return 0
}

// procPath finds the agent below /proc, which shows the numbers of the world outside.
func (r *running) procPath(t *testing.T, file string) string {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, path := range paths {
		line, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(line), r.dir) {
			return filepath.Join(filepath.Dir(path), file)
		}
	}
	require.FailNow(t, "the agent does not run")
	return ""
}

// handles counts open files and sockets.
func (r *running) handles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir(r.procPath(t, "fd"))
	require.NoError(t, err)
	return len(entries)
}

// sample is what must not grow.
type sample struct {
	Documents  int `json:"documents"`
	ResidentKB int `json:"residentKB"`
	Handles    int `json:"handles"`
	Goroutines int `json:"goroutines"`
}

type soakReport struct {
	Documents int      `json:"documents"`
	Seconds   float64  `json:"seconds"`
	Samples   []sample `json:"samples"`
	// OwnMilliseconds is the time of one document from connected to accepted, without
	// that in commands to the chip and in the service.
	OwnMilliseconds      float64  `json:"ownMilliseconds"`
	TransmitMilliseconds float64  `json:"transmitMilliseconds"`
	ServiceMilliseconds  float64  `json:"serviceMilliseconds"`
	Found                []string `json:"found"` // of the last document but one
	SearchedBytes        int      `json:"searchedBytes"`
}

// documents is how many a soak reads: a few, unless more are asked for.
func documents(t *testing.T) int {
	t.Helper()
	text := os.Getenv(soakDocumentsEnv)
	if text == "" {
		return 12
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// Documents in a row on two readers behind the real service: memory, handles and
// goroutines do not grow, and of a document that was read, uploaded and forgotten
// nothing is left in memory when the next one has been. scripts/soak-agent runs it long.
func TestServeSoak(t *testing.T) {
	pcscdtest.Require(t)
	n := documents(t)
	r, server := soaking(t)
	report := soakReport{Documents: n, Found: []string{}}
	began := time.Now()
	for done := 0; done < n; {
		// Ten samples, and a first one when everything has been used once.
		part := max(2, (n+9)/10)
		if done == 0 {
			part = 4
		}
		part = min(part, n-done)
		soakOn(t, r, part)
		done += part
		report.Samples = append(report.Samples, r.sample(t, done))
	}
	report.Seconds = time.Since(began).Seconds()

	m := r.metrics(t)
	count := m["passport_agent_read_seconds_count"]
	require.EqualValues(t, n, count)
	transmit, inside := m["passport_agent_transmit_seconds_sum"], time.Duration(server.inside.Load()).Seconds()
	own := m["passport_agent_read_seconds_sum"] + m["passport_agent_upload_seconds_sum"] - transmit - inside
	report.OwnMilliseconds = 1000 * own / count
	report.TransmitMilliseconds, report.ServiceMilliseconds = 1000*transmit/count, 1000*inside/count

	found, searched := r.searched(t)
	report.Found, report.SearchedBytes = append(report.Found, found...), searched
	require.Empty(t, report.Found)
	first, last := report.Samples[0], report.Samples[len(report.Samples)-1]
	require.LessOrEqual(t, last.Handles, first.Handles+2)
	require.LessOrEqual(t, last.Goroutines, first.Goroutines+4)
	middle := report.Samples[len(report.Samples)/2]
	require.LessOrEqual(t, last.ResidentKB, middle.ResidentKB+4096, "%+v", report.Samples)
	if path := os.Getenv(soakReportEnv); path != "" {
		b, err := json.MarshalIndent(report, "", "  ")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, append(b, '\n'), 0o644))
	}
	r.stop()
}

// soakOn reads n documents of invented people on both readers.
func soakOn(t *testing.T, r *running, n int) {
	t.Helper()
	var working sync.WaitGroup
	var next atomic.Int64
	errs := make(chan error, pcscdtest.Readers)
	for reader := range pcscdtest.Readers {
		working.Go(func() {
			for next.Add(1) <= int64(n) {
				document, err := somebody(18432)
				if err == nil {
					_, err = r.cycle(document, reader)
				}
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	working.Wait()
	select {
	case err := <-errs:
		require.NoError(t, err)
	default:
	}
}

func somebody(size int) (*virtual.Document, error) {
	random := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	for {
		holder := virtual.RandomHolder(random, time.Now())
		if holder.Format == virtual.TD3 {
			return virtual.Personalise(virtual.Options{Holder: holder, DG2Size: size})
		}
	}
}

func (r *running) sample(t *testing.T, documents int) sample {
	t.Helper()
	// Connections and streams of the last documents end a moment after them.
	var s sample
	for range 20 {
		m := r.metrics(t)
		now := sample{documents, r.proc(t, "VmRSS"), r.handles(t), int(m["go_goroutines"])}
		if now.Handles == s.Handles && now.Goroutines == s.Goroutines {
			return now
		}
		s = now
		time.Sleep(200 * time.Millisecond)
	}
	return s
}

// searched reads a document and another one after it, and searches the memory of the
// agent, as a core dump would have it, for the former.
func (r *running) searched(t *testing.T) (found []string, size int) {
	t.Helper()
	document, err := somebody(20000)
	require.NoError(t, err)
	_, err = r.cycle(document, 0)
	require.NoError(t, err)
	after, err := somebody(20001)
	require.NoError(t, err)
	_, err = r.cycle(after, 0)
	require.NoError(t, err)

	values := map[string][]byte{"file " + string(virtual.DataGroup(1)): document.Files[virtual.DataGroup(1)]}
	for _, file := range []virtual.File{virtual.DataGroup(2), virtual.SOD} {
		values["file "+string(file)] = own(document.Files[file], after.Files[file])
	}
	zone, err := document.MRZ()
	require.NoError(t, err)
	values["second line of the zone"], values["document number"] = []byte(zone[44:]), []byte(zone[44:53])
	// It is collected half a second after it was forgotten.
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		found, size = find(r.memory(t), values)
		if len(found) == 0 || time.Now().After(deadline) {
			break
		}
	}
	t.Logf("of a document that was forgotten, with another one read since, in %d bytes: %v", size, found)
	return found, size
}

func find(memory [][]byte, values map[string][]byte) (found []string, size int) {
	for _, region := range memory {
		size += len(region)
		for _, hit := range canary.Find(region, values) {
			if !slices.Contains(found, hit) {
				found = append(found, hit)
			}
		}
	}
	slices.Sort(found)
	return found, size
}

// own is a piece of a file that another document's file does not have.
func own(file, other []byte) []byte {
	const piece = 48
	for at := len(file) - piece; at > 0; at-- {
		if !strings.Contains(string(other), string(file[at:at+piece/2])) && !strings.Contains(string(other), string(file[at+piece/2:at+piece])) {
			return file[at : at+piece]
		}
	}
	return nil
}

// memory reads what a core dump holds: every private writable region, without the
// pages that are nothing but zeros, and without registers (blankRegisters).
func (r *running) memory(t *testing.T) [][]byte {
	t.Helper()
	maps, err := os.ReadFile(r.procPath(t, "maps"))
	require.NoError(t, err)
	mem, err := os.Open(r.procPath(t, "mem"))
	require.NoError(t, err)
	defer func() { require.NoError(t, mem.Close()) }()
	var regions [][]byte
	for line := range strings.Lines(string(maps)) {
		var from, to int64
		var mode string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); err != nil || !strings.HasPrefix(mode, "rw") {
			continue
		}
		b := make([]byte, to-from)
		// Regions that the system does not give are not in a core dump either.
		n, _ := mem.ReadAt(b, from)
		blankRegisters(b[:n])
		var run []byte
		for page := range slices.Chunk(b[:n], os.Getpagesize()) {
			if bytes.Count(page, []byte{0}) < len(page) {
				run = append(run, page...)
			} else if run != nil {
				regions, run = append(regions, run), nil
			}
		}
		regions = append(regions, run)
	}
	require.NotEmpty(t, regions)
	return regions
}

// blankRegisters overwrites the vector registers that the kernel has saved on the stack of
// a signal (struct _fpx_sw_bytes at the end of the legacy part of an XSAVE area): what was
// being copied when the signal came stays there until the next one. docs/security.md
// names it.
func blankRegisters(memory []byte) {
	magic := []byte("SXPF")
	const place, longest = 464, 16 << 10
	for at := 0; ; {
		i := bytes.Index(memory[at:], magic)
		if i < 0 || at+i+8 > len(memory) {
			return
		}
		at += i
		if size := int(binary.LittleEndian.Uint32(memory[at+4:])); at >= place && size > place && size < longest {
			area := memory[at-place : min(at-place+size, len(memory))]
			clear(area)
		}
		at += len(magic)
	}
}

// Waiting costs next to nothing. scripts/idle-agent runs it for 30 seconds.
func TestServeIdles(t *testing.T) {
	pcscdtest.Require(t)
	seconds := 3
	if text := os.Getenv(idleSecondsEnv); text != "" {
		var err error
		seconds, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	r, _ := soaking(t)
	r.metrics(t)
	ticks := func() float64 {
		b, err := os.ReadFile(r.procPath(t, "stat"))
		require.NoError(t, err)
		fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')'):]))
		user, err := strconv.ParseFloat(fields[12-1], 64)
		require.NoError(t, err)
		system, err := strconv.ParseFloat(fields[13-1], 64)
		require.NoError(t, err)
		return (user + system) / 100
	}
	before := ticks()
	time.Sleep(time.Duration(seconds) * time.Second)
	used := ticks() - before
	resident := r.proc(t, "VmRSS")
	fmt.Printf("idle: %d kB resident, %.2f s of processor in %d s: %.3f %%\n", resident, used, seconds, 100*used/float64(seconds))
	require.Less(t, resident, 30<<10)
	require.LessOrEqual(t, used, 0.02+0.001*float64(seconds), "0.1 % of a processor, and two ticks of its clock")
	r.stop()
}
