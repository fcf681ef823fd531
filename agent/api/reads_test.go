package api_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/agent"
	"passport-agent/agent/api"
	"passport-agent/internal/canary"
	"passport-agent/internal/fault"
	"passport-agent/tap"
	"passport-agent/virtual"
)

func get(path string, header map[string]string) request {
	return request{method: "GET", path: path, header: with(header, "Content-Type", "")}
}

func post(path, body string, header map[string]string) request {
	return request{method: "POST", path: path, body: body, header: header}
}

// A document is laid down after its data was entered, and read by itself; its caller
// sees each step, what was read, and nobody else sees anything.
func TestADocumentIsReadForItsCallerAlone(t *testing.T) {
	d := newDesk(t, deskOptions{})
	cookie, other, token := d.openPage(), d.openPage(), d.paired(allowed)
	mine := page(cookie)
	read := d.create(mine, d.access())
	require.Equal(t, agent.StateWaiting, read.State)
	require.Nil(t, read.Report)
	d.hold = make(chan struct{})
	stream := d.events(mine, "/v1/reads/"+read.ID+"/events")
	d.place(true)

	var states []agent.State
	var last api.ReadBody
	for e := range stream {
		require.Equal(t, "read", e.kind)
		var now api.ReadBody
		require.NoError(t, json.Unmarshal([]byte(e.data), &now))
		require.GreaterOrEqual(t, now.Percent, last.Percent, "progress never goes back")
		require.Nil(t, now.Report, "events are without report")
		if now.State != last.State {
			states = append(states, now.State)
			if now.State == agent.StateReading {
				close(d.hold)
			}
		}
		last = now
	}
	require.Equal(t, agent.StateDone, last.State)
	require.Equal(t, 100, last.Percent)
	require.Contains(t, states, agent.StateReading)
	require.Equal(t, readerName, last.Reader)
	require.True(t, last.Portrait)

	d.answer(get("/v1/reads/"+read.ID, mine), 200, &read)
	require.Equal(t, tap.Schema, read.Report.Schema)
	require.Nil(t, read.Report.Holder)
	require.Positive(t, read.Seconds)
	require.NotNil(t, read.Expires)

	var holder tap.Holder
	d.answer(get("/v1/reads/"+read.ID+"/holder", mine), 200, &holder)
	require.NotEmpty(t, holder.PrimaryIdentifier)
	portrait := d.send(get("/v1/reads/"+read.ID+"/portrait", mine))
	require.Equal(t, "image/png", portrait.Header.Get("Content-Type"))
	picture, err := io.ReadAll(portrait.Body)
	require.NoError(t, err)
	require.Contains(t, string(picture), "PNG")

	for name, header := range map[string]map[string]string{
		"another page": page(other), "a paired origin": {"Authorization": "Bearer " + token, "Origin": allowed, "Content-Type": "application/json"},
		"a program of the user": {"Authorization": "Bearer " + d.local, "Content-Type": "application/json"},
	} {
		for _, r := range []request{
			get("/v1/reads/"+read.ID, header), get("/v1/reads/"+read.ID+"/holder", header), get("/v1/reads/"+read.ID+"/portrait", header),
			post("/v1/reads/"+read.ID+"/cancel", "", header), post("/v1/reads/"+read.ID+"/extend", "", header),
			{method: "DELETE", path: "/v1/reads/" + read.ID, header: header},
		} {
			require.Equal(t, fault.ReadUnknown, d.refused(r).Code, "%s: %s %s", name, r.method, r.path)
		}
		var theirs []api.ReadBody
		d.answer(get("/v1/reads", header), 200, &theirs)
		require.Empty(t, theirs)
	}
	var own []api.ReadBody
	d.answer(get("/v1/reads", mine), 200, &own)
	require.Len(t, own, 1)
}

