package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"passport-agent/icao/trust"
)

type trustOutput struct{ Body TrustBody }

// TrustBody is the trust store.
type TrustBody struct {
	Lists    []trust.List   `json:"lists" doc:"master lists"`
	Signers  int            `json:"signers" doc:"country signers"`
	Date     string         `json:"date" doc:"of the newest list, YYYY-MM-DD; empty without one"`
	Expiring []ExpiringBody `json:"expiring" doc:"country signers that end within 90 days"`
	Warnings []string       `json:"warnings"`
}

// ExpiringBody is a country signer that ends soon.
type ExpiringBody struct {
	Country  string    `json:"country"`
	Subject  string    `json:"subject"`
	NotAfter time.Time `json:"notAfter"`
}

const (
	expiresSoon = 90 * 24 * time.Hour
	// staleList is when a list should have had a successor: publishers issue a few a year.
	staleList = 180 * 24 * time.Hour
)

func (s *server) registerTrust() {
	register(s, route{"get-trust", http.MethodGet, "/v1/trust", caller, 200, "Look at the trust store", ""},
		func(ctx context.Context, _ *nothing) (*trustOutput, error) { return &trustOutput{s.trust(ctx)}, nil })
}

func (s *server) trust(ctx context.Context) TrustBody {
	body := TrustBody{Lists: []trust.List{}, Expiring: []ExpiringBody{}, Warnings: []string{}}
	store, err := s.Agent.Trust(ctx)
	if err != nil {
		body.Warnings = append(body.Warnings, err.Error())
	}
	if store == nil || store.Len() == 0 {
		body.Warnings = append(body.Warnings, "no country signers: no document can be proved genuine before a master list is imported")
		return body
	}
	now := time.Now()
	body.Lists = append(body.Lists, store.Lists()...)
	for _, list := range body.Lists {
		if age := now.Sub(list.Date); age > staleList {
			body.Warnings = append(body.Warnings, fmt.Sprintf("the master list of %s is %d days old", list.Publisher, int(age.Hours()/24)))
		}
	}
	signers := store.CountrySigners()
	body.Signers = len(signers)
	for _, signer := range signers {
		if left := signer.Certificate.NotAfter.Sub(now); left > 0 && left < expiresSoon {
			body.Expiring = append(body.Expiring, ExpiringBody{signer.Certificate.Subject.Country(), signer.Certificate.Subject.String(), signer.Certificate.NotAfter})
		}
	}
	if date := store.Date(); !date.IsZero() {
		body.Date = date.Format(time.DateOnly)
	}
	return body
}
