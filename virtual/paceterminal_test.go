package virtual_test

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha1"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/ec"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
	"passport-agent/virtual"
)

// paceTerminal is the reader's end of PACE, enough to test a chip with.
type paceTerminal struct {
	t         *testing.T
	chip      iso7816.Card
	info      virtual.PACEInfo
	oid       []byte
	algorithm sm.Algorithm
	domain    *ec.Domain

	// What MSE:Set AT refers to; the MRZ of the specimen unless changed.
	reference byte
	password  []byte

	answers   [][]byte   // to MSE:Set AT and the commands GENERAL AUTHENTICATE, so far
	mapped    ec.Element // PK_Map,IC
	generator ec.Element
	received  ec.Element // PK_DH,IC
	sent      ec.Element // PK_DH,IFD
	ksEnc     []byte
	ksMAC     []byte
}

var ciphers = []sm.Algorithm{sm.TDES, sm.AES128, sm.AES192, sm.AES256}

// newPACETerminal knows the object identifiers of Doc 9303-11, 9.2.3.
func newPACETerminal(t *testing.T, chip iso7816.Card, info virtual.PACEInfo) *paceTerminal {
	t.Helper()
	digest := sha1.Sum([]byte(specimenInformation))
	p := &paceTerminal{t: t, chip: chip, info: info, reference: 1, password: digest[:]}
	arcs := map[string]byte{"DH-GM": 1, "ECDH-GM": 2, "DH-IM": 3, "ECDH-IM": 4, "ECDH-CAM": 6}
	for name, arc := range arcs {
		for i, a := range ciphers {
			if string(info.Protocol) == name+"-"+a.String() {
				p.oid, p.algorithm = []byte{0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x04, arc, byte(i + 1)}, a
			}
		}
	}
	require.NotNil(t, p.oid)
	var err error
	p.domain, err = ec.ByID(info.ParameterID)
	require.NoError(t, err)
	return p
}

func (p *paceTerminal) mapping() string { return strings.Split(string(p.info.Protocol), "-")[1] }

// send notes the answer to a command and returns the object that it has to hold;
// nil where it does not.
func (p *paceTerminal) send(c iso7816.Command, tag iso7816.Tag) []byte {
	p.t.Helper()
	answer := transmit(p.t, p.chip, plain(p.t, c))
	p.answers = append(p.answers, answer)
	outer, _, err := iso7816.ParseTLV(answer[:len(answer)-2])
	if err != nil || outer.Tag != 0x7C {
		return nil
	}
	object, _, err := iso7816.ParseTLV(outer.Value)
	if err != nil || object.Tag != tag {
		return nil
	}
	return object.Value
}

// last is the status word of the last answer.
func (p *paceTerminal) last() iso7816.StatusWord {
	answer := p.answers[len(p.answers)-1]
	return iso7816.StatusWord(answer[len(answer)-2])<<8 | iso7816.StatusWord(answer[len(answer)-1])
}

// set is MSE:Set AT with the domain parameters named.
func (p *paceTerminal) set() iso7816.StatusWord {
	p.t.Helper()
	p.send(setAT(p.oid, p.reference, 0x84, 0x01, byte(p.info.ParameterID)), 0)
	return p.last()
}

// run goes on until the chip's answer is not what it should be; it returns the
// last status word.
func (p *paceTerminal) run() iso7816.StatusWord {
	p.t.Helper()
	if p.set() != iso7816.SWSuccess {
		return p.last()
	}
	for _, step := range []func() bool{p.nonce, p.agree, p.tokens} {
		if !step() {
			break
		}
	}
	return p.last()
}

func (p *paceTerminal) cbc(key, vector, data []byte, new func(cipher.Block, []byte) cipher.BlockMode) []byte {
	block, err := p.algorithm.NewBlock(key)
	require.NoError(p.t, err)
	out := make([]byte, len(data))
	new(block, vector).CryptBlocks(out, data)
	return out
}

// nonce is steps 1 and 2.
func (p *paceTerminal) nonce() bool {
	encrypted := p.send(general(false, []byte{0x7C, 0x00}), 0x80)
	if encrypted == nil || len(encrypted)%p.algorithm.BlockSize() != 0 {
		return false
	}
	zero := make([]byte, p.algorithm.BlockSize())
	s := p.cbc(p.algorithm.DeriveKey(p.password, sm.CounterPassword), zero, encrypted, cipher.NewCBCDecrypter)
	if p.mapping() == "IM" {
		t := bytes.Repeat([]byte{0x5A}, p.algorithm.KeySize())
		if empty := p.send(general(false, one(0x81, t)), 0x82); empty == nil || len(empty) > 0 {
			return false
		}
		var err error
		p.generator, err = p.domain.MapInteger(p.pseudoRandom(s, t))
		require.NoError(p.t, err)
		return true
	}
	private, err := p.domain.NewScalar(rand.Reader)
	require.NoError(p.t, err)
	own, err := p.domain.Generator().Multiply(private)
	require.NoError(p.t, err)
	p.mapped, err = p.domain.Decode(p.send(general(false, one(0x81, own.Encode())), 0x82))
	if err != nil || p.mapped.Equal(own) {
		return false
	}
	h, err := p.mapped.Multiply(private)
	require.NoError(p.t, err)
	g, err := p.domain.Generator().Multiply(p.domain.Reduce(s))
	require.NoError(p.t, err)
	p.generator, err = g.Add(h)
	require.NoError(p.t, err)
	return true
}

