package sm

import (
	"crypto/cipher"
	"crypto/subtle"
	"fmt"
)

// State is what both ends of a protected channel hold: the two session keys and
// the send sequence counter (Doc 9303-11, 9.8). Its methods allocate nothing.
type State struct {
	algorithm Algorithm
	block     cipher.Block
	encrypter cbc
	decrypter cbc
	mac       *MAC
	ssc       []byte
	iv        []byte
	sum       []byte
}

// cbc is what the block modes of the standard library are underneath: they can
// be given a new initialization vector, so that one serves a whole session.
type cbc interface {
	cipher.BlockMode
	SetIV(iv []byte)
}

// NewState returns the state of a fresh session. ssc is the first send sequence
// counter, of a.BlockSize() bytes: RND.IC and RND.IFD after BAC (Doc 9303-11,
// 9.8.6.3), zero after PACE and Chip Authentication (9.8.6.3, 9.8.7.3).
func NewState(a Algorithm, ksEnc, ksMAC, ssc []byte) (*State, error) {
	if len(ssc) != a.BlockSize() {
		return nil, fmt.Errorf("%v send sequence counter of %d bytes", a, len(ssc))
	}
	block, err := a.NewBlock(ksEnc)
	if err != nil {
		return nil, err
	}
	mac, err := NewMAC(a, ksMAC)
	if err != nil {
		return nil, err
	}
	s := &State{
		algorithm: a, block: block, mac: mac,
		ssc: append([]byte(nil), ssc...),
		iv:  make([]byte, a.BlockSize()), sum: make([]byte, 0, a.BlockSize()),
	}
	var ok bool
	if s.encrypter, ok = cipher.NewCBCEncrypter(block, s.iv).(cbc); !ok {
		return nil, fmt.Errorf("%v: the CBC mode cannot be given a new vector", a)
	}
	if s.decrypter, ok = cipher.NewCBCDecrypter(block, s.iv).(cbc); !ok {
		return nil, fmt.Errorf("%v: the CBC mode cannot be given a new vector", a)
	}
	return s, nil
}

// Algorithm returns the block cipher of the session.
func (s *State) Algorithm() Algorithm { return s.algorithm }

// SSC returns a copy of the send sequence counter.
func (s *State) SSC() []byte { return append([]byte(nil), s.ssc...) }

// Next adds one to the send sequence counter, as is done before every command
// and before every response.
func (s *State) Next() {
	for i := len(s.ssc) - 1; i >= 0; i-- {
		s.ssc[i]++
		if s.ssc[i] != 0 {
			return
		}
	}
}

// Back takes one from the send sequence counter: the command for which it was
// counted was answered outside secure messaging, and the chip did not count it.
func (s *State) Back() {
	for i := len(s.ssc) - 1; i >= 0; i-- {
		s.ssc[i]--
		if s.ssc[i] != 0xFF {
			return
		}
	}
}

// Encrypt enciphers whole blocks in place. The vector is zero for 3DES and the
// enciphered counter for AES (Doc 9303-11, 9.8.6.1 and 9.8.7.1).
func (s *State) Encrypt(b []byte) {
	s.encrypter.SetIV(s.vector())
	s.encrypter.CryptBlocks(b, b)
}

// Decrypt deciphers whole blocks in place.
func (s *State) Decrypt(b []byte) {
	s.decrypter.SetIV(s.vector())
	s.decrypter.CryptBlocks(b, b)
}

func (s *State) vector() []byte {
	if s.algorithm == TDES {
		clear(s.iv)
		return s.iv
	}
	s.block.Encrypt(s.iv, s.ssc)
	return s.iv
}

// MAC appends to dst the MAC over the counter, the padded command header (empty
// for a response) and the data objects.
func (s *State) MAC(dst, paddedHeader, objects []byte) []byte {
	s.mac.Reset()
	s.mac.Write(s.ssc)
	s.mac.Write(paddedHeader)
	s.mac.Write(objects)
	return s.pad(len(paddedHeader) + len(objects)).Sum(dst)
}

// pad adds the padding that Doc 9303-11, 9.8.1 has secure messaging put in front of CMAC
// too; the retail MAC brings its own.
func (s *State) pad(length int) *MAC {
	if s.algorithm == TDES {
		return s.mac
	}
	size := s.algorithm.BlockSize()
	s.mac.Write(macPadding[:size-length%size])
	return s.mac
}

var macPadding = [16]byte{0x80}

// CheckMAC compares the MAC over a response's data objects with the received one
// in constant time.
func (s *State) CheckMAC(objects, received []byte) bool {
	s.sum = s.MAC(s.sum[:0], nil, objects)
	return subtle.ConstantTimeCompare(s.sum, received) == 1
}
