package virtual_test

import (
	"context"
	"io"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/iso7816"
	"passport-agent/virtual"
)

func TestRemovalAtEachCommand(t *testing.T) {
	response := make([]byte, 300)
	for _, how := range []virtual.Removal{virtual.NeverArrived, virtual.AnswerLost} {
		for at := range 5 {
			chip := newChip(t, virtual.Profile{})
			chip.RemoveAt(at, how)
			for range at {
				transmit(t, chip, getChallenge)
			}
			for range 2 {
				_, err := chip.Transmit(t.Context(), getChallenge, response)
				require.ErrorIs(t, err, iso7816.ErrRemoved)
			}
			require.ErrorIs(t, chip.Reset(t.Context()), iso7816.ErrRemoved)
			executed := at
			if how == virtual.AnswerLost {
				executed++
			}
			require.Equal(t, executed, chip.Counters().Commands)
			chip.PutBack()
			require.NoError(t, chip.Reset(t.Context()))
			transmit(t, chip, getChallenge)
		}
	}
}

// What a command did before its answer was lost has happened: here, the one
// right authentication that the chip refuses.
func TestCommandIsExecutedWhenItsAnswerIsLost(t *testing.T) {
	chip := newChip(t, virtual.Profile{RefuseAuthentications: 1})
	transmit(t, chip, selectApplication)
	challenge := transmit(t, chip, getChallenge)
	chip.RemoveAt(0, virtual.AnswerLost)
	_, err := chip.Transmit(t.Context(), newMutual(t, specimenInformation).command(t, challenge[:8]), make([]byte, 300))
	require.ErrorIs(t, err, iso7816.ErrRemoved)
	chip.PutBack()
	authenticate(t, chip)
}

func TestSessionDoesNotSurviveRemoval(t *testing.T) {
	chip := newChip(t, virtual.Profile{})
	x := authenticate(t, chip)
	chip.Remove()
	chip.PutBack()
	require.False(t, x.alive())
	require.True(t, authenticate(t, chip).alive())
}

func TestPresenceIsAnnounced(t *testing.T) {
	chip := newChip(t, virtual.Profile{})
	present, changed := chip.Present()
	require.True(t, present)
	chip.PutBack()
	require.NotPanics(t, chip.PutBack, "putting back what is there changes nothing")
	select {
	case <-changed:
		t.Fatal("nothing has changed")
	default:
	}
	chip.Remove()
	<-changed
	present, changed = chip.Present()
	require.False(t, present)
	chip.Remove()
	chip.PutBack()
	<-changed
	present, _ = chip.Present()
	require.True(t, present)
}

func TestPutBackForgetsAPlannedRemoval(t *testing.T) {
	chip := newChip(t, virtual.Profile{})
	chip.RemoveAt(0, virtual.NeverArrived)
	chip.PutBack()
	transmit(t, chip, getChallenge)
}

func TestEndedContextStopsBeforeTheChip(t *testing.T) {
	chip := newChip(t, virtual.Profile{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := chip.Transmit(ctx, getChallenge, make([]byte, 300))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, chip.Reset(ctx), context.Canceled)
	require.Zero(t, chip.Counters().Commands)
	require.Zero(t, chip.Counters().Resets)
}

func TestResponseBufferTooSmall(t *testing.T) {
	_, err := newChip(t, virtual.Profile{}).Transmit(t.Context(), getChallenge, make([]byte, 9))
	require.ErrorIs(t, err, io.ErrShortBuffer)
}

func TestCountersAndObserver(t *testing.T) {
	var seen []virtual.Exchange
	chip, err := virtual.NewChip(specimen(), virtual.ChipOptions{Observe: func(e virtual.Exchange) { seen = append(seen, e) }})
	require.NoError(t, err)
	x := authenticate(t, chip)
	require.True(t, x.alive())
	require.Equal(t, iso7816.SWWrongLength, status(t, chip, 0x00))
	require.NoError(t, chip.Reset(t.Context()))

	// SELECT 12/2, GET CHALLENGE 5/10, EXTERNAL AUTHENTICATE 46/42, READ BINARY
	// 19 and 87 09 .. 99 02 .. 8E 08 .. 9000, one cut off command of 1/2.
	read := 2 + 9 + 4 + 10 + 2
	want := virtual.Counters{
		Commands: 5, ReceivedBytes: 12 + 5 + 46 + 19 + 1, SentBytes: 2 + 10 + 42 + read + 2, Resets: 1,
		ByInstruction: map[byte]int{0xA4: 1, 0x84: 1, 0x82: 1, 0xB0: 1},
	}
	require.Equal(t, want, chip.Counters())
	require.Equal(t, []virtual.Exchange{
		{Index: 0, INS: 0xA4, P1: 0x04, P2: 0x0C, CommandBytes: 12, ResponseBytes: 2, SW: iso7816.SWSuccess, FirstSelect: true},
		{Index: 1, INS: 0x84, CommandBytes: 5, ResponseBytes: 10, SW: iso7816.SWSuccess},
		{Index: 2, INS: 0x82, CommandBytes: 46, ResponseBytes: 42, SW: iso7816.SWSuccess},
		{Index: 3, CLA: 0x0C, INS: 0xB0, P1: 0x81, CommandBytes: 19, ResponseBytes: read, SW: iso7816.SWSuccess},
		{Index: 4, CommandBytes: 1, ResponseBytes: 2, SW: iso7816.SWWrongLength},
	}, seen)

	chip.Counters().ByInstruction[0xA4] = 100
	require.Equal(t, want, chip.Counters(), "the counters are a copy")
	chip.ResetCounters()
	require.Equal(t, virtual.Counters{ByInstruction: map[byte]int{}}, chip.Counters())
	chip.RemoveAt(0, virtual.AnswerLost)
	_, err = chip.Transmit(t.Context(), getChallenge, make([]byte, 300))
	require.ErrorIs(t, err, iso7816.ErrRemoved)
	require.True(t, seen[5].Lost)
	require.Equal(t, 5, seen[5].Index)
}

// Counters are read and the document is moved while another goroutine reads it;
// the race detector watches.
func TestOthersMayWatchAndRemove(t *testing.T) {
	chip := newChip(t, virtual.Profile{})
	stop := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				chip.Counters()
				chip.Present()
				chip.ATR()
			}
		}
	})
	others.Go(func() {
		for range 100 {
			chip.Remove()
			chip.PutBack()
		}
	})
	response := make([]byte, 300)
	for range 200 {
		if n, err := chip.Transmit(t.Context(), getChallenge, response); err == nil {
			require.Equal(t, 10, n)
		} else {
			require.ErrorIs(t, err, iso7816.ErrRemoved)
		}
	}
	close(stop)
	others.Wait()
}
