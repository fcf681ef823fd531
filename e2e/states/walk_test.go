package states_test

import (
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	chromium "passport-agent/e2e/browser"
	"passport-agent/e2e/fake"
)

// look is done in every state; variant tells apart what is seen in the same state.
type look func(region, state, variant string)

// walkDesk brings about every state of the desk view, with the keyboard alone.
func walkDesk(t *testing.T, agent *fake.Agent, p *chromium.Page, see look) {
	agent.Change(func(w *fake.World) { w.Held = true })
	p.Go(t, agent.URL+"/")
	see("stage", "connecting", "")
	agent.Change(func(w *fake.World) { w.Held, w.Locked = false, true })
	see("stage", "locked", "")

	agent.Change(func(w *fake.World) { w.Locked = false })
	p.Go(t, agent.URL+"/#open=one-time")
	require.Equal(t, "one-time", agent.Wait(t, "POST", "/v1/open").Body["code"])
	see("stage", "entry", "")
	see("session", "none", "")
	see("pictures", "no_session", "")
	see("queue", "empty", "")
	p.Focus(t, "[name=entry-mode]")
	p.Press(t, "ArrowRight")
	p.Focus(t, "#entry-document_number")
	p.Type(t, "L898902C3")
	p.Focus(t, "#entry-document_number-digit")
	p.Type(t, "7")
	see("stage", "entry_wrong", "fields")
	p.Focus(t, "[name=entry-mode]:checked")
	p.Press(t, "ArrowRight")
	p.Focus(t, "#entry-can")
	p.Type(t, "12345")
	see("stage", "entry", "can")
	p.Focus(t, "[name=entry-mode]:checked")
	p.Press(t, "ArrowRight")

	agent.Change(func(w *fake.World) { w.Readers[0]["state"] = "document" })
	see("stage", "entry_document", "")
	agent.Change(func(w *fake.World) { w.Readers = []fake.Object{} })
	see("stage", "no_reader", "")
	agent.Change(func(w *fake.World) {
		w.ReadersError = fake.Problem(503, "pcsc_no_service", "The smart card service is not running.", "Start it.")
	})
	see("stage", "readers_unavailable", "")
	agent.Change(func(w *fake.World) {
		w.ReadersError = nil
		w.Readers = []fake.Object{fake.Reader("ACS ACR1252 Dual Reader PICC", "empty"), fake.Reader("Identiv uTrust 4701 F", "unresponsive")}
	})
	p.State(t, "stage", "entry")
	enter(t, p, wrongZone)
	see("stage", "entry_wrong", "")

	p.Focus(t, "[name=session-mode]:checked")
	p.Press(t, "ArrowDown")
	p.Focus(t, "#session")
	p.Type(t, "not a session")
	see("session", "invalid", "")
	p.Focus(t, "[name=session-mode]:checked")
	p.Press(t, "ArrowDown")
	see("session", "create", "")
	p.Press(t, "ArrowUp")
	p.Focus(t, "#session")
	p.Run(t, `document.activeElement.select()`)
	p.Type(t, "https://service.example/session/"+sessionID)
	see("session", "given", "")

	id := startDesk(t, agent, p)
	see("stage", "waiting", "")
	agent.Read(id, fake.Object{"phase": "remove_previous"})
	see("stage", "remove_previous", "")
	agent.Read(id, fake.Object{"phase": "unresponsive", "reader": "ACS ACR1252 Dual Reader PICC"})
	see("stage", "unresponsive", "")
	agent.Read(id, fake.Object{"state": "reading", "phase": "reading", "file": "DG2", "percent": 62, "seconds": 1.7})
	see("stage", "reading", "")
	agent.Read(id, fake.Object{"phase": "removed"})
	see("stage", "removed", "")
	agent.Read(id, fake.Object{"state": "proving", "phase": "proving", "file": "", "percent": 100})
	see("stage", "proving", "")
	agent.Read(id, fake.Object{"state": "judging", "phase": "judged"})
	see("stage", "judging", "")
	agent.Read(id, fake.Object{"state": "uploading", "phase": "uploading"})
	see("stage", "uploading", "")
	expires := finish(t, agent, id, report("successful", "accepted"))
	see("stage", "successful", "")
	see("upload", "accepted", "")
	walkPictures(t, agent, p, see)

	p.PassTime(t, time.Until(expires)-28*time.Second)
	p.HoldTime(t, true)
	see("dialog", "expiring", "")
	p.HoldTime(t, false)
	p.Action(t, "keep")
	agent.Wait(t, "POST", "/v1/reads/"+id+"/extend")
	p.Wait(t, "the end of the dialog", `document.querySelector('dialog') === null`)
	p.PassTime(t, 10*time.Minute)
	see("stage", "cleared", "")
	agent.Wait(t, "DELETE", "/v1/reads/"+id)
	p.ResetTime(t)
	p.Action(t, "next")

	for _, c := range []struct{ status, upload string }{{"undetermined", "queued"}, {"failed", "refused"}, {"undetermined", "uncertain"}, {"successful", "failed"}, {"successful", "none"}} {
		walkResult(t, agent, p, see, c.status, c.upload)
	}
	walkQueue(agent, see)
	walkEndings(t, agent, p, see)
	walkDialogs(t, agent, p, see)

	agent.Change(func(w *fake.World) { w.Silent = true })
	agent.Disconnect()
	see("stage", "lost", "")
	agent.Change(func(w *fake.World) { w.Silent = false })
	p.State(t, "stage", "entry")
}

