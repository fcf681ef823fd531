package media_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	_ "golang.org/x/image/webp" // for image.Decode

	"passport-agent/upload/media"
)

func prepare(t *testing.T, content []byte) media.File {
	t.Helper()
	f, err := media.Prepare(content, media.Options{})
	require.NoError(t, err)
	require.True(t, f.Scaled)
	bounds := decoded(t, f.Content).Bounds()
	require.Equal(t, [2]int{bounds.Dx(), bounds.Dy()}, [2]int{f.Width, f.Height})
	require.LessOrEqual(t, max(f.Width, f.Height), 1920)
	require.LessOrEqual(t, len(f.Content), 17_000_000)

	again, err := media.Prepare(f.Content, media.Options{NoResize: true})
	require.NoError(t, err)
	require.Equal(t, f.MIMEType, again.MIMEType)
	require.False(t, again.Scaled)
	return f
}

func requireColour(t *testing.T, want color.NRGBA, m image.Image, x, y int) {
	t.Helper()
	got := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
	for i, pair := range [][2]uint8{{want.R, got.R}, {want.G, got.G}, {want.B, got.B}, {want.A, got.A}} {
		require.InDelta(t, pair[0], pair[1], 12, "channel %d at %d, %d: %v, not %v", i, x, y, got, want)
	}
}

func TestSizeAfterScaling(t *testing.T) {
	for _, test := range []struct{ w, h, wantW, wantH int }{
		{3840, 54, 1920, 27}, {2001, 101, 1920, 97}, {100, 2500, 77, 1920}, {5000, 1, 1920, 1}, {1, 1921, 1, 1920}, {50, 2000, 48, 1920},
	} {
		for kind, content := range map[string][]byte{"image/jpeg": jpegOf(t, quarters(test.w, test.h)), "image/png": pngOf(t, quarters(test.w, test.h))} {
			f := prepare(t, content)
			require.Equal(t, kind, f.MIMEType, "the format stays")
			require.Equal(t, [2]int{test.wantW, test.wantH}, [2]int{f.Width, f.Height}, "%d x %d", test.w, test.h)
		}
	}
}

// EXIF 2.32, 4.6.5, tag Orientation: at which side the stored row 0 and column 0
// are to be seen.
var sides = [][2]string{
	1: {"top", "left"}, 2: {"top", "right"}, 3: {"bottom", "right"}, 4: {"bottom", "left"},
	5: {"left", "top"}, 6: {"right", "top"}, 7: {"right", "bottom"}, 8: {"left", "bottom"},
}

// The colours of the corners: above, then below, each from the left. Those of the
// WebP files are what their encoder was given.
var (
	ofQuarters = [4]color.NRGBA{red, green, blue, grey}
	ofWebP     = [4]color.NRGBA{{255, 255, 128, 255}, {0, 255, 128, 255}, {255, 0, 128, 255}, {0, 0, 128, 255}}
)

var opposite = map[string]string{"top": "bottom", "bottom": "top", "left": "right", "right": "left"}

// requireShown looks for the colour of each stored corner where it is to be seen.
func requireShown(t *testing.T, m image.Image, orientation int, corners [4]color.NRGBA) {
	t.Helper()
	row0, column0 := sides[orientation][0], sides[orientation][1]
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	for colour, corner := range map[color.NRGBA][2]string{
		corners[0]: {row0, column0}, corners[1]: {row0, opposite[column0]}, corners[2]: {opposite[row0], column0}, corners[3]: {opposite[row0], opposite[column0]},
	} {
		x, y := w/4, h/4
		for _, side := range corner {
			switch side {
			case "right":
				x = w - w/4
			case "bottom":
				y = h - h/4
			}
		}
		requireColour(t, colour, m, x, y)
	}
}

