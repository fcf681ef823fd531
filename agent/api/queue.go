package api

import (
	"context"
	"net/http"
	"time"

	"passport-agent/agent/problem"
	"passport-agent/internal/fault"
)

type queueOutput struct{ Body QueueBody }

// QueueBody is the queue of deferred uploads.
type QueueBody struct {
	Items  []QueueItemBody  `json:"items"`
	Counts map[string]int   `json:"counts" doc:"items by state"`
	Oldest *time.Time       `json:"oldest" nullable:"true" doc:"when the oldest item that is not sent was made; null is none"`
	Paused *problem.Problem `json:"paused" doc:"why nothing is sent at present; null is nothing"`
}

// QueueItemBody is an upload that waits, or has not succeeded.
type QueueItemBody struct {
	ID          string    `json:"id"`
	State       string    `json:"state"`
	Created     time.Time `json:"created"`
	NextAttempt time.Time `json:"nextAttempt"`
	Bytes       int64     `json:"bytes"`
	Reason      string    `json:"reason" doc:"code of what went wrong last; empty is nothing"`
}

type retryInput struct {
	Body struct {
		ID string `json:"id,omitempty" maxLength:"64" doc:"empty is every item"`
	}
}

func (s *server) registerQueue() {
	register(s, route{"get-queue", http.MethodGet, "/v1/queue", caller, 200, "Look at the queue", ""},
		func(ctx context.Context, _ *nothing) (*queueOutput, error) {
			body, err := s.queue(ctx)
			return &queueOutput{body}, err
		})
	register(s, route{"retry-queue", http.MethodPost, "/v1/queue/retry", desk, 204, "Try again now", ""},
		func(ctx context.Context, in *retryInput) (*nothing, error) {
			queue := s.Agent.Queue()
			if queue == nil {
				return nil, fault.New(fault.QueueNotConfigured, "", nil)
			}
			return nil, queue.Retry(ctx, in.Body.ID)
		})
}

// queue is empty where there is none.
func (s *server) queue(ctx context.Context) (QueueBody, error) {
	body := QueueBody{Items: []QueueItemBody{}, Counts: map[string]int{}}
	queue := s.Agent.Queue()
	if queue == nil {
		return body, nil
	}
	state, err := queue.State(ctx)
	if err != nil {
		return body, err
	}
	for _, item := range state.Items {
		body.Items = append(body.Items, QueueItemBody(item))
		body.Counts[item.State]++
		if body.Oldest == nil || item.Created.Before(*body.Oldest) {
			body.Oldest = &item.Created
		}
	}
	body.Paused = problem.Of(state.Paused)
	return body, nil
}
