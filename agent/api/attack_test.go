package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
)

// Each attack has a twin that differs from it in the attacked property alone and is
// accepted: it is that property which is refused, and nothing else.
func TestAttacksOverRealSockets(t *testing.T) {
	d := newDesk(t, deskOptions{bodyTime: 500 * time.Millisecond})
	cookie := d.openPage()
	token, revoked, others := d.paired(allowed), d.paired(allowed), d.paired(alsoAllowed)
	d.answer(request{method: "DELETE", path: "/v1/pairings/" + d.pairingOf(cookie, 1), header: page(cookie)}, 204, nil)

	own := fmt.Sprintf("http://127.0.0.1:%d", d.port)
	host := fmt.Sprintf("127.0.0.1:%d", d.port)
	read := map[string]string{"Cookie": cookie}
	shop := map[string]string{"Authorization": "Bearer " + token, "Origin": allowed}
	shopJSON := with(shop, "Content-Type", "application/json")
	check := `{"mrz":"P<UTO"}`

	for name, a := range map[string]struct {
		twin, attack request
		status       int // of the twin
		code         fault.Code
	}{
		"foreign host: DNS rebinding": {
			request{method: "GET", path: "/v1/readers", header: read, host: host},
			request{method: "GET", path: "/v1/readers", header: read, host: fmt.Sprintf("attacker.example:%d", d.port)}, 200, fault.HostRefused},
		"foreign host on the page": {
			request{method: "GET", path: "/", host: fmt.Sprintf("localhost:%d", d.port)},
			request{method: "GET", path: "/", host: "attacker.example"}, 200, fault.HostRefused},
		"own host, other port": {
			request{method: "GET", path: "/v1/health", host: host},
			request{method: "GET", path: "/v1/health", host: "127.0.0.1:1"}, 200, fault.HostRefused},
		"foreign host that agrees with its origin": {
			request{method: "POST", path: "/v1/mrz/check", body: check, header: with(page(cookie), "Origin", own), host: host},
			request{method: "POST", path: "/v1/mrz/check", body: check, header: with(page(cookie), "Origin", "http://attacker.example"), host: "attacker.example"}, 200, fault.HostRefused},
		"foreign origin": {
			request{method: "POST", path: "/v1/mrz/check", body: check, header: shopJSON},
			request{method: "POST", path: "/v1/mrz/check", body: check, header: with(shopJSON, "Origin", "https://attacker.example")}, 200, fault.OriginRefused},
		"foreign origin asks to be paired": {
			request{method: "POST", path: "/v1/pairings", body: `{"name":"x"}`, header: map[string]string{"Origin": allowed, "Content-Type": "application/json"}},
			request{method: "POST", path: "/v1/pairings", body: `{"name":"x"}`, header: map[string]string{"Origin": "https://shop.example.attacker.example", "Content-Type": "application/json"}}, 201, fault.OriginRefused},
		"allowed origin over http": {
			request{method: "GET", path: "/v1/readers", header: shop},
			request{method: "GET", path: "/v1/readers", header: with(shop, "Origin", "http://shop.example")}, 200, fault.OriginRefused},
		"origin null": {
			request{method: "GET", path: "/v1/readers", header: shop},
			request{method: "GET", path: "/v1/readers", header: with(shop, "Origin", "null")}, 200, fault.OriginRefused},
		"missing token": {
			request{method: "GET", path: "/v1/readers", header: shop},
			request{method: "GET", path: "/v1/readers", header: with(shop, "Authorization", "")}, 200, fault.TokenMissing},
		"missing cookie": {
			request{method: "GET", path: "/v1/readers", header: read},
			request{method: "GET", path: "/v1/readers"}, 200, fault.TokenMissing},
		"guessed token": {
			request{method: "GET", path: "/v1/readers", header: shop},
			request{method: "GET", path: "/v1/readers", header: with(shop, "Authorization", "Bearer "+strings.Repeat("A", len(token)))}, 200, fault.TokenRefused},
		"guessed cookie": {
			request{method: "GET", path: "/v1/readers", header: read},
			request{method: "GET", path: "/v1/readers", header: map[string]string{"Cookie": strings.Split(cookie, "=")[0] + "=" + strings.Repeat("A", 43)}}, 200, fault.TokenRefused},
		"token stolen by another allowed origin": {
			request{method: "GET", path: "/v1/readers", header: with(shop, "Authorization", "Bearer "+others, "Origin", alsoAllowed)},
			request{method: "GET", path: "/v1/readers", header: with(shop, "Authorization", "Bearer "+token, "Origin", alsoAllowed)}, 200, fault.TokenRefused},
		"token without its origin": {
			request{method: "GET", path: "/v1/readers", header: shop},
			request{method: "GET", path: "/v1/readers", header: with(shop, "Origin", "")}, 200, fault.TokenRefused},
		"token of the port file in a web page": {
			request{method: "GET", path: "/v1/readers", header: map[string]string{"Authorization": "Bearer " + d.local}},
			request{method: "GET", path: "/v1/readers", header: map[string]string{"Authorization": "Bearer " + d.local, "Origin": allowed}}, 200, fault.TokenRefused},
		"revoked token": {
			request{method: "GET", path: "/v1/readers", header: shop},
			request{method: "GET", path: "/v1/readers", header: with(shop, "Authorization", "Bearer "+revoked)}, 200, fault.TokenRefused},
		"cookie from another origin": {
			request{method: "GET", path: "/v1/readers", header: with(read, "Origin", own)},
			request{method: "GET", path: "/v1/readers", header: with(read, "Origin", allowed)}, 200, fault.TokenMissing},
		"change without the page's header": {
			request{method: "POST", path: "/v1/mrz/check", body: check, header: page(cookie)},
			request{method: "POST", path: "/v1/mrz/check", body: check, header: with(page(cookie), "X-Passport-Agent", "")}, 200, fault.PageHeaderMissing},
		"form post": {
			request{method: "POST", path: "/v1/mrz/check", body: check, header: page(cookie)},
			request{method: "POST", path: "/v1/mrz/check", body: "mrz=P", header: with(page(cookie), "Content-Type", "application/x-www-form-urlencoded")}, 200, fault.ContentTypeRefused},
		"multipart form where no picture goes": {
			request{method: "POST", path: "/v1/mrz/check", body: check, header: page(cookie)},
			request{method: "POST", path: "/v1/mrz/check", body: check, header: with(page(cookie), "Content-Type", "multipart/form-data; boundary=x")}, 200, fault.ContentTypeRefused},
		"JSON as text/plain": {
			request{method: "POST", path: "/v1/mrz/check", body: check, header: page(cookie)},
			request{method: "POST", path: "/v1/mrz/check", body: check, header: with(page(cookie), "Content-Type", "text/plain")}, 200, fault.ContentTypeRefused},
		"JSON without a type": {
			request{method: "POST", path: "/v1/mrz/check", body: check, header: page(cookie)},
			request{method: "POST", path: "/v1/mrz/check", body: check, header: with(page(cookie), "Content-Type", "")}, 200, fault.ContentTypeRefused},
		"cross-site GET without an origin": {
			request{method: "GET", path: "/v1/readers", header: with(read, "Sec-Fetch-Site", "same-origin")},
			request{method: "GET", path: "/v1/readers", header: with(read, "Sec-Fetch-Site", "cross-site")}, 200, fault.CrossSiteRefused},
		"GET from another port of this machine": {
			request{method: "GET", path: "/v1/readers", header: with(read, "Sec-Fetch-Site", "same-origin")},
			request{method: "GET", path: "/v1/readers", header: with(read, "Sec-Fetch-Site", "same-site")}, 200, fault.CrossSiteRefused},
		"cross-site navigation to the API": {
			request{method: "GET", path: "/", header: map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}},
			request{method: "GET", path: "/v1/health", header: map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}}, 200, fault.CrossSiteRefused},
		"the page in a foreign frame": {
			request{method: "GET", path: "/", header: map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}},
			request{method: "GET", path: "/", header: map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}}, 200, fault.CrossSiteRefused},
		"change by GET": {
			request{method: "POST", path: "/v1/links", header: page(cookie)},
			request{method: "GET", path: "/v1/links", header: page(cookie)}, 201, fault.RouteUnknown},
		"method that nothing takes": {
			request{method: "GET", path: "/v1/health"},
			request{method: "TRACE", path: "/v1/health"}, 200, fault.MethodRefused},
		"body that is too large": {
			request{method: "POST", path: "/v1/mrz/check", body: check, header: page(cookie)},
			request{method: "POST", path: "/v1/mrz/check", body: `{"mrz":"` + strings.Repeat("<", 20<<10) + `"}`, header: page(cookie)}, 200, fault.RequestTooLarge},
		"unknown property": {
			request{method: "POST", path: "/v1/mrz/check", body: check, header: page(cookie)},
			request{method: "POST", path: "/v1/mrz/check", body: `{"mrz":"P<UTO","__proto__":{}}`, header: page(cookie)}, 200, fault.RequestInvalid},
		"body that is no JSON": {
			request{method: "POST", path: "/v1/mrz/check", body: check, header: page(cookie)},
			request{method: "POST", path: "/v1/mrz/check", body: `{"mrz":P<UTO}`, header: page(cookie)}, 200, fault.RequestInvalid},
		"token of the API for the metrics": {
			request{method: "GET", path: "/metrics", header: map[string]string{"Authorization": "Bearer " + metricsSecret}},
			request{method: "GET", path: "/metrics", header: shop}, 200, fault.TokenMissing},
		"metrics token for the API": {
			request{method: "GET", path: "/v1/readers", header: map[string]string{"Authorization": "Bearer " + d.local}},
			request{method: "GET", path: "/v1/readers", header: map[string]string{"Authorization": "Bearer " + metricsSecret}}, 200, fault.TokenRefused},
		"paired page administers": {
			request{method: "GET", path: "/v1/pairings", header: read},
			request{method: "GET", path: "/v1/pairings", header: shop}, 200, fault.CallNotPermitted},
		"code of a link tried out": {
			request{method: "POST", path: "/v1/open", body: fmt.Sprintf(`{"code":%q}`, d.link()), header: map[string]string{"Content-Type": "application/json"}},
			request{method: "POST", path: "/v1/open", body: `{"code":"AAAAAAAAAAAAAAAAAAAAAA"}`, header: map[string]string{"Content-Type": "application/json"}}, 204, fault.LinkRefused},
	} {
		t.Run(name, func(t *testing.T) {
			d.t = t
			d.answer(a.twin, a.status, nil)
			require.Equal(t, a.code, d.refused(a.attack).Code)
		})
	}
}

