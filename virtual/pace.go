package virtual

import (
	"crypto/cipher"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/asn1"
	"io"
	"math/big"

	"passport-agent/internal/ec"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
)

// Data objects of MSE:Set AT (Doc 9303-11, 4.4.4.1).
const (
	tagMechanism  iso7816.Tag = 0x80 // object identifier of the protocol
	tagPassword   iso7816.Tag = 0x83
	tagParameters iso7816.Tag = 0x84 // number of the domain parameters
)

// References of passwords in object 83.
const (
	passwordMRZ = 1
	passwordCAN = 2
)

// Data objects of GENERAL AUTHENTICATE (Doc 9303-11, table 4) and of public keys
// (9.4, tables 10 and 11).
const (
	tagDynamicData        iso7816.Tag = 0x7C
	tagChipAuthentication iso7816.Tag = 0x8A
	tagPublicKey          iso7816.Tag = 0x7F49
	tagOID                iso7816.Tag = 0x06
	tagGroupElement       iso7816.Tag = 0x84
	tagPoint              iso7816.Tag = 0x86
)

// Status words of command chaining (ISO/IEC 7816-4, table 6).
const (
	swLastOfChainExpected  iso7816.StatusWord = 0x6883
	swChainingNotSupported iso7816.StatusWord = 0x6884
)

// paceRun is a run of PACE from MSE:Set AT to the last GENERAL AUTHENTICATE.
type paceRun struct {
	offer
	key  []byte // K_pi
	step int    // the next one, from 1

	nonce     []byte
	mapping   ec.Scalar // SK_Map,IC
	generator ec.Element
	own       ec.Element // PK_DH,IC
	terminal  ec.Element // PK_DH,IFD
	ksEnc     []byte
	ksMAC     []byte
}

// paceObject is a data object of a response.
type paceObject struct {
	tag   iso7816.Tag
	value []byte
}

// manageSecurityEnvironment is MSE: Set AT for PACE in the master file, Set AT and Set
// KAT for Chip Authentication in the application.
func (c *Chip) manageSecurityEnvironment(r request) ([]byte, iso7816.StatusWord) {
	p1p2 := int(r.P1)<<8 | int(r.P2)
	switch {
	case p1p2 != setAT && p1p2 != setKAT, len(c.agreementKeys) == 0:
		return c.setPACE(r)
	case !c.application || !c.hasAccess(r):
		return nil, iso7816.SWSecurityStatus
	case p1p2 == setKAT:
		return c.setKeyAgreementTemplate(r)
	default:
		return c.setAuthenticationTemplate(r)
	}
}

// setPACE is MSE:Set AT for PACE (Doc 9303-11, 4.4.4.1).
func (c *Chip) setPACE(r request) ([]byte, iso7816.StatusWord) {
	switch {
	case len(c.offers) == 0:
		return nil, iso7816.SWWrongINS
	case r.P1 != 0xC1 || r.P2 != 0xA4:
		return nil, iso7816.SWIncorrectP1P2
	case r.protected || c.application:
		return nil, iso7816.SWConditionsOfUse
	case r.Ne > 0 && c.profile.MSEWithLe != 0:
		return nil, iso7816.StatusWord(c.profile.MSEWithLe)
	}
	template, ok := parseTemplate(r.Data)
	if !ok {
		return nil, iso7816.SWWrongData
	}
	if template[tagParameters] == nil && c.profile.MSEWithoutParameters != 0 {
		return nil, iso7816.StatusWord(c.profile.MSEWithoutParameters)
	}
	chosen, status := c.choose(template)
	if status != iso7816.SWSuccess {
		return nil, status
	}
	key, status := c.passwordKey(chosen.protocol.algorithm, template[tagPassword])
	if status != iso7816.SWSuccess {
		return nil, status
	}
	c.paceRuns++
	if fault := c.plannedPACEFault(chosen, 0); fault.Status != 0 {
		return nil, iso7816.StatusWord(fault.Status)
	}
	c.pace = &paceRun{offer: chosen, key: key, step: 1}
	return nil, iso7816.SWSuccess
}

// parseTemplate reads the objects that MSE:Set AT specifies, each at most once;
// others are ignored (Doc 9303-11, 4.4.4.1, note 2).
func parseTemplate(data []byte) (map[iso7816.Tag][]byte, bool) {
	objects, err := iso7816.ParseTLVs(data)
	if err != nil {
		return nil, false
	}
	template := map[iso7816.Tag][]byte{}
	for _, object := range objects {
		switch object.Tag {
		case tagMechanism, tagPassword, tagParameters:
			if _, twice := template[object.Tag]; twice || len(object.Value) == 0 {
				return nil, false
			}
			template[object.Tag] = object.Value
		}
	}
	return template, template[tagMechanism] != nil && template[tagPassword] != nil
}

