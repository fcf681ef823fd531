package queue

import (
	"context"
	"errors"
	"time"

	"filippo.io/age"

	"passport-agent/internal/audit"
	"passport-agent/internal/fault"
	"passport-agent/internal/keyring"
	"passport-agent/upload"
)

// ending is how a try to deliver an item ended.
type ending int

const (
	goOn       ending = iota // it has not ended yet
	endDone                  // delivered and erased
	endAgain                 // the record says when
	endLane                  // its session is known now, and may be in use
	endStands                // refused, expired, or changed by somebody else
	endAside                 // it cannot be opened
	endPause                 // the queue has to stop
	endStopped               // this process was asked to end
	endBroken                // the disk does not do its part
)

// result is what the worker learns from a try.
type result struct {
	record Record
	ending ending
	err    error // why
	heard  bool  // the service has answered
}

// delivery is one try to deliver one item.
type delivery struct {
	queue      *Queue
	client     Client
	before     Record // as it was read
	record     Record
	progress   progress
	identities []age.Identity
	recipient  age.Recipient
	payload    *payload
	claimed    bool
	heard      bool
	list       []Media // the session's media, where it was just looked at
	listed     bool
}

// deliver tries to bring one item one step further, up to its end. The caller sees
// to it that nothing else sends into the same session.
func (q *Queue) deliver(ctx context.Context, client Client, r Record, given []age.Identity) result {
	d := &delivery{queue: q, client: client, before: r, record: r}
	end, err := d.open(ctx, given)
	defer d.close()
	if end == goOn {
		end, err = d.run(ctx)
	}
	var coded *fault.Error
	if errors.As(err, &coded) && end == endBroken {
		err = coded
	}
	return result{d.record, end, err, d.heard}
}

// open opens the item. It ends with goOn where there is something to do.
func (d *delivery) open(ctx context.Context, given []age.Identity) (ending, error) {
	q := d.queue
	if there, err := exists(q.payloadPath(d.record.ID)); err == nil && !there && d.record.State.ended() {
		// What was left to do is to remove the record.
		if err := q.unlink(d.record.ID); err != nil {
			return endBroken, err
		}
		return endDone, nil
	}
	if d.record.State == Dropped {
		return d.finish(ctx, audit.Record{Kind: audit.KindDrop, Result: string(Dropped)})
	}
	var err error
	if d.identities, err = q.identity(ctx, d.record.Epoch, given); err == nil {
		d.recipient, err = q.recipientOf(d.record.Epoch, d.identities)
	}
	if err == nil {
		d.progress, err = openProgress(d.record, d.identities)
	}
	if err == nil {
		d.payload, err = openPayload(q.payloadPath(d.record.ID), d.identities...)
	}
	if missing(err) {
		err = fault.New(fault.QueueItemDamaged, "the sealed item is missing", nil)
	}
	if errors.Is(err, keyring.ErrUnavailable) {
		return endPause, err
	}
	if err != nil {
		q.Observe(Event{Kind: EventDamaged, Item: d.record.ID, Code: fault.From(err).Code})
		return endAside, err
	}
	return goOn, nil
}

func (d *delivery) session() string {
	if d.payload.SessionID != "" {
		return d.payload.SessionID
	}
	return d.progress.SessionID
}

func (d *delivery) run(ctx context.Context) (ending, error) {
	if d.record.State == Sending && !d.progress.Creating {
		// The process that sent has died: whether the service has it, the list tells.
		end, err := d.uncertain(fault.New(fault.UploadUncertain, "", nil))
		if end == endAgain {
			err = nil // the service has no part in it
		}
		return end, err
	}
	if d.session() == "" {
		if end, err := d.create(ctx); end != goOn {
			return end, err
		}
	}
	if hash := HashSession(d.session()); d.record.SessionHash != hash {
		d.record.SessionHash = hash
		if d.record.SessionSeen.IsZero() {
			d.record.SessionSeen = d.queue.now()
		}
		if end, err := d.save(); end != goOn {
			return end, err
		}
		return endLane, nil
	}
	if d.record.State == Uncertain {
		if end, err := d.decide(ctx); end != goOn {
			return end, err
		}
	}
	for len(d.progress.Media) < d.payload.sends() {
		if end, err := d.send(ctx); end != goOn {
			return end, err
		}
	}
	return d.complete(ctx)
}

