package sandbox_test

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/upload/sandbox"
)

// What a client sees of each fault, and what is committed.
func TestFaultsOnTheWire(t *testing.T) {
	signed := func(r result) bool { return hexMAC(sandbox.DemoSecret, r.raw) == r.header.Get("x-hmac-signature") }
	for _, test := range []struct {
		fault     sandbox.Fault
		status    int // 0: the connection is cut
		signed    bool
		committed int
		more      func(*testing.T, result)
	}{
		{sandbox.DropBeforeCommit, 0, false, 0, nil},
		{sandbox.Reset, 0, false, 0, nil},
		{sandbox.Redirect, 307, false, 0, func(t *testing.T, r result) {
			require.Contains(t, r.header.Get("Location"), "https://elsewhere.invalid/v1/sessions/")
		}},
		{sandbox.IntegrationInactive, 401, false, 0, func(t *testing.T, r result) { require.Contains(t, string(r.raw), `"1804"`) }},
		{sandbox.TooManyRequests, 429, false, 0, func(t *testing.T, r result) { require.Equal(t, "7", r.header.Get("Retry-After")) }},
		{sandbox.ServerError, 500, true, 0, nil},
		{sandbox.BadGateway, 502, false, 0, func(t *testing.T, r result) { require.Contains(t, string(r.raw), "<html>") }},
		{sandbox.Unavailable, 503, false, 0, nil},
		{sandbox.CommitThenDrop, 0, false, 1, nil},
		{sandbox.CommitThenReset, 0, false, 1, nil},
		{sandbox.LateCommit, 0, false, 0, nil},
		{sandbox.Truncate, 0, false, 1, nil},
		{sandbox.WrongSignature, 200, false, 1, func(t *testing.T, r result) { require.Len(t, r.header.Get("x-hmac-signature"), 64) }},
		{sandbox.Unsigned, 200, false, 1, func(t *testing.T, r result) { require.Empty(t, r.header.Values("x-hmac-signature")) }},
		{sandbox.NotJSON, 200, true, 1, func(t *testing.T, r result) { require.NotContains(t, string(r.raw), "{") }},
		{sandbox.WrongSession, 200, true, 1, func(t *testing.T, r result) { require.NotContains(t, string(r.raw), session) }},
		{sandbox.Oversize, 200, true, 1, func(t *testing.T, r result) { require.Greater(t, len(r.raw), 8<<20) }},
		{sandbox.SlowLoris, 200, true, 1, nil},
	} {
		t.Run(string(test.fault), func(t *testing.T) {
			s, base, events := start(t, sandbox.Options{Drip: time.Microsecond})
			s.Inject(test.fault, 1)
			s.Inject("", 0)
			r, err := correct("POST", mediaURL(base), valid).try(t)
			if test.status == 0 {
				require.Error(t, err)
				reset := test.fault == sandbox.Reset || test.fault == sandbox.CommitThenReset
				require.Equal(t, reset, errors.Is(err, syscall.ECONNRESET), "%v", err)
			} else {
				require.NoError(t, err)
				require.Equal(t, test.status, r.status)
				require.Equal(t, test.signed, signed(r))
			}
			if test.more != nil {
				test.more(t, r)
			}
			require.Equal(t, test.fault, next(t, events).Fault)
			require.Len(t, s.Media(session), test.committed)

			// The fault has passed.
			require.Equal(t, 200, correct("POST", mediaURL(base), valid).do(t).status)
		})
	}
}

func TestFaultsComeInOrderAndAsOftenAsAsked(t *testing.T) {
	s, base, _ := start(t, sandbox.Options{})
	s.Inject(sandbox.ServerError, 2)
	s.Inject(sandbox.Unavailable, sandbox.Always)
	var seen []int
	for range 5 {
		seen = append(seen, correct("POST", mediaURL(base), valid).do(t).status)
	}
	require.Equal(t, []int{500, 500, 503, 503, 503}, seen)
	list := correct("GET", mediaURL(base), nil)
	list.header.Set("X-Hmac-Signature", hexMAC(sandbox.DemoSecret, []byte(session)))
	require.Equal(t, 200, list.do(t).status, "these faults are for uploads")
	s.ClearFaults()
	require.Equal(t, 200, correct("POST", mediaURL(base), valid).do(t).status)
}

