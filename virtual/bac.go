package virtual

import (
	"crypto/cipher"
	"crypto/sha1"
	"crypto/subtle"
	"io"

	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
)

// Lengths in bytes of Basic Access Control (Doc 9303-11, 4.3.1).
const (
	nonceSize      = 8
	keyingSize     = 16
	cryptogramSize = nonceSize + nonceSize + keyingSize
)

// accessKeys are the document basic access keys (Doc 9303-11, 9.7.2).
type accessKeys struct {
	block cipher.Block
	mac   []byte
}

func deriveAccessKeys(mrzInformation string) (accessKeys, error) {
	digest := sha1.Sum([]byte(mrzInformation))
	seed := digest[:16]
	block, err := sm.TDES.NewBlock(sm.TDES.DeriveKey(seed, sm.CounterEnc))
	return accessKeys{block: block, mac: sm.TDES.DeriveKey(seed, sm.CounterMAC)}, err
}

func (k accessKeys) sum(data []byte) ([]byte, error) {
	mac, err := sm.NewMAC(sm.TDES, k.mac)
	if err != nil {
		return nil, err
	}
	mac.Write(data)
	return mac.Sum(nil), nil
}

// getChallenge is GET CHALLENGE (Doc 9303-11, 4.3.4.1).
func (c *Chip) getChallenge(r request) ([]byte, iso7816.StatusWord) {
	if r.P1 != 0 || r.P2 != 0 {
		return nil, iso7816.SWIncorrectP1P2
	}
	if len(r.Data) != 0 || r.Ne < nonceSize {
		return nil, iso7816.SWWrongLength
	}
	challenge := make([]byte, nonceSize)
	if _, err := io.ReadFull(c.random, challenge); err != nil {
		return nil, iso7816.SWUnspecified
	}
	c.challenge = challenge
	return challenge, iso7816.SWSuccess
}

// externalAuthenticate is EXTERNAL AUTHENTICATE with mutual authentication
// (Doc 9303-11, 4.3.4.2). A challenge serves once.
func (c *Chip) externalAuthenticate(r request) ([]byte, iso7816.StatusWord) {
	challenge := c.challenge
	c.challenge = nil
	switch {
	case c.profile.AuthenticationStatus != 0:
		return nil, iso7816.StatusWord(c.profile.AuthenticationStatus)
	case r.P1 != 0 || r.P2 != 0:
		return nil, iso7816.SWIncorrectP1P2
	case !c.application || r.protected || challenge == nil || c.profile.Access == AccessNone || c.profile.Access == AccessPACE:
		return nil, iso7816.SWConditionsOfUse
	case len(r.Data) != cryptogramSize+sm.MACSize:
		return nil, iso7816.SWWrongLength
	}
	return c.mutualAuthentication(challenge, r.Data)
}

func (c *Chip) mutualAuthentication(challenge, data []byte) ([]byte, iso7816.StatusWord) {
	mac, err := c.keys.sum(data[:cryptogramSize])
	if err != nil || subtle.ConstantTimeCompare(mac, data[cryptogramSize:]) != 1 {
		return nil, iso7816.SWAuthenticationFailed
	}
	s := make([]byte, cryptogramSize)
	cipher.NewCBCDecrypter(c.keys.block, make([]byte, nonceSize)).CryptBlocks(s, data[:cryptogramSize])
	rndIFD, rndIC, keyIFD := s[:nonceSize], s[nonceSize:2*nonceSize], s[2*nonceSize:]
	if subtle.ConstantTimeCompare(rndIC, challenge) != 1 {
		return nil, iso7816.SWAuthenticationFailed
	}
	c.authenticated++
	if c.authenticated <= c.profile.RefuseAuthentications {
		return nil, iso7816.SWAuthenticationFailed
	}
	keyIC := make([]byte, keyingSize)
	if _, err := io.ReadFull(c.random, keyIC); err != nil {
		return nil, iso7816.SWUnspecified
	}
	if c.session, err = newBACSession(rndIC, rndIFD, keyIC, keyIFD); err != nil {
		return nil, iso7816.SWUnspecified
	}
	return c.authenticationAnswer(rndIC, rndIFD, keyIC)
}

// newBACSession derives the session keys from both sides' keying material and
// starts the counter with the halves of both nonces (Doc 9303-11, 9.7.4 and 9.8.6.3).
func newBACSession(rndIC, rndIFD, keyIC, keyIFD []byte) (*session, error) {
	seed := make([]byte, keyingSize)
	subtle.XORBytes(seed, keyIC, keyIFD)
	ssc := append(append([]byte(nil), rndIC[4:]...), rndIFD[4:]...)
	state, err := sm.NewState(sm.TDES, sm.TDES.DeriveKey(seed, sm.CounterEnc), sm.TDES.DeriveKey(seed, sm.CounterMAC), ssc)
	if err != nil {
		return nil, err
	}
	return &session{state: state}, nil
}

func (c *Chip) authenticationAnswer(rndIC, rndIFD, keyIC []byte) ([]byte, iso7816.StatusWord) {
	answer := append(append(append([]byte(nil), rndIC...), rndIFD...), keyIC...)
	switch c.profile.BACFault {
	case BACWrongRNDIC:
		answer[0] ^= 0x01
	case BACWrongRNDIFD:
		answer[nonceSize] ^= 0x01
	}
	cipher.NewCBCEncrypter(c.keys.block, make([]byte, nonceSize)).CryptBlocks(answer, answer)
	if c.profile.BACFault == BACBadCryptogram {
		answer[0] ^= 0x01
	}
	mac, err := c.keys.sum(answer)
	if err != nil {
		return nil, iso7816.SWUnspecified
	}
	if c.profile.BACFault == BACBadMAC {
		mac[0] ^= 0x01
	}
	return append(answer, mac...), iso7816.SWSuccess
}
