package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"passport-agent/agent/pair"
	"passport-agent/agent/problem"
	"passport-agent/internal/fault"
)

// who says who may make a call.
type who int

const (
	anybody  who = iota
	foreign      // a page of an allowed origin, paired or not
	caller       // who has shown a secret
	operator     // the agent's page, or a program of its user
	desk         // the same, and not on a kiosk
)

// may returns what keeps a caller from a call.
func (w who) may(c pair.Caller) *problem.Problem {
	own := c.Kind == pair.Operator || c.Kind == pair.Local
	switch {
	case w == anybody, w == foreign && c.Origin != "", w == caller && c.Kind != pair.Nobody, w == operator && own, w == desk && own && !c.Kiosk:
		return nil
	case c.Kind == pair.Nobody && w != foreign:
		return problem.New(fault.TokenMissing, "")
	default:
		return problem.New(fault.CallNotPermitted, "")
	}
}

// route is one call of the API.
type route struct {
	id      string
	method  string
	path    string
	who     who
	status  int
	summary string
	detail  string
}

// register adds a route with its handler to the API.
func register[In, Out any](s *server, r route, handler func(context.Context, *In) (*Out, error)) {
	op := huma.Operation{
		OperationID: r.id, Method: r.method, Path: r.path, Summary: r.summary, Description: r.detail, DefaultStatus: r.status,
		MaxBodyBytes: maxJSON, BodyReadTimeout: s.BodyTime,
		Responses: map[string]*huma.Response{"default": s.errorResponse()},
		Middlewares: huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
			if p := r.who.may(pair.CallerOf(ctx.Context())); p != nil {
				_, w := humago.Unwrap(ctx)
				p.Write(w)
				return
			}
			next(ctx)
		}},
	}
	if r.who != anybody && r.who != foreign {
		op.Security = []map[string][]string{{"token": {}}, {"page": {}}}
	}
	// What the types do not tell.
	switch r.id {
	case "get-portrait":
		op.Responses["200"] = answer("the portrait", "image/png", &huma.Schema{Type: "string", Format: "binary"})
	case "watch-events", "watch-read-events":
		op.Responses["200"] = answer("a stream of events", "text/event-stream", &huma.Schema{Type: "string"})
	case "fetch-token":
		op.Responses["202"] = &huma.Response{Description: "nobody has decided yet"}
	case "create-read":
		op.Responses["200"] = &huma.Response{Description: "the reading that the idempotency key has made before"}
	}
	huma.Register(s.api, op, func(ctx context.Context, in *In) (*Out, error) {
		out, err := handler(ctx, in)
		if err != nil {
			return nil, problem.Of(err)
		}
		return out, nil
	})
}

func answer(description, kind string, schema *huma.Schema) *huma.Response {
	return &huma.Response{Description: description, Content: map[string]*huma.MediaType{kind: {Schema: schema}}}
}

func (s *server) errorResponse() *huma.Response {
	schema := s.api.OpenAPI().Components.Schemas.Schema(problemType, true, "Problem")
	return answer("an error", problem.ContentType, schema)
}

// toProblem turns the errors that the framework finds into ours. What it quotes of the
// request stays out: it may be personal.
func toProblem(_ huma.Context, status string, v any) (any, error) {
	e, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	details := []string{}
	for _, d := range e.Errors {
		text := d.Message
		if d.Location == "body" && strings.Contains(text, "invalid character") {
			text = "it is not JSON"
		}
		if d.Location != "" {
			text = d.Location + ": " + text
		}
		details = append(details, text)
	}
	if len(details) == 0 {
		details = append(details, e.Detail)
	}
	code := fault.RequestInvalid
	switch e.Status {
	case http.StatusRequestEntityTooLarge:
		code = fault.RequestTooLarge
	case http.StatusRequestTimeout:
		code = fault.RequestTooSlow
	case http.StatusUnsupportedMediaType:
		code = fault.ContentTypeRefused
	case http.StatusInternalServerError:
		code = fault.Unexpected
	}
	p := problem.New(code, strings.Join(details[:min(len(details), 4)], "; "))
	n, err := strconv.Atoi(status)
	if err != nil {
		return nil, fmt.Errorf("status %q: %w", status, err)
	}
	p.Status = n
	return p, nil
}
