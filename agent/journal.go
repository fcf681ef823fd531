package agent

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"passport-agent/icao/trust"
	"passport-agent/icao/verdict"
	"passport-agent/internal/fault"
	"passport-agent/tap"
	"passport-agent/upload/queue"
)

// Journal writes down what whoever looks after the machine wants to know of an agent's
// day: the one place where what happens becomes records of the log. Nothing in them is
// about a holder, a session or who is at the desk; what readers and the service have
// said of themselves stands in values that the log's handler quotes.
type Journal struct {
	log *slog.Logger

	// Of what was written last; only Follow changes it.
	readers     map[string]ReaderState
	readersCode fault.Code
	trusted     *trust.Store

	mu     sync.Mutex // the queue works on several sessions at once
	paused fault.Code // that was told last, while nothing has happened since
}

// NewJournal writes into a log.
func NewJournal(log *slog.Logger) *Journal {
	return &Journal{log: log, readers: map[string]ReaderState{}}
}

// Started says what has begun to work, and where it listens.
func (j *Journal) Started(software, url string, kiosk bool) {
	j.log.Info("agent started", "software", software, "url", url, "kiosk", kiosk)
}

// Ending says that it was told to end, and ends what is under way.
func (j *Journal) Ending() { j.log.Info("agent ending") }

// Ended says that it has ended, and what has ended it where nobody has asked for it.
func (j *Journal) Ended(err error) {
	if f := fault.From(err); f != nil && f.Code != fault.Interrupted {
		j.log.Error("agent ended", "code", f.Code, "error", f)
		return
	}
	j.log.Info("agent ended")
}

// trustAgain is when the trust list is looked at again although nothing has changed but
// the date.
const trustAgain = 24 * time.Hour

// Follow writes down what an agent tells by its events, until it ends.
func (j *Journal) Follow(a *Agent) {
	daily := time.NewTicker(trustAgain)
	defer daily.Stop()
	j.trust(a)
	for last := uint64(0); ; {
		happened, missed, ended, changed := a.Events().After(last)
		if missed {
			last = a.Events().Last()
			j.readersOf(a)
		}
		for _, e := range happened {
			last = e.Number
			switch e.Kind {
			case EventReaders:
				j.readersOf(a)
			case EventTrust:
				j.trust(a)
			case EventPairing:
				j.log.Info("pairings changed")
			case EventRead:
				j.log.Debug("reading goes on", "id", e.Read, "state", e.State)
			}
		}
		if ended {
			return
		}
		select {
		case <-changed:
		case <-daily.C:
			j.trust(a)
		}
	}
}

// readersOf writes down which readers have come and gone, and which have fallen silent.
func (j *Journal) readersOf(a *Agent) {
	readers, err := a.Readers()
	code := fault.Code("")
	if f := fault.From(err); f != nil {
		code = f.Code
	}
	switch code {
	case j.readersCode:
	case "":
		j.log.Info("smart card service answers again")
	default:
		j.log.Warn("readers cannot be watched", "code", code, "error", err)
	}
	j.readersCode = code
	if code != "" {
		return // who is gone is told when they can be seen again
	}
	now := map[string]ReaderState{}
	for _, r := range readers {
		now[r.Name] = r.State
		before, known := j.readers[r.Name]
		switch {
		case !known:
			j.log.Info("reader plugged in", "reader", r.Name, "state", r.State)
		case before == r.State:
		case r.State == ReaderUnresponsive || r.State == ReaderUnavailable:
			j.log.Info("reader does not answer", "reader", r.Name, "state", r.State)
		case before == ReaderUnresponsive || before == ReaderUnavailable:
			j.log.Info("reader answers again", "reader", r.Name, "state", r.State)
		default:
			j.log.Debug("reader", "reader", r.Name, "state", r.State)
		}
	}
	for name := range j.readers {
		if _, there := now[name]; !there {
			j.log.Info("reader unplugged", "reader", name)
		}
	}
	j.readers = now
}

// trust writes down what the trust list lacks, by kind: a list has hundreds of
// certificates.
func (j *Journal) trust(a *Agent) {
	store, err := a.Trust(context.Background())
	if f := fault.From(err); f != nil {
		j.log.Warn("trust list cannot be read", "code", f.Code, "error", f)
	}
	if store == nil {
		return
	}
	concerns, err := store.Concerns(a.options.Now(), trust.ConcernLimits{})
	if f := fault.From(err); f != nil {
		j.log.Warn("trust list cannot be read", "code", f.Code, "error", f)
		return
	}
	if store != j.trusted && store.Len() > 0 {
		j.log.Info("trust list", "signers", store.Len(), "date", dateOf(store.Date()))
	}
	j.trusted = store
	counts := map[trust.ConcernKind]int{}
	var kinds []trust.ConcernKind
	for _, c := range concerns {
		if !c.Warning {
			continue
		}
		if counts[c.Kind] == 0 {
			kinds = append(kinds, c.Kind)
		}
		counts[c.Kind]++
	}
	for _, kind := range kinds {
		j.log.Warn("trust list wants attention", "concern", kind, "count", counts[kind], "date", dateOf(store.Date()))
	}
}

func dateOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

// Record writes down what became of a reading, a picture or a shift.
func (j *Journal) Record(r Record) {
	switch r.Kind {
	case RecordRead:
		j.read(*r.Report)
	case RecordPicture:
		attributes := []any{uploadOf("upload", r.Upload)}
		j.log.Log(context.Background(), levelOf(tap.ErrorOf(r.Err)), "picture ended", append(attributes, errorOf(tap.ErrorOf(r.Err))...)...)
	case RecordShift:
		j.log.Info("shift changed", "begun", r.Operator != "")
	}
}

func (j *Journal) read(r tap.Report) {
	attributes := []any{"transaction", r.TransactionID, "status", r.Status, "reader", r.Reader.Name, "access", r.Access.Protocol, "seconds", math.Round(1000*r.Wire.Seconds) / 1000}
	if len(r.Checks) > 0 {
		attributes = append(attributes, checksOf(r.Checks))
	}
	if r.Upload.State != tap.UploadNone {
		attributes = append(attributes, uploadOf("upload", r.Upload))
	}
	if r.Portrait != nil {
		attributes = append(attributes, uploadOf("portrait", *r.Portrait))
	}
	attributes = append(attributes, errorOf(r.Error)...)
	level, message := levelOf(r.Error), "reading ended"
	if r.Error != nil && r.Error.Code == fault.ReaderStuck {
		message = "reading ended: the reader is stuck and was given up"
	}
	j.log.Log(context.Background(), level, message, attributes...)
}

// checksOf names the checks that did not succeed; of the rest the number is enough.
func checksOf(checks []verdict.Check) slog.Attr {
	names := map[verdict.Result][]string{}
	for _, c := range checks {
		names[c.Result] = append(names[c.Result], c.Name)
	}
	attributes := []any{"successful", len(names[verdict.Successful]), "not_supported", len(names[verdict.NotSupported])}
	for _, result := range []verdict.Result{verdict.Failed, verdict.Undetermined} {
		if len(names[result]) > 0 {
			attributes = append(attributes, string(result), strings.Join(names[result], ","))
		}
	}
	return slog.Group("checks", attributes...)
}

// uploadOf leaves out session and medium: both lead to a person at the service.
func uploadOf(name string, u tap.Upload) slog.Attr {
	attributes := []any{"state", u.State}
	if u.Item != "" {
		attributes = append(attributes, "item", u.Item, "held", u.Held)
	}
	if u.Size > 0 {
		attributes = append(attributes, "bytes", u.Size)
	}
	return slog.Group(name, attributes...)
}

func errorOf(e *tap.Error) []any {
	if e == nil {
		return nil
	}
	attributes := []any{"code", e.Code, "error", e.Message}
	if e.StatusWord != "" {
		attributes = append(attributes, "statusWord", e.StatusWord)
	}
	if e.HTTPStatus != 0 {
		attributes = append(attributes, "httpStatus", e.HTTPStatus)
	}
	return attributes
}

// levelOf tells what a person at the desk can put right from what needs whoever looks
// after the machine.
func levelOf(e *tap.Error) slog.Level {
	if e == nil || errors.Is(e.Code, fault.Interrupted) {
		return slog.LevelInfo
	}
	switch fault.Lookup(e.Code).Exit {
	case fault.ExitUnexpected, fault.ExitUsage, fault.ExitReader, fault.ExitRefused, fault.ExitNotNow:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// Queue writes down a step of the queue. That it does not send is told once for each
// cause, although it is tried again and again.
func (j *Journal) Queue(e queue.Event) {
	paused := fault.Code("")
	if e.Kind == queue.EventPaused {
		paused = e.Code
	}
	j.mu.Lock()
	told := paused != "" && paused == j.paused
	j.paused = paused
	j.mu.Unlock()
	if told {
		return
	}
	var attributes []any
	add := func(name string, value any, there bool) {
		if there {
			attributes = append(attributes, name, value)
		}
	}
	add("item", e.Item, e.Item != "")
	add("step", e.Step, e.Step != 0)
	add("steps", e.Steps, e.Steps != 0)
	add("bytes", e.Done, e.Kind == queue.EventSending)
	add("code", e.Code, e.Code != "")
	add("next", e.Next, !e.Next.IsZero())
	add("epoch", e.Epoch, e.Epoch != "")
	add("place", e.Place, e.Place != "")
	add("detail", e.Detail, e.Detail != "")
	j.log.Log(context.Background(), queueLevel(e.Kind), "queue "+strings.ReplaceAll(string(e.Kind), "_", " "), attributes...)
}

func queueLevel(kind queue.EventKind) slog.Level {
	switch {
	case kind == queue.EventSending:
		return slog.LevelDebug
	case slices.Contains([]queue.EventKind{
		queue.EventUncertain, queue.EventRefused, queue.EventExpired, queue.EventDamaged, queue.EventSurplus, queue.EventLostSession, queue.EventPaused,
	}, kind):
		return slog.LevelWarn
	}
	return slog.LevelInfo
}
