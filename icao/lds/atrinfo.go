package lds

import "passport-agent/iso7816"

// ExtendedLength is what EF.ATR/INFO says about the chip's buffers (Doc 9303-10,
// 3.11.1; ISO/IEC 7816-4, 12.7.1).
type ExtendedLength struct {
	// MaxCommand and MaxResponse are the longest APDUs in bytes; 0 where the file does
	// not tell both.
	MaxCommand, MaxResponse int
	// Warnings name a file that does not ("atr_info_length_information"). It changes
	// nothing: short commands always pass.
	Warnings []Warning
}

// maxAPDU bounds what a chip may claim, in bytes.
const maxAPDU = iso7816.MaxResponse

// ParseATRInfo reads EF.ATR/INFO: data objects one after the other, behind an optional
// category indicator.
func ParseATRInfo(b []byte) *ExtendedLength {
	if len(b) > 0 && (b[0] == 0x00 || b[0] == 0x80) {
		b = b[1:]
	}
	info := &ExtendedLength{}
	for object, rest, err := iso7816.ParseTLV(b); err == nil; object, rest, err = iso7816.ParseTLV(rest) {
		if object.Tag == 0x7F66 {
			info.take(object.Value)
		}
	}
	if info.MaxResponse == 0 {
		info.Warnings = append(info.Warnings, Warning{Name: "atr_info_length_information"})
	}
	return info
}

// take reads two integers, the longest command and the longest response (TR-03105-5.1,
// LDS_K_01 to 03).
func (e *ExtendedLength) take(value []byte) {
	objects, err := iso7816.ParseTLVs(value)
	if err != nil || len(objects) < 2 || objects[0].Tag != 0x02 || objects[1].Tag != 0x02 {
		return
	}
	e.MaxCommand, e.MaxResponse = sizeOf(objects[0].Value), sizeOf(objects[1].Value)
}

func sizeOf(octets []byte) int {
	size := 0
	for _, octet := range octets {
		if size = size<<8 | int(octet); size > maxAPDU {
			return maxAPDU
		}
	}
	return size
}
