//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"passport-agent/agent"
	"passport-agent/agent/api"
	"passport-agent/internal/badnetwork"
	"passport-agent/internal/canary"
	"passport-agent/internal/pcscdtest"
	"passport-agent/tap"
	"passport-agent/upload/sandbox"
	"passport-agent/virtual"
)

// Environment of scripts/soak: for how long, and where to write what was counted.
const (
	faultsTimeEnv   = "PASSPORT_AGENT_FAULTS_TIME"
	faultsReportEnv = "PASSPORT_AGENT_FAULTS_REPORT"
)

// diskSize is the disk of the agent: the queue of a long storm, and not much more.
const diskSize = 24 << 20

// The document of a person who stays until it has been taken is read so often at most.
const (
	attemptsInTrouble = 200
	attemptsInCalm    = 5
)

type faultsReport struct {
	Seconds   float64 `json:"seconds"`
	Documents int     `json:"documents"`
	// Troubles counts what went wrong by what it was, Outcomes how readings ended:
	// state of the reading, of the upload, code.
	Troubles map[string]int `json:"troubles"`
	Outcomes map[string]int `json:"outcomes"`
	// Stored counts sessions by what was promised of the document and what is there.
	Stored  map[string]int `json:"stored"`
	Samples []sample       `json:"samples"` // in the calm behind each round
	Audit   int            `json:"auditRecords"`
}

// visit is a person with a document, who has it read until it is accepted or queued.
type visit struct {
	session   string
	zone      string
	document  *virtual.Document
	promised  int // accepted or queued
	uncertain int // neither, and not known to be absent
}

// faultsSoak is the agent between readers, a disk, a network and a service none of which
// does its part.
type faultsSoak struct {
	*running
	server  *sandbox.Server
	network *badnetwork.Network

	mu     sync.Mutex
	report faultsReport
	visits []*visit
}

// Two readers all day: chips answer wrongly and are taken away, the PC/SC service dies
// and hangs, the disk is full or read-only, the network resets, cuts and goes silent, the
// service storms with errors; all of it at random and at once. Each document that the
// agent says it has taken reaches its session once, none that it says it has not; nothing
// stands on the disk in clear; and after each storm the agent works as before and has
// not grown. scripts/soak runs it for 20 minutes.
func TestServeAmongFaults(t *testing.T) {
	pcscdtest.Require(t)
	length := 6 * time.Second
	if text := os.Getenv(faultsTimeEnv); text != "" {
		var err error
		length, err = time.ParseDuration(text)
		require.NoError(t, err)
	}
	s := amongFaults(t)
	defer s.write(t)
	began := time.Now()
	rounds := max(2, min(10, int(length/(30*time.Second))))
	for range rounds {
		s.round(t, length/time.Duration(rounds))
	}
	s.report.Seconds = time.Since(began).Seconds()

	s.server.AddSession(session)
	found, _ := s.searched(t)
	require.Empty(t, found, "of a document that was forgotten")
	s.stop()
	s.audited(t)
	s.grown(t)
}

func amongFaults(t *testing.T) *faultsSoak {
	t.Helper()
	server := sandbox.New(sandbox.Options{RetryAfter: time.Second, Drip: 5 * time.Millisecond})
	listening := httptest.NewServer(server)
	t.Cleanup(func() { server.Release(); listening.CloseClientConnections(); listening.Close() })
	network := badnetwork.New(t, listening.URL)
	network.Calm(true)

	dir := t.TempDir()
	require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", diskSize)))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	token := filepath.Join(t.TempDir(), "metrics.token")
	require.NoError(t, os.WriteFile(token, []byte(metricsToken), 0o600))
	return &faultsSoak{
		running: serveIn(t, dir, map[string]string{
			"PASSPORT_AGENT_API_URL": network.URL, "PASSPORT_AGENT_API_KEY": sandbox.DemoAPIKey, "PASSPORT_AGENT_API_SECRET": sandbox.DemoSecret,
			"PASSPORT_AGENT_METRICS_TOKEN_FILE": token, "PASSPORT_AGENT_QUEUE_KEYS": "file", "PASSPORT_AGENT_LOG_FILE": "log/agent.log",
			"PASSPORT_AGENT_UPLOAD_TIMEOUT": "1s", "PASSPORT_AGENT_QUEUE_SETTLE": "3s",
		}),
		server: server, network: network,
		report: faultsReport{Troubles: map[string]int{}, Outcomes: map[string]int{}, Stored: map[string]int{}},
	}
}

func (s *faultsSoak) count(in map[string]int, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in[what]++
}

