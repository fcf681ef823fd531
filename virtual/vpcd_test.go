package virtual_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/iso7816"
	"passport-agent/virtual"
)

const patience = 10 * time.Second

// driver plays vpcd: it listens, and the card connects.
type driver struct {
	t          *testing.T
	listener   net.Listener
	connection net.Conn
}

func newDriver(t *testing.T) *driver {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return &driver{t: t, listener: listener}
}

func (d *driver) accept() {
	d.t.Helper()
	require.NoError(d.t, d.listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience)))
	connection, err := d.listener.Accept()
	require.NoError(d.t, err)
	require.NoError(d.t, connection.SetDeadline(time.Now().Add(patience)))
	d.connection = connection
	d.t.Cleanup(func() { _ = connection.Close() })
}

// send writes a frame in pieces of so many bytes, each in a segment of its own.
func (d *driver) send(piece int, payload ...byte) {
	d.t.Helper()
	frame := append(binary.BigEndian.AppendUint16(nil, uint16(len(payload))), payload...)
	for len(frame) > 0 {
		n := min(piece, len(frame))
		_, err := d.connection.Write(frame[:n])
		require.NoError(d.t, err)
		frame = frame[n:]
	}
}

func (d *driver) receive() []byte {
	d.t.Helper()
	var length [2]byte
	_, err := io.ReadFull(d.connection, length[:])
	require.NoError(d.t, err)
	payload := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err = io.ReadFull(d.connection, payload)
	require.NoError(d.t, err)
	return payload
}

// expectEnd waits for the card to hang up.
func (d *driver) expectEnd() {
	d.t.Helper()
	rest, err := io.ReadAll(d.connection)
	require.NoError(d.t, err)
	require.Empty(d.t, rest)
}

// serve runs the door; the channel gives what it returns.
func serve(ctx context.Context, d *driver, chip *virtual.Chip, observe func(virtual.VPCDEvent)) <-chan error {
	ended := make(chan error, 1)
	go func() {
		ended <- virtual.Serve(ctx, virtual.VPCDOptions{Address: d.listener.Addr().String()}, chip, observe)
	}()
	return ended
}

func wait(t *testing.T, ended <-chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(patience):
		t.Fatal("the door does not end")
		return nil
	}
}

func TestDoorCarriesCommandsAndControls(t *testing.T) {
	for _, piece := range []int{1, 2, 1 << 20} {
		chip := newChip(t, virtual.Profile{})
		d := newDriver(t)
		ctx, cancel := context.WithCancel(t.Context())
		events := make(chan virtual.VPCDEvent, 10)
		ended := serve(ctx, d, chip, func(e virtual.VPCDEvent) { events <- e })
		d.accept()
		d.send(piece, 1)
		d.send(piece, 4)
		require.Equal(t, chip.ATR(), d.receive())
		d.send(piece, selectApplication...)
		require.Equal(t, []byte{0x90, 0x00}, d.receive())
		d.send(piece, getChallenge...)
		require.Len(t, d.receive(), 10)
		d.send(piece, 2)
		d.send(piece) // an empty frame and an unknown control are nothing
		d.send(piece, 9)
		d.send(piece, 0x00, 0xB0, 0x9E, 0x00, 0x04)
		require.Equal(t, []byte{0x6A, 0x82}, d.receive(), "reset: the application is not selected any more")
		d.send(piece, 0)
		d.send(piece, 4)
		require.Equal(t, chip.ATR(), d.receive())
		require.Equal(t, 2, chip.Counters().Resets)
		require.Equal(t, 3, chip.Counters().Commands)
		cancel()
		require.NoError(t, wait(t, ended))
		d.expectEnd()
		close(events)
		var seen []virtual.VPCDEvent
		for e := range events {
			seen = append(seen, e)
		}
		require.Equal(t, []virtual.VPCDEvent{virtual.VPCDInserted, virtual.VPCDPowerOn, virtual.VPCDReset, virtual.VPCDPowerOff, virtual.VPCDRemoved}, seen)
	}
}

