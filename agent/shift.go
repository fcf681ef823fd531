package agent

import (
	"strings"
	"time"
	"unicode"

	"passport-agent/internal/fault"
	"passport-agent/tap"
)

// Record is what is noted of a reading, of a picture or of a change of shift. Nothing in it is about
// a holder; Operator is a label that means something only to who gave it.
type Record struct {
	Time     time.Time
	Kind     RecordKind
	Operator string
	// Report is that of a reading, without Holder; Trace tells where its time went.
	Report *tap.Report
	Trace  Trace
	// Upload and Err are what became of a picture that was sent at once.
	Upload tap.Upload
	Err    error
}

// RecordKind is what a record is about.
type RecordKind string

// The kinds of records.
const (
	RecordRead    RecordKind = "read"
	RecordPicture RecordKind = "picture"
	RecordShift   RecordKind = "shift" // Operator is who has begun; empty is nobody
)

const longestOperator = 64

// SetShift says who is at the desk from now on; an empty label is nobody. It fails with
// fault.RequestInvalid.
func (a *Agent) SetShift(operator string) error {
	if len(operator) > longestOperator || strings.ContainsFunc(operator, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fault.New(fault.RequestInvalid, "the operator's label has at most 64 bytes, all of them printable", nil)
	}
	a.mu.Lock()
	before := a.operator
	a.operator = operator
	a.mu.Unlock()
	if before != operator {
		a.options.Audit(Record{Time: a.options.Now(), Kind: RecordShift, Operator: operator})
		a.events.publish(Event{Kind: EventShift})
	}
	return nil
}

// Shift returns the label of who is at the desk.
func (a *Agent) Shift() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.operator
}