// What is scaled stands upright by itself, and tells nobody where it was taken.
func TestOrientationIsAppliedAndThePlaceIsGone(t *testing.T) {
	const w, h = 2400, 40
	asJPEG, asPNG, asWebP := jpegOf(t, quarters(w, h)), pngOf(t, quarters(w, h)), sample(t, "large.webp")
	for orientation := 1; orientation <= 8; orientation++ {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			data := exif(order, uint16(orientation))
			for name, content := range map[string][]byte{
				"JPEG":           withAPP1(asJPEG, jpegEXIF(data)),
				"PNG":            withChunk(withChunk(asPNG, "eXIf", data), "tEXt", append([]byte("Location\x00"), place...)),
				"WebP":           withEXIF(asWebP, data, w, h),
				"WebP with Exif": withEXIF(asWebP, jpegEXIF(data), w, h),
			} {
				t.Run(fmt.Sprint(name, orientation, order), func(t *testing.T) {
					require.Contains(t, string(content), string(place))
					f := prepare(t, content)
					if orientation >= 5 {
						require.Equal(t, [2]int{32, 1920}, [2]int{f.Width, f.Height})
					} else {
						require.Equal(t, [2]int{1920, 32}, [2]int{f.Width, f.Height})
					}
					for _, trace := range []string{string(place), "Exif", "eXIf", "Location"} {
						require.NotContains(t, string(f.Content), trace)
					}
					corners := ofQuarters
					if strings.HasPrefix(name, "WebP") {
						corners = ofWebP
					}
					requireShown(t, decoded(t, f.Content), orientation, corners)
				})
			}
		}
	}
}

// Orientation that is none leaves the picture as it is stored.
func TestOrientationThatIsNone(t *testing.T) {
	whole := exif(binary.LittleEndian, 6)
	far := exif(binary.LittleEndian, 6)
	binary.LittleEndian.PutUint32(far[4:], 0xFFFFFFF0)
	long := exif(binary.LittleEndian, 6)
	binary.LittleEndian.PutUint16(long[8+2+12+2:], 4) // of another type
	for name, data := range map[string][]byte{
		"0": exif(binary.LittleEndian, 0), "9": exif(binary.BigEndian, 9), "empty": {}, "no TIFF": []byte("XX*\x00\x08\x00\x00\x00"),
		"far": far, "long": long, "cut": whole[:8+2+12+4], "short": whole[:6],
	} {
		f := prepare(t, withAPP1(jpegOf(t, quarters(2400, 40)), jpegEXIF(data)))
		require.Equal(t, 1920, f.Width, name)
		requireShown(t, decoded(t, f.Content), 1, ofQuarters)
	}
}

func TestWebPBecomesJPEG(t *testing.T) {
	f := prepare(t, sample(t, "large.webp"))
	require.Equal(t, "image/jpeg", f.MIMEType)
	require.Equal(t, [2]int{1920, 32}, [2]int{f.Width, f.Height})
	m := decoded(t, f.Content)
	requireColour(t, color.NRGBA{255, 255, 128, 255}, m, 400, 5)
	requireColour(t, color.NRGBA{0, 255, 128, 255}, m, 1500, 5)
	requireColour(t, color.NRGBA{0, 0, 128, 255}, m, 1500, 27)

	// JPEG has no transparency: what shines through is white.
	for _, name := range []string{"large-transparent.webp", "large-lossy-transparent.webp"} {
		m = decoded(t, prepare(t, sample(t, name)).Content)
		requireColour(t, color.NRGBA{255, 255, 128, 255}, m, 400, 5)
		requireColour(t, color.NRGBA{255, 255, 255, 255}, m, 1500, 5)
	}
}

