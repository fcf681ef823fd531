// Command benchtable counts what reading a document costs, on the virtual chip and
// with a clock that is computed, never measured: commands and bytes as the chip
// counts them, and seconds by the timing model of docs/benchmarks.md. scripts/bench
// runs it.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"passport-agent/icao"
	"passport-agent/icao/mrz"
	"passport-agent/iso7816"
	"passport-agent/virtual"
)

// Rates of the contactless link in kbit/s (ISO/IEC 14443-2).
var rates = [...]int{106, 212, 424, 848}

// setup is one line of the table.
type setup struct {
	name     string
	protocol icao.Protocol
	pace     virtual.PACEProtocol
	extended int    // longest APDU that chip and reader take, in bytes; 0 is short
	floor    int    // the fewest commands that the standard allows
	peers    string // commands that other readers send for the same files
	// What the chip proves itself with, in files besides: Chip Authentication over
	// brainpoolP256r1 with this protocol, Active Authentication with RSA 1024.
	chip   string
	active bool
}

// The peers are gmrtd 1.1.2 and JMRTD 0.8.8 with their default settings, measured
// against a chip with the same files. The floor counts no EF.ATR/INFO.
func setups() []setup {
	const aes = "ECDH-GM-AES-128"
	return []setup{
		{name: "BAC, short", protocol: icao.BAC, floor: 93, peers: "gmrtd 104, JMRTD 105"},
		{name: "BAC, extended 2048", protocol: icao.BAC, extended: 2048, floor: 16, peers: "gmrtd 27, JMRTD 24"},
		{name: "BAC, extended 4096", protocol: icao.BAC, extended: 4096, floor: 11},
		{name: "BAC, extended 64K", protocol: icao.BAC, extended: 65535, floor: 7, peers: "gmrtd 18, JMRTD 15"},
		{name: "auto, chip with BAC alone, short", protocol: icao.Auto, floor: 93, peers: "gmrtd 104, JMRTD 105"},
		{name: "PACE, short", protocol: icao.PACE, pace: aes, floor: 101},
		{name: "PACE, extended 2048", protocol: icao.PACE, pace: aes, extended: 2048, floor: 20},
		{name: "PACE, extended 64K", protocol: icao.PACE, pace: aes, extended: 65535, floor: 11},
		{name: "BAC, short, CA 3DES", protocol: icao.BAC, chip: "ECDH-3DES", floor: 96},
		{name: "BAC, short, AA", protocol: icao.BAC, active: true, floor: 95},
		{name: "BAC, short, CA 3DES, AA", protocol: icao.BAC, chip: "ECDH-3DES", active: true, floor: 98},
		{name: "PACE, short, CA AES, AA", protocol: icao.PACE, pace: aes, chip: "ECDH-AES-128", active: true, floor: 107},
		{name: "PACE with CAM, short", protocol: icao.PACE, pace: "ECDH-CAM-AES-128", floor: 110},
	}
}

// result is what a setup cost. The first reading of a kind of chip reads
// EF.ATR/INFO where the chip announces it; later ones remember.
type result struct {
	Name          string             `json:"name"`
	First         int                `json:"firstReadingCommands"`
	Commands      int                `json:"commands"`
	Floor         int                `json:"floorCommands"`
	Peers         string             `json:"peers,omitempty"`
	SentBytes     int                `json:"sentBytes"`
	ReceivedBytes int                `json:"receivedBytes"`
	Seconds       map[string]float64 `json:"modelledSeconds"` // by kbit/s
	OnAir         float64            `json:"onAirSecondsAt848"`
}

type report struct {
	Schema    string            `json:"schema"`
	Files     map[string]int    `json:"files"`
	Timing    virtual.Timing    `json:"timing"`
	Results   []result          `json:"results"`
	HostNanos int64             `json:"hostNanosecondsOfAProtectedReading"`
	HostShare float64           `json:"hostShareOfOnAirTimeAt848"`
	Machine   map[string]string `json:"machine"`
}

