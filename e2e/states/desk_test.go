package states_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"passport-agent/e2e/browser"
	"passport-agent/e2e/fake"
)

func desk(t *testing.T) (*fake.Agent, *browser.Page) {
	t.Helper()
	agent := fake.New(t)
	p := browser.Shared(t).Open(t, agent.URL+"/", 1280, 900)
	p.State(t, "stage", "entry")
	t.Cleanup(func() { p.NoProblems(t) })
	return agent, p
}

// A scanner that types works wherever the focus is, whatever layout it and the system
// have, and its keys change no field and press no button.
func TestAScannerIsUnderstoodOnEveryLayout(t *testing.T) {
	agent, p := desk(t)
	p.Focus(t, "[name=session-mode]:checked")
	p.Press(t, "ArrowDown")
	p.Focus(t, "#session")
	p.Type(t, sessionID)
	for scanner, sends := range layouts {
		for system, shows := range layouts {
			t.Run(scanner+" scanner, "+system+" system", func(t *testing.T) {
				p.Focus(t, "#session")
				p.Scan(t, scanned(line1+"\n"+line2+"\n", sends, shows))
				id, call := agent.Started(t)
				require.Equal(t, fake.Object{"mrz": line1 + line2}, call.Body["access"])
				require.NotEmpty(t, call.Header.Get("Idempotency-Key"))
				p.State(t, "stage", "waiting")
				require.Equal(t, sessionID, browser.Eval[string](t, p, `document.querySelector('#session').value`), "the keys of the scanner reach no field")
				p.Action(t, "cancel")
				p.State(t, "stage", "cancelled")
				p.Run(t, `document.querySelector('[data-action=next]').click()`)
				agent.Wait(t, "DELETE", "/v1/reads/"+id)
				p.State(t, "stage", "entry")
				p.Focus(t, "#session")
				p.Type(t, sessionID)
			})
		}
	}
}

// Letters that a scanner has read for digits are put right where only digits can stand;
// what is wrong for good is named, and nothing is started.
func TestAMisreadIsMendedOrNamed(t *testing.T) {
	agent, p := desk(t)
	us := layouts["QWERTY"]
	p.Scan(t, scanned(line1+"\n"+wrongZone[len(line1)+1:]+"\n", us, us))
	p.State(t, "stage", "entry_wrong")
	p.Announced(t, "alert", "Date of birth")
	require.True(t, browser.Eval[bool](t, p, `document.querySelector('.mark.wrong').textContent.includes('Date of birth')`))
	p.Scan(t, scanned(line1+"\nL898902C36UTO74O8I22F12O4159ZE184226B<<<<<I0\n", us, us))
	_, call := agent.Started(t)
	require.Equal(t, fake.Object{"mrz": line1 + line2}, call.Body["access"])
}

// The second line of a passport alone has all that opens the chip.
func TestAScannerThatSendsOneLine(t *testing.T) {
	agent, p := desk(t)
	p.Scan(t, scanned(line2+"\n", layouts["QWERTY"], layouts["QWERTY"]))
	_, call := agent.Started(t)
	require.Equal(t, fake.Object{"documentNumber": "L898902C3", "birthDate": "740812", "expiryDate": "120415"}, call.Body["access"])
}

func TestTypingIsNotTakenForAScanner(t *testing.T) {
	_, p := desk(t)
	p.Focus(t, "#entry-zone")
	for i, c := range "P<UTOERIKSSON" {
		p.PressAt(t, string(c), time.Duration(i)*120*time.Millisecond)
	}
	require.Equal(t, "P<UTOERIKSSON", browser.Eval[string](t, p, `document.querySelector('#entry-zone').value`))
	p.Text(t, "13")
}

func TestThreeFieldsNameTheWrongOne(t *testing.T) {
	agent, p := desk(t)
	p.Focus(t, "[name=entry-mode]:checked")
	p.Press(t, "ArrowRight")
	for _, field := range [][2]string{{"document_number", "L898902C3"}, {"document_number-digit", "6"}, {"birth_date", "740812"}, {"birth_date-digit", "3"}, {"expiry_date", "120415"}} {
		p.Focus(t, "#entry-"+field[0])
		p.Type(t, field[1])
	}
	p.State(t, "stage", "entry_wrong")
	p.Announced(t, "status", "The check digit does not fit: Date of birth")
	require.Equal(t, []string{"Date of birth"}, browser.Eval[[]string](t, p, `[...document.querySelectorAll('.mark.wrong span:first-of-type')].map((e) => e.textContent)`))
	p.Action(t, "start")
	p.Wait(t, "the focus at the wrong field", `document.activeElement.id === 'entry-birth_date'`)
	p.Focus(t, "#entry-birth_date-digit")
	p.Run(t, `document.activeElement.select()`)
	p.Type(t, "2")
	p.State(t, "stage", "entry")
	p.Action(t, "start")
	_, call := agent.Started(t)
	require.Equal(t, fake.Object{"documentNumber": "L898902C3", "birthDate": "740812", "expiryDate": "120415"}, call.Body["access"])
}