func (d *desk) link() string {
	code, err := d.guard.Link()
	require.NoError(d.t, err)
	return code
}

// pairingOf returns the id of the nth pairing.
func (d *desk) pairingOf(cookie string, n int) string {
	d.t.Helper()
	var all []struct{ ID, State string }
	d.answer(request{method: "GET", path: "/v1/pairings", header: map[string]string{"Cookie": cookie}}, 200, &all)
	return all[n].ID
}

// The event stream follows the same rules as everything else.
func TestEventStreamsOfOthersAreRefused(t *testing.T) {
	d := newDesk(t, deskOptions{})
	cookie, token := d.openPage(), d.paired(allowed)
	read := d.create(page(cookie), d.access())
	for _, path := range []string{"/v1/events", "/v1/reads/" + read.ID + "/events"} {
		stream := func(header map[string]string) request { return request{method: "GET", path: path, header: header} }
		require.Equal(t, 200, d.send(stream(map[string]string{"Cookie": cookie, "Sec-Fetch-Site": "same-origin"})).StatusCode)
		require.Equal(t, fault.CrossSiteRefused, d.refused(stream(map[string]string{"Cookie": cookie, "Sec-Fetch-Site": "cross-site"})).Code)
		require.Equal(t, fault.OriginRefused, d.refused(stream(map[string]string{"Cookie": cookie, "Origin": "https://attacker.example"})).Code)
		require.Equal(t, fault.TokenMissing, d.refused(stream(nil)).Code)
	}
	shop := map[string]string{"Authorization": "Bearer " + token, "Origin": allowed}
	require.Equal(t, 200, d.send(request{method: "GET", path: "/v1/events", header: shop}).StatusCode)
	require.Equal(t, fault.ReadUnknown, d.refused(request{method: "GET", path: "/v1/reads/" + read.ID + "/events", header: shop}).Code, "another's reading is not there")
}