func main() {
	asJSON := flag.Bool("json", false, "print JSON")
	flag.Parse()
	r, err := measure()
	if err == nil {
		if *asJSON {
			err = json.NewEncoder(os.Stdout).Encode(r)
		} else {
			err = r.print()
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchtable:", err)
		os.Exit(1)
	}
}

func measure() (report, error) {
	r := report{
		Schema: "passport-agent/bench/1", Timing: virtual.DefaultTiming(),
		Files:   map[string]int{"COM": 22, "SOD": 1843, "DG1": 93, "DG2": 18432},
		Machine: map[string]string{"go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH, "cpus": fmt.Sprint(runtime.NumCPU())},
	}
	for _, s := range setups() {
		one, err := s.run()
		if err != nil {
			return r, fmt.Errorf("%s: %w", s.name, err)
		}
		r.Results = append(r.Results, one)
	}
	nanos, err := hostTime()
	r.HostNanos = nanos
	r.HostShare = float64(nanos) / 1e9 / r.Results[0].OnAir
	return r, err
}

// reading is a chip with the specimen's files and a clock for each rate.
type reading struct {
	chip    *virtual.Chip
	access  icao.Access
	seconds map[int]time.Duration
	onAir   time.Duration
}

func (s setup) reading() (*reading, error) {
	options := virtual.Options{SODSize: 1843, DG2Size: 18432}
	if s.pace != "" {
		options.PACE = []virtual.PACEInfo{{Protocol: s.pace, ParameterID: 13}}
	}
	if s.chip != "" {
		options.ChipAuthentication = []virtual.ChipAuthenticationInfo{{Protocol: s.chip, ParameterID: 13}}
	}
	if s.active {
		options.ActiveAuthentication = &virtual.ActiveAuthentication{Bits: 1024}
	}
	document, err := virtual.Personalise(options)
	if err != nil {
		return nil, err
	}
	r := &reading{seconds: map[int]time.Duration{}}
	if r.access, err = accessOf(document, s.protocol); err != nil {
		return nil, err
	}
	o := virtual.ChipOptions{Observe: r.count}
	if s.extended > 0 {
		o.Profile.Extended = &virtual.Extended{MaxCommand: s.extended, MaxResponse: s.extended}
		o.Limits = iso7816.Limits{Extended: iso7816.Yes}
	}
	r.chip, err = virtual.NewChip(document, o)
	return r, err
}

func accessOf(document *virtual.Document, protocol icao.Protocol) (icao.Access, error) {
	text, err := document.MRZ()
	if err != nil {
		return icao.Access{}, err
	}
	zone, err := mrz.Parse(text)
	if err != nil {
		return icao.Access{}, err
	}
	key, err := zone.Key()
	return icao.Access{Key: key, Protocol: protocol}, err
}

func (r *reading) count(e virtual.Exchange) {
	for _, rate := range rates {
		timing := virtual.DefaultTiming()
		timing.Rate = rate
		r.seconds[rate] += timing.Exchange(e)
		if rate == rates[len(rates)-1] {
			offAir := timing
			offAir.Rate = 0 // infinite
			r.onAir += timing.Exchange(e) - offAir.Exchange(e)
		}
	}
}

func (r *reading) read(memory *icao.Memory) error {
	session, err := icao.Open(context.Background(), r.chip, icao.Options{Access: r.access, Memory: memory})
	if err != nil {
		return err
	}
	_, err = session.ReadDocument(context.Background())
	return err
}

func (s setup) run() (result, error) {
	memory := &icao.Memory{}
	first, err := s.reading()
	if err != nil {
		return result{}, err
	}
	if err := first.read(memory); err != nil {
		return result{}, err
	}
	second, err := s.reading()
	if err != nil {
		return result{}, err
	}
	if err := second.read(memory); err != nil {
		return result{}, err
	}
	counters := second.chip.Counters()
	one := result{
		Name: s.name, First: first.chip.Counters().Commands, Commands: counters.Commands, Floor: s.floor, Peers: s.peers,
		SentBytes: counters.ReceivedBytes, ReceivedBytes: counters.SentBytes, Seconds: map[string]float64{}, OnAir: second.onAir.Seconds(),
	}
	for rate, t := range second.seconds {
		one.Seconds[fmt.Sprint(rate)] = t.Seconds()
	}
	return one, nil
}

// hostTime is the processor time in nanoseconds of the reader's side of a whole
// reading by BAC in short commands, with the chip's answers recorded.
func hostTime() (int64, error) {
	document, err := virtual.Personalise(virtual.Options{SODSize: 1843, DG2Size: 18432})
	if err != nil {
		return 0, err
	}
	chip, err := virtual.NewChip(document, virtual.ChipOptions{Random: repeating(3)})
	if err != nil {
		return 0, err
	}
	access, err := accessOf(document, icao.BAC)
	if err != nil {
		return 0, err
	}
	o := icao.Options{Access: access, Random: repeating(7)}
	tape := &tape{Chip: chip, recording: true}
	once := func() error {
		session, err := icao.Open(context.Background(), tape, o)
		if err != nil {
			return err
		}
		_, err = session.ReadDocument(context.Background())
		return err
	}
	if err := once(); err != nil {
		return 0, err
	}
	tape.recording = false
	measured := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			tape.next = 0
			if e := once(); e != nil {
				err = e
				b.FailNow()
			}
		}
	})
	return measured.NsPerOp(), err
}

// repeating gives random numbers that repeat, so that a reading can be played again.
type repeating byte

func (k repeating) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(k) + byte(i)
	}
	return len(b), nil
}

// tape records what a chip answers, and answers it again.
type tape struct {
	*virtual.Chip
	recording bool
	answers   [][]byte
	next      int
}

func (t *tape) Transmit(ctx context.Context, command, response []byte) (int, error) {
	if t.recording {
		n, err := t.Chip.Transmit(ctx, command, response)
		t.answers = append(t.answers, append([]byte(nil), response[:max(n, 0)]...))
		return n, err
	}
	n := copy(response, t.answers[t.next])
	t.next++
	return n, nil
}

func (r report) print() error {
	var text bytes.Buffer
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	lines := []string{"setup\tcommands\tfirst time\tfloor\tbytes\t106\t212\t424\t848 kbit/s\t  peers\t"}
	for _, one := range r.Results {
		line := fmt.Sprintf("%s\t%d\t%d\t%d\t%d", one.Name, one.Commands, one.First, one.Floor, one.SentBytes+one.ReceivedBytes)
		for _, rate := range rates {
			line += fmt.Sprintf("\t%.2f s", one.Seconds[fmt.Sprint(rate)])
		}
		lines = append(lines, line+"\t  "+one.Peers+"\t")
	}
	if _, err := io.WriteString(w, strings.Join(lines, "\n")+"\n"); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Printf("%s\nFiles: COM 22, SOD 1843, DG1 93, DG2 18432 bytes. Seconds are computed by the timing model, not measured.\n"+
		"'first time': the kind of chip is new, and EF.ATR/INFO is read where it is announced.\n"+
		"Reader's own processor time, first line: %.2f ms, %.2f %% of %.0f ms on air at 848 kbit/s.\n",
		text.String(), float64(r.HostNanos)/1e6, 100*r.HostShare, 1000*r.Results[0].OnAir)
	return nil
}
