package upload_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/internal/secret"
	"passport-agent/upload"
	"passport-agent/upload/sandbox"
)

// The probe tells right credentials from wrong ones and a service that is not there,
// leaves no trace, and brings the service's clock.
func TestProbe(t *testing.T) {
	server, url := startSandbox(t, sandbox.Options{})
	before := server.Sessions()
	date, err := newClient(t, configFor(url)).Probe(t.Context())
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), date, time.Minute)
	require.Equal(t, before, server.Sessions())

	wrong := configFor(url)
	wrong.Secret = secret.NewText("another")
	_, err = newClient(t, wrong).Probe(t.Context())
	require.ErrorIs(t, err, fault.UploadUnauthorized)

	server.InjectOn(sandbox.List, sandbox.IntegrationInactive, 1)
	_, err = newClient(t, configFor(url)).Probe(t.Context())
	require.ErrorIs(t, err, fault.IntegrationInactive)

	_, err = newClient(t, configFor("http://127.0.0.1:1")).Probe(t.Context())
	require.ErrorIs(t, err, fault.UploadUnreachable)

	elsewhere := startServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "http://elsewhere.example/")
		w.WriteHeader(http.StatusFound)
	})
	_, err = newClient(t, upload.Config{BaseURL: elsewhere, APIKey: apiKey, Secret: secret.NewText(apiSecret), Timeout: brief}).Probe(t.Context())
	require.ErrorIs(t, err, fault.APIRedirected)
}
