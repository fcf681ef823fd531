// Package pair decides who may call the local API. Loopback belongs to the whole
// machine and to every web page that runs on it, so that each request has to name
// the agent's own host, come from the agent's page or an allowed origin, and carry
// a secret: the cookie that a one-time link was exchanged for, or the token of an
// origin that a person has paired.
package pair

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"passport-agent/agent/problem"
	"passport-agent/internal/fault"
)

// Options says who may call. Port is required.
type Options struct {
	// Port is the TCP port that the agent listens on.
	Port int
	// Origins are the web origins that may ask to be paired, each exactly as a
	// browser sends it: scheme, host and, unless it is the default, port.
	Origins []string
	// Store is the path of the file of pairings; empty keeps them in memory.
	Store string
	// Kiosk gives the pages that links open the rights of a kiosk.
	Kiosk bool
	// Local is the token of programs that run as the same user, which the port file
	// gives them; empty is none. It does not count for web pages.
	Local string
	// Changed, if set, is called after each change to the pairings; it must not block.
	Changed func()
	// Random gives codes and tokens; crypto/rand where nil.
	Random io.Reader
	// Now is the clock; time.Now where nil.
	Now func() time.Time
}

// Guard stands before every route of the agent.
type Guard struct {
	options Options
	hosts   map[string]bool
	origins map[string]bool
	cookie  string
	limits  limits

	mu       sync.Mutex
	links    []link
	pages    []page
	requests []*request
	paired   []paired
	newer    error // why the file of pairings is neither read nor written; else nil
}

// New checks the options and loads the pairings. It fails with
// fault.ConfigInvalid for what is no origin and with fault.PairingStore.
func New(o Options) (*Guard, error) {
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Changed == nil {
		o.Changed = func() {}
	}
	g := &Guard{
		options: o, hosts: map[string]bool{}, origins: map[string]bool{},
		cookie: fmt.Sprintf("passport-agent-%d", o.Port), limits: limits{now: o.Now},
	}
	for _, host := range []string{"127.0.0.1", "[::1]", "localhost"} {
		g.hosts[fmt.Sprintf("%s:%d", host, o.Port)] = true
	}
	for _, origin := range o.Origins {
		if err := checkOrigin(origin); err != nil {
			return nil, err
		}
		g.origins[origin] = true
	}
	return g, g.load()
}

// Newer fails with fault.FileNewer where a newer version of the program has written the
// file of pairings: then paired pages cannot call, and none can be paired.
func (g *Guard) Newer() error { return g.newer }

// Wrap puts the guard before a handler. What comes through has a Caller in its
// context, which may be nobody: what a caller may do, the routes decide.
func (g *Guard) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setHeaders(w.Header())
		if p := g.check(w, r); p != nil {
			p.Write(w)
			return
		}
		if r.Method == http.MethodOptions {
			g.preflight(w, r)
			return
		}
		caller, err := g.identify(r)
		if err != nil {
			problem.Of(err).Write(w)
			return
		}
		if wait := g.limits.take(caller.bucket(), callerRate); wait > 0 {
			tooFast(w, wait)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, caller)))
	})
}

// check refuses what no caller may send.
func (g *Guard) check(w http.ResponseWriter, r *http.Request) *problem.Problem {
	switch {
	case !g.hosts[r.Host]:
		return problem.New(fault.HostRefused, "")
	case !plainPath(r):
		return problem.New(fault.RouteUnknown, "")
	}
	if p := g.checkOrigin(w, r); p != nil {
		return p
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		if r.ContentLength != 0 {
			return problem.New(fault.RequestInvalid, "a GET has no body")
		}
	case http.MethodPost, http.MethodPut, http.MethodDelete:
		return checkContentType(r)
	case http.MethodOptions:
	default:
		return problem.New(fault.MethodRefused, "")
	}
	return nil
}

func tooFast(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", fmt.Sprint(int(wait/time.Second)+1))
	problem.New(fault.TooManyRequests, "").Write(w)
}
