package virtual

import "passport-agent/iso7816"

// Card capabilities in the historical bytes (ISO/IEC 7816-4, 12.1.1.9): DF by
// full name, file identifier and short identifier; byte-wise data; third byte
// as below.
const (
	capabilityExtended = 0x40 // extended Lc and Le fields
	capabilityInFile   = 0x20 // their sizes stand in EF.ATR/INFO
)

// atr is what PC/SC part 3 makes up for a contactless card: 3B 8n 80 01,
// historical bytes, TCK.
func (p Profile) atr() []byte {
	historical := []byte(p.Historical)
	if len(historical) == 0 {
		historical = append([]byte{0x80, 0x73}, p.capabilities()...)
	}
	atr := append([]byte{0x3B, 0x80 | byte(len(historical)), 0x80, 0x01}, historical...)
	check := byte(0)
	for _, octet := range atr[1:] {
		check ^= octet
	}
	return append(atr, check)
}

func (p Profile) capabilities() []byte {
	third := byte(0)
	if e := p.Extended; e != nil && !e.Silent {
		third |= capabilityExtended
		if !e.NoATRInfo {
			third |= capabilityInFile
		}
	}
	return []byte{0x94, 0x01, third}
}

// addATRInfo puts EF.ATR/INFO with the capabilities and the extended length
// information 7F66 on a chip that has extended length, unless the document
// brings its own (Doc 9303-10, 3.11.1).
func (c *Chip) addATRInfo() {
	e := c.profile.Extended
	if e == nil || e.NoATRInfo || c.files[ATRInfo] != nil {
		return
	}
	sizes := appendSize(nil, e.MaxCommand, iso7816.MaxCommand)
	sizes = appendSize(sizes, e.MaxResponse, iso7816.MaxResponse)
	content := iso7816.AppendTLV(nil, 0x47, c.profile.capabilities())
	c.files[ATRInfo] = iso7816.AppendTLV(content, 0x7F66, sizes)
}

// appendSize appends an INTEGER of a size in bytes.
func appendSize(dst []byte, size, otherwise int) []byte {
	if size == 0 {
		size = otherwise
	}
	value := []byte{byte(size >> 8), byte(size)}
	if size > 0xFFFF {
		value = append([]byte{byte(size >> 16)}, value...)
	}
	return iso7816.AppendTLV(dst, 0x02, value)
}
