// Command passport-agent reads electronic passports on contactless readers and
// brings what it read into Veriff sessions.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"passport-agent/internal/portrait"
)

func main() {
	portrait.RunIfChild()
	if status, is := asService(); is {
		os.Exit(status)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second Ctrl-C ends the program at once.
	context.AfterFunc(ctx, stop)
	code := run(ctx, terminal{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, lookup: os.LookupEnv,
		inIsTerminal:   term.IsTerminal(int(os.Stdin.Fd())),
		outIsTerminal:  term.IsTerminal(int(os.Stdout.Fd())),
		errIsTerminal:  term.IsTerminal(int(os.Stderr.Fd())),
		overwriteFreed: overwriteFreed,
	}, os.Args[1:])
	stop()
	os.Exit(code)
}

// terminal is what the program knows of the world around it.
type terminal struct {
	in                                         io.Reader
	out, err                                   io.Writer
	lookup                                     func(string) (string, bool)
	inIsTerminal, outIsTerminal, errIsTerminal bool
	// overwriteFreed makes the runtime overwrite what it frees; nil where a test is the
	// program.
	overwriteFreed func()
}

// colours reports whether text on standard output may be coloured
// (https://no-color.org).
func (t terminal) colours() bool {
	value, set := t.lookup("NO_COLOR")
	return t.outIsTerminal && (!set || value == "")
}
