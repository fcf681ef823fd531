//go:build linux

package pcsc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"passport-agent/internal/fault"
	"passport-agent/internal/pcscdtest"
	"passport-agent/iso7816"
	"passport-agent/pcsc"
)

// The suite runs against a real pcscd, through whichever backend the build has.

const patience = 10 * time.Second

var (
	command = []byte{0x00, 0xA4, 0x04, 0x0C, 0x07, 0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01}
	success = []byte{0x90, 0x00}
)

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func agree([]byte) []byte { return success }

// newChip returns a card for a reader. The test's end takes it off and waits until
// the daemon has noticed.
func newChip(t *testing.T, reader int, answer func([]byte) []byte) *pcscdtest.Card {
	t.Helper()
	chip := pcscdtest.NewCard(t, reader, answer)
	t.Cleanup(func() {
		chip.Remove()
		require.Eventually(t, func() bool { return pcsc.AtRest(t, reader) }, patience, 10*time.Millisecond)
	})
	return chip
}

// requireStatus waits until a reader has a state.
func requireStatus(t *testing.T, reader int, want ...pcsc.ReaderStatus) {
	t.Helper()
	require.Eventually(t, func() bool {
		readers, err := pcsc.Readers(context.Background())
		return err == nil && len(readers) > reader && slices.Contains(want, readers[reader].Status)
	}, patience, 10*time.Millisecond)
}

// place puts a card on a reader and connects to it.
func place(t *testing.T, reader int, answer func([]byte) []byte, options pcsc.WaitOptions) (*pcscdtest.Card, *pcsc.Card) {
	t.Helper()
	chip := newChip(t, reader, answer)
	chip.Insert(t)
	options.Reader = pcscdtest.ReaderName(reader)
	card, err := pcsc.Wait(testContext(t), options)
	require.NoError(t, err)
	t.Cleanup(func() { _ = card.Close() }) // tests of Close look at its error themselves
	return chip, card
}

// saw waits until the reader has done something to the chip.
func saw(t *testing.T, chip *pcscdtest.Card, want pcscdtest.Control) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case got := <-chip.Controls:
			if got == want {
				return
			}
		case <-deadline:
			require.Fail(t, "the reader did not do it", "control %d", want)
		}
	}
}

func drain(chip *pcscdtest.Card) {
	for {
		select {
		case <-chip.Controls:
		default:
			return
		}
	}
}

func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		require.Fail(t, "nothing came")
		panic("unreachable")
	}
}

func TestReadersAreListedWithTheirState(t *testing.T) {
	pcscdtest.Require(t)
	readers, err := pcsc.Readers(testContext(t))
	require.NoError(t, err)
	// The daemon counts on from the tests before.
	require.Equal(t, []pcsc.ReaderInfo{
		{Name: "Virtual PCD 00 00", Status: pcsc.ReaderEmpty, Counter: readers[0].Counter},
		{Name: "Virtual PCD 00 01", Status: pcsc.ReaderEmpty, Counter: readers[1].Counter},
	}, readers)
	before := readers[1].Counter

	_, card := place(t, 1, agree, pcsc.WaitOptions{})
	readers, err = pcsc.Readers(testContext(t))
	require.NoError(t, err)
	require.Equal(t, pcsc.ReaderInfo{Name: "Virtual PCD 00 01", Status: pcsc.ReaderInUse, ATR: pcscdtest.ATR[:], Counter: before + 1}, readers[1])
	require.Equal(t, pcsc.ReaderEmpty, readers[0].Status)

	require.NoError(t, card.Close())
	readers, err = pcsc.Readers(testContext(t))
	require.NoError(t, err)
	require.Equal(t, pcsc.ReaderDocument, readers[1].Status)
}

func TestNoDocumentInTime(t *testing.T) {
	pcscdtest.Require(t)
	var events []pcsc.Event
	// Longer than the second after which the readers are looked at again.
	card, err := pcsc.Wait(testContext(t), pcsc.WaitOptions{Timeout: 1200 * time.Millisecond, Observe: func(e pcsc.Event) { events = append(events, e) }})
	require.ErrorIs(t, err, fault.NoDocument)
	require.Nil(t, card)
	require.Equal(t, []pcsc.Event{{Kind: pcsc.EventWaiting}}, events)

	// The context's own deadline means the same.
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = pcsc.Wait(ctx, pcsc.WaitOptions{})
	require.ErrorIs(t, err, fault.NoDocument)
}

