package pace

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"fmt"

	"passport-agent/internal/ec"
	"passport-agent/iso7816/sm"
)

// ChipAuthenticationData is what Chip Authentication Mapping leaves to authenticate
// the chip with (Doc 9303-11, 4.4.3.5).
type ChipAuthenticationData struct {
	// ParameterID is the number of the domain parameters, and the keyId of the chip's
	// key in EF.CardSecurity.
	ParameterID int
	// Data is CAIC, a number in as many bytes as the order of the group has.
	Data []byte
	// MappingKey is PKMap,IC, the chip's public key of the mapping, an uncompressed point.
	MappingKey []byte
}

// Verify checks the data against the chip's static public key, an uncompressed point
// from an EF.CardSecurity whose signature holds. It fails with ErrNotAuthentic.
func (c *ChipAuthenticationData) Verify(static []byte) error {
	domain, err := ec.ByID(c.ParameterID)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotAuthentic, err)
	}
	key, err := domain.Decode(static)
	if err != nil {
		return fmt.Errorf("%w: static key: %w", ErrNotAuthentic, err)
	}
	k, err := domain.Scalar(c.Data)
	if err != nil {
		return fmt.Errorf("%w: chip authentication data: %w", ErrNotAuthentic, err)
	}
	product, err := key.Multiply(k)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotAuthentic, err)
	}
	if !bytes.Equal(product.Encode(), c.MappingKey) {
		return fmt.Errorf("%w: the chip does not know its private key", ErrNotAuthentic)
	}
	return nil
}

// chipAuthentication deciphers AIC (Doc 9303-11, 4.4.3.5 and 4.4.5.6). Chips that
// leave it out, pad it otherwise or drop leading zeros are refused.
func (d *dialogue) chipAuthentication(ksEnc, encrypted []byte) (*ChipAuthenticationData, error) {
	block, err := d.suite.cipher.NewBlock(ksEnc)
	if err != nil {
		return nil, err
	}
	size := block.BlockSize()
	if len(encrypted) == 0 || len(encrypted)%size != 0 {
		return nil, malformed(StepMutual, fmt.Errorf("encrypted chip authentication data of %d bytes", len(encrypted)))
	}
	vector := bytes.Repeat([]byte{0xFF}, size)
	block.Encrypt(vector, vector)
	padded := make([]byte, len(encrypted))
	cipher.NewCBCDecrypter(block, vector).CryptBlocks(padded, encrypted)
	data, err := sm.Unpad(padded)
	if err != nil || len(padded)-len(data) > size {
		return nil, malformed(StepMutual, errors.New("padding of the chip authentication data"))
	}
	if _, err := d.suite.domain.Scalar(data); err != nil {
		return nil, malformed(StepMutual, err)
	}
	return &ChipAuthenticationData{ParameterID: d.suite.domain.ID(), Data: data, MappingKey: d.mappingKey.Encode()}, nil
}
