package agent

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"runtime/debug"
	"slices"
	"time"

	"passport-agent/internal/fault"
	"passport-agent/tap"
)

const (
	maxActive      = 32 // readings that have not ended
	maxActiveOwner = 8
	maxReads       = 256
	readLife       = time.Hour // after the end
	maxKey         = 255
)

// idempotent is the reading that a key has made.
type idempotent struct {
	read    string
	request fingerprint
}

// Fingerprint tells requests apart without holding what is in them; it means nothing
// to another agent, nor to this one after its end.
func (a *Agent) Fingerprint(parts ...string) [32]byte {
	mac := hmac.New(sha256.New, a.secret[:])
	for _, part := range parts {
		digest := sha256.Sum256([]byte(part))
		mac.Write(digest[:])
	}
	return fingerprint(mac.Sum(nil))
}

// Create begins a reading for an owner. With a key that was used before for the same
// request it returns the reading that it made then. request tells requests apart. It
// fails with fault.TooManyReads, IdempotencyMismatch, AgentStopping,
// ServiceNotConfigured, QueueNotConfigured or SessionIDInvalid.
func (a *Agent) Create(owner, key string, request [32]byte, what Request) (read *Read, created bool, err error) {
	if what.Session != "" && a.options.Service == nil && a.options.Queue != nil {
		what.Defer = true // another machine uploads it
	}
	if err := a.check(what); err != nil {
		return nil, false, err
	}
	if len(key) > maxKey {
		return nil, false, fault.New(fault.RequestInvalid, "Idempotency-Key has more than 255 bytes", nil)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tidy()
	if before, ok := a.keys[owner+"\n"+key]; ok && key != "" {
		if before.request != request {
			return nil, false, fault.New(fault.IdempotencyMismatch, "", nil)
		}
		return a.reads[before.read], false, nil
	}
	if err := a.room(owner); err != nil {
		return nil, false, err
	}
	if what.OnFailed == "" {
		what.OnFailed = a.options.OnFailed
	}
	var id [16]byte
	// rand.Read never fails: it ends the program instead.
	_, _ = rand.Read(id[:])
	ctx, cancel := context.WithCancel(context.Background())
	r := &Read{
		agent: a, id: hex.EncodeToString(id[:]), owner: owner, operator: a.operator, request: what, cancel: cancel, changed: make(chan struct{}),
		access: a.Fingerprint(what.Access.Key.Information().Reveal(), what.Access.CAN.Reveal()),
	}
	r.status = Status{ID: r.id, State: StateWaiting, Phase: "waiting", Created: a.options.Now(), Version: 1, SessionID: what.Session}
	if what.Session == CreateSession {
		r.status.SessionID = ""
	}
	a.reads[r.id] = r
	a.order = append(a.order, r.id)
	if key != "" {
		a.keys[owner+"\n"+key] = idempotent{r.id, request}
	}
	a.events.publish(Event{Kind: EventRead, Read: r.id, State: StateWaiting})
	a.running.Go(func() {
		defer cancel()
		r.run(ctx)
	})
	return r, true, nil
}

func (a *Agent) check(what Request) error {
	named := what.Session != "" && what.Session != CreateSession
	switch {
	case (what.Defer || what.OnFailed == tap.HoldOnFailed) && a.options.Queue == nil:
		return fault.New(fault.QueueNotConfigured, "", nil)
	case what.Session == "" && what.Submit && !what.Defer:
		return fault.New(fault.RequestInvalid, "submit needs a session", nil)
	case what.Session != "" && !what.Defer && a.options.Service == nil:
		return fault.New(fault.ServiceNotConfigured, "", nil)
	case named && a.options.Service != nil:
		return a.options.Service.CheckSession(what.Session)
	}
	return nil
}

// room fails where there are too many readings. The agent is locked.
func (a *Agent) room(owner string) error {
	active, own := 0, 0
	for _, r := range a.reads {
		if status, _ := r.Status(); !status.State.ended() {
			active++
			if r.owner == owner {
				own++
			}
		}
	}
	switch {
	case a.stopping:
		return fault.New(fault.AgentStopping, "", nil)
	case active >= maxActive || own >= maxActiveOwner:
		return fault.New(fault.TooManyReads, "", nil)
	}
	return nil
}

// tidy forgets what has ended long ago, and more where there is much. The agent is
// locked.
func (a *Agent) tidy() {
	now := a.options.Now()
	over := len(a.order) - maxReads
	a.order = slices.DeleteFunc(a.order, func(id string) bool {
		status, _ := a.reads[id].Status()
		old := status.State.ended() && (over >= 0 || now.After(status.Expires.Add(readLife)))
		if old {
			over--
			a.reads[id].forget()
			delete(a.reads, id)
		}
		return old
	})
	for key, i := range a.keys {
		if a.reads[i.read] == nil {
			delete(a.keys, key)
		}
	}
}

// Read returns a reading of an owner. It fails with fault.ReadUnknown, also where the
// reading is another's: nobody learns that it is there.
func (a *Agent) Read(owner, id string) (*Read, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.reads[id]
	if r == nil || r.owner != owner {
		return nil, fault.New(fault.ReadUnknown, "", nil)
	}
	return r, nil
}

// Reads returns the readings of an owner, in the order of their creation.
func (a *Agent) Reads(owner string) []*Read {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tidy()
	return slices.DeleteFunc(a.all(), func(r *Read) bool { return r.owner != owner })
}

// Owns says whether a reading belongs to an owner.
func (a *Agent) Owns(owner, id string) bool {
	_, err := a.Read(owner, id)
	return err == nil
}

// Forget ends a reading and erases its personal data now. It fails with
// fault.ReadUnknown.
func (a *Agent) Forget(owner, id string) error {
	r, err := a.Read(owner, id)
	if err != nil {
		return err
	}
	r.Cancel()
	r.forget()
	return nil
}

// scrubDelay lets several readings be erased before memory is collected once.
const scrubDelay = 500 * time.Millisecond

// scrubSoon collects what was erased and gives it back to the system, which clears
// it. What shares a page with something in use stays (docs/security.md).
func (a *Agent) scrubSoon() {
	a.scrubbing.Lock()
	defer a.scrubbing.Unlock()
	if a.scrub == nil {
		a.scrub = time.AfterFunc(scrubDelay, debug.FreeOSMemory)
		return
	}
	a.scrub.Reset(scrubDelay)
}