func TestADocumentThatIsPutDownWhileWaitingIsConnectedTo(t *testing.T) {
	chip := newChip(t, 1, agree)
	chip.ATR = []byte{0x3B, 0x88, 0x80, 0x01, 0x00, 0x73, 0xC8, 0x40, 0x00, 0x00, 0x90, 0x00, 0x62}
	var events []pcsc.Event
	card, err := pcsc.Wait(testContext(t), pcsc.WaitOptions{Observe: func(e pcsc.Event) {
		events = append(events, e)
		if e.Kind == pcsc.EventWaiting {
			chip.Insert(t)
		}
	}})
	require.NoError(t, err)
	require.Equal(t, "Virtual PCD 00 01", card.Reader())
	require.Equal(t, chip.ATR, card.ATR())
	require.Equal(t, []pcsc.Event{{Kind: pcsc.EventWaiting}, {Kind: pcsc.EventDocument, Reader: "Virtual PCD 00 01"}}, events)
	require.NoError(t, card.Close())
}

// Older releases of vpcd answer no control codes; those since 2023 announce
// extended length. Asking reaches the driver, and nothing of it the chip.
func TestTheDriverIsAskedForItsLimits(t *testing.T) {
	require.EqualValues(t, 0x42000D48, pcsc.SystemGetFeatures(), "SCARD_CTL_CODE(3400) of pcsc-lite")
	chip := newChip(t, 0, agree)
	chip.Insert(t)
	holder := pcsc.HoldShared(t, pcscdtest.ReaderName(0), false)
	features, err := holder.Features()
	require.NoError(t, holder.Release())
	want := iso7816.Unknown
	if err == nil {
		require.NotEmpty(t, features)
		want = iso7816.Yes
	} else {
		require.ErrorIs(t, err, pcsc.ReturnCode(0x8010001F), "SCARD_E_UNSUPPORTED_FEATURE of pcsc-lite")
	}

	var commands atomic.Int64
	_, card := place(t, 1, func([]byte) []byte { commands.Add(1); return success }, pcsc.WaitOptions{})
	require.Equal(t, want, card.Limits().Extended)
	require.Zero(t, commands.Load())
	n, err := card.Transmit(testContext(t), command, make([]byte, 258))
	require.NoError(t, err)
	require.Equal(t, 2, n)
}

func TestAReaderIsFoundByAPartOfItsNameInAnyCase(t *testing.T) {
	chip := newChip(t, 1, agree)
	chip.Insert(t)
	card, err := pcsc.Wait(testContext(t), pcsc.WaitOptions{Reader: "pcd 00 01"})
	require.NoError(t, err)
	require.NoError(t, card.Close())

	// Only the reader that was asked for counts.
	_, err = pcsc.Wait(testContext(t), pcsc.WaitOptions{Reader: "PCD 00 00", Timeout: 200 * time.Millisecond})
	require.ErrorIs(t, err, fault.NoDocument)
	began := time.Now()
	_, err = pcsc.Wait(testContext(t), pcsc.WaitOptions{Reader: "Omnikey"})
	require.ErrorIs(t, err, fault.ReaderNotFound)
	require.Less(t, time.Since(began), 5*time.Second, "a wrong name is not waited for")
	require.ErrorContains(t, err, "Virtual PCD 00 00, Virtual PCD 00 01", "the message names those that are there")
}

