package icao

import (
	"context"
	"errors"

	"passport-agent/icao/lds"
	"passport-agent/iso7816"
)

// masterFile is an elementary file under the master file, readable before access
// (Doc 9303-10, 3.11).
type masterFile struct {
	sfi byte
	id  uint16
}

var cardAccess = masterFile{sfi: lds.CardAccessSFI, id: lds.CardAccessID}

// maxMasterReads bounds the commands that one such file may cost: it has a few
// hundred bytes.
const maxMasterReads = 16

// readMasterFile reads a file in the clear, with the master file current, by
// short identifier first. Whatever status word the chip answers, it returns what
// there is, possibly nothing; only the reader's own failures are errors.
func (s *Session) readMasterFile(ctx context.Context, file masterFile) ([]byte, error) {
	first, err := s.plain.Exchange(ctx, iso7816.Command{INS: iso7816.InsReadBinary, P1: 0x80 | file.sfi, Ne: iso7816.MaxShortNe})
	if err = unlessNonsense(err); err != nil {
		return nil, err
	}
	switch {
	case len(first.Data) > 0:
		return s.readRest(ctx, first.Data)
	case first.SW != iso7816.SWFileNotFound && first.SW != iso7816.SWSecurityStatus && s.tolerates(CardAccessSelect):
		return s.readSelected(ctx, file)
	default:
		return nil, nil
	}
}

// readSelected reads a file by its long identifier.
func (s *Session) readSelected(ctx context.Context, file masterFile) ([]byte, error) {
	id := [2]byte{byte(file.id >> 8), byte(file.id)}
	selected, err := s.plain.Exchange(ctx, iso7816.Command{INS: iso7816.InsSelect, P1: 0x02, P2: 0x0C, Data: id[:]})
	if err = unlessNonsense(err); err != nil {
		return nil, err
	}
	if selected.SW != iso7816.SWSuccess && selected.SW>>8 != 0x62 {
		return nil, nil
	}
	return s.readRest(ctx, nil)
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
		next, err := s.plain.Exchange(ctx, iso7816.Command{
			INS: iso7816.InsReadBinary, P1: byte(len(b) >> 8), P2: byte(len(b)), Ne: min(want, iso7816.MaxShortNe),
		})
		if err = unlessNonsense(err); err != nil {
			return nil, err
		}
		if len(next.Data) == 0 {
			return b, nil
		}
		b = append(b, next.Data...)
	}
	return b, nil
}

// unlessNonsense lets pass an answer that is no response APDU: in these files it
// means no more than a refusal.
func unlessNonsense(err error) error {
	if errors.Is(err, iso7816.ErrResponse) {
		return nil
	}
	return err
}
