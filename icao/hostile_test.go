package icao_test

import (
	"context"
	"encoding/binary"
	"errors"

	"passport-agent/internal/fault"
	"passport-agent/iso7816"
	"passport-agent/virtual"
)

// hostile is a chip that a script turns against the reader. Between what the script does,
// the answers are those of an honest chip, so that a session goes deep.
type hostile struct {
	*virtual.Chip
	script   []byte
	honest   int // answers until the next act
	act      []byte
	last     []byte
	commands int
	most     int
	away     int // how often the document may still be put back
}

// errTooMany is what a reader gets that would go on for ever.
var errTooMany = errors.New("the reader asks and asks")

// An act is three bytes of the script: what it is, and two for it. With its highest bit
// it is done from then on.
const (
	actFlip    = iota // the byte at the first, by the second
	actCut            // to a length
	actStatus         // another status word behind the honest data
	actBare           // a status word alone; the chip has not seen the command
	actForge          // as many bytes of the script as the first says, then a status word
	actGrow           // the honest data, longer by the second
	actSilent         // the reader is given up
	actReset          // the power goes for a moment
	actRemove         // the document is taken away
	actAgain          // the answer before
	actNothing        // no byte at all
	actTwice          // the chip has executed the command twice
	actTooLong        // a length that no buffer has
	actCorrect        // 6Cxx
	acts
)

const forEver = 0x80

// next takes the next act from the script: how many honest answers come first, then it.
func (h *hostile) next() {
	if h.act != nil || len(h.script) < 4 {
		return
	}
	h.honest, h.act = int(h.script[0]), h.script[1:4]
	h.script = h.script[4:]
}

func (h *hostile) Transmit(ctx context.Context, command, response []byte) (int, error) {
	if h.commands++; h.commands > h.most {
		return 0, errTooMany
	}
	h.next()
	if h.act == nil || h.honest > 0 {
		h.honest--
		return h.answer(ctx, command, response)
	}
	act := h.act
	if act[0]&forEver == 0 {
		h.act = nil
	}
	return h.misbehave(ctx, act, command, response)
}

// answer is the honest one.
func (h *hostile) answer(ctx context.Context, command, response []byte) (int, error) {
	n, err := h.Chip.Transmit(ctx, command, response)
	if err == nil {
		h.last = append(h.last[:0], response[:n]...)
	}
	return n, err
}

func (h *hostile) misbehave(ctx context.Context, act, command, response []byte) (int, error) {
	first, second := int(act[1]), act[2]
	status := []byte{act[1], act[2]}
	switch act[0] &^ forEver % acts {
	case actBare:
		return copy(response, status), nil
	case actForge:
		forged := h.script[:min(first, len(h.script))]
		if act[0]&forEver == 0 {
			h.script = h.script[len(forged):]
		}
		return copy(response, append(append([]byte{}, forged...), 0x90, second)), nil
	case actSilent:
		return 0, fault.New(fault.ReaderStuck, "", nil)
	case actReset:
		return 0, errors.Join(iso7816.ErrReset, h.Reset(ctx))
	case actRemove:
		h.Remove()
		return 0, iso7816.ErrRemoved
	case actAgain:
		return copy(response, h.last), nil
	case actNothing:
		return 0, nil
	case actTooLong:
		return len(response) + first, nil
	case actCorrect:
		return copy(response, []byte{0x6C, second}), nil
	case actTwice:
		if _, err := h.answer(ctx, command, response); err != nil {
			return 0, err
		}
	}
	n, err := h.answer(ctx, command, response)
	if err != nil || n < 2 {
		return n, err
	}
	switch act[0] &^ forEver % acts {
	case actFlip:
		response[first%n] ^= second
	case actCut:
		n = min(n, first)
	case actStatus:
		copy(response[n-2:n], status)
	case actGrow:
		grown := min(n+first<<8+int(second), len(response))
		copy(response[grown-2:], response[n-2:n])
		n = grown
	}
	return n, nil
}

// putBack brings the document back as often as a patient person would.
func (h *hostile) putBack(context.Context) (iso7816.Card, error) {
	if h.away == 0 {
		return nil, fault.New(fault.NoDocument, "", nil)
	}
	h.away--
	h.PutBack()
	return h, nil
}

// altered is a document whose file is another: patched by triples of offset and bits, or
// replaced.
func altered(d *virtual.Document, file virtual.File, content []byte, patch bool) *virtual.Document {
	other := *d
	other.Files = map[virtual.File][]byte{}
	for name, b := range d.Files {
		other.Files[name] = b
	}
	if !patch {
		other.Files[file] = content
		return &other
	}
	patched := append([]byte{}, d.Files[file]...)
	for ; len(content) >= 3 && len(patched) > 0; content = content[3:] {
		patched[int(binary.BigEndian.Uint16(content))%len(patched)] ^= content[2]
	}
	other.Files[file] = patched
	return &other
}
