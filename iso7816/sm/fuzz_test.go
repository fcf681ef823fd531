package sm_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fuzzlimit"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
)

// What a chip sends under its keys is taken or refused; without them nothing is, nor
// when one bit of it is another on the way.
func FuzzUnprotect(f *testing.F) {
	for i := range algorithms {
		size := algorithms[i].BlockSize()
		status := []byte{byte(sm.TagStatus), 2, 0x90, 0x00}
		f.Add(byte(i), uint64(i), status, uint16(0), byte(1), uint16(0x9000))
		f.Add(byte(i), uint64(i), append(iso7816.AppendTLV(nil, sm.TagCryptogram, append([]byte{1}, make([]byte, size)...)), status...), uint16(5), byte(0x80), uint16(0x9000))
		f.Add(byte(i), uint64(i), append(iso7816.AppendTLV(nil, sm.TagCryptogramOdd, make([]byte, 2*size)), status...), uint16(1), byte(0x81), uint16(0x6282))
		f.Add(byte(i), uint64(i), []byte{}, uint16(0), byte(0), uint16(0x6988))
	}
	f.Fuzz(func(t *testing.T, algorithm byte, seed uint64, objects []byte, at uint16, flip byte, sw uint16) {
		a := algorithms[int(algorithm)%len(algorithms)]
		if len(objects) > iso7816.MaxResponse {
			return
		}
		fuzzlimit.Check(t, func() {
			bare := iso7816.Response{Data: bytes.Clone(objects), SW: iso7816.StatusWord(sw)}
			reader, _ := seeded(t, a, seed)
			_, err := reader.Unprotect(bare)
			requireRefusal(t, bare, err)

			reader, chip := seeded(t, a, seed)
			chip.Next()
			answer := iso7816.AppendTLV(bytes.Clone(objects), sm.TagMAC, chip.MAC(nil, nil, objects))
			response, err := reader.Unprotect(iso7816.Response{Data: bytes.Clone(answer), SW: iso7816.StatusWord(sw)})
			if err != nil {
				require.True(t, errorIsOneOf(err, sm.ErrAuthentication, sm.ErrFormat), "%v", err)
			} else {
				requireDeciphered(t, chip, objects, response)
			}

			if flip == 0 {
				return
			}
			answer[int(at)%len(answer)] ^= flip
			reader, _ = seeded(t, a, seed)
			_, err = reader.Unprotect(iso7816.Response{Data: answer, SW: iso7816.StatusWord(sw)})
			require.ErrorIs(t, err, sm.ErrAuthentication, "byte %d is another", int(at)%len(answer))
		})
	})
}

// seeded is both ends of a session with random keys.
func seeded(t testing.TB, a sm.Algorithm, seed uint64) (*sm.Session, *sm.State) {
	random := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24), byte(seed >> 32), byte(seed >> 40), byte(seed >> 48), byte(seed >> 56)})
	octets := make([]byte, 2*a.KeySize()+a.BlockSize())
	_, err := random.Read(octets)
	require.NoError(t, err)
	enc, mac, ssc := octets[:a.KeySize()], octets[a.KeySize():2*a.KeySize()], octets[2*a.KeySize():]
	return sm.NewSession(newState(t, a, enc, mac, ssc)), newState(t, a, enc, mac, ssc)
}

func requireRefusal(t *testing.T, bare iso7816.Response, err error) {
	if len(bare.Data) == 0 && bare.SW != iso7816.SWSuccess {
		var naked *sm.NakedError
		require.ErrorAs(t, err, &naked)
		require.Equal(t, bare.SW, naked.SW)
		return
	}
	require.ErrorIs(t, err, sm.ErrAuthentication)
}

// requireDeciphered looks at an answer that was taken: its objects are those of Doc
// 9303-11, 9.8.4, each once, and its data are what the chip has enciphered.
func requireDeciphered(t *testing.T, chip *sm.State, objects []byte, response iso7816.Response) {
	found, err := iso7816.ParseTLVs(objects)
	require.NoError(t, err)
	require.LessOrEqual(t, len(found), 2)
	status, ok := iso7816.Find(found, sm.TagStatus)
	require.True(t, ok)
	require.Equal(t, []byte{byte(response.SW >> 8), byte(response.SW)}, status.Value)
	if len(found) == 1 {
		require.Empty(t, response.Data)
		return
	}
	cryptogram, ok := iso7816.Find(found, sm.TagCryptogramOdd)
	value := cryptogram.Value
	if !ok {
		cryptogram, ok = iso7816.Find(found, sm.TagCryptogram)
		require.True(t, ok)
		value = cryptogram.Value[1:]
	}
	again := sm.Pad(bytes.Clone(response.Data), 0, chip.Algorithm().BlockSize())
	require.LessOrEqual(t, len(again), len(value))
	again = append(again, make([]byte, len(value)-len(again))...) // padding may be longer than need be
	chip.Encrypt(again)
	require.Equal(t, value, again)
}

func errorIsOneOf(err error, targets ...error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