// ISO/IEC 7816-3, 12.1.3: both lengths of command and of response, to the ends of
// what vpcd can frame.
func TestCommandsAndResponsesOfEveryLengthPassUnchanged(t *testing.T) {
	var received atomic.Pointer[[]byte]
	var count, size atomic.Int64
	_, card := place(t, 0, func(c []byte) []byte {
		count.Add(1)
		received.Store(&c)
		return append(bytes.Repeat([]byte{0xA5}, int(size.Load())), success...)
	}, pcsc.WaitOptions{})
	response := make([]byte, iso7816.MaxResponse)
	for _, c := range []struct {
		command iso7816.Command
		size    int
	}{
		{iso7816.Command{INS: iso7816.InsSelect}, 0},
		{iso7816.Command{INS: iso7816.InsReadBinary, Ne: 256}, 256},
		{iso7816.Command{INS: iso7816.InsReadBinary, Ne: 1}, 1},
		{iso7816.Command{INS: iso7816.InsGeneralAuthenticate, Data: bytes.Repeat([]byte{7}, 255), Ne: 256}, 255},
		// More than a short response: a backend must not ask twice for it.
		{iso7816.Command{INS: iso7816.InsReadBinary, Ne: 300, Extended: true}, 300},
		{iso7816.Command{INS: iso7816.InsGeneralAuthenticate, Data: bytes.Repeat([]byte{9}, 2000), Ne: 4096}, 4096},
		{iso7816.Command{INS: iso7816.InsReadBinary, Ne: 65536}, 65533},
	} {
		encoded, err := c.command.Append(nil)
		require.NoError(t, err)
		size.Store(int64(c.size))
		before := count.Load()
		n, err := card.Transmit(testContext(t), encoded, response)
		require.NoError(t, err)
		require.Equal(t, c.size+2, n)
		require.Equal(t, append(bytes.Repeat([]byte{0xA5}, c.size), success...), response[:n])
		require.Equal(t, encoded, *received.Load())
		require.EqualValues(t, 1, count.Load()-before, "the chip gets each command once")
	}

	size.Store(100)
	_, err := card.Transmit(testContext(t), command, response[:50])
	require.ErrorIs(t, err, fault.ChipResponse, "a response longer than the buffer is refused")
	n, err := card.Transmit(testContext(t), command, response)
	require.NoError(t, err)
	require.Equal(t, 102, n)
}

func TestWhatIsNoCommandIsNotSent(t *testing.T) {
	var count atomic.Int64
	_, card := place(t, 0, func([]byte) []byte { count.Add(1); return success }, pcsc.WaitOptions{})
	for _, c := range [][]byte{nil, {}, {0}, {0, 0xB0, 0}, make([]byte, iso7816.MaxCommand+1)} {
		_, err := card.Transmit(testContext(t), c, make([]byte, 258))
		require.ErrorIs(t, err, iso7816.ErrCommand)
	}
	require.Zero(t, count.Load())
}

func TestResetPowerCyclesTheChip(t *testing.T) {
	chip, card := place(t, 0, agree, pcsc.WaitOptions{})
	saw(t, chip, pcscdtest.PowerOn)
	drain(chip)
	require.NoError(t, card.Reset(testContext(t)))
	saw(t, chip, pcscdtest.Reset)
	n, err := card.Transmit(testContext(t), command, make([]byte, 258))
	require.NoError(t, err)
	require.Equal(t, 2, n)
}

func TestClosingResetsTheChipAndFreesTheReader(t *testing.T) {
	chip, card := place(t, 0, agree, pcsc.WaitOptions{})
	drain(chip)
	require.NoError(t, card.Close())
	saw(t, chip, pcscdtest.Reset)
	require.NoError(t, card.Close(), "closing twice is allowed")
	_, err := card.Transmit(testContext(t), command, make([]byte, 258))
	require.Error(t, err)
	require.Error(t, card.Reset(testContext(t)))

	again, err := pcsc.Wait(testContext(t), pcsc.WaitOptions{})
	require.NoError(t, err)
	require.NoError(t, again.Close())
}

func requireRemoved(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, fault.DocumentRemoved)
	require.ErrorIs(t, err, iso7816.ErrRemoved)
}

func TestRemovalWhileIdle(t *testing.T) {
	chip, card := place(t, 0, agree, pcsc.WaitOptions{})
	chip.Remove()
	_, err := card.Transmit(testContext(t), command, make([]byte, 258))
	requireRemoved(t, err)

	// The card stays gone, whatever is put down then.
	chip.Insert(t)
	_, err = card.Transmit(testContext(t), command, make([]byte, 258))
	requireRemoved(t, err)
	requireRemoved(t, card.Reset(testContext(t)))
	require.NoError(t, card.Close())
}

