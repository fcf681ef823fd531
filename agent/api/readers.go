package api

import (
	"context"
	"net/http"

	"passport-agent/agent"
	"passport-agent/agent/pair"
	"passport-agent/agent/problem"
)

type readersOutput struct{ Body ReadersBody }

// ReadersBody is the readers that are plugged in.
type ReadersBody struct {
	Readers []ReaderBody     `json:"readers"`
	Error   *problem.Problem `json:"error" doc:"what keeps readers from being listed; null is nothing"`
}

// ReaderBody is one reader.
type ReaderBody struct {
	Name           string            `json:"name"`
	State          agent.ReaderState `json:"state" enum:"empty,document,busy,unresponsive,unavailable"`
	ExtendedLength *bool             `json:"extendedLength" nullable:"true" doc:"null where nobody has said"`
	Job            string            `json:"job" doc:"the caller's own reading that has the reader; empty is none, or another's"`
}

func (s *server) registerReaders() {
	register(s, route{"list-readers", http.MethodGet, "/v1/readers", caller, 200, "List readers", ""},
		func(ctx context.Context, _ *nothing) (*readersOutput, error) {
			return &readersOutput{s.readers(pair.CallerOf(ctx))}, nil
		})
}

func (s *server) readers(c pair.Caller) ReadersBody {
	readers, err := s.Agent.Readers()
	body := ReadersBody{Readers: []ReaderBody{}, Error: problem.Of(err)}
	for _, r := range readers {
		one := ReaderBody{Name: r.Name, State: r.State, ExtendedLength: r.ExtendedLength}
		if s.Agent.Owns(c.Owner(), r.Read) {
			one.Job = r.Read
		}
		body.Readers = append(body.Readers, one)
	}
	return body
}