// round is a storm and the calm behind it.
func (s *faultsSoak) round(t *testing.T, length time.Duration) {
	t.Helper()
	storm, over := context.WithTimeout(t.Context(), length)
	defer over()
	first := len(s.visits)
	s.network.Calm(false)
	errs := make(chan error, 4)
	var troubles, desks sync.WaitGroup
	troubles.Go(func() { errs <- s.meddle(storm, s.diskTroubles()) })
	troubles.Go(func() { errs <- s.meddle(storm, s.serviceTroubles()) })
	for reader := range pcscdtest.Readers {
		desks.Go(func() { errs <- s.desk(storm, reader) })
	}
	// The daemon is stopped and started by the test itself.
	require.NoError(t, s.meddle(storm, s.readerTroubles(t)))
	troubles.Wait()
	s.network.Calm(true)
	s.server.ClearFaults()
	desks.Wait()
	for range cap(errs) {
		require.NoError(t, <-errs)
	}

	s.drain(t)
	for _, v := range s.visits[first:] {
		s.kept(t, v)
	}
	s.nothingClear(t, s.visits[max(first, len(s.visits)-6):])
	s.report.Documents = len(s.visits)
	s.report.Samples = append(s.report.Samples, s.sample(t, len(s.visits)))
}

// trouble is something that goes wrong until end is called.
type trouble struct {
	name  string
	begin func() (end func() error, err error)
}

// errNotNow says that something cannot go wrong at this moment.
var errNotNow = errors.New("not now")

// meddle has one thing after the other go wrong until the context ends, and leaves
// everything as it should be.
func (s *faultsSoak) meddle(ctx context.Context, troubles []trouble) error {
	for pause(ctx, 200*time.Millisecond, 3*time.Second) {
		now := troubles[rand.IntN(len(troubles))]
		end, err := now.begin()
		if errors.Is(err, errNotNow) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", now.name, err)
		}
		s.count(s.report.Troubles, now.name)
		pause(ctx, 50*time.Millisecond, 2*time.Second)
		if err := end(); err != nil {
			return fmt.Errorf("the end of %s: %w", now.name, err)
		}
	}
	return nil
}

