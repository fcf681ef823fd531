package upload

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

const connectTimeout = 10 * time.Second

// transportFor copies the configured transport and sets what an upload relies on.
func transportFor(config Config) (*http.Transport, error) {
	t := &http.Transport{}
	if config.Transport != nil {
		t = config.Transport.Clone()
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
	if len(config.ExtraCA) > 0 {
		roots, err := withCertificates(t.TLSClientConfig.RootCAs, config.ExtraCA)
		if err != nil {
			return nil, err
		}
		t.TLSClientConfig.RootCAs = roots
	}
	if err := setProxy(t, config.Proxy.Reveal()); err != nil {
		return nil, err
	}
	// A kept connection that the server has just closed turns the next upload
	// into an uncertain one, and is the only case in which net/http sends a
	// request a second time by itself.
	t.DisableKeepAlives = true
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	// Signatures are checked over the bytes on the wire.
	t.DisableCompression = true
	t.MaxResponseHeaderBytes = maxAnswerHeader
	return t, nil
}

// withCertificates returns roots, or the system's where they are nil, with more.
func withCertificates(roots *x509.CertPool, pem []byte) (*x509.CertPool, error) {
	if roots == nil {
		system, err := x509.SystemCertPool()
		if err != nil {
			return nil, invalid("api_ca_file: the system's certificates cannot be read beside it")
		}
		roots = system
	} else {
		roots = roots.Clone()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, invalid("api_ca_file: holds no certificate in PEM")
	}
	return roots, nil
}

func setProxy(t *http.Transport, text string) error {
	if text == "" {
		return nil
	}
	proxy, err := url.Parse(text)
	if err != nil || proxy.Hostname() == "" || proxy.Scheme != "http" && proxy.Scheme != "https" {
		return invalid("api_proxy: must be an address such as http://proxy:3128")
	}
	t.Proxy = func(r *http.Request) (*url.URL, error) {
		if loopback(r.URL.Hostname()) {
			return nil, nil
		}
		return proxy, nil
	}
	// The standard library's own error would quote the proxy's words.
	t.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("the proxy refused the connection with HTTP status %d", answer.StatusCode)
		}
		return nil
	}
	return nil
}