// Paths that could be read in two ways lead nowhere.
func TestPathTricks(t *testing.T) {
	d := newDesk(t, deskOptions{})
	token := d.local
	raw := func(line string) string {
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", d.port))
		require.NoError(t, err)
		defer func() { require.NoError(t, connection.Close()) }()
		require.NoError(t, connection.SetDeadline(time.Now().Add(patience)))
		_, err = fmt.Fprintf(connection, "%s\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n", line, d.port, token)
		require.NoError(t, err)
		status, err := bufio.NewReader(connection).ReadString('\n')
		require.NoError(t, err)
		return strings.Fields(status)[1]
	}
	require.Equal(t, "200", raw("GET /v1/readers HTTP/1.1"))
	for _, path := range []string{
		"/v1//readers", "//v1/readers", "/v1/./readers", "/static/../v1/readers", "/v1/readers/..%2freaders", "/v1%2freaders",
		"/v1/readers%00", "/..%5c..%5cetc/passwd", `/v1\readers`, "/static/..%2f..%2f..%2fetc/passwd", "/v1/%2e%2e/v1/readers", "/v1/readers/../readers",
		"//attacker.example/%2e%2e",
	} {
		require.Contains(t, []string{"404", "400"}, raw("GET "+path+" HTTP/1.1"), path)
	}
	require.Contains(t, []string{"403", "404"}, raw("GET http://attacker.example/v1/readers HTTP/1.1"), "an absolute address names another host")
	require.Equal(t, "404", raw(fmt.Sprintf("GET http://127.0.0.1:%d/v1/readers HTTP/1.1", d.port)))
	require.Contains(t, []string{"404", "400"}, raw("OPTIONS * HTTP/1.1"))
	require.Contains(t, []string{"404", "405", "400", "403"}, raw("CONNECT attacker.example:443 HTTP/1.1"))
}

