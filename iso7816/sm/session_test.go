package sm_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/icaotest"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
)

// chipSide protects answers as a chip does, from the same keys.
type chipSide struct {
	state *sm.State
	size  int
}

// answer makes a protected response; edit may change the objects before the MAC
// is put behind them.
func (c *chipSide) answer(plain []byte, sw iso7816.StatusWord, edit func(objects []byte) []byte) []byte {
	c.state.Next()
	var objects []byte
	if plain != nil {
		padded := sm.Pad(append([]byte(nil), plain...), 0, c.size)
		c.state.Encrypt(padded)
		objects = iso7816.AppendTLV(objects, sm.TagCryptogram, append([]byte{1}, padded...))
	}
	objects = append(objects, byte(sm.TagStatus), 2, byte(sw>>8), byte(sw))
	if edit != nil {
		objects = edit(objects)
	}
	return iso7816.AppendTLV(objects, sm.TagMAC, c.state.MAC(nil, nil, objects))
}

func pair(t testing.TB, a sm.Algorithm) (*sm.Session, *chipSide) {
	enc, mac := bytes.Repeat([]byte{0x11}, a.KeySize()), bytes.Repeat([]byte{0x23}, a.KeySize())
	ssc := make([]byte, a.BlockSize())
	return sm.NewSession(newState(t, a, enc, mac, ssc)), &chipSide{newState(t, a, enc, mac, ssc), a.BlockSize()}
}

func exchange(t *testing.T, a sm.Algorithm, edit func([]byte) []byte, after func([]byte) []byte) (iso7816.Response, error) {
	reader, chip := pair(t, a)
	_, err := reader.Protect(iso7816.Command{INS: iso7816.InsReadBinary, Ne: 4})
	require.NoError(t, err)
	chip.state.Next()
	answer := chip.answer([]byte{1, 2, 3, 4}, iso7816.SWSuccess, edit)
	if after != nil {
		answer = after(answer)
	}
	return reader.Unprotect(iso7816.Response{Data: answer, SW: iso7816.SWSuccess})
}

var algorithms = []sm.Algorithm{sm.TDES, sm.AES128, sm.AES192, sm.AES256}

// TR-03105-5.1, ISO7816_B_05 to B_09: an answer without MAC, cryptogram or
// status, or with a wrong one, is refused.
func TestDamagedAnswersAreRefused(t *testing.T) {
	for _, a := range algorithms {
		response, err := exchange(t, a, nil, nil)
		require.NoError(t, err)
		require.Equal(t, []byte{1, 2, 3, 4}, response.Data, "the undamaged twin")

		whole := 0
		_, err = exchange(t, a, nil, func(b []byte) []byte { whole = len(b); return b })
		require.NoError(t, err)
		for position := range whole {
			_, err := exchange(t, a, nil, func(b []byte) []byte { b[position] ^= 0x01; return b })
			require.ErrorIs(t, err, sm.ErrAuthentication, "%v, byte %d", a, position)
			_, err = exchange(t, a, nil, func(b []byte) []byte { return b[:position] })
			if position > 0 {
				require.ErrorIs(t, err, sm.ErrAuthentication, "%v, cut to %d bytes", a, position)
			}
		}
		for name, edit := range map[string]func([]byte) []byte{
			"status missing":       func(b []byte) []byte { return b[:len(b)-4] },
			"status of one byte":   func(b []byte) []byte { return append(b[:len(b)-4], byte(sm.TagStatus), 1, 0x90) },
			"status twice":         func(b []byte) []byte { return append(b, byte(sm.TagStatus), 2, 0x90, 0) },
			"unknown object":       func(b []byte) []byte { return append(b, 0x80, 0) },
			"no padding indicator": func(b []byte) []byte { b[2] = 0x02; return b },
		} {
			_, err := exchange(t, a, edit, nil)
			require.ErrorIs(t, err, sm.ErrAuthentication, "%v, %s under a right MAC", a, name)
		}
		_, err = exchange(t, a, nil, func(b []byte) []byte { return append(b, 0x99, 0) })
		require.ErrorIs(t, err, sm.ErrAuthentication, "an object behind the MAC")
		_, err = exchange(t, a, func(b []byte) []byte {
			return append([]byte{byte(sm.TagCryptogram), 2, 1, 0xAA}, b[len(b)-4:]...)
		}, nil)
		require.ErrorIs(t, err, sm.ErrFormat, "a cryptogram of one byte under a right MAC")
		_, err = exchange(t, a, func(b []byte) []byte {
			return append(append([]byte{byte(sm.TagCryptogram), byte(1 + a.BlockSize()), 1}, make([]byte, a.BlockSize())...), b[len(b)-4:]...)
		}, nil)
		require.ErrorIs(t, err, sm.ErrFormat, "a cryptogram without padding under a right MAC")
	}
}

