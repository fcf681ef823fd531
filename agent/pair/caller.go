package pair

import (
	"context"
	"net/http"
	"strings"

	"passport-agent/internal/fault"
)

// Kind is what a caller is.
type Kind string

// The kinds of callers.
const (
	Nobody   Kind = ""         // no secret was shown
	Operator Kind = "operator" // the agent's own page
	Origin   Kind = "origin"   // a paired web page
	Local    Kind = "local"    // a program of the user who runs the agent
)

// Caller is who makes a request.
type Caller struct {
	Kind Kind
	// Origin is that of a paired page, or of a page that may ask to be paired.
	Origin string
	// Kiosk is set for the agent's page on a kiosk: it reads documents and sees
	// its own readings, and administers nothing.
	Kiosk bool

	id string // of the page's session or of the pairing
}

// Owner names the caller among all others, for as long as its secret counts.
func (c Caller) Owner() string { return string(c.Kind) + ":" + c.id }

// bucket is what the caller's requests are counted under.
func (c Caller) bucket() string {
	if c.Kind == Nobody {
		return "nobody:" + c.Origin
	}
	return c.Owner()
}

type callerKey struct{}

// CallerOf returns who makes the request of a context.
func CallerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller) // nobody, where no guard stands before
	return c
}

// pageHeader is what the page sends with each change: a header of one's own cannot
// be sent across origins without a preflight.
const pageHeader = "X-Passport-Agent"

// identify finds out who calls. A secret that does not count is refused even where
// none is needed.
func (g *Guard) identify(r *http.Request) (Caller, error) {
	origin := r.Header.Get("Origin")
	own := origin == "" || origin == "http://"+r.Host
	nobody := Caller{}
	if !own {
		nobody.Origin = origin
	}
	// Metrics have a token of their own, which their route compares.
	if r.URL.Path == "/metrics" {
		return nobody, nil
	}
	if authorization := r.Header.Get("Authorization"); authorization != "" {
		token, ok := strings.CutPrefix(authorization, "Bearer ")
		if !ok {
			return nobody, fault.New(fault.TokenRefused, "the scheme is not Bearer", nil)
		}
		if origin == "" && g.options.Local != "" && digestOf(g.options.Local).is(token) {
			return Caller{Kind: Local}, nil
		}
		return g.byToken(token, origin)
	}
	cookies := r.CookiesNamed(g.cookie)
	if len(cookies) == 0 || !own || !isAPI(r.URL.Path) || r.URL.Path == "/v1/open" {
		return nobody, nil
	}
	caller, err := g.byCookie(cookies[0].Value)
	if err == nil && changes(r.Method) && r.Header.Get(pageHeader) != "1" {
		return nobody, fault.New(fault.PageHeaderMissing, "", nil)
	}
	return caller, err
}

func changes(method string) bool { return method != http.MethodGet && method != http.MethodHead }
