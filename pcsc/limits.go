package pcsc

import (
	"context"
	"encoding/binary"

	"passport-agent/iso7816"
)

// Of PC/SC part 10. Driver and reader answer by themselves: nothing is sent to the
// chip.
const (
	// functionGetFeatures is the number in CM_IOCTL_GET_FEATURE_REQUEST; each
	// system makes a control code of it in its own way.
	functionGetFeatures = 3400
	// featureTLVProperties is FEATURE_GET_TLV_PROPERTIES. Its value is the
	// control code to ask with, 4 bytes, big-endian.
	featureTLVProperties = 0x12
	// propertyMaxData is dwMaxAPDUDataSize, 4 bytes, little-endian.
	propertyMaxData = 0x0A
)

// learnLimits asks the reader what it announces about lengths. Most have nothing
// to say: whatever they answer instead is no error. It fails only where the answer
// has not come and the card is over.
func (c *Card) learnLimits(ctx context.Context, getFeatures uint32) error {
	var limits iso7816.Limits
	err := c.call(ctx, func(session) error {
		limits = announced(c.link, getFeatures)
		return nil
	})
	if err != nil {
		return err
	}
	c.limits = limits
	return nil
}

// announced returns the zero value where the driver knows no properties, fails or
// talks nonsense.
func announced(l link, getFeatures uint32) iso7816.Limits {
	features, err := l.control(getFeatures)
	if err != nil {
		return iso7816.Limits{}
	}
	code := find(features, featureTLVProperties)
	if len(code) != 4 {
		return iso7816.Limits{}
	}
	properties, err := l.control(binary.BigEndian.Uint32(code))
	if err != nil {
		return iso7816.Limits{}
	}
	size := find(properties, propertyMaxData)
	if len(size) != 4 {
		return iso7816.Limits{}
	}
	return limitsOf(binary.LittleEndian.Uint32(size))
}

// limitsOf reads dwMaxAPDUDataSize: how many data bytes a command or a response
// may hold, its header, length fields and status word not counted. Up to 256
// stands for short length, where libccid says 0; 65 536 is all that extended length
// can express. A bound between is taken for one on the whole APDU: that holds for
// drivers that count it so too, and costs the others at most 9 bytes.
func limitsOf(size uint32) iso7816.Limits {
	switch {
	case size <= 0x100:
		return iso7816.Limits{Extended: iso7816.No}
	case size < 0x10000:
		return iso7816.Limits{Extended: iso7816.Yes, MaxAPDU: int(size)}
	default:
		return iso7816.Limits{Extended: iso7816.Yes}
	}
}

// find returns the value with a tag in a list of values with one byte of tag and
// one of length each. It is nil where the list is cut off or has the tag twice:
// which one holds is anybody's guess.
func find(list []byte, tag byte) []byte {
	var value []byte
	for len(list) > 0 {
		if len(list) < 2 || len(list)-2 < int(list[1]) {
			return nil
		}
		end := 2 + int(list[1])
		if list[0] == tag {
			if value != nil {
				return nil
			}
			value = list[2:end]
		}
		list = list[end:]
	}
	return value
}