func TestDoorCarriesExtendedLength(t *testing.T) {
	document := specimen()
	document.Files[virtual.DataGroup(2)] = bytes.Repeat([]byte{0xA5}, 70000)
	chip, err := virtual.NewChip(document, virtual.ChipOptions{Profile: virtual.Profile{Access: virtual.AccessNone, Extended: &virtual.Extended{}}})
	require.NoError(t, err)
	d := newDriver(t)
	ended := serve(t.Context(), d, chip, nil)
	d.accept()
	d.send(1<<20, selectApplication...)
	d.receive()
	d.send(1<<20, 0x00, 0xB0, 0x82, 0x00, 0x00, 0xFF, 0xFD) // 65533 bytes and a status word fill a frame
	require.Len(t, d.receive(), 65535)
	d.send(1<<20, 0x00, 0xB0, 0x82, 0x00, 0x00, 0xFF, 0xFE)
	d.expectEnd()
	err = wait(t, ended)
	require.ErrorContains(t, err, "65536")
	require.NotErrorIs(t, err, fault.PCSCNoService)
}

// Each piece that is written to a pipe is a read of its own.
func TestDoorPutsFramesTogether(t *testing.T) {
	card, reader := net.Pipe()
	go func() {
		for _, piece := range []string{"a", "bc", "def"} {
			_, _ = io.WriteString(reader, piece) // the other end reports what is missing
		}
		_ = reader.Close()
	}()
	got := make([]byte, 5)
	require.NoError(t, virtual.ReadFull(card, got))
	require.Equal(t, "abcde", string(got))
	require.ErrorIs(t, virtual.ReadFull(card, got), io.EOF)
}

func TestDoorFollowsTheDocument(t *testing.T) {
	chip := newChip(t, virtual.Profile{})
	chip.Remove()
	d := newDriver(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := serve(ctx, d, chip, nil)
	chip.PutBack()
	d.accept()
	d.send(2, 4)
	d.receive()

	chip.Remove() // while the door waits for a command
	d.expectEnd()
	chip.PutBack()
	d.accept()
	chip.RemoveAt(1, virtual.AnswerLost)
	d.send(2, getChallenge...)
	require.Len(t, d.receive(), 10)
	d.send(2, getChallenge...)
	d.expectEnd()
	require.Equal(t, 2, chip.Counters().Commands)

	cancel() // while the document is away
	require.NoError(t, wait(t, ended))
}

func TestDoorWithoutReader(t *testing.T) {
	d := newDriver(t)
	address := d.listener.Addr().String()
	require.NoError(t, d.listener.Close())
	err := virtual.Serve(t.Context(), virtual.VPCDOptions{Address: address}, newChip(t, virtual.Profile{}), nil)
	require.ErrorIs(t, err, fault.PCSCNoService)
	require.ErrorContains(t, err, address)
	var network *net.OpError
	require.ErrorAs(t, err, &network)
}

func TestReaderThatHangsUp(t *testing.T) {
	for _, sent := range [][]byte{nil, {0x00}, {0x00, 0x05, 0x00}} {
		d := newDriver(t)
		ended := serve(t.Context(), d, newChip(t, virtual.Profile{}), nil)
		d.accept()
		_, err := d.connection.Write(sent)
		require.NoError(t, err)
		require.NoError(t, d.connection.Close())
		require.ErrorIs(t, wait(t, ended), fault.PCSCNoService)
	}
}

// An answer to a cancelled context is nil, whatever the door was doing.
func TestEndedContextIsNoError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, wait(t, serve(ctx, newDriver(t), newChip(t, virtual.Profile{}), nil)))
}

var _ iso7816.Card = (*virtual.Chip)(nil)

// vpcd cannot say that a card lost its power: the card leaves and comes back.
func TestLossOfPowerBehindTheDoor(t *testing.T) {
	chip := newChip(t, virtual.Profile{ResetAt: []int{1}})
	d := newDriver(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := serve(ctx, d, chip, nil)
	d.accept()
	d.send(1<<20, selectApplication...)
	require.Equal(t, []byte{0x90, 0x00}, d.receive())
	d.send(1<<20, getChallenge...)
	d.expectEnd()
	d.accept()
	d.send(1<<20, getChallenge...)
	require.Len(t, d.receive(), 10)
	cancel()
	require.NoError(t, wait(t, ended))
}
