package pace_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fuzzlimit"
	"passport-agent/iso7816"
	"passport-agent/pace"
)

// fuzzedInfos are one of each mapping, the groups that are quickest.
var fuzzedInfos = []pace.Info{
	info(ecdhGM, aes128, 12), info(ecdhIM, aes128, 12), info(ecdhCAM, aes128, 12), info(ecdhGM, tdes, 13), info(dhGM, aes256, 0), info(dhIM, aes128, 0),
}

// Whatever a chip that knows the password answers in place of a step: the run ends in a
// typed error, or both ends have the same keys.
func FuzzEstablish(f *testing.F) {
	for i := range fuzzedInfos {
		f.Add(byte(i), byte(1), []byte{0x7C, 0x12, 0x80, 0x10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, uint16(0x9000))
		f.Add(byte(i), byte(1), []byte{0x7C, 0x07, 0x80, 0x05, 1, 2, 3, 4, 5}, uint16(0x9000))
		f.Add(byte(i), byte(2), []byte{0x7C, 0x00}, uint16(0x9000))
		f.Add(byte(i), byte(3), []byte{0x7C, 0x04, 0x84, 0x02, 0x04, 0x00}, uint16(0x9000))
		f.Add(byte(i), byte(4), []byte{0x7C, 0x0A, 0x86, 0x08, 1, 2, 3, 4, 5, 6, 7, 8}, uint16(0x9000))
		f.Add(byte(i), byte(4), []byte{}, uint16(0x63C2))
		f.Add(byte(i), byte(0), []byte{}, uint16(0x6A80))
		f.Add(byte(i), byte(5), []byte{}, uint16(0x9000))
	}
	f.Fuzz(func(t *testing.T, which, step byte, data []byte, sw uint16) {
		if len(data) > iso7816.MaxExtendedNe {
			return
		}
		fuzzlimit.Check(t, func() {
			i := fuzzedInfos[int(which)%len(fuzzedInfos)]
			c := canChip(t, i)
			result, err := establishOver(&replaced{chip: c, step: int(step % 6), answer: slices.Concat(data, []byte{byte(sw >> 8), byte(sw)})}, i)
			if err == nil {
				requireSession(t, c.cipher, c.sessionKey(1), c.sessionKey(2), result.State)
				return
			}
			require.Nil(t, result)
			var refused *pace.StepError
			require.True(t, errors.As(err, &refused) || errors.Is(err, pace.ErrMalformed) || errors.Is(err, pace.ErrNotAuthentic), "%v", err)
			if errors.Is(err, pace.ErrWrongPassword) {
				require.Equal(t, iso7816.StatusWord(0x6300), refused.SW&0xFF00)
			}
		})
	})
}

// replaced is a chip one of whose answers is another; the first is that to MSE:Set AT.
type replaced struct {
	*chip
	step   int
	answer []byte
}

func (r *replaced) Transmit(ctx context.Context, command, response []byte) (int, error) {
	step := r.commands
	n, err := r.chip.Transmit(ctx, command, response)
	if step == r.step {
		return copy(response, r.answer), nil
	}
	return n, err
}
