package virtual_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
	"passport-agent/virtual"
)

// What a chip answers for EF.CardAccess does not depend on what is selected.
func TestStatusOfCardAccessBeforeAndBehindTheSelection(t *testing.T) {
	for _, want := range []virtual.Status{0x6982, 0x6985, 0x6986, 0x6A82, 0x6A86, 0x6283} {
		chip := paceChip(t, virtual.Profile{FileStatus: map[virtual.File]virtual.Status{virtual.CardAccess: want}})
		for range 2 {
			require.EqualValues(t, want, status(t, chip, plain(t, selectEF(0x011C))...))
			require.EqualValues(t, want, status(t, chip, plain(t, read(0x1C, 0, 256))...))
			transmit(t, chip, selectApplication)
		}
	}
	// 1D is EF.CardSecurity in the master file and EF.SOD in the application.
	chip := newChip(t, virtual.Profile{FileStatus: map[virtual.File]virtual.Status{virtual.CardSecurity: 0x6A88}})
	require.Equal(t, iso7816.SWReferenceNotFound, status(t, chip, plain(t, selectEF(0x011D))...))
	authenticate(t, chip).expect(iso7816.SWSuccess, selectEF(0x011D))
}

func TestCardAccessMayHaveToBeSelected(t *testing.T) {
	chip := paceChip(t, virtual.Profile{ShortIdentifierOf: map[virtual.File]virtual.Status{virtual.CardAccess: 0x6A82}})
	require.Equal(t, iso7816.SWFileNotFound, status(t, chip, plain(t, read(0x1C, 0, 256))...))
	require.Equal(t, iso7816.SWFileNotFound, status(t, chip, plain(t, iso7816.Command{INS: 0xB1, P2: 0x1C, Data: []byte{0x54, 0x01, 0x00}, Ne: 8})...))
	require.Equal(t, iso7816.SWSuccess, status(t, chip, plain(t, selectEF(0x011C))...))
	answer := transmit(t, chip, plain(t, read(0, 0, 256)))
	require.Equal(t, paceDocument(t, gm).Files[virtual.CardAccess], answer[:len(answer)-2])
	require.True(t, newPACETerminal(t, chip, gm).open().alive(), "other files keep their short identifiers")
}

func TestSelectApplicationInSession(t *testing.T) {
	chip := paceChip(t, virtual.Profile{SelectApplicationInSession: 0x6700})
	p := newPACETerminal(t, chip, gm)
	require.Equal(t, iso7816.SWSuccess, p.run())
	x := p.session()
	x.expect(iso7816.SWWrongLength, iso7816.Command{INS: 0xA4, P1: 0x04, P2: 0x0C, Data: selectApplication[5:]})
	require.True(t, x.alive(), "the application is selected")
	require.Equal(t, iso7816.SWSuccess, status(t, chip, selectApplication...), "without a session it is as ever")
}

// Nothing but PACE opens the application.
func TestSelectApplicationWithoutAccess(t *testing.T) {
	chip := paceChip(t, virtual.Profile{SelectApplicationWithoutAccess: 0x6982})
	require.Equal(t, iso7816.SWSecurityStatus, status(t, chip, selectApplication...))
	require.Equal(t, iso7816.SWFileNotFound, status(t, chip, plain(t, read(0x1E, 0, 4))...), "it is not selected either")
	require.True(t, newPACETerminal(t, chip, gm).open().alive())
}

// Support is announced in the ATR and EF.ATR/INFO; every use of it is refused
// outside of secure messaging.
func TestExtendedLengthAnnouncedAndRefused(t *testing.T) {
	for policy, alive := range map[virtual.NakedErrors]bool{virtual.NakedKeep: true, virtual.NakedEnd: false} {
		chip := newChip(t, virtual.Profile{Extended: &virtual.Extended{MaxResponse: 4096, Refused: policy}})
		require.Equal(t, byte(0x60), chip.ATR()[8])
		x := authenticate(t, chip)
		_, err := x.exchange(read(0x02, 0, 1000))
		var naked *sm.NakedError
		require.ErrorAs(t, err, &naked)
		require.Equal(t, iso7816.SWWrongLength, naked.SW)
		require.Equal(t, alive, x.alive(), "%s", policy)
	}
}

// The chip takes extended length but gives at most 512 bytes in a response: 495
// plain bytes under 3DES.
func TestAskingForTooMuchInExtendedLength(t *testing.T) {
	for policy, want := range map[virtual.TooLong]iso7816.StatusWord{
		virtual.TooLongRefuse: iso7816.SWWrongLength,
		virtual.TooLongOffset: iso7816.SWWrongOffset,
		// 6Cxx can say no more than 256.
		virtual.TooLongCorrectLe: iso7816.SWWrongLength,
	} {
		x := authenticate(t, newChip(t, virtual.Profile{Extended: &virtual.Extended{MaxResponse: 512}, TooLong: policy}))
		x.expect(want, read(0x02, 0, 900))
		response, err := x.exchange(read(0x02, 0, 487))
		require.NoError(t, err)
		require.Len(t, response.Data, 487, "%s", policy)
	}
	x := authenticate(t, newChip(t, virtual.Profile{Extended: &virtual.Extended{}, TooLong: virtual.TooLongCorrectLe, MaxRead: 200}))
	x.expect(0x6CC8, read(0x02, 0, 900))
}