func TestRemovalInTheMiddleOfACommand(t *testing.T) {
	_, card := place(t, 0, func([]byte) []byte { return nil }, pcsc.WaitOptions{})
	_, err := card.Transmit(testContext(t), command, make([]byte, 258))
	requireRemoved(t, err)
	require.NoError(t, card.Close())
}

func TestRemovalBeforeReset(t *testing.T) {
	chip, card := place(t, 0, agree, pcsc.WaitOptions{})
	chip.Remove()
	requireRemoved(t, card.Reset(testContext(t)))
}

// Another document on the reader is never taken for the one that was there.
func TestAnotherDocumentIsNotTheSameCard(t *testing.T) {
	chip, card := place(t, 0, agree, pcsc.WaitOptions{})
	chip.Remove()
	other := newChip(t, 0, agree)
	requireStatus(t, 0, pcsc.ReaderEmpty)
	other.Insert(t)
	requireStatus(t, 0, pcsc.ReaderDocument, pcsc.ReaderInUse)
	requireRemoved(t, card.Reset(testContext(t)))
	require.NoError(t, card.Close())
}

func TestASecondProgramGetsReaderBusy(t *testing.T) {
	_, card := place(t, 0, agree, pcsc.WaitOptions{})
	_, err := pcsc.Wait(testContext(t), pcsc.WaitOptions{})
	require.ErrorIs(t, err, fault.ReaderBusy)
	var code pcsc.ReturnCode
	require.ErrorAs(t, err, &code)
	require.Equal(t, pcsc.ReturnCode(0x8010000B), code)

	// Also where the time ends before the attempts do.
	_, err = pcsc.Wait(testContext(t), pcsc.WaitOptions{Timeout: 300 * time.Millisecond})
	require.ErrorIs(t, err, fault.ReaderBusy)

	// Somebody who lets go within the second of attempts is waited for.
	got := make(chan error, 1)
	trying := make(chan struct{})
	go func() {
		close(trying)
		second, err := pcsc.Wait(context.Background(), pcsc.WaitOptions{})
		if err == nil {
			err = second.Close()
		}
		got <- err
	}()
	<-trying
	require.NoError(t, card.Close())
	require.NoError(t, receive(t, got))
}

func TestASharedDocumentIsTakenByATransaction(t *testing.T) {
	chip := newChip(t, 0, agree)
	chip.Insert(t)
	other := pcsc.HoldShared(t, pcscdtest.ReaderName(0), false)
	card, err := pcsc.Wait(testContext(t), pcsc.WaitOptions{})
	require.NoError(t, err)
	_, err = card.Transmit(testContext(t), command, make([]byte, 258))
	require.NoError(t, err)

	// The other program is kept out until we are done, and told of the reset.
	done := make(chan error, 1)
	go func() {
		_, err := other.Transmit(command)
		done <- err
	}()
	for range 3 {
		_, err = card.Transmit(testContext(t), command, make([]byte, 258))
		require.NoError(t, err)
		require.Empty(t, done)
	}
	require.NoError(t, card.Close())
	var code pcsc.ReturnCode
	require.ErrorAs(t, receive(t, done), &code)
	require.Equal(t, pcsc.ReturnCode(0x80100068), code)
}

func TestAnotherProgramsTransactionMakesTheReaderBusy(t *testing.T) {
	chip := newChip(t, 0, agree)
	chip.Insert(t)
	other := pcsc.HoldShared(t, pcscdtest.ReaderName(0), true)
	_, err := pcsc.Wait(testContext(t), pcsc.WaitOptions{})
	require.ErrorIs(t, err, fault.ReaderBusy)
	require.NoError(t, other.Release())
}