func TestACardAccessNumber(t *testing.T) {
	agent, p := desk(t)
	p.Focus(t, "[name=entry-mode]:checked")
	p.Press(t, "ArrowLeft")
	p.Focus(t, "#entry-can")
	p.Type(t, "123456")
	p.Press(t, "Enter")
	_, call := agent.Started(t)
	require.Equal(t, fake.Object{"can": "123456"}, call.Body["access"])
}

func TestPastingAnywhere(t *testing.T) {
	agent, p := desk(t)
	paste := func(text string) {
		p.Run(t, `const data = new DataTransfer(); data.setData('text/plain', `+browser.Quote(text)+`); document.body.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data, bubbles: true}))`)
	}
	// The link that the service gives to the person carries the session in a token.
	paste("https://magic.example/v/eyJhbGciOiJIUzI1NiJ9.eyJzZXNzaW9uX2lkIjoiZjA0YmRiNDctZDNiZS00YjI4LWIwMjgtYTY1MmZlYjA2MGI1In0.c2ln")
	p.State(t, "session", "given")
	require.Equal(t, sessionID, browser.Eval[string](t, p, `document.querySelector('#session').value`))
	paste(line1 + "\n" + line2)
	_, call := agent.Started(t)
	require.Equal(t, sessionID, call.Body["session"])
}

func TestASessionComesByLink(t *testing.T) {
	agent := fake.New(t)
	p := browser.Shared(t).Open(t, agent.URL+"/#session="+sessionID, 1280, 900)
	p.State(t, "session", "given")
	require.Equal(t, "", browser.Eval[string](t, p, `location.hash`), "it does not stay in the address")
	enter(t, p, line1+line2)
	p.Action(t, "start")
	_, call := agent.Started(t)
	require.Equal(t, sessionID, call.Body["session"])
}

func TestReloadingTakesUpTheReading(t *testing.T) {
	agent, p := desk(t)
	enter(t, p, line1+line2)
	p.Action(t, "start")
	id, _ := agent.Started(t)
	agent.Read(id, fake.Object{"state": "reading", "phase": "reading", "file": "DG2", "percent": 30})
	p.State(t, "stage", "reading")
	p.Reload(t)
	p.State(t, "stage", "reading")
	agent.Read(id, fake.Object{"percent": 76})
	p.Wait(t, "progress that goes on", `document.querySelector('progress').value === 76`)
	p.Announced(t, "status", "75 percent read")
	finish(t, agent, id, report("successful", "none"))
	p.State(t, "stage", "successful")
	p.Reload(t)
	p.State(t, "stage", "successful")
	p.Text(t, "ANNA MARIA ERIKSSON")
}

// The end of a reading is shown when it is known what came of it: nobody is told for a
// moment that a check has failed, because the report is still on its way.
func TestNoVerdictIsShownBeforeItIsKnown(t *testing.T) {
	agent, p := desk(t)
	enter(t, p, line1+line2)
	p.Action(t, "start")
	id, _ := agent.Started(t)
	agent.Read(id, fake.Object{"state": "uploading", "phase": "uploading"})
	p.State(t, "stage", "uploading")
	p.Run(t, `globalThis.seen = []; new MutationObserver(() => seen.push(document.querySelector('[data-region=stage]').dataset.state)).observe(document.querySelector('[data-region=stage]'), {attributes: true})`)
	agent.Change(func(w *fake.World) { w.Held = true })
	finish(t, agent, id, report("successful", "accepted"))
	p.Wait(t, "two rounds of the page's clock", `(globalThis.since ??= performance.now()) + 1200 < performance.now()`)
	agent.Change(func(w *fake.World) { w.Held = false })
	p.State(t, "stage", "successful")
	require.NotContains(t, browser.Eval[[]string](t, p, `seen`), "failed")
}