func TestPNGKeepsTransparencyAndGrey(t *testing.T) {
	const w, h = 3840, 64
	picture := image.NewNRGBA(image.Rect(0, 0, w, h))
	picture16 := image.NewNRGBA64(picture.Rect)
	grey8, grey16 := image.NewGray(picture.Rect), image.NewGray16(picture.Rect)
	paletted := image.NewPaletted(picture.Rect, color.Palette{color.NRGBA{9, 200, 90, 255}, color.NRGBA{0, 0, 0, 0}})
	for y := range h {
		for x := range w {
			c := color.NRGBA{200, 100, 50, 255}
			if x >= w/2 {
				c.A = 100
			}
			picture.SetNRGBA(x, y, c)
			picture16.Set(x, y, c)
			grey8.SetGray(x, y, color.Gray{uint8(50 + 100*(x*2/w))})
			grey16.SetGray16(x, y, color.Gray16{uint16(50+100*(x*2/w)) * 257})
			paletted.SetColorIndex(x, y, uint8(x*2/w))
		}
	}
	for name, m := range map[string]image.Image{"8 bits": picture, "16 bits": picture16} {
		small := decoded(t, prepare(t, pngOf(t, m)).Content)
		requireColour(t, color.NRGBA{200, 100, 50, 255}, small, 400, 10)
		requireColour(t, color.NRGBA{200, 100, 50, 100}, small, 1500, 10)
		require.IsType(t, &image.NRGBA{}, small, name)
	}
	for name, m := range map[string]image.Image{"8 bits": grey8, "16 bits": grey16} {
		small := decoded(t, prepare(t, pngOf(t, m)).Content)
		require.IsType(t, &image.Gray{}, small, name)
		requireColour(t, color.NRGBA{50, 50, 50, 255}, small, 400, 10)
		requireColour(t, color.NRGBA{150, 150, 150, 255}, small, 1500, 10)
	}
	small := decoded(t, prepare(t, pngOf(t, paletted)).Content)
	requireColour(t, color.NRGBA{9, 200, 90, 255}, small, 400, 10)
	_, _, _, alpha := small.At(1500, 10).RGBA()
	require.Zero(t, alpha)

	m := decoded(t, prepare(t, jpegOf(t, grey8)).Content)
	require.IsType(t, &image.Gray{}, m)
	requireColour(t, color.NRGBA{150, 150, 150, 255}, m, 1500, 10)
}

// A picture of few pixels and many bytes is encoded again at its size.
func TestManyBytesAtAFittingSize(t *testing.T) {
	f := prepare(t, withChunk(pngOf(t, quarters(1920, 20)), "tEXt", make([]byte, 17_000_000)))
	require.Equal(t, [2]int{1920, 20}, [2]int{f.Width, f.Height})
	require.Less(t, len(f.Content), 10_000)

	f = prepare(t, append(jpegOf(t, quarters(100, 50)), make([]byte, 17_000_000)...))
	require.Less(t, len(f.Content), 10_000)
	requireShown(t, decoded(t, f.Content), 1, ofQuarters)
}

// Each pixel is the mean of what it covers, also where sizes do not divide.
func TestEachPixelIsTheMeanOfItsArea(t *testing.T) {
	for _, size := range [][2]int{{3840, 12}, {2001, 37}, {5000, 41}, {1921, 2}} {
		source := image.NewNRGBA(image.Rect(0, 0, size[0], size[1]))
		random := rand.New(rand.NewPCG(1, uint64(size[0])))
		for i := range source.Pix {
			source.Pix[i] = uint8(random.Uint32())
			if i%4 == 3 {
				source.Pix[i] = 255
			}
		}
		small := decoded(t, prepare(t, pngOf(t, source)).Content)
		w, h := small.Bounds().Dx(), small.Bounds().Dy()
		for range 300 {
			x, y := random.IntN(w), random.IntN(h)
			want := mean(source, float64(x)*float64(size[0])/float64(w), float64(x+1)*float64(size[0])/float64(w),
				float64(y)*float64(size[1])/float64(h), float64(y+1)*float64(size[1])/float64(h))
			got := color.NRGBAModel.Convert(small.At(x, y)).(color.NRGBA)
			require.InDelta(t, want, float64(got.G), 0.51, "%v at %d, %d", size, x, y)
		}
	}
}

// mean is the mean green of an area, in another way than the code's.
func mean(m *image.NRGBA, left, right, top, bottom float64) float64 {
	overlap := func(at int, from, to float64) float64 {
		return max(min(float64(at+1), to)-max(float64(at), from), 0)
	}
	total, weight := 0.0, 0.0
	for y := int(top); y < min(int(math.Ceil(bottom)), m.Rect.Dy()); y++ {
		for x := int(left); x < min(int(math.Ceil(right)), m.Rect.Dx()); x++ {
			part := overlap(x, left, right) * overlap(y, top, bottom)
			total += part * float64(m.NRGBAAt(x, y).G)
			weight += part
		}
	}
	return total / weight
}

func BenchmarkShrink(b *testing.B) {
	var content bytes.Buffer
	require.NoError(b, jpeg.Encode(&content, quarters(4032, 3024), nil))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := media.Prepare(content.Bytes(), media.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
