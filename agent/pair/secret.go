package pair

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"io"

	"passport-agent/internal/fault"
)

// digest is what is kept of a secret. The secrets are random and long: no slow hash
// is needed.
type digest [sha256.Size]byte

func digestOf(secret string) digest { return sha256.Sum256([]byte(secret)) }

// is compares in constant time.
func (d digest) is(secret string) bool {
	other := digestOf(secret)
	return subtle.ConstantTimeCompare(d[:], other[:]) == 1
}

// MarshalText writes hexadecimal digits.
func (d digest) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(d[:])), nil }

// UnmarshalText reads hexadecimal digits.
func (d *digest) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(d) {
		return hex.ErrLength
	}
	_, err := hex.Decode(d[:], text)
	return err
}

// random returns n random bytes as text.
func (g *Guard) random(n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(g.options.Random, b); err != nil {
		return "", fault.New(fault.Unexpected, "random numbers", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// Letters and digits of a pairing code, without those that look alike.
const (
	codeLetters = "ABCDEFGHJKMNPQRSTUVWXYZ"
	codeDigits  = "23456789"
)

// code returns a code that a person compares, such as ABCD-2345.
func (g *Guard) code() (string, error) {
	code := make([]byte, 0, 9)
	for i := range 8 {
		alphabet := codeLetters
		if i >= 4 {
			alphabet = codeDigits
		}
		if i == 4 {
			code = append(code, '-')
		}
		c, err := g.pick(alphabet)
		if err != nil {
			return "", err
		}
		code = append(code, c)
	}
	return string(code), nil
}

// pick takes one of the characters, each as likely as the others.
func (g *Guard) pick(alphabet string) (byte, error) {
	var b [1]byte
	for {
		if _, err := io.ReadFull(g.options.Random, b[:]); err != nil {
			return 0, fault.New(fault.Unexpected, "random numbers", err)
		}
		if int(b[0]) < 256-256%len(alphabet) {
			return alphabet[int(b[0])%len(alphabet)], nil
		}
	}
}
