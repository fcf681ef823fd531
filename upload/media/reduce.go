package media

import (
	"image"
	"image/draw"
)

// pixel is a colour that is not multiplied with its alpha.
type pixel struct{ red, green, blue, alpha uint8 }

func (p pixel) onWhite() pixel {
	mix := func(c uint8) uint8 { return uint8((uint32(c)*uint32(p.alpha) + 255*(255-uint32(p.alpha)) + 127) / 255) }
	return pixel{mix(p.red), mix(p.green), mix(p.blue), 255}
}

// sum adds up weighted colours that are multiplied with their alpha. A picture
// that is decoded here has fewer than 2^30 pixels, so that nothing overflows.
type sum struct{ red, green, blue, alpha uint64 }

func (s *sum) add(other sum, weight uint64) {
	s.red += other.red * weight
	s.green += other.green * weight
	s.blue += other.blue * weight
	s.alpha += other.alpha * weight
}

func (s sum) mean(weight uint64) pixel {
	if s.alpha == 0 {
		return pixel{}
	}
	of := func(c uint64) uint8 { return uint8(min((255*c+s.alpha/2)/s.alpha, 255)) }
	return pixel{of(s.red), of(s.green), of(s.blue), uint8((s.alpha + weight/2) / weight)}
}

// reduce makes each pixel of a smaller or equal picture the mean of the area that
// it covers in the source, in whole numbers. It takes memory for two rows.
func reduce(source image.Image, width, height int, set func(x, y int, p pixel)) {
	bounds := source.Bounds()
	sourceWidth, sourceHeight := bounds.Dx(), bounds.Dy()
	row := image.NewRGBA(image.Rect(0, 0, sourceWidth, 1))
	narrow, total := make([]sum, width), make([]sum, width)
	weight := uint64(sourceWidth) * uint64(sourceHeight)

	// A source row is height units high, a row of the result sourceHeight units.
	y, missing := 0, sourceHeight
	for sourceY := range sourceHeight {
		draw.Draw(row, row.Rect, source, image.Pt(bounds.Min.X, bounds.Min.Y+sourceY), draw.Src)
		narrowRow(narrow, row.Pix, sourceWidth)
		part := min(height, missing)
		addRow(total, narrow, part)
		missing -= part
		if missing > 0 {
			continue
		}
		for x := range total {
			set(x, y, total[x].mean(weight))
		}
		clear(total)
		addRow(total, narrow, height-part)
		y, missing = y+1, sourceHeight-(height-part)
	}
}

func addRow(total, row []sum, weight int) {
	for x := range total {
		total[x].add(row[x], uint64(weight))
	}
}

// narrowRow does across what reduce does downwards.
func narrowRow(narrow []sum, pix []byte, sourceWidth int) {
	clear(narrow)
	width := len(narrow)
	x, missing := 0, sourceWidth
	for ; len(pix) >= 4; pix = pix[4:] {
		p := sum{uint64(pix[0]), uint64(pix[1]), uint64(pix[2]), uint64(pix[3])}
		part := min(width, missing)
		narrow[x].add(p, uint64(part))
		missing -= part
		if missing > 0 {
			continue
		}
		x, missing = x+1, sourceWidth-(width-part)
		if width > part {
			narrow[x].add(p, uint64(width-part))
		}
	}
}
