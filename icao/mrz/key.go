package mrz

import (
	"crypto/sha1"
	"fmt"
	"strings"

	"passport-agent/internal/fault"
	"passport-agent/internal/secret"
)

// Lengths of a document number in characters: the field of the zone, and the
// longest number that TD1 has room for with its check digit (Doc 9303-5, 4.2.2).
const (
	numberField   = 9
	longestNumber = 22
)

// Key is what a chip's access key is derived from: document number, birth date
// and expiry date, each with its check digit ('MRZ information', Doc 9303-11,
// 4.3.2 and 9.7.3).
type Key struct{ information secret.Text }

// KeyFromFields makes a key from the three fields as printed: the complete
// document number, and two dates YYMMDD. It fails with fault.MRZInvalid.
func KeyFromFields(number string, birth, expiry string) (Key, error) {
	number = strings.ToUpper(strings.Join(strings.Fields(number), ""))
	number = trim(number)
	if number == "" || len(number) > longestNumber {
		return Key{}, fault.New(fault.MRZInvalid, fmt.Sprintf("document number has %d characters, 1 to %d are possible", len(number), longestNumber), nil)
	}
	dates := [2]Date{Date(strings.TrimSpace(birth)), Date(strings.TrimSpace(expiry))}
	if err := checkDates(dates[0], dates[1]); err != nil {
		return Key{}, err
	}
	if missing := numberField - len(number); missing > 0 {
		number += strings.Repeat("<", missing)
	}
	return newKey(number, dates[0], dates[1])
}

func newKey(number string, birth, expiry Date) (Key, error) {
	var information strings.Builder
	for i, field := range []string{number, string(birth), string(expiry)} {
		digit, err := CheckDigit(field)
		if err != nil {
			name := [3]string{"document number", "birth date", "expiry date"}[i]
			return Key{}, fault.New(fault.MRZInvalid, name, err)
		}
		information.WriteString(field)
		information.WriteByte(byte('0' + digit))
	}
	return Key{secret.NewText(information.String())}, nil
}

// Empty reports whether there is no key.
func (k Key) Empty() bool { return k.information.Empty() }

// Information returns the MRZ information.
func (k Key) Information() secret.Text { return k.information }

// SHA1 returns the SHA-1 of the MRZ information, 20 bytes: the secret of PACE,
// and in its first 16 bytes the seed of Basic Access Control.
func (k Key) SHA1() secret.Bytes {
	digest := sha1.Sum([]byte(k.information.Reveal()))
	return secret.NewBytes(digest[:])
}
