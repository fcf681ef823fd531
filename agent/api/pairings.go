package api

import (
	"context"
	"net/http"

	"passport-agent/agent/pair"
)

type requestPairingInput struct {
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"64" doc:"what the calling page calls itself"`
	}
}

type requestPairingOutput struct {
	Body struct {
		ID     string `json:"id"`
		Code   string `json:"code" doc:"to be shown to the person, who compares it with the agent's page"`
		Secret string `json:"secret" doc:"to be kept: only who has it can fetch the token"`
	}
}

type pairingsOutput struct{ Body []pair.Pairing }

type pairingInput struct {
	ID string `path:"id" maxLength:"64"`
}

type confirmInput struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Code string `json:"code" maxLength:"16" doc:"the code that the other page shows"`
	}
}

type tokenInput struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Secret string `json:"secret" maxLength:"64"`
	}
}

type tokenOutput struct {
	Status int
	Body   struct {
		State pair.State `json:"state" enum:"waiting,confirmed"`
		Token string     `json:"token,omitempty" doc:"given once, after a person has confirmed; it counts for this origin only"`
	}
}

func (s *server) registerPairings() {
	register(s, route{"request-pairing", http.MethodPost, "/v1/pairings", foreign, 201, "Ask to be paired", "From a page of an allowed origin. It shows the code, a person confirms it in the agent's page."},
		func(ctx context.Context, in *requestPairingInput) (*requestPairingOutput, error) {
			p, secret, err := s.Guard.Request(pair.CallerOf(ctx).Origin, in.Body.Name)
			if err != nil {
				return nil, err
			}
			out := &requestPairingOutput{}
			out.Body.ID, out.Body.Code, out.Body.Secret = p.ID, p.Code, secret
			return out, nil
		})
	register(s, route{"fetch-token", http.MethodPost, "/v1/pairings/{id}/token", foreign, 200, "Fetch the token of a pairing", "202 while nobody has decided."},
		func(ctx context.Context, in *tokenInput) (*tokenOutput, error) {
			token, err := s.Guard.Token(in.ID, in.Body.Secret, pair.CallerOf(ctx).Origin)
			if err != nil {
				return nil, err
			}
			out := &tokenOutput{Status: http.StatusOK}
			out.Body.State, out.Body.Token = pair.Confirmed, token
			if token == "" {
				out.Status, out.Body.State = http.StatusAccepted, pair.Waiting
			}
			return out, nil
		})
	register(s, route{"list-pairings", http.MethodGet, "/v1/pairings", desk, 200, "List pairings", ""},
		func(context.Context, *nothing) (*pairingsOutput, error) {
			return &pairingsOutput{s.Guard.Pairings()}, nil
		})
	register(s, route{"confirm-pairing", http.MethodPost, "/v1/pairings/{id}/confirm", desk, 204, "Confirm a pairing", "A person has compared the code."},
		func(_ context.Context, in *confirmInput) (*nothing, error) {
			return nil, s.Guard.Confirm(in.ID, in.Body.Code)
		})
	register(s, route{"refuse-pairing", http.MethodPost, "/v1/pairings/{id}/refuse", desk, 204, "Refuse a pairing", ""},
		func(_ context.Context, in *pairingInput) (*nothing, error) { return nil, s.Guard.Refuse(in.ID) })
	register(s, route{"revoke-pairing", http.MethodDelete, "/v1/pairings/{id}", desk, 204, "Revoke a pairing", "Its token does not count any more."},
		func(_ context.Context, in *pairingInput) (*nothing, error) { return nil, s.Guard.Revoke(in.ID) })
}