// A peer that encodes the object again before it checks the MAC fails here.
func TestLengthInALongerFormPassesWhenItsMACIsRight(t *testing.T) {
	for _, a := range algorithms {
		response, err := exchange(t, a, func(b []byte) []byte {
			return append([]byte{b[0], 0x82, 0x00}, b[1:]...)
		}, nil)
		require.NoError(t, err, "%v", a)
		require.Equal(t, []byte{1, 2, 3, 4}, response.Data)
	}
}

func TestSuccessWithoutProtectionIsRefused(t *testing.T) {
	reader, _ := pair(t, sm.TDES)
	_, err := reader.Protect(iso7816.Command{INS: iso7816.InsReadBinary, Ne: 4})
	require.NoError(t, err)
	_, err = reader.Unprotect(iso7816.Response{SW: iso7816.SWSuccess})
	require.ErrorIs(t, err, sm.ErrAuthentication)
	_, err = reader.Unprotect(iso7816.Response{Data: []byte{0x60, 2, 0, 0}, SW: iso7816.SWSuccess})
	require.ErrorIs(t, err, sm.ErrAuthentication, "data in the clear")
}

// The protected status word counts: the bare one behind it is not authentic.
func TestProtectedStatusWordCounts(t *testing.T) {
	reader, chip := pair(t, sm.AES128)
	_, err := reader.Protect(iso7816.Command{INS: iso7816.InsSelect, P1: 2, P2: 0x0C, Data: []byte{1, 7}})
	require.NoError(t, err)
	chip.state.Next()
	response, err := reader.Unprotect(iso7816.Response{Data: chip.answer(nil, iso7816.SWFileNotFound, nil), SW: iso7816.SWSuccess})
	require.NoError(t, err)
	require.Equal(t, iso7816.SWFileNotFound, response.SW)
	require.Empty(t, response.Data)
}

// A chip that refuses a command outside secure messaging has not counted it.
func TestBareRefusalTakesTheCounterBack(t *testing.T) {
	reader, chip := pair(t, sm.TDES)
	_, err := reader.Protect(iso7816.Command{INS: iso7816.InsReadBinary, Ne: 4})
	require.NoError(t, err)
	_, err = reader.Unprotect(iso7816.Response{SW: iso7816.SWWrongLength})
	var naked *sm.NakedError
	require.ErrorAs(t, err, &naked)
	require.ErrorIs(t, err, iso7816.SWWrongLength)

	_, err = reader.Protect(iso7816.Command{INS: iso7816.InsReadBinary, Ne: 4})
	require.NoError(t, err)
	chip.state.Next()
	response, err := reader.Unprotect(iso7816.Response{Data: chip.answer([]byte{5}, iso7816.SWSuccess, nil)})
	require.NoError(t, err)
	require.Equal(t, []byte{5}, response.Data)
}

func TestExtendedAndOddCommands(t *testing.T) {
	reader, _ := pair(t, sm.AES256)
	protected, err := reader.Protect(iso7816.Command{INS: iso7816.InsReadBinary, Ne: 1000})
	require.NoError(t, err)
	c, err := iso7816.ParseCommand(protected)
	require.NoError(t, err)
	require.True(t, c.Extended)
	require.Equal(t, iso7816.MaxExtendedNe, c.Ne)
	require.Equal(t, []byte{byte(sm.TagLe), 2, 0x03, 0xE8}, c.Data[:4])

	protected, err = reader.Protect(iso7816.Command{INS: iso7816.InsReadBinaryOdd, Data: []byte{0x54, 2, 0x80, 0}, Ne: 200})
	require.NoError(t, err)
	c, err = iso7816.ParseCommand(protected)
	require.NoError(t, err)
	require.Equal(t, byte(sm.TagCryptogramOdd), c.Data[0], "an odd instruction has object 85, without indicator")
	require.Equal(t, byte(16), c.Data[1])

	protected, err = reader.Protect(iso7816.Command{INS: 0x2A, Data: make([]byte, 255)})
	require.NoError(t, err)
	c, err = iso7816.ParseCommand(protected)
	require.NoError(t, err)
	require.True(t, c.Extended, "protection makes 255 bytes too long for a short command")
}

