package pcsc

import (
	"context"
	"slices"
	"time"

	"passport-agent/internal/fault"
)

const (
	// watchSlice bounds a wait of a Watch, which runs all day.
	watchSlice = 5 * time.Second
	// watchPoll is its interval where the backend must not wait.
	watchPoll = 250 * time.Millisecond
	// How soon a service that is down, or hangs, is tried again.
	firstRetry = time.Second
	lastRetry  = 5 * time.Second
)

// Watch tells observe of the readers that are plugged in, at once and after each
// change, until the context ends. Readers may come and go, and so may the smart card
// service: then observe gets the error that Readers would give, and Watch tries
// again; at once where again, which may be nil, has a value. It never calls observe
// twice with the same, but for what was asked for by again.
func Watch(ctx context.Context, again <-chan struct{}, observe func([]ReaderInfo, error)) {
	watch(ctx, systemLibrary(), again, observe)
}

func watch(ctx context.Context, lib library, again <-chan struct{}, observe func([]ReaderInfo, error)) {
	s := search{library: lib, options: WaitOptions{StuckAfter: stuckAfter}}
	defer s.disconnect()
	w := watcher{observe: observe}
	retry := firstRetry
	for ctx.Err() == nil {
		states, err := s.look(ctx)
		if ctx.Err() != nil {
			return
		}
		w.tell(states, err)
		if err == nil {
			retry = firstRetry
			err = s.change(ctx, states, watchSlice, watchPoll)
		}
		if err != nil {
			s.disconnect()
			timer := time.NewTimer(retry)
			select {
			case <-timer.C:
				retry = min(2*retry, lastRetry)
			case <-again:
				w.told, retry = false, firstRetry
			case <-ctx.Done():
			}
			timer.Stop()
		}
	}
}

// watcher remembers what it has told.
type watcher struct {
	observe func([]ReaderInfo, error)
	told    bool
	infos   []ReaderInfo
	code    fault.Code
}

func (w *watcher) tell(states []readerState, err error) {
	infos := make([]ReaderInfo, len(states))
	for i, s := range states {
		infos[i] = s.info()
	}
	var code fault.Code
	if err != nil {
		code = fault.From(err).Code
	}
	same := slices.EqualFunc(infos, w.infos, func(a, b ReaderInfo) bool {
		return a.Name == b.Name && a.Status == b.Status && a.Counter == b.Counter
	})
	if w.told && same && code == w.code {
		return
	}
	w.told, w.infos, w.code = true, infos, code
	w.observe(slices.Clone(infos), err)
}