func TestCancellingAWaitReturnsAtOnce(t *testing.T) {
	pcscdtest.Require(t)
	ctx, cancel := context.WithCancel(t.Context())
	var cancelled time.Time
	_, err := pcsc.Wait(ctx, pcsc.WaitOptions{Timeout: time.Minute, Observe: func(pcsc.Event) {
		time.AfterFunc(50*time.Millisecond, func() { cancelled = time.Now(); cancel() })
	}})
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, time.Since(cancelled), 200*time.Millisecond)

	_, err = pcsc.Wait(ctx, pcsc.WaitOptions{})
	require.ErrorIs(t, err, context.Canceled)
	_, err = pcsc.Readers(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

// A command under way ends, nothing follows it, and the chip is reset.
func TestCancellingWhileACommandIsPending(t *testing.T) {
	received, let := make(chan []byte, 10), make(chan struct{})
	chip, card := place(t, 0, func(c []byte) []byte {
		received <- c
		<-let
		return success
	}, pcsc.WaitOptions{})
	drain(chip)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		_, err := card.Transmit(ctx, command, make([]byte, 258))
		result <- err
	}()
	receive(t, received)
	cancel()
	select {
	case err := <-result:
		require.Fail(t, "the command was not waited for", "%v", err)
	case <-time.After(100 * time.Millisecond):
	}
	answered := time.Now()
	close(let)
	require.ErrorIs(t, receive(t, result), context.Canceled)
	require.Less(t, time.Since(answered), 200*time.Millisecond)
	saw(t, chip, pcscdtest.Reset)

	_, err := card.Transmit(ctx, command, make([]byte, 258))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, card.Reset(ctx), context.Canceled)
	require.Empty(t, received, "nothing was sent after the cancel")

	// The session is gone until the chip is reset knowingly.
	_, err = card.Transmit(testContext(t), command, make([]byte, 258))
	require.ErrorIs(t, err, iso7816.ErrReset)
	require.ErrorIs(t, err, fault.CardReset)
	require.NoError(t, card.Reset(testContext(t)))
	_, err = card.Transmit(testContext(t), command, make([]byte, 258))
	require.NoError(t, err)
}

func TestASilentReaderIsGivenUp(t *testing.T) {
	let := make(chan struct{})
	var once sync.Once
	answer := func() { once.Do(func() { close(let) }) }
	t.Cleanup(answer)
	_, card := place(t, 0, func([]byte) []byte { <-let; return success }, pcsc.WaitOptions{StuckAfter: time.Second})
	began := time.Now()
	response := make([]byte, 258)
	_, err := card.Transmit(testContext(t), command, response)
	require.ErrorIs(t, err, fault.ReaderStuck)
	require.Less(t, time.Since(began), 2*time.Second)
	_, err = card.Transmit(testContext(t), command, response)
	require.ErrorIs(t, err, fault.ReaderStuck, "it stays given up")
	require.ErrorIs(t, card.Reset(testContext(t)), fault.ReaderStuck)
	began = time.Now()
	require.NoError(t, card.Close())
	require.Less(t, time.Since(began), time.Second, "closing does not wait for it")

	// The other reader is not affected, and this one is free once it answers.
	_, other := place(t, 1, agree, pcsc.WaitOptions{})
	_, err = other.Transmit(testContext(t), command, response)
	require.NoError(t, err)
	answer()
	again, err := pcsc.Wait(testContext(t), pcsc.WaitOptions{Reader: pcscdtest.ReaderName(0)})
	require.NoError(t, err)
	require.NoError(t, again.Close())
}

func TestTwoReadersAreUsedInParallel(t *testing.T) {
	const exchanges = 200
	cards := make([]*pcsc.Card, pcscdtest.Readers)
	for reader := range cards {
		_, cards[reader] = place(t, reader, func(c []byte) []byte {
			return append(append([]byte{byte(reader)}, c...), success...)
		}, pcsc.WaitOptions{})
	}
	// Neither may be held up by a wait for a document.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	results := make(chan error, len(cards))
	for reader, card := range cards {
		go func() {
			response := make([]byte, 258)
			for i := range exchanges {
				c := []byte{0x00, 0xB0, byte(reader), byte(i)}
				n, err := card.Transmit(ctx, c, response)
				if want := append(append([]byte{byte(reader)}, c...), success...); err != nil || !bytes.Equal(want, response[:n]) {
					results <- errors.Join(err, errors.New("not this card's answer"))
					return
				}
			}
			results <- nil
		}()
	}
	for range cards {
		require.NoError(t, receive(t, results))
	}
}

func TestNoDaemon(t *testing.T) {
	pcscdtest.Stop(t)
	_, err := pcsc.Readers(testContext(t))
	require.ErrorIs(t, err, fault.PCSCNoService)
	_, err = pcsc.Wait(testContext(t), pcsc.WaitOptions{})
	require.ErrorIs(t, err, fault.PCSCNoService)
	require.NotErrorIs(t, err, context.DeadlineExceeded)
}

