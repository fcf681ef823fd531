package icao

import (
	"context"

	"passport-agent/icao/lds"
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
	b, err := s.readMasterFile(ctx, lds.ATRInfo)
	if err != nil || len(b) == 0 {
		return err
	}
	s.atrInfo = b
	if size := lds.ParseATRInfo(b).MaxResponse; size >= leastSize {
		s.model.MaxResponse = min(size, largestSize)
	}
	return nil
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