func TestChipThatLosesItsPower(t *testing.T) {
	chip := newChip(t, virtual.Profile{ResetAt: []int{4}})
	x := authenticate(t, chip) // commands 0 to 2
	require.True(t, x.alive())
	protected, err := x.session.Protect(read(0x01, 0, 4))
	require.NoError(t, err)
	_, err = chip.Transmit(t.Context(), protected, make([]byte, 300))
	require.ErrorIs(t, err, iso7816.ErrReset)
	require.False(t, x.alive())
	require.Equal(t, iso7816.SWFileNotFound, status(t, chip, plain(t, read(0x1E, 0, 4))...), "the master file is selected")
	require.True(t, authenticate(t, chip).alive())
	require.Equal(t, 4+1+1+1+3+1, chip.Counters().Commands, "the lost one was received")
}

// silent starts a command that the chip does not answer.
func silent(ctx context.Context, chip *virtual.Chip) <-chan error {
	done := make(chan error, 1)
	go func() {
		response := make([]byte, 300)
		n, err := chip.Transmit(ctx, getChallenge, response)
		if err == nil && n != 10 {
			err = context.DeadlineExceeded
		}
		done <- err
	}()
	return done
}

func await(t *testing.T, done <-chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(patience):
		t.Fatal("the chip is still silent")
		return nil
	}
}

func TestChipThatDoesNotAnswer(t *testing.T) {
	profile := virtual.Profile{SilentAt: []int{1}}
	start := func(ctx context.Context) (*virtual.Chip, <-chan error) {
		chip := newChip(t, profile)
		transmit(t, chip, selectApplication)
		done := silent(ctx, chip)
		select {
		case <-chip.Silent():
		case <-time.After(patience):
			t.Fatal("the chip is not silent")
		}
		return chip, done
	}
	chip, done := start(t.Context())
	select {
	case err := <-done:
		t.Fatalf("answered: %v", err)
	default:
	}
	chip.Release()
	require.NoError(t, await(t, done))
	require.Equal(t, 2, chip.Counters().Commands)
	chip.Release() // nothing is left to be released
	require.True(t, authenticate(t, chip).alive())

	ctx, cancel := context.WithCancel(t.Context())
	chip, done = start(ctx)
	cancel()
	require.ErrorIs(t, await(t, done), context.Canceled)
	require.Len(t, transmit(t, chip, getChallenge), 10, "the next command is answered")

	chip, done = start(t.Context())
	chip.Remove()
	require.ErrorIs(t, await(t, done), iso7816.ErrRemoved)
	chip.PutBack()
	require.True(t, authenticate(t, chip).alive())

	chip = newChip(t, virtual.Profile{SilentAt: []int{0}})
	chip.Remove()
	require.ErrorIs(t, await(t, silent(t.Context(), chip)), iso7816.ErrRemoved, "there is nobody to wait for")
}

// 6988 to the first command after authentication, as often as told; then it works.
func TestSessionDroppedRightAfterAuthentication(t *testing.T) {
	chip := paceChip(t, virtual.Profile{DropSessions: 2})
	p := newPACETerminal(t, chip, gm)
	require.Equal(t, iso7816.SWSuccess, p.run())
	_, err := p.session().exchange(read(0x1D, 0, 4))
	require.ErrorIs(t, err, iso7816.SWSMObjectsIncorrect)
	x := authenticate(t, chip)
	_, err = x.exchange(read(0x1E, 0, 4))
	require.ErrorIs(t, err, iso7816.SWSMObjectsIncorrect)
	require.False(t, x.alive(), "the session is gone")
	require.True(t, again(t, chip).alive())
}

// Russian passports: once 6B00 was answered, under secure messaging, everything
// gets 6988 until the next authentication.
func TestWrongOffsetEndsTheSession(t *testing.T) {
	chip := newChip(t, virtual.Profile{WrongOffsetEndsSession: true, EndOfFile: virtual.EndOffset})
	x := authenticate(t, chip)
	x.expect(iso7816.SWWrongOffset, read(0x01, 0, 200))
	for range 3 {
		_, err := x.exchange(read(0x01, 0, 4))
		require.ErrorIs(t, err, iso7816.SWSMObjectsIncorrect)
	}
	x = again(t, chip)
	require.True(t, x.alive())
	x.expect(iso7816.SWFileNotFound, selectEF(0x0105))
	require.True(t, x.alive(), "other errors end nothing")
}
