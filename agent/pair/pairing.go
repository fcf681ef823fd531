package pair

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"passport-agent/internal/fault"
)

const (
	pairingLife = 5 * time.Minute
	maxTries    = 5
	maxWaiting  = 8
	maxPaired   = 64
	maxName     = 64
	tokenBytes  = 32
)

// State is how far a pairing is.
type State string

// The states of a pairing.
const (
	Waiting   State = "waiting"
	Confirmed State = "confirmed"
	Refused   State = "refused"
)

// Pairing is a web page that wants to call the API, or may.
type Pairing struct {
	ID      string    `json:"id"`
	Origin  string    `json:"origin"`
	Name    string    `json:"name" doc:"what the calling page calls itself: a claim, unlike the origin"`
	Code    string    `json:"code,omitempty" doc:"the code that the calling page shows, while the pairing waits"`
	State   State     `json:"state" enum:"waiting,confirmed,refused"`
	Created time.Time `json:"created"`
}

// request is a pairing whose token has not been fetched.
type request struct {
	Pairing
	secret digest
	tries  int
	ends   time.Time
}

// paired is a pairing whose token counts.
type paired struct {
	ID      string    `json:"id"`
	Origin  string    `json:"origin"`
	Name    string    `json:"name"`
	Token   digest    `json:"tokenSHA256"`
	Created time.Time `json:"created"`
}

// Request begins a pairing with an origin. The code is shown in the calling page,
// which keeps the secret to fetch its token with. It fails with
// fault.TooManyRequests or fault.FileNewer.
func (g *Guard) Request(origin, name string) (p Pairing, secret string, err error) {
	if g.limits.take("pairing:"+origin, pairingRate) > 0 {
		return Pairing{}, "", fault.New(fault.TooManyRequests, "", nil)
	}
	if g.newer != nil {
		return Pairing{}, "", g.newer
	}
	p = Pairing{Origin: origin, Name: clean(name), State: Waiting, Created: g.options.Now()}
	if p.ID, err = g.random(linkBytes); err == nil {
		if p.Code, err = g.code(); err == nil {
			secret, err = g.random(tokenBytes)
		}
	}
	if err != nil {
		return Pairing{}, "", err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tidy()
	if len(g.requests) >= maxWaiting {
		return Pairing{}, "", fault.New(fault.TooManyRequests, "too many pairings wait for a person", nil)
	}
	g.requests = append(g.requests, &request{Pairing: p, secret: digestOf(secret), ends: p.Created.Add(pairingLife)})
	g.options.Changed()
	return p, secret, nil
}

// clean makes a name fit to be shown.
func clean(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, name)
	runes := []rune(strings.TrimSpace(name))
	return string(runes[:min(len(runes), maxName)])
}

// tidy drops requests whose time is over.
func (g *Guard) tidy() {
	now := g.options.Now()
	g.requests = slices.DeleteFunc(g.requests, func(r *request) bool { return now.After(r.ends) })
}

// Pairings lists those that wait for a person and those that count.
func (g *Guard) Pairings() []Pairing {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tidy()
	all := []Pairing{}
	for _, r := range g.requests {
		all = append(all, r.Pairing)
	}
	for _, p := range g.paired {
		all = append(all, Pairing{ID: p.ID, Origin: p.Origin, Name: p.Name, State: Confirmed, Created: p.Created})
	}
	return all
}

func (g *Guard) waiting(id string) (*request, error) {
	g.tidy()
	for _, r := range g.requests {
		if r.ID == id && r.State == Waiting {
			return r, nil
		}
	}
	return nil, fault.New(fault.PairingUnknown, "", nil)
}

// Confirm is a person's word that the calling page shows this code. After five wrong
// codes the pairing is refused. It fails with fault.PairingUnknown or
// fault.PairingCodeWrong.
func (g *Guard) Confirm(id, code string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, err := g.waiting(id)
	if err != nil {
		return err
	}
	if !digestOf(r.Code).is(strings.ToUpper(strings.TrimSpace(code))) {
		if r.tries++; r.tries >= maxTries {
			r.State, r.Code = Refused, ""
			g.options.Changed()
		}
		return fault.New(fault.PairingCodeWrong, "", nil)
	}
	r.State, r.Code = Confirmed, ""
	g.options.Changed()
	return nil
}

// Refuse is a person's word that the page may not call. It fails with
// fault.PairingUnknown.
func (g *Guard) Refuse(id string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, err := g.waiting(id)
	if err != nil {
		return err
	}
	r.State, r.Code = Refused, ""
	g.options.Changed()
	return nil
}

// Token gives the token of a confirmed pairing to the page that asked for it, once.
// It is empty while nobody has decided. It fails with fault.PairingUnknown,
// fault.PairingRefused, fault.PairingEnded or fault.PairingStore.
func (g *Guard) Token(id, secret, origin string) (token string, err error) {
	if token, err = g.random(tokenBytes); err != nil {
		return "", err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tidy()
	at := slices.IndexFunc(g.requests, func(r *request) bool { return r.ID == id })
	if at < 0 {
		return "", fault.New(fault.PairingEnded, "", nil)
	}
	r := g.requests[at]
	if !r.secret.is(secret) || r.Origin != origin {
		return "", fault.New(fault.PairingUnknown, "", nil)
	}
	switch r.State {
	case Waiting:
		return "", nil
	case Refused:
		return "", fault.New(fault.PairingRefused, "", nil)
	}
	before := g.paired
	g.paired = append(slices.Clone(before), paired{ID: r.ID, Origin: origin, Name: r.Name, Token: digestOf(token), Created: r.Created})
	if len(g.paired) > maxPaired {
		g.paired = g.paired[1:]
	}
	if err := g.save(); err != nil {
		g.paired = before
		return "", err
	}
	g.requests = slices.Delete(g.requests, at, at+1)
	g.options.Changed()
	return token, nil
}

// Revoke ends a pairing; its token does not count any more. It fails with
// fault.PairingUnknown or fault.PairingStore.
func (g *Guard) Revoke(id string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	before, requests := g.paired, len(g.requests)
	g.requests = slices.DeleteFunc(g.requests, func(r *request) bool { return r.ID == id })
	g.paired = slices.DeleteFunc(slices.Clone(before), func(p paired) bool { return p.ID == id })
	if len(g.paired) == len(before) && len(g.requests) == requests {
		return fault.New(fault.PairingUnknown, "", nil)
	}
	if err := g.save(); err != nil {
		// It does not count even so, until the next start.
		g.options.Changed()
		return err
	}
	g.options.Changed()
	return nil
}

// byToken finds the pairing of a token, which counts for its own origin only.
func (g *Guard) byToken(token, origin string) (Caller, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.newer != nil {
		return Caller{}, g.newer // the token may count: the page is not to throw it away
	}
	at := slices.IndexFunc(g.paired, func(p paired) bool { return p.Token.is(token) })
	if at < 0 || g.paired[at].Origin != origin {
		return Caller{}, fault.New(fault.TokenRefused, "", nil)
	}
	return Caller{Kind: Origin, Origin: origin, id: g.paired[at].ID}, nil
}