// Nobody's data is shown before it is proved, and what is not proved says so.
func TestPersonalDataComesAfterTheProof(t *testing.T) {
	agent, p := desk(t)
	enter(t, p, line1+line2)
	p.Action(t, "start")
	id, _ := agent.Started(t)
	shown := func() string { return browser.Eval[string](t, p, `document.querySelector('#page').innerText`) }
	for _, state := range []string{"reading", "proving", "judging", "uploading"} {
		agent.Read(id, fake.Object{"state": state, "phase": state})
		p.State(t, "stage", state)
		require.NotContains(t, shown(), "ERIKSSON")
		require.False(t, browser.Eval[bool](t, p, `document.querySelector('.person img') !== null`))
	}
	finish(t, agent, id, report("failed", "none"))
	p.State(t, "stage", "failed")
	p.Text(t, "ANNA MARIA ERIKSSON")
	p.Text(t, "Not proved")
	p.Action(t, "next")
	agent.Wait(t, "DELETE", "/v1/reads/"+id)
	p.State(t, "stage", "entry")
	require.NotContains(t, browser.Eval[string](t, p, `document.documentElement.outerHTML`), "ERIKSSON", "nothing of it is left in the page")
	require.Empty(t, browser.Eval[string](t, p, `JSON.stringify({...sessionStorage}).replace('{}', '') + Object.entries({...localStorage}).filter(([k]) => !/theme|sound|language/.test(k)).join()`))
}

func TestAPictureFromAFile(t *testing.T) {
	agent := fake.New(t)
	p := browser.Shared(t).Open(t, agent.URL+"/#session="+sessionID, 1280, 900)
	p.State(t, "pictures", "ready")
	file := filepath.Join(t.TempDir(), "page.png")
	require.NoError(t, os.WriteFile(file, portrait(t), 0o600))
	require.NoError(t, chromedp.Do(p.Context(), chromedp.SetUploadFiles(chromedp.CSS("#file-document-front"), []string{file})))
	sent := agent.Wait(t, "POST", "/v1/sessions/"+sessionID+"/pictures")
	require.Equal(t, "document-front", sent.Body["context"])
	require.Equal(t, "image/png", sent.Body["type"])
	p.State(t, "pictures", "sent")
	p.Announced(t, "status", "accepted")
	p.Wait(t, "a preview", `document.querySelector('.slot img')?.naturalWidth === 240`)
	p.NoProblems(t)
}

// Two readers, two readings: both stay in sight, and neither stops the other.
func TestTwoReadingsSideBySide(t *testing.T) {
	agent, p := desk(t)
	agent.Change(func(w *fake.World) {
		w.Readers = []fake.Object{fake.Reader("Left", "empty"), fake.Reader("Right", "empty")}
	})
	p.Focus(t, "#reader")
	p.Press(t, "ArrowDown")
	enter(t, p, line1+line2)
	p.Action(t, "start")
	left, call := agent.Started(t)
	require.Equal(t, "Left", call.Body["reader"])
	p.Action(t, "new")
	p.State(t, "stage", "entry")
	p.Focus(t, "#reader")
	p.Press(t, "ArrowDown")
	enter(t, p, line1+line2)
	p.Action(t, "start")
	right, call := agent.Started(t)
	require.Equal(t, "Right", call.Body["reader"])
	agent.Read(right, fake.Object{"state": "reading", "percent": 10})
	p.State(t, "stage", "reading")
	require.Eventually(t, func() bool { return agent.Streams() == 2 }, browser.Patience, 20*time.Millisecond, "one for the agent, one for the reading on the stage: a browser has six for all its tabs")
	finish(t, agent, left, report("successful", "none"))
	p.Wait(t, "the end of the other", `document.querySelector('[data-action="job-`+left+`"]').textContent.includes('done')`)
	require.Equal(t, "reading", browser.Eval[string](t, p, `document.querySelector('[data-region=stage]').dataset.state`), "the one on the stage stays there")
	p.Action(t, "job-"+left)
	p.State(t, "stage", "successful")
}

