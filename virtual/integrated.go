package virtual

import (
	"math/big"

	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
)

// The constants c0 and c1 of Integrated Mapping for blocks of 128 and 256 bits
// (Doc 9303-11, 4.4.3.3.2).
var (
	prfConstants128 = [2]string{
		"\xa6\x68\x89\x2a\x7c\x41\xe3\xca\x73\x9f\x40\xb0\x57\xd8\x59\x04",
		"\xa4\xe1\x36\xac\x72\x5f\x73\x8b\x01\xc1\xf6\x02\x17\xc1\x88\xad",
	}
	prfConstants256 = [2]string{
		"\xd4\x63\xd6\x52\x34\x12\x4e\xf7\x89\x70\x54\x98\x6d\xca\x0a\x17\x4e\x28\xdf\x75\x8c\xba\xa0\x3f\x24\x06\x16\x41\x4d\x5a\x16\x76",
		"\x54\xbd\x72\x55\xf0\xaa\xf8\x31\xbe\xc3\x42\x3f\xcf\x39\xd6\x9b\x6c\xbf\x06\x66\x77\xd0\xfa\xae\x5a\xad\xd9\x9d\xf8\xe5\x35\x17",
	}
)

// mapIntegrated is Integrated Mapping; the terminal's nonce is as long as the key.
func (run *paceRun) mapIntegrated(terminalNonce []byte) ([]paceObject, iso7816.StatusWord) {
	if len(terminalNonce) != run.protocol.algorithm.KeySize() {
		return nil, iso7816.SWWrongData
	}
	number, err := pseudoRandom(run.protocol.algorithm, run.nonce, terminalNonce, run.domain.Bits())
	if err != nil {
		return nil, iso7816.SWUnspecified
	}
	if run.generator, err = run.domain.MapInteger(number); err != nil {
		return nil, iso7816.SWAuthenticationFailed
	}
	return []paceObject{{0x82, nil}}, iso7816.SWSuccess
}

// pseudoRandom is R(s,t): a number at least 64 bits longer than the prime of the
// field, not yet taken modulo it (Doc 9303-11, figure 2).
func pseudoRandom(a sm.Algorithm, s, t []byte, primeBits int) (*big.Int, error) {
	constants := prfConstants128
	if a.KeySize() > 16 {
		constants = prfConstants256
	}
	key, err := encryptCBC(a, t, s)
	if err != nil {
		return nil, err
	}
	var output []byte
	for 8*len(output) < primeBits+64 {
		key = key[:a.KeySize()]
		block, err := encryptCBC(a, key, []byte(constants[1]))
		if err != nil {
			return nil, err
		}
		output = append(output, block...)
		if key, err = encryptCBC(a, key, []byte(constants[0])); err != nil {
			return nil, err
		}
	}
	return new(big.Int).SetBytes(output), nil
}
