package icao

import (
	"context"
	"errors"

	"passport-agent/icao/lds"
	"passport-agent/iso7816"
)

// maxMasterReads bounds the commands that one such file may cost: it has a few
// hundred bytes.
const maxMasterReads = 16

// readMasterFile reads a file under the master file that is readable before access
// (Doc 9303-10, 3.11), in the clear, with the master file current, by
// short identifier first. Whatever status word the chip answers, it returns what
// there is, possibly nothing; only the reader's own failures are errors.
func (s *Session) readMasterFile(ctx context.Context, file lds.File) ([]byte, error) {
	first, err := s.ask(ctx, iso7816.Command{INS: iso7816.InsReadBinary, P1: 0x80 | file.SFI(), Ne: iso7816.MaxShortNe})
	if err != nil {
		return nil, err
	}
	if len(first.Data) > 0 {
		return s.readRest(ctx, first.Data)
	}
	if !s.tolerates(CardAccessSelect) || saysThereIsNone(first.SW) {
		return nil, nil
	}
	return s.readSelected(ctx, file)
}

// saysThereIsNone reports whether selecting the file by its long identifier would
// be a command for nothing.
func saysThereIsNone(sw iso7816.StatusWord) bool {
	return sw == iso7816.SWFileNotFound || sw == iso7816.SWSecurityStatus
}

// readSelected reads a file by its long identifier.
func (s *Session) readSelected(ctx context.Context, file lds.File) ([]byte, error) {
	id := [2]byte{byte(file.ID() >> 8), byte(file.ID())}
	selected, err := s.ask(ctx, iso7816.Command{INS: iso7816.InsSelect, P1: 0x02, P2: 0x0C, Data: id[:]})
	if err != nil {
		return nil, err
	}
	if done := selected.SW == iso7816.SWSuccess || selected.SW>>8 == 0x62; done {
		return s.readRest(ctx, nil)
	}
	return nil, nil
}

// readRest reads on until the outermost data object is complete or the chip gives
// no more.
func (s *Session) readRest(ctx context.Context, begin []byte) ([]byte, error) {
	b := append([]byte(nil), begin...)
	for range maxMasterReads {
		want := iso7816.MaxShortNe
		if _, header, length, err := iso7816.ParseHeader(b); err == nil {
			if want = header + length - len(b); want <= 0 {
				return b, nil
			}
		}
		next, err := s.ask(ctx, iso7816.Command{
			INS: iso7816.InsReadBinary, P1: byte(len(b) >> 8), P2: byte(len(b)), Ne: min(want, iso7816.MaxShortNe),
		})
		if err != nil {
			return nil, err
		}
		if len(next.Data) == 0 {
			return b, nil
		}
		b = append(b, next.Data...)
	}
	return b, nil
}

// ask sends a command in the clear. An answer that is no response APDU means no
// more than a refusal here.
func (s *Session) ask(ctx context.Context, c iso7816.Command) (iso7816.Response, error) {
	response, err := s.plain.Exchange(ctx, c)
	if errors.Is(err, iso7816.ErrResponse) {
		return iso7816.Response{}, nil
	}
	return response, err
}