// pseudoRandom is R(s,t) of Doc 9303-11, figure 2.
func (p *paceTerminal) pseudoRandom(s, t []byte) *big.Int {
	number := func(hexadecimal string) []byte {
		v, ok := new(big.Int).SetString(hexadecimal, 16)
		require.True(p.t, ok)
		return v.Bytes()
	}
	c0, c1 := number("a668892a7c41e3ca739f40b057d85904"), number("a4e136ac725f738b01c1f60217c188ad")
	if len(s) == 32 {
		c0 = number("d463d65234124ef7897054986dca0a174e28df758cbaa03f240616414d5a1676")
		c1 = number("54bd7255f0aaf831bec3423fcf39d69b6cbf066677d0faae5aadd99df8e53517")
	}
	zero := make([]byte, p.algorithm.BlockSize())
	k := p.cbc(t, zero, s, cipher.NewCBCEncrypter)[:p.algorithm.KeySize()]
	var x []byte
	for 8*len(x) < p.domain.Bits()+64 {
		x = append(x, p.cbc(k, zero, c1, cipher.NewCBCEncrypter)...)
		k = p.cbc(k, zero, c0, cipher.NewCBCEncrypter)[:p.algorithm.KeySize()]
	}
	return new(big.Int).SetBytes(x)
}

// agree is step 3.
func (p *paceTerminal) agree() bool {
	private, err := p.domain.NewScalar(rand.Reader)
	require.NoError(p.t, err)
	p.sent, err = p.generator.Multiply(private)
	require.NoError(p.t, err)
	p.received, err = p.domain.Decode(p.send(general(false, one(0x83, p.sent.Encode())), 0x84))
	if err != nil || p.received.Equal(p.sent) {
		return false
	}
	shared, err := p.received.Multiply(private)
	require.NoError(p.t, err)
	p.ksEnc = p.algorithm.DeriveKey(shared.Secret(), sm.CounterEnc)
	p.ksMAC = p.algorithm.DeriveKey(shared.Secret(), sm.CounterMAC)
	return true
}

func (p *paceTerminal) token(key ec.Element) []byte {
	mac, err := sm.NewMAC(p.algorithm, p.ksMAC)
	require.NoError(p.t, err)
	tag := iso7816.Tag(0x84)
	if p.domain.IsCurve() {
		tag = 0x86
	}
	content := iso7816.AppendTLV(iso7816.AppendTLV(nil, 0x06, p.oid), tag, key.Encode())
	mac.Write(iso7816.AppendTLV(nil, 0x7F49, content))
	return mac.Sum(nil)
}

// tokens is step 4.
func (p *paceTerminal) tokens() bool {
	return bytes.Equal(p.token(p.sent), p.send(general(true, one(0x85, p.token(p.received))), 0x86))
}

// session is secure messaging behind a run.
func (p *paceTerminal) session() *terminal {
	p.t.Helper()
	state, err := sm.NewState(p.algorithm, p.ksEnc, p.ksMAC, make([]byte, p.algorithm.BlockSize()))
	require.NoError(p.t, err)
	return &terminal{p.t, p.chip, sm.NewSession(state)}
}

// open runs PACE, which has to succeed, and selects the application.
func (p *paceTerminal) open() *terminal {
	p.t.Helper()
	require.Equal(p.t, iso7816.SWSuccess, p.run())
	require.Len(p.t, p.answers, 5)
	x := p.session()
	x.expect(iso7816.SWSuccess, iso7816.Command{INS: 0xA4, P1: 0x04, P2: 0x0C, Data: selectApplication[5:]})
	return x
}

// chipAuthenticated tells whether object 8A proves the static key (Doc 9303-11,
// 4.4.3.5.2).
func (p *paceTerminal) chipAuthenticated(static ec.Element) bool {
	answer := p.answers[4]
	encrypted := value(p.t, answer[:len(answer)-2], 0x7C, 0x8A)
	vector := p.cbc(p.ksEnc, make([]byte, 16), bytes.Repeat([]byte{0xFF}, 16), cipher.NewCBCEncrypter)
	data, err := sm.Unpad(p.cbc(p.ksEnc, vector, encrypted, cipher.NewCBCDecrypter))
	require.NoError(p.t, err)
	quotient, err := p.domain.Scalar(data)
	require.NoError(p.t, err)
	product, err := static.Multiply(quotient)
	require.NoError(p.t, err)
	return product.Equal(p.mapped)
}

// paceDocument is the specimen with PACE and a CAN.
func paceDocument(t *testing.T, infos ...virtual.PACEInfo) *virtual.Document {
	t.Helper()
	document, err := virtual.Personalise(virtual.Options{
		PACE: infos, CAN: "123456",
		Files: map[virtual.File][]byte{virtual.DataGroup(1): dg1Of(specimenZone), virtual.DataGroup(2): specimen().Files[virtual.DataGroup(2)]},
	})
	require.NoError(t, err)
	return document
}

var gm = virtual.PACEInfo{Protocol: "ECDH-GM-AES-128", ParameterID: 12}

func paceChip(t *testing.T, p virtual.Profile, infos ...virtual.PACEInfo) *virtual.Chip {
	t.Helper()
	if infos == nil {
		infos = []virtual.PACEInfo{gm}
	}
	chip, err := virtual.NewChip(paceDocument(t, infos...), virtual.ChipOptions{Profile: p})
	require.NoError(t, err)
	return chip
}
