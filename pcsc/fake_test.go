package pcsc_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/iso7816"
	"passport-agent/pcsc"
)

// What the virtual readers cannot show: other operating systems, readers that come
// and go, chips that do not power up.

const (
	empty   = 0x0010
	present = 0x0020
	inUse   = 0x0100
	mute    = 0x0200
	gone    = 0x000C // unknown, unavailable
)

const (
	noService        pcsc.ReturnCode = 0x8010001D
	noReaders        pcsc.ReturnCode = 0x8010002E
	unresponsive     pcsc.ReturnCode = 0x80100066
	unpowered        pcsc.ReturnCode = 0x80100067
	resetByOther     pcsc.ReturnCode = 0x80100068
	notTransacted    pcsc.ReturnCode = 0x80100016
	sharingViolation pcsc.ReturnCode = 0x8010000B
	unknownReader    pcsc.ReturnCode = 0x80100009
	removedCard      pcsc.ReturnCode = 0x80100069
)

func reader(event uint32) []pcsc.FakeReader {
	return []pcsc.FakeReader{{Name: "Desk", Event: event, ATR: []byte{0x3B, 0x80, 0x80, 0x01, 0x01}}}
}

// constant is a list of readers that does not change.
func constant(event uint32) func() ([]pcsc.FakeReader, error) {
	return func() ([]pcsc.FakeReader, error) { return reader(event), nil }
}

func limited(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestReaderStates(t *testing.T) {
	for event, want := range map[uint32]pcsc.ReaderStatus{
		empty:          pcsc.ReaderEmpty,
		present:        pcsc.ReaderDocument,
		present | mute: pcsc.ReaderMute,
		// The insertion counter does not matter.
		0x00070000 | present | inUse: pcsc.ReaderInUse,
		gone:                         pcsc.ReaderUnavailable,
	} {
		list, err := (&pcsc.FakeLibrary{Readers: constant(event)}).List(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, list[0].Status)
		require.Equal(t, event&present != 0, list[0].ATR != nil, "PC/SC keeps the ATR of a card that has left")
	}
}

// Windows stops its service with the last reader: that is no fault but no reader.
func TestOnWindowsNoServiceMeansNoReader(t *testing.T) {
	var up atomic.Bool
	f := &pcsc.FakeLibrary{Windows: true,
		Establish: func() error {
			if up.Load() {
				return nil
			}
			return noService
		},
		Readers: constant(present),
	}
	list, err := f.List(t.Context())
	require.NoError(t, err)
	require.Empty(t, list)
	_, err = f.Wait(t.Context(), pcsc.WaitOptions{Timeout: 50 * time.Millisecond})
	require.ErrorIs(t, err, fault.NoReader)

	// Plugging a reader in starts it.
	card, err := f.Wait(t.Context(), pcsc.WaitOptions{Timeout: 10 * time.Second, Observe: func(e pcsc.Event) {
		if e.Kind == pcsc.EventNoReader {
			up.Store(true)
		}
	}})
	require.NoError(t, err)
	require.Equal(t, "Desk", card.Reader())
	require.NoError(t, card.Close())
}

func TestReadersComeAndGoWhileWaiting(t *testing.T) {
	for _, blocks := range []bool{false, true} {
		var list atomic.Pointer[[]pcsc.FakeReader]
		list.Store(&[]pcsc.FakeReader{})
		f := &pcsc.FakeLibrary{Blocks: blocks, Readers: func() ([]pcsc.FakeReader, error) {
			if len(*list.Load()) == 0 {
				return nil, noReaders
			}
			return *list.Load(), nil
		}}
		steps := [][]pcsc.FakeReader{reader(empty), {}, reader(present)}
		var kinds []pcsc.EventKind
		card, err := f.Wait(t.Context(), pcsc.WaitOptions{Reader: "desk", Timeout: 10 * time.Second, Observe: func(e pcsc.Event) {
			kinds = append(kinds, e.Kind)
			if len(steps) > 0 {
				list.Store(&steps[0])
				steps = steps[1:]
			}
		}})
		require.NoError(t, err)
		require.Equal(t, []pcsc.EventKind{pcsc.EventNoReader, pcsc.EventWaiting, pcsc.EventNoReader, pcsc.EventDocument}, kinds)
		require.NoError(t, card.Close())
	}
}

// A document that lies badly may be laid down again within the time.
func TestAMuteCardMayBePlacedAgain(t *testing.T) {
	for _, code := range []pcsc.ReturnCode{unresponsive, unpowered} {
		var good atomic.Bool
		f := &pcsc.FakeLibrary{Readers: constant(present | mute), Connect: func(string, uint32) error {
			if good.Load() {
				return nil
			}
			return code
		}}
		_, err := f.Wait(t.Context(), pcsc.WaitOptions{Timeout: 150 * time.Millisecond})
		require.ErrorIs(t, err, fault.CardUnresponsive)

		var events []pcsc.Event
		card, err := f.Wait(t.Context(), pcsc.WaitOptions{Timeout: 10 * time.Second, Observe: func(e pcsc.Event) {
			events = append(events, e)
			good.Store(true)
		}})
		require.NoError(t, err)
		require.Equal(t, []pcsc.Event{{Kind: pcsc.EventUnresponsive, Reader: "Desk"}, {Kind: pcsc.EventDocument, Reader: "Desk"}}, events)
		require.NoError(t, card.Close())
	}
}

func TestCancellingBetweenAttemptsOnABusyReader(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var attempts atomic.Int64
	f := &pcsc.FakeLibrary{Readers: constant(present), Connect: func(string, uint32) error {
		if attempts.Add(1) == 2 {
			cancel()
		}
		return sharingViolation
	}}
	_, err := f.Wait(ctx, pcsc.WaitOptions{})
	require.ErrorIs(t, err, context.Canceled)
	require.EqualValues(t, 2, attempts.Load())
}

func TestAReaderThatHangsWhileConnecting(t *testing.T) {
	let := make(chan struct{})
	defer close(let)
	f := &pcsc.FakeLibrary{Readers: constant(present), Connect: func(string, uint32) error { <-let; return nil }}
	_, err := f.Wait(t.Context(), pcsc.WaitOptions{StuckAfter: 100 * time.Millisecond})
	require.ErrorIs(t, err, fault.ReaderStuck)
	// A cancel does not wait for it.
	ctx, cancel := context.WithCancel(t.Context())
	timer := time.AfterFunc(50*time.Millisecond, cancel)
	defer timer.Stop()
	_, err = f.Wait(ctx, pcsc.WaitOptions{})
	require.ErrorIs(t, err, context.Canceled)
}

func connected(t *testing.T, f *pcsc.FakeLibrary) *pcsc.Card {
	t.Helper()
	card, err := f.Wait(limited(t, 10*time.Second), pcsc.WaitOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, card.Close()) })
	return card
}

