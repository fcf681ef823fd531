package media

import "encoding/binary"

// pngHeader walks the chunks (ISO/IEC 15948, 11.2.2 and, for eXIf, the third
// edition of the PNG specification, 11.3.3.6). IHDR comes first.
func pngHeader(b []byte) (header, error) {
	h := header{format: pngFormat, orientation: upright}
	for rest := b[8:]; len(rest) >= 12; {
		length := int64(binary.BigEndian.Uint32(rest))
		if length > int64(len(rest)-12) {
			break
		}
		kind, data := string(rest[4:8]), rest[8:8+length]
		rest = rest[12+length:]
		switch {
		case kind == "IHDR" && length == 13 && h.bytesPerPixel == 0:
			width, height := binary.BigEndian.Uint32(data), binary.BigEndian.Uint32(data[4:])
			if width > 1<<31-1 || height > 1<<31-1 {
				return header{}, damaged("the PNG file states an impossible size", nil)
			}
			h.width, h.height = int(width), int(height)
			h.bytesPerPixel = pngBytesPerPixel(data[8], data[9], data[12])
		case h.bytesPerPixel == 0:
			return header{}, damaged("the PNG file does not begin with its header", nil)
		case kind == "eXIf":
			h.orientation = exifOrientation(data)
		}
	}
	if h.bytesPerPixel == 0 {
		return header{}, damaged("the PNG file ends within its header", nil)
	}
	return h, nil
}

// pngBytesPerPixel: four samples of one or two bytes; an interlaced picture is
// put together from seven others.
func pngBytesPerPixel(depth, colour, interlace byte) int64 {
	n := int64(4)
	if depth == 16 {
		n = 8
	}
	if colour == 0 { // greyscale
		n /= 4
	}
	if interlace != 0 {
		n *= 2
	}
	return n
}
