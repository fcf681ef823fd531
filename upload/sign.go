package upload

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"passport-agent/internal/secret"
)

// sign returns HMAC-SHA256 over message. The key is the secret's text itself:
// a secret that looks like a UUID or like hexadecimal is not decoded.
func sign(s secret.Text, message []byte) []byte {
	mac := hmac.New(sha256.New, []byte(s.Reveal()))
	mac.Write(message)
	return mac.Sum(nil)
}

// verify reports whether signature, hexadecimal in either case, was made over
// message with one of the secrets.
func verify(secrets []secret.Text, signature string, message []byte) bool {
	given, err := hex.DecodeString(signature)
	if err != nil {
		return false
	}
	ok := false
	for _, s := range secrets {
		if hmac.Equal(given, sign(s, message)) {
			ok = true
		}
	}
	return ok
}
