package upload

// Phase is a stage of an upload.
type Phase string

// Phases, in their order. An upload that is sent again without compression
// starts over.
const (
	PhaseConnecting Phase = "connecting"
	PhaseSending    Phase = "sending"
	PhaseWaiting    Phase = "waiting" // all was handed to the network, no answer yet
)

// Event is the progress of an upload. It is given to the observer from within
// the upload, one event at a time; an observer that waits delays the upload.
type Event struct {
	Phase Phase
	Sent  int // bytes of the request body handed to the network
	Total int // bytes of the request body, as compressed
}