// 'Next': what is personal is gone at once, for its own caller too.
func TestPersonalDataIsErased(t *testing.T) {
	d := newDesk(t, deskOptions{keep: 400 * time.Millisecond})
	mine := page(d.openPage())
	d.place(true)
	read := d.create(mine, d.access())
	require.Equal(t, fault.ReadNotJudged, func() fault.Code {
		waiting := d.create(mine, map[string]any{"access": map[string]string{"can": "123456"}, "reader": readerName})
		defer d.send(post("/v1/reads/"+waiting.ID+"/cancel", "", mine))
		return d.refused(get("/v1/reads/"+waiting.ID+"/holder", mine)).Code
	}())
	require.Equal(t, agent.StateDone, d.ended(mine, read.ID).State)
	d.answer(get("/v1/reads/"+read.ID+"/holder", mine), 200, nil)

	require.Equal(t, 204, d.send(request{method: "DELETE", path: "/v1/reads/" + read.ID, header: mine}).StatusCode)
	for _, what := range []string{"holder", "portrait"} {
		require.Equal(t, fault.PersonalDataGone, d.refused(get("/v1/reads/"+read.ID+"/"+what, mine)).Code)
	}
	require.Equal(t, fault.PersonalDataGone, d.refused(post("/v1/reads/"+read.ID+"/extend", "", mine)).Code)

	// Without 'next' its time is over by itself, later where somebody extends it.
	read = d.create(mine, d.access())
	first := d.ended(mine, read.ID)
	var extended api.ReadBody
	d.answer(post("/v1/reads/"+read.ID+"/extend", "", mine), 200, &extended)
	require.True(t, extended.Expires.After(*first.Expires))
	require.Eventually(t, func() bool { return d.send(get("/v1/reads/"+read.ID+"/holder", mine)).StatusCode == http.StatusGone }, patience, 20*time.Millisecond)
	require.False(t, time.Now().Before(*extended.Expires), "not before its time")
	d.answer(get("/v1/reads/"+read.ID, mine), 200, &read)
	require.False(t, read.Portrait)
	require.NotNil(t, read.Report, "what is not personal stays")
}

// The document of the reading before is still there: the next person's data does not
// try it, and says so.
func TestTheDocumentBeforeIsNotTriedWithOtherData(t *testing.T) {
	d := newDesk(t, deskOptions{})
	mine := page(d.openPage())
	d.place(true)
	require.Equal(t, agent.StateDone, d.ended(mine, d.create(mine, d.access()).ID).State)
	commands := d.chip.Counters().Commands

	next := d.create(mine, map[string]any{"access": map[string]string{"documentNumber": "X1234567", "birthDate": "800101", "expiryDate": "300101"}})
	require.Eventually(t, func() bool {
		var now api.ReadBody
		d.answer(get("/v1/reads/"+next.ID, mine), 200, &now)
		return now.Phase == agent.PhaseRemovePrevious
	}, patience, 10*time.Millisecond)
	require.Equal(t, commands, d.chip.Counters().Commands)

	// The same data may read it again, another document is tried at once.
	require.Equal(t, agent.StateDone, d.ended(mine, d.create(mine, d.access()).ID).State)
	d.place(false)
	d.place(true)
	failed := d.ended(mine, next.ID)
	require.Equal(t, agent.StateFailed, failed.State)
	require.Equal(t, fault.WrongMRZ, failed.Error.Code)
	require.Nil(t, failed.Report.Holder)
}

func TestAKeyMakesOneReading(t *testing.T) {
	d := newDesk(t, deskOptions{})
	mine := page(d.openPage())
	body := fmt.Sprintf(`{"access":{"mrz":%q}}`, d.mrz())
	keyed := with(mine, "Idempotency-Key", "one")
	var first, again, second api.ReadBody
	d.answer(post("/v1/reads", body, keyed), 201, &first)
	d.answer(post("/v1/reads", body, keyed), 200, &again)
	require.Equal(t, first.ID, again.ID)
	require.Equal(t, fault.IdempotencyMismatch, d.refused(post("/v1/reads", `{"access":{"can":"123456"}}`, keyed)).Code)
	d.answer(post("/v1/reads", body, with(mine, "Idempotency-Key", "two")), 201, &second)
	require.NotEqual(t, first.ID, second.ID)
	// Keys of different callers have nothing to do with each other.
	var other api.ReadBody
	d.answer(post("/v1/reads", body, with(page(d.openPage()), "Idempotency-Key", "one")), 201, &other)
	require.NotEqual(t, first.ID, other.ID)
}

