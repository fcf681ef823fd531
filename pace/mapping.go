package pace

import (
	"context"
	"crypto/cipher"
	"encoding/hex"
	"fmt"
	"io"
	"math/big"

	"passport-agent/internal/ec"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
)

// mapNonce turns the nonce into the generator of the key agreement (Doc 9303-11,
// 4.4.3.3).
func (d *dialogue) mapNonce(ctx context.Context, nonce []byte) (ec.Element, error) {
	if d.suite.mapping == integrated {
		return d.mapIntegrated(ctx, nonce)
	}
	return d.mapGeneric(ctx, nonce)
}

// mapGeneric agrees on an element h that nobody chose and returns s·G + h. Chip
// Authentication Mapping does the same (Doc 9303-11, 4.4.3.3.1 and 4.4.3.3.3).
func (d *dialogue) mapGeneric(ctx context.Context, nonce []byte) (ec.Element, error) {
	domain := d.suite.domain
	private, public, err := d.ephemeral(domain.Generator())
	if err != nil {
		return ec.Element{}, err
	}
	chip, _, err := d.exchangeKeys(ctx, StepMapNonce, public, tagMapIFD, tagMapIC)
	if err != nil {
		return ec.Element{}, err
	}
	d.mappingKey = chip
	h, err := chip.Multiply(private)
	if err != nil {
		return ec.Element{}, malformed(StepMapNonce, err)
	}
	shifted, err := domain.Generator().Multiply(domain.Reduce(nonce))
	if err != nil {
		return ec.Element{}, malformed(StepMapNonce, err)
	}
	generator, err := shifted.Add(h)
	if err != nil {
		return ec.Element{}, malformed(StepMapNonce, err)
	}
	return generator, nil
}

// mapIntegrated sends a nonce of its own, in clear (Doc 9303-11, 4.4.3.3.2). The
// chip has nothing to answer but an empty object.
func (d *dialogue) mapIntegrated(ctx context.Context, s []byte) (ec.Element, error) {
	t := make([]byte, d.suite.cipher.KeySize())
	if _, err := io.ReadFull(d.random, t); err != nil {
		return ec.Element{}, fmt.Errorf("random numbers: %w", err)
	}
	objects, err := d.general(ctx, StepMapNonce, iso7816.AppendTLV(nil, tagMapIFD, t))
	if err != nil {
		return ec.Element{}, err
	}
	if len(objects) > 0 {
		value, err := single(StepMapNonce, objects, tagMapIC)
		if err != nil {
			return ec.Element{}, err
		}
		if len(value) > 0 {
			return ec.Element{}, malformed(StepMapNonce, fmt.Errorf("mapping data of %d bytes", len(value)))
		}
	}
	v, err := pseudoRandom(d.suite.cipher, s, t, d.suite.domain.Bits())
	if err != nil {
		return ec.Element{}, err
	}
	generator, err := d.suite.domain.MapInteger(v)
	if err != nil {
		return ec.Element{}, malformed(StepMapNonce, err)
	}
	return generator, nil
}

// integratedNonce is the length l in bytes of the nonce s, of the constants and of
// each part of the pseudo-random number: the smallest multiple of the block size
// that holds a key. A 3DES key counts as 128 bits.
func integratedNonce(a sm.Algorithm) int {
	if a == sm.AES192 || a == sm.AES256 {
		return 32
	}
	return 16
}

// isNonce says whether an encrypted nonce may have that many bytes: any whole
// blocks, and for Integrated Mapping exactly integratedNonce.
func (s suite) isNonce(length int) bool {
	if s.mapping == integrated {
		return length == integratedNonce(s.cipher)
	}
	return length > 0 && length <= maxNonce && length%s.cipher.BlockSize() == 0
}

// The constants c0 and c1 for l of 128 and 256 bits (Doc 9303-11, 4.4.3.3.2).
var constants = map[int][2]string{
	16: {"a668892a7c41e3ca739f40b057d85904", "a4e136ac725f738b01c1f60217c188ad"},
	32: {
		"d463d65234124ef7897054986dca0a174e28df758cbaa03f240616414d5a1676",
		"54bd7255f0aaf831bec3423fcf39d69b6cbf066677d0faae5aadd99df8e53517",
	},
}

// pseudoRandom is R(s,t), 64 bits longer than a prime of so many bits, before it is
// reduced (Doc 9303-11, figure 2): s enciphered under t is the first key; each
// key enciphers c0 into the next and c1 into a part of the number. Of what
// enciphers a key, as much is used as a key has: 24 of 32 bytes for AES-192.
func pseudoRandom(a sm.Algorithm, s, t []byte, bits int) (*big.Int, error) {
	pair := constants[integratedNonce(a)]
	c0, err := hex.DecodeString(pair[0])
	if err != nil {
		return nil, err
	}
	c1, err := hex.DecodeString(pair[1])
	if err != nil {
		return nil, err
	}
	key, err := encipher(a, t, s)
	if err != nil {
		return nil, err
	}
	var number []byte
	for 8*len(number) < bits+64 {
		key = key[:a.KeySize()]
		part, err := encipher(a, key, c1)
		if err != nil {
			return nil, err
		}
		number = append(number, part...)
		if key, err = encipher(a, key, c0); err != nil {
			return nil, err
		}
	}
	return new(big.Int).SetBytes(number), nil
}

// encipher works in CBC mode with a zero vector.
func encipher(a sm.Algorithm, key, plain []byte) ([]byte, error) {
	block, err := a.NewBlock(key)
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(block, make([]byte, block.BlockSize())).CryptBlocks(out, plain)
	return out, nil
}
