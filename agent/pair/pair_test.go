package pair_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"passport-agent/agent/pair"
	"passport-agent/internal/fault"
)

const (
	port   = 24770
	origin = "https://shop.example"
)

// clock is a clock that a test sets.
type clock struct{ now time.Time }

func newGuard(t *testing.T, o pair.Options) (*pair.Guard, *clock) {
	t.Helper()
	c := &clock{time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)}
	o.Port, o.Now = port, func() time.Time { return c.now }
	o.Origins = append(o.Origins, origin)
	g, err := pair.New(o)
	require.NoError(t, err)
	return g, c
}

// who asks the guard for the caller of a request.
func who(g *pair.Guard, change func(*http.Request)) (pair.Caller, int) {
	var got pair.Caller
	handler := g.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = pair.CallerOf(r.Context()) }))
	r := httptest.NewRequest(http.MethodGet, "/v1/me", nil)
	r.Host = "127.0.0.1:24770"
	change(r)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return got, w.Code
}

func bearing(token, from string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Origin", from)
	}
}

func TestLinksCountOnceAndForTenMinutes(t *testing.T) {
	g, c := newGuard(t, pair.Options{})
	used, err := g.Link()
	require.NoError(t, err)
	cookie, err := g.Open(used)
	require.NoError(t, err)
	caller, status := who(g, func(r *http.Request) { r.AddCookie(cookie) })
	require.Equal(t, 200, status)
	require.Equal(t, pair.Operator, caller.Kind)
	_, err = g.Open(used)
	require.ErrorIs(t, err, fault.LinkRefused)

	late, err := g.Link()
	require.NoError(t, err)
	c.now = c.now.Add(10*time.Minute + time.Second)
	_, err = g.Open(late)
	require.ErrorIs(t, err, fault.LinkRefused)

	// A page that nobody has used for a week is locked.
	c.now = c.now.Add(7 * 24 * time.Hour)
	_, status = who(g, func(r *http.Request) { r.AddCookie(cookie) })
	require.Equal(t, 401, status)
}

func TestLinksAreNotTriedOut(t *testing.T) {
	g, c := newGuard(t, pair.Options{})
	for range 10 {
		_, err := g.Open("guess")
		require.ErrorIs(t, err, fault.LinkRefused)
	}
	_, err := g.Open("guess")
	require.ErrorIs(t, err, fault.TooManyRequests)
	c.now = c.now.Add(time.Second)
	_, err = g.Open("guess")
	require.ErrorIs(t, err, fault.LinkRefused)
}

// From the request to the token: a person's word is needed, the right code, and the
// secret of who asked; the token is given once and outlives the program.
func TestAPairingFromBeginningToEnd(t *testing.T) {
	store := filepath.Join(t.TempDir(), "deep", "pairings.json")
	changes := 0
	g, _ := newGuard(t, pair.Options{Store: store, Changed: func() { changes++ }})
	p, secret, err := g.Request(origin, "  Shop\x07 desk ")
	require.NoError(t, err)
	require.Regexp(t, `^[A-HJKMNP-Z]{4}-[2-9]{4}$`, p.Code)
	require.Equal(t, "Shop desk", p.Name)
	token, err := g.Token(p.ID, secret, origin)
	require.NoError(t, err)
	require.Empty(t, token, "nobody has decided")
	_, err = g.Token(p.ID, "another", origin)
	require.ErrorIs(t, err, fault.PairingUnknown)

	require.ErrorIs(t, g.Confirm(p.ID, "AAAA-2222"), fault.PairingCodeWrong)
	require.NoError(t, g.Confirm(p.ID, " "+strings.ToLower(p.Code)+" "))
	_, err = g.Token(p.ID, secret, "https://bank.example")
	require.ErrorIs(t, err, fault.PairingUnknown, "it is another origin's")
	token, err = g.Token(p.ID, secret, origin)
	require.NoError(t, err)
	require.NotEmpty(t, token)
	_, err = g.Token(p.ID, secret, origin)
	require.ErrorIs(t, err, fault.PairingEnded, "once")
	require.Positive(t, changes)

	b, err := os.ReadFile(store)
	require.NoError(t, err)
	require.NotContains(t, string(b), token)
	require.NotContains(t, string(b), secret)
	again, _ := newGuard(t, pair.Options{Store: store})
	caller, status := who(again, bearing(token, origin))
	require.Equal(t, 200, status)
	require.Equal(t, pair.Origin, caller.Kind)
	require.Equal(t, "origin:"+p.ID, caller.Owner())

	require.NoError(t, again.Revoke(p.ID))
	_, status = who(again, bearing(token, origin))
	require.Equal(t, 401, status)
	third, _ := newGuard(t, pair.Options{Store: store})
	_, status = who(third, bearing(token, origin))
	require.Equal(t, 401, status, "revoked for good")
	require.ErrorIs(t, third.Revoke(p.ID), fault.PairingUnknown)
}

