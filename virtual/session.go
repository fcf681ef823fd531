package virtual

import (
	"crypto/subtle"

	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
)

// session is the card's end of secure messaging (Doc 9303-11, 9.8).
type session struct {
	state *sm.State
	pace  bool // begun by PACE, else by BAC

	unchecked bool // commands are executed whatever their MAC
}

// commandObjects are the data objects of a protected command.
type commandObjects struct {
	covered    []byte // all that the MAC covers besides the header
	cryptogram []byte
	hasData    bool
	le         []byte
	hasLe      bool
	mac        []byte
}

// open checks a protected command and returns the plain one. The status word is
// 9000, 6987 where the MAC is missing and 6988 where an object is wrong; after
// these two the session has to end.
func (s *session) open(c iso7816.Command) (iso7816.Command, iso7816.StatusWord) {
	s.state.Next()
	objects, status := parseObjects(c.Data, c.INS)
	if status != iso7816.SWSuccess {
		return iso7816.Command{}, status
	}
	blockSize := s.state.Algorithm().BlockSize()
	header := sm.Pad([]byte{c.CLA, c.INS, c.P1, c.P2}, 0, blockSize)
	if subtle.ConstantTimeCompare(s.state.MAC(nil, header, objects.covered), objects.mac) != 1 && !s.unchecked {
		return iso7816.Command{}, iso7816.SWSMObjectsIncorrect
	}
	plain := iso7816.Command{INS: c.INS, P1: c.P1, P2: c.P2}
	var ok bool
	if plain.Data, ok = s.decipher(objects); !ok {
		return iso7816.Command{}, iso7816.SWSMObjectsIncorrect
	}
	if plain.Ne, ok = objects.ne(); !ok {
		return iso7816.Command{}, iso7816.SWSMObjectsIncorrect
	}
	return plain, iso7816.SWSuccess
}

// parseObjects reads the objects in the order of Doc 9303-11, 9.8.4: cryptogram,
// Le, MAC, of which only the MAC must be there.
func parseObjects(data []byte, ins byte) (commandObjects, iso7816.StatusWord) {
	var o commandObjects
	all, err := iso7816.ParseTLVs(data)
	if err != nil {
		return o, iso7816.SWSMObjectsIncorrect
	}
	rest := all
	tag := sm.TagCryptogram
	if ins%2 == 1 {
		tag = sm.TagCryptogramOdd
	}
	if len(rest) > 0 && rest[0].Tag == tag {
		o.cryptogram, o.hasData, rest = rest[0].Value, true, rest[1:]
		if tag == sm.TagCryptogram {
			if len(o.cryptogram) == 0 || o.cryptogram[0] != 0x01 {
				return o, iso7816.SWSMObjectsIncorrect
			}
			o.cryptogram = o.cryptogram[1:]
		}
	}
	if len(rest) > 0 && rest[0].Tag == sm.TagLe {
		o.le, o.hasLe, rest = rest[0].Value, true, rest[1:]
	}
	if len(rest) == 0 {
		return o, iso7816.SWSMObjectsMissing
	}
	if len(rest) > 1 || rest[0].Tag != sm.TagMAC {
		return o, iso7816.SWSMObjectsIncorrect
	}
	o.mac = rest[0].Value
	o.covered = data[:len(data)-len(rest[0].Raw)]
	return o, iso7816.SWSuccess
}

func (s *session) decipher(o commandObjects) ([]byte, bool) {
	if !o.hasData {
		return nil, true
	}
	if len(o.cryptogram) == 0 || len(o.cryptogram)%s.state.Algorithm().BlockSize() != 0 {
		return nil, false
	}
	plain := append([]byte(nil), o.cryptogram...)
	s.state.Decrypt(plain)
	plain, err := sm.Unpad(plain)
	return plain, err == nil
}

// ne returns the number of bytes that object 97 asks for.
func (o commandObjects) ne() (int, bool) {
	if !o.hasLe {
		return 0, true
	}
	switch len(o.le) {
	case 1:
		return orMaximum(int(o.le[0]), iso7816.MaxShortNe), true
	case 2:
		return orMaximum(int(o.le[0])<<8|int(o.le[1]), iso7816.MaxExtendedNe), true
	default:
		return 0, false
	}
}

func orMaximum(n, maximum int) int {
	if n == 0 {
		return maximum
	}
	return n
}

// plainSpace returns how many plain bytes a protected response of so many data
// bytes holds.
func (s *session) plainSpace(data int) int {
	const statusAndMAC = 4 + 10
	blockSize := s.state.Algorithm().BlockSize()
	padded := (data - statusAndMAC) / blockSize * blockSize
	for padded > 0 && len(iso7816.AppendHeader(nil, sm.TagCryptogram, padded+1))+1+padded+statusAndMAC > data {
		padded -= blockSize
	}
	return max(0, padded-1)
}

// protect returns the protected response APDU, spoilt where a fault says so.
func (s *session) protect(ins byte, data []byte, status iso7816.StatusWord, fault SMFaultKind) []byte {
	s.state.Next()
	objects := s.encipher(nil, ins, data, fault)
	if fault != SMNoStatus {
		objects = append(objects, byte(sm.TagStatus), 2, byte(status>>8), byte(status))
	}
	mac := s.state.MAC(nil, nil, objects)
	switch fault {
	case SMNoMAC:
		return appendStatus(objects, status)
	case SMWrongMAC:
		mac[0] ^= 0x80
	case SMWrongCryptogram:
		objects[len(objects)/2] ^= 0x01
	}
	return appendStatus(iso7816.AppendTLV(objects, sm.TagMAC, mac), status)
}

// encipher appends the cryptogram object.
func (s *session) encipher(dst []byte, ins byte, data []byte, fault SMFaultKind) []byte {
	if len(data) == 0 || fault == SMNoCryptogram {
		return dst
	}
	padded := sm.Pad(append([]byte(nil), data...), 0, s.state.Algorithm().BlockSize())
	if fault == SMWrongPadding {
		padded[len(padded)-1] = 0x01
	}
	s.state.Encrypt(padded)
	tag := sm.TagCryptogramOdd
	if ins%2 == 0 {
		tag = sm.TagCryptogram
		padded = append([]byte{0x01}, padded...)
	}
	if fault == SMLongLength {
		dst = append(dst, byte(tag), 0x83, 0, byte(len(padded)>>8), byte(len(padded)))
		return append(dst, padded...)
	}
	return iso7816.AppendTLV(dst, tag, padded)
}
