package conformance

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"passport-agent/icao"
	"passport-agent/icao/lds"
	"passport-agent/icao/mrz"
	"passport-agent/icao/verdict"
	"passport-agent/internal/fault"
	"passport-agent/internal/secret"
	"passport-agent/iso7816"
	"passport-agent/virtual"
)

// readingLimit is far more than any document takes: one that needs it hangs.
const readingLimit = time.Minute

// observed is what the reader said of a document.
type observed struct {
	status       verdict.Result // empty where an error ended the reading
	failed       []string       // checks, with the deviations that they mind
	undetermined []string
	succeeded    []string
	code         fault.Code // of the error that ended the reading
	broken       string     // a panic or a time-out: no answer at all
}

// outcome is which of the two answers that is.
func (o observed) outcome() Outcome {
	if o.status == verdict.Successful {
		return Successful
	}
	return Failed
}

// decisive names the checks that keep a document from being successful: those that
// fail, and where none does, those that cannot be made.
func (o observed) decisive() []string {
	if len(o.failed) > 0 {
		return o.failed
	}
	var names []string
	for _, name := range o.undetermined {
		names = append(names, "undetermined:"+name)
	}
	return names
}

func (o observed) String() string {
	switch {
	case o.broken != "":
		return o.broken
	case o.code != "":
		return "ended with " + string(o.code)
	case o.status == verdict.Successful:
		return "successful"
	default:
		return fmt.Sprintf("%s: failed %v, undetermined %v", o.status, o.failed, o.undetermined)
	}
}

// read reads a document from a chip of its own and judges it in a profile.
func (b *builder) read(ctx context.Context, s Specimen, profile verdict.Profile) (o observed, err error) {
	m, err := b.build(s)
	if err != nil {
		return o, err
	}
	chip, err := virtual.NewChip(m.document, virtual.ChipOptions{Profile: s.Chip, Limits: s.Reader.limits()})
	if err != nil {
		return o, err
	}
	access, zone, err := s.Reader.access(m)
	if err != nil {
		return o, err
	}
	ctx, cancel := context.WithTimeout(ctx, readingLimit)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			o = observed{broken: fmt.Sprintf("panic: %v\n%s", p, debug.Stack())}
		}
	}()
	for range max(s.Reader.Readings, 1) {
		if o = inspect(ctx, chip, access, zone, profile, m); o.outcome() != Successful {
			break
		}
		if err := chip.Reset(ctx); err != nil {
			return o, err
		}
	}
	if ctx.Err() != nil {
		o.broken = "no answer in time"
	}
	return o, nil
}

// inspect is the reader's part: nothing in it knows of the case.
func inspect(ctx context.Context, chip *virtual.Chip, access icao.Access, zone *mrz.MRZ, profile verdict.Profile, m *made) observed {
	session, err := icao.Open(ctx, chip, icao.Options{Access: access, Without: icao.Without(profile)})
	if err != nil {
		return observed{code: fault.From(err).Code}
	}
	document, err := session.ReadDocument(ctx)
	if err != nil {
		return observed{code: fault.From(err).Code}
	}
	key := access.Key
	if zone == nil {
		key = mrz.Key{}
	}
	v := verdict.Judge(verdict.Input{
		Document: document, Proof: session.Proof(), Protected: session.Cipher() != "", Key: key, Zone: zone,
		Profile: profile, Trust: m.store, At: madeAt,
	})
	return observe(v, append(document.Warnings(), v.Warnings...))
}

func observe(v verdict.Verdict, warnings []lds.Warning) observed {
	o := observed{status: v.Status}
	for _, c := range v.Checks {
		switch c.Result {
		case verdict.Failed:
			o.failed = append(o.failed, minded(c, warnings)...)
		case verdict.Undetermined:
			o.undetermined = append(o.undetermined, c.Name)
		case verdict.Successful:
			o.succeeded = append(o.succeeded, c.Name)
		}
	}
	return o
}

// minded names a failed check, a check of conformity once for each deviation.
func minded(c verdict.Check, warnings []lds.Warning) []string {
	subject, isConformity := strings.CutSuffix(c.Name, "_conformity")
	if !isConformity {
		return []string{c.Name}
	}
	var names []string
	for _, w := range warnings {
		name := c.Name + ":" + w.Name
		if strings.HasPrefix(w.Name, subject+"_") && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if names == nil {
		return []string{c.Name}
	}
	return names
}

func (r Reader) limits() iso7816.Limits {
	if r.Extended {
		return iso7816.Limits{Extended: iso7816.Yes}
	}
	return iso7816.Limits{Extended: iso7816.No}
}

// access is what the reader at the desk has in hand: the data page, or the card access
// number printed on it.
func (r Reader) access(m *made) (access icao.Access, zone *mrz.MRZ, err error) {
	if access.Protocol, err = icao.ParseProtocol(r.Access); err != nil {
		return access, nil, err
	}
	if zone, err = mrz.Parse(m.zone); err != nil {
		return access, nil, err
	}
	if r.ByCAN {
		access.CAN = secret.NewText(m.document.CAN)
	} else if access.Key, err = zone.Key(); err != nil {
		return access, nil, err
	}
	if r.WithoutZone {
		zone = nil
	}
	return access, zone, nil
}