// pause lets a random time pass; it reports false when the context has ended before.
func pause(ctx context.Context, least, most time.Duration) bool {
	select {
	case <-time.After(least + rand.N(most-least)):
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *faultsSoak) readerTroubles(t *testing.T) []trouble {
	return []trouble{
		{"PC/SC service ended", func() (func() error, error) {
			pcscdtest.Stop(t)
			return func() error { pcscdtest.Start(t); return nil }, nil
		}},
		{"PC/SC service hangs", func() (func() error, error) {
			thaw := pcscdtest.Freeze(t)
			return func() error { thaw(); return nil }, nil
		}},
	}
}

func (s *faultsSoak) diskTroubles() []trouble {
	return []trouble{
		{"disk full", func() (func() error, error) {
			name := filepath.Join(s.dir, "full")
			f, err := os.Create(name)
			if err != nil {
				return nil, err
			}
			for written, block := error(nil), make([]byte, 4096); written == nil; {
				_, written = f.Write(block)
			}
			return func() error { return os.Remove(name) }, f.Close()
		}},
		{"disk read-only", func() (func() error, error) {
			err := unix.Mount("", s.dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, "")
			if errors.Is(err, unix.EBUSY) {
				return nil, errNotNow // a file is being written
			}
			return func() error { return unix.Mount("", s.dir, "", unix.MS_REMOUNT, fmt.Sprintf("size=%d", diskSize)) }, err
		}},
	}
}

// notInSoak are faults whose outcome is not 'once': a commit after the settle time
// (docs/security.md).
var notInSoak = []sandbox.Fault{sandbox.LateCommit}

func (s *faultsSoak) serviceTroubles() []trouble {
	var troubles []trouble
	for _, f := range sandbox.Faults() {
		if slices.Contains(notInSoak, f) {
			continue
		}
		troubles = append(troubles, trouble{"service: " + string(f), func() (func() error, error) {
			on := []sandbox.Request{sandbox.Upload, sandbox.Upload, sandbox.List}[rand.IntN(3)]
			s.server.InjectOn(on, f, 1+rand.IntN(5))
			return func() error { s.server.ClearFaults(); s.server.Release(); return nil }, nil
		}})
	}
	return troubles
}

// desk has people's documents read on a reader until the storm is over and the last one's
// has been taken.
func (s *faultsSoak) desk(storm context.Context, reader int) error {
	for storm.Err() == nil {
		document, err := anyDocument()
		if err != nil {
			return err
		}
		zone, err := document.MRZ()
		if err != nil {
			return err
		}
		v := &visit{document: document, zone: zone}
		s.mu.Lock()
		v.session = fmt.Sprintf("soak-%d", len(s.visits))
		s.visits = append(s.visits, v)
		s.mu.Unlock()
		s.server.AddSession(v.session)
		for left := attemptsInTrouble; v.promised == 0; left-- {
			if storm.Err() != nil {
				left = min(left, attemptsInCalm)
			}
			if left == 0 {
				return fmt.Errorf("%s: the document is not taken", v.session)
			}
			if err := s.attempt(storm, v, reader); err != nil {
				return fmt.Errorf("%s: %w", v.session, err)
			}
			if v.promised == 0 {
				pause(context.Background(), 100*time.Millisecond, 500*time.Millisecond) // a person is no machine
			}
		}
	}
	return nil
}

// anyDocument makes a document: with BAC, PACE, chip or active authentication, some with
// a file that was altered after it was signed.
func anyDocument() (*virtual.Document, error) {
	random := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	o := virtual.Options{Holder: virtual.RandomHolder(random, time.Now()), DG2Size: 9000 + random.IntN(12000)}
	const p256 = 12 // Doc 9303-11, table 12
	switch random.IntN(4) {
	case 0:
		o.PACE, o.DG14 = []virtual.PACEInfo{{Protocol: "ECDH-GM-AES-128", ParameterID: p256}}, true
	case 1:
		o.ActiveAuthentication = &virtual.ActiveAuthentication{ParameterID: p256}
	}
	document, err := virtual.Personalise(o)
	if err == nil && random.IntN(8) == 0 {
		dg2 := document.Files[virtual.DataGroup(2)]
		dg2[len(dg2)-random.IntN(1000)-1] ^= 1
	}
	return document, err
}

// attempt reads a document once, as a person would: lays it down, waits for what the
// agent says, takes it off.
func (s *faultsSoak) attempt(storm context.Context, v *visit, reader int) error {
	var read api.ReadBody
	if err := s.call(http.MethodPost, "/v1/reads", map[string]any{
		"access": map[string]string{"mrz": v.zone}, "session": v.session, "reader": pcscdtest.ReaderName(reader), "waitSeconds": 8,
	}, &read); err != nil {
		return err
	}
	profile, hand := virtual.Profile{}, func(context.Context, *virtual.Chip) {}
	if storm.Err() == nil {
		var name string
		profile, hand, name = misbehaviour()
		if name != "" {
			s.count(s.report.Troubles, "chip: "+name)
		}
	}
	chip, err := virtual.NewChip(v.document, virtual.ChipOptions{Profile: profile})
	if err != nil {
		return err
	}
	ctx, take := context.WithCancel(context.Background())
	var lying sync.WaitGroup
	lying.Go(func() { hand(ctx, chip) })
	lying.Go(func() {
		// The reader hangs up when its service ends.
		for ctx.Err() == nil {
			if virtual.Serve(ctx, virtual.VPCDOptions{Address: fmt.Sprintf("127.0.0.1:%d", 35963+reader)}, chip, nil) != nil {
				pause(ctx, 10*time.Millisecond, 50*time.Millisecond)
			}
		}
	})
	read, err = s.outcomeOf(read.ID)
	take()
	lying.Wait()
	if err != nil {
		return err
	}
	outcome, code := string(read.State), ""
	if read.Error != nil {
		code = string(read.Error.Code)
	}
	state := tap.UploadNone
	if read.Report != nil {
		state = read.Report.Upload.State
	}
	s.count(s.report.Outcomes, fmt.Sprintf("%s, upload %s, %s", outcome, state, code))
	switch state {
	case tap.UploadAccepted, tap.UploadQueued:
		v.promised++
		if read.State != agent.StateDone {
			return fmt.Errorf("the upload is %s, the reading %s", state, read.State)
		}
	case tap.UploadUncertain:
		v.uncertain++
	}
	return s.call(http.MethodDelete, "/v1/reads/"+read.ID, nil, nil)
}

// misbehaviour is what a chip, or the hand that holds it, does wrong; often nothing.
func misbehaviour() (profile virtual.Profile, hand func(context.Context, *virtual.Chip), name string) {
	hand = func(context.Context, *virtual.Chip) {}
	command := rand.IntN(90)
	switch rand.IntN(16) {
	case 0, 1:
		kinds := []virtual.SMFaultKind{
			virtual.SMWrongMAC, virtual.SMNoMAC, virtual.SMNoStatus, virtual.SMNoCryptogram, virtual.SMWrongCryptogram, virtual.SMWrongPadding, virtual.SMLongLength,
		}
		profile.SMFaults = []virtual.SMFault{{Response: command, Kind: kinds[rand.IntN(len(kinds))]}}
		return profile, hand, "secure messaging"
	case 2, 3:
		words := []virtual.Status{0x6F00, 0x6988, 0x6982, 0x6700, 0x6A82, 0x6300, 0x6400}
		profile.StatusAt = []virtual.StatusAt{{Command: command, Status: words[rand.IntN(len(words))], EndSession: rand.IntN(2) == 0}}
		return profile, hand, "status word"
	case 4, 5:
		profile.ResetAt = []int{command}
		return profile, hand, "reset"
	case 6:
		profile.DropSessions = 1
		return profile, hand, "session dropped"
	case 7, 8, 9:
		back := rand.IntN(3) > 0
		how := []virtual.Removal{virtual.NeverArrived, virtual.AnswerLost}[rand.IntN(2)]
		hand = func(ctx context.Context, chip *virtual.Chip) {
			chip.RemoveAt(command, how)
			for back {
				present, changed := chip.Present()
				if !present {
					pause(ctx, 100*time.Millisecond, time.Second)
					chip.PutBack()
					return
				}
				select {
				case <-changed:
				case <-ctx.Done():
					return
				}
			}
		}
		return profile, hand, map[bool]string{true: "taken away and put back", false: "taken away"}[back]
	case 10:
		if rand.IntN(4) == 0 {
			profile.SilentAt = []int{command}
			return profile, hand, "silent"
		}
	}
	return profile, hand, ""
}

// drain has the queue send everything, which it does in calm.
func (s *faultsSoak) drain(t *testing.T) {
	t.Helper()
	var queue api.QueueBody
	require.Eventually(t, func() bool {
		if err := s.call(http.MethodPost, "/v1/queue/retry", map[string]any{}, nil); err != nil {
			t.Log(err)
			return false
		}
		err := s.call(http.MethodGet, "/v1/queue", nil, &queue)
		return err == nil && len(queue.Items) == 0
	}, 4*patience, 500*time.Millisecond, "in calm the queue does not become empty: %+v", &queue)
}

// kept holds what is at the service against what the agent has promised.
func (s *faultsSoak) kept(t *testing.T, v *visit) {
	t.Helper()
	media := s.server.Media(v.session)
	require.GreaterOrEqual(t, len(media), v.promised, "%s is lost", v.session)
	require.LessOrEqual(t, len(media), v.promised+v.uncertain, "%s is there too often", v.session)
	for _, m := range media {
		for file, content := range map[virtual.File][]byte{virtual.COM: m.COM, virtual.SOD: m.SOD, virtual.DataGroup(1): m.DG1, virtual.DataGroup(2): m.DG2} {
			require.True(t, bytes.Equal(v.document.Files[file], content), "%s: %s is not the document's", v.session, file)
		}
	}
	s.report.Stored[fmt.Sprintf("promised %d, uncertain %d, there %d", v.promised, v.uncertain, len(media))]++
}

// nothingClear searches the disk for what was read last.
func (s *faultsSoak) nothingClear(t *testing.T, visits []*visit) {
	t.Helper()
	values := map[string][]byte{}
	for _, v := range visits {
		lines := bytes.Fields([]byte(v.zone))
		values[v.session+" zone"] = lines[len(lines)-1]
		values[v.session+" DG1"] = v.document.Files[virtual.DataGroup(1)]
		dg2 := v.document.Files[virtual.DataGroup(2)]
		values[v.session+" portrait"] = dg2[len(dg2)-64:]
	}
	require.NoError(t, filepath.WalkDir(s.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		require.Empty(t, canary.Find(content, values), path)
		return err
	}))
}

