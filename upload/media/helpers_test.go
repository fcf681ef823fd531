package media_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return b
}

var (
	red   = color.NRGBA{230, 20, 20, 255}
	green = color.NRGBA{20, 200, 20, 255}
	blue  = color.NRGBA{20, 20, 230, 255}
	grey  = color.NRGBA{120, 120, 120, 255}
)

// quarters is a picture of red, green (above), blue and grey (below).
func quarters(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, [][]color.NRGBA{{red, green}, {blue, grey}}[2*y/h][2*x/w])
		}
	}
	return m
}

func jpegOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, jpeg.Encode(&out, m, nil))
	return out.Bytes()
}

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, png.Encode(&out, m))
	return out.Bytes()
}

func decoded(t *testing.T, b []byte) image.Image {
	t.Helper()
	m, _, err := image.Decode(bytes.NewReader(b))
	require.NoError(t, err)
	return m
}

// place is a recognisable position, as EXIF writes it: three rationals.
var place = []byte("\x00\x00\x00\x33\x00\x00\x00\x01\x00\x00\x00\x1E\x00\x00\x00\x01\x00\x00\x00\x0F\x00\x00\x00\x01")

// exif is EXIF data with an orientation and a place (EXIF 2.32, 4.6).
func exif(order binary.AppendByteOrder, orientation uint16) []byte {
	begin := "II"
	if order == binary.AppendByteOrder(binary.BigEndian) {
		begin = "MM"
	}
	b := order.AppendUint32(order.AppendUint16([]byte(begin), 42), 8)
	entry := func(tag, kind uint16, count, value uint32) {
		b = order.AppendUint32(order.AppendUint16(order.AppendUint16(b, tag), kind), count)
		if kind == 3 && count == 1 { // a short stands at the beginning of its field
			b = order.AppendUint16(order.AppendUint16(b, uint16(value)), 0)
			return
		}
		b = order.AppendUint32(b, value)
	}
	const ifd0, gps = 8, 8 + 2 + 3*12 + 4
	b = order.AppendUint16(b, 3)
	entry(0x0100, 4, 1, 4000) // ImageWidth
	entry(0x0112, 3, 1, uint32(orientation))
	entry(0x8825, 4, 1, gps) // GPSInfo
	b = order.AppendUint32(b, 0)
	b = order.AppendUint16(b, 1)
	entry(0x0002, 5, 3, gps+2+12+4) // GPSLatitude
	b = order.AppendUint32(b, 0)
	return append(b, place...)
}

// withAPP1 puts a segment behind the first marker of a JPEG file.
func withAPP1(jpegFile, content []byte) []byte {
	segment := append(binary.BigEndian.AppendUint16([]byte{0xFF, 0xE1}, uint16(len(content)+2)), content...)
	return slices.Concat(jpegFile[:2], segment, jpegFile[2:])
}

func jpegEXIF(b []byte) []byte { return append([]byte("Exif\x00\x00"), b...) }

// withChunk puts a chunk behind the header of a PNG file.
func withChunk(pngFile []byte, kind string, data []byte) []byte {
	const header = 8 + 12 + 13
	return slices.Concat(pngFile[:header], chunk(kind, data), pngFile[header:])
}

func chunk(kind string, data []byte) []byte {
	b := append([]byte(kind), data...)
	return slices.Concat(binary.BigEndian.AppendUint32(nil, uint32(len(data))), b, binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(b)))
}

// withEXIF makes a simple WebP file an extended one with EXIF data (RFC 9649, 2.7).
func withEXIF(webpFile, data []byte, w, h int) []byte {
	riff := func(kind string, data []byte) []byte {
		b := append(binary.LittleEndian.AppendUint32([]byte(kind), uint32(len(data))), data...)
		return append(b, make([]byte, len(data)&1)...)
	}
	w, h = w-1, h-1
	body := slices.Concat([]byte("WEBP"),
		riff("VP8X", []byte{0x08, 0, 0, 0, byte(w), byte(w >> 8), 0, byte(h), byte(h >> 8), 0}),
		webpFile[12:], riff("EXIF", data))
	return riff("RIFF", body)
}

func requireFault(t *testing.T, err error, code fault.Code, says string) {
	t.Helper()
	require.ErrorIs(t, err, code)
	require.ErrorContains(t, err, says)
	require.Equal(t, code, fault.From(err).Code)
}
