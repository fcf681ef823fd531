package virtual

import (
	"crypto/cipher"
	"math/big"

	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
)

// chipAuthenticationData is the Encrypted Chip Authentication Data: the quotient
// of the ephemeral key of the mapping and the static key, which only the chip can
// know (Doc 9303-11, 4.4.3.5). The arithmetic is not constant-time: the key is
// that of a specimen.
func (c *Chip) chipAuthenticationData(run *paceRun, unpadded bool) ([]byte, error) {
	order := run.domain.Order()
	quotient := new(big.Int).ModInverse(new(big.Int).SetBytes(c.chipKeys[run.domain.ID()]), order)
	quotient.Mul(quotient, new(big.Int).SetBytes(run.mapping.Bytes())).Mod(quotient, order)
	data := quotient.FillBytes(make([]byte, (order.BitLen()+7)/8))

	block, err := run.protocol.algorithm.NewBlock(run.ksEnc)
	if err != nil {
		return nil, err
	}
	vector := make([]byte, block.BlockSize())
	for i := range vector {
		vector[i] = 0xFF
	}
	block.Encrypt(vector, vector)
	if !unpadded {
		data = sm.Pad(data, 0, block.BlockSize())
	}
	data = data[:len(data)/block.BlockSize()*block.BlockSize()]
	cipher.NewCBCEncrypter(block, vector).CryptBlocks(data, data)
	return data, nil
}

// withChipAuthentication adds object 8A where the mapping asks for it.
func (c *Chip) withChipAuthentication(run *paceRun, objects []paceObject) ([]paceObject, iso7816.StatusWord) {
	if run.protocol.mapping != chipAuthenticationMapping {
		return objects, iso7816.SWSuccess
	}
	unpadded := c.plannedPACEFault(run.offer, run.step).Kind == PACEUnpaddedChipData
	data, err := c.chipAuthenticationData(run, unpadded)
	if err != nil {
		return nil, iso7816.SWUnspecified
	}
	return append(objects, paceObject{tagChipAuthentication, data}), iso7816.SWSuccess
}
