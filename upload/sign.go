package upload

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"passport-agent/internal/secret"
)

// verify reports whether signature, hexadecimal in either case, is HMAC-SHA256
// over message with one of the secrets. The key is the secret's text itself: a
// secret that looks like a UUID or like hexadecimal is not decoded.
func verify(secrets []secret.Text, signature string, message []byte) bool {
	given, err := hex.DecodeString(signature)
	if err != nil {
		return false
	}
	ok := false
	for _, s := range secrets {
		mac := hmac.New(sha256.New, []byte(s.Reveal()))
		mac.Write(message)
		if hmac.Equal(given, mac.Sum(nil)) {
			ok = true
		}
	}
	return ok
}
