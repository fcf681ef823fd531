package iso7816_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fuzzlimit"
	"passport-agent/iso7816"
)

// What is read as data objects is all of the octets and no other, and what they hold is
// the same when it is written in the shortest form.
func FuzzParseTLV(f *testing.F) {
	f.Add([]byte{0x60, 0x14, 0x5F, 0x01, 0x04, '0', '1', '0', '7', 0x5C, 0x02, 0x61, 0x75})
	f.Add([]byte{0x7F, 0x61, 0x82, 0x00, 0x02, 0x02, 0x00, 0x81, 0x81, 0x00})
	f.Add(bytes.Repeat([]byte{0x30, 0x80}, 40))
	f.Add(iso7816.AppendTLV(nil, 0x5F8101, make([]byte, 200)))
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzzlimit.Check(t, func() {
			nested := iso7816.CheckTLV(b)
			objects, err := iso7816.ParseTLVs(b)
			if err != nil {
				require.ErrorIs(t, err, iso7816.ErrTLV)
				require.ErrorIs(t, nested, iso7816.ErrTLV)
				return
			}
			var whole, shortest []byte
			for _, object := range objects {
				whole = append(whole, object.Raw...)
				require.True(t, bytes.HasSuffix(object.Raw, object.Value))
				shortest = iso7816.AppendTLV(shortest, object.Tag, object.Value)
			}
			require.Equal(t, b, append([]byte{}, whole...))
			again, err := iso7816.ParseTLVs(shortest)
			require.NoError(t, err)
			require.Len(t, again, len(objects))
			for i := range objects {
				require.Equal(t, objects[i].Tag, again[i].Tag)
				require.True(t, bytes.Equal(objects[i].Value, again[i].Value))
			}
		})
	})
}

// Every command has one way to be written.
func FuzzParseCommand(f *testing.F) {
	for _, c := range []iso7816.Command{
		{INS: 0xA4, P1: 4, P2: 0x0C, Data: []byte{1, 2}}, {INS: 0xB0, Ne: 256}, {INS: 0xB0, Ne: 65536}, {INS: 0x86, Data: make([]byte, 300), Ne: 65536}, {CLA: 0x0C},
	} {
		b, err := c.Append(nil)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzzlimit.Check(t, func() {
			c, err := iso7816.ParseCommand(b)
			if err != nil {
				require.ErrorIs(t, err, iso7816.ErrCommand)
				return
			}
			again, err := c.Append(nil)
			require.NoError(t, err)
			require.Equal(t, b, again)
		})
	})
}

// Whatever a reader says that a chip has answered is a response or refused.
func FuzzResponse(f *testing.F) {
	f.Add([]byte{0x90, 0x00}, int32(2))
	f.Add([]byte{1, 2, 3, 0x6C, 0x20}, int32(5))
	f.Add([]byte{0x90}, int32(1))
	f.Add([]byte{}, int32(-1))
	f.Add([]byte{0x61, 0x10}, int32(70_000))
	f.Fuzz(func(t *testing.T, answer []byte, n int32) {
		fuzzlimit.Check(t, func() {
			response, err := iso7816.NewChannel(card{answer: answer, n: int(n)}).Exchange(t.Context(), iso7816.Command{INS: iso7816.InsReadBinary, Ne: 8})
			if err != nil {
				require.ErrorIs(t, err, iso7816.ErrResponse)
				require.True(t, n < 2 || n > iso7816.MaxResponse)
				return
			}
			require.Len(t, response.Data, int(n)-2)
			available, correct := response.SW.CorrectLe()
			require.Equal(t, response.SW>>8 == 0x6C, correct)
			if correct {
				require.Contains(t, response.SW.Error(), "bytes available")
				require.Less(t, available-1, iso7816.MaxShortNe)
			}
		})
	})
}
