package portrait

import (
	"bytes"
	"encoding/binary"
)

var (
	jp2Begin        = []byte{0x00, 0x00, 0x00, 0x0C, 'j', 'P', ' ', ' '}
	codestreamBegin = []byte{0xFF, 0x4F, 0xFF, 0x51} // SOC, SIZ
)

// Markers of a codestream (ISO/IEC 15444-1, table A.2).
const (
	markerSIZ = 0xFF51
	markerSOT = 0xFF90
)

// codestreamSize reads the size of a JPEG 2000 picture from its SIZ marker segment
// (ISO/IEC 15444-1, A.5.1).
func codestreamSize(picture []byte) (size, error) {
	stream := picture
	if bytes.HasPrefix(picture, jp2Begin) {
		var err error
		if stream, err = codestream(picture); err != nil {
			return size{}, err
		}
	}
	if !bytes.HasPrefix(stream, codestreamBegin) {
		return size{}, unreadable("neither JPEG nor JPEG 2000", nil)
	}
	return mainHeader(stream)
}

// codestream returns the contiguous codestream box of a JP2 file (ISO/IEC 15444-1,
// I.4 and I.5.4). Two of them leave open which one is shown.
func codestream(file []byte) ([]byte, error) {
	var found []byte
	for rest := file; len(rest) > 0; {
		if len(rest) < 8 {
			return nil, unreadable("a box of the JP2 file is cut off", nil)
		}
		header, length := uint64(8), uint64(binary.BigEndian.Uint32(rest))
		switch {
		case length == 1 && len(rest) >= 16:
			header, length = 16, binary.BigEndian.Uint64(rest[8:])
		case length == 0: // to the end of the file
			length = uint64(len(rest))
		}
		if length < header || length > uint64(len(rest)) {
			return nil, unreadable("a box of the JP2 file is cut off", nil)
		}
		if string(rest[4:8]) == "jp2c" {
			if found != nil {
				return nil, refused("two codestreams")
			}
			found = rest[header:length]
		}
		rest = rest[length:]
	}
	return found, nil
}

// mainHeader reads the marker segments up to the first tile part: one of them is SIZ.
func mainHeader(stream []byte) (size, error) {
	var s size
	for at := 2; ; {
		if at+4 > len(stream) {
			return size{}, unreadable("the header of the codestream is cut off", nil)
		}
		marker, length := binary.BigEndian.Uint16(stream[at:]), int(binary.BigEndian.Uint16(stream[at+2:]))
		if marker == markerSOT {
			return s, nil
		}
		if length < 2 || at+2+length > len(stream) {
			return size{}, unreadable("the header of the codestream is cut off", nil)
		}
		if marker == markerSIZ {
			if s.tiles != 0 {
				return size{}, refused("two sizes")
			}
			var err error
			if s, err = parseSIZ(stream[at+4 : at+2+length]); err != nil {
				return size{}, err
			}
		}
		at += 2 + length
	}
}

// Offsets in a SIZ marker segment behind its length.
const (
	offsetXsiz   = 2
	offsetYsiz   = 6
	offsetXOsiz  = 10
	offsetYOsiz  = 14
	offsetXTsiz  = 18
	offsetYTsiz  = 22
	offsetXTOsiz = 26
	offsetYTOsiz = 30
	offsetCsiz   = 34
	fixedSIZ     = 36
	componentSIZ = 3 // Ssiz, XRsiz, YRsiz
)

func parseSIZ(b []byte) (size, error) {
	if len(b) < fixedSIZ {
		return size{}, unreadable("SIZ is cut off", nil)
	}
	number := func(at int) int64 { return int64(binary.BigEndian.Uint32(b[at:])) }
	components := int(binary.BigEndian.Uint16(b[offsetCsiz:]))
	if len(b) != fixedSIZ+componentSIZ*components {
		return size{}, unreadable("SIZ is cut off", nil)
	}
	s := size{width: number(offsetXsiz) - number(offsetXOsiz), height: number(offsetYsiz) - number(offsetYOsiz), components: int64(components)}
	for c := b[fixedSIZ:]; len(c) > 0; c = c[componentSIZ:] {
		s.bits = max(s.bits, int64(c[0]&0x7F)+1)
		if c[1] == 0 || c[2] == 0 {
			return size{}, unreadable("a component without samples", nil)
		}
	}
	tileWidth, tileHeight := number(offsetXTsiz), number(offsetYTsiz)
	if tileWidth == 0 || tileHeight == 0 || number(offsetXTOsiz) > number(offsetXsiz) || number(offsetYTOsiz) > number(offsetYsiz) {
		return size{}, unreadable("tiles that are none", nil)
	}
	across := (number(offsetXsiz) - number(offsetXTOsiz) + tileWidth - 1) / tileWidth
	down := (number(offsetYsiz) - number(offsetYTOsiz) + tileHeight - 1) / tileHeight
	// Each is below 2^32; a product that does not fit stays too large.
	s.tiles = max(across, down)
	if across <= maxTiles && down <= maxTiles {
		s.tiles = across * down
	}
	return s, nil
}