// A body that trickles is cut off; the same one sent at once is taken.
func TestSlowRequestsAreCutOff(t *testing.T) {
	d := newDesk(t, deskOptions{bodyTime: 300 * time.Millisecond})
	const body = `{"mrz":"P<UTO"}`
	for _, slow := range []bool{false, true} {
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", d.port))
		require.NoError(t, err)
		require.NoError(t, connection.SetDeadline(time.Now().Add(patience)))
		_, err = fmt.Fprintf(connection, "POST /v1/mrz/check HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", d.port, d.local, len(body))
		require.NoError(t, err)
		sent := body
		if slow {
			sent = body[:5]
		}
		_, err = io.WriteString(connection, sent)
		require.NoError(t, err)
		response, err := http.ReadResponse(bufio.NewReader(connection), nil)
		require.NoError(t, err)
		want := http.StatusOK
		if slow {
			want = http.StatusRequestTimeout
		}
		require.Equal(t, want, response.StatusCode)
		require.NoError(t, response.Body.Close())
		require.NoError(t, connection.Close())
	}

	// Headers that never end are cut off too.
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", d.port))
	require.NoError(t, err)
	defer func() { require.NoError(t, connection.Close()) }()
	_, err = fmt.Fprintf(connection, "GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n", d.port)
	require.NoError(t, err)
	require.NoError(t, connection.SetReadDeadline(time.Now().Add(patience)))
	rest, err := io.ReadAll(connection)
	require.NoError(t, err, "the agent has closed")
	require.NotContains(t, string(rest), "200 OK")
}

// Whoever sends too fast is told to wait, and nobody else with him.
func TestFastCallersAreSlowedDown(t *testing.T) {
	d := newDesk(t, deskOptions{})
	cookie := d.openPage()
	for n := 0; ; n++ {
		require.Less(t, n, 5000, "no limit is reached")
		response := d.send(request{method: "GET", path: "/v1/health"})
		_, err := io.Copy(io.Discard, response.Body)
		require.NoError(t, err)
		if response.StatusCode == http.StatusTooManyRequests {
			require.NotEmpty(t, response.Header.Get("Retry-After"))
			break
		}
	}
	d.answer(request{method: "GET", path: "/v1/readers", header: map[string]string{"Cookie": cookie}}, 200, nil)
}

// Every answer, of whatever kind, has the headers that keep browsers from helping an
// attacker (reference: docs/security.md).
func TestSecurityHeadersAreOnEveryAnswer(t *testing.T) {
	d := newDesk(t, deskOptions{})
	token := d.paired(allowed)
	shop := map[string]string{"Authorization": "Bearer " + token, "Origin": allowed}
	for name, r := range map[string]request{
		"page": {method: "GET", path: "/"}, "API": {method: "GET", path: "/v1/readers", header: shop}, "refusal": {method: "GET", path: "/v1/readers"},
		"foreign host": {method: "GET", path: "/", host: "attacker.example"}, "unknown": {method: "GET", path: "/v1/nothing", header: shop},
		"events": {method: "GET", path: "/v1/events", header: shop}, "metrics": {method: "GET", path: "/metrics", header: map[string]string{"Authorization": "Bearer " + metricsSecret}},
		"document": {method: "GET", path: "/v1/openapi.json"},
	} {
		t.Run(name, func(t *testing.T) {
			h := d.send(r).Header
			policy := h.Get("Content-Security-Policy")
			require.Contains(t, policy, "default-src 'none'")
			require.Contains(t, policy, "frame-ancestors 'none'")
			require.NotContains(t, policy, "unsafe")
			require.Equal(t, "same-origin", h.Get("Cross-Origin-Resource-Policy"))
			require.Equal(t, "same-origin", h.Get("Cross-Origin-Opener-Policy"))
			require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
			require.Equal(t, "no-store", h.Get("Cache-Control"))
			require.Equal(t, "no-referrer", h.Get("Referrer-Policy"))
			require.NotEqual(t, "*", h.Get("Access-Control-Allow-Origin"))
			require.Empty(t, h.Get("Access-Control-Allow-Credentials"))
			if r.header["Origin"] == "" {
				require.Empty(t, h.Get("Access-Control-Allow-Origin"))
			} else {
				require.Equal(t, allowed, h.Get("Access-Control-Allow-Origin"))
			}
			require.Contains(t, strings.Join(h.Values("Vary"), ","), "Origin")
		})
	}
}

