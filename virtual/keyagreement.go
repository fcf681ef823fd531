package virtual

import (
	"math/big"
	"slices"

	"passport-agent/internal/ec"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
)

// P1 and P2 of MSE for Chip Authentication (Doc 9303-11, 6.2.4).
const (
	setKAT = 0x41A6
	setAT  = 0x41A4
)

// tagEphemeralKey is the ephemeral public key in MSE:Set KAT.
const tagEphemeralKey iso7816.Tag = 0x91

// agreement is what MSE:Set AT has selected.
type agreement struct {
	key       ChipKey
	domain    *ec.Domain
	algorithm sm.Algorithm
}

// ChipAuthenticationFault is what a chip does wrong in Chip Authentication.
type ChipAuthenticationFault string

// Faults of Chip Authentication.
const (
	ChipOldKeys   ChipAuthenticationFault = "oldKeys"   // says yes and goes on with the old session keys
	ChipClone     ChipAuthenticationFault = "clone"     // has another private key
	ChipForger    ChipAuthenticationFault = "forger"    // has another private key, and answers whatever it cannot check
	ChipMalformed ChipAuthenticationFault = "malformed" // answers GENERAL AUTHENTICATE with something else
	ChipPlain     ChipAuthenticationFault = "plain"     // goes on in the clear
)

var chipFaults = []ChipAuthenticationFault{ChipOldKeys, ChipClone, ChipForger, ChipMalformed, ChipPlain}

// findKey returns the key that a reference names, and the only one where there is no
// reference. Those of Chip Authentication Mapping are among them.
func (c *Chip) findKey(reference []byte) (ChipKey, *ec.Domain, iso7816.StatusWord) {
	if status := c.profile.KeyReferenceStatus; status != 0 {
		return ChipKey{}, nil, iso7816.StatusWord(status)
	}
	var found []ChipKey
	for _, k := range c.agreementKeys {
		if reference == nil || new(big.Int).SetBytes(reference).Cmp(big.NewInt(int64(k.KeyID))) == 0 {
			found = append(found, k)
		}
	}
	if len(found) != 1 {
		return ChipKey{}, nil, iso7816.SWReferenceNotFound
	}
	domain, err := ec.ByID(found[0].ParameterID)
	if err != nil {
		return ChipKey{}, nil, iso7816.SWReferenceNotFound
	}
	return found[0], domain, iso7816.SWSuccess
}

// chipObjects reads the objects of MSE, each at most once.
func chipObjects(data []byte) (map[iso7816.Tag][]byte, bool) {
	objects, err := iso7816.ParseTLVs(data)
	if err != nil {
		return nil, false
	}
	found := map[iso7816.Tag][]byte{}
	for _, object := range objects {
		if _, twice := found[object.Tag]; twice || len(object.Value) == 0 {
			return nil, false
		}
		found[object.Tag] = object.Value
	}
	return found, true
}

// setKeyAgreementTemplate is MSE:Set KAT, Chip Authentication with 3DES in one command
// (Doc 9303-11, 6.2.4.1).
func (c *Chip) setKeyAgreementTemplate(r request) ([]byte, iso7816.StatusWord) {
	if c.profile.MSESetKAT != 0 {
		return nil, iso7816.StatusWord(c.profile.MSESetKAT)
	}
	objects, ok := chipObjects(r.Data)
	if !ok || objects[tagEphemeralKey] == nil {
		return nil, iso7816.SWWrongData
	}
	key, domain, status := c.findKey(objects[tagParameters])
	if status != iso7816.SWSuccess {
		return nil, status
	}
	return nil, c.agreeOn(agreement{key, domain, sm.TDES}, objects[tagEphemeralKey])
}

