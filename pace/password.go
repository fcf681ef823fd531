package pace

import (
	"crypto/sha1"
	"errors"
	"fmt"

	"passport-agent/internal/secret"
)

// Password is what both sides know of the document (Doc 9303-11, 9.7.3). The zero
// value is no password.
type Password struct {
	reference byte
	key       secret.Bytes // f(π)
}

// References of passwords (Doc 9303-11, 4.4.4.1).
const (
	referenceMRZ = 1
	referenceCAN = 2
)

// MRZ is the password from the machine-readable zone: the SHA-1 of the MRZ
// information, 20 bytes.
func MRZ(sha1 secret.Bytes) Password { return Password{referenceMRZ, sha1} }

// CAN is the Card Access Number printed on the document, its characters as they are.
func CAN(number secret.Text) Password {
	return Password{referenceCAN, secret.NewBytes([]byte(number.Reveal()))}
}

func (p Password) check() error {
	switch {
	case p.key.Len() == 0:
		return errors.New("no password for PACE")
	case p.reference == referenceMRZ && p.key.Len() != sha1.Size:
		return fmt.Errorf("SHA-1 of %d bytes", p.key.Len())
	default:
		return nil
	}
}
