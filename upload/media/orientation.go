package media

import (
	"bytes"
	"encoding/binary"
)

// orientation is where row 0 and column 0 of a stored picture are to be shown
// (EXIF 2.32, 4.6.5, tag Orientation): 1 to 8.
type orientation int

const upright orientation = 1

// swaps reports whether width and height change places.
func (o orientation) swaps() bool { return o >= 5 }

// place returns where pixel x, y of a stored picture of w x h pixels is shown.
func (o orientation) place(x, y, w, h int) (int, int) {
	switch o {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return h - 1 - y, x
	case 7:
		return h - 1 - y, w - 1 - x
	case 8:
		return y, w - 1 - x
	default:
		return x, y
	}
}

var exifBegin = []byte("Exif\x00\x00")

// exifOrientation reads the orientation from the first directory of EXIF data;
// where it is missing or malformed, the picture is upright.
func exifOrientation(b []byte) orientation {
	const (
		tagOrientation = 0x0112
		typeShort      = 3
	)
	b = bytes.TrimPrefix(b, exifBegin)
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(b, []byte("II*\x00")):
		order = binary.LittleEndian
	case bytes.HasPrefix(b, []byte("MM\x00*")):
		order = binary.BigEndian
	default:
		return upright
	}
	if len(b) < 8 {
		return upright
	}
	at := int64(order.Uint32(b[4:]))
	if at > int64(len(b)-2) {
		return upright
	}
	entries := int(order.Uint16(b[at:]))
	for rest := b[at+2:]; entries > 0 && len(rest) >= 12; entries, rest = entries-1, rest[12:] {
		if order.Uint16(rest) != tagOrientation || order.Uint16(rest[2:]) != typeShort {
			continue
		}
		if value := order.Uint16(rest[8:]); value >= 1 && value <= 8 {
			return orientation(value)
		}
	}
	return upright
}