// chip-quirks, 30: readers refuse a command that is too long for them with the
// same code as one that found no document.
func TestACommandThatTheReaderDoesNotCarry(t *testing.T) {
	f := &pcsc.FakeLibrary{Readers: constant(present), Transmit: func([]byte) ([]byte, error) { return nil, notTransacted }}
	card := connected(t, f)
	_, err := card.Transmit(t.Context(), make([]byte, 300), make([]byte, 258))
	require.ErrorIs(t, err, fault.CommandNotTransacted)
	require.NotErrorIs(t, err, iso7816.ErrRemoved)
	var code pcsc.ReturnCode
	require.ErrorAs(t, err, &code)
	require.Equal(t, notTransacted, code)

	// The document is still there: a reset and a shorter command may follow.
	f.Transmit = func([]byte) ([]byte, error) { return []byte{0x90, 0x00}, nil }
	require.NoError(t, card.Reset(t.Context()))
	_, err = card.Transmit(t.Context(), make([]byte, 5), make([]byte, 258))
	require.NoError(t, err)
}

// The same code, and the document was away for a moment: the counter tells.
func TestADocumentThatLeftAndCameBackIsRemoved(t *testing.T) {
	for _, code := range []pcsc.ReturnCode{notTransacted, resetByOther, unresponsive} {
		var event atomic.Uint32
		event.Store(0x00010000 | present)
		f := &pcsc.FakeLibrary{Readers: func() ([]pcsc.FakeReader, error) { return reader(event.Load()), nil }}
		f.Transmit = func([]byte) ([]byte, error) {
			event.Store(0x00030000 | present)
			return nil, code
		}
		card := connected(t, f)
		_, err := card.Transmit(t.Context(), make([]byte, 5), make([]byte, 258))
		require.ErrorIs(t, err, iso7816.ErrRemoved)
		require.ErrorIs(t, err, fault.DocumentRemoved)
	}
}

func TestAResetByAnotherProgram(t *testing.T) {
	f := &pcsc.FakeLibrary{Readers: constant(present), Transmit: func([]byte) ([]byte, error) { return nil, resetByOther }}
	card := connected(t, f)
	_, err := card.Transmit(t.Context(), make([]byte, 5), make([]byte, 258))
	require.ErrorIs(t, err, iso7816.ErrReset)
	require.ErrorIs(t, err, fault.CardReset)

	// Nothing is sent in a session that is gone.
	f.Transmit = func([]byte) ([]byte, error) { return nil, errors.New("sent") }
	_, err = card.Transmit(t.Context(), make([]byte, 5), make([]byte, 258))
	require.ErrorIs(t, err, iso7816.ErrReset)
	f.Transmit = func([]byte) ([]byte, error) { return []byte{0x90, 0x00}, nil }
	require.NoError(t, card.Reset(t.Context()))
	_, err = card.Transmit(t.Context(), make([]byte, 5), make([]byte, 258))
	require.NoError(t, err)
}