func TestMistakesInARequestAreNamed(t *testing.T) {
	d := newDesk(t, deskOptions{})
	mine := page(d.openPage())
	zone := d.mrz()
	lines := []string{zone[:44], zone[44:]}
	wrong := lines[0] + "\n" + lines[1][:13] + "01" + lines[1][15:]
	for name, c := range map[string]struct {
		body   string
		code   fault.Code
		detail string
	}{
		"no access data":             {`{"access":{}}`, fault.AccessDataMissing, ""},
		"two ways":                   {`{"access":{"mrz":"x","can":"123456"}}`, fault.AccessDataMissing, ""},
		"wrong digit":                {fmt.Sprintf(`{"access":{"mrz":%q}}`, wrong), fault.MRZCheckDigit, "birth date"},
		"half a zone":                {`{"access":{"mrz":"P<UTO"}}`, fault.MRZInvalid, "characters"},
		"CAN with letters":           {`{"access":{"can":"12345A"}}`, fault.MRZInvalid, "digits only"},
		"no date":                    {`{"access":{"documentNumber":"X","birthDate":"991399","expiryDate":"300101"}}`, fault.MRZInvalid, "birth date"},
		"no service":                 {fmt.Sprintf(`{"access":{"mrz":%q},"session":"f04bdb47-d3be-4b28-b028-a652feb060b5"}`, zone), fault.ServiceNotConfigured, ""},
		"no queue":                   {fmt.Sprintf(`{"access":{"mrz":%q},"defer":true}`, zone), fault.QueueNotConfigured, ""},
		"nothing to submit":          {fmt.Sprintf(`{"access":{"mrz":%q},"submit":true}`, zone), fault.RequestInvalid, "submit"},
		"no such policy":             {fmt.Sprintf(`{"access":{"mrz":%q},"onFailed":"ignore"}`, zone), fault.RequestInvalid, "onFailed"},
		"waits for ever":             {fmt.Sprintf(`{"access":{"mrz":%q},"waitSeconds":99999}`, zone), fault.RequestInvalid, "waitSeconds"},
		"a number where text stands": {`{"access":{"mrz":7}}`, fault.RequestInvalid, "mrz"},
	} {
		t.Run(name, func(t *testing.T) {
			d.t = t
			p := d.refused(post("/v1/reads", c.body, mine))
			require.Equal(t, c.code, p.Code, p.Detail)
			require.Contains(t, p.Detail, c.detail)
			require.Empty(t, canary.Find([]byte(p.Detail+p.Title+p.Advice), map[string][]byte{
				"zone": []byte(wrong), "number": []byte(lines[1][:9]), "second line": []byte(lines[1]),
			}), "an error does not quote what was sent")
		})
	}
}