// startDesk reads with whatever is chosen, and returns the id of the reading.
func startDesk(t *testing.T, agent *fake.Agent, p *chromium.Page) string {
	t.Helper()
	enter(t, p, line1+line2)
	p.Action(t, "start")
	id, _ := agent.Started(t)
	p.State(t, "stage", "waiting")
	return id
}

func walkPictures(t *testing.T, agent *fake.Agent, p *chromium.Page, see look) {
	see("pictures", "ready", "")
	p.Action(t, "camera-face")
	see("pictures", "camera_refused", "")
	allowCamera(t, p)
	p.Action(t, "camera-face")
	p.Wait(t, "the picture of the webcam", `document.querySelector('video')?.videoWidth > 0`)
	see("pictures", "camera", "")
	p.Action(t, "take")
	sent := agent.Wait(t, "POST", "/v1/sessions/"+sessionID+"/pictures")
	require.Equal(t, "face", sent.Body["context"])
	require.Equal(t, "image/jpeg", sent.Body["type"])
	require.Greater(t, sent.Body["size"], 1000.0)
	see("pictures", "sent", "")
	take := func() {
		p.Action(t, "camera-document-front")
		p.Wait(t, "the picture of the webcam", `document.querySelector('video')?.videoWidth > 0`)
		p.Action(t, "take")
		agent.Wait(t, "POST", "/v1/sessions/"+sessionID+"/pictures")
	}
	agent.Change(func(w *fake.World) { w.Picture = fake.Object{"state": "queued"} })
	take()
	see("pictures", "queued", "")
	agent.Change(func(w *fake.World) {
		w.Refuse = fake.Problem(409, "session_submitted", "The session was submitted already.", "Create a new session.")
	})
	take()
	see("pictures", "refused", "")
}

func allowCamera(t *testing.T, p *chromium.Page) {
	t.Helper()
	_, err := chromedp.CallBrowser(p.Context(), browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: "camera"}, Setting: browser.PermissionSettingGranted, BrowserContextID: p.BrowserContext(),
	})
	require.NoError(t, err)
}

func walkResult(t *testing.T, agent *fake.Agent, p *chromium.Page, see look, status, upload string) {
	id := startAgain(t, agent, p)
	finish(t, agent, id, report(status, upload))
	see("stage", status, upload)
	see("upload", upload, "")
	p.Action(t, "next")
	agent.Wait(t, "DELETE", "/v1/reads/"+id)
	p.State(t, "stage", "entry")
	require.Empty(t, chromium.Eval[string](t, p, `document.querySelector('#entry-zone').value`), "the data of the person before is gone")
}

func startAgain(t *testing.T, agent *fake.Agent, p *chromium.Page) string {
	t.Helper()
	p.State(t, "stage", "entry")
	p.Focus(t, "[name=session-mode]:checked")
	p.Press(t, "ArrowDown")
	p.Press(t, "ArrowDown")
	for chromium.Eval[string](t, p, `document.querySelector('[name=session-mode]:checked').value`) != "create" {
		p.Press(t, "ArrowDown")
	}
	return startDesk(t, agent, p)
}

func walkQueue(agent *fake.Agent, see look) {
	waiting := []fake.Object{{"id": "q1", "state": "waiting", "created": time.Now().Add(-90 * time.Minute).Format(time.RFC3339), "bytes": 20390, "attempts": 3}}
	agent.Change(func(w *fake.World) { w.Queue["items"] = waiting })
	see("queue", "waiting", "")
	agent.Change(func(w *fake.World) {
		w.Queue["paused"] = fake.Problem(401, "upload_unauthorized", "The service does not accept the API key.", "Compare the keys.")
	})
	see("queue", "paused", "")
	agent.Change(func(w *fake.World) { w.Queue["items"], w.Queue["paused"] = []fake.Object{}, nil })
}

func walkEndings(t *testing.T, agent *fake.Agent, p *chromium.Page, see look) {
	id := startAgain(t, agent, p)
	agent.Read(id, fake.Object{"state": "failed", "error": fake.Problem(422, "wrong_mrz", "The machine-readable zone does not belong to this document.", "Compare it.")})
	see("stage", "entry_refused", "")
	p.Action(t, "start")
	next, _ := agent.Started(t)
	agent.Wait(t, "DELETE", "/v1/reads/"+id)
	p.State(t, "stage", "waiting")
	agent.Read(next, fake.Object{"state": "failed", "error": fake.Problem(503, "reader_stuck", "The reader has not answered for too long.", "Unplug it.")})
	see("stage", "error", "")
	p.Action(t, "again")
	last, _ := agent.Started(t)
	p.State(t, "stage", "waiting")
	agent.Read(last, fake.Object{"state": "failed", "error": fake.Problem(422, "chip_response", "The chip answered with something that is not an answer.", "Try again.")})
	see("stage", "error", "english")
	p.Action(t, "again")
	_, _ = agent.Started(t)
	p.State(t, "stage", "waiting")
	p.Action(t, "cancel")
	see("stage", "cancelled", "")
	p.Action(t, "next")
	p.State(t, "stage", "entry")
}

