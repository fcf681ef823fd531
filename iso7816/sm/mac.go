package sm

import (
	"crypto/cipher"
	"crypto/des"
	"crypto/subtle"
	"fmt"
)

// MACSize is the length in bytes of every MAC of secure messaging and of the
// authentication protocols (Doc 9303-11, 9.8.6.2 and 9.8.7.2).
const MACSize = 8

// MAC computes message authentication codes with one key: the retail MAC of
// ISO/IEC 9797-1 (algorithm 3, DES, padding method 2 added by Sum) for 3DES,
// CMAC of SP 800-38B cut to 8 bytes for AES. Data is fed with Write. A MAC is
// reused without allocating.
type MAC struct {
	retail  bool
	block   cipher.Block // DES with K1, or AES
	second  cipher.Block // DES with K2
	subkey1 []byte
	subkey2 []byte
	state   []byte
	pending []byte // input not yet enciphered; for AES never empty once data came
	filled  int
}

// NewMAC returns a MAC for a key of a.KeySize() bytes.
func NewMAC(a Algorithm, key []byte) (*MAC, error) {
	if len(key) != a.KeySize() {
		return nil, fmt.Errorf("%v MAC key of %d bytes", a, len(key))
	}
	m := &MAC{retail: a == TDES, state: make([]byte, a.BlockSize()), pending: make([]byte, a.BlockSize())}
	var err error
	if m.retail {
		if m.block, err = des.NewCipher(key[:8]); err != nil {
			return nil, err
		}
		m.second, err = des.NewCipher(key[8:])
		return m, err
	}
	if m.block, err = a.NewBlock(key); err != nil {
		return nil, err
	}
	zero := make([]byte, a.BlockSize())
	m.block.Encrypt(zero, zero)
	m.subkey1 = double(zero)
	m.subkey2 = double(m.subkey1)
	return m, nil
}

// double multiplies by x in GF(2^128) (SP 800-38B, 6.1).
func double(b []byte) []byte {
	out := make([]byte, len(b))
	var carry byte
	for i := len(b) - 1; i >= 0; i-- {
		out[i] = b[i]<<1 | carry
		carry = b[i] >> 7
	}
	out[len(b)-1] ^= byte(subtle.ConstantTimeSelect(int(carry), 0x87, 0))
	return out
}

// Reset forgets the data written so far.
func (m *MAC) Reset() {
	clear(m.state)
	m.filled = 0
}

// Write feeds data. A full block is kept back until more data comes, because
// CMAC treats the last one differently.
func (m *MAC) Write(data []byte) {
	for len(data) > 0 {
		if m.filled == len(m.pending) {
			m.absorb()
		}
		n := copy(m.pending[m.filled:], data)
		m.filled += n
		data = data[n:]
	}
}

func (m *MAC) absorb() {
	subtle.XORBytes(m.state, m.state, m.pending)
	m.block.Encrypt(m.state, m.state)
	m.filled = 0
}

// Sum ends the computation and appends the 8 bytes of the MAC to dst. The next
// use begins with Reset.
func (m *MAC) Sum(dst []byte) []byte {
	if m.retail {
		return m.sumRetail(dst)
	}
	subkey := m.subkey1
	if m.filled < len(m.pending) {
		m.pad()
		subkey = m.subkey2
	}
	subtle.XORBytes(m.pending, m.pending, subkey)
	m.absorb()
	return append(dst, m.state[:MACSize]...)
}

func (m *MAC) sumRetail(dst []byte) []byte {
	if m.filled == len(m.pending) {
		m.absorb()
	}
	m.pad()
	m.absorb()
	m.second.Decrypt(m.state, m.state)
	m.block.Encrypt(m.state, m.state)
	return append(dst, m.state...)
}

func (m *MAC) pad() {
	m.pending[m.filled] = 0x80
	clear(m.pending[m.filled+1:])
}
