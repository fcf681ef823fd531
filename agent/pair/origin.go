package pair

import (
	"mime"
	"net/http"
	"net/url"
	"strings"

	"passport-agent/agent/problem"
	"passport-agent/internal/fault"
)

// checkOrigin refuses a configured origin that no browser would send.
func checkOrigin(origin string) error {
	u, err := url.Parse(origin)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.Scheme+"://"+strings.ToLower(u.Host) != origin ||
		u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80" {
		return fault.New(fault.ConfigInvalid, "allow_origin: "+origin+" is no origin such as https://desk.example or http://10.0.0.5:8080", nil)
	}
	return nil
}

// plainPath refuses every path that could be read in two ways.
func plainPath(r *http.Request) bool {
	path := r.URL.Path
	if !strings.HasPrefix(r.RequestURI, "/") || r.URL.RawPath != "" || !strings.HasPrefix(path, "/") || strings.Contains(path, "//") {
		return false
	}
	for _, segment := range strings.Split(path, "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	return !strings.ContainsFunc(path, func(c rune) bool { return c < 0x20 || c == 0x7F || c == '\\' || c == '%' })
}

// isAPI tells the API from the page, which is public.
func isAPI(path string) bool { return strings.HasPrefix(path, "/v1/") || path == "/metrics" }

// checkOrigin lets in the agent's own page, allowed origins, and what comes from no
// web page at all. Browsers leave out Origin in many requests, so that
// Sec-Fetch-Site decides about those; a same-origin GET carries neither an Origin
// nor, in older browsers, that, which is why the host is checked before.
func (g *Guard) checkOrigin(w http.ResponseWriter, r *http.Request) *problem.Problem {
	origins := r.Header.Values("Origin")
	switch {
	case len(origins) > 1:
		return problem.New(fault.OriginRefused, "")
	case len(origins) == 1 && origins[0] == "http://"+r.Host:
		return nil
	case len(origins) == 1:
		if !g.origins[origins[0]] || !isAPI(r.URL.Path) {
			return problem.New(fault.OriginRefused, "")
		}
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", origins[0])
		h.Set("Access-Control-Expose-Headers", "Retry-After")
		return nil
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return nil
	}
	// Another site may open the page in a window, as every link does; not in a frame.
	if !isAPI(r.URL.Path) && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" {
		return nil
	}
	return problem.New(fault.CrossSiteRefused, "")
}

// preflight answers OPTIONS. Only an allowed origin has come this far with an
// Access-Control-Allow-Origin; the agent's own page needs no preflight.
func (g *Guard) preflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if h.Get("Access-Control-Allow-Origin") == "" || r.Header.Get("Access-Control-Request-Method") == "" {
		problem.New(fault.MethodRefused, "").Write(w)
		return
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, Last-Event-ID")
	h.Set("Access-Control-Max-Age", "600")
	h.Add("Vary", "Access-Control-Request-Private-Network, Access-Control-Request-Local-Network")
	// Browsers from before Local Network Access ask here whether a public page
	// may reach this machine.
	for _, network := range []string{"Private", "Local"} {
		if r.Header.Get("Access-Control-Request-"+network+"-Network") == "true" {
			h.Set("Access-Control-Allow-"+network+"-Network", "true")
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// checkContentType takes JSON, and pictures where pictures go. What a form of
// another site can send without a preflight is not among it, except for multipart,
// which needs the page's header or a token like everything else.
func checkContentType(r *http.Request) *problem.Problem {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err == nil && media == "application/json":
		return nil
	case err == nil && strings.HasSuffix(r.URL.Path, "/pictures") &&
		(media == "multipart/form-data" || strings.HasPrefix(media, "image/") || media == "application/pdf"):
		return nil
	default:
		return problem.New(fault.ContentTypeRefused, "")
	}
}