func TestTheDaemonEndsInTheMiddle(t *testing.T) {
	_, card := place(t, 0, agree, pcsc.WaitOptions{})
	pcscdtest.Stop(t)
	_, err := card.Transmit(testContext(t), command, make([]byte, 258))
	require.ErrorIs(t, err, fault.PCSCNoService)
	require.NoError(t, card.Close())
}

func TestTheDaemonEndsWhileWaiting(t *testing.T) {
	pcscdtest.Require(t)
	waiting, result := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := pcsc.Wait(t.Context(), pcsc.WaitOptions{Observe: func(pcsc.Event) { close(waiting) }})
		result <- err
	}()
	receive(t, waiting)
	pcscdtest.Stop(t)
	require.ErrorIs(t, receive(t, result), fault.PCSCNoService)
}

func TestADaemonThatHangsIsReported(t *testing.T) {
	pcscdtest.Require(t)
	thaw := pcscdtest.Freeze(t)
	defer thaw()
	_, err := pcsc.Wait(testContext(t), pcsc.WaitOptions{StuckAfter: 300 * time.Millisecond})
	require.ErrorIs(t, err, fault.PCSCNoService)
}

func TestNoReader(t *testing.T) {
	pcscdtest.Stop(t)
	pcscdtest.StartWithoutReaders(t)
	readers, err := pcsc.Readers(testContext(t))
	require.NoError(t, err)
	require.Empty(t, readers)
	var events []pcsc.Event
	_, err = pcsc.Wait(testContext(t), pcsc.WaitOptions{Timeout: 200 * time.Millisecond, Observe: func(e pcsc.Event) { events = append(events, e) }})
	require.ErrorIs(t, err, fault.NoReader)
	require.Equal(t, []pcsc.Event{{Kind: pcsc.EventNoReader}}, events)
	_, err = pcsc.Wait(testContext(t), pcsc.WaitOptions{Reader: "Omnikey", Timeout: 200 * time.Millisecond})
	require.ErrorIs(t, err, fault.NoReader)
}

// runChild runs this binary again to list the readers.
func runChild(t *testing.T, action string, attributes *syscall.SysProcAttr, environment ...string) childReport {
	t.Helper()
	// The magic link reaches a binary in a folder that the other user may not enter.
	cmd := exec.Command("/proc/self/exe")
	cmd.SysProcAttr = attributes
	cmd.Env = append(append(os.Environ(), childEnv+"="+action, "GOCOVERDIR="+t.TempDir()), environment...)
	cmd.Stderr = os.Stderr
	output, err := cmd.Output()
	require.NoError(t, err)
	var report childReport
	require.NoError(t, json.Unmarshal(output, &report))
	return report
}

func TestAChildSeesTheReaders(t *testing.T) {
	pcscdtest.Require(t)
	require.Equal(t, childReport{Readers: 2}, runChild(t, "list", nil))
}

// pcscd asks polkit about every user but root; nobody is not allowed.
func TestAUserWithoutPermission(t *testing.T) {
	pcscdtest.Require(t)
	if features, err := exec.Command("/usr/sbin/pcscd", "--version").Output(); err != nil || !bytes.Contains(features, []byte("polkit")) {
		t.Skip("the pcscd of this machine is built without polkit and refuses nobody; the mapping is tested by its table")
	}
	const nobody = 65534
	report := runChild(t, "list", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}})
	require.Equal(t, childReport{Fault: fault.PCSCNotPermitted, ReturnCode: 0x8010006A}, report)
}

func TestASocketThatLeadsNowhere(t *testing.T) {
	pcscdtest.Require(t)
	report := runChild(t, "list", nil, "PCSCLITE_CSOCK_NAME="+filepath.Join(t.TempDir(), "nowhere"))
	require.Equal(t, fault.PCSCNoService, report.Fault)
}

// hideLibrary takes libpcsclite away from this process.
func hideLibrary() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	paths, err := filepath.Glob("/usr/lib/*/libpcsclite.so*")
	if err != nil {
		return err
	}
	for _, path := range paths {
		if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() || strings.Contains(path, "_real") {
			continue
		}
		if err := unix.Mount("/dev/null", path, "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	return nil
}
