package icao

import (
	"context"

	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
)

// probedResponse is the response length in bytes that is tried where nobody
// states one: as much as two bytes of length can announce.
const probedResponse = 65535

// chipExtended reads the card capabilities in the historical bytes of an ATR
// that PC/SC part 3 (3.1.3.2.3.1) made for a contactless chip: whether extended
// length is supported, and whether EF.ATR/INFO states the sizes (ISO/IEC 7816-4,
// 8.1.1.2.7). Type B chips have no historical bytes.
func chipExtended(atr []byte) (extended, sizes bool) {
	const prefix, tck = 4, 1
	if len(atr) < prefix+tck || atr[0] != 0x3B || atr[2] != 0x80 || atr[3] != 0x01 {
		return false, false
	}
	historical := atr[prefix : len(atr)-tck]
	if len(historical) == 0 || historical[0] != 0x80 {
		return false, false
	}
	// Compact TLV: tag and length share an octet.
	for rest := historical[1:]; len(rest) > 0; {
		tag, length := rest[0]>>4, int(rest[0]&0x0F)
		if length > len(rest)-1 {
			return false, false
		}
		if tag == 7 && length == 3 {
			capabilities := rest[3]
			return capabilities&0x40 != 0, capabilities&0x20 != 0
		}
		rest = rest[1+length:]
	}
	return false, false
}

// responseSize finds the longest response APDU in bytes by the rules of Doc
// 9303-11, 9.3.1.2: extended length only where reader and chip support it and the
// chip states its sizes. A blind try is made only where the caller wants it.
func (s *Session) responseSize(ctx context.Context) (int, error) {
	limits := s.card.Limits()
	extended, sizes := chipExtended(s.card.ATR())
	probe := s.options.ProbeExtended
	readerCan := limits.Extended == iso7816.Yes || limits.Extended == iso7816.Unknown && probe
	if s.model.NoExtended || !readerCan || !extended && !probe {
		return shortResponse, nil
	}
	if s.model.MaxResponse == 0 && extended && sizes {
		if err := s.readATRInfo(ctx); err != nil {
			return 0, err
		}
	}
	most := s.model.MaxResponse
	if most == 0 {
		if !probe {
			return shortResponse, nil
		}
		most = probedResponse
	}
	if limits.MaxAPDU > 0 {
		most = min(most, limits.MaxAPDU)
	}
	return max(most, shortResponse), nil
}

// shortResponse is the longest response to a short command in bytes.
const shortResponse = iso7816.MaxShortNe + 2

// readATRInfo takes the chip's buffer sizes out of EF.ATR/INFO (Doc 9303-10,
// 3.11.1; ISO/IEC 7816-4, 8.1.1.2.8). A file that cannot be read or states
// nothing changes nothing.
func (s *Session) readATRInfo(ctx context.Context) error {
	b, err := s.readMasterFile(ctx, masterFile{sfi: 0x01, id: 0x2F01})
	if err != nil || len(b) == 0 {
		return err
	}
	// Data objects follow one another, after an optional category indicator.
	if b[0] == 0x00 || b[0] == 0x80 {
		b = b[1:]
	}
	for object, rest, err := iso7816.ParseTLV(b); err == nil; object, rest, err = iso7816.ParseTLV(rest) {
		if object.Tag == 0x7F66 {
			s.model.MaxResponse = sizeOfResponse(object.Value)
		}
	}
	return nil
}

// sizeOfResponse reads two integers, the longest command and the longest
// response; 0 where they are not both there (TR-03105-5.1, LDS_K_03).
func sizeOfResponse(value []byte) int {
	objects, err := iso7816.ParseTLVs(value)
	if err != nil || len(objects) < 2 || objects[0].Tag != 0x02 || objects[1].Tag != 0x02 {
		return 0
	}
	size := 0
	for _, octet := range objects[1].Value {
		if size = size<<8 | int(octet); size > largestSize {
			return largestSize
		}
	}
	if size < leastSize {
		return 0
	}
	return size
}

// setBlock derives the plain bytes of one read from the longest response.
func (s *Session) setBlock(response int) {
	plain := func(response int) int { return response - 2 }
	if protected, ok := s.channel.(*sm.Channel); ok {
		plain = func(response int) int { return sm.MaxPlain(protected.Algorithm(), response) }
	}
	s.shortBlock = plain(shortResponse)
	if s.model.Block > 0 {
		s.shortBlock = min(s.shortBlock, s.model.Block)
	}
	s.block = s.shortBlock
	if response > shortResponse && !s.model.NoExtended {
		s.block = max(plain(response), s.shortBlock)
	}
}
