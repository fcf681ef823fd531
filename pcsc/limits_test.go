package pcsc_test

import (
	"context"
	"encoding/hex"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/iso7816"
	"passport-agent/pcsc"
)

// What drivers answer, and what that says about the lengths of APDUs (PC/SC part
// 10). The answers of libccid are put together the way its release 1.5 does it,
// from what each reader's USB descriptor says.

const (
	// FEATURE_GET_TLV_PROPERTIES with the control code 42330012.
	ccidFeatures = "12 04 42330012"
	// dwMaxAPDUDataSize comes last.
	ccidBefore = "01 02 0000 | 03 01 00 | 09 01 00 | 0B 02 6B07 | 0C 02 2250 | "

	tlvProperties = 0x42330012
	unsupported   = pcsc.ReturnCode(0x8010001F)
)

func bytesOf(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.NewReplacer(" ", "", "|", "").Replace(s))
	require.NoError(t, err)
	return b
}

// driver is a reader with a document whose driver answers the two questions.
func driver(features, properties []byte) *pcsc.FakeLibrary {
	return &pcsc.FakeLibrary{
		Readers:  constant(present),
		Transmit: func([]byte) ([]byte, error) { return []byte{0x90, 0x00}, nil },
		Control: func(code uint32) ([]byte, error) {
			switch code {
			case pcsc.GetFeatures:
				return features, nil
			case tlvProperties:
				return properties, nil
			default:
				return nil, unsupported
			}
		},
	}
}

func TestLimitsAreWhatTheReaderAnnounces(t *testing.T) {
	var (
		silent   = iso7816.Limits{}
		short    = iso7816.Limits{Extended: iso7816.No}
		extended = iso7816.Limits{Extended: iso7816.Yes}
	)
	upTo := func(n int) iso7816.Limits { return iso7816.Limits{Extended: iso7816.Yes, MaxAPDU: n} }
	size := func(value string) string { return "0A 04 " + value }

	for _, c := range []struct {
		name, features, properties string
		want                       iso7816.Limits
	}{
		{"libccid, Regula 7050, short APDU level", ccidFeatures, "01 02 0000 | 03 01 00 | 09 01 00 | 0B 02 6A1C | 0C 02 5070 | 0A 04 00000000", short},
		{"libccid, OMNIKEY 5022, extended APDU level", ccidFeatures, ccidBefore + size("00000100"), extended},
		{"libccid, Prox-DU, with its firmware's name", ccidFeatures + "| 13 04 42000001",
			"01 02 0000 | 03 01 00 | 08 0F 47656D50726F782D44552D56312E33 | 09 01 01 | 0B 02 E608 | 0C 02 0355 | 0A 04 00000100", extended},
		{"libccid, with a key pad and a display", "06 04 42330006 | 07 04 42330007 | 0A 04 4233000A |" + ccidFeatures,
			"01 02 1002 | 04 02 1000 | 05 02 0200 | 03 01 00 | 06 01 04 | 07 01 08 | 02 01 02 | 09 01 00 | 0B 02 E608 | 0C 02 7834 | 0A 04 00000100", extended},
		{"vpcd as of 2023", ccidFeatures, size("00000100"), extended},
		{"a driver that counts to 65 535", ccidFeatures, size("FFFF0000"), upTo(65535)},
		{"a bound between", ccidFeatures, size("00080000"), upTo(2048)},
		{"the smallest bound above short length", ccidFeatures, size("01010000"), upTo(257)},
		{"256 is all that short length can carry", ccidFeatures, size("00010000"), short},
		{"a reader that carries less", ccidFeatures, size("FB000000"), short},
		{"more than there is", ccidFeatures, size("FFFFFFFF"), extended},

		{"nothing", "", "", silent},
		{"key pad only", "06 04 42330006", size("00000100"), silent},
		{"no properties", ccidFeatures, "", silent},
		{"not this property", ccidFeatures, ccidBefore, silent},
		{"control code of no bytes", "12 00", size("00000100"), silent},
		{"control code of three bytes", "12 03 423300", size("00000100"), silent},
		{"control code of eight bytes", "12 08 4233001200000000", size("00000100"), silent},
		{"control code that the driver does not know", "12 04 12003342", size("00000100"), silent},
		{"control code twice", ccidFeatures + "|" + ccidFeatures, size("00000100"), silent},
		{"features longer than they are", ccidFeatures + "| 13 FF 42000001", size("00000100"), silent},
		{"no bytes of size", ccidFeatures, "0A 00", silent},
		{"two bytes of size", ccidFeatures, "0A 02 0001", silent},
		{"eight bytes of size", ccidFeatures, "0A 08 0000010000000000", silent},
		{"sizes that contradict each other", ccidFeatures, size("00000000") + "|" + size("00000100"), silent},
		{"an empty size and another", ccidFeatures, "0A 00 |" + size("00000100"), silent},
		{"length beyond the end", ccidFeatures, "0A FF 00000100", silent},
		{"the one before hides it", ccidFeatures, "08 06 " + size("00000100"), silent},
		{"cut off after it", ccidFeatures, size("00000100") + "| 0B 02 6B", silent},
		{"a tag without a length at the end", ccidFeatures, size("00000100") + "| 0B", silent},
		{"zeros to the end of the buffer", ccidFeatures, strings.Repeat("00", 65535), silent},
	} {
		t.Run(c.name, func(t *testing.T) {
			card := connected(t, driver(bytesOf(t, c.features), bytesOf(t, c.properties)))
			require.Equal(t, c.want, card.Limits())
		})
	}
}