func TestStalledUploadIsServedWhenReleased(t *testing.T) {
	for _, test := range []struct {
		fault  sandbox.Fault
		before int // committed while it stalls
	}{{sandbox.Stall, 0}, {sandbox.CommitThenStall, 1}} {
		t.Run(string(test.fault), func(t *testing.T) {
			s, base, events := start(t, sandbox.Options{})
			s.Inject(test.fault, 1)
			status := make(chan int, 1)
			go func() {
				r, err := correct("POST", mediaURL(base), valid).try(t)
				if err == nil {
					status <- r.status
				}
			}()
			require.True(t, next(t, events).Stalled)
			require.Len(t, s.Media(session), test.before)
			s.Release()
			require.Equal(t, 200, next(t, events).Status)
			select {
			case got := <-status:
				require.Equal(t, 200, got)
			case <-time.After(deadline):
				require.FailNow(t, "no answer")
			}
			require.Len(t, s.Media(session), 1)
		})
	}
}

func TestLateCommitComesOnDemandOrByItself(t *testing.T) {
	s, base, _ := start(t, sandbox.Options{})
	s.Inject(sandbox.LateCommit, 2)
	upload := correct("POST", mediaURL(base), valid)
	for range 2 {
		_, err := upload.try(t)
		require.Error(t, err)
	}
	require.Empty(t, s.Media(session))
	s.CommitLate()
	require.Len(t, s.Media(session), 2)

	// A submitted session takes nothing more, however late.
	s.Inject(sandbox.LateCommit, 1)
	_, err := upload.try(t)
	require.Error(t, err)
	s.Submit(session)
	s.CommitLate()
	require.Len(t, s.Media(session), 2)

	s, base, _ = start(t, sandbox.Options{LateAfter: time.Millisecond})
	s.Inject(sandbox.LateCommit, 1)
	_, err = correct("POST", mediaURL(base), valid).try(t)
	require.Error(t, err)
	require.Eventually(t, func() bool { return len(s.Media(session)) == 1 }, deadline, time.Millisecond)
}

// The fault that refuses compression lets the uncompressed request through.
func TestEncodingRefusedOnDemand(t *testing.T) {
	s, base, _ := start(t, sandbox.Options{})
	s.Inject(sandbox.EncodingRefused, sandbox.Always)
	c := correct("POST", mediaURL(base), valid)
	c.header.Set("Content-Encoding", "gzip")
	r, err := c.try(t)
	require.NoError(t, err)
	require.Equal(t, 415, r.status)
	require.Empty(t, s.Media(session))
	require.Equal(t, 200, correct("POST", mediaURL(base), valid).do(t).status)
}

// Each kind of request fails when it is told to, and a lost answer has committed
// what it should have told.
func TestFaultsOfOtherRequests(t *testing.T) {
	s, base, _ := start(t, sandbox.Options{})
	get := func(below string) call {
		c := correct("GET", base+"/v1/sessions/"+session+below, nil)
		c.header.Set("X-Hmac-Signature", hexMAC(sandbox.DemoSecret, []byte(session)))
		return c
	}
	submit := correct("PATCH", base+"/v1/sessions/"+session, []byte(`{"verification":{"status":"submitted"}}`))
	create := correct("POST", base+"/v1/sessions", []byte(`{"verification":{}}`))
	for request, c := range map[sandbox.Request]call{sandbox.Create: create, sandbox.List: get("/media"), sandbox.Decision: get("/decision"), sandbox.Submit: submit} {
		s.InjectOn(request, sandbox.ServerError, 1)
		require.Equal(t, 500, c.do(t).status)
		s.InjectOn(request, sandbox.LateCommit, 1)
		_, err := c.try(t)
		require.Error(t, err)
	}
	require.Len(t, s.Sessions(), 1)
	require.False(t, s.Submitted(session))
	s.CommitLate()
	require.Len(t, s.Sessions(), 2)
	require.True(t, s.Submitted(session))

	s.InjectOn(sandbox.Create, sandbox.CommitThenDrop, 1)
	_, err := create.try(t)
	require.Error(t, err)
	require.Len(t, s.Sessions(), 3)
	for _, r := range []call{get("/decision"), get("/media"), create} {
		require.Equal(t, 2, r.do(t).status/100, "the faults have passed")
	}
}
