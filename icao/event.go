package icao

import "passport-agent/icao/lds"

// Event tells an observer how far a document is. Observers are called
// synchronously and must not block.
type Event struct {
	Kind EventKind
	// File is set for events of reading.
	File lds.File
	// Done and Total are bytes of the file; Total is 0 until its header is known.
	Done, Total int
}

// EventKind is what happened.
type EventKind int

// Kinds of events.
const (
	Connected    EventKind = iota + 1 // the application answers
	AccessOpened                      // secure messaging stands, or the chip is open
	FileProgress                      // bytes of a file arrived
	FileComplete                      // a file is complete
	FileAbsent                        // the chip does not have the file
	Removed                           // the document has left; it is waited for
	Resumed                           // it is back, and the same
	Proving                           // the chip proves that it is no copy
)
