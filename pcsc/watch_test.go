package pcsc_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/internal/pcscdtest"
	"passport-agent/pcsc"
)

// seen is what a Watch told: names with states, or an error.
type seen struct {
	readers []pcsc.ReaderInfo
	err     error
}

func watching(t *testing.T, again <-chan struct{}, watch func(context.Context, <-chan struct{}, func([]pcsc.ReaderInfo, error))) <-chan seen {
	t.Helper()
	told, ended := make(chan seen, 64), make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(ended)
		watch(ctx, again, func(readers []pcsc.ReaderInfo, err error) { told <- seen{readers, err} })
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return told
}

func next(t *testing.T, told <-chan seen) seen {
	t.Helper()
	select {
	case s := <-told:
		return s
	case <-time.After(20 * time.Second):
		require.FailNow(t, "nothing was told")
		return seen{}
	}
}

// Readers, documents and the service itself come and go; each change is told once.
func TestWatchTellsEachChangeOnce(t *testing.T) {
	for _, blocks := range []bool{false, true} {
		var step atomic.Int32
		steps := []func() ([]pcsc.FakeReader, error){
			func() ([]pcsc.FakeReader, error) { return nil, noReaders },
			constant(empty),
			constant(0x00010000 | present),
			constant(0x00030000 | present), // another document: away and back between two looks
			func() ([]pcsc.FakeReader, error) { return nil, noService },
			constant(0x00040000 | empty),
		}
		f := &pcsc.FakeLibrary{Blocks: blocks, Readers: func() ([]pcsc.FakeReader, error) { return steps[step.Load()]() }}
		told := watching(t, nil, f.Watch)
		require.Equal(t, seen{readers: []pcsc.ReaderInfo{}}, next(t, told))
		for i, want := range []pcsc.ReaderStatus{pcsc.ReaderEmpty, pcsc.ReaderDocument, pcsc.ReaderDocument} {
			step.Store(int32(i + 1))
			s := next(t, told)
			require.NoError(t, s.err)
			require.Equal(t, want, s.readers[0].Status)
		}
		step.Store(4)
		s := next(t, told)
		require.ErrorIs(t, s.err, fault.PCSCNoService)
		require.Empty(t, s.readers)
		step.Store(5)
		require.Equal(t, pcsc.ReaderEmpty, next(t, told).readers[0].Status)
		require.Empty(t, told, "nothing is told twice")
	}
}

// A service that is down is looked for when somebody asks, and the answer is told
// though it is the same.
func TestWatchLooksWhenAsked(t *testing.T) {
	var up atomic.Bool
	var looks atomic.Int32
	f := &pcsc.FakeLibrary{Readers: func() ([]pcsc.FakeReader, error) {
		looks.Add(1)
		if up.Load() {
			return constant(empty)()
		}
		return nil, noService
	}}
	again := make(chan struct{}, 1)
	told := watching(t, again, f.Watch)
	require.ErrorIs(t, next(t, told).err, fault.PCSCNoService)
	for range 5 {
		again <- struct{}{}
		require.ErrorIs(t, next(t, told).err, fault.PCSCNoService)
	}
	up.Store(true)
	again <- struct{}{}
	require.NoError(t, next(t, told).err)
	require.Less(t, looks.Load(), int32(20))
}

func TestWatchSeesDocumentsOnBothReadersOfTheRealService(t *testing.T) {
	pcscdtest.Require(t)
	told := watching(t, nil, pcsc.Watch)
	require.Len(t, next(t, told).readers, pcscdtest.Readers)
	until := func(reader int, want pcsc.ReaderStatus) {
		t.Helper()
		for {
			if s := next(t, told); s.err == nil && s.readers[reader].Status == want {
				return
			}
		}
	}
	card := pcscdtest.NewCard(t, 1, func([]byte) []byte { return []byte{0x90, 0x00} })
	card.Insert(t)
	until(1, pcsc.ReaderDocument)
	card.Remove()
	until(1, pcsc.ReaderEmpty)
}
