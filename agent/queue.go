package agent

import (
	"context"
	"time"

	"passport-agent/tap"
)

// Queue is the queue of deferred uploads, as far as the agent needs it.
type Queue interface {
	tap.Deferrer
	// Work sends what waits until the context ends, and calls changed after each change.
	Work(ctx context.Context, changed func())
	// State lists what is in the queue.
	State(ctx context.Context) (QueueState, error)
	// Retry makes an item due now, or all where id is empty.
	Retry(ctx context.Context, id string) error
}

// QueueState is what is in the queue.
type QueueState struct {
	Items []QueueItem
	// Paused says why nothing is sent at present; nil is nothing.
	Paused error
}

// QueueItem is an upload that waits, or has not succeeded.
type QueueItem struct {
	ID          string
	State       string
	Created     time.Time
	NextAttempt time.Time
	Bytes       int64
	// Reason is the code of what went wrong last.
	Reason string
}

// Queue returns the queue; nil where there is none.
func (a *Agent) Queue() Queue { return a.options.Queue }
