// Package browser lets tests use a page as a person does: with the keys of a keyboard,
// looking at what is there. It drives Debian's chromium without a screen.
package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// Patience is how long a test waits for what it expects, on a machine that is busy.
const Patience = 30 * time.Second

// RequireEnv is the environment variable that, set to 1, makes a missing browser a
// failure where it would be a skip.
const RequireEnv = "PASSPORT_AGENT_REQUIRE_BROWSER"

// Browser is a chromium with a profile of its own.
type Browser struct{ ctx context.Context }

var (
	sharing sync.Mutex
	shared  *Browser
	end     = func() {}
)

// Main runs the tests of a package and ends the browser that they share. It is called
// from TestMain and returns the exit status.
func Main(m *testing.M) int {
	defer func() { end() }()
	return m.Run()
}

// Shared returns the browser of the package, and starts it for the first test that asks.
func Shared(t testing.TB) *Browser {
	t.Helper()
	sharing.Lock()
	defer sharing.Unlock()
	if shared == nil {
		shared, end = start(t)
	}
	return shared
}

// New starts a browser that ends with the test.
func New(t testing.TB) *Browser {
	t.Helper()
	b, end := start(t)
	t.Cleanup(end)
	return b
}

// start starts chromium, whose camera shows a test picture.
func start(t testing.TB) (b *Browser, end func()) {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv(RequireEnv) == "1" {
			t.Fatal("chromium is not installed: apt-get install chromium")
		}
		t.Skip("chromium is not installed: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, // tests run as root
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-quic", true), chromedp.Flag("use-fake-device-for-media-stream", true),
		chromedp.Flag("lang", "en-GB"), chromedp.WindowSize(1280, 900))
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	end = func() { cancel(); cancelAllocator() }
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate("about:blank")))
	return &Browser{ctx: ctx}, end
}

// Page is one tab. What its scripts complain about fails the test at its end.
type Page struct {
	ctx      context.Context
	mutex    sync.Mutex
	problems []string
}

// Open opens an address in a tab of its own, with cookies and storage of its own.
func (b *Browser) Open(t testing.TB, address string, width, height int64) *Page {
	t.Helper()
	p := &Page{}
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(p.listen))
	p.ctx = ctx
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(width, height)))
	// Several tabs are open at a time, and each is to be the one that has the keyboard.
	_, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	require.NoError(t, err)
	_, err = chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: clock})
	require.NoError(t, err)
	p.Go(t, address)
	return p
}

// clock lets a test move the time of a page, and hold it while the test looks.
const clock = `(() => {
	const real = Date.now;
	let ahead = 0, held = 0;
	Date.now = () => (held || real() + ahead);
	globalThis.resetTime = () => { ahead = held = 0; };
	globalThis.passTime = (ms) => { ahead += ms; };
	globalThis.holdTime = (hold) => { if (hold) held = Date.now(); else { ahead = held - real(); held = 0; } };
})()`

func (p *Page) listen(event any) {
	var text string
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type != "error" {
			return
		}
		for _, argument := range e.Args {
			text += string(argument.Value) + " " + argument.Description
		}
	case *runtime.EventExceptionThrown:
		text = e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
	default:
		return
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.problems = append(p.problems, text)
}

// NoProblems fails where the page has thrown or logged an error.
func (p *Page) NoProblems(t testing.TB) {
	t.Helper()
	p.mutex.Lock()
	defer p.mutex.Unlock()
	require.Empty(t, p.problems, "the page complains")
}

// Go goes to an address, as one that is typed.
func (p *Page) Go(t testing.TB, address string) {
	t.Helper()
	require.NoError(t, chromedp.Do(p.ctx, chromedp.Navigate(address)))
}

// Reload loads the page again.
func (p *Page) Reload(t testing.TB) {
	t.Helper()
	require.NoError(t, chromedp.Do(p.ctx, chromedp.Reload()))
}

// Eval returns the value of a JavaScript expression; promises are awaited.
func Eval[T any](t testing.TB, p *Page, expression string) T {
	t.Helper()
	value, err := eval[T](p, expression)
	require.NoError(t, err, expression)
	return value
}

