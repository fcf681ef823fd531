package queue

import (
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"passport-agent/internal/fault"
	"passport-agent/upload"
)

// meaning is what an error of the client means for the item.
type meaning int

const (
	meansLater     meaning = iota // nothing was stored: try again after a pause
	meansUncertain                // it may be stored: let the media list decide
	meansRefused                  // for good
	meansPause                    // every item would meet the same
	meansStop                     // this process was asked to end; nothing was sent
)

func meaningOf(err error) meaning {
	switch {
	case errors.Is(err, fault.Interrupted):
		return meansStop
	case errors.Is(err, fault.UploadUnauthorized), errors.Is(err, fault.IntegrationInactive), errors.Is(err, fault.APIRedirected):
		return meansPause
	}
	switch upload.RetryOf(err) {
	case upload.RetryLater:
		return meansLater
	case upload.RetryAfterCheck:
		return meansUncertain
	default:
		return meansRefused
	}
}

// retryAfter is the pause that the service asks for.
func retryAfter(err error) time.Duration {
	var answer *upload.APIError
	if errors.As(err, &answer) {
		return answer.RetryAfter
	}
	return 0
}

// pause is how long to wait after so many failures in a row, with jitter.
func (q *Queue) pause(failures int) time.Duration {
	first := q.FirstPause
	for range min(failures-1, 30) {
		first = min(2*first, q.LongestPause)
	}
	schedule := backoff.ExponentialBackOff{
		InitialInterval: first, RandomizationFactor: backoff.DefaultRandomizationFactor, Multiplier: 2, MaxInterval: q.LongestPause,
	}
	schedule.Reset()
	return min(schedule.NextBackOff(), q.LongestPause)
}

// gate keeps the whole queue from knocking at a service that is away or asks for
// patience. While it is half open, one item tries.
type gate struct {
	failures int
	until    time.Time
}

func (g *gate) close(now time.Time, pause time.Duration) {
	g.failures++
	g.until = now.Add(pause)
}

func (g *gate) open() { *g = gate{} }

// ask has an item try now.
func (g *gate) ask(now time.Time) { g.until = now }

// lets reports whether another item may be sent beside those in flight.
func (g *gate) lets(now time.Time, inFlight int) bool {
	return g.failures == 0 || inFlight == 0 && !now.Before(g.until)
}