func TestPairingsEnd(t *testing.T) {
	g, c := newGuard(t, pair.Options{})
	tried, secret, err := g.Request(origin, "x")
	require.NoError(t, err)
	for range 5 {
		require.ErrorIs(t, g.Confirm(tried.ID, "AAAA-2222"), fault.PairingCodeWrong)
	}
	require.ErrorIs(t, g.Confirm(tried.ID, tried.Code), fault.PairingUnknown, "five wrong codes are enough")
	_, err = g.Token(tried.ID, secret, origin)
	require.ErrorIs(t, err, fault.PairingRefused)

	refused, secret, err := g.Request(origin, "x")
	require.NoError(t, err)
	require.NoError(t, g.Refuse(refused.ID))
	_, err = g.Token(refused.ID, secret, origin)
	require.ErrorIs(t, err, fault.PairingRefused)

	late, secret, err := g.Request(origin, "x")
	require.NoError(t, err)
	c.now = c.now.Add(5*time.Minute + time.Second)
	require.ErrorIs(t, g.Confirm(late.ID, late.Code), fault.PairingUnknown)
	_, err = g.Token(late.ID, secret, origin)
	require.ErrorIs(t, err, fault.PairingEnded)
	require.Empty(t, g.Pairings())
}

// A page that asks without end fills neither the list nor a person's screen.
func TestPairingsAreBounded(t *testing.T) {
	g, c := newGuard(t, pair.Options{})
	for range 5 {
		_, _, err := g.Request(origin, "x")
		require.NoError(t, err)
	}
	_, _, err := g.Request(origin, "x")
	require.ErrorIs(t, err, fault.TooManyRequests)
	for range 3 {
		c.now = c.now.Add(10 * time.Second)
		_, _, err = g.Request(origin, "x")
		require.NoError(t, err)
	}
	c.now = c.now.Add(10 * time.Second)
	_, _, err = g.Request(origin, "x")
	require.ErrorIs(t, err, fault.TooManyRequests, "eight wait for a person")
}

// Whoever can write the file can call: a file that others may write is not believed,
// nor one that is damaged.
func TestAFileThatOthersMayWriteIsNotBelieved(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes of files mean nothing there")
	}
	const empty = `{"version": 1, "pairings": []}`
	for name, c := range map[string]struct {
		content string
		mode    os.FileMode
		ok      bool
	}{
		"owner alone": {empty, 0o600, true}, "others read": {empty, 0o644, true}, "the group writes": {empty, 0o660, false},
		"others write": {empty, 0o606, false}, "damaged": {"{", 0o600, false}, "no version": {`{"pairings": []}`, 0o600, false},
		"no digest": {`{"version": 1, "pairings": [{"id": "x", "tokenSHA256": "00"}]}`, 0o600, false},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "pairings.json")
			require.NoError(t, os.WriteFile(path, []byte(c.content), c.mode))
			require.NoError(t, os.Chmod(path, c.mode))
			_, err := pair.New(pair.Options{Port: port, Store: path})
			if c.ok {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, fault.PairingStore)
			}
		})
	}
}

func TestOriginsAreExact(t *testing.T) {
	for text, ok := range map[string]bool{
		"https://desk.example": true, "http://10.0.0.5:8080": true, "https://desk.example:8443": true, "http://[::1]:3000": true,
		"desk.example": false, "https://desk.example/": false, "https://Desk.example": false, "https://*.example": true, "null": false,
		"https://desk.example:443": false, "ftp://desk.example": false, "https://user@desk.example": false, "": false, "https://": false,
	} {
		_, err := pair.New(pair.Options{Port: port, Origins: []string{text}})
		if ok {
			require.NoError(t, err, text)
		} else {
			require.ErrorIs(t, err, fault.ConfigInvalid, text)
		}
	}
	// A star is a character like any other.
	g, err := pair.New(pair.Options{Port: port, Origins: []string{"https://*.example"}})
	require.NoError(t, err)
	_, status := who(g, func(r *http.Request) { r.Header.Set("Origin", "https://a.example") })
	require.Equal(t, 403, status)
}

// No host but the three gets anything, whatever else the request says.
func TestOnlyOwnHostsPass(t *testing.T) {
	g, _ := newGuard(t, pair.Options{})
	own := map[string]bool{"127.0.0.1:24770": true, "[::1]:24770": true, "localhost:24770": true}
	rapid.Check(t, func(rt *rapid.T) {
		host := rapid.OneOf(
			rapid.StringMatching(`(127\.0\.0\.1|localhost|\[::1\]|attacker\.example|0\.0\.0\.0|127\.1|2130706433)(\.)?(:(24770|24771|80|))?`),
			rapid.String(),
		).Draw(rt, "host")
		_, status := who(g, func(r *http.Request) { r.Host = host })
		if own[host] != (status == 200) {
			rt.Fatalf("host %q: %d", host, status)
		}
	})
}
