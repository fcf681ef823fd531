// Package upload is a client of the Veriff API for one job: it brings what was
// read from a document into a verification session.
//
// An upload ends in one of four ways, and the error says which: accepted (no
// error), refused for good, not possible now, or unknown
// (fault.UploadUncertain). Only an answer whose signature holds counts as
// accepted.
package upload

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"passport-agent/internal/fault"
	"passport-agent/internal/secret"
)

// Defaults of Config.
const (
	// DefaultMaxRawBytes is the widest reading of the documented '500KB': the
	// files themselves, in units of 1024 bytes. Nothing above it can be accepted.
	DefaultMaxRawBytes = 500 * 1024
	// DefaultWarnBodyBytes is the narrowest reading: the whole JSON body, in
	// units of 1000 bytes. Nothing up to it can be refused for its size.
	DefaultWarnBodyBytes = 500 * 1000
	// DefaultTimeout is how long nothing may move before an upload is given up.
	DefaultTimeout = 60 * time.Second
)

const connectTimeout = 10 * time.Second

// Config says where to upload and as whom. BaseURL, APIKey and Secret are
// required.
type Config struct {
	// BaseURL is the address on the integration's page in the customer portal,
	// with or without "/v1". It is https; http is for loopback hosts only.
	BaseURL string
	// APIKey is the integration's key, a UUID, sent as X-AUTH-CLIENT.
	APIKey string
	// Secret is the shared secret that signs requests. Answers are checked with
	// it and with VerifySecrets, so that secrets can be changed without a gap.
	Secret        secret.Text
	VerifySecrets []secret.Text

	// MaxRawBytes is the size of EF.COM, EF.SOD, DG1 and DG2 together above
	// which nothing is sent; 0 means DefaultMaxRawBytes.
	MaxRawBytes int
	// WarnBodyBytes is the size of the JSON body above which the receipt carries
	// a warning; 0 means DefaultWarnBodyBytes.
	WarnBodyBytes int
	// Timeout is how long an upload may stand still, and also the time for the
	// whole answer; 0 means DefaultTimeout.
	Timeout time.Duration
	// NoCompression sends the JSON body as it is instead of with gzip.
	NoCompression bool
	// UserAgent is sent as such; empty means "passport-agent".
	UserAgent string
	// Transport brings own certificates, a proxy or a dialler; nil means the
	// system's certificates and no proxy. It is copied, and what guards an
	// upload (TLS 1.2, fresh connections, HTTP/1.1) is set in the copy.
	Transport *http.Transport
}

// Client uploads to one integration. It may be used from several goroutines.
type Client struct {
	config        Config
	base          string // without a trailing slash, with /v1
	verifySecrets []secret.Text
	transport     *http.Transport
}

// Veriff code 1802: the API key must be a UUID.
var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// New checks the configuration. Its errors are fault.ConfigInvalid and name the
// key at fault.
func New(config Config) (*Client, error) {
	base, err := apiBase(config.BaseURL)
	if err != nil {
		return nil, err
	}
	if !uuid.MatchString(config.APIKey) {
		return nil, invalid("api_key: must be the integration's API key, a UUID")
	}
	if config.Secret.Empty() {
		return nil, invalid("api_secret: must be the integration's shared secret")
	}
	for _, s := range config.VerifySecrets {
		if s.Empty() {
			return nil, invalid("api_verify_secrets: must not hold an empty secret")
		}
	}
	if config.MaxRawBytes < 0 || config.WarnBodyBytes < 0 || config.Timeout < 0 {
		return nil, invalid("upload limits and time-outs must not be negative")
	}
	if strings.ContainsFunc(config.UserAgent, unicode.IsControl) {
		return nil, invalid("user agent: must not hold control characters")
	}
	if config.MaxRawBytes == 0 {
		config.MaxRawBytes = DefaultMaxRawBytes
	}
	if config.WarnBodyBytes == 0 {
		config.WarnBodyBytes = DefaultWarnBodyBytes
	}
	if config.Timeout == 0 {
		config.Timeout = DefaultTimeout
	}
	if config.UserAgent == "" {
		config.UserAgent = "passport-agent"
	}
	return &Client{
		config:        config,
		base:          base,
		verifySecrets: append([]secret.Text{config.Secret}, config.VerifySecrets...),
		transport:     guarded(config.Transport),
	}, nil
}

func invalid(detail string) error { return fault.New(fault.ConfigInvalid, detail, nil) }

// apiBase returns the address that the paths of the API are appended to.
func apiBase(text string) (string, error) {
	if text == "" {
		return "", invalid("api_url: is required; the integration's page in the Veriff Customer Portal shows it")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "":
		return "", invalid("api_url: must be an address such as https://host")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", invalid("api_url: must hold no user, query or fragment")
	case u.Scheme == "https":
	case u.Scheme == "http" && loopback(u.Hostname()):
	default:
		return "", invalid("api_url: must be https (http only for this machine itself)")
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	path = strings.TrimRight(strings.TrimSuffix(path, "/v1"), "/")
	return u.Scheme + "://" + u.Host + path + "/v1", nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// guarded copies a transport and sets what an upload relies on.
func guarded(from *http.Transport) *http.Transport {
	t := &http.Transport{}
	if from != nil {
		t = from.Clone()
	}
	if t.DialContext == nil {
		t.DialContext = (&net.Dialer{Timeout: connectTimeout}).DialContext
	}
	if t.TLSHandshakeTimeout == 0 {
		t.TLSHandshakeTimeout = connectTimeout
	}
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{}
	}
	t.TLSClientConfig.MinVersion = max(t.TLSClientConfig.MinVersion, tls.VersionTLS12)
	// A kept connection that the server has just closed turns the next upload
	// into an uncertain one, and is the only case in which net/http sends a
	// request a second time by itself.
	t.DisableKeepAlives = true
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	// Signatures are checked over the bytes on the wire.
	t.DisableCompression = true
	t.MaxResponseHeaderBytes = maxAnswerHeader
	return t
}

// mediaURL returns where media of a session go. Session ids are opaque to the
// client: it escapes them and refuses only what cannot be an id.
func (c *Client) mediaURL(sessionID string) (string, error) {
	const maxSessionID = 256
	switch {
	case sessionID == "":
		return "", fault.New(fault.SessionIDInvalid, "it is empty", nil)
	case len(sessionID) > maxSessionID:
		return "", fault.New(fault.SessionIDInvalid, fmt.Sprintf("it is longer than %d bytes", maxSessionID), nil)
	case strings.ContainsFunc(sessionID, notInID):
		return "", fault.New(fault.SessionIDInvalid, "it holds control characters or is not UTF-8", nil)
	case sessionID == "." || sessionID == "..":
		return "", fault.New(fault.SessionIDInvalid, "dots alone are not an id", nil)
	}
	return c.base + "/sessions/" + url.PathEscape(sessionID) + "/media", nil
}

func notInID(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }
