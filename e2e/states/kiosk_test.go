package states_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/e2e/browser"
	"passport-agent/e2e/fake"
)

func kiosk(t *testing.T) (*fake.Agent, *browser.Page) {
	t.Helper()
	agent := fake.New(t)
	agent.Change(func(w *fake.World) { w.Me["kiosk"] = true })
	p := browser.Shared(t).Open(t, agent.URL+"/kiosk", 1080, 1400)
	p.State(t, "stage", "welcome")
	t.Cleanup(func() { p.NoProblems(t) })
	return agent, p
}

// A kiosk without a keyboard has keys on its screen, large enough for a finger
// (WCAG 2.2, 2.5.8 asks for 24 pixels).
func TestKeysOnTheScreenType(t *testing.T) {
	agent, p := kiosk(t)
	p.Action(t, "begin")
	p.State(t, "stage", "entry")
	touch := func(text string) {
		for _, key := range text {
			p.Run(t, `[...document.querySelectorAll('.keypad button')].find((b) => b.textContent === `+browser.Quote(string(key))+`).click()`)
		}
	}
	for _, field := range [][2]string{{"document_number", "L898902C3"}, {"birth_date", "740812"}, {"expiry_date", "120415"}} {
		p.Focus(t, "#entry-"+field[0])
		touch(field[1])
	}
	require.GreaterOrEqual(t, browser.Eval[float64](t, p, `Math.min(...[...document.querySelectorAll('button, select')].map((b) => Math.min(b.getBoundingClientRect().width, b.getBoundingClientRect().height)))`), 40.0)
	p.Run(t, `document.querySelector('.keypad .wide').click()`)
	require.Equal(t, "12041", browser.Eval[string](t, p, `document.querySelector('#entry-expiry_date').value`))
	touch("5")
	p.Action(t, "start")
	_, call := agent.Started(t)
	require.Equal(t, fake.Object{"documentNumber": "L898902C3", "birthDate": "740812", "expiryDate": "120415"}, call.Body["access"])
}

func TestAScanBeginsTheVisit(t *testing.T) {
	agent, p := kiosk(t)
	us := layouts["QWERTY"]
	p.Scan(t, scanned(line1+"\n"+line2+"\n", us, us))
	agent.Started(t)
	p.State(t, "stage", "waiting")
}

// Somebody who needs time is warned by more than one sense, and can have more, again and
// again; after somebody who has left, nothing is there (WCAG 2.2, 2.2.1).
func TestTheKioskWarnsExtendsAndForgets(t *testing.T) {
	agent, p := kiosk(t)
	p.Run(t, `globalThis.felt = []; navigator.vibrate = (pattern) => { felt.push(pattern); return true; }`)
	p.Action(t, "begin")
	p.Focus(t, "#entry-document_number")
	p.Type(t, "L898902C3")
	for i := range 12 {
		p.PassTime(t, 61*time.Second)
		p.State(t, "dialog", "time_out")
		require.GreaterOrEqual(t, browser.Eval[int](t, p, `Number(document.querySelector('.countdown').textContent.replace(/[^0-9]/g, ''))`), 20, "time to answer")
		require.Equal(t, "attention", browser.Eval[string](t, p, `document.documentElement.dataset.lastSound`))
		require.True(t, browser.Eval[bool](t, p, `document.querySelector('.pulse').getAnimations().length > 0`))
		require.Equal(t, i+1, browser.Eval[int](t, p, `felt.length`))
		p.Action(t, "stay")
		p.Wait(t, "the end of the warning", `document.querySelector('dialog') === null`)
		require.Equal(t, "L898902C3", browser.Eval[string](t, p, `document.querySelector('#entry-document_number').value`))
	}
	enter(t, p, line1+line2)
	p.Action(t, "start")
	id, _ := agent.Started(t)
	p.State(t, "stage", "waiting")
	p.PassTime(t, 91*time.Second)
	agent.Wait(t, "POST", "/v1/reads/"+id+"/cancel")
	agent.Wait(t, "DELETE", "/v1/reads/"+id)
	p.State(t, "stage", "welcome")
	p.Action(t, "begin")
	require.Empty(t, browser.Eval[string](t, p, `document.querySelector('#entry-document_number').value`))
}

// The page has no way out of itself: no link, no menu, no print, nothing that can be
// dragged or marked, no way back.
func TestNothingInThePageLeavesTheKiosk(t *testing.T) {
	agent, p := kiosk(t)
	p.Action(t, "begin")
	p.State(t, "stage", "entry")
	require.Zero(t, browser.Eval[int](t, p, `document.querySelectorAll('a, form, iframe, object, embed, area, [target], [download], input[type=file]').length`))
	for _, event := range []string{
		`new MouseEvent('contextmenu', init)`, `new DragEvent('dragstart', init)`, `new DragEvent('drop', init)`, `new Event('selectstart', init)`, `new MouseEvent('auxclick', init)`,
		`new KeyboardEvent('keydown', {...init, key: 'p', ctrlKey: true})`, `new KeyboardEvent('keydown', {...init, key: 's', ctrlKey: true})`,
		`new KeyboardEvent('keydown', {...init, key: 'F1'})`, `new KeyboardEvent('keydown', {...init, key: 'F12'})`, `new KeyboardEvent('keydown', {...init, key: 'ArrowLeft', altKey: true})`,
	} {
		require.True(t, browser.Eval[bool](t, p, `(() => { const init = {bubbles: true, cancelable: true}; return !document.querySelector('h1').dispatchEvent(`+event+`); })()`), event)
	}
	p.Run(t, `history.back()`)
	p.State(t, "stage", "entry")
	require.Equal(t, agent.URL+"/kiosk", browser.Eval[string](t, p, `location.href`))
}
