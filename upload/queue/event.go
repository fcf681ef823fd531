package queue

import (
	"time"

	"passport-agent/internal/fault"
)

// EventKind is what happened.
type EventKind string

// The events of a queue.
const (
	EventKeysChosen  EventKind = "keys_chosen"  // where the keys are kept from now on
	EventSending     EventKind = "sending"      // bytes of one medium
	EventAccepted    EventKind = "accepted"     // the service has one medium
	EventArrived     EventKind = "arrived"      // the media list shows what an answer was lost for
	EventResent      EventKind = "resent"       // the media list does not show it: it is sent again
	EventDelivered   EventKind = "delivered"    // the item is done
	EventLater       EventKind = "later"        // not now; Next says when
	EventUncertain   EventKind = "uncertain"    // an answer was lost; Next says when the list decides
	EventRefused     EventKind = "refused"      // for good
	EventExpired     EventKind = "expired"      // the session is too old
	EventDamaged     EventKind = "damaged"      // an item that cannot be opened; Code says why
	EventSurplus     EventKind = "surplus"      // the session has a medium twice
	EventLostSession EventKind = "lost_session" // an empty session may be left at the service
	EventPaused      EventKind = "paused"       // nothing is sent until the cause is mended
	EventResumed     EventKind = "resumed"
	EventErased      EventKind = "erased" // the key of a day was destroyed
)

// Event is a step of the queue. It holds nothing personal.
type Event struct {
	Kind EventKind `json:"event"`
	Item string    `json:"item,omitempty"`
	// Step and Steps count the media of the item, from 1.
	Step  int `json:"step,omitempty"`
	Steps int `json:"steps,omitempty"`
	// Done and Total count bytes of the request that is sent.
	Done  int        `json:"done,omitempty"`
	Total int        `json:"total,omitempty"`
	Code  fault.Code `json:"code,omitempty"`
	Next  time.Time  `json:"next,omitzero"`
	Epoch string     `json:"epoch,omitempty"`
	Place Place      `json:"place,omitempty"`
	// Detail says why, for a person.
	Detail string `json:"detail,omitempty"`
}
