package desk_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/e2e/browser"
	"passport-agent/internal/pcscdtest"
	"passport-agent/virtual"
)

// held keeps a chip from answering its nth command until it is let go, so that what the
// page says meanwhile can be looked at.
func held(n int) (options virtual.ChipOptions, reached <-chan struct{}, let func()) {
	at, open := make(chan struct{}), make(chan struct{})
	count := 0
	options.Observe = func(virtual.Exchange) {
		if count++; count == n {
			close(at)
			<-open
		}
	}
	return options, at, func() { close(open) }
}

// The main job: a scan, a document on the reader, the verdict, the person, the upload.
func TestGoodReading(t *testing.T) {
	document := personalise(t, func(o *virtual.Options) {
		o.DG2Size = 15000
		o.ChipAuthentication = []virtual.ChipAuthenticationInfo{{Protocol: "ECDH-AES-128", ParameterID: 13}}
	})
	w := newWorld(t, document)
	w.toSession()
	w.page.Text(t, "Country signers: \u20681\u2069")
	w.page.Screenshot(t, "end-to-end/1-ready")
	w.scan(zoneOf(t, document))
	w.page.State(t, "stage", "waiting")
	w.page.Screenshot(t, "end-to-end/2-place-the-document")
	options, reached, let := held(60)
	lay(t, document, 0, options)
	await(t, reached, "the reading")
	w.page.State(t, "stage", "reading")
	require.NotContains(t, w.text(), "ERIKSSON", "before the proof nothing is shown")
	w.page.Wait(t, "progress", `document.querySelector('progress').value > 20`)
	w.page.Screenshot(t, "end-to-end/3-hold-still")
	let()
	w.page.State(t, "stage", "successful")
	w.page.State(t, "upload", "accepted")
	w.page.Announced(t, "status", "The chip is genuine")
	w.page.Text(t, "ANNA MARIA ERIKSSON")
	w.page.Text(t, "L898902C3")
	w.page.Wait(t, "the portrait", `document.querySelector('.person img')?.naturalWidth > 0`)
	require.Contains(t, w.text(), "Signed by the issuer")
	w.page.Screenshot(t, "end-to-end/4-genuine")
	media := w.service.Media(sessionID)
	require.Len(t, media, 1)
	require.Equal(t, document.Files[virtual.SOD], media[0].SOD)
	require.Equal(t, document.Files[virtual.DataGroup(2)], media[0].DG2)
	w.page.Action(t, "submit")
	w.page.Announced(t, "status", "Session submitted")
	require.Eventually(t, func() bool { return w.service.Submitted(sessionID) }, browser.Patience, 20*time.Millisecond)
	w.page.Reload(t)
	w.page.State(t, "stage", "successful")
	w.page.Text(t, "ANNA MARIA ERIKSSON")
	w.page.Action(t, "next")
	w.page.State(t, "stage", "entry_document")
	require.NotContains(t, browser.Eval[string](t, w.page, `document.documentElement.outerHTML`), "ERIKSSON")
	w.page.NoProblems(t)
}

func await(t *testing.T, event <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-event:
	case <-time.After(browser.Patience):
		t.Fatalf("waited in vain for %s", what)
	}
}

// A zone that fits itself, but not this document: the chip refuses, the person corrects
// a character and goes on. The document stays where it is.
func TestWrongZoneIsCorrected(t *testing.T) {
	document := personalise(t, nil)
	other := personalise(t, func(o *virtual.Options) {
		o.Holder = virtual.DefaultHolder(time.Now())
		o.Holder.DocumentNumber = "L898902C8"
	})
	w := newWorld(t, document)
	lay(t, document, 0, virtual.ChipOptions{})
	w.page.State(t, "stage", "entry_document")
	w.scan(zoneOf(t, other))
	w.page.State(t, "stage", "entry_refused")
	w.page.Announced(t, "alert", "The lines do not belong to this document.")
	w.page.Screenshot(t, "end-to-end/wrong-zone")
	require.Contains(t, w.text(), "wrong_mrz")
	zone := zoneOf(t, document)
	w.page.Focus(t, "#entry-zone")
	w.page.Run(t, `document.activeElement.select()`)
	w.page.Type(t, zone[:44]+"\n"+zone[44:])
	w.page.Action(t, "start")
	w.page.State(t, "stage", "successful")
	w.page.NoProblems(t)
}

// Taken away in the middle: the page asks for it, and the reading goes on.
func TestRemovalAndReturn(t *testing.T) {
	document := personalise(t, func(o *virtual.Options) { o.DG2Size = 15000 })
	w := newWorld(t, document)
	w.toSession()
	chip := lay(t, document, 0, virtual.ChipOptions{})
	chip.RemoveAt(50, virtual.AnswerLost)
	w.scan(zoneOf(t, document))
	w.page.State(t, "stage", "removed")
	w.page.Announced(t, "alert", "Put the document back")
	w.page.Screenshot(t, "end-to-end/put-it-back")
	chip.PutBack()
	w.page.State(t, "stage", "successful")
	w.page.State(t, "upload", "accepted")
	w.page.Announced(t, "status", "The data is genuine") // nothing proves that the chip is no copy
	w.page.NoProblems(t)
}

