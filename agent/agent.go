// Package agent is what runs all day at a desk or in a kiosk: it watches the
// readers, gives each document to the one reading that waits for it, keeps what
// readings came to for their callers and no longer than it has to, and works off the
// queue. Who may ask it, and how, is the business of agent/pair and agent/api.
package agent

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"

	"passport-agent/icao"
	"passport-agent/icao/verdict"
	"passport-agent/pcsc"
	"passport-agent/tap"
	"passport-agent/upload/media"
)

// Defaults of Options.
const (
	DefaultWait = 30 * time.Second
	DefaultKeep = 2 * time.Minute
	// DefaultGrace is how long uploads under way are waited for at the end.
	DefaultGrace = 20 * time.Second
)

// Options says how the agent works. The zero value reads and judges on the readers of
// the machine, uploads nothing and trusts nobody.
type Options struct {
	// Software names program and version in reports.
	Software string
	// Watch tells of the readers until the context ends, and looks for a service that is
	// down when again has a value; pcsc.Watch where nil.
	Watch func(ctx context.Context, again <-chan struct{}, observe func([]pcsc.ReaderInfo, error))
	// Connect connects to the document on a reader, which is to come within the time;
	// pcsc.Wait where nil.
	Connect func(ctx context.Context, reader string, within time.Duration) (tap.Card, error)
	// Reader is the name of the reader, or a part of it, for readings that name none.
	Reader string
	// Wait is how long a reading waits for its document.
	Wait time.Duration
	// Keep is how long personal data is kept after the end of a reading.
	Keep time.Duration
	// Grace is how long uploads under way are waited for at the end.
	Grace time.Duration

	Profile       verdict.Profile
	OnFailed      tap.OnFailed
	RequireTrust  bool
	NoResume      bool
	ProbeExtended bool
	// NoChipAuthentication leaves out what proves that the chip is no copy.
	NoChipAuthentication bool
	// Memory remembers how kinds of chips like to be asked; may be nil. Learned, if
	// set, is called after each reading.
	Memory  *icao.Memory
	Learned func()
	// Trust holds the country signers; nil is none.
	Trust *TrustFile
	// Service is the Veriff API; nil uploads nothing. FaceNFC sends the portrait as a
	// picture, too.
	Service Service
	FaceNFC bool
	// Media says what may be done to pictures, ExtraContexts which contexts there are
	// beside the documented ones.
	Media         media.Options
	ExtraContexts []string
	// Queue is the queue of deferred uploads; nil is none.
	Queue Queue
	// Portrait makes PNG of the encoded picture of a document; nil shows none. It is
	// called only for pictures whose hash is proved.
	Portrait func(ctx context.Context, picture []byte) ([]byte, error)
	// Audit is given a record of each reading, picture and change of shift; it must not
	// block for long. May be nil.
	Audit func(Record)
	// Now is the clock; time.Now where nil.
	Now func() time.Time
}

// Agent is the agent. Its methods may be called from several goroutines.
type Agent struct {
	options Options
	readers *readers
	events  *Log
	secret  [32]byte

	mu       sync.Mutex
	reads    map[string]*Read
	order    []string // of creation
	keys     map[string]idempotent
	operator string
	stopping bool
	running  sync.WaitGroup

	scrubbing sync.Mutex // apart: what is erased may be erased under the lock above
	scrub     *time.Timer
}

// New makes an agent, which does nothing before Run.
func New(o Options) *Agent {
	if o.Watch == nil {
		o.Watch = pcsc.Watch
	}
	if o.Connect == nil {
		o.Connect = connect
	}
	if o.Wait == 0 {
		o.Wait = DefaultWait
	}
	if o.Keep == 0 {
		o.Keep = DefaultKeep
	}
	if o.Grace == 0 {
		o.Grace = DefaultGrace
	}
	if o.OnFailed == "" {
		o.OnFailed = tap.UploadOnFailed
	}
	if o.Audit == nil {
		o.Audit = func(Record) {}
	}
	if o.Learned == nil {
		o.Learned = func() {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &Agent{options: o, reads: map[string]*Read{}, keys: map[string]idempotent{}, events: newLog()}
	a.readers = newReaders(func() { a.events.publish(Event{Kind: EventReaders}) })
	// rand.Read never fails: it ends the program instead.
	_, _ = rand.Read(a.secret[:])
	return a
}

// connect waits for the document through PC/SC.
func connect(ctx context.Context, reader string, within time.Duration) (tap.Card, error) {
	card, err := pcsc.Wait(ctx, pcsc.WaitOptions{Reader: reader, Timeout: within})
	if err != nil {
		return nil, err
	}
	return card, nil
}

// Run works until the context ends. Then it takes no new readings, ends those that
// wait or read (a command under way at the chip is let end, then the chip is reset),
// and waits for uploads under way, for as long as Options.Grace says.
func (a *Agent) Run(ctx context.Context) {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var work sync.WaitGroup
	work.Go(func() { a.options.Watch(background, a.readers.again, a.readers.update) })
	if a.options.Trust != nil {
		work.Go(func() { a.watchTrust(background) })
	}
	if a.options.Queue != nil {
		// It ends with the context; what went wrong with the queue is in its state.
		work.Go(func() { a.options.Queue.Work(ctx, func() { a.events.publish(Event{Kind: EventQueue}) }) })
	}
	<-ctx.Done()
	a.stop()
	stop()
	work.Wait()
}

func (a *Agent) stop() {
	a.mu.Lock()
	a.stopping = true
	all := a.all()
	a.mu.Unlock()
	for _, r := range all {
		r.end(false)
	}
	ended := make(chan struct{})
	go func() { a.running.Wait(); close(ended) }()
	grace := time.NewTimer(a.options.Grace)
	defer grace.Stop()
	select {
	case <-ended:
	case <-grace.C:
		for _, r := range all {
			r.end(true)
		}
		<-ended
	}
	for _, r := range all {
		r.forget()
	}
	a.events.close()
}

// all returns the readings in the order of their creation. The agent is locked.
func (a *Agent) all() []*Read {
	all := make([]*Read, 0, len(a.order))
	for _, id := range a.order {
		all = append(all, a.reads[id])
	}
	return all
}

// RunID names this run of the agent.
func (a *Agent) RunID() string {
	id := a.Fingerprint("run")
	return hex.EncodeToString(id[:4])
}

// Events is the log of what has happened.
func (a *Agent) Events() *Log { return a.events }

// Readers lists the readers, and what keeps them from being listed.
func (a *Agent) Readers() ([]Reader, error) { return a.readers.list() }
