package media

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"io"
)

// jpegQuality keeps the print of a document legible and the file below 2 MB.
const jpegQuality = 92

// shrink decodes a picture and encodes it again, upright, no longer than MaxSide
// and with nothing but its pixels.
func shrink(content []byte, h header) (File, error) {
	decode := map[format]func(io.Reader) (image.Image, error){jpegFormat: jpeg.Decode, pngFormat: png.Decode, webpFormat: decodeWebP}[h.format]
	source, err := decode(bytes.NewReader(content))
	if err != nil {
		return File{}, damaged("it cannot be decoded to be made smaller", err)
	}
	bounds := source.Bounds()
	if bounds.Dx() != h.width || bounds.Dy() != h.height {
		return File{}, damaged("the picture has not the size that its header states", nil)
	}
	width, height := fitted(h.width, h.height)
	small := newCanvas(source, h.format, width, height, h.orientation)
	reduce(source, width, height, small.set)

	out := &bytes.Buffer{}
	f := File{Width: small.picture.Bounds().Dx(), Height: small.picture.Bounds().Dy(), Scaled: true}
	if h.format == pngFormat {
		f.MIMEType, err = pngFormat.mimeType(), png.Encode(out, small.picture)
	} else {
		f.MIMEType, err = jpegFormat.mimeType(), jpeg.Encode(out, small.picture, &jpeg.Options{Quality: jpegQuality})
	}
	if err != nil {
		return File{}, damaged("it cannot be encoded", err)
	}
	f.Content = out.Bytes()
	return f, nil
}

// fitted returns the size with the longer side brought down to MaxSide.
func fitted(width, height int) (int, int) {
	longer := max(width, height)
	if longer <= MaxSide {
		return width, height
	}
	part := func(side int) int {
		return max(int((int64(side)*MaxSide+int64(longer)/2)/int64(longer)), 1)
	}
	return part(width), part(height)
}

// canvas takes the reduced pixels, each to the place where it is shown.
type canvas struct {
	picture image.Image
	set     func(x, y int, p pixel)
}

// newCanvas keeps grey grey and, in PNG, transparency; what becomes JPEG is laid
// on white.
func newCanvas(source image.Image, f format, width, height int, o orientation) canvas {
	size := image.Rect(0, 0, width, height)
	if o.swaps() {
		size = image.Rect(0, 0, height, width)
	}
	switch source.(type) {
	case *image.Gray, *image.Gray16:
		grey := image.NewGray(size)
		return canvas{grey, func(x, y int, p pixel) {
			x, y = o.place(x, y, width, height)
			grey.Pix[grey.PixOffset(x, y)] = p.red
		}}
	}
	if f == pngFormat {
		colours := image.NewNRGBA(size)
		return canvas{colours, func(x, y int, p pixel) {
			x, y = o.place(x, y, width, height)
			copy(colours.Pix[colours.PixOffset(x, y):], []byte{p.red, p.green, p.blue, p.alpha})
		}}
	}
	colours := image.NewRGBA(size)
	return canvas{colours, func(x, y int, p pixel) {
		x, y = o.place(x, y, width, height)
		p = p.onWhite()
		copy(colours.Pix[colours.PixOffset(x, y):], []byte{p.red, p.green, p.blue, 0xFF})
	}}
}