func eval[T any](p *Page, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, Patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Run evaluates an expression for what it does.
func (p *Page) Run(t testing.TB, expression string) {
	t.Helper()
	Eval[bool](t, p, "(async () => { "+expression+"; return true; })()")
}

// Wait waits until a JavaScript expression is true; what names it in the failure.
func (p *Page) Wait(t testing.TB, what, expression string) {
	t.Helper()
	deadline := time.Now().Add(Patience)
	for {
		// Asked of the page itself at every frame, so that nothing is missed or slept over.
		done, err := eval[bool](p, `new Promise((resolve) => {
			const end = performance.now() + 3000;
			const look = () => { if (`+expression+`) resolve(true); else if (performance.now() > end) resolve(false); else requestAnimationFrame(look); };
			look(); })`)
		if err == nil && done {
			return
		}
		if time.Now().After(deadline) {
			p.NoProblems(t)
			state, _ := eval[string](p, `document.body.innerText.slice(0, 600)`)
			t.Fatalf("waited in vain for %s (%s): %v\n%s", what, expression, err, state)
		}
	}
}

// State waits until a region of the page is in a state.
func (p *Page) State(t testing.TB, region, state string) {
	t.Helper()
	p.Wait(t, region+" "+state, `document.querySelector('[data-region="`+region+`"]')?.dataset.state === "`+state+`"`)
}

// Text waits until the text of the page holds a passage.
func (p *Page) Text(t testing.TB, passage string) {
	t.Helper()
	p.Wait(t, "text", `document.body.innerText.includes(`+Quote(passage)+`)`)
}

// Quote makes a JavaScript string.
func Quote(text string) string {
	quoted, _ := json.Marshal(text)
	return string(quoted)
}

// PassTime moves the clock of the page forward.
func (p *Page) PassTime(t testing.TB, d time.Duration) {
	t.Helper()
	p.Run(t, fmt.Sprintf("passTime(%d)", d.Milliseconds()))
}

// ResetTime sets the clock of the page back to that of the machine.
func (p *Page) ResetTime(t testing.TB) {
	t.Helper()
	p.Run(t, "resetTime()")
}

// HoldTime makes the clock of the page stand, or go on from where it stood.
func (p *Page) HoldTime(t testing.TB, hold bool) {
	t.Helper()
	p.Run(t, fmt.Sprintf("holdTime(%t)", hold))
}

// Prefer switches what the system of the person prefers.
func (p *Page) Prefer(t testing.TB, features map[string]string) {
	t.Helper()
	var list []*emulation.MediaFeature
	for name, value := range features {
		list = append(list, &emulation.MediaFeature{Name: name, Value: value})
	}
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: list})
	require.NoError(t, err)
}

// Screenshot writes a picture of the whole page.
func (p *Page) Screenshot(t testing.TB, name string) {
	t.Helper()
	shot, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	require.NoError(t, err)
	require.Greater(t, len(shot), 2000, "an empty picture")
	require.NoError(t, os.MkdirAll(filepath.Dir(Picture(name)), 0o755))
	require.NoError(t, os.WriteFile(Picture(name), shot, 0o644))
}

// Picture is where a screenshot goes.
func Picture(name string) string { return filepath.Join(root(), "dist", "screenshots", name+".png") }

// root is the folder of the project, from a package of e2e.
func root() string {
	directory, err := os.Getwd()
	if err != nil {
		return "."
	}
	for ; directory != "/"; directory = filepath.Dir(directory) {
		if _, err := os.Stat(filepath.Join(directory, "docs", "architecture.md")); err == nil {
			return directory
		}
	}
	return "."
}

// Press presses and lets go of one key, by its name ("Tab", "Enter", "a").
func (p *Page) Press(t testing.TB, key string) {
	t.Helper()
	p.PressWith(t, key, 0)
}

// Shift is the modifier of PressWith.
const Shift = 8

var virtualKeys = map[string]int64{"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Backspace": 8}

// PressWith presses a key together with modifiers.
func (p *Page) PressWith(t testing.TB, key string, modifiers int64) {
	t.Helper()
	text := key
	switch {
	case key == "Enter":
		text = "\r"
	case len(key) > 1:
		text = ""
	}
	kind := input.DispatchKeyEventType("keyDown")
	if text == "" {
		kind = "rawKeyDown"
	}
	down := input.DispatchKeyEventParams{Type: kind, Key: key, Code: key, Text: text, Modifiers: modifiers, WindowsVirtualKeyCode: virtualKeys[key]}
	if key == " " {
		down.Code = "Space"
	}
	p.dispatch(t, down)
	down.Type, down.Text = "keyUp", ""
	p.dispatch(t, down)
}

func (p *Page) dispatch(t testing.TB, event input.DispatchKeyEventParams) {
	t.Helper()
	_, err := chromedp.Call(p.ctx, input.DispatchKeyEvent, event)
	require.NoError(t, err)
}

// Type puts text into what has the focus, slowly enough to be a person.
func (p *Page) Type(t testing.TB, text string) {
	t.Helper()
	_, err := chromedp.Call(p.ctx, input.InsertText, input.InsertTextParams{Text: text})
	require.NoError(t, err)
}

