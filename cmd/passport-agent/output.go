package main

import (
	"encoding/json"
	"fmt"

	"passport-agent/icao/verdict"
	"passport-agent/internal/fault"
	"passport-agent/tap"
)

// printJSON prints a document on one line of standard output.
func (a *app) printJSON(document any) {
	a.answered = true
	encoder := json.NewEncoder(a.out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		a.note("standard output: %v", err)
	}
}

// print writes a line to standard output.
func (a *app) print(format string, args ...any) { a.write(a.out, format, args...) }

// note writes a line to standard error.
func (a *app) note(format string, args ...any) { a.write(a.err, format, args...) }

// write drops an error of the terminal: there is no other place to tell of it.
func (a *app) write(w interface{ Write([]byte) (int, error) }, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format+"\n", args...)
}

// ANSI colours.
const (
	green  = "32"
	yellow = "33"
	red    = "31"
	grey   = "90"
)

func (a *app) colour(code, text string) string {
	if !a.colours() {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// result is a sign, a word and a colour for each result: none stands alone.
func (a *app) result(r verdict.Result) string {
	switch r {
	case verdict.Successful:
		return a.colour(green, "✓ successful   ")
	case verdict.Failed:
		return a.colour(red, "✗ FAILED       ")
	case verdict.Undetermined:
		return a.colour(yellow, "? undetermined ")
	default:
		return a.colour(grey, "– not supported")
	}
}

// printReport prints a tap for a person.
func (a *app) printReport(r tap.Report) {
	if r.Wire.Commands > 0 {
		cipher := r.Access.Cipher
		if cipher == "" {
			cipher = "no encryption"
		}
		a.print("Read      by %s (%s) on %s: %d commands, %d bytes, %.2f s", r.Access.Protocol, cipher, r.Reader.Name,
			r.Wire.Commands, r.Wire.SentBytes+r.Wire.ReceivedBytes, r.Wire.Seconds)
	}
	for _, name := range []string{"ATR-INFO", "CardAccess", "CardSecurity", "COM", "SOD", "DG1", "DG14", "DG15", "DG2"} {
		if f, ok := r.Files[name]; ok {
			a.print("File      %-12s %6d bytes  sha256 %s…", name, f.Size, f.SHA256[:16])
		}
	}
	if r.Holder != nil {
		a.printHolder(r.Holder)
	}
	a.printChecks(r.Checks)
	if len(r.Checks) > 0 {
		a.print("Verdict   %s", a.result(verdict.Result(r.Status)))
	}
	for _, w := range r.Warnings {
		a.print("Warning   %s: %s", w.Name, w.Text)
	}
	a.printUpload("Upload", r.Upload)
	if r.Portrait != nil {
		a.printUpload("Portrait", *r.Portrait)
	}
}

func (a *app) printHolder(h *tap.Holder) {
	if !h.Proved {
		a.print("Holder    %s", a.colour(red, "✗ NOT PROVED: the issuer's signature does not cover what follows"))
	}
	a.print("Holder    %s, %s", h.PrimaryIdentifier, h.SecondaryIdentifier)
	a.print("          document %s of %s, valid until %s; born %s, sex %s, nationality %s",
		h.DocumentNumber, h.IssuingState, h.ExpiryDate, h.BirthDate, h.Sex, h.Nationality)
}

// printUpload says what became of an upload; nothing of one that was not tried.
func (a *app) printUpload(what string, u tap.Upload) {
	line := func(colour, state, more string) {
		a.print("%-9s %s  session %s%s", what, a.colour(colour, state), u.SessionID, more)
	}
	switch u.State {
	case tap.UploadAccepted:
		line(green, "✓ accepted", fmt.Sprintf(", media %s, %d bytes", u.MediaID, u.Size))
	case tap.UploadUncertain:
		line(yellow, "? uncertain", ": it is not known whether the service has it")
	case tap.UploadRefused:
		line(red, "✗ refused", "")
	case tap.UploadQueued:
		more := ": kept in the queue as " + u.Item
		if u.Held {
			more += ", until queue retry lets it go"
		}
		line(yellow, "… queued", more)
	case tap.UploadFailed:
		line(red, "✗ failed", ": nothing was kept")
	}
}

// finish prints what a tap came to and returns its error for the exit status.
func (a *app) finish(result tap.Result) error {
	if a.json {
		a.printJSON(result.Report)
	} else {
		a.printReport(result.Report)
	}
	if result.Err != nil {
		return fault.From(result.Err)
	}
	return nil
}