// Live check digits: the wrong field is named, and nothing is needed of a chip.
func TestCheckDigitsAreCheckedAlone(t *testing.T) {
	d := newDesk(t, deskOptions{})
	mine := page(d.openPage())
	zone := d.mrz()
	ok := func(body string) (api.MRZCheckBody, map[string]bool) {
		var out api.MRZCheckBody
		d.answer(post("/v1/mrz/check", body, mine), 200, &out)
		fields := map[string]bool{}
		for _, f := range out.Fields {
			fields[f.Name] = f.OK
		}
		return out, fields
	}
	good, fields := ok(fmt.Sprintf(`{"mrz":%q}`, zone))
	require.True(t, good.Complete)
	require.Equal(t, "TD3", good.Format)
	require.Equal(t, map[string]bool{"document number": true, "birth date": true, "expiry date": true, "optional data": true, "composite": true}, fields)

	wrong := []byte(zone)
	wrong[44+21]++ // expiry date
	bad, fields := ok(fmt.Sprintf(`{"mrz":%q}`, wrong))
	require.False(t, bad.Complete)
	require.False(t, fields["expiry date"])
	require.True(t, fields["document number"])

	part, _ := ok(`{"mrz":"P<UTO"}`)
	require.False(t, part.Complete)
	require.Contains(t, part.Problem, "characters")

	three, fields := ok(`{"documentNumber":"L898902C3","birthDate":"741312","expiryDate":"120415"}`)
	require.False(t, three.Complete)
	require.Equal(t, map[string]bool{"document number": true, "birth date": false, "expiry date": true}, fields)
}

// A reading is ended between two commands, and its document is free for the next.
func TestCancelling(t *testing.T) {
	d := newDesk(t, deskOptions{})
	mine := page(d.openPage())
	waiting := d.create(mine, d.access())
	require.Equal(t, 204, d.send(post("/v1/reads/"+waiting.ID+"/cancel", "", mine)).StatusCode)
	require.Equal(t, agent.StateCancelled, d.ended(mine, waiting.ID).State)
	d.place(true)
	require.Equal(t, agent.StateDone, d.ended(mine, d.create(mine, d.access()).ID).State)
}

// Each caller has its own bound on readings under way.
func TestReadingsAreBounded(t *testing.T) {
	d := newDesk(t, deskOptions{})
	mine := page(d.openPage())
	for range 8 {
		d.create(mine, d.access())
	}
	body := fmt.Sprintf(`{"access":{"mrz":%q}}`, d.mrz())
	require.Equal(t, fault.TooManyReads, d.refused(post("/v1/reads", body, mine)).Code)
	d.create(page(d.openPage()), d.access())
}

func TestAgentEventsResume(t *testing.T) {
	d := newDesk(t, deskOptions{})
	mine := page(d.openPage())
	stream := d.events(mine, "/v1/events")
	wait := func(stream <-chan event, kind, part string) event {
		t.Helper()
		for {
			select {
			case e, ok := <-stream:
				require.True(t, ok)
				if e.kind == kind && strings.Contains(e.data, part) {
					return e
				}
			case <-time.After(patience):
				require.FailNow(t, "no event", "%s %s", kind, part)
			}
		}
	}
	d.place(true)
	seen := wait(stream, "readers", `"state":"document"`)
	read := d.create(mine, d.access())
	wait(stream, "job", `"state":"done"`)

	// Somebody who was away gets what came since; who names another run starts anew.
	again := d.events(with(mine, "Last-Event-ID", seen.id), "/v1/events")
	wait(again, "job", `"state":"waiting"`)
	wait(again, "job", read.ID)
	other := d.events(with(mine, "Last-Event-ID", "00000000-7"), "/v1/events")
	wait(other, "reset", "")
	wait(other, "readers", readerName)
	for range 300 {
		d.agent.Events().Publish(agent.EventPairing)
	}
	wait(d.events(with(mine, "Last-Event-ID", seen.id), "/v1/events"), "reset", "")

	// A paired page sees its own readings and no pairings.
	token := d.paired(allowed)
	shop := d.events(map[string]string{"Authorization": "Bearer " + token, "Origin": allowed}, "/v1/events")
	d.agent.Events().Publish(agent.EventPairing)
	d.create(mine, d.access())
	theirs := d.create(map[string]string{"Authorization": "Bearer " + token, "Origin": allowed, "Content-Type": "application/json"}, d.access())
	for e := range shop {
		require.NotEqual(t, "pairing", e.kind)
		if e.kind == "job" {
			require.Contains(t, e.data, theirs.ID, "the first reading that it is told of is its own")
			break
		}
	}
}

