package main

import (
	"fmt"
	"log/slog"

	"github.com/schollz/progressbar/v3"

	"passport-agent/tap"
)

// progress shows the events of a tap on standard error: bars that move on a
// terminal, a line per step without one.
type progress struct {
	app   *app
	bar   *progressbar.ProgressBar
	what  string // of the bar
	phase string // last line printed
}

func (a *app) newProgress() *progress { return &progress{app: a} }

// observe is given to tap.Run.
func (p *progress) observe(e tap.Event) {
	slog.Debug("tap", "event", e.Kind, "reader", e.Reader, "file", e.File, "done", e.Done, "total", e.Total)
	if p.app.quiet {
		return
	}
	switch e.Kind {
	case tap.EventReading:
		p.move("Reading "+e.File, e.Done, e.Total)
	case tap.EventUploading:
		if e.Total > 0 {
			p.move("Uploading", e.Done, e.Total)
		}
	case tap.EventFile:
		p.line(fmt.Sprintf("%s read, %d bytes", e.File, e.Total))
	default:
		if text := sentence(e); text != "" {
			p.line(text)
		}
	}
}

// sentence says what an event means to the person at the reader.
func sentence(e tap.Event) string {
	switch e.Kind {
	case tap.EventNoReader:
		return "No reader is connected: plug one in (Ctrl-C ends)"
	case tap.EventWaiting:
		return "Place the open document on the reader and leave it there (Ctrl-C ends)"
	case tap.EventUnresponsive:
		return "Something lies on " + e.Reader + " but does not answer: take it off and lay it down again, flat and alone"
	case tap.EventDocument:
		return "Document on " + e.Reader + ": hold still"
	case tap.EventOpened:
		return "The chip has opened"
	case tap.EventFileAbsent:
		return e.File + " is not on this chip"
	case tap.EventRemoved:
		return "The document was taken away: put it back and keep it still"
	case tap.EventResumed:
		return "The same document is back: reading goes on"
	case tap.EventProving:
		return "Proving that the chip is no copy"
	case tap.EventJudged:
		return "Everything is read: the document may be taken away"
	case tap.EventQueued:
		return "What was read is kept in the queue, encrypted: passport-agent queue flush sends it"
	case tap.EventUploaded:
		return "The service has confirmed the upload"
	default:
		return ""
	}
}

// line prints a step once.
func (p *progress) line(text string) {
	p.end()
	if text != p.phase {
		p.phase = text
		p.app.note("%s", text)
	}
}

// say prints a line of its own, unless nothing is to be said.
func (p *progress) say(text string) {
	if !p.app.quiet {
		p.line(text)
	}
}

// move draws a bar; without a terminal the line at the end of the step is enough.
func (p *progress) move(what string, done, total int) {
	if !p.app.errIsTerminal || p.app.quiet || total == 0 {
		return
	}
	if p.bar == nil || p.what != what {
		p.end()
		p.what = what
		p.bar = progressbar.NewOptions(total,
			progressbar.OptionSetWriter(p.app.err), progressbar.OptionSetDescription(what), progressbar.OptionShowBytes(true), progressbar.OptionShowCount(),
			progressbar.OptionSetWidth(30), progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(false))
	}
	// A bar that cannot be drawn is not worth ending a read for.
	_ = p.bar.Set(done)
}

// end takes the bar off the screen.
func (p *progress) end() {
	if p.bar == nil {
		return
	}
	_ = p.bar.Clear() // as above
	p.bar, p.what = nil, ""
}