// An allowed origin gets its preflight answered, also by browsers that ask about the
// local network; another one gets nothing.
func TestPreflight(t *testing.T) {
	d := newDesk(t, deskOptions{})
	ask := map[string]string{"Origin": allowed, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type,idempotency-key", "Access-Control-Request-Private-Network": "true", "Sec-Fetch-Site": "cross-site"}
	response := d.send(request{method: "OPTIONS", path: "/v1/reads", header: ask})
	require.Equal(t, http.StatusNoContent, response.StatusCode)
	require.Equal(t, allowed, response.Header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "true", response.Header.Get("Access-Control-Allow-Private-Network"))
	for _, name := range []string{"authorization", "content-type", "idempotency-key", "last-event-id"} {
		require.Contains(t, strings.ToLower(response.Header.Get("Access-Control-Allow-Headers")), name)
	}
	for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
		require.Contains(t, response.Header.Get("Access-Control-Allow-Methods"), method)
	}

	refused := d.send(request{method: "OPTIONS", path: "/v1/reads", header: with(ask, "Origin", "https://attacker.example")})
	require.Equal(t, http.StatusForbidden, refused.StatusCode)
	require.Empty(t, refused.Header.Get("Access-Control-Allow-Origin"))
	require.Empty(t, refused.Header.Get("Access-Control-Allow-Private-Network"))
	require.Equal(t, fault.OriginRefused, d.refused(request{method: "OPTIONS", path: "/", header: ask}).Code, "the page itself is nobody else's")
}

const otherUserEnv = "PASSPORT_AGENT_TEST_OTHER_USER"

// beOtherUser is run as another user of the machine: it tries what such a one can try,
// and says what it got.
func beOtherUser(arguments string) int {
	url, rest, _ := strings.Cut(arguments, "|")
	dir, token, _ := strings.Cut(rest, "|")
	q, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return 1
	}
	if token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(q)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	_ = response.Body.Close()
	fmt.Println("status", response.StatusCode)
	for _, name := range []string{"pairings.json", "agent.json"} {
		_, err := os.ReadFile(filepath.Join(dir, name))
		fmt.Println(name, os.IsPermission(err))
	}
	return 0
}

// Loopback is shared by all users of a machine: without a secret another one gets
// nothing, and the files that hold or check secrets are not readable for him.
func TestAnotherUserOfTheMachine(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("it needs root to become another user")
	}
	d := newDesk(t, deskOptions{})
	d.paired(allowed)
	require.NoError(t, portFile(d).Write(filepath.Join(d.dir, "agent.json")))
	for _, name := range []string{"pairings.json", "agent.json"} {
		info, err := os.Stat(filepath.Join(d.dir, name))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
	}
	b, err := os.ReadFile(filepath.Join(d.dir, "pairings.json"))
	require.NoError(t, err)
	require.Contains(t, string(b), "tokenSHA256")

	// The folder itself may be entered: it is the files that are closed.
	for dir := d.dir; dir != "/" && dir != os.TempDir(); dir = filepath.Dir(dir) {
		require.NoError(t, os.Chmod(dir, 0o755))
	}
	ask := func(token string) string {
		const nobody = 65534
		cmd := exec.Command("/proc/self/exe")
		cmd.Dir = "/"
		cmd.Env = []string{otherUserEnv + "=" + d.url("/v1/readers") + "|" + d.dir + "|" + token}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		output, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", output)
		return string(output)
	}
	require.Equal(t, "status 401\npairings.json true\nagent.json true\n", ask(""))
	require.Equal(t, "status 200\npairings.json true\nagent.json true\n", ask(d.local), "it is the secret that tells users apart")
}
