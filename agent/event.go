package agent

import "sync"

// EventKind is what an event is about.
type EventKind string

// The kinds of events. But for a reading, an event says only that something is not as
// it was: whoever wants to know asks.
const (
	EventReaders EventKind = "readers"
	EventQueue   EventKind = "queue"
	EventTrust   EventKind = "trust"
	EventPairing EventKind = "pairing"
	EventShift   EventKind = "shift"
	EventRead    EventKind = "job"
)

// Event is something that has happened.
type Event struct {
	// Number counts events from 1.
	Number uint64
	Kind   EventKind
	// Read and State are the reading of an EventRead and what it has come to.
	Read  string
	State State
}

// kept is how many events are remembered for those who were away for a moment.
const kept = 256

// Log is the last events, in their order. Nobody who reads it can hold up who writes.
type Log struct {
	mu      sync.Mutex
	events  [kept]Event
	last    uint64
	changed chan struct{}
	closed  bool
}

func newLog() *Log { return &Log{changed: make(chan struct{})} }

func (l *Log) publish(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.last++
	e.Number = l.last
	l.events[l.last%kept] = e
	close(l.changed)
	l.changed = make(chan struct{})
}

// close says that nothing will happen any more.
func (l *Log) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		close(l.changed)
	}
}

// Last is the number of the last event; 0 before the first.
func (l *Log) Last() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// After returns the events after a number, and a channel that is closed with the
// next one. missed says that some are not remembered any more, ended that none will
// come.
func (l *Log) After(number uint64) (events []Event, missed, ended bool, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := number + 1
	if number > l.last || l.last >= kept && first <= l.last-kept {
		missed = true
		first = l.last + 1
	}
	for n := first; n <= l.last; n++ {
		events = append(events, l.events[n%kept])
	}
	return events, missed, l.closed, l.changed
}

// Publish tells of a change that happened outside the agent, such as a pairing.
func (l *Log) Publish(kind EventKind) { l.publish(Event{Kind: kind}) }
