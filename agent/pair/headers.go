package pair

import "net/http"

// ContentSecurityPolicy is that of every answer: no inline script or style, nothing
// from elsewhere, in no frame.
const ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; " +
	"media-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// setHeaders sets what every answer has, errors included. The page may relax
// Cache-Control for its static files.
func setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", ContentSecurityPolicy)
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Permissions-Policy", "camera=(self), microphone=(), geolocation=(), usb=(), serial=(), hid=()")
	h.Add("Vary", "Origin")
}
