package desk_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/e2e/browser"
	"passport-agent/virtual"
)

// foreign is a web page of somebody else: it is paired once, reads a document and shows
// what came of it. Its address is not the agent's.
const foreign = `<!doctype html><meta charset="utf-8"><title>Front office</title><h1>Front office</h1><p id="code"></p><pre id="log"></pre>
<script>
const agent = new URLSearchParams(location.hash.slice(1)).get('agent');
const log = (text) => { document.getElementById('log').textContent += text + '\n'; };
const call = async (method, path, body, token) => {
	const headers = {};
	if (body !== undefined) headers['Content-Type'] = 'application/json';
	if (token) headers.Authorization = 'Bearer ' + token;
	const answer = await fetch(agent + path, {method, headers, body: body === undefined ? undefined : JSON.stringify(body)});
	const text = await answer.text();
	if (!answer.ok) throw new Error(answer.status + ' ' + text);
	return text ? JSON.parse(text) : null;
};
const until = async (ask, done) => {
	for (;;) {
		const answer = await ask();
		if (done(answer)) return answer;
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
};
globalThis.pair = async () => {
	const {id, code, secret} = await call('POST', '/v1/pairings', {name: 'Front office'});
	document.getElementById('code').textContent = code;
	const {token} = await until(() => call('POST', '/v1/pairings/' + id + '/token', {secret}), ({token}) => token);
	log('paired');
	return token;
};
globalThis.read = async (token, mrz, session) => {
	const {id} = await call('POST', '/v1/reads', {access: {mrz}, session}, token);
	log('waiting');
	const {state, report} = await until(() => call('GET', '/v1/reads/' + id, undefined, token), ({state}) => ['done', 'failed', 'cancelled'].includes(state));
	const holder = await call('GET', '/v1/reads/' + id + '/holder', undefined, token);
	log([state, report.status, report.upload.state, holder.primaryIdentifier].join(' '));
};
</script>`

func foreignPage(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(foreign)) // a browser that has gone does not read it
	}))
	t.Cleanup(server.Close)
	return server
}

// A page of another origin that the agent allows is confirmed by the person at the desk,
// once, with the code that it shows; then it reads and uploads. One that is not allowed
// gets nothing, and the desk is not even asked.
func TestForeignOrigin(t *testing.T) {
	allowed, stranger := foreignPage(t), foreignPage(t)
	document := personalise(t, nil)
	w := newWorld(t, document, "--allow-origin", allowed.URL)
	w.page.State(t, "stage", "entry")
	chromium := browser.New(t)

	other := chromium.Open(t, stranger.URL+"/#agent="+w.url, 900, 700)
	require.Contains(t, browser.Eval[string](t, other, `pair().then(() => 'paired', String)`), "TypeError", "the browser keeps the answer from it")

	office := chromium.Open(t, allowed.URL+"/#agent="+w.url, 900, 700)
	office.Run(t, `globalThis.pairing = pair()`)
	office.Wait(t, "a code", `document.getElementById('code').textContent !== ''`)
	code := browser.Eval[string](t, office, `document.getElementById('code').textContent`)
	w.page.State(t, "dialog", "pairing")
	shown := browser.Eval[string](t, w.page, `document.querySelector('dialog').innerText`)
	require.Contains(t, shown, allowed.URL)
	require.Contains(t, shown, "Front office")
	require.NotContains(t, browser.Eval[string](t, w.page, `document.body.innerText`), stranger.URL)
	require.NotContains(t, shown, code, "who confirms has to look at the other page")
	w.page.Screenshot(t, "end-to-end/pairing")
	w.page.Focus(t, "#pairing-code")
	w.page.Type(t, "WRNG-CODE")
	w.page.Action(t, "confirm")
	w.page.Text(t, "That is not the code of this page.")
	w.page.Focus(t, "#pairing-code")
	w.page.Run(t, `document.activeElement.select()`)
	w.page.Type(t, strings.ToLower(code))
	w.page.Action(t, "confirm")
	office.Wait(t, "the token", `document.getElementById('log').textContent.includes('paired')`)
	w.page.Wait(t, "the end of the dialog", `document.querySelector('dialog') === null`)

	office.Run(t, `pairing.then((token) => read(token, `+browser.Quote(zoneOf(t, document))+`, '`+sessionID+`')).catch((error) => log(String(error)))`)
	office.Wait(t, "a reading that waits", `document.getElementById('log').textContent.includes('waiting')`)
	lay(t, document, 0, virtual.ChipOptions{})
	office.Wait(t, "the verdict", `document.getElementById('log').textContent.includes('done successful accepted ERIKSSON')`)
	office.Screenshot(t, "end-to-end/foreign-page")
	require.Len(t, w.service.Media(sessionID), 1)
	require.NotContains(t, w.text(), "ERIKSSON", "another's reading is not shown at the desk")

	w.page.Choose(t, "details.panel summary")
	w.page.Choose(t, "details.panel button")
	w.page.Wait(t, "an end of the pairing", `document.querySelector('details.panel') === null`)
	require.Contains(t, browser.Eval[string](t, office, `pairing.then((token) => call('GET', '/v1/readers', undefined, token)).then(() => 'let in', String)`), "401")
	w.page.NoProblems(t)
}
