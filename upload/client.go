// Package upload is a client of the Veriff API for one job: it brings what was
// read from a document into a verification session.
//
// An upload ends in one of four ways, and the error says which: accepted (no
// error), refused for good, not possible now, or unknown
// (fault.UploadUncertain). Only an answer whose signature holds counts as
// accepted.
package upload

import (
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
	// IntegrationID is sent when a session is created; only integrations with
	// flexible API keys need it.
	IntegrationID string
	// ExtraCA holds certificates in PEM that are trusted beside the system's.
	ExtraCA []byte
	// Proxy is the address of a proxy, http or https; it may hold a password. A base URL on this machine is
	// reached without it; the environment's proxies are not looked at.
	Proxy secret.Text
	// Transport brings a dialler and the like; nil means the standard library's.
	// It is copied, and what guards an upload (TLS 1.2, fresh connections,
	// HTTP/1.1) is set in the copy.
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
	if strings.ContainsFunc(config.UserAgent+config.IntegrationID, unicode.IsControl) {
		return nil, invalid("user agent and integration_id: must not hold control characters")
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
	transport, err := transportFor(config)
	if err != nil {
		return nil, err
	}
	return &Client{
		config:        config,
		base:          base,
		verifySecrets: append([]secret.Text{config.Secret}, config.VerifySecrets...),
		transport:     transport,
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
