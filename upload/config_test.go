package upload_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/internal/secret"
	"passport-agent/upload"
)

func TestConfigurationMistakesNameTheirKey(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*upload.Config)
		says   string
	}{
		"no address":            {func(c *upload.Config) { c.BaseURL = "" }, "api_url"},
		"no host":               {func(c *upload.Config) { c.BaseURL = "https://" }, "api_url"},
		"no scheme":             {func(c *upload.Config) { c.BaseURL = "stationapi.example.com" }, "api_url"},
		"not an address":        {func(c *upload.Config) { c.BaseURL = "https://\x7f" }, "api_url"},
		"http to the world":     {func(c *upload.Config) { c.BaseURL = "http://stationapi.example.com" }, "api_url"},
		"http to a look-alike":  {func(c *upload.Config) { c.BaseURL = "http://127.0.0.1.example.com" }, "api_url"},
		"http to the local net": {func(c *upload.Config) { c.BaseURL = "http://192.168.1.2" }, "api_url"},
		"another scheme":        {func(c *upload.Config) { c.BaseURL = "ftp://localhost" }, "api_url"},
		"user":                  {func(c *upload.Config) { c.BaseURL = "https://CANARY-USER:CANARY-PW@host" }, "api_url"},
		"query":                 {func(c *upload.Config) { c.BaseURL = "https://host?" }, "api_url"},
		"fragment":              {func(c *upload.Config) { c.BaseURL = "https://host#v1" }, "api_url"},
		"no API key":            {func(c *upload.Config) { c.APIKey = "" }, "api_key"},
		"API key no UUID":       {func(c *upload.Config) { c.APIKey = "CANARY-your-api-key" }, "api_key"},
		"no secret":             {func(c *upload.Config) { c.Secret = secret.Text{} }, "api_secret"},
		"empty verify secret":   {func(c *upload.Config) { c.VerifySecrets = make([]secret.Text, 1) }, "api_verify_secrets"},
		"negative limit":        {func(c *upload.Config) { c.MaxRawBytes = -1 }, "negative"},
		"negative warning":      {func(c *upload.Config) { c.WarnBodyBytes = -1 }, "negative"},
		"negative time-out":     {func(c *upload.Config) { c.Timeout = -time.Second }, "negative"},
		"user agent":            {func(c *upload.Config) { c.UserAgent = "a\r\nX-Injected: 1" }, "user agent"},
	} {
		t.Run(name, func(t *testing.T) {
			config := configFor("https://host")
			test.change(&config)
			_, err := upload.New(config)
			requireFault(t, err, fault.ConfigInvalid)
			require.ErrorContains(t, err, test.says)
			require.NotContains(t, err.Error(), "CANARY")
		})
	}
}

// However the address is written, the request goes to /v1/sessions/{id}/media
// below it, with the session id escaped.
func TestAddressOfTheRequest(t *testing.T) {
	var got string
	url := startServer(t, func(w http.ResponseWriter, r *http.Request) {
		drain(r)
		got = r.RequestURI
		w.WriteHeader(http.StatusNotFound)
	})
	for base, want := range map[string]string{
		"": "/v1", "/": "/v1", "/v1": "/v1", "/v1/": "/v1", "//": "/v1", "/prefix": "/prefix/v1", "/prefix/v1/": "/prefix/v1",
		"/v10": "/v10/v1",
	} {
		_, err := newClient(t, configFor(url+base)).UploadNFC(t.Context(), session, passport(), nil)
		requireFault(t, err, fault.SessionNotFound)
		require.Equal(t, want+"/sessions/"+session+"/media", got, "base %q", base)
	}
	client := newClient(t, configFor(strings.Replace(url, "127.0.0.1", "LOCALHOST", 1)))
	for id, want := range map[string]string{"a/../b": "a%2F..%2Fb", "a?b#c": "a%3Fb%23c", "50%": "50%25", "ü ": "%C3%BC%20"} {
		_, err := client.UploadNFC(t.Context(), id, passport(), nil)
		requireFault(t, err, fault.SessionNotFound)
		require.Equal(t, "/v1/sessions/"+want+"/media", got)
	}
}

func TestSessionIDsThatCannotBeOne(t *testing.T) {
	url := startServer(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	client := newClient(t, configFor(url))
	for _, id := range []string{"", "a\nb", "a\x00", "\u0085", "\xff", ".", "..", strings.Repeat("a", 257)} {
		_, err := client.UploadNFC(t.Context(), id, passport(), nil)
		requireFault(t, err, fault.SessionIDInvalid)
		require.Equal(t, upload.RetryNever, upload.RetryOf(err))
	}
}
