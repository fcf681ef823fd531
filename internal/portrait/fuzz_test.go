package portrait_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/internal/fuzzlimit"
	"passport-agent/internal/portrait"
)

// What passes on to the decoder has a header that claims no more than a portrait has.
func FuzzCheckHeader(f *testing.F) {
	for _, name := range []string{"colour.jp2", "colour.j2k", "grey.jp2", "grey.j2k"} {
		b := picture(f, name)
		f.Add(b[:min(len(b), 512)])
	}
	var b bytes.Buffer
	require.NoError(f, jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 24, 32)), nil))
	f.Add(b.Bytes())
	f.Add([]byte("\x00\x00\x00\x0CjP  \r\n\x87\n\x00\x00\x00\x01jp2c\x00\x00\x00\x00\x00\x00\x00\x10"))
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzzlimit.Check(t, func() {
			err := portrait.CheckHeader(b)
			if err != nil {
				require.Contains(t, []fault.Code{fault.PortraitRefused, fault.PortraitUnreadable}, fault.From(err).Code)
				return
			}
			if config, err := jpeg.DecodeConfig(bytes.NewReader(b)); err == nil {
				require.LessOrEqual(t, config.Width*config.Height, 4<<20)
				return
			}
			require.True(t, holdsCodestream(b))
		})
	})
}

// holdsCodestream reports whether a codestream that passes by itself stands in a file.
func holdsCodestream(b []byte) bool {
	for at := range b {
		if bytes.HasPrefix(b[at:], []byte{0xFF, 0x4F, 0xFF, 0x51}) && portrait.CheckHeader(b[at:]) == nil {
			return true
		}
	}
	return false
}
