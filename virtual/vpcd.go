package virtual

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	"passport-agent/internal/fault"
	"passport-agent/iso7816"
)

// VPCDAddress is where vpcd waits for the card of its first reader, as Debian's
// package sets it up; the second reader's port is one higher.
const VPCDAddress = "127.0.0.1:35963"

// VPCDOptions says where to go with a chip.
type VPCDOptions struct {
	// Address is host and port of a vpcd reader; empty is VPCDAddress.
	Address string
}

// VPCDEvent is what happens at the door. Commands are observed at the chip.
type VPCDEvent string

// Events at the door.
const (
	VPCDInserted VPCDEvent = "inserted"
	VPCDRemoved  VPCDEvent = "removed"
	VPCDPowerOn  VPCDEvent = "power_on"
	VPCDPowerOff VPCDEvent = "power_off"
	VPCDReset    VPCDEvent = "reset"
)

// Payloads of one byte that are no command: what the reader does to the card.
const (
	controlPowerOff = 0
	controlPowerOn  = 1
	controlReset    = 2
	controlATR      = 4
)

// maxFrame is the longest payload in bytes that two bytes of length can announce.
const maxFrame = 0xFFFF

var errFrame = errors.New("response does not fit a frame of vpcd")

// Serve holds a chip to a reader of vpcd until the context ends, and then returns
// nil. While the document is removed the connection is closed; after PutBack it
// is opened again. observe is called for each event and may be nil. Serve fails
// with fault.PCSCNoService where nobody listens or the reader hangs up, and ends
// where the reader asks for a response of more than 65 535 bytes.
func Serve(ctx context.Context, o VPCDOptions, chip *Chip, observe func(VPCDEvent)) error {
	if o.Address == "" {
		o.Address = VPCDAddress
	}
	if observe == nil {
		observe = func(VPCDEvent) {}
	}
	d := &door{address: o.Address, chip: chip, observe: observe, response: make([]byte, 2+iso7816.MaxResponse)}
	for ctx.Err() == nil {
		left := d.waitForDocument(ctx)
		if left == nil {
			break
		}
		if err := d.insert(ctx, left); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

type door struct {
	address  string
	chip     *Chip
	observe  func(VPCDEvent)
	command  [maxFrame]byte
	response []byte // length and response APDU
}

// waitForDocument returns a channel that is closed when the document, which is
// there now, leaves; nil where the context ends first.
func (d *door) waitForDocument(ctx context.Context) (left <-chan struct{}) {
	for {
		present, changed := d.chip.Present()
		if present {
			return changed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// insert connects and serves. It returns nil when the document has left or lost
// its power, and an error when the reader hangs up.
func (d *door) insert(ctx context.Context, left <-chan struct{}) error {
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, "tcp", d.address)
	if err != nil {
		return fault.New(fault.PCSCNoService, "no virtual reader (vpcd) listens at "+d.address, err)
	}
	d.observe(VPCDInserted)
	defer d.observe(VPCDRemoved)
	hangUp := hangUpWhen(ctx, left, connection)
	for err == nil {
		err = d.serveFrame(ctx, connection)
	}
	hangUp()
	select {
	case <-left:
		return nil
	default:
	}
	switch {
	case errors.Is(err, iso7816.ErrReset):
		// vpcd has no word for it: the card is gone for a moment.
		return nil
	case errors.Is(err, errFrame):
		return err
	}
	return fault.New(fault.PCSCNoService, "the virtual reader at "+d.address+" hung up", err)
}

// hangUpWhen closes the connection, which ends a read under way, as soon as the
// document has left or the context ends. The function that it returns does so at
// once.
func hangUpWhen(ctx context.Context, left <-chan struct{}, connection net.Conn) func() {
	ctx, cancel := context.WithCancel(ctx)
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		select {
		case <-left:
		case <-ctx.Done():
		}
		// Nothing is lost with a connection that was to end.
		_ = connection.Close()
	}()
	return func() {
		cancel()
		<-closed
	}
}

// serveFrame reads one payload and does what it says.
func (d *door) serveFrame(ctx context.Context, connection net.Conn) error {
	payload, err := d.readFrame(connection)
	if err != nil {
		return err
	}
	switch {
	case len(payload) == 0:
		return nil
	case len(payload) == 1:
		return d.control(ctx, connection, payload[0])
	}
	n, err := d.chip.Transmit(ctx, payload, d.response[2:])
	if err != nil {
		return err
	}
	return d.writeFrame(connection, n)
}

func (d *door) control(ctx context.Context, connection net.Conn, control byte) error {
	switch control {
	case controlPowerOff:
		d.observe(VPCDPowerOff)
		return d.chip.Reset(ctx)
	case controlPowerOn:
		// The chip lost its state when the power went.
		d.observe(VPCDPowerOn)
		return nil
	case controlReset:
		d.observe(VPCDReset)
		return d.chip.Reset(ctx)
	case controlATR:
		return d.writeFrame(connection, copy(d.response[2:], d.chip.ATR()))
	default:
		return nil
	}
}

// readFrame reads two bytes of length, most significant first, and the payload.
func (d *door) readFrame(connection net.Conn) ([]byte, error) {
	if err := readFull(connection, d.command[:2]); err != nil {
		return nil, err
	}
	payload := d.command[:binary.BigEndian.Uint16(d.command[:])]
	return payload, readFull(connection, payload)
}

// readFull reads a part of a frame. vpcd sends length and payload in two writes:
// without an acknowledgement at once, Nagle's algorithm holds the second one back
// for 40 ms.
func readFull(connection net.Conn, b []byte) error {
	for len(b) > 0 {
		if err := acknowledgeAtOnce(connection); err != nil {
			return err
		}
		n, err := connection.Read(b)
		b = b[n:]
		if err != nil && len(b) > 0 {
			return err
		}
	}
	return nil
}

// writeFrame sends the first n bytes of the response.
func (d *door) writeFrame(connection net.Conn, n int) error {
	if n > maxFrame {
		return fmt.Errorf("%w: %d bytes", errFrame, n)
	}
	binary.BigEndian.PutUint16(d.response, uint16(n))
	_, err := connection.Write(d.response[:2+n])
	return err
}
