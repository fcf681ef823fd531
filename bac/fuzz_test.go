package bac_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/bac"
	"passport-agent/internal/fuzzlimit"
	"passport-agent/iso7816"
)

// Whatever a chip answers, it is let in only with the answer of one that knows the key.
func FuzzAuthenticate(f *testing.F) {
	v, key := load(f)
	seed := key.SHA1()
	f.Add([]byte(v.Nonce), []byte(v.Answer))
	f.Add([]byte(v.Nonce), append(bytes.Clone(v.Answer[:40]), 0x63, 0x00))
	f.Add([]byte{0x6D, 0x00}, []byte{0x90, 0x00})
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 0x90, 0x00}, []byte{0x69, 0x85})
	f.Add([]byte{}, []byte{0x90})
	f.Fuzz(func(t *testing.T, challenge, answer []byte) {
		if len(challenge) > iso7816.MaxResponse || len(answer) > iso7816.MaxResponse {
			return
		}
		fuzzlimit.Check(t, func() {
			chip := &script{t: t, exchanges: [][2]hex{{nil, challenge}, {nil, answer}}}
			random := bytes.NewReader(append(bytes.Clone(v.RndIFD), v.KIFD...))
			state, err := bac.Authenticate(t.Context(), iso7816.NewChannel(chip), seed, random)
			if err == nil {
				require.Equal(t, []byte(v.Nonce), challenge)
				require.Equal(t, []byte(v.Answer), answer)
				require.Equal(t, []byte(v.SSC), state.SSC())
				return
			}
			require.Nil(t, state)
			var refused *bac.StepError
			require.True(t, errors.As(err, &refused) || errors.Is(err, bac.ErrNotAuthentic) || errors.Is(err, iso7816.ErrResponse), "%v", err)
		})
	})
}
