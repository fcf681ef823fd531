package sm

import "errors"

// errPadding never leaves the package by itself: where padding is looked at, the
// MAC has been found right before.
var errPadding = errors.New("padding")

// Pad appends ISO/IEC 9797-1 padding method 2 to the last len(b)-start bytes of
// b: 80 and zeros up to a multiple of the block size.
func Pad(b []byte, start, blockSize int) []byte {
	b = append(b, 0x80)
	for (len(b)-start)%blockSize != 0 {
		b = append(b, 0)
	}
	return b
}

// Unpad returns b without its padding.
func Unpad(b []byte) ([]byte, error) {
	for i := len(b) - 1; i >= 0; i-- {
		switch b[i] {
		case 0:
		case 0x80:
			return b[:i], nil
		default:
			return nil, errPadding
		}
	}
	return nil, errPadding
}
