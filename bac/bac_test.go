package bac_test

import (
	"bytes"
	"context"
	"crypto/cipher"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/bac"
	"passport-agent/icao/mrz"
	"passport-agent/internal/icaotest"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
)

type hex = icaotest.Hex

// script is a chip that expects given commands and gives given answers.
type script struct {
	t         *testing.T
	exchanges [][2]hex
	sent      int
}

func (s *script) Transmit(_ context.Context, command, response []byte) (int, error) {
	require.Less(s.t, s.sent, len(s.exchanges), "one command too many: %X", command)
	exchange := s.exchanges[s.sent]
	s.sent++
	if exchange[0] != nil {
		require.Equal(s.t, []byte(exchange[0]), command)
	}
	return copy(response, exchange[1]), nil
}

func (s *script) Reset(context.Context) error { return nil }
func (s *script) ATR() []byte                 { return nil }
func (s *script) Limits() iso7816.Limits      { return iso7816.Limits{} }

type d3 struct {
	RndIC     hex `json:"rnd_ic"`
	RndIFD    hex `json:"rnd_ifd"`
	KIFD      hex `json:"k_ifd"`
	KIC       hex `json:"k_ic"`
	KSEnc     hex `json:"ks_enc"`
	KSMAC     hex `json:"ks_mac"`
	SSC       hex `json:"ssc"`
	R         hex `json:"r"`
	EIC       hex `json:"e_ic"`
	Challenge hex `json:"get_challenge_apdu"`
	Nonce     hex `json:"get_challenge_response"`
	External  hex `json:"external_authenticate_apdu"`
	Answer    hex `json:"external_authenticate_response"`
}

func load(t testing.TB) (d3, mrz.Key) {
	var vectors []d3
	icaotest.Load(t, "bac_d3", &vectors)
	var access []struct {
		MRZInformation string `json:"mrz_information"`
		SHA1           hex    `json:"sha1"`
		KSeed          hex    `json:"k_seed"`
		KEnc           hex    `json:"k_enc"`
		KMAC           hex    `json:"k_mac"`
	}
	icaotest.Load(t, "bac_d1_d2", &access)
	for _, a := range access {
		key := keyOf(t, a.MRZInformation)
		digest := key.SHA1().Reveal()
		require.Equal(t, []byte(a.SHA1), digest)
		require.Equal(t, []byte(a.KSeed), digest[:16])
		if a.KEnc != nil {
			require.Equal(t, []byte(a.KEnc), sm.TDES.DeriveKey(a.KSeed, sm.CounterEnc))
			require.Equal(t, []byte(a.KMAC), sm.TDES.DeriveKey(a.KSeed, sm.CounterMAC))
		}
	}
	return vectors[0], keyOf(t, access[0].MRZInformation)
}

// keyOf takes number, birth and expiry out of the MRZ information: the last 14
// characters are the two dates with their digits.
func keyOf(t testing.TB, information string) mrz.Key {
	n := len(information)
	key, err := mrz.KeyFromFields(information[:n-15], information[n-14:n-8], information[n-7:n-1])
	require.NoError(t, err)
	require.Equal(t, information, key.Information().Reveal())
	return key
}

// Doc 9303-11, D.3: the same nonces give the same commands and session keys.
func TestWorkedExample(t *testing.T) {
	v, key := load(t)
	chip := &script{t: t, exchanges: [][2]hex{{v.Challenge, v.Nonce}, {v.External, v.Answer}}}
	random := bytes.NewReader(append(append([]byte(nil), v.RndIFD...), v.KIFD...))
	state, err := bac.Authenticate(context.Background(), iso7816.NewChannel(chip), key.SHA1(), random)
	require.NoError(t, err)
	require.Equal(t, 2, chip.sent)
	require.Equal(t, []byte(v.SSC), state.SSC())

	// The keys show in what they do: both states encipher and MAC alike.
	want, err := sm.NewState(sm.TDES, v.KSEnc, v.KSMAC, v.SSC)
	require.NoError(t, err)
	one, two := bytes.Repeat([]byte{7}, 16), bytes.Repeat([]byte{7}, 16)
	state.Encrypt(one)
	want.Encrypt(two)
	require.Equal(t, two, one)
	require.Equal(t, want.MAC(nil, nil, one), state.MAC(nil, nil, one))
}