// PressAt presses a character at a moment of a row of keys, by the clock of the events.
func (p *Page) PressAt(t testing.TB, character string, since time.Duration) {
	t.Helper()
	at := input.TimeSinceEpoch(float64(time.Now().Add(since).UnixMicro()) / 1e6)
	event := input.DispatchKeyEventParams{Type: "keyDown", Key: character, Text: character, Timestamp: at}
	p.dispatch(t, event)
	event.Type, event.Text = "keyUp", ""
	p.dispatch(t, event)
}

// Key is one key of a scanner: what the browser calls it, and where it is.
type Key struct {
	Name, Code string
	Shift      bool
}

// Scan sends keys as a scanner does, 8 ms apart by the clock of the events.
func (p *Page) Scan(t testing.TB, keys []Key) {
	t.Helper()
	at := time.Now()
	for i, key := range keys {
		event := input.DispatchKeyEventParams{Type: "keyDown", Key: key.Name, Code: key.Code, Text: key.Name}
		if key.Name == "Enter" {
			event.Text = "\r"
		}
		if key.Shift {
			event.Modifiers = Shift
		}
		event.Timestamp = input.TimeSinceEpoch(float64(at.Add(time.Duration(i)*8*time.Millisecond).UnixMicro()) / 1e6)
		p.dispatch(t, event)
		event.Type, event.Text = "keyUp", ""
		p.dispatch(t, event)
	}
}

// Focus goes to an element with the Tab key alone, as somebody without a mouse.
func (p *Page) Focus(t testing.TB, selector string) {
	t.Helper()
	p.Wait(t, selector, `document.querySelector(`+Quote(selector)+`) !== null`)
	for range 80 {
		if Eval[bool](t, p, `document.activeElement?.matches(`+Quote(selector)+`) ?? false`) {
			return
		}
		p.Press(t, "Tab")
	}
	t.Fatalf("the Tab key does not reach %s", selector)
}

// Choose presses the button or link that a selector names, by keyboard.
func (p *Page) Choose(t testing.TB, selector string) {
	t.Helper()
	p.Focus(t, selector)
	p.Press(t, "Enter")
}

// Action presses a button by its name in data-action.
func (p *Page) Action(t testing.TB, name string) {
	t.Helper()
	p.Choose(t, `[data-action="`+name+`"]`)
}

// Announced waits until a screen reader is told something that holds a passage.
func (p *Page) Announced(t testing.TB, manner, passage string) {
	t.Helper()
	p.Wait(t, manner+" "+passage, `document.getElementById(`+Quote(manner)+`).textContent.replace(/[\u2068\u2069]/g, '').includes(`+Quote(passage)+`)`)
}

var axeSource = sync.OnceValues(func() (string, error) {
	source, err := os.ReadFile(filepath.Join(root(), "e2e", ".axe", "node_modules", "axe-core", "axe.min.js"))
	return string(source), err
})

// Axe fails where axe-core finds that somebody is shut out, by the rules of WCAG 2.2 AA
// and its own best practices.
func (p *Page) Axe(t testing.TB, what string) {
	t.Helper()
	source, err := axeSource()
	require.NoError(t, err, "axe-core is fetched by scripts/e2e")
	if !Eval[bool](t, p, `'axe' in globalThis`) {
		_, err = chromedp.Call(p.ctx, runtime.Evaluate, runtime.EvaluateParams{Expression: source})
		require.NoError(t, err)
	}
	type node struct {
		Target  []any  `json:"target"`
		Summary string `json:"failureSummary"`
	}
	type result struct {
		ID    string `json:"id"`
		Nodes []node `json:"nodes"`
	}
	violations := Eval[[]result](t, p, `axe.run(document, {resultTypes: ['violations']}).then(({violations}) => violations.map(({id, nodes}) => ({id, nodes: nodes.map(({target, failureSummary}) => ({target, failureSummary}))})))`)
	var found []string
	for _, v := range violations {
		for _, n := range v.Nodes {
			found = append(found, fmt.Sprintf("%s: %s %v", v.ID, strings.ReplaceAll(n.Summary, "\n", " "), n.Target))
		}
	}
	require.Empty(t, found, what)
}

// Settle waits until nothing on the page moves any more, so that colours are final.
func (p *Page) Settle(t testing.TB) {
	t.Helper()
	p.Wait(t, "the end of all movement", `document.getAnimations().filter((a) => a.effect.getComputedTiming().iterations !== Infinity && a.playState === 'running').length === 0`)
}

// Context is for what this package has no word for.
func (p *Page) Context() context.Context { return p.ctx }

// BrowserContext is the profile that the page lives in.
func (p *Page) BrowserContext() cdp.BrowserContextID {
	return chromedp.FromContext(p.ctx).BrowserContextID
}
