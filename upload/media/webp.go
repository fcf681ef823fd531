package media

import (
	"bytes"
	"encoding/binary"
	"image"
	"io"

	"golang.org/x/image/webp"
)

// webpBytesPerPixel: a lossless picture is decoded into four bytes and changed
// into four others, and so is the transparency of a lossy one.
const webpBytesPerPixel = 10

// webpHeader reads the size as the decoder will hold the picture against it, and
// the chunk EXIF (RFC 9649, 2.7.1.5), which comes after the picture.
func webpHeader(b []byte) (header, error) {
	config, err := webp.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return header{}, damaged("the header of the WebP file is malformed", err)
	}
	h := header{format: webpFormat, width: config.Width, height: config.Height, orientation: upright, bytesPerPixel: webpBytesPerPixel}
	for rest := b[12:]; len(rest) >= 8; {
		length := int64(binary.LittleEndian.Uint32(rest[4:]))
		if length > int64(len(rest)-8) {
			break
		}
		if string(rest[:4]) == "EXIF" {
			h.orientation = exifOrientation(rest[8 : 8+length])
		}
		rest = rest[min(8+length+length&1, int64(len(rest))):] // chunks are padded to even sizes
	}
	return h, nil
}

// decodeWebP widens the range of a lossy picture: VP8 has ITU-R BT.601 with luma
// from 16 to 235 (RFC 6386, 9.2), the standard library's YCbCr is the full range
// of JPEG.
func decodeWebP(r io.Reader) (image.Image, error) {
	m, err := webp.Decode(r)
	switch m := m.(type) {
	case *image.YCbCr:
		widen(m)
	case *image.NYCbCrA:
		widen(&m.YCbCr)
	}
	return m, err
}

func widen(m *image.YCbCr) {
	var luma, chroma [256]byte
	for i := range 256 {
		luma[i] = byte(min(max((i-16)*255+109, 0)/219, 255))
		chroma[i] = byte(min(max((i-128)*255+128*224+112, 0)/224, 255))
	}
	for i, v := range m.Y {
		m.Y[i] = luma[v]
	}
	for _, plane := range [][]byte{m.Cb, m.Cr} {
		for i, v := range plane {
			plane[i] = chroma[v]
		}
	}
}