// An answer that is not from the chip that knows the key must be refused,
// whichever part of it is wrong.
func TestAnswerIsVerifiedInFull(t *testing.T) {
	v, key := load(t)
	kSeed := key.SHA1().Reveal()[:16]
	seal := func(r []byte) hex {
		block, err := sm.TDES.NewBlock(sm.TDES.DeriveKey(kSeed, sm.CounterEnc))
		require.NoError(t, err)
		sealed := append([]byte(nil), r...)
		cipher.NewCBCEncrypter(block, make([]byte, 8)).CryptBlocks(sealed, sealed)
		mac, err := sm.NewMAC(sm.TDES, sm.TDES.DeriveKey(kSeed, sm.CounterMAC))
		require.NoError(t, err)
		mac.Write(sealed)
		return append(mac.Sum(sealed), 0x90, 0x00)
	}
	require.Equal(t, v.Answer, seal(v.R), "the seal of this test is the chip's")

	for position := range 40 {
		wrong := append(hex(nil), v.Answer...)
		wrong[position] ^= 1
		requireRefused(t, v, key, wrong, "byte %d", position)
	}
	for position := range 16 {
		r := append([]byte(nil), v.R...)
		r[position] ^= 1
		requireRefused(t, v, key, seal(r), "nonce byte %d under a right MAC", position)
	}
	requireRefused(t, v, key, append(append(hex(nil), v.Answer[:39]...), 0x90, 0x00), "one byte short")
	requireRefused(t, v, key, hex{0x90, 0x00}, "no answer at all")
}

func requireRefused(t *testing.T, v d3, key mrz.Key, answer hex, message string, args ...any) {
	t.Helper()
	chip := &script{t: t, exchanges: [][2]hex{{nil, v.Nonce}, {nil, answer}}}
	random := bytes.NewReader(append(append([]byte(nil), v.RndIFD...), v.KIFD...))
	state, err := bac.Authenticate(context.Background(), iso7816.NewChannel(chip), key.SHA1(), random)
	require.ErrorIs(t, err, bac.ErrNotAuthentic, append([]any{message}, args...)...)
	require.Nil(t, state)
}

func TestRefusalsNameTheStepAndTheStatusWord(t *testing.T) {
	v, key := load(t)
	for step, exchanges := range map[string][][2]hex{
		"GET CHALLENGE":         {{nil, {0x6D, 0x00}}},
		"EXTERNAL AUTHENTICATE": {{nil, v.Nonce}, {nil, {0x63, 0x00}}},
	} {
		_, err := bac.Authenticate(context.Background(), iso7816.NewChannel(&script{t: t, exchanges: exchanges}), key.SHA1(), bytes.NewReader(make([]byte, 24)))
		var refused *bac.StepError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, step, refused.Step)
		var sw iso7816.StatusWord
		require.ErrorAs(t, err, &sw)
		require.Equal(t, refused.SW, sw)
	}
	_, err := bac.Authenticate(context.Background(), iso7816.NewChannel(&script{t: t, exchanges: [][2]hex{{nil, {1, 2, 3, 0x90, 0}}}}), key.SHA1(), bytes.NewReader(make([]byte, 24)))
	require.ErrorIs(t, err, bac.ErrNotAuthentic, "a short challenge")
}

func TestLackOfRandomNumbersIsAnError(t *testing.T) {
	v, key := load(t)
	chip := &script{t: t, exchanges: [][2]hex{{nil, v.Nonce}}}
	_, err := bac.Authenticate(context.Background(), iso7816.NewChannel(chip), key.SHA1(), bytes.NewReader(make([]byte, 23)))
	require.Error(t, err)
	require.False(t, errors.Is(err, bac.ErrNotAuthentic))
	require.Equal(t, 1, chip.sent, "nothing is sent without full randomness")
}
