package portrait

import (
	"bytes"
	"image/jpeg"
)

// Most that a portrait may have. Those of real documents have a quarter of a million
// pixels in one tile.
const (
	maxPixels     = 4 << 20
	maxComponents = 4
	maxTiles      = 64
	maxBits       = 16
)

// size is what the header of a picture claims.
type size struct{ width, height, components, bits, tiles int64 }

// check fails with fault.PortraitRefused.
func (s size) check() error {
	switch {
	case s.width < 1 || s.height < 1:
		return refused("no pixels")
	case s.width > maxPixels || s.height > maxPixels || s.width*s.height > maxPixels:
		return refused("%d by %d pixels", s.width, s.height)
	case s.components < 1 || s.components > maxComponents:
		return refused("%d components", s.components)
	case s.tiles < 1 || s.tiles > maxTiles:
		return refused("%d tiles", s.tiles)
	case s.bits < 1 || s.bits > maxBits:
		return refused("%d bits", s.bits)
	default:
		return nil
	}
}

var jpegBegin = []byte{0xFF, 0xD8, 0xFF}

// checkHeader holds a picture's header against the limits.
func checkHeader(picture []byte) error {
	if !bytes.HasPrefix(picture, jpegBegin) {
		s, err := codestreamSize(picture)
		if err != nil {
			return err
		}
		return s.check()
	}
	// The header alone is read; image/jpeg takes 8 bits and up to 4 components.
	config, err := jpeg.DecodeConfig(bytes.NewReader(picture))
	if err != nil {
		return unreadable("JPEG header", err)
	}
	return size{width: int64(config.Width), height: int64(config.Height), components: 3, bits: 8, tiles: 1}.check()
}