func TestStreamsBeat(t *testing.T) {
	d := newDesk(t, deskOptions{heartbeat: 20 * time.Millisecond})
	response := d.send(get("/v1/events", page(d.openPage())))
	reader := &lines{r: response.Body}
	for beats := 0; beats < 3; {
		line, err := reader.next()
		require.NoError(t, err)
		if line == ": still here" {
			beats++
		}
	}
}

// A kiosk's page reads documents and administers nothing; the desk's does both.
func TestAKioskAdministersNothing(t *testing.T) {
	for _, kiosk := range []bool{false, true} {
		d := newDesk(t, deskOptions{kiosk: kiosk})
		mine := page(d.openPage())
		var me api.MeBody
		d.answer(get("/v1/me", mine), 200, &me)
		require.Equal(t, api.MeBody{Kind: "operator", Kiosk: kiosk}, me)
		d.create(mine, d.access())
		for _, r := range []request{
			get("/v1/pairings", mine), post("/v1/links", "", mine), {method: "DELETE", path: "/v1/shift", header: mine},
			{method: "PUT", path: "/v1/shift", body: `{"operator":"7"}`, header: mine},
		} {
			if kiosk {
				require.Equal(t, fault.CallNotPermitted, d.refused(r).Code)
			} else {
				require.Less(t, d.send(r).StatusCode, 300)
			}
		}
	}
}

func TestTheShiftStandsInTheRecord(t *testing.T) {
	d := newDesk(t, deskOptions{})
	mine := page(d.openPage())
	put := func(body string) request { return request{method: "PUT", path: "/v1/shift", body: body, header: mine} }
	d.answer(put(`{"operator":"desk-7"}`), 204, nil)
	var me api.MeBody
	d.answer(get("/v1/me", mine), 200, &me)
	require.Equal(t, "desk-7", me.Operator)
	require.Equal(t, fault.RequestInvalid, d.refused(put(`{"operator":"a\u0007b"}`)).Code)
	d.answer(request{method: "DELETE", path: "/v1/shift", header: mine}, 204, nil)
	d.answer(get("/v1/me", mine), 200, &me)
	require.Empty(t, me.Operator)
}

// A document that lies about its picture: no picture is decoded or shown.
func TestAPictureWithoutProofIsNotShown(t *testing.T) {
	d := newDesk(t, deskOptions{profile: virtual.Profile{}})
	d.document.Files[virtual.DataGroup(2)][len(d.document.Files[virtual.DataGroup(2)])-1] ^= 1
	chip, err := virtual.NewChip(d.document, virtual.ChipOptions{})
	require.NoError(t, err)
	d.chip = chip
	mine := page(d.openPage())
	d.place(true)
	read := d.ended(mine, d.create(mine, d.access()).ID)
	require.Equal(t, agent.StateDone, read.State)
	require.Equal(t, "failed", read.Report.Status)
	require.Equal(t, fault.CheckFailed, read.Error.Code)
	require.False(t, read.Portrait)
	require.Equal(t, fault.PortraitUnavailable, d.refused(get("/v1/reads/"+read.ID+"/portrait", mine)).Code)
}

func TestMetricsCountReadings(t *testing.T) {
	d := newDesk(t, deskOptions{})
	mine := page(d.openPage())
	d.place(true)
	read := d.ended(mine, d.create(mine, d.access()).ID)
	response := d.send(request{method: "GET", path: "/metrics", header: map[string]string{"Authorization": "Bearer " + metricsSecret}})
	b, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Contains(t, string(b), `passport_agent_reads_total{code="",status="undetermined"} 1`)
	require.Contains(t, string(b), `passport_agent_readers 1`)
	require.Contains(t, string(b), `passport_agent_requests_total{route="/v1/reads",status="201"} 1`)
	require.Contains(t, string(b), "go_goroutines")
	require.NotContains(t, string(b), read.ID, "paths of single readings are no label")
}