func TestTheDeskChoosesThemeSoundAndLanguage(t *testing.T) {
	agent, p := desk(t)
	ground := func() string {
		p.Settle(t)
		return browser.Eval[string](t, p, `getComputedStyle(document.body).backgroundColor`)
	}
	light := ground()
	p.Focus(t, "#theme")
	p.Press(t, "ArrowDown")
	p.Press(t, "ArrowDown")
	p.Wait(t, "the dark theme", `document.documentElement.dataset.theme === 'dark'`)
	require.NotEqual(t, light, ground())
	p.Action(t, "sound")
	p.Wait(t, "sound switched off", `document.querySelector('[data-action=sound]').getAttribute('aria-pressed') === 'false'`)
	start := func() string {
		enter(t, p, line1+line2)
		p.Action(t, "start")
		id, _ := agent.Started(t)
		p.State(t, "stage", "waiting")
		return id
	}
	start()
	require.Equal(t, "", browser.Eval[string](t, p, `document.documentElement.dataset.lastSound ?? ''`))
	p.Action(t, "cancel")
	p.State(t, "stage", "cancelled")
	p.Action(t, "next")
	p.Action(t, "sound")
	id := start()
	p.Wait(t, "a sound", `document.documentElement.dataset.lastSound === 'attention'`)
	agent.Read(id, fake.Object{"state": "reading", "percent": 5})
	p.Wait(t, "another sound", `document.documentElement.dataset.lastSound === 'begin'`)

	p.Focus(t, "#language")
	for range 4 {
		p.Press(t, "ArrowDown")
	}
	p.Wait(t, "Arabic, from right to left", `document.documentElement.dir === 'rtl' && document.documentElement.lang === 'ar'`)
	p.Text(t, "لا تحرّك الوثيقة")
	require.True(t, browser.Eval[bool](t, p, `document.querySelector('aside').getBoundingClientRect().right < document.querySelector('main').getBoundingClientRect().left`), "what stood at the right stands at the left")
	finish(t, agent, id, report("undetermined", "queued"))
	p.State(t, "stage", "undetermined")
	p.Settle(t)
	p.Axe(t, "Arabic")
	p.Screenshot(t, "desk/arabic")
	p.Reload(t)
	p.State(t, "stage", "undetermined")
	require.Equal(t, "ar dark", browser.Eval[string](t, p, `document.documentElement.lang + ' ' + document.documentElement.dataset.theme`), "the choice stays")
}

// Somebody whom movement makes ill sees none; the page fits a narrow screen and text of
// twice the size (WCAG 2.2, 1.4.4 and 1.4.10).
func TestThePageIsStillAndFits(t *testing.T) {
	agent, p := desk(t)
	p.Prefer(t, map[string]string{"prefers-reduced-motion": "reduce"})
	enter(t, p, line1+line2)
	p.Action(t, "start")
	id, _ := agent.Started(t)
	p.State(t, "stage", "waiting")
	require.Zero(t, browser.Eval[int](t, p, `document.getAnimations().length`))
	fits := func(what string, width int64) {
		require.NoError(t, chromedp.Do(p.Context(), chromedp.EmulateViewport(width, 900)))
		p.Wait(t, what+" without scrolling sideways", `document.documentElement.scrollWidth <= innerWidth`)
		p.Screenshot(t, "desk/"+what)
	}
	fits("narrow-waiting", 360)
	finish(t, agent, id, report("failed", "refused"))
	p.State(t, "stage", "failed")
	fits("narrow-failed", 360)
	p.Action(t, "next")
	p.State(t, "stage", "entry")
	fits("narrow-entry", 320)
}

// An agent that is started again is found again, without anybody doing anything.
func TestThePageFindsTheAgentAgain(t *testing.T) {
	agent, p := desk(t)
	agent.Change(func(w *fake.World) { w.Silent = true })
	agent.Disconnect()
	p.State(t, "stage", "lost")
	p.Announced(t, "alert", "The agent does not answer")
	agent.Change(func(w *fake.World) { w.Silent = false })
	p.State(t, "stage", "entry")
}

func TestARefusalOfTheAgentIsShown(t *testing.T) {
	agent, p := desk(t)
	agent.Change(func(w *fake.World) {
		w.Refuse = fake.Problem(429, "agent_stopping", "The agent is stopping.", "Wait until it has been started again.")
	})
	enter(t, p, line1+line2)
	p.Action(t, "start")
	p.Announced(t, "alert", "The agent is stopping.")
	p.Text(t, "Wait until it has been started again.")
	p.Text(t, "agent_stopping")
	require.Equal(t, "en", browser.Eval[string](t, p, `document.querySelector('.problem .cause').lang`))
}