// The sizes of sm_sizes, and that one byte more would not fit.
func TestLargestPlainData(t *testing.T) {
	var sizes []struct {
		Alg string
		Max int `json:"max_plain_in_256_byte_response"`
	}
	icaotest.Load(t, "sm_sizes", &sizes)
	require.Equal(t, 231, sm.MaxPlain(sm.TDES, 258))
	for _, size := range sizes {
		switch size.Alg {
		case "3DES":
			require.Equal(t, size.Max, sm.MaxPlain(sm.TDES, 258))
		case "AES":
			require.Equal(t, size.Max, sm.MaxPlain(sm.AES192, 258))
		}
	}
	for _, a := range algorithms {
		for _, most := range []int{258, 300, 1000, 2048, 4096, 65535, 65538} {
			plain := sm.MaxPlain(a, most)
			for extra, fits := range map[int]bool{0: true, 1: false} {
				_, chip := pair(t, a)
				answer := chip.answer(make([]byte, plain+extra), iso7816.SWSuccess, nil)
				require.Equal(t, fits, len(answer)+2 <= most, "%v, %d bytes, %d plain", a, most, plain+extra)
			}
		}
	}
	require.Zero(t, sm.MaxPlain(sm.AES128, 20))
}

func TestWrongSizesAreRefused(t *testing.T) {
	for _, a := range algorithms {
		key, ssc := make([]byte, a.KeySize()), make([]byte, a.BlockSize())
		_, err := sm.NewState(a, key[1:], key, ssc)
		require.Error(t, err)
		_, err = sm.NewState(a, key, key[1:], ssc)
		require.Error(t, err)
		_, err = sm.NewState(a, key, key, ssc[1:])
		require.Error(t, err)
	}
	_, err := sm.Unpad([]byte{0, 0})
	require.Error(t, err)
	_, err = sm.Unpad(nil)
	require.Error(t, err)
}

// The counter rolls over its octets in both directions.
func TestCounter(t *testing.T) {
	state := newState(t, sm.TDES, make([]byte, 16), make([]byte, 16), []byte{0, 0, 0, 0, 0, 0, 0xFF, 0xFF})
	state.Next()
	require.Equal(t, []byte{0, 0, 0, 0, 0, 1, 0, 0}, state.SSC())
	state.Back()
	require.Equal(t, []byte{0, 0, 0, 0, 0, 0, 0xFF, 0xFF}, state.SSC())
}

// loop is a card whose answers are made in advance, so that what is measured is
// the reader's side alone.
type loop struct {
	answers [][]byte
	next    int
}

func (l *loop) Transmit(_ context.Context, _, response []byte) (int, error) {
	n := copy(response, l.answers[l.next])
	l.next++
	return n, nil
}
func (l *loop) Reset(context.Context) error { return nil }
func (l *loop) ATR() []byte                 { return nil }
func (l *loop) Limits() iso7816.Limits      { return iso7816.Limits{} }

func TestProtectedReadingAllocatesNothing(t *testing.T) {
	for _, a := range algorithms {
		const runs = 200
		_, chip := pair(t, a)
		card := &loop{}
		data := make([]byte, sm.MaxPlain(a, 258))
		for i := range runs + 2 {
			chip.state.Next()
			data[0] = byte(i)
			card.answers = append(card.answers, append(chip.answer(data, iso7816.SWSuccess, nil), 0x90, 0x00))
		}
		enc, mac := bytes.Repeat([]byte{0x11}, a.KeySize()), bytes.Repeat([]byte{0x23}, a.KeySize())
		channel := sm.NewChannel(iso7816.NewChannel(card), newState(t, a, enc, mac, make([]byte, a.BlockSize())))
		var failed error
		allocations := testing.AllocsPerRun(runs, func() {
			if _, err := channel.Exchange(context.Background(), iso7816.Command{INS: iso7816.InsReadBinary, Ne: len(data)}); err != nil {
				failed = err
			}
		})
		require.NoError(t, failed)
		require.Zero(t, allocations, "%v", a)
	}
}
