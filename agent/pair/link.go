package pair

import (
	"net/http"
	"slices"
	"time"

	"passport-agent/internal/fault"
)

const (
	linkLife  = 10 * time.Minute
	maxLinks  = 8
	pageLife  = 7 * 24 * time.Hour // without a request
	maxPages  = 32
	linkBytes = 16
)

// link is a one-time code that opens the page.
type link struct {
	code digest
	ends time.Time
}

// page is a browser that has exchanged a link for a cookie.
type page struct {
	id     string
	cookie digest
	seen   time.Time
}

// Link makes the code of a one-time link, which counts for ten minutes and once.
// Code goes into the fragment of the address, which browsers do not send.
func (g *Guard) Link() (code string, err error) {
	if code, err = g.random(linkBytes); err != nil {
		return "", err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.links) == maxLinks {
		g.links = g.links[1:]
	}
	g.links = append(g.links, link{digestOf(code), g.options.Now().Add(linkLife)})
	return code, nil
}

// Open exchanges the code of a link for the page's cookie. It fails with
// fault.LinkRefused, or fault.TooManyRequests where codes are tried out.
func (g *Guard) Open(code string) (*http.Cookie, error) {
	if g.limits.take("open", openRate) > 0 {
		return nil, fault.New(fault.TooManyRequests, "", nil)
	}
	value, err := g.random(tokenBytes)
	if err != nil {
		return nil, err
	}
	id, err := g.random(linkBytes)
	if err != nil {
		return nil, err
	}
	now := g.options.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	at := slices.IndexFunc(g.links, func(l link) bool { return l.code.is(code) })
	if at < 0 || now.After(g.links[at].ends) {
		return nil, fault.New(fault.LinkRefused, "", nil)
	}
	g.links = slices.Delete(g.links, at, at+1)
	if len(g.pages) == maxPages {
		g.pages = slices.Delete(g.pages, 0, 1)
	}
	g.pages = append(g.pages, page{id, digestOf(value), now})
	return &http.Cookie{Name: g.cookie, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode}, nil
}

// byCookie finds the page of a cookie.
func (g *Guard) byCookie(value string) (Caller, error) {
	now := g.options.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	at := slices.IndexFunc(g.pages, func(p page) bool { return p.cookie.is(value) })
	if at < 0 || now.Sub(g.pages[at].seen) > pageLife {
		return Caller{}, fault.New(fault.TokenRefused, "", nil)
	}
	g.pages[at].seen = now
	return Caller{Kind: Operator, Kiosk: g.options.Kiosk, id: g.pages[at].id}, nil
}
