package pcsc

import (
	"errors"
	"time"

	"passport-agent/internal/fault"
)

// library is the PC/SC library of the machine: the seam between this package and
// its two backends. Every error below it is a ReturnCode, or a fault where the
// library itself is not there.
type library struct {
	// establish makes a context, which one goroutine uses.
	establish func() (session, error)
	// statusBlocks says that statusChange may wait. Where it may not, the state
	// of readers is polled.
	statusBlocks bool
	// stopsWhenUnused says that the service is down as long as no reader is
	// plugged in (Windows).
	stopsWhenUnused bool
	// getFeatures is CM_IOCTL_GET_FEATURE_REQUEST as a control code of the system.
	getFeatures uint32
}

// unlessUnused returns err, except where it is the way to say that no reader is
// plugged in.
func (l library) unlessUnused(err error) error {
	if l.stopsWhenUnused && errors.Is(err, fault.PCSCNoService) {
		return nil
	}
	return err
}

// session is a context of PC/SC.
type session interface {
	listReaders() ([]string, error)
	// statusChange is SCardGetStatusChange; it fills event and atr.
	statusChange(timeout time.Duration, states []readerState) error
	connect(reader string, share uint32) (link, error)
	release() error
}

// link is a card handle of PC/SC.
type link interface {
	// transmit returns the response, valid until the next call.
	transmit(command []byte) ([]byte, error)
	reconnect(share, initialization uint32) error
	beginTransaction() error
	// control asks the reader's driver; the answer is valid until the next call.
	control(code uint32) ([]byte, error)
	disconnect(disposition uint32) error
}

// readerState is SCARD_READERSTATE.
type readerState struct {
	name    string
	current uint32
	event   uint32
	atr     []byte
}

// Values of winscard.h.
const (
	shareExclusive = 1
	shareShared    = 2

	leaveCard = 0
	resetCard = 1

	stateUnaware     = 0
	stateChanged     = 0x0002
	stateUnknown     = 0x0004
	stateUnavailable = 0x0008
	stateEmpty       = 0x0010
	statePresent     = 0x0020
	stateExclusive   = 0x0080
	stateInUse       = 0x0100
	stateMute        = 0x0200

	// newReader is the name under which PC/SC reports that a reader came or went.
	newReader = `\\?PnP?\Notification`
)

// inserted says whether a card lies on the reader, and which one in the order of
// insertions: the upper 16 bits of a state count them.
func (s readerState) inserted() (present bool, counter uint16) {
	return s.event&statePresent != 0 && s.event&stateEmpty == 0, uint16(s.event >> 16)
}