// A portrait that is not the one that was signed: the page says so in words, shows what
// it has as not proved for the portrait, and names the check.
func TestTamperedDocument(t *testing.T) {
	document := personalise(t, nil)
	trusted := *document
	dg2 := bytes.Clone(document.Files[virtual.DataGroup(2)])
	dg2[len(dg2)-1] ^= 1
	document.Files[virtual.DataGroup(2)] = dg2
	w := newWorld(t, &trusted)
	lay(t, document, 0, virtual.ChipOptions{})
	w.scan(zoneOf(t, document))
	w.page.State(t, "stage", "failed")
	w.page.Announced(t, "alert", "A check has failed")
	require.Contains(t, w.text(), "Portrait unchanged")
	require.False(t, browser.Eval[bool](t, w.page, `document.querySelector('.person img') !== null`), "a portrait that nobody signed is not shown")
	w.page.Axe(t, "tampered")
	w.page.Screenshot(t, "end-to-end/tampered")
	w.page.NoProblems(t)
}

// Without a network the document is read and judged and waits in the queue; with the
// network back, one button sends it.
func TestOfflineThenOnline(t *testing.T) {
	document := personalise(t, nil)
	w := newWorld(t, document)
	w.toSession()
	w.service.offline()
	lay(t, document, 0, virtual.ChipOptions{})
	w.scan(zoneOf(t, document))
	w.page.State(t, "stage", "successful")
	w.page.State(t, "upload", "queued")
	w.page.State(t, "queue", "waiting")
	w.page.Axe(t, "offline")
	w.page.Screenshot(t, "end-to-end/offline")
	w.page.Action(t, "next")
	w.page.State(t, "stage", "entry_document")
	require.Empty(t, w.service.Media(sessionID))
	w.service.online(t)
	w.page.Action(t, "retry")
	w.page.State(t, "queue", "empty")
	media := w.service.Media(sessionID)
	require.Len(t, media, 1)
	require.Equal(t, document.Files[virtual.SOD], media[0].SOD)
	w.page.NoProblems(t)
}

// Two documents on two readers, read one beside the other.
func TestTwoReaders(t *testing.T) {
	left := personalise(t, nil)
	right := personalise(t, func(o *virtual.Options) {
		o.Holder = virtual.DefaultHolder(time.Now())
		o.Holder.Surname, o.Holder.DocumentNumber = "Berg", "X4RTBPFW4"
	})
	w := newWorld(t, left)
	w.page.State(t, "stage", "entry")
	for reader, document := range []*virtual.Document{left, right} {
		if reader > 0 {
			w.page.Action(t, "new")
			w.page.State(t, "stage", "entry")
		}
		w.page.Focus(t, "#reader")
		for range reader + 1 {
			w.page.Press(t, "ArrowDown")
		}
		require.Equal(t, pcscdtest.ReaderName(reader), browser.Eval[string](t, w.page, `document.querySelector('#reader').value`))
		w.scan(zoneOf(t, document))
		w.page.State(t, "stage", "waiting")
	}
	options, reached, let := held(30)
	lay(t, right, 1, options)
	await(t, reached, "the reading at the right")
	lay(t, left, 0, virtual.ChipOptions{})
	w.page.Wait(t, "the end at the left", `[...document.querySelectorAll('.tab')].some((tab) => tab.textContent.includes('done'))`)
	w.page.State(t, "stage", "reading")
	w.page.Screenshot(t, "end-to-end/two-readers")
	let()
	w.page.Wait(t, "the right document", `document.querySelector('.person')?.textContent.includes('BERG')`)
	w.page.Choose(t, `.tab:first-child`)
	w.page.Text(t, "ANNA MARIA ERIKSSON")
	w.page.NoProblems(t)
}

// A visitor who walks away from the kiosk leaves nothing behind, in the page or in the
// agent.
func TestKioskTimeOut(t *testing.T) {
	document := personalise(t, nil)
	w := newWorld(t, document, "--kiosk")
	w.page.State(t, "stage", "welcome")
	w.page.Screenshot(t, "end-to-end/kiosk-1-welcome")
	w.scan(zoneOf(t, document))
	w.page.State(t, "stage", "waiting")
	w.page.PassTime(t, 61*time.Second)
	w.page.State(t, "dialog", "time_out")
	w.page.Screenshot(t, "end-to-end/kiosk-2-time-out")
	w.page.Action(t, "stay")
	w.page.State(t, "stage", "waiting")
	w.page.PassTime(t, 91*time.Second)
	w.page.State(t, "stage", "welcome")
	require.Eventually(t, func() bool {
		return browser.Eval[bool](t, w.page, `fetch('/v1/reads').then((answer) => answer.json()).then((all) => all.every(({state}) => state === 'cancelled'))`)
	}, browser.Patience, 100*time.Millisecond, "the reading is cancelled")

	w.page.ResetTime(t)
	w.scan(zoneOf(t, document))
	lay(t, document, 0, virtual.ChipOptions{})
	w.page.State(t, "stage", "done")
	require.NotContains(t, w.text(), "ERIKSSON")
	w.page.Screenshot(t, "end-to-end/kiosk-3-done")
	w.page.NoProblems(t)
}