// choose finds what the template asks for among what is offered.
func (c *Chip) choose(template map[iso7816.Tag][]byte) (offer, iso7816.StatusWord) {
	var matching []offer
	status := iso7816.SWWrongData
	for _, o := range c.offers {
		if string(objectIdentifier(o.protocol.oid)) != string(template[tagMechanism]) {
			continue
		}
		status = iso7816.SWReferenceNotFound
		if id, given := template[tagParameters]; !given || new(big.Int).SetBytes(id).Cmp(big.NewInt(int64(o.domain.ID()))) == 0 {
			matching = append(matching, o)
		}
	}
	// Without object 84, the domain parameters must not be ambiguous.
	if len(matching) != 1 {
		return offer{}, status
	}
	return matching[0], iso7816.SWSuccess
}

// objectIdentifier is the value of an object identifier in DER, without its tag.
func objectIdentifier(oid asn1.ObjectIdentifier) []byte {
	encoded, err := asn1.Marshal(oid)
	if err != nil {
		return nil
	}
	return encoded[2:]
}

// passwordKey derives the key of a password (Doc 9303-11, 9.7.3).
func (c *Chip) passwordKey(a sm.Algorithm, reference []byte) ([]byte, iso7816.StatusWord) {
	switch {
	case len(reference) != 1:
		return nil, iso7816.SWWrongData
	case reference[0] == passwordMRZ:
		digest := sha1.Sum([]byte(c.mrzInformation))
		return a.DeriveKey(digest[:], sm.CounterPassword), iso7816.SWSuccess
	case reference[0] == passwordCAN && c.can != "":
		return a.DeriveKey([]byte(c.can), sm.CounterPassword), iso7816.SWSuccess
	default:
		return nil, iso7816.SWReferenceNotFound
	}
}

// generalAuthenticate is one step of the chain of GENERAL AUTHENTICATE (Doc
// 9303-11, 4.4.4.2 and 4.4.5). A step that fails ends the run.
func (c *Chip) generalAuthenticate(r request) ([]byte, iso7816.StatusWord) {
	run := c.pace
	c.pace = nil
	const last = 4
	switch {
	case len(c.offers) == 0:
		return nil, iso7816.SWWrongINS
	case r.P1 != 0 || r.P2 != 0:
		return nil, iso7816.SWIncorrectP1P2
	case run == nil:
		return nil, iso7816.SWConditionsOfUse
	case run.step == last && r.chained:
		return nil, swLastOfChainExpected
	case run.step != last && !r.chained:
		return nil, iso7816.SWConditionsOfUse
	}
	value, ok := dynamicData(r.Data, run.step)
	if !ok {
		return nil, iso7816.SWWrongData
	}
	fault := c.plannedPACEFault(run.offer, run.step)
	if fault.Status != 0 {
		return nil, iso7816.StatusWord(fault.Status)
	}
	objects, status := c.paceStep(run, value)
	if status != iso7816.SWSuccess {
		return nil, status
	}
	if fault.Kind != "" {
		objects = fault.Kind.spoil(run, value, objects)
	}
	answer := fault.Kind.encodeDynamicData(objects)
	if len(answer) > r.Ne {
		return nil, iso7816.SWWrongLength
	}
	if run.step == last {
		return c.startPACESession(run, answer)
	}
	run.step++
	c.pace = run
	return answer, iso7816.SWSuccess
}

// dynamicData returns the value of the one object that a step's command has in
// template 7C: none in step 1, then 81, 83 and 85.
func dynamicData(data []byte, step int) ([]byte, bool) {
	template, rest, err := iso7816.ParseTLV(data)
	if err != nil || len(rest) > 0 || template.Tag != tagDynamicData {
		return nil, false
	}
	if step == 1 {
		return nil, len(template.Value) == 0
	}
	object, rest, err := iso7816.ParseTLV(template.Value)
	if err != nil || len(rest) > 0 || object.Tag != iso7816.Tag(0x7F+2*(step-1)) {
		return nil, false
	}
	return object.Value, true
}

func (c *Chip) paceStep(run *paceRun, value []byte) ([]paceObject, iso7816.StatusWord) {
	switch run.step {
	case 1:
		return run.encryptNonce(c.random)
	case 2:
		return run.mapNonce(c.random, value)
	case 3:
		return run.agree(c.random, value)
	default:
		return c.exchangeTokens(run, value)
	}
}

// nonceSize is the length of the nonce in bytes: one block of AES, but for
// Integrated Mapping as long as the key, in whole blocks (Doc 9303-11, 4.4.3.3).
func (p paceProtocol) nonceSize() int {
	if p.mapping == integratedMapping && p.algorithm.KeySize() > 16 {
		return 32
	}
	return 16
}

// encryptNonce is step 1 (Doc 9303-11, 4.4.3.3).
func (run *paceRun) encryptNonce(random io.Reader) ([]paceObject, iso7816.StatusWord) {
	run.nonce = make([]byte, run.protocol.nonceSize())
	if _, err := io.ReadFull(random, run.nonce); err != nil {
		return nil, iso7816.SWUnspecified
	}
	encrypted, err := encryptCBC(run.protocol.algorithm, run.key, run.nonce)
	if err != nil {
		return nil, iso7816.SWUnspecified
	}
	return []paceObject{{0x80, encrypted}}, iso7816.SWSuccess
}

