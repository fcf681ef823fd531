package iso7816

import (
	"errors"
	"fmt"
)

// Instruction bytes of the commands that travel documents use (Doc 9303-10, 3.6;
// Doc 9303-11, 4 to 6).
const (
	InsSelect               = 0xA4
	InsReadBinary           = 0xB0
	InsReadBinaryOdd        = 0xB1
	InsGetChallenge         = 0x84
	InsExternalAuthenticate = 0x82
	InsInternalAuthenticate = 0x88
	InsGeneralAuthenticate  = 0x86
	InsManageSecurityEnv    = 0x22
)

// Sizes in bytes.
const (
	MaxShortData    = 255
	MaxShortNe      = 256
	MaxExtendedData = 65535
	MaxExtendedNe   = 65536
	// MaxResponse is the longest response APDU: data and status word.
	MaxResponse = MaxExtendedNe + 2
	// MaxCommand is the longest command APDU: header, extended Lc, data, extended Le.
	MaxCommand = 4 + 3 + MaxExtendedData + 2
)

// ErrCommand says that octets are no command APDU, or that a command cannot be
// written as one.
var ErrCommand = errors.New("not a command APDU")

// Command is a command APDU (ISO/IEC 7816-4, 5.1).
type Command struct {
	CLA, INS, P1, P2 byte
	Data             []byte
	// Ne is the number of response bytes expected, 0 for none, at most
	// MaxShortNe in a short and MaxExtendedNe in an extended command.
	Ne int
	// Extended forces the extended form; it is chosen anyway where Data or Ne
	// need it.
	Extended bool
}

func (c Command) String() string {
	return fmt.Sprintf("%02X %02X %02X %02X", c.CLA, c.INS, c.P1, c.P2)
}

// NeedsExtended reports whether the command is written in the extended form.
func (c Command) NeedsExtended() bool {
	return c.Extended || len(c.Data) > MaxShortData || c.Ne > MaxShortNe
}

// Append appends the encoded command to dst. It fails with ErrCommand where Data
// or Ne are out of range.
func (c Command) Append(dst []byte) ([]byte, error) {
	if len(c.Data) > MaxExtendedData || c.Ne < 0 || c.Ne > MaxExtendedNe {
		return dst, fmt.Errorf("%w: %d data bytes, %d expected", ErrCommand, len(c.Data), c.Ne)
	}
	dst = append(dst, c.CLA, c.INS, c.P1, c.P2)
	n := len(c.Data)
	if !c.NeedsExtended() {
		if n > 0 {
			dst = append(append(dst, byte(n)), c.Data...)
		}
		if c.Ne > 0 {
			dst = append(dst, byte(c.Ne))
		}
		return dst, nil
	}
	if n > 0 {
		dst = append(append(dst, 0, byte(n>>8), byte(n)), c.Data...)
	}
	if c.Ne > 0 {
		if n == 0 {
			dst = append(dst, 0)
		}
		dst = append(dst, byte(c.Ne>>8), byte(c.Ne))
	}
	return dst, nil
}

// ParseCommand decodes a command APDU in any of the seven forms of ISO/IEC
// 7816-3, 12.1.3. Data is a part of b.
func ParseCommand(b []byte) (Command, error) {
	if len(b) < 4 {
		return Command{}, fmt.Errorf("%w: %d bytes", ErrCommand, len(b))
	}
	c := Command{CLA: b[0], INS: b[1], P1: b[2], P2: b[3]}
	body := b[4:]
	switch {
	case len(body) == 0:
		return c, nil
	case len(body) == 1:
		c.Ne = shortNe(body[0])
		return c, nil
	case body[0] != 0:
		return c.parseShort(body)
	default:
		return c.parseExtended(body)
	}
}

func (c Command) parseShort(body []byte) (Command, error) {
	n := int(body[0])
	switch len(body) {
	case 1 + n:
	case 2 + n:
		c.Ne = shortNe(body[1+n])
	default:
		return Command{}, fmt.Errorf("%w: Lc %d does not fit %d bytes", ErrCommand, n, len(body))
	}
	c.Data = body[1 : 1+n]
	return c, nil
}

func (c Command) parseExtended(body []byte) (Command, error) {
	if len(body) < 3 {
		return Command{}, fmt.Errorf("%w: extended length cut off", ErrCommand)
	}
	c.Extended = true
	n := int(body[1])<<8 | int(body[2])
	if len(body) == 3 {
		c.Ne = extendedNe(n)
		return c, nil
	}
	switch len(body) {
	case 3 + n:
	case 5 + n:
		c.Ne = extendedNe(int(body[3+n])<<8 | int(body[4+n]))
	default:
		return Command{}, fmt.Errorf("%w: extended Lc %d does not fit %d bytes", ErrCommand, n, len(body))
	}
	if n == 0 {
		return Command{}, fmt.Errorf("%w: extended Lc is zero", ErrCommand)
	}
	c.Data = body[3 : 3+n]
	return c, nil
}

func shortNe(le byte) int {
	if le == 0 {
		return MaxShortNe
	}
	return int(le)
}

func extendedNe(le int) int {
	if le == 0 {
		return MaxExtendedNe
	}
	return le
}
