package chipauth_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/chipauth"
	"passport-agent/internal/ec"
	"passport-agent/internal/fuzzlimit"
	"passport-agent/iso7816"
	"passport-agent/virtual"
)

// Nobody without the private key makes a signature, and nothing panics on one.
func FuzzVerify(f *testing.F) {
	modulus := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 1024), big.NewInt(105))
	curve, err := ec.ByID(12)
	require.NoError(f, err)
	f.Add(challenge, make([]byte, 128))
	f.Add(challenge, make([]byte, 64))
	f.Add(challenge, []byte{0x30, 6, 2, 1, 1, 2, 1, 1})
	f.Fuzz(func(t *testing.T, challenge, signature []byte) {
		fuzzlimit.Check(t, func() {
			for _, key := range []chipauth.ActiveKey{{RSA: &rsa.PublicKey{N: modulus, E: 65537}}, {Curve: curve, Point: curve.Generator()}} {
				_, err := key.Verify(challenge, signature)
				require.ErrorIs(t, err, chipauth.ErrNotAuthentic)
			}
		})
	})
}

// Whatever stands inside a signature that the chip's key has made: it is taken where it
// holds the hash of the challenge, whole and at its place, and nowhere else.
func FuzzRecovered(f *testing.F) {
	key := rsaKey(f, 1024)
	for _, hash := range hashes {
		trailer := map[crypto.Hash][]byte{crypto.SHA1: {0xBC}, crypto.SHA224: {0x38, 0xCC}, crypto.SHA256: {0x34, 0xCC}, crypto.SHA384: {0x36, 0xCC}, crypto.SHA512: {0x35, 0xCC}}[hash]
		inside := make([]byte, 128-1-hash.Size()-len(trailer))
		h := hash.New()
		h.Write(inside)
		h.Write(challenge)
		f.Add(slices.Concat([]byte{0x6A}, inside, h.Sum(nil), trailer))
		f.Add(slices.Concat([]byte{0x6B, 0xBA}, inside[1:], h.Sum(nil), trailer))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		if len(message) > 128 {
			return
		}
		signature := new(big.Int).Exp(new(big.Int).SetBytes(message), key.D, key.N).FillBytes(make([]byte, 128))
		fuzzlimit.Check(t, func() {
			_, err := chipauth.ActiveKey{RSA: &key.PublicKey}.Verify(challenge, signature)
			if err != nil {
				require.ErrorIs(t, err, chipauth.ErrNotAuthentic)
				return
			}
			require.True(t, holdsHash(message))
		})
	})
}

// holdsHash reports whether a hash of what stands before it and of the challenge stands
// in front of a trailer.
func holdsHash(message []byte) bool {
	for _, hash := range hashes {
		trailer := 2
		if hash == crypto.SHA1 {
			trailer = 1
		}
		end := len(message) - trailer
		for begin := 1; begin <= end-hash.Size(); begin++ {
			h := hash.New()
			h.Write(message[begin : end-hash.Size()])
			h.Write(challenge)
			if bytes.Equal(h.Sum(nil), message[end-hash.Size():end]) {
				return true
			}
		}
	}
	return false
}

// Keys that a chip offers are checked before they are used; whatever it answers then, the
// new keys are not the old ones, or there are none.
func FuzzOffers(f *testing.F) {
	document, err := virtual.Personalise(virtual.Options{
		ChipAuthentication: []virtual.ChipAuthenticationInfo{{Protocol: "ECDH-AES-128", ParameterID: 12, KeyID: 1}, {Protocol: "DH-3DES", ParameterID: 0, KeyID: 2}},
		Files:              map[virtual.File][]byte{virtual.DataGroup(2): {0x75, 0x00}}, Random: rand.NewChaCha8([32]byte{3}),
	})
	require.NoError(f, err)
	_, keys := offered(f, document)
	for _, k := range keys {
		parameters := k.Parameters
		if parameters == nil {
			parameters = []byte{5, 0}
		}
		f.Add(byte(k.Protocol[len(k.Protocol)-1]), byte(2), int16(1), int16(k.KeyID), algorithmOf(k), parameters, k.Key, []byte{0x90, 0x00})
		f.Add(byte(k.Protocol[len(k.Protocol)-1]), byte(1), int16(-1), int16(-1), algorithmOf(k), parameters, k.Key, []byte{0x7C, 0x00, 0x90, 0x00})
	}
	f.Add(byte(2), byte(4), int16(7), int16(7), byte(1), []byte{6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7}, []byte{4, 1, 2}, []byte{0x6A, 0x80})
	f.Fuzz(func(t *testing.T, kind, cipher byte, infoID, keyID int16, algorithm byte, parameters, key, answer []byte) {
		info := chipauth.Info{Protocol: asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 3, int(kind), int(cipher)}, Version: 1, KeyID: int(infoID)}
		public := chipauth.PublicKeyInfo{
			Protocol:  asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 1, int(kind)},
			Algorithm: algorithms[int(algorithm)%len(algorithms)], Parameters: parameters, Key: key, KeyID: int(keyID),
		}
		fuzzlimit.Check(t, func() {
			offers, err := chipauth.Offers([]chipauth.Info{info}, []chipauth.PublicKeyInfo{public})
			if err != nil {
				require.True(t, errors.Is(err, chipauth.ErrMalformed) || errors.Is(err, chipauth.ErrUnsupported), "%v", err)
				require.Empty(t, offers)
				return
			}
			require.Len(t, offers, 1)
			require.NotEmpty(t, offers[0].Name()+offers[0].Key())
			state, err := chipauth.Run(t.Context(), iso7816.NewChannel(answering{answer}), offers[0], rand.NewChaCha8([32]byte{4}))
			if err == nil {
				require.Equal(t, make([]byte, state.Algorithm().BlockSize()), state.SSC())
				return
			}
			require.Nil(t, state)
			var refused *chipauth.StepError
			require.True(t, errors.As(err, &refused) || errors.Is(err, chipauth.ErrMalformed) || errors.Is(err, iso7816.ErrResponse), "%v", err)
		})
	})
}

// algorithms are those that stand in a SubjectPublicKeyInfo of a chip.
var algorithms = []asn1.ObjectIdentifier{
	{0, 4, 0, 127, 0, 7, 1, 2}, {1, 2, 840, 10045, 2, 1}, {1, 2, 840, 10046, 2, 1}, {1, 2, 840, 113549, 1, 3, 1}, {1, 2, 3},
}

func algorithmOf(k chipauth.PublicKeyInfo) byte {
	for i, oid := range algorithms {
		if oid.Equal(k.Algorithm) {
			return byte(i)
		}
	}
	return 4
}

// answering is a chip that has one answer for everything.
type answering struct{ answer []byte }

func (a answering) Transmit(_ context.Context, _, response []byte) (int, error) {
	return copy(response, a.answer), nil
}
func (a answering) Reset(context.Context) error { return nil }
func (a answering) ATR() []byte                 { return nil }
func (a answering) Limits() iso7816.Limits      { return iso7816.Limits{} }
