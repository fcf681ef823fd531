package agent

import (
	"slices"
	"strings"
	"sync"

	"passport-agent/internal/fault"
	"passport-agent/pcsc"
	"passport-agent/tap"
)

// ReaderState is what a reader is doing.
type ReaderState string

// The states of a reader.
const (
	ReaderEmpty        ReaderState = "empty"
	ReaderDocument     ReaderState = "document"
	ReaderBusy         ReaderState = "busy"         // a reading or another program has the document
	ReaderUnresponsive ReaderState = "unresponsive" // the reader hangs, or what lies on it does not answer
	ReaderUnavailable  ReaderState = "unavailable"
)

// Reader is a reader that is plugged in.
type Reader struct {
	Name  string
	State ReaderState
	// ExtendedLength is nil where nobody has said.
	ExtendedLength *bool
	// Read is the reading that has the reader; empty is none.
	Read string
}

// fingerprint tells access data apart without holding it.
type fingerprint [32]byte

// use is a document that was read to its end and has not left.
type use struct {
	counter uint16
	access  fingerprint
}

// readers is what is known about the readers, and which reading has which: one
// reading per reader and document.
type readers struct {
	changed func() // told after each change

	mu       sync.Mutex
	known    bool
	infos    []pcsc.ReaderInfo
	err      error
	claims   map[string]string // by reader, the reading that has it
	stuck    map[string]uint16 // by reader, the count of insertions when it hung
	used     map[string]use
	extended map[string]*bool
	next     chan struct{}
	updates  int           // how often the watch has told
	again    chan struct{} // asks the watch to look for the service
}

func newReaders(changed func()) *readers {
	return &readers{
		changed: changed, claims: map[string]string{}, stuck: map[string]uint16{}, used: map[string]use{},
		extended: map[string]*bool{}, next: make(chan struct{}), again: make(chan struct{}, 1),
	}
}

// wake tells those who wait. The readers are locked.
func (s *readers) wake() {
	close(s.next)
	s.next = make(chan struct{})
}

// update takes what the watch has seen.
func (s *readers) update(infos []pcsc.ReaderInfo, err error) {
	s.mu.Lock()
	s.known, s.infos, s.err = true, infos, err
	s.updates++
	for name := range s.stuck {
		if i := s.find(name); i < 0 || infos[i].Counter != s.stuck[name] {
			delete(s.stuck, name)
		}
	}
	for name := range s.used {
		if i := s.find(name); i < 0 || infos[i].Counter != s.used[name].counter {
			delete(s.used, name)
		}
	}
	s.wake()
	s.mu.Unlock()
	s.changed()
}

func (s *readers) find(name string) int {
	return slices.IndexFunc(s.infos, func(i pcsc.ReaderInfo) bool { return i.Name == name })
}

func (s *readers) list() ([]Reader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Reader, 0, len(s.infos))
	for _, info := range s.infos {
		list = append(list, Reader{Name: info.Name, State: s.state(info), ExtendedLength: s.extended[info.Name], Read: s.claims[info.Name]})
	}
	return list, s.err
}

func (s *readers) state(info pcsc.ReaderInfo) ReaderState {
	_, stuck := s.stuck[info.Name]
	switch {
	case stuck || info.Status == pcsc.ReaderMute:
		return ReaderUnresponsive
	case info.Status == pcsc.ReaderUnavailable:
		return ReaderUnavailable
	case s.claims[info.Name] != "" || info.Status == pcsc.ReaderInUse:
		return ReaderBusy
	case info.Status == pcsc.ReaderDocument:
		return ReaderDocument
	default:
		return ReaderEmpty
	}
}

// chance is what a reading that looks for a document finds.
type chance struct {
	reader string        // claimed for the reading; empty is none
	phase  tap.EventKind // what it waits for otherwise
	at     string        // the reader that the phase is about
	end    error         // what the end of the time means
	fatal  bool          // the end has come now
	down   bool          // the service is, as of the update
	update int
	next   <-chan struct{}
}

// claim gives a reading the first reader with a document that nobody has. A document
// that was read to its end is given again only to the same access data: the next
// person's data does not try the last person's passport.
func (s *readers) claim(read, name string, access fingerprint, first bool) chance {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := chance{phase: tap.EventWaiting, end: fault.New(fault.NoDocument, "", nil), update: s.updates, next: s.next}
	matches := matching(s.infos, name)
	switch {
	case s.known && s.err != nil:
		c.phase, c.end, c.down = tap.EventNoReader, s.err, true
		return c
	case s.known && len(s.infos) == 0:
		c.phase, c.end = tap.EventNoReader, fault.New(fault.NoReader, "", nil)
	case s.known && len(matches) == 0:
		c.phase, c.end, c.fatal = tap.EventNoReader, fault.New(fault.ReaderNotFound, "", nil), first
	}
	free := false
	for _, info := range matches {
		used, seen := s.used[info.Name]
		_, stuck := s.stuck[info.Name]
		switch {
		case s.claims[info.Name] != "" || info.Status == pcsc.ReaderUnavailable:
		case info.Status == pcsc.ReaderEmpty:
			free = true
		case stuck:
			c.phase, c.at, c.end = tap.EventUnresponsive, info.Name, fault.New(fault.ReaderStuck, "", nil)
		case seen && used.access != access:
			c.phase, c.at = PhaseRemovePrevious, info.Name
		default:
			s.claims[info.Name] = read
			c.reader = info.Name
			s.wake()
			return c
		}
	}
	if free && c.phase == PhaseRemovePrevious {
		c.phase, c.at = tap.EventWaiting, ""
	}
	return c
}

// lookAgain asks the watch to look for the service now.
func (s *readers) lookAgain() {
	select {
	case s.again <- struct{}{}:
	default:
		// It was asked already.
	}
}

// changes returns a channel that is closed with the next change.
func (s *readers) changes() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next
}

// PhaseRemovePrevious is the phase of a reading that waits for the document of the
// reading before to be taken away.
const PhaseRemovePrevious tap.EventKind = "remove_previous"

// matching returns the readers that a name means: the one that is called so, else
// those whose name contains it, upper and lower case being the same.
func matching(infos []pcsc.ReaderInfo, name string) []pcsc.ReaderInfo {
	var containing []pcsc.ReaderInfo
	for _, info := range infos {
		if strings.EqualFold(info.Name, name) {
			return []pcsc.ReaderInfo{info}
		}
		if strings.Contains(strings.ToLower(info.Name), strings.ToLower(name)) {
			containing = append(containing, info)
		}
	}
	return containing
}

// release gives a reading's reader back. read says that its document was read to the
// end, hung that the reader has not answered.
func (s *readers) release(read string, access fingerprint, wasRead, hung bool, extended *bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, id := range s.claims {
		if id != read {
			continue
		}
		delete(s.claims, name)
		if extended != nil {
			s.extended[name] = extended
		}
		i := s.find(name)
		if i >= 0 && wasRead {
			s.used[name] = use{s.infos[i].Counter, access}
		}
		if i >= 0 && hung {
			s.stuck[name] = s.infos[i].Counter
		}
	}
	s.wake()
}
