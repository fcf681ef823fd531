package media

import "encoding/binary"

// heifHeader reads the size of the primary picture of a HEIF file: that of its
// property ispe (ISO/IEC 23008-12, 6.5.3), before it is turned upright. A file
// holds more pictures, tiles and thumbnails; the tiles may be larger than what
// they make up.
func heifHeader(b []byte) (header, error) {
	meta, err := fullBox(b, "meta")
	if err != nil {
		return header{}, err
	}
	primary, err := fullBox(meta.content, "pitm")
	if err != nil {
		return header{}, err
	}
	item, ok := primary.number(itemSize(primary.version == 0))
	properties, found := firstBox(meta.content, "iprp")
	if !ok || !found {
		return header{}, damaged("the HEIF file does not describe its picture", nil)
	}
	associations, err := fullBox(properties, "ipma")
	if err != nil {
		return header{}, err
	}
	container, found := firstBox(properties, "ipco")
	if !found {
		return header{}, damaged("the HEIF file has no ipco box", nil)
	}
	wanted := propertiesOf(item, associations)

	var h header
	index := uint32(0)
	whole := walkBoxes(container, func(name string, value []byte) {
		index++ // properties are counted from 1
		if name != "ispe" || !wanted[index] || len(value) != 12 {
			return
		}
		width, height := binary.BigEndian.Uint32(value[4:]), binary.BigEndian.Uint32(value[8:])
		if width < 1<<31 && height < 1<<31 {
			h.width, h.height = max(h.width, int(width)), max(h.height, int(height))
		}
	})
	if !whole {
		return header{}, damaged("a box of the HEIF file is cut off", nil)
	}
	return h, nil
}

// propertiesOf returns the numbers of an item's properties (ISO/IEC 23008-12,
// 9.3.1, ItemPropertyAssociationBox).
func propertiesOf(item uint32, associations full) map[uint32]bool {
	properties := map[uint32]bool{}
	entries, ok := associations.number(4)
	for ; ok && entries > 0; entries-- {
		id, _ := associations.number(itemSize(associations.version == 0))
		var count uint32
		count, ok = associations.number(1)
		for ; ok && count > 0; count-- {
			size, mask := 1, uint32(0x7F) // the highest bit says 'essential'
			if associations.flags&1 != 0 {
				size, mask = 2, 0x7FFF
			}
			var index uint32
			if index, ok = associations.number(size); ok && id == item {
				properties[index&mask] = true
			}
		}
	}
	return properties
}

// itemSize is the size of an item's number in bytes: version 0 of a box has short ones.
func itemSize(short bool) int {
	if short {
		return 2
	}
	return 4
}

// full is a box with version and flags (ISO/IEC 14496-12, 4.2).
type full struct {
	version byte
	flags   uint32
	content []byte
}

// number takes the next number of that many bytes.
func (f *full) number(size int) (uint32, bool) {
	if len(f.content) < size {
		return 0, false
	}
	n := uint32(0)
	for _, b := range f.content[:size] {
		n = n<<8 | uint32(b)
	}
	f.content = f.content[size:]
	return n, true
}

func fullBox(b []byte, name string) (full, error) {
	content, found := firstBox(b, name)
	if !found || len(content) < 4 {
		return full{}, damaged("the HEIF file has no "+name+" box", nil)
	}
	head := binary.BigEndian.Uint32(content)
	return full{byte(head >> 24), head & 0xFFFFFF, content[4:]}, nil
}

// firstBox returns the content of the first box of that name.
func firstBox(b []byte, name string) (content []byte, found bool) {
	walkBoxes(b, func(n string, value []byte) {
		if n == name && !found {
			content, found = value, true
		}
	})
	return content, found
}

// walkBoxes calls visit for each box at the top level of b and reports whether
// the boxes fill b.
func walkBoxes(b []byte, visit func(name string, value []byte)) bool {
	for len(b) > 0 {
		if len(b) < 8 {
			return false
		}
		size, begin := uint64(binary.BigEndian.Uint32(b)), uint64(8)
		switch size {
		case 0: // to the end
			size = uint64(len(b))
		case 1: // in the eight bytes that follow
			if len(b) < 16 {
				return false
			}
			size, begin = binary.BigEndian.Uint64(b[8:]), 16
		}
		if size < begin || size > uint64(len(b)) {
			return false
		}
		visit(string(b[4:8]), b[begin:size])
		b = b[size:]
	}
	return true
}
