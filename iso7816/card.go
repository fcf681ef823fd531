// Package iso7816 holds what every smart card dialogue shares: command and
// response APDUs, status words, BER-TLV (ISO/IEC 7816-4) and the Card seam that
// real readers and the virtual passport implement.
package iso7816

import (
	"context"
	"errors"
)

// ErrRemoved says that the document has left the reader.
var ErrRemoved = errors.New("the document was removed")

// ErrReset says that the card was reset behind our back: its session state is
// gone, the document itself is still there.
var ErrReset = errors.New("the card was reset")

// Card is a document on a reader. It is used by one goroutine at a time.
type Card interface {
	// Transmit sends one command APDU and puts the response APDU, status word
	// included, into response; n is its length in bytes. It fails with
	// ErrRemoved or ErrReset where that is what happened. The context is
	// honoured before sending; a command under way is always waited for.
	Transmit(ctx context.Context, command, response []byte) (n int, err error)
	// Reset power-cycles the card; the same document is expected afterwards.
	Reset(ctx context.Context) error
	// ATR returns the answer to reset (for contactless cards, the one that
	// PC/SC part 3 makes up).
	ATR() []byte
	// Limits returns what reader and driver announce about APDU lengths.
	Limits() Limits
}

// Support says whether something is supported, where that may be unknown.
type Support int

// The zero value is Unknown: nobody said anything.
const (
	Unknown Support = iota
	No
	Yes
)

// Limits is what reader and driver announce about APDU lengths. The zero value
// means that they are silent.
type Limits struct {
	// Extended says whether extended-length APDUs pass.
	Extended Support
	// MaxAPDU is the longest APDU in bytes, in either direction; 0 is unknown.
	MaxAPDU int
}
