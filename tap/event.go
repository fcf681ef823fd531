package tap

// Event is a step of a tap. It is given to the observer synchronously; an
// observer that waits delays the tap.
type Event struct {
	Kind EventKind `json:"event"`
	// Reader is the name of the reader, once there is one.
	Reader string `json:"reader,omitempty"`
	// File names the file that is read.
	File string `json:"file,omitempty"`
	// Done and Total count bytes of the file, or of the request that is sent; a
	// Total of 0 is not known yet.
	Done  int `json:"done,omitempty"`
	Total int `json:"total,omitempty"`
}

// EventKind is what happened.
type EventKind string

// The events of a tap.
const (
	EventNoReader     EventKind = "no_reader"
	EventWaiting      EventKind = "waiting"
	EventUnresponsive EventKind = "unresponsive"
	EventDocument     EventKind = "document"
	EventOpened       EventKind = "opened"
	EventReading      EventKind = "reading"
	EventFile         EventKind = "file"
	EventFileAbsent   EventKind = "file_absent"
	EventRemoved      EventKind = "removed" // taken away in the middle; it is waited for
	EventResumed      EventKind = "resumed" // back again, and the same
	EventProving      EventKind = "proving" // the chip proves that it is no copy
	EventJudged       EventKind = "judged"
	EventUploading    EventKind = "uploading"
	EventUploaded     EventKind = "uploaded"
	EventQueued       EventKind = "queued"
)
