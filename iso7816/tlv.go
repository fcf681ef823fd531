package iso7816

import (
	"errors"
	"fmt"
)

// Limits on BER-TLV from a chip. Nothing in a travel document nests deeper, is longer
// or has more objects in one template; what has, is refused before memory is spent on it.
const (
	MaxTLVDepth   = 16
	MaxTLVLength  = 1 << 24
	MaxTLVObjects = 1 << 12
)

// ErrTLV says that octets are not well-formed BER-TLV.
var ErrTLV = errors.New("malformed BER-TLV")

// Tag is a BER-TLV tag of up to three bytes, as printed in the standards (0x5F1F, 0x7F60).
type Tag uint32

// Constructed reports whether the value is itself made of data objects.
func (t Tag) Constructed() bool {
	for t > 0xFF {
		t >>= 8
	}
	return t&0x20 != 0
}

// TLV is one data object (ISO/IEC 7816-4, 5.2.2).
type TLV struct {
	Tag   Tag
	Value []byte
	// Raw is the whole object as it was received: tag, length and value.
	Raw []byte
}

// ParseHeader reads tag and length at the beginning of b; header is the number
// of bytes that they take, length the number of bytes of the value, which need
// not be in b. The indefinite form is refused.
func ParseHeader(b []byte) (tag Tag, header, length int, err error) {
	tag, header, err = parseTag(b)
	if err != nil {
		return 0, 0, 0, err
	}
	if header == len(b) {
		return 0, 0, 0, fmt.Errorf("%w: length missing", ErrTLV)
	}
	first := b[header]
	header++
	if first < 0x80 {
		return tag, header, int(first), nil
	}
	count := int(first & 0x7F)
	if count == 0 || count > 4 {
		return 0, 0, 0, fmt.Errorf("%w: length form %02X", ErrTLV, first)
	}
	if len(b) < header+count {
		return 0, 0, 0, fmt.Errorf("%w: length cut off", ErrTLV)
	}
	var value uint64
	for _, octet := range b[header : header+count] {
		value = value<<8 | uint64(octet)
	}
	if value > MaxTLVLength {
		return 0, 0, 0, fmt.Errorf("%w: length %d", ErrTLV, value)
	}
	return tag, header + count, int(value), nil
}

func parseTag(b []byte) (Tag, int, error) {
	if len(b) == 0 {
		return 0, 0, fmt.Errorf("%w: tag missing", ErrTLV)
	}
	tag := Tag(b[0])
	if b[0]&0x1F != 0x1F {
		return tag, 1, nil
	}
	for i := 1; i < 3 && i < len(b); i++ {
		tag = tag<<8 | Tag(b[i])
		if b[i]&0x80 == 0 {
			return tag, i + 1, nil
		}
	}
	return 0, 0, fmt.Errorf("%w: tag longer than three bytes or cut off", ErrTLV)
}

// ParseTLV reads the first data object of b and returns what follows it.
func ParseTLV(b []byte) (object TLV, rest []byte, err error) {
	tag, header, length, err := ParseHeader(b)
	if err != nil {
		return TLV{}, nil, err
	}
	end := header + length
	if end > len(b) {
		return TLV{}, nil, fmt.Errorf("%w: tag %X says %d bytes, %d are there", ErrTLV, uint32(tag), length, len(b)-header)
	}
	return TLV{Tag: tag, Value: b[header:end:end], Raw: b[:end:end]}, b[end:], nil
}

// ParseTLVs reads all data objects of b, one level deep, at most MaxTLVObjects.
func ParseTLVs(b []byte) ([]TLV, error) {
	var objects []TLV
	for len(b) > 0 {
		if len(objects) == MaxTLVObjects {
			return nil, errTooMany
		}
		object, rest, err := ParseTLV(b)
		if err != nil {
			return nil, err
		}
		objects = append(objects, object)
		b = rest
	}
	return objects, nil
}

var errTooMany = fmt.Errorf("%w: more than %d objects", ErrTLV, MaxTLVObjects)

// CheckTLV walks all levels of b and fails where an object is cut off or nested
// deeper than MaxTLVDepth, or where one holds more than MaxTLVObjects.
func CheckTLV(b []byte) error { return checkTLV(b, MaxTLVDepth) }

func checkTLV(b []byte, depth int) error {
	if depth == 0 {
		return fmt.Errorf("%w: nested deeper than %d", ErrTLV, MaxTLVDepth)
	}
	for n := 0; len(b) > 0; n++ {
		if n == MaxTLVObjects {
			return errTooMany
		}
		object, rest, err := ParseTLV(b)
		if err == nil && object.Tag.Constructed() {
			err = checkTLV(object.Value, depth-1)
		}
		if err != nil {
			return err
		}
		b = rest
	}
	return nil
}

// Find returns the first object with that tag.
func Find(objects []TLV, tag Tag) (TLV, bool) {
	for _, object := range objects {
		if object.Tag == tag {
			return object, true
		}
	}
	return TLV{}, false
}

// AppendTLV appends a data object in DER form (shortest length) to dst.
func AppendTLV(dst []byte, tag Tag, value []byte) []byte {
	return append(AppendHeader(dst, tag, len(value)), value...)
}

// AppendHeader appends tag and shortest length of a data object to dst.
func AppendHeader(dst []byte, tag Tag, length int) []byte {
	switch {
	case tag > 0xFFFF:
		dst = append(dst, byte(tag>>16), byte(tag>>8), byte(tag))
	case tag > 0xFF:
		dst = append(dst, byte(tag>>8), byte(tag))
	default:
		dst = append(dst, byte(tag))
	}
	switch {
	case length < 0x80:
		return append(dst, byte(length))
	case length < 0x100:
		return append(dst, 0x81, byte(length))
	case length < 0x10000:
		return append(dst, 0x82, byte(length>>8), byte(length))
	default:
		return append(dst, 0x83, byte(length>>16), byte(length>>8), byte(length))
	}
}
