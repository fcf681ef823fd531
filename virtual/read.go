package virtual

import (
	"passport-agent/iso7816"
)

// Data objects of READ BINARY with odd instruction byte (Doc 9303-10, 3.6.6).
const (
	tagOffset        iso7816.Tag = 0x54
	tagDiscretionary iso7816.Tag = 0x53
)

// readBinary is READ BINARY B0: of the selected file with a 15-bit offset, or by
// short identifier with an 8-bit offset (Doc 9303-10, 3.6.3).
func (c *Chip) readBinary(r request) ([]byte, iso7816.StatusWord) {
	if len(r.Data) != 0 {
		return nil, iso7816.SWWrongLength
	}
	if r.P1&0x80 == 0 {
		return c.readCurrent(r, int(r.P1)<<8|int(r.P2), rawData)
	}
	if c.profile.ShortIdentifier != 0 {
		return nil, iso7816.StatusWord(c.profile.ShortIdentifier)
	}
	if r.P1&0x60 != 0 {
		return nil, iso7816.SWIncorrectP1P2
	}
	if status := c.selectShort(r, r.P1&0x1F); status != iso7816.SWSuccess {
		return nil, status
	}
	return c.readCurrent(r, int(r.P2), rawData)
}

// readBinaryOdd is READ BINARY B1: P1 and P2 name the file, the offset is in the
// command data, the data come in an object (Doc 9303-10, 3.6.6).
func (c *Chip) readBinaryOdd(r request) ([]byte, iso7816.StatusWord) {
	if c.profile.OddInstruction != 0 {
		return nil, iso7816.StatusWord(c.profile.OddInstruction)
	}
	offset, ok := parseOffset(r.Data)
	if !ok {
		return nil, iso7816.SWWrongData
	}
	id := uint16(r.P1)<<8 | uint16(r.P2)
	status := iso7816.SWSuccess
	switch {
	case id == 0:
	case id <= 0x1F:
		status = c.selectShort(r, byte(id))
	default:
		var file File
		if file, status = c.find(r, func(p place) bool { return p.id == id }); status == iso7816.SWSuccess {
			c.current = file
		}
	}
	if status != iso7816.SWSuccess {
		return nil, status
	}
	return c.readCurrent(r, offset, discretionaryData)
}

// parseOffset reads an offset object of one to four bytes.
func parseOffset(data []byte) (int, bool) {
	object, rest, err := iso7816.ParseTLV(data)
	if err != nil || len(rest) > 0 || object.Tag != tagOffset || len(object.Value) == 0 || len(object.Value) > 4 {
		return 0, false
	}
	offset := 0
	for _, octet := range object.Value {
		offset = offset<<8 | int(octet)
	}
	return offset, true
}

func (c *Chip) selectShort(r request, short byte) iso7816.StatusWord {
	for _, p := range places {
		if status, ok := c.profile.ShortIdentifierOf[p.file]; ok && p.master != c.application && p.short == short {
			return iso7816.StatusWord(status)
		}
	}
	file, status := c.find(r, func(p place) bool { return p.short == short })
	if status == iso7816.SWSuccess {
		c.current = file
	}
	return status
}

// wrapping is how the data of a file stand in a response.
type wrapping int

const (
	rawData           wrapping = iota
	discretionaryData          // in object 53
)

// overhead is how many bytes the wrapping adds to so many bytes of data.
func (w wrapping) overhead(n int) int {
	if w == rawData {
		return 0
	}
	return len(iso7816.AppendHeader(nil, tagDiscretionary, n))
}

func (w wrapping) wrap(data []byte) []byte {
	if w == rawData {
		return data
	}
	return iso7816.AppendTLV(nil, tagDiscretionary, data)
}

// fit returns how many bytes of data fit so many bytes of response.
func (w wrapping) fit(space int) int {
	n := max(0, space-w.overhead(space))
	for n+1+w.overhead(n+1) <= space {
		n++
	}
	return n
}

func (c *Chip) readCurrent(r request, offset int, w wrapping) ([]byte, iso7816.StatusWord) {
	file, status := c.readable(r)
	if status != iso7816.SWSuccess {
		return nil, status
	}
	if r.Ne == 0 {
		return nil, iso7816.SWWrongLength
	}
	if from, ok := c.profile.EmptyFrom[c.current]; ok && offset >= from {
		return nil, iso7816.SWSuccess
	}
	if offset >= len(file) {
		return nil, iso7816.SWWrongOffset
	}
	wanted, status := c.allowed(r, w)
	if status != iso7816.SWSuccess {
		return nil, status
	}
	return c.take(file[offset:], wanted, w)
}

// readable returns the selected file. Access is checked again: the file may have
// been selected before or in a session that is gone.
func (c *Chip) readable(r request) ([]byte, iso7816.StatusWord) {
	if c.current == "" {
		if c.application && !c.hasAccess(r) {
			return nil, iso7816.SWSecurityStatus
		}
		return nil, iso7816.SWCommandNotAllowed
	}
	for _, p := range places {
		if p.file == c.current && !c.mayUse(p, r) {
			return nil, iso7816.SWSecurityStatus
		}
	}
	return c.files[c.current], iso7816.SWSuccess
}

// allowed returns how many bytes of the file the command may get, by the chip's
// buffers alone.
func (c *Chip) allowed(r request, w wrapping) (int, iso7816.StatusWord) {
	limit := w.fit(c.space(r))
	if c.profile.MaxRead > 0 {
		limit = min(limit, c.profile.MaxRead)
	}
	wanted := w.fit(r.Ne)
	if wanted <= limit || c.profile.TooLong == TooLongOverfill {
		return wanted, iso7816.SWSuccess
	}
	switch c.profile.TooLong {
	case TooLongRefuse:
		return 0, iso7816.SWWrongLength
	case TooLongCorrectLe:
		return 0, correctLe(limit + w.overhead(limit))
	case TooLongOffset:
		return 0, iso7816.SWWrongOffset
	default:
		return limit, iso7816.SWSuccess
	}
}

// space returns how many plain data bytes a response to the command holds.
func (c *Chip) space(r request) int {
	apdu := iso7816.MaxShortNe + 2
	if c.profile.MaxShortResponse > 0 {
		apdu = c.profile.MaxShortResponse
	}
	if r.extended {
		apdu = iso7816.MaxResponse
		if c.profile.Extended.MaxResponse > 0 {
			apdu = c.profile.Extended.MaxResponse
		}
	}
	if !r.protected {
		return apdu - 2
	}
	return c.session.plainSpace(apdu - 2)
}

// take cuts wanted bytes from what is left of a file.
func (c *Chip) take(left []byte, wanted int, w wrapping) ([]byte, iso7816.StatusWord) {
	if wanted <= len(left) {
		return w.wrap(left[:wanted]), iso7816.SWSuccess
	}
	switch c.profile.EndOfFile {
	case EndWarning:
		return w.wrap(left), iso7816.SWEndOfFile
	case EndEmpty:
		return nil, iso7816.SWEndOfFile
	case EndOffset:
		return nil, iso7816.SWWrongOffset
	case EndCorrectLe:
		return nil, correctLe(len(left) + w.overhead(len(left)))
	default:
		return w.wrap(left), iso7816.SWSuccess
	}
}

// correctLe is 6Cxx; more than 256 bytes cannot be said in it.
func correctLe(n int) iso7816.StatusWord {
	if n > iso7816.MaxShortNe {
		return iso7816.SWWrongLength
	}
	return 0x6C00 | iso7816.StatusWord(n&0xFF)
}
