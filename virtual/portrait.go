package virtual

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
)

// Size of the generated portrait in pixels, and what it may shrink to where few
// bytes are wanted.
const (
	portraitWidth  = 240
	portraitHeight = 320
	portraitLeast  = 32
)

// portrait returns a JPEG of an invented, drawn face of exactly size bytes, or
// of its natural size where size is 0.
func portrait(random *rand.Rand, size int) ([]byte, image.Point, error) {
	face := newFace(random)
	for width := portraitWidth; width >= portraitLeast; width = width * 3 / 4 {
		bounds := image.Rect(0, 0, width, width*portraitHeight/portraitWidth)
		drawn := face.draw(bounds)
		for quality := 90; quality >= 10; quality -= 20 {
			var encoded bytes.Buffer
			if err := jpeg.Encode(&encoded, drawn, &jpeg.Options{Quality: quality}); err != nil {
				return nil, image.Point{}, err
			}
			if size == 0 || encoded.Len() <= size {
				return padJPEG(encoded.Bytes(), size), bounds.Max, nil
			}
		}
	}
	return nil, image.Point{}, fmt.Errorf("%w: no portrait of %d bytes", ErrSize, size)
}

// padJPEG puts comment segments behind the start of the image, and fill bytes
// before a marker for the last three bytes, which are too few for a segment
// (ITU-T T.81, B.1.1.2 and B.2.4.5).
func padJPEG(encoded []byte, size int) []byte {
	const start, head, longest = 2, 4, 4 + 65533
	missing := size - len(encoded)
	if missing <= 0 {
		return encoded
	}
	padding := make([]byte, 0, missing)
	for missing >= head {
		n := min(missing, longest)
		padding = append(padding, 0xFF, 0xFE, byte((n-2)>>8), byte(n-2))
		padding = append(padding, bytes.Repeat([]byte{' '}, n-head)...)
		missing -= n
	}
	padding = append(padding, bytes.Repeat([]byte{0xFF}, missing)...)
	return append(append(append([]byte(nil), encoded[:start]...), padding...), encoded[start:]...)
}

// face is a drawing in units of a field of 1 by 4/3.
type face struct {
	ground, skin, hair, cloth, eye, mouth color.RGBA
	width, height, eyes, smile            float64
}

func newFace(random *rand.Rand) face {
	shade := func(r, g, b uint8, spread int) color.RGBA {
		by := func(c uint8) uint8 { return uint8(max(0, min(255, int(c)+random.IntN(2*spread+1)-spread))) }
		return color.RGBA{by(r), by(g), by(b), 255}
	}
	between := func(low, high float64) float64 { return low + random.Float64()*(high-low) }
	return face{
		ground: shade(215, 222, 230, 12), skin: shade(214, 176, 148, 30), hair: shade(90, 70, 60, 60),
		cloth: shade(70, 90, 120, 60), eye: shade(60, 80, 90, 40), mouth: shade(170, 90, 90, 20),
		width: between(0.22, 0.27), height: between(0.30, 0.35), eyes: between(0.09, 0.12), smile: between(-0.01, 0.02),
	}
}

func (f face) draw(bounds image.Rectangle) *image.RGBA {
	drawn := image.NewRGBA(bounds)
	scale := float64(bounds.Dx())
	for y := range bounds.Dy() {
		for x := range bounds.Dx() {
			drawn.SetRGBA(x, y, f.at(float64(x)/scale, float64(y)/scale))
		}
	}
	return drawn
}

// at returns the colour of a point; what lies in front comes first.
func (f face) at(x, y float64) color.RGBA {
	within := func(cx, cy, rx, ry float64) bool {
		dx, dy := (x-cx)/rx, (y-cy)/ry
		return dx*dx+dy*dy <= 1
	}
	const middle, height = 0.5, 0.60
	for _, side := range []float64{-1, 1} {
		if within(middle+side*f.eyes, height-0.05, 0.035, 0.02) {
			return f.eye
		}
	}
	lips := height + 0.17 - f.smile*(1-(x-middle)*(x-middle)/0.0064)
	switch {
	case within(middle, lips, 0.08, 0.018):
		return f.mouth
	case within(middle, height, f.width, f.height) && y > height-0.22:
		return f.skin
	case within(middle, height-0.08, f.width+0.04, f.height-0.02):
		return f.hair
	case within(middle, height+0.32, 0.10, 0.14):
		return f.skin
	case within(middle, 1.42, 0.46, 0.42):
		return f.cloth
	default:
		return f.ground
	}
}
