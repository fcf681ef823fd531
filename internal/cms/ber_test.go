package cms_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"passport-agent/internal/cms"
)

func unhex(t testing.TB, digits string) []byte {
	b, err := hex.DecodeString(digits)
	require.NoError(t, err)
	return b
}

func TestToDER(t *testing.T) {
	for name, c := range map[string][2]string{
		"DER stays":                  {"3006020101040141", "3006020101040141"},
		"long length of DER stays":   {"30820003020101", "30820003020101"},
		"indefinite sequence":        {"30800201010000", "3003020101"},
		"indefinite in indefinite":   {"3080a08002010100000000", "3005a003020101"},
		"octet string in pieces":     {"2480040141040242430000", "0403414243"},
		"pieces of definite length":  {"240704014104024243", "0403414243"},
		"pieces in pieces":           {"24802403040141040242430000", "0403414243"},
		"definite around indefinite": {"300730800201010000", "30053003020101"},
	} {
		t.Run(name, func(t *testing.T) {
			der, err := cms.ToDER(unhex(t, c[0]))
			require.NoError(t, err)
			require.Equal(t, c[1], hex.EncodeToString(der))
		})
	}
}

func TestToDERRefusesWhatIsNotOneElement(t *testing.T) {
	for name, digits := range map[string]string{
		"empty": "", "cut off": "3005020101", "two elements": "020101020102", "no end of contents": "3080020101",
		"primitive indefinite": "04804100", "length of five bytes": "308501000000", "huge length": "3084ffffffff", "tag without end": "1fffffffff",
	} {
		_, err := cms.ToDER(unhex(t, digits))
		require.ErrorIs(t, err, cms.ErrMalformed, name)
	}
	_, err := cms.ToDER(bytes.Repeat([]byte{0x30, 0x80}, 10_000))
	require.ErrorIs(t, err, cms.ErrMalformed, "nesting must not exhaust the stack")
}

// Well formed is not enough: what nests deeper than any security object is refused.
func TestNestingIsBounded(t *testing.T) {
	nest := func(depth int) []byte {
		b := []byte{0x05, 0x00}
		for range depth {
			b = append([]byte{0x30, byte(len(b))}, b...)
		}
		return b
	}
	_, err := cms.ToDER(nest(20))
	require.NoError(t, err)
	_, err = cms.ToDER(nest(40))
	require.ErrorIs(t, err, cms.ErrMalformed)
}

func TestParseSignedData(t *testing.T) {
	// ContentInfo { signedData, [0] { 3, {}, { 2.23.136.1.1.1, [0] "AB" }, {} } }
	der := "302806092a864886f70d010702a01b3019020103310030100606678108010101a0060404414243443100"
	signed, err := cms.ParseSignedData(unhex(t, der))
	require.NoError(t, err)
	require.Equal(t, "2.23.136.1.1.1", signed.ContentType.String())
	require.Equal(t, []byte("ABCD"), signed.Content)
	for i := range len(der) / 2 {
		_, err := cms.ParseSignedData(unhex(t, der)[:i])
		require.ErrorIs(t, err, cms.ErrMalformed, "%d bytes", i)
	}
	_, err = cms.ParseSignedData(unhex(t, "300d06092a864886f70d010701a000"))
	require.ErrorIs(t, err, cms.ErrMalformed, "content type data")
}

func TestToDERIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.SampledFrom([]byte{0x00, 0x01, 0x02, 0x03, 0x04, 0x24, 0x30, 0x80, 0x81, 0xA0}), 0, 24).Draw(t, "ber")
		der, err := cms.ToDER(b)
		if err != nil {
			require.ErrorIs(t, err, cms.ErrMalformed)
			return
		}
		again, err := cms.ToDER(der)
		require.NoError(t, err)
		require.Equal(t, der, again)
	})
}