// encryptCBC enciphers whole blocks with vector zero.
func encryptCBC(a sm.Algorithm, key, plain []byte) ([]byte, error) {
	block, err := a.NewBlock(key)
	if err != nil {
		return nil, err
	}
	encrypted := make([]byte, len(plain))
	cipher.NewCBCEncrypter(block, make([]byte, a.BlockSize())).CryptBlocks(encrypted, plain)
	return encrypted, nil
}

// mapNonce is step 2.
func (run *paceRun) mapNonce(random io.Reader, value []byte) ([]paceObject, iso7816.StatusWord) {
	if run.protocol.mapping == integratedMapping {
		return run.mapIntegrated(value)
	}
	return run.mapGeneric(random, value)
}

// mapGeneric is Generic Mapping (Doc 9303-11, 4.4.3.3.1).
func (run *paceRun) mapGeneric(random io.Reader, value []byte) ([]paceObject, iso7816.StatusWord) {
	terminal, err := run.domain.Decode(value)
	if err != nil {
		return nil, iso7816.SWWrongData
	}
	if run.mapping, err = run.domain.NewScalar(random); err != nil {
		return nil, iso7816.SWUnspecified
	}
	own, err := run.domain.Generator().Multiply(run.mapping)
	if err != nil {
		return nil, iso7816.SWUnspecified
	}
	shared, err := terminal.Multiply(run.mapping)
	if err != nil {
		return nil, iso7816.SWAuthenticationFailed
	}
	offset, err := run.domain.Generator().Multiply(run.domain.Reduce(run.nonce))
	if err != nil {
		return nil, iso7816.SWAuthenticationFailed
	}
	if run.generator, err = offset.Add(shared); err != nil {
		return nil, iso7816.SWAuthenticationFailed
	}
	return []paceObject{{0x82, own.Encode()}}, iso7816.SWSuccess
}

// agree is step 3: key agreement over the mapped generator, and the session keys
// (Doc 9303-11, 4.4.3.3 and 9.7.4).
func (run *paceRun) agree(random io.Reader, value []byte) ([]paceObject, iso7816.StatusWord) {
	var err error
	if run.terminal, err = run.domain.Decode(value); err != nil {
		return nil, iso7816.SWWrongData
	}
	private, err := run.domain.NewScalar(random)
	if err != nil {
		return nil, iso7816.SWUnspecified
	}
	if run.own, err = run.generator.Multiply(private); err != nil {
		return nil, iso7816.SWAuthenticationFailed
	}
	// Equal keys could be an echo (Doc 9303-11, 4.4.1).
	if run.own.Equal(run.terminal) {
		return nil, iso7816.SWAuthenticationFailed
	}
	shared, err := run.terminal.Multiply(private)
	if err != nil {
		return nil, iso7816.SWAuthenticationFailed
	}
	run.ksEnc = run.protocol.algorithm.DeriveKey(shared.Secret(), sm.CounterEnc)
	run.ksMAC = run.protocol.algorithm.DeriveKey(shared.Secret(), sm.CounterMAC)
	return []paceObject{{0x84, run.own.Encode()}}, iso7816.SWSuccess
}

// exchangeTokens is step 4 (Doc 9303-11, 4.4.3.4).
func (c *Chip) exchangeTokens(run *paceRun, value []byte) ([]paceObject, iso7816.StatusWord) {
	expected, err := run.token(run.own)
	if err != nil {
		return nil, iso7816.SWUnspecified
	}
	if subtle.ConstantTimeCompare(expected, value) != 1 {
		return nil, iso7816.SWAuthenticationFailed
	}
	c.authenticated++
	if c.authenticated <= c.profile.RefuseAuthentications {
		return nil, iso7816.SWAuthenticationFailed
	}
	token, err := run.token(run.terminal)
	if err != nil {
		return nil, iso7816.SWUnspecified
	}
	return c.withChipAuthentication(run, []paceObject{{0x86, token}})
}

// token authenticates the public key that its receiver sent.
func (run *paceRun) token(key ec.Element) ([]byte, error) {
	mac, err := sm.NewMAC(run.protocol.algorithm, run.ksMAC)
	if err != nil {
		return nil, err
	}
	tag := tagGroupElement
	if run.protocol.curve {
		tag = tagPoint
	}
	content := iso7816.AppendTLV(nil, tagOID, objectIdentifier(run.protocol.oid))
	content = iso7816.AppendTLV(content, tag, key.Encode())
	mac.Write(iso7816.AppendTLV(nil, tagPublicKey, content))
	return mac.Sum(nil), nil
}

// startPACESession begins secure messaging with the counter at zero (Doc 9303-11,
// 9.8.6.3 and 9.8.7.3). The answer itself is still plain.
func (c *Chip) startPACESession(run *paceRun, answer []byte) ([]byte, iso7816.StatusWord) {
	a := run.protocol.algorithm
	state, err := sm.NewState(a, run.ksEnc, run.ksMAC, make([]byte, a.BlockSize()))
	if err != nil {
		return nil, iso7816.SWUnspecified
	}
	c.session = &session{state: state, pace: true}
	return answer, iso7816.SWSuccess
}
