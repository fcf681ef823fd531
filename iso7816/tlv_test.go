package iso7816_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"passport-agent/iso7816"
)

func TestHeaders(t *testing.T) {
	for digits, want := range map[string]struct {
		tag            iso7816.Tag
		header, length int
	}{
		"6014":           {0x60, 2, 0x14},
		"5f1f58":         {0x5F1F, 3, 0x58},
		"7f6181c8":       {0x7F61, 4, 200},
		"75824800":       {0x75, 4, 0x4800},
		"7783012345":     {0x77, 5, 0x12345},
		"778400000005":   {0x77, 6, 5},
		"5f8101820003":   {0x5F8101, 6, 3},
		"81810101010101": {0x81, 3, 1}, // longer than need be, as some chips write it
	} {
		b, err := hex.DecodeString(digits)
		require.NoError(t, err)
		tag, header, length, err := iso7816.ParseHeader(b)
		require.NoError(t, err, digits)
		require.Equal(t, want.tag, tag, digits)
		require.Equal(t, want.header, header, digits)
		require.Equal(t, want.length, length, digits)
	}
}

func TestHostileHeadersAreRefused(t *testing.T) {
	for name, digits := range map[string]string{
		"empty": "", "tag cut off": "7f", "tag of four bytes": "1f81818101", "no length": "75", "indefinite": "7580",
		"length cut off": "758248", "length of five bytes": "75850000000001", "length over the limit": "7584ffffffff",
	} {
		b, err := hex.DecodeString(digits)
		require.NoError(t, err)
		_, _, _, err = iso7816.ParseHeader(b)
		require.ErrorIs(t, err, iso7816.ErrTLV, name)
	}
	_, _, err := iso7816.ParseTLV([]byte{0x61, 2, 0})
	require.ErrorIs(t, err, iso7816.ErrTLV)
}

func TestNestingIsBounded(t *testing.T) {
	nest := func(depth int) []byte {
		b := []byte{0x04, 0}
		for range depth - 1 {
			b = iso7816.AppendTLV(nil, 0x30, b)
		}
		return b
	}
	require.NoError(t, iso7816.CheckTLV(nest(iso7816.MaxTLVDepth)))
	require.ErrorIs(t, iso7816.CheckTLV(nest(iso7816.MaxTLVDepth+1)), iso7816.ErrTLV)
	require.ErrorIs(t, iso7816.CheckTLV([]byte{0x30, 3, 0x04, 2, 0}), iso7816.ErrTLV, "an object longer than what holds it")
	require.NoError(t, iso7816.CheckTLV([]byte{0x04, 3, 0x04, 2, 0}), "a primitive value is not looked into")
}

func TestObjectsAreReadAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tag := rapid.SampledFrom([]iso7816.Tag{0x60, 0x87, 0x5F1F, 0x7F61, 0x5F8101}).Draw(t, "tag")
		size := rapid.SampledFrom([]int{0, 1, 127, 128, 255, 256, 65535, 65536}).Draw(t, "size")
		value := bytes.Repeat([]byte{rapid.Byte().Draw(t, "value")}, size)
		encoded := iso7816.AppendTLV([]byte{0xEE}, tag, value)[1:]
		object, rest, err := iso7816.ParseTLV(append(encoded, 0xAA))
		require.NoError(t, err)
		require.Equal(t, tag, object.Tag)
		require.Equal(t, value, append([]byte{}, object.Value...))
		require.Equal(t, encoded[:len(object.Raw)], object.Raw)
		require.Equal(t, []byte{0xAA}, rest)
	})
}

func TestFindReturnsTheFirst(t *testing.T) {
	objects, err := iso7816.ParseTLVs([]byte{0x80, 1, 1, 0x81, 1, 2, 0x80, 1, 3})
	require.NoError(t, err)
	object, ok := iso7816.Find(objects, 0x80)
	require.True(t, ok)
	require.Equal(t, []byte{1}, object.Value)
	_, ok = iso7816.Find(objects, 0x82)
	require.False(t, ok)
	require.True(t, iso7816.Tag(0x7F61).Constructed())
	require.False(t, iso7816.Tag(0x5F1F).Constructed())
}