func walkDialogs(t *testing.T, agent *fake.Agent, p *chromium.Page, see look) {
	p.Action(t, "shift")
	see("dialog", "shift", "")
	p.Focus(t, "#operator")
	p.Type(t, "counter 4")
	p.Action(t, "begin-shift")
	require.Equal(t, "counter 4", agent.Wait(t, "PUT", "/v1/shift").Body["operator"])

	pairing := fake.Object{"id": "p1", "origin": "https://desk.example", "name": "Front office", "state": "waiting", "created": time.Now().Format(time.RFC3339)}
	agent.Change(func(w *fake.World) { w.Pairings = []fake.Object{pairing} })
	see("dialog", "pairing", "")
	p.Focus(t, "#pairing-code")
	p.Type(t, "abcd-1234")
	p.Action(t, "confirm")
	require.Equal(t, "ABCD-1234", agent.Wait(t, "POST", "/v1/pairings/p1/confirm").Body["code"])
	agent.Change(func(*fake.World) { pairing["state"] = "confirmed" })
	p.Wait(t, "the end of the dialog", `document.querySelector('dialog') === null`)
}

// walkKiosk brings about every state of the kiosk view.
func walkKiosk(t *testing.T, agent *fake.Agent, p *chromium.Page, see look) {
	agent.Change(func(w *fake.World) { w.Held = true; w.Me["kiosk"] = true })
	p.Go(t, agent.URL+"/kiosk#session="+sessionID)
	see("stage", "connecting", "")
	agent.Change(func(w *fake.World) { w.Held, w.Readers = false, []fake.Object{} })
	see("stage", "out_of_service", "")
	agent.Change(func(w *fake.World) { w.Readers = []fake.Object{fake.Reader("ACS ACR1252 Dual Reader PICC", "empty")} })
	see("stage", "welcome", "")

	p.Action(t, "help")
	see("dialog", "help", "")
	p.Action(t, "close")

	p.Action(t, "begin")
	see("stage", "entry", "")
	enter(t, p, wrongZone)
	see("stage", "entry_wrong", "")
	enter(t, p, line1+line2)
	p.Action(t, "start")
	id, call := agent.Started(t)
	require.Equal(t, sessionID, call.Body["session"])
	see("stage", "waiting", "")
	agent.Read(id, fake.Object{"phase": "remove_previous"})
	see("stage", "remove_previous", "")
	agent.Read(id, fake.Object{"phase": "unresponsive"})
	see("stage", "unresponsive", "")
	agent.Read(id, fake.Object{"state": "reading", "phase": "reading", "file": "DG2", "percent": 40, "seconds": 1.2})
	see("stage", "reading", "")
	agent.Read(id, fake.Object{"phase": "removed"})
	see("stage", "removed", "")
	agent.Read(id, fake.Object{"state": "judging", "phase": "judged", "percent": 100})
	see("stage", "checking", "")
	finish(t, agent, id, report("successful", "accepted"))
	see("stage", "done", "")
	require.NotContains(t, chromium.Eval[string](t, p, `document.body.innerText`), "ERIKSSON", "a kiosk shows nobody's data")
	p.Action(t, "home")
	agent.Wait(t, "DELETE", "/v1/reads/"+id)
	p.State(t, "stage", "welcome")

	again := func() string {
		p.Action(t, "begin")
		enter(t, p, line1+line2)
		p.Action(t, "start")
		started, asked := agent.Started(t)
		require.Nil(t, asked.Body["session"], "the session was for the visitor before")
		p.State(t, "stage", "waiting")
		return started
	}
	id = again()
	finish(t, agent, id, report("failed", "accepted"))
	see("stage", "see_staff", "")
	p.Action(t, "home")
	p.State(t, "stage", "welcome")
	id = again()
	agent.Read(id, fake.Object{"state": "failed", "error": fake.Problem(422, "wrong_mrz", "The zone does not belong to this document.", "Compare it.")})
	see("stage", "entry_refused", "")
	p.Action(t, "start")
	id, _ = agent.Started(t)
	p.State(t, "stage", "waiting")
	agent.Read(id, fake.Object{"state": "failed", "error": fake.Problem(503, "reader_stuck", "The reader has not answered for too long.", "Unplug it.")})
	see("stage", "try_again", "")
	p.PassTime(t, 62*time.Second)
	p.HoldTime(t, true)
	see("dialog", "time_out", "")
	p.HoldTime(t, false)
	p.Action(t, "stay")
	p.State(t, "stage", "try_again")
	p.PassTime(t, 91*time.Second)
	p.State(t, "stage", "welcome")
}
