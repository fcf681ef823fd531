package media_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/internal/fuzzlimit"
	"passport-agent/upload/media"
)

// checkCodes are those of Check.
var checkCodes = []fault.Code{fault.MediaFormatUnknown, fault.PDFDisabled, fault.MediaTooLarge, fault.ResizeForbidden, fault.MediaDamaged}

// requireChecked looks at a file's header: what is let pass as it is has a format and a
// size within the page's limits, whatever the options.
func requireChecked(t *testing.T, content []byte) {
	pdf, forbidden := media.Check(content, media.Options{PDF: true}), media.Check(content, media.Options{NoResize: true})
	for _, err := range []error{pdf, forbidden} {
		if err != nil {
			require.Contains(t, checkCodes, fault.From(err).Code)
		}
	}
	if forbidden != nil {
		return
	}
	file, err := media.Prepare(content, media.Options{NoResize: true})
	require.NoError(t, err)
	require.False(t, file.Scaled)
	require.True(t, bytes.Equal(content, file.Content), "what fits is not touched")
	require.Contains(t, []string{"image/jpeg", "image/png", "image/webp", "image/heic", "image/heif"}, file.MIMEType)
	require.True(t, file.Width > 0 && file.Height > 0 && max(file.Width, file.Height) <= media.MaxSide, "%d x %d", file.Width, file.Height)
	require.NoError(t, pdf)
}

func FuzzCheck(f *testing.F) {
	f.Add(jpegOf(f, quarters(8, 6)))
	f.Add(withAPP1(jpegOf(f, quarters(8, 6)), jpegEXIF(exif(binary.BigEndian, 6))))
	f.Add(pngOf(f, quarters(8, 6)))
	f.Add(withChunk(pngOf(f, quarters(8, 6)), "eXIf", exif(binary.LittleEndian, 3)))
	f.Add(sample(f, "small.webp"))
	f.Add(sample(f, "large-transparent.webp"))
	f.Add(sample(f, "small.heic"))
	f.Add(sample(f, "small.avif"))
	f.Add([]byte("%PDF-1.7\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		fuzzlimit.Check(t, func() { requireChecked(t, content) })
	})
}

// Boxes of ISO/IEC 14496-12 behind a file type that is right.
func FuzzHEIF(f *testing.F) {
	for _, name := range []string{"small.heic", "large.heic", "thumbnail.heic"} {
		b := sample(f, name)
		f.Add(b[binary.BigEndian.Uint32(b):])
	}
	f.Add([]byte("\x00\x00\x00\x01meta\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"))
	f.Fuzz(func(t *testing.T, boxes []byte) {
		fuzzlimit.Check(t, func() { requireChecked(t, append([]byte("\x00\x00\x00\x14ftypheic\x00\x00\x00\x00mif1"), boxes...)) })
	})
}

// EXIF data turn a picture upright, and do nothing else to it: however they are, the
// size is that of the frame.
func FuzzEXIF(f *testing.F) {
	for orientation := range uint16(10) {
		f.Add(exif(binary.BigEndian, orientation))
		f.Add(exif(binary.LittleEndian, orientation))
	}
	f.Add([]byte("II*\x00\xFF\xFF\xFF\xFF"))
	jpegFile, pngFile, webpFile := jpegOf(f, quarters(8, 6)), pngOf(f, quarters(8, 6)), sample(f, "small.webp")
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 60_000 {
			return
		}
		fuzzlimit.Check(t, func() {
			for _, content := range [][]byte{withAPP1(jpegFile, jpegEXIF(data)), withChunk(pngFile, "eXIf", data), withEXIF(webpFile, data, 64, 48)} {
				file, err := media.Prepare(content, media.Options{})
				require.NoError(t, err)
				require.True(t, slices.Contains([]int{8, 64}, file.Width), "%d", file.Width)
			}
		})
	})
}
