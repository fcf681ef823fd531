// Package states_test looks at every state of the page as people do who do not all see,
// hear or use their hands alike.
package states_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/e2e/browser"
	"passport-agent/e2e/fake"
)

func TestMain(m *testing.M) { os.Exit(browser.Main(m)) }

// A table of all states is what the page exports; none is left out.
func exported(t *testing.T, p *browser.Page, view string) []string {
	t.Helper()
	return browser.Eval[[]string](t, p, `import('/static/js/states.js').then(({states}) => Object.entries(states.`+view+`).flatMap(([region, all]) => Object.keys(all).map((name) => region + ' ' + name)))`)
}

var screens = map[string]struct {
	path          string
	width, height int64
	walk          func(*testing.T, *fake.Agent, *browser.Page, look)
}{
	"desk":  {"/", 1280, 900, walkDesk},
	"kiosk": {"/kiosk", 1280, 1024, walkKiosk},
}

func TestEveryStateIsOpenToEverybody(t *testing.T) {
	chromium := browser.Shared(t)
	for view, screen := range screens {
		t.Run(view, func(t *testing.T) {
			agent := fake.New(t)
			p := chromium.Open(t, "about:blank", screen.width, screen.height)
			seen := map[string]bool{}
			screen.walk(t, agent, p, func(region, state, variant string) {
				p.State(t, region, state)
				seen[region+" "+state] = true
				if variant == "" || variant == "fields" || variant == "can" || variant == "english" {
					examine(t, p, view, region, strings.TrimSuffix(state+"-"+variant, "-"))
				}
				announced(t, p, view, region, state)
			})
			require.ElementsMatch(t, exported(t, p, view), slices.Sorted(maps.Keys(seen)), "every state is looked at, and none that the page does not know")
		})
	}
}

// examine holds a state against the rules, in both themes, and takes its picture.
func examine(t *testing.T, p *browser.Page, view, region, name string) {
	t.Helper()
	p.Run(t, `if (!document.querySelector('dialog')) document.activeElement?.blur()`)
	for _, theme := range []string{"light", "dark"} {
		p.Prefer(t, map[string]string{"prefers-color-scheme": theme})
		p.Settle(t)
		what := fmt.Sprintf("%s/%s-%s-%s", view, region, name, theme)
		p.Axe(t, what)
		p.Screenshot(t, what)
	}
	keyboard(t, p, name)
	p.NoProblems(t)
}

// operable finds what can be operated and seen; of a group of radio buttons the Tab key
// reaches one, the arrows do the rest.
const operable = `(() => {
	const top = document.querySelector('dialog[open]') ?? document;
	const all = [...top.querySelectorAll('button, input, select, textarea, summary, a[href], [tabindex="0"]')]
		.filter((e) => !e.disabled && e.checkVisibility({visibilityProperty: true}));
	return all.filter((e) => e.type !== 'radio' || (e.checked || (!all.some((o) => o.name === e.name && o.checked) && all.find((o) => o.name === e.name) === e)));
})()`

// keyboard goes round with the Tab key: it stops at everything that can be operated, in
// a place that is marked, and gets out again.
func keyboard(t *testing.T, p *browser.Page, name string) {
	t.Helper()
	count := browser.Eval[int](t, p, `(() => {
		globalThis.unmarked = []; globalThis.expected = new Set(`+operable+`); globalThis.missed = new Set(expected);
		document.activeElement?.blur();
		globalThis.noteFocus = ({target}) => {
			missed.delete(target);
			const marked = target.type === 'file' ? target.previousElementSibling : target;
			const style = getComputedStyle(marked);
			if (expected.has(target) && (style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 2)) unmarked.push(target.outerHTML.slice(0, 120));
		};
		document.addEventListener('focusin', noteFocus);
		return expected.size; })()`)
	for range 2*count + 4 {
		if browser.Eval[bool](t, p, `missed.size === 0`) {
			break
		}
		p.Press(t, "Tab")
	}
	result := browser.Eval[map[string][]string](t, p, `(() => { document.removeEventListener('focusin', noteFocus); return {missed: [...missed].filter((e) => e.isConnected).map((e) => e.outerHTML.slice(0, 120)), unmarked}; })()`)
	require.Empty(t, result["missed"], "%s: the Tab key does not reach these", name)
	require.Empty(t, result["unmarked"], "%s: one does not see that these have the focus", name)
}

// announced holds what a screen reader is told against the table of states.
func announced(t *testing.T, p *browser.Page, view, region, state string) {
	t.Helper()
	manner := browser.Eval[string](t, p, `import('/static/js/states.js').then(({states}) => states.`+view+`.`+region+`.`+state+`.speaks ?? '')`)
	switch {
	case manner == "":
	case region == "dialog":
		require.Equal(t, "alertdialog", browser.Eval[string](t, p, `document.querySelector('dialog').getAttribute('role')`))
		require.True(t, browser.Eval[bool](t, p, `document.querySelector('dialog').contains(document.activeElement)`), "the focus is in the dialog, so that it is read out")
	default:
		p.Wait(t, "an announcement", `[document.querySelector('h1').textContent, document.querySelector('.problem .cause')?.textContent ?? '-'].some((text) => document.getElementById('`+manner+`').textContent.includes(text))`)
	}
}

// Every word of the page comes from the language file: with another file there is no
// other word left, but for what comes from document, reader and service.
func TestNoWordStandsOutsideTheLanguageFiles(t *testing.T) {
	chromium := browser.Shared(t)
	for view, screen := range screens {
		t.Run(view, func(t *testing.T) {
			agent := fake.New(t)
			agent.Change(func(w *fake.World) {
				w.Words = func(words map[string]string) map[string]string {
					for key, text := range words {
						words[key] = "«" + text + "»"
					}
					return words
				}
			})
			p := chromium.Open(t, "about:blank", screen.width, screen.height)
			screen.walk(t, agent, p, func(region, state, _ string) {
				p.State(t, region, state)
				require.Empty(t, browser.Eval[[]string](t, p, foreignWords), "%s %s", region, state)
			})
		})
	}
}

// foreignWords finds text that is neither of the language file nor marked as not to be
// translated.
const foreignWords = `(() => {
	const found = [];
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walker.nextNode()) {
		const text = walker.currentNode.textContent.replace(/«[^»]*»/g, '');
		if (/\p{L}{2,}/u.test(text) && !walker.currentNode.parentElement.closest('[translate="no"], script')) found.push(text);
	}
	for (const e of document.querySelectorAll('[aria-label], [alt], [placeholder], [title]'))
		for (const name of ['aria-label', 'alt', 'placeholder', 'title'])
			if (/\p{L}{2,}/u.test((e.getAttribute(name) ?? '').replace(/«[^»]*»/g, '')) && !e.matches('[translate="no"]')) found.push(e.getAttribute(name));
	return found;
})()`
