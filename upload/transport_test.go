package upload_test

import (
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/internal/secret"
	"passport-agent/upload"
	"passport-agent/upload/sandbox"
)

// secured runs a sandbox behind TLS and returns its certificate in PEM.
func secured(t *testing.T) (*sandbox.Server, string, []byte) {
	t.Helper()
	s := sandbox.New(sandbox.Options{APIKey: apiKey, Secret: apiSecret})
	s.AddSession(session)
	server := httptest.NewUnstartedServer(s)
	server.Config.ErrorLog = discardLog
	server.StartTLS()
	t.Cleanup(server.Close)
	return s, server.URL, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

func TestACertificateMoreIsTrustedBesideTheSystems(t *testing.T) {
	s, url, certificate := secured(t)
	_, err := newClient(t, configFor(url)).UploadNFC(t.Context(), session, passport(), nil)
	requireFault(t, err, fault.UploadUnreachable)
	config := configFor(url)
	config.ExtraCA = certificate
	_, err = newClient(t, config).UploadNFC(t.Context(), session, passport(), nil)
	require.NoError(t, err)
	require.Len(t, s.Media(session), 1)

	config.ExtraCA = []byte("no certificate")
	_, err = upload.New(config)
	requireFault(t, err, fault.ConfigInvalid)
	require.ErrorContains(t, err, "api_ca_file")
}

// tunnel is a proxy that knows one host by another name, and asks for a password.
func tunnel(t *testing.T, to string, status int, requests *atomic.Int32) string {
	t.Helper()
	return startServer(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if r.Method != http.MethodConnect || r.Host != "example.com:443" || r.Header.Get("Proxy-Authorization") == "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if status != http.StatusOK {
			w.WriteHeader(status)
			return
		}
		server, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		// What the client sends after the answer is read from client alone.
		client, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		if _, err := io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
			return
		}
		go func() { _, _ = io.Copy(server, client); _ = server.Close() }()
		go func() { _, _ = io.Copy(client, server); _ = client.Close() }()
	})
}

func TestThroughAProxy(t *testing.T) {
	s, url, certificate := secured(t)
	var requests atomic.Int32
	proxy := tunnel(t, strings.TrimPrefix(url, "https://"), http.StatusOK, &requests)
	config := configFor("https://example.com") // a name that the sandbox's certificate has
	config.ExtraCA = certificate
	config.Proxy = secret.NewText(strings.Replace(proxy, "http://", "http://user:CANARY-PW@", 1))
	_, err := newClient(t, config).UploadNFC(t.Context(), session, passport(), nil)
	require.NoError(t, err)
	require.Equal(t, int32(1), requests.Load())
	require.Len(t, s.Media(session), 1)

	refusing := tunnel(t, "", http.StatusProxyAuthRequired, &requests)
	config.Proxy = secret.NewText(strings.Replace(refusing, "http://", "http://user:CANARY-PW@", 1))
	_, err = newClient(t, config).UploadNFC(t.Context(), session, passport(), nil)
	requireFault(t, err, fault.UploadUnreachable)
	require.ErrorContains(t, err, "the proxy refused the connection with HTTP status 407")
	require.NotContains(t, err.Error(), "CANARY")

	// What is on this machine is not asked for elsewhere.
	config = configFor(url)
	config.ExtraCA, config.Proxy = certificate, secret.NewText(proxy)
	before := requests.Load()
	_, err = newClient(t, config).UploadNFC(t.Context(), session, passport(), nil)
	require.NoError(t, err)
	require.Equal(t, before, requests.Load())
	require.Len(t, s.Media(session), 2)

	for _, address := range []string{"proxy:3128", "socks5://proxy", "http://", "http://\x7f"} {
		config.Proxy = secret.NewText(address)
		_, err := upload.New(config)
		requireFault(t, err, fault.ConfigInvalid)
		require.ErrorContains(t, err, "api_proxy")
	}
}