func TestAnAnswerWithoutStatusWordIsRefused(t *testing.T) {
	for _, answer := range [][]byte{nil, {0x90}} {
		card := connected(t, &pcsc.FakeLibrary{Readers: constant(present), Transmit: func([]byte) ([]byte, error) { return answer, nil }})
		_, err := card.Transmit(t.Context(), make([]byte, 5), make([]byte, 258))
		require.ErrorIs(t, err, fault.PCSCFailed)
	}
}

func TestAReaderThatIsUnplugged(t *testing.T) {
	var away atomic.Bool
	f := &pcsc.FakeLibrary{
		Readers: func() ([]pcsc.FakeReader, error) {
			if away.Load() {
				return nil, noReaders
			}
			return reader(present), nil
		},
		Transmit: func([]byte) ([]byte, error) { away.Store(true); return nil, unknownReader },
	}
	card := connected(t, f)
	_, err := card.Transmit(t.Context(), make([]byte, 5), make([]byte, 258))
	require.ErrorIs(t, err, fault.ReaderUnplugged)
	_, err = card.Transmit(t.Context(), make([]byte, 5), make([]byte, 258))
	require.ErrorIs(t, err, fault.ReaderUnplugged)
}

func TestCancellingWhileARemovalIsLookedFor(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := &pcsc.FakeLibrary{Readers: constant(present), Transmit: func([]byte) ([]byte, error) {
		time.AfterFunc(50*time.Millisecond, cancel)
		return nil, notTransacted
	}}
	card := connected(t, f)
	_, err := card.Transmit(ctx, make([]byte, 5), make([]byte, 258))
	require.ErrorIs(t, err, context.Canceled)
}

// What each return code means to a person, in one table.
func TestEveryReturnCodeHasItsFault(t *testing.T) {
	want := map[pcsc.ReturnCode]fault.Code{
		0x80100001: fault.PCSCFailed, 0x80100008: fault.PCSCFailed, 0x8010000A: fault.PCSCFailed,
		0x80100013: fault.PCSCFailed, 0x8010002F: fault.PCSCFailed,
		0x80100003: fault.PCSCNoService, 0x80100012: fault.PCSCNoService, 0x80100018: fault.PCSCNoService,
		noService: fault.PCSCNoService, 0x8010001E: fault.PCSCNoService,
		0x80100027: fault.PCSCNotPermitted, 0x8010006A: fault.PCSCNotPermitted, 5: fault.PCSCNotPermitted,
		noReaders:     fault.NoReader,
		unknownReader: fault.ReaderUnplugged, 0x80100017: fault.ReaderUnplugged, 22: fault.ReaderUnplugged,
		sharingViolation: fault.ReaderBusy,
		notTransacted:    fault.CommandNotTransacted,
		0x8010000C:       fault.DocumentRemoved, removedCard: fault.DocumentRemoved,
		resetByOther: fault.CardReset,
		0x8010000F:   fault.CardUnresponsive, 0x80100010: fault.CardUnresponsive, 0x80100015: fault.CardUnresponsive,
		0x8010001C: fault.CardUnresponsive, 0x80100065: fault.CardUnresponsive,
		unresponsive: fault.CardUnresponsive, unpowered: fault.CardUnresponsive,
	}
	for _, code := range pcsc.KnownCodes() {
		require.Contains(t, want, code)
	}
	for code, expected := range want {
		err := pcsc.Classify(code)
		require.ErrorIs(t, err, expected, "%v", code)
		var reached pcsc.ReturnCode
		require.ErrorAs(t, err, &reached)
		require.Equal(t, code, reached)
		require.Equal(t, expected == fault.DocumentRemoved, errors.Is(err, iso7816.ErrRemoved))
		require.Equal(t, expected == fault.CardReset, errors.Is(err, iso7816.ErrReset))
	}
	require.ErrorIs(t, pcsc.Classify(pcsc.ReturnCode(0x80109999)), fault.PCSCFailed)
	require.EqualError(t, pcsc.ReturnCode(0x80109999), "PC/SC return code 80109999")
	require.EqualError(t, noService, "SCARD_E_NO_SERVICE (8010001D)")
	require.NoError(t, pcsc.Classify(nil))
}