// setAuthenticationTemplate is MSE:Set AT for Chip Authentication (Doc 9303-11,
// 6.2.4.2).
func (c *Chip) setAuthenticationTemplate(r request) ([]byte, iso7816.StatusWord) {
	if r.Ne > 0 && c.profile.MSEWithLe != 0 {
		return nil, iso7816.StatusWord(c.profile.MSEWithLe)
	}
	objects, ok := chipObjects(r.Data)
	if !ok || objects[tagMechanism] == nil {
		return nil, iso7816.SWWrongData
	}
	key, domain, status := c.findKey(objects[tagParameters])
	if status != iso7816.SWSuccess {
		return nil, status
	}
	node := oidChipAuthenticationDH
	if domain.IsCurve() {
		node = oidChipAuthenticationECDH
	}
	for a, arc := range chipCiphers {
		if equalOID(append(node[:len(node):len(node)], arc), objects[tagMechanism]) {
			c.agreement = &agreement{key, domain, a}
			return nil, iso7816.SWSuccess
		}
	}
	return nil, iso7816.SWWrongData
}

// authenticateChip is GENERAL AUTHENTICATE behind MSE:Set AT.
func (c *Chip) authenticateChip(r request, selected agreement) ([]byte, iso7816.StatusWord) {
	template, rest, err := iso7816.ParseTLV(r.Data)
	if err != nil || len(rest) > 0 || template.Tag != tagDynamicData || r.P1 != 0 || r.P2 != 0 || r.chained {
		return nil, iso7816.SWWrongData
	}
	object, rest, err := iso7816.ParseTLV(template.Value)
	if err != nil || len(rest) > 0 || object.Tag != 0x80 {
		return nil, iso7816.SWWrongData
	}
	if status := c.agreeOn(selected, object.Value); status != iso7816.SWSuccess {
		return nil, status
	}
	if c.profile.ChipAuthenticationFault == ChipMalformed {
		return []byte{0x7D, 0x00}, iso7816.SWSuccess
	}
	return iso7816.AppendTLV(nil, tagDynamicData, nil), iso7816.SWSuccess
}

// agreeOn computes the shared secret and readies the new session, which begins behind
// the answer (Doc 9303-11, 6.2.1 and 9.8.2).
func (c *Chip) agreeOn(a agreement, ephemeral []byte) iso7816.StatusWord {
	if status := c.profile.RepeatedEphemeralKey; status != 0 && slices.Contains(c.ephemerals, string(ephemeral)) {
		return iso7816.StatusWord(status)
	}
	public, err := a.domain.Decode(ephemeral)
	if err != nil {
		return iso7816.SWWrongData
	}
	private, err := a.domain.Scalar(a.key.Private)
	if err != nil {
		return iso7816.SWReferenceNotFound
	}
	forger := c.profile.ChipAuthenticationFault == ChipForger
	if forger || c.profile.ChipAuthenticationFault == ChipClone {
		private = a.domain.Reduce(append([]byte{1}, a.key.Private...))
	}
	shared, err := public.Multiply(private)
	if err != nil {
		return iso7816.SWAuthenticationFailed
	}
	secret := shared.Secret()
	state, err := sm.NewState(a.algorithm, a.algorithm.DeriveKey(secret, sm.CounterEnc), a.algorithm.DeriveKey(secret, sm.CounterMAC), make([]byte, a.algorithm.BlockSize()))
	if err != nil {
		return iso7816.SWUnspecified
	}
	c.ephemerals = append(c.ephemerals, string(ephemeral))
	c.next = &session{state: state, pace: c.session != nil && c.session.pace, unchecked: forger}
	return iso7816.SWSuccess
}

// switchSession begins the session that Chip Authentication has agreed on.
func (c *Chip) switchSession() {
	next := c.next
	c.next = nil
	if next == nil {
		return
	}
	switch c.profile.ChipAuthenticationFault {
	case ChipOldKeys:
	case ChipPlain:
		c.session, c.profile.Access = nil, AccessNone
	default:
		c.session = next
	}
}

// EphemeralKeys returns the public keys that readers have sent for Chip
// Authentication, in order.
func (c *Chip) EphemeralKeys() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.ephemerals...)
}
