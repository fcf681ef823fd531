// Package sm is secure messaging of travel documents with 3DES and AES and the
// derivation of its keys (Doc 9303-11, 9.7 and 9.8).
package sm

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// Algorithm is a block cipher of secure messaging together with its MAC.
type Algorithm int

// The algorithms of Doc 9303-11, 9.8.6 and 9.8.7.
const (
	TDES Algorithm = iota + 1
	AES128
	AES192
	AES256
)

var names = map[Algorithm]string{TDES: "3DES", AES128: "AES-128", AES192: "AES-192", AES256: "AES-256"}

func (a Algorithm) String() string {
	if name, ok := names[a]; ok {
		return name
	}
	return fmt.Sprintf("algorithm %d", int(a))
}

// KeySize is the length of a session key in bytes.
func (a Algorithm) KeySize() int {
	switch a {
	case AES192:
		return 24
	case AES256:
		return 32
	default:
		return 16
	}
}

// BlockSize is the block length in bytes, which is also the length of the send
// sequence counter.
func (a Algorithm) BlockSize() int {
	if a == TDES {
		return des.BlockSize
	}
	return aes.BlockSize
}

// Counters of the key derivation function (Doc 9303-11, 9.7.1).
const (
	CounterEnc      = 1
	CounterMAC      = 2
	CounterPassword = 3
)

// DeriveKey is the key derivation function KDF of Doc 9303-11, 9.7.1: SHA-1 for
// 3DES and AES-128, SHA-256 for the longer keys. The parity bits of 3DES keys
// are adjusted.
func (a Algorithm) DeriveKey(secret []byte, counter uint32) []byte {
	input := binary.BigEndian.AppendUint32(append(make([]byte, 0, len(secret)+4), secret...), counter)
	if a == AES192 || a == AES256 {
		digest := sha256.Sum256(input)
		return digest[:a.KeySize()]
	}
	digest := sha1.Sum(input)
	key := digest[:a.KeySize()]
	if a == TDES {
		adjustParity(key)
	}
	return key
}

// adjustParity gives every octet odd parity (Doc 9303-11, 9.7.1.1).
func adjustParity(key []byte) {
	for i, octet := range key {
		if bits.OnesCount8(octet)%2 == 0 {
			key[i] = octet ^ 1
		}
	}
}

// NewBlock returns the block cipher for encryption; a 3DES key has two parts of
// 8 bytes, used as K1, K2, K1.
func (a Algorithm) NewBlock(key []byte) (cipher.Block, error) {
	if len(key) != a.KeySize() {
		return nil, fmt.Errorf("%v key of %d bytes", a, len(key))
	}
	if a == TDES {
		return des.NewTripleDESCipher(append(append(make([]byte, 0, 24), key...), key[:8]...))
	}
	return aes.NewCipher(key)
}