// create asks for a session. An empty session, left behind where the answer is lost,
// holds nothing personal; it carries the item's name, so that it can be found.
func (d *delivery) create(ctx context.Context) (ending, error) {
	if d.progress.Creating {
		d.progress.LostSessions++
		d.queue.Observe(Event{Kind: EventLostSession, Item: d.record.ID})
	}
	d.record.State, d.progress.Creating = Sending, true
	if end, err := d.save(); end != goOn {
		return end, err
	}
	id, err := d.client.CreateSession(ctx, d.record.ID)
	d.record.State = Waiting
	if err != nil {
		// Any other error says that no session came of it.
		d.progress.Creating = errors.Is(err, fault.CreateUncertain) || errors.Is(err, fault.APIFailed)
		return d.fail(err, false)
	}
	d.heard = true
	d.progress.SessionID, d.progress.Creating = id, false
	d.record.SessionHash, d.record.SessionSeen = HashSession(id), d.queue.now()
	return d.save()
}

// look fetches the session's media list, but for one that was just fetched.
func (d *delivery) look(ctx context.Context) error {
	if d.listed {
		return nil
	}
	list, err := d.client.ListMedia(ctx, d.session())
	if err != nil {
		return err
	}
	d.list, d.listed, d.heard = list, true, true
	return nil
}

// decide lets the media list say whether what was sent has arrived.
func (d *delivery) decide(ctx context.Context) (ending, error) {
	wants, err := d.wants()
	if err != nil {
		return endAside, err
	}
	if err := d.look(ctx); err != nil {
		return d.fail(err, false)
	}
	d.record.State = Waiting
	step := len(d.progress.Media)
	if step >= len(wants) {
		return goOn, nil
	}
	id, surplus := wants[step].arrived(d.list, d.progress)
	if id == "" {
		d.progress.Resent++
		d.queue.Observe(Event{Kind: EventResent, Item: d.record.ID, Step: step + 1, Steps: len(wants)})
		return goOn, nil
	}
	d.progress.Surplus += surplus
	d.accept(id, EventArrived)
	return goOn, nil
}

func (d *delivery) accept(id string, kind EventKind) {
	d.progress.Media = append(d.progress.Media, id)
	d.progress.Attempts, d.progress.Reason = 0, ""
	d.heard, d.listed = true, false
	d.queue.Observe(Event{Kind: kind, Item: d.record.ID, Step: len(d.progress.Media), Steps: d.payload.sends()})
}

// wants describes the plan's media. Sizes matter only where the list before the send
// is not known, which is for a plan with one medium that was tried before.
func (d *delivery) wants() ([]wanted, error) {
	var wants []wanted
	for _, context := range d.payload.Images {
		wants = append(wants, wanted{context: context})
	}
	if d.payload.NFC {
		wants = append(wants, wanted{nfc: true})
	}
	if d.record.State == Uncertain && !d.progress.BeforeKnown {
		sizes, err := d.sizes()
		if err != nil {
			return nil, err
		}
		wants[0].sizes = sizes
	}
	return wants, nil
}

func (d *delivery) sizes() ([]int64, error) {
	p, err := openPayload(d.queue.payloadPath(d.record.ID), d.identities...)
	if err != nil {
		return nil, err
	}
	defer p.close()
	if p.NFC {
		docs, err := p.nfc()
		return nfcSizes(docs), err
	}
	image, err := p.image(0)
	return imageSizes(image), err
}

