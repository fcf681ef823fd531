package api

import (
	"errors"
	"log/slog"
	"net/http"
	"runtime"

	"passport-agent/agent/problem"
	"passport-agent/internal/fault"
)

// recovered answers where a handler panics, and logs where: never with what, which
// may be personal.
func recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			value := recover()
			if value == nil {
				return
			}
			if err, ok := value.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(value)
			}
			slog.Error("a request has failed unexpectedly", "route", r.Pattern, "at", panicked())
			problem.New(fault.Unexpected, "").Write(w)
		}()
		next.ServeHTTP(w, r)
	})
}

// panicked returns the places that led to a panic.
func panicked() []string {
	var programs [6]uintptr
	frames := runtime.CallersFrames(programs[:runtime.Callers(4, programs[:])])
	var at []string
	for {
		frame, more := frames.Next()
		at = append(at, frame.Function)
		if !more {
			return at
		}
	}
}
