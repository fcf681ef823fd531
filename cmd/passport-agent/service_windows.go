package main

import (
	"context"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/eventlog"

	"passport-agent/internal/fault"
)

// stopHint is how long the end of the program may take, in milliseconds, before the
// service manager takes it for stuck.
const stopHint = 30_000

// asService runs the command line under the service manager of Windows where that has
// started the program; else it returns false.
func asService() (status int, is bool) {
	if is, err := svc.IsWindowsService(); err != nil || !is {
		return 0, false
	}
	s := &managed{args: os.Args[1:]}
	if err := svc.Run("", s); err != nil {
		return fault.ExitUnexpected, true
	}
	return s.status, true
}

// managed is the program as the service manager starts and ends it.
type managed struct {
	args   []string
	status int
}

// Execute implements svc.Handler. The exit status of the program is the one of the
// service.
func (s *managed) Execute(_ []string, requests <-chan svc.ChangeRequest, states chan<- svc.Status) (specific bool, code uint32) {
	states <- svc.Status{State: svc.StartPending}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, terminal{in: strings.NewReader(""), out: io.Discard, err: eventWriter{}, lookup: os.LookupEnv}, s.args)
	}()
	states <- svc.Status{State: svc.Running, Accepts: svc.AcceptStop | svc.AcceptShutdown}
	for {
		select {
		case s.status = <-ended:
			return s.status != 0, uint32(s.status)
		case request := <-requests:
			switch request.Cmd {
			case svc.Interrogate:
				states <- request.CurrentStatus
			case svc.Stop, svc.Shutdown:
				states <- svc.Status{State: svc.StopPending, WaitHint: stopHint}
				cancel()
			}
		}
	}
}

// eventWriter writes messages into the system's event log: a service has no standard
// error. Standard output, with its one-time link, goes nowhere.
type eventWriter struct{}

const (
	eventSource = "passport-agent"
	eventID     = 1
)

func (eventWriter) Write(b []byte) (int, error) {
	log, err := eventlog.Open(eventSource)
	if err != nil {
		return 0, err
	}
	defer func() { _ = log.Close() }() // nothing is kept in it
	if err := log.Warning(eventID, strings.TrimSpace(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}
