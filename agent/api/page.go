package api

import (
	"context"
	"net/http"
	"reflect"

	"passport-agent/agent/pair"
	"passport-agent/agent/problem"
)

var problemType = reflect.TypeFor[problem.Problem]()

// nothing is a request or an answer without content.
type nothing struct{}

type openInput struct {
	Body struct {
		Code string `json:"code" maxLength:"64" doc:"the code in the fragment of the one-time link"`
	}
}

type openOutput struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
}

type meOutput struct{ Body MeBody }

// MeBody is who calls.
type MeBody struct {
	Kind     pair.Kind `json:"kind" enum:"operator,origin,local"`
	Origin   string    `json:"origin" doc:"of a paired page; empty for others"`
	Operator string    `json:"operator" doc:"label of who is at the desk; empty is nobody"`
	Kiosk    bool      `json:"kiosk" doc:"the page is a kiosk's: it reads and administers nothing"`
}

type linkOutput struct {
	Body struct {
		Code  string `json:"code" doc:"opens the page once, within ten minutes, as http://127.0.0.1:PORT/#open=CODE, on a kiosk /kiosk#open=CODE"`
		Kiosk bool   `json:"kiosk" doc:"the page is a kiosk's"`
	}
}

type shiftInput struct {
	Body struct {
		Operator string `json:"operator" minLength:"1" maxLength:"64" doc:"opaque label; it goes into the audit record as it is"`
	}
}

type healthOutput struct {
	Body struct {
		Status  string `json:"status" enum:"ok"`
		Version string `json:"version" doc:"program and version"`
		API     string `json:"api" enum:"v1"`
	}
}

func (s *server) registerPage() {
	register(s, route{"health", http.MethodGet, "/v1/health", anybody, 200, "Whether the agent runs", ""},
		func(context.Context, *nothing) (*healthOutput, error) {
			out := &healthOutput{}
			out.Body.Status, out.Body.Version, out.Body.API = "ok", s.Software, Version
			return out, nil
		})
	register(s, route{"open", http.MethodPost, "/v1/open", anybody, 204, "Exchange a one-time link for the page's cookie", ""},
		func(_ context.Context, in *openInput) (*openOutput, error) {
			cookie, err := s.Guard.Open(in.Body.Code)
			if err != nil {
				return nil, err
			}
			return &openOutput{*cookie}, nil
		})
	register(s, route{"create-link", http.MethodPost, "/v1/links", desk, 201, "Make a one-time link", ""},
		func(context.Context, *nothing) (*linkOutput, error) {
			out := &linkOutput{}
			var err error
			out.Body.Kiosk = s.Kiosk
			out.Body.Code, err = s.Guard.Link()
			return out, err
		})
	register(s, route{"me", http.MethodGet, "/v1/me", caller, 200, "Who calls", ""},
		func(ctx context.Context, _ *nothing) (*meOutput, error) {
			c := pair.CallerOf(ctx)
			return &meOutput{MeBody{Kind: c.Kind, Origin: c.Origin, Operator: s.Agent.Shift(), Kiosk: c.Kiosk}}, nil
		})
	register(s, route{"begin-shift", http.MethodPut, "/v1/shift", desk, 204, "Say who is at the desk", ""},
		func(_ context.Context, in *shiftInput) (*nothing, error) {
			return nil, s.Agent.SetShift(in.Body.Operator)
		})
	register(s, route{"end-shift", http.MethodDelete, "/v1/shift", desk, 204, "Say that nobody is at the desk", ""},
		func(context.Context, *nothing) (*nothing, error) { return nil, s.Agent.SetShift("") })
}
