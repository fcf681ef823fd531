package pcscdtest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Readers is the number of readers.
const Readers = 2

// ReaderName returns the name under which pcscd lists a reader, 0 or 1.
func ReaderName(reader int) string { return fmt.Sprintf("Virtual PCD 00 %02d", reader) }

// port is where vpcd waits for the card of a reader.
func port(reader int) int { return 35963 + reader }

// Control is what a reader does to a card besides sending commands.
type Control byte

// The control bytes of vpcd's protocol.
const (
	PowerOff Control = 0
	PowerOn  Control = 1
	Reset    Control = 2
	sendATR  Control = 4
)

// ATR is the answer to reset of a card that sets none: a contactless chip of type
// A without historical bytes (PC/SC part 3, 3.1.3.2.3).
var ATR = [...]byte{0x3B, 0x80, 0x80, 0x01, 0x01}

// Card is a card for a virtual reader. It begins outside.
type Card struct {
	// Answer returns the response to a command. On nil the card leaves the
	// reader instead of answering.
	Answer func(command []byte) []byte
	// ATR is the answer to reset, where it is not the package's.
	ATR []byte
	// Controls receives what the reader does to the card, as long as there is room.
	Controls chan Control

	reader     int
	mutex      sync.Mutex
	connection net.Conn
}

// NewCard returns a card for a reader, 0 or 1. The test's end takes it off.
func NewCard(t testing.TB, reader int, answer func(command []byte) []byte) *Card {
	t.Helper()
	Require(t)
	c := &Card{Answer: answer, ATR: ATR[:], Controls: make(chan Control, 1024), reader: reader}
	t.Cleanup(c.Remove)
	return c
}

// Insert puts the card on its reader.
func (c *Card) Insert(t testing.TB) {
	t.Helper()
	connection, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port(c.reader)), 10*time.Second)
	if err != nil {
		t.Fatalf("vpcd does not listen: %v", err)
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.connection = connection
	go c.serve(connection)
}

// Remove takes the card off its reader, where it lies on it. It does not wait for
// an Answer that is under way.
func (c *Card) Remove() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.connection != nil {
		_ = c.connection.Close() // the card may have left by itself
		c.connection = nil
	}
}

func (c *Card) serve(connection net.Conn) {
	defer func() { _ = connection.Close() }() // Remove may have closed it
	for {
		message, err := receive(connection)
		if err != nil {
			return
		}
		var answer []byte
		switch {
		case len(message) == 1 && Control(message[0]) == sendATR:
			answer = c.ATR
		case len(message) == 1:
			select {
			case c.Controls <- Control(message[0]):
			default:
			}
			continue
		default:
			if answer = c.Answer(message); answer == nil {
				return
			}
		}
		if _, err := connection.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}

func receive(connection net.Conn) ([]byte, error) {
	var length [2]byte
	if err := read(connection, length[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(length[:]))
	if len(message) == 0 {
		return nil, errors.New("empty message")
	}
	return message, read(connection, message)
}

// read fills b. vpcd writes length and payload apart; without an acknowledgement
// at once, Nagle's algorithm holds the second back for 40 ms.
func read(connection net.Conn, b []byte) error {
	for len(b) > 0 {
		if err := acknowledgeAtOnce(connection); err != nil {
			return err
		}
		n, err := connection.Read(b)
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrNoProgress
		}
		b = b[n:]
	}
	return nil
}
