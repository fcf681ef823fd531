package cms_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/cms"
)

// encodePSS is EMSA-PSS-ENCODE (RFC 8017, 9.1.1) with SHA-256 and no salt, and
// signs it; padding and separator are what should be zeros and a one.
func encodePSS(key *rsa.PrivateKey, sum []byte, padding, separator byte) []byte {
	size := key.Size()
	h := sha256.Sum256(append(make([]byte, 8), sum...))
	block := bytes.Repeat([]byte{padding}, size-len(h)-1)
	block[0], block[len(block)-1] = 0, separator
	for i, counter := 0, byte(0); i < len(block); counter++ {
		mask := sha256.Sum256(append(bytes.Clone(h[:]), 0, 0, 0, counter))
		for j := 0; j < len(mask) && i < len(block); i, j = i+1, j+1 {
			block[i] ^= mask[j]
		}
	}
	block[0] &= 0x7F
	encoded := new(big.Int).SetBytes(append(append(block, h[:]...), 0xBC))
	return encoded.Exp(encoded, key.D, key.N).FillBytes(make([]byte, size))
}

func TestPSSIsThatOfTheStandardLibrary(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	sum := sha256.Sum256([]byte("message"))
	for _, salt := range []int{1, 20, 32, 222} {
		signature, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: salt})
		require.NoError(t, err)
		verify := func(hash, mgfHash crypto.Hash, salt int, signature []byte) bool {
			return cms.VerifyPSS(&key.PublicKey, hash, mgfHash, salt, sum[:], signature)
		}
		require.True(t, verify(crypto.SHA256, crypto.SHA256, salt, signature), salt)
		require.False(t, verify(crypto.SHA256, crypto.SHA1, salt, signature), salt)
		require.False(t, verify(crypto.SHA256, crypto.SHA256, salt-1, signature), salt)
		require.False(t, verify(crypto.SHA256, crypto.SHA256, salt+1, signature), salt)
		require.False(t, verify(crypto.SHA256, crypto.SHA256, salt, signature[1:]), salt)
		signature[100] ^= 1
		require.False(t, verify(crypto.SHA256, crypto.SHA256, salt, signature), salt)
	}
	for what, c := range map[string]struct {
		padding, separator byte
		want               bool
	}{"right": {0, 1, true}, "separator": {0, 2, false}, "padding": {1, 1, false}} {
		signature := encodePSS(key, sum[:], c.padding, c.separator)
		require.Equal(t, c.want, cms.VerifyPSS(&key.PublicKey, crypto.SHA256, crypto.SHA256, 0, sum[:], signature), what)
	}
}
