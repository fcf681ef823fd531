package media

import (
	"bytes"
	"encoding/binary"
)

// Markers of JPEG (ITU-T T.81, table B.1).
const (
	markerSOS  = 0xDA
	markerEOI  = 0xD9
	markerAPP1 = 0xE1
)

// jpegHeader walks the segments up to the first scan.
func jpegHeader(b []byte) (header, error) {
	h := header{format: jpegFormat, orientation: upright}
	for rest := b[2:]; ; {
		// Bytes before a marker and repeated 0xFF are filling (T.81, B.1.1.2).
		at := bytes.IndexByte(rest, 0xFF)
		if at < 0 {
			return header{}, damaged("the JPEG file ends within its header", nil)
		}
		for rest = rest[at:]; len(rest) > 0 && rest[0] == 0xFF; {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			return header{}, damaged("the JPEG file ends within its header", nil)
		}
		marker := rest[0]
		rest = rest[1:]
		switch {
		case marker == 0x00, marker == 0x01, marker >= 0xD0 && marker <= 0xD8: // without a segment
			continue
		case marker == markerSOS, marker == markerEOI:
			if h.width == 0 {
				return header{}, damaged("the JPEG file has no frame", nil)
			}
			return h, nil
		}
		if len(rest) < 2 {
			return header{}, damaged("the JPEG file ends within its header", nil)
		}
		length := int(binary.BigEndian.Uint16(rest))
		if length < 2 || length > len(rest) {
			return header{}, damaged("the JPEG file ends within its header", nil)
		}
		segment := rest[2:length]
		rest = rest[length:]
		switch {
		case isFrame(marker):
			if h.width != 0 || len(segment) < 6 {
				return header{}, damaged("the frame of the JPEG file is malformed", nil)
			}
			h.height, h.width = int(binary.BigEndian.Uint16(segment[1:])), int(binary.BigEndian.Uint16(segment[3:]))
			h.bytesPerPixel = jpegBytesPerPixel(marker, int64(segment[5]))
		case marker == markerAPP1 && bytes.HasPrefix(segment, exifBegin):
			h.orientation = exifOrientation(segment)
		}
	}
}

// isFrame: SOF0 to SOF15 but for the three that are something else.
func isFrame(marker byte) bool {
	return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC
}

// jpegBytesPerPixel: a progressive frame keeps its coefficients, four bytes each,
// until the last scan; four components are converted into another picture.
func jpegBytesPerPixel(frame byte, components int64) int64 {
	n := max(components, 1)
	if components > 3 {
		n *= 2
	}
	if frame == 0xC2 {
		n += 4 * components
	}
	return n
}