// send notes what is in the session and sends the next medium, once.
func (d *delivery) send(ctx context.Context) (ending, error) {
	if d.queue.now().Sub(d.record.SessionSeen) > sessionLife {
		return d.expire()
	}
	if err := d.look(ctx); err != nil {
		return d.fail(err, false)
	}
	step := len(d.progress.Media)
	upload, err := d.prepare(step)
	if err != nil {
		d.queue.Observe(Event{Kind: EventDamaged, Item: d.record.ID, Code: fault.From(err).Code})
		return endAside, err
	}
	ids := idsOf(d.list)
	d.progress.Before, d.progress.BeforeKnown, d.listed = ids, true, false
	if !d.progress.Noted {
		d.progress.First, d.progress.Noted = ids, true
	}
	d.record.State = Sending
	if end, err := d.save(); end != goOn {
		return end, err
	}
	id, err := upload(ctx)
	if err != nil {
		d.record.State = Waiting
		return d.fail(err, true)
	}
	d.record.State = Waiting
	d.accept(id, EventAccepted)
	return goOn, nil
}

// prepare reads the next medium and returns what sends it.
func (d *delivery) prepare(step int) (func(context.Context) (string, error), error) {
	observe := func(e upload.Event) {
		d.queue.Observe(Event{Kind: EventSending, Item: d.record.ID, Step: step + 1, Steps: d.payload.sends(), Done: e.Sent, Total: e.Total})
	}
	if step < len(d.payload.Images) {
		image, err := d.payload.image(step)
		return func(ctx context.Context) (string, error) {
			return d.client.UploadImage(ctx, d.session(), image, observe)
		}, err
	}
	docs, err := d.payload.nfc()
	return func(ctx context.Context) (string, error) {
		return d.client.UploadNFC(ctx, d.session(), docs, observe)
	}, err
}

// complete looks once more after sends that were repeated, submits where that is
// wanted, and ends the item.
func (d *delivery) complete(ctx context.Context) (ending, error) {
	if d.progress.Resent > 0 && d.record.State != Sent && d.record.State != Submitted {
		if err := d.look(ctx); err != nil {
			return d.fail(err, false)
		}
		wants, err := d.wants()
		if err != nil {
			return endAside, err
		}
		d.progress.Surplus = max(d.progress.Surplus, surplusOf(d.list, d.progress, wants))
	}
	if d.progress.Surplus > 0 {
		d.queue.Observe(Event{Kind: EventSurplus, Item: d.record.ID, Detail: "the session holds a medium that was sent once too often"})
	}
	if d.record.State != Submitted {
		d.record.State = Sent
		if end, err := d.save(); end != goOn {
			return end, err
		}
	}
	if d.payload.Submit && d.record.State == Sent {
		err := d.client.Submit(ctx, d.session())
		if err != nil && !errors.Is(err, fault.SessionSubmitted) {
			return d.fail(err, false)
		}
		d.heard = true
		d.record.State = Submitted
		if end, err := d.save(); end != goOn {
			return end, err
		}
	}
	return d.finish(ctx, audit.Record{
		Kind: audit.KindUpload, TransactionID: d.payload.TransactionID, Result: string(d.record.State),
		Resent: d.progress.Resent, Surplus: d.progress.Surplus, Sizes: map[string]int64{"sealed": d.record.Bytes},
		Seconds: d.queue.now().Sub(d.record.Created).Seconds(),
	})
}

func (d *delivery) close() {
	if d.payload != nil {
		d.payload.close()
		d.payload = nil
	}
}

// finish ends an item that needs nothing more.
func (d *delivery) finish(ctx context.Context, end audit.Record) (ending, error) {
	d.close() // some systems do not remove what is open
	if err := d.queue.erase(context.WithoutCancel(ctx), d.record, end); err != nil {
		return endBroken, err
	}
	if d.record.State != Dropped {
		d.queue.Observe(Event{Kind: EventDelivered, Item: d.record.ID})
	}
	return endDone, nil
}

