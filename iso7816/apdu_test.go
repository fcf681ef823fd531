package iso7816_test

import (
	"context"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"passport-agent/iso7816"
)

// The seven forms of ISO/IEC 7816-3, 12.1.3.
func TestCommandForms(t *testing.T) {
	long := make([]byte, 256)
	for _, c := range []struct {
		command iso7816.Command
		begin   string
		length  int
	}{
		{iso7816.Command{INS: 0xA4, P1: 4, P2: 0x0C}, "00a4040c", 4},
		{iso7816.Command{INS: 0x84, Ne: 8}, "0084000008", 5},
		{iso7816.Command{INS: 0xB0, Ne: 256}, "00b0000000", 5},
		{iso7816.Command{INS: 0xA4, P1: 2, P2: 0x0C, Data: []byte{1, 0x1E}}, "00a4020c02011e", 7},
		{iso7816.Command{INS: 0x88, Data: []byte{1, 2}, Ne: 256}, "008800000201" + "0200", 8},
		{iso7816.Command{INS: 0xB0, Ne: 257}, "00b00000000101", 7},
		{iso7816.Command{INS: 0xB0, Ne: 65536}, "00b00000000000", 7},
		{iso7816.Command{INS: 0x86, Data: long}, "00860000000100", 263},
		{iso7816.Command{INS: 0x86, Data: long, Ne: 65536}, "00860000000100", 265},
		{iso7816.Command{CLA: 0x0C, INS: 0xB0, Data: []byte{7}, Ne: 65536, Extended: true}, "0cb000000000010700" + "00", 10},
	} {
		encoded, err := c.command.Append(nil)
		require.NoError(t, err)
		require.Len(t, encoded, c.length)
		require.Equal(t, c.begin, hex.EncodeToString(encoded[:len(c.begin)/2]))
		decoded, err := iso7816.ParseCommand(encoded)
		require.NoError(t, err)
		require.Equal(t, c.command.Ne, decoded.Ne)
		require.Equal(t, c.command.NeedsExtended(), decoded.Extended)
		require.Equal(t, append([]byte{}, c.command.Data...), append([]byte{}, decoded.Data...))
	}
}

func TestCommandsThatCannotBe(t *testing.T) {
	for _, c := range []iso7816.Command{{Data: make([]byte, 65536)}, {Ne: 65537}, {Ne: -1}} {
		_, err := c.Append(nil)
		require.ErrorIs(t, err, iso7816.ErrCommand)
	}
	for _, digits := range []string{"", "00a404", "00a4040c0201", "00a4040c0201020304", "00b000000001", "00b00000000000aa", "00b000000000020102030405"} {
		encoded, err := hex.DecodeString(digits)
		require.NoError(t, err)
		_, err = iso7816.ParseCommand(encoded)
		require.ErrorIs(t, err, iso7816.ErrCommand, digits)
	}
}

func TestEveryCommandIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := iso7816.Command{
			CLA: rapid.Byte().Draw(t, "CLA"), INS: rapid.Byte().Draw(t, "INS"), P1: rapid.Byte().Draw(t, "P1"), P2: rapid.Byte().Draw(t, "P2"),
			Data: rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "data"), Ne: rapid.IntRange(0, 65536).Draw(t, "Ne"), Extended: rapid.Bool().Draw(t, "extended"),
		}
		encoded, err := c.Append(nil)
		require.NoError(t, err)
		decoded, err := iso7816.ParseCommand(encoded)
		require.NoError(t, err)
		again, err := decoded.Append(nil)
		require.NoError(t, err)
		require.Equal(t, encoded, again)
	})
}

func TestStatusWords(t *testing.T) {
	for word, n := range map[iso7816.StatusWord]int{0x6CE7: 231, 0x6C00: 256, 0x6C01: 1} {
		available, ok := word.CorrectLe()
		require.True(t, ok)
		require.Equal(t, n, available)
	}
	_, ok := iso7816.SWWrongLength.CorrectLe()
	require.False(t, ok)
	require.Equal(t, "status word 6A82 (file or application not found)", iso7816.SWFileNotFound.Error())
	require.Equal(t, "status word 6CE7 (wrong Le, 231 bytes available)", iso7816.StatusWord(0x6CE7).Error())
	require.Equal(t, "status word 1234", iso7816.StatusWord(0x1234).Error())

	response, err := iso7816.ParseResponse([]byte{1, 2, 0x90, 0x00})
	require.NoError(t, err)
	require.Equal(t, iso7816.SWSuccess, response.SW)
	require.Equal(t, []byte{1, 2}, response.Data)
	_, err = iso7816.ParseResponse([]byte{0x90})
	require.ErrorIs(t, err, iso7816.ErrResponse)
}

// card answers with what it is told to.
type card struct {
	answer []byte
	n      int
	err    error
}

func (c card) Transmit(_ context.Context, _, response []byte) (int, error) {
	copy(response, c.answer)
	return c.n, c.err
}
func (c card) Reset(context.Context) error { return nil }
func (c card) ATR() []byte                 { return nil }
func (c card) Limits() iso7816.Limits      { return iso7816.Limits{} }

func TestChannelCountsAndRefusesNonsense(t *testing.T) {
	channel := iso7816.NewChannel(card{answer: []byte{9, 0x90, 0}, n: 3})
	response, err := channel.Exchange(context.Background(), iso7816.Command{INS: 0x84, Ne: 8})
	require.NoError(t, err)
	require.Equal(t, []byte{9}, response.Data)
	require.Equal(t, iso7816.Traffic{Commands: 1, SentBytes: 5, ReceivedBytes: 3}, channel.Traffic())

	for _, n := range []int{-1, 0, 1, iso7816.MaxResponse + 1} {
		_, err = iso7816.NewChannel(card{n: n}).Exchange(context.Background(), iso7816.Command{})
		require.ErrorIs(t, err, iso7816.ErrResponse, "%d bytes", n)
	}
	_, err = iso7816.NewChannel(card{err: iso7816.ErrRemoved}).Exchange(context.Background(), iso7816.Command{})
	require.ErrorIs(t, err, iso7816.ErrRemoved)
	_, err = channel.Exchange(context.Background(), iso7816.Command{Ne: -1})
	require.True(t, errors.Is(err, iso7816.ErrCommand))
}

func TestExchangeAllocatesNothing(t *testing.T) {
	channel := iso7816.NewChannel(card{answer: []byte{9, 0x90, 0}, n: 3})
	command := iso7816.Command{INS: iso7816.InsReadBinary, Ne: 231}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		_, _ = channel.Exchange(context.Background(), command) // only its allocations count here
	}))
}
