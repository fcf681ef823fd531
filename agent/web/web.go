// Package web is the page of the desk and of the kiosk: static files inside the
// program, served so that they run without the internet and without a build step, and
// so that nothing but they can run in them. The page speaks to the local API alone.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"time"
)

//go:embed static
var embedded embed.FS

// contentSecurityPolicy lets the page load and call what comes from the agent itself,
// and nothing else: no inline script or style, no frame around it, no form.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; " +
	"connect-src 'self'; media-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// The desk takes pictures with a webcam; the kiosk does not.
const (
	deskPermissions  = "camera=(self), microphone=(), geolocation=(), display-capture=(), usb=(), serial=(), hid=(), bluetooth=()"
	kioskPermissions = "camera=(), microphone=(), geolocation=(), display-capture=(), usb=(), serial=(), hid=(), bluetooth=()"
)

// contentTypes are those of the files of the page; a file of another kind is none of it.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".json": "application/json",
	".svg":  "image/svg+xml",
}

// asset is one file, ready to be sent.
type asset struct {
	body        []byte
	contentType string
	etag        string
	permissions string
}

// Handler serves the desk view at /, the kiosk view at /kiosk and their files below
// /static/, to GET and HEAD. It checks neither Host nor cookie: the page holds nothing
// personal, and who may call is the agent's to say before it hands a request on.
func Handler() http.Handler {
	assets := map[string]asset{}
	err := fs.WalkDir(embedded, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := embedded.ReadFile(name)
		if err != nil {
			return err
		}
		digest := sha256.Sum256(body)
		a := asset{
			body: body, contentType: contentTypes[path.Ext(name)],
			etag: `"` + hex.EncodeToString(digest[:16]) + `"`, permissions: kioskPermissions,
		}
		switch name {
		case "static/desk.html":
			a.permissions = deskPermissions
			assets["/"] = a
		case "static/kiosk.html":
			assets["/kiosk"] = a
		default:
			assets["/"+name] = a
		}
		return nil
	})
	if err != nil {
		panic(err) // files of the program itself: a test opens every one
	}
	return pages(assets)
}

type pages map[string]asset

func (p pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", contentSecurityPolicy)
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	a, ok := p[r.URL.Path]
	if !ok {
		header.Set("Cache-Control", "no-store")
		http.NotFound(w, r)
		return
	}
	header.Set("Permissions-Policy", a.permissions)
	// Asked for anew every time, answered with 304: after an update of the agent no old
	// script talks to a new API.
	header.Set("Cache-Control", "no-cache")
	header.Set("Content-Type", a.contentType)
	header.Set("ETag", a.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
}
