package media

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// format is a format that the page lists under "Supported image formats".
type format int

const (
	unknown format = iota
	jpegFormat
	pngFormat
	webpFormat
	heic
	heif
	pdf
)

func (f format) String() string {
	return [...]string{"unknown", "JPEG", "PNG", "WebP", "HEIC", "HEIF", "PDF"}[f]
}

// mimeType is the format in a data URI and in the answer's 'mimetype'.
func (f format) mimeType() string {
	return [...]string{"", "image/jpeg", "image/png", "image/webp", "image/heic", "image/heif", "application/pdf"}[f]
}

// decodable reports whether a picture can be made smaller here.
func (f format) decodable() bool { return f == jpegFormat || f == pngFormat || f == webpFormat }

func formatOf(b []byte) format {
	switch {
	case bytes.HasPrefix(b, []byte{0xFF, 0xD8, 0xFF}):
		return jpegFormat
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		return pngFormat
	case len(b) >= 12 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP":
		return webpFormat
	case bytes.HasPrefix(b, []byte("%PDF-")):
		return pdf
	case len(b) >= 16 && string(b[4:8]) == "ftyp":
		return formatOfBrands(b)
	default:
		return unknown
	}
}

// formatOfBrands reads the file type box of ISO/IEC 14496-12, 4.3. The brands are
// those of ISO/IEC 23008-12, annex B (HEIC) and clause 10.2 (HEIF); AVIF carries
// the latter too, and the page does not list it.
func formatOfBrands(b []byte) format {
	size := int64(binary.BigEndian.Uint32(b))
	if size < 16 || size > int64(len(b)) {
		return unknown
	}
	brands := []string{string(b[8:12])} // the major one, then the compatible ones
	for rest := b[16:size]; len(rest) >= 4; rest = rest[4:] {
		brands = append(brands, string(rest[:4]))
	}
	switch {
	case slices.Contains(brands, "avif"), slices.Contains(brands, "avis"):
		return unknown
	case slices.Contains([]string{"heic", "heix", "heim", "heis"}, brands[0]):
		return heic
	case brands[0] == "mif1":
		return heif
	default:
		return unknown
	}
}