// audited holds the audit log together.
func (s *faultsSoak) audited(t *testing.T) {
	t.Helper()
	var audited struct {
		Records int
		Error   any
	}
	command(t, nil, "", "queue", "audit", "--json", "--data-dir", s.dir).document(t, &audited)
	require.Nil(t, audited.Error)
	require.Positive(t, audited.Records)
	s.report.Audit = audited.Records
}

// grown holds the samples against one another.
func (s *faultsSoak) grown(t *testing.T) {
	t.Helper()
	first, middle, last := s.report.Samples[0], s.report.Samples[len(s.report.Samples)/2], s.report.Samples[len(s.report.Samples)-1]
	require.LessOrEqual(t, last.Handles, first.Handles+2, "%+v", s.report.Samples)
	require.LessOrEqual(t, last.Goroutines, first.Goroutines+4, "%+v", s.report.Samples)
	require.LessOrEqual(t, last.ResidentKB, middle.ResidentKB+4096, "%+v", s.report.Samples)
}

func (s *faultsSoak) write(t *testing.T) {
	t.Helper()
	for _, counts := range []map[string]int{s.report.Troubles, s.report.Outcomes, s.report.Stored} {
		for _, what := range slices.Sorted(maps.Keys(counts)) {
			t.Logf("%5d × %s", counts[what], what)
		}
	}
	path := os.Getenv(faultsReportEnv)
	if path == "" {
		return
	}
	b, err := json.MarshalIndent(s.report, "", "  ")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(b, '\n'), 0o644))
}