// An answer that ends too early says nothing, wherever it ends.
func TestAnnouncementsThatAreCutOff(t *testing.T) {
	features, properties := bytesOf(t, ccidFeatures), bytesOf(t, ccidBefore+"0A 04 00000100")
	require.Equal(t, iso7816.Yes, connected(t, driver(features, properties)).Limits().Extended)
	for n := range features {
		require.Zero(t, connected(t, driver(features[:n:n], properties)).Limits(), "%d bytes of features", n)
	}
	for n := range properties {
		require.Zero(t, connected(t, driver(features, properties[:n:n])).Limits(), "%d bytes of properties", n)
	}
}

// The reader is asked when the document is connected to, and the chip never.
func TestTheReaderIsAskedOnce(t *testing.T) {
	f := driver(bytesOf(t, ccidFeatures), bytesOf(t, ccidBefore+"0A 04 00000000"))
	var asked []uint32
	answer := f.Control
	f.Control = func(code uint32) ([]byte, error) {
		asked = append(asked, code)
		return answer(code)
	}
	var sent, resets atomic.Int64
	f.Transmit = func([]byte) ([]byte, error) { sent.Add(1); return []byte{0x90, 0x00}, nil }
	f.Reconnect = func() error { resets.Add(1); return nil }
	card := connected(t, f)
	require.Zero(t, sent.Load()+resets.Load())
	for range 2 {
		require.Equal(t, iso7816.No, card.Limits().Extended)
	}
	require.NoError(t, card.Reset(t.Context()))
	require.Equal(t, iso7816.No, card.Limits().Extended, "a reset is of the chip, not of the reader")
	require.Equal(t, []uint32{pcsc.GetFeatures, tlvProperties}, asked)
}

// No driver is made to answer: whatever it says instead, the document can be read.
func TestADriverThatRefusesTheQuestion(t *testing.T) {
	for _, refused := range []uint32{pcsc.GetFeatures, tlvProperties} {
		for _, code := range append(pcsc.KnownCodes(), unsupported, 1, 31, 50) {
			f := driver(bytesOf(t, ccidFeatures), bytesOf(t, ccidBefore+"0A 04 00000100"))
			answer := f.Control
			f.Control = func(control uint32) ([]byte, error) {
				if control == refused {
					return nil, code
				}
				return answer(control)
			}
			card := connected(t, f)
			require.Zero(t, card.Limits(), "%v", code)
			n, err := card.Transmit(t.Context(), make([]byte, 5), make([]byte, 258))
			require.NoError(t, err, "%v", code)
			require.Equal(t, 2, n)
		}
	}
}

// A call that does not come back leaves no reader to work with.
func TestADriverThatHangsOnTheQuestion(t *testing.T) {
	let, asked := make(chan struct{}), make(chan struct{}, 2)
	defer close(let)
	f := driver(nil, nil)
	f.Control = func(uint32) ([]byte, error) {
		asked <- struct{}{}
		<-let
		return nil, nil
	}
	_, err := f.Wait(t.Context(), pcsc.WaitOptions{StuckAfter: 100 * time.Millisecond})
	require.ErrorIs(t, err, fault.ReaderStuck)

	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { <-asked; cancel() }()
	_, err = f.Wait(ctx, pcsc.WaitOptions{})
	require.ErrorIs(t, err, context.Canceled)
}
