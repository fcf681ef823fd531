//go:build linux && cgo

// Package behindpcscd tests the vpcd door of package virtual behind a real PC/SC
// daemon. It is apart because its tests run in namespaces of their own.
package behindpcscd

import (
	"context"
	"testing"
	"time"

	"github.com/ebfe/scard"
	"github.com/stretchr/testify/require"

	"passport-agent/internal/pcscdtest"
	"passport-agent/virtual"
)

const patience = 10 * time.Second

func TestMain(m *testing.M) { pcscdtest.Main(m) }

// reader is the first virtual reader, seen through PC/SC.
type reader struct {
	t       *testing.T
	context *scard.Context
	state   []scard.ReaderState
}

func newReader(t *testing.T) *reader {
	pcsc, err := scard.EstablishContext()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pcsc.Release()) })
	return &reader{t, pcsc, []scard.ReaderState{{Reader: pcscdtest.ReaderName(0)}}}
}

// waitFor waits until the document is there, or gone.
func (r *reader) waitFor(flag scard.StateFlag) {
	r.t.Helper()
	for deadline := time.Now().Add(patience); r.state[0].EventState&flag == 0; {
		left := time.Until(deadline)
		require.Positive(r.t, left, "the reader does not notice")
		if err := r.context.GetStatusChange(r.state, left); err != nil {
			require.ErrorIs(r.t, err, scard.ErrTimeout)
		}
		r.state[0].CurrentState = r.state[0].EventState
	}
}

func (r *reader) connect() *scard.Card {
	r.t.Helper()
	r.waitFor(scard.StatePresent)
	card, err := r.context.Connect(r.state[0].Reader, scard.ShareExclusive, scard.ProtocolAny)
	require.NoError(r.t, err)
	return card
}

var (
	selectApplication = []byte{0x00, 0xA4, 0x04, 0x0C, 0x07, 0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01}
	readDG2           = []byte{0x00, 0xB0, 0x82, 0x00, 0x00}
)

// A plain document lies on the reader, is read at speed, taken away and put back.
func TestDoorBehindARealDaemon(t *testing.T) {
	pcscdtest.Require(t)
	document, err := virtual.Personalise(virtual.Options{})
	require.NoError(t, err)
	chip, err := virtual.NewChip(document, virtual.ChipOptions{Profile: virtual.Profile{Access: virtual.AccessNone}})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- virtual.Serve(ctx, virtual.VPCDOptions{}, chip, nil) }()

	r := newReader(t)
	card := r.connect()
	status, err := card.Status()
	require.NoError(t, err)
	require.Equal(t, chip.ATR(), status.Atr)
	answer, err := card.Transmit(selectApplication)
	require.NoError(t, err)
	require.Equal(t, []byte{0x90, 0x00}, answer)

	const rounds = 50
	began := time.Now()
	for range rounds {
		answer, err = card.Transmit(readDG2)
		require.NoError(t, err)
		require.Equal(t, append(append([]byte(nil), document.Files[virtual.DataGroup(2)][:256]...), 0x90, 0x00), answer)
	}
	// Without acknowledgement at once, each command takes 40 ms.
	require.Less(t, time.Since(began)/rounds, 20*time.Millisecond)

	chip.Remove()
	// Depending on the moment, the daemon reports a failure or success without
	// a single byte; a response it has none.
	answer, err = card.Transmit(readDG2)
	require.True(t, err != nil || len(answer) == 0, "%X", answer)
	r.waitFor(scard.StateEmpty)
	require.NoError(t, card.Disconnect(scard.LeaveCard))
	chip.PutBack()
	card = r.connect()
	answer, err = card.Transmit(readDG2)
	require.NoError(t, err)
	require.Equal(t, []byte{0x6A, 0x82}, answer, "the application is not selected any more")
	require.NoError(t, card.Disconnect(scard.ResetCard))

	cancel()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(patience):
		t.Fatal("the door does not end")
	}
	r.waitFor(scard.StateEmpty)
}