// fail notes what an error means for the item. sent says that it is about a send
// that may have arrived.
func (d *delivery) fail(err error, sent bool) (ending, error) {
	q := d.queue
	var answer *upload.APIError
	d.heard = d.heard || errors.As(err, &answer)
	d.progress.Reason = fault.From(err).Code
	switch meaning := meaningOf(err); {
	case meaning == meansStop:
		d.progress.Reason = ""
		return d.saved(endStopped, err)
	case meaning == meansPause:
		return d.saved(endPause, err)
	case errors.Is(err, fault.SessionExpired):
		return d.expire()
	case meaning == meansRefused:
		return d.stand(Refused, EventRefused, err)
	case meaning == meansUncertain && sent:
		return d.uncertain(err)
	default:
		d.progress.Attempts++
		d.record.NextAttempt = q.now().Add(max(q.pause(d.progress.Attempts), retryAfter(err)))
		end, err := d.saved(endAgain, err)
		if end == endAgain {
			q.Observe(Event{Kind: EventLater, Item: d.record.ID, Code: d.progress.Reason, Next: d.record.NextAttempt})
		}
		return end, err
	}
}

// uncertain lets the item wait until the media list can be believed.
func (d *delivery) uncertain(err error) (ending, error) {
	q := d.queue
	d.progress.Attempts++
	d.progress.Reason = fault.From(err).Code
	wait := max(q.Settle, retryAfter(err))
	if d.progress.Attempts > 1 {
		wait = max(wait, q.pause(d.progress.Attempts))
	}
	d.record.State, d.record.NextAttempt = Uncertain, q.now().Add(wait)
	end, err := d.saved(endAgain, err)
	if end == endAgain {
		q.Observe(Event{Kind: EventUncertain, Item: d.record.ID, Code: d.progress.Reason, Next: d.record.NextAttempt})
	}
	return end, err
}

// expire gives up a session that is too old. One that was created for the item is
// forgotten, so that Retry begins with a new one.
func (d *delivery) expire() (ending, error) {
	if d.payload.SessionID == "" {
		d.progress = progress{LostSessions: d.progress.LostSessions}
		d.record.SessionHash, d.record.SessionSeen = "", time.Time{}
	}
	return d.stand(Expired, EventExpired, fault.New(fault.SessionExpired, "", nil))
}

// stand leaves an item for a person to look at.
func (d *delivery) stand(state State, kind EventKind, err error) (ending, error) {
	d.record.State = state
	d.progress.Reason = fault.From(err).Code
	end, err := d.saved(endStands, err)
	if end != endStands {
		return end, err
	}
	q := d.queue
	q.Observe(Event{Kind: kind, Item: d.record.ID, Code: d.progress.Reason})
	if q.Audit == nil {
		return end, err
	}
	auditErr := q.append(context.Background(), audit.Record{
		Kind: audit.KindUpload, Item: d.record.ID, Session: d.record.SessionHash, TransactionID: d.payload.TransactionID,
		Software: q.Software, Result: string(state), Code: d.progress.Reason, Resent: d.progress.Resent,
	})
	if auditErr != nil {
		return endBroken, auditErr
	}
	return end, err
}

// saved saves and ends with end and err, but for where that cannot be done.
func (d *delivery) saved(end ending, err error) (ending, error) {
	if other, saveErr := d.save(); other != goOn {
		return other, saveErr
	}
	return end, err
}

// save makes record and progress durable, also where this process was asked to end.
// The first time it makes sure that nobody has changed the item in the meantime.
func (d *delivery) save() (ending, error) {
	if err := d.queue.sealProgress(d.recipient, &d.record, d.progress); err != nil {
		return endBroken, err
	}
	if d.claimed {
		if err := d.queue.save(&d.record); err != nil {
			return endBroken, err
		}
		return goOn, nil
	}
	same, err := d.queue.claim(context.Background(), d.before, &d.record)
	switch {
	case err != nil:
		return endBroken, err
	case !same:
		return endStands, nil
	}
	d.claimed = true
	return goOn, nil
}
