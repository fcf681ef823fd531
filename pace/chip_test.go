package pace_test

import (
	"bytes"
	"context"
	"crypto/cipher"
	enchex "encoding/hex"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/ec"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
	"passport-agent/pace"
)

// chip is the card side of the protocol, written from Doc 9303-11, 4.4. It is as
// strict with the reader as the standard allows, and lies where a test tells it to.
type chip struct {
	t      testing.TB
	domain *ec.Domain
	cipher sm.Algorithm
	oid    []byte
	kind   int    // arc below id-PACE
	key    []byte // f(π)

	nonceSize   int
	refuse      map[int]iso7816.StatusWord                           // by step, 0 is MSE:Set AT, -n one with n objects
	lie         func(step int, objects []byte) []byte                // what the chip says in place of objects
	respond     func(step int, response []byte) []byte               // the response data in place of it
	choose      func(c *chip, generator, other ec.Element) ec.Scalar // private key of the key agreement
	encode      func(e ec.Element) []byte                            // public key as the chip writes it
	chooseMap   func(c *chip) ec.Scalar                              // private key of the mapping
	static      ec.Scalar
	refuseTag84 bool
	shiftByZero bool // s·G has no value for a nonce of zero
	random      *rand.ChaCha8

	step        int // of the next GENERAL AUTHENTICATE, 1 to 4
	commands    int
	setATs      [][]byte
	nonce       []byte
	mapPrivate  ec.Scalar
	generator   ec.Element
	readerKey   []byte
	chipKey     []byte
	secret      []byte
	tokenWasBad bool
}

func newChip(t testing.TB, info pace.Info, key []byte) *chip {
	domain, err := ec.ByID(info.ParameterID)
	require.NoError(t, err)
	n := len(info.Protocol)
	c := &chip{
		t: t, domain: domain, key: key, kind: info.Protocol[n-2],
		cipher: []sm.Algorithm{0, sm.TDES, sm.AES128, sm.AES192, sm.AES256}[info.Protocol[n-1]],
		oid:    []byte{0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x04, byte(info.Protocol[n-2]), byte(info.Protocol[n-1])},
		random: rand.NewChaCha8([32]byte{1}), nonceSize: 16,
	}
	if c.integrated() && c.cipher.KeySize() > 16 {
		c.nonceSize = 32
	}
	c.static = c.draw()
	return c
}

func (c *chip) integrated() bool { return c.kind == 3 || c.kind == 4 }
func (c *chip) cam() bool        { return c.kind == 6 }

func (c *chip) draw() ec.Scalar {
	k, err := c.domain.NewScalar(c.random)
	require.NoError(c.t, err)
	return k
}

func (c *chip) Reset(context.Context) error { c.step = 0; return nil }
func (c *chip) ATR() []byte                 { return nil }
func (c *chip) Limits() iso7816.Limits      { return iso7816.Limits{} }

func (c *chip) Transmit(_ context.Context, command, response []byte) (int, error) {
	parsed, err := iso7816.ParseCommand(command)
	require.NoError(c.t, err)
	c.commands++
	data, sw := c.serve(parsed)
	return copy(response, append(data, byte(sw>>8), byte(sw))), nil
}

func (c *chip) serve(command iso7816.Command) ([]byte, iso7816.StatusWord) {
	if command.INS == iso7816.InsManageSecurityEnv {
		return nil, c.setAT(command)
	}
	require.Equal(c.t, byte(iso7816.InsGeneralAuthenticate), command.INS)
	require.Equal(c.t, []byte{0, 0}, []byte{command.P1, command.P2})
	require.Positive(c.t, c.step, "the protocol was not selected")
	step := c.step
	c.step++
	wantCLA := byte(0x10)
	if step == 4 {
		wantCLA = 0
	}
	require.Equal(c.t, wantCLA, command.CLA, "step %d", step)
	require.NotZero(c.t, command.Ne)

	outer, rest, err := iso7816.ParseTLV(command.Data)
	require.NoError(c.t, err)
	require.Empty(c.t, rest)
	require.Equal(c.t, iso7816.Tag(0x7C), outer.Tag)
	sent := outer.Value
	if step > 1 {
		object, rest, err := iso7816.ParseTLV(outer.Value)
		require.NoError(c.t, err)
		require.Empty(c.t, rest)
		require.Equal(c.t, []iso7816.Tag{0x81, 0x83, 0x85}[step-2], object.Tag)
		sent = object.Value
	} else {
		require.Empty(c.t, sent)
	}
	objects, sw := c.answer(step, sent)
	if refusal, ok := c.refuse[step]; ok {
		return nil, refusal
	}
	if sw != iso7816.SWSuccess {
		return nil, sw
	}
	if c.lie != nil {
		objects = c.lie(step, objects)
	}
	response := iso7816.AppendTLV(nil, 0x7C, objects)
	if c.respond != nil {
		response = c.respond(step, response)
	}
	require.LessOrEqual(c.t, len(response), command.Ne, "the answer fits what the reader asked for")
	return response, iso7816.SWSuccess
}

func (c *chip) setAT(command iso7816.Command) iso7816.StatusWord {
	require.Equal(c.t, []byte{0, 0xC1, 0xA4}, []byte{command.CLA, command.P1, command.P2})
	require.Zero(c.t, command.Ne, "an Le makes German documents fail")
	c.setATs = append(c.setATs, bytes.Clone(command.Data))
	objects, err := iso7816.ParseTLVs(command.Data)
	require.NoError(c.t, err)
	if sw, ok := c.refuse[0]; ok {
		return sw
	}
	if sw, ok := c.refuse[-len(objects)]; ok { // by the number of objects
		return sw
	}
	if c.refuseTag84 && len(objects) > 2 {
		return iso7816.SWWrongData
	}
	require.Equal(c.t, iso7816.Tag(0x80), objects[0].Tag)
	require.Equal(c.t, c.oid, objects[0].Value)
	require.Equal(c.t, iso7816.Tag(0x83), objects[1].Tag)
	if len(objects) > 2 {
		require.Equal(c.t, iso7816.Tag(0x84), objects[2].Tag)
		require.Equal(c.t, []byte{byte(c.domain.ID())}, objects[2].Value)
	}
	c.step = 1
	return iso7816.SWSuccess
}

func (c *chip) answer(step int, sent []byte) ([]byte, iso7816.StatusWord) {
	switch step {
	case 1:
		c.nonce = make([]byte, c.nonceSize)
		_, err := c.random.Read(c.nonce)
		require.NoError(c.t, err)
		return iso7816.AppendTLV(nil, 0x80, c.encryptedNonce()), iso7816.SWSuccess
	case 2:
		return iso7816.AppendTLV(nil, 0x82, c.mapNonce(sent)), iso7816.SWSuccess
	case 3:
		return iso7816.AppendTLV(nil, 0x84, c.agree(sent)), iso7816.SWSuccess
	default:
		return c.authenticate(sent)
	}
}

func (c *chip) encryptedNonce() []byte {
	return cardEncipher(c.t, c.cipher, c.cipher.DeriveKey(c.key, 3), nil, c.nonce)
}

func (c *chip) mapNonce(sent []byte) []byte {
	if c.integrated() {
		require.Len(c.t, sent, c.cipher.KeySize(), "the nonce t is as long as a key")
		number := cardPseudoRandom(c.t, c.cipher, c.nonce, sent, c.domain.Bits())
		var err error
		c.generator, err = c.domain.MapInteger(new(big.Int).SetBytes(number))
		require.NoError(c.t, err)
		return nil
	}
	reader, err := c.domain.Decode(sent)
	require.NoError(c.t, err)
	c.mapPrivate = c.draw()
	if c.chooseMap != nil {
		c.mapPrivate = c.chooseMap(c)
	}
	if h := multiply(c.t, reader, c.mapPrivate); !c.shiftByZero {
		c.generator = c.shift(h)
	}
	return c.write(multiply(c.t, c.domain.Generator(), c.mapPrivate))
}

// shift is s·G + h.
func (c *chip) shift(h ec.Element) ec.Element {
	sum, err := multiply(c.t, c.domain.Generator(), c.domain.Reduce(c.nonce)).Add(h)
	require.NoError(c.t, err)
	return sum
}

func (c *chip) write(e ec.Element) []byte {
	if c.encode != nil {
		return c.encode(e)
	}
	return e.Encode()
}

func (c *chip) agree(sent []byte) []byte {
	c.readerKey = bytes.Clone(sent)
	reader, err := c.domain.Decode(sent)
	require.NoError(c.t, err)
	private := c.draw()
	if c.choose != nil {
		private = c.choose(c, c.generator, reader)
	}
	c.secret = multiply(c.t, reader, private).Secret()
	c.chipKey = c.write(multiply(c.t, c.generator, private))
	return c.chipKey
}

func (c *chip) authenticate(sent []byte) ([]byte, iso7816.StatusWord) {
	if !bytes.Equal(sent, c.token(c.chipKey)) {
		c.tokenWasBad = true
		return nil, iso7816.SWAuthenticationFailed
	}
	objects := iso7816.AppendTLV(nil, 0x86, c.token(c.readerKey))
	if c.cam() {
		objects = iso7816.AppendTLV(objects, 0x8A, c.encryptChipAuthentication(c.chipAuthenticationData()))
	}
	return objects, iso7816.SWSuccess
}

// chipAuthenticationData is CAIC, in the width of the order.
func (c *chip) chipAuthenticationData() []byte {
	n := c.domain.Order()
	v := new(big.Int).ModInverse(new(big.Int).SetBytes(c.static.Bytes()), n)
	v.Mul(v, new(big.Int).SetBytes(c.mapPrivate.Bytes()))
	return v.Mod(v, n).FillBytes(make([]byte, (n.BitLen()+7)/8))
}

func (c *chip) encryptChipAuthentication(data []byte) []byte {
	ksEnc := c.sessionKey(1)
	vector := cardEncipher(c.t, c.cipher, ksEnc, nil, bytes.Repeat([]byte{0xFF}, 16))
	return cardEncipher(c.t, c.cipher, ksEnc, vector, sm.Pad(bytes.Clone(data), 0, 16))
}

func (c *chip) sessionKey(counter uint32) []byte { return c.cipher.DeriveKey(c.secret, counter) }

func (c *chip) tokenInput(key []byte) []byte {
	tag := iso7816.Tag(0x84)
	if c.domain.IsCurve() {
		tag = 0x86
	}
	return iso7816.AppendTLV(nil, 0x7F49, iso7816.AppendTLV(iso7816.AppendTLV(nil, 0x06, c.oid), tag, key))
}

func (c *chip) token(key []byte) []byte {
	mac, err := sm.NewMAC(c.cipher, c.sessionKey(2))
	require.NoError(c.t, err)
	mac.Write(c.tokenInput(key))
	return mac.Sum(nil)
}

// staticKey is the key that EF.CardSecurity would have.
func (c *chip) staticKey() []byte {
	return multiply(c.t, c.domain.Generator(), c.static).Encode()
}

func multiply(t testing.TB, e ec.Element, k ec.Scalar) ec.Element {
	product, err := e.Multiply(k)
	require.NoError(t, err)
	return product
}

// cardEncipher is CBC; no vector is a vector of zeros.
func cardEncipher(t testing.TB, a sm.Algorithm, key, vector, plain []byte) []byte {
	block, err := a.NewBlock(key)
	require.NoError(t, err)
	if vector == nil {
		vector = make([]byte, block.BlockSize())
	}
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(block, vector).CryptBlocks(out, plain)
	return out
}

// cardPseudoRandom is R(s,t) (Doc 9303-11, figure 2).
func cardPseudoRandom(t testing.TB, a sm.Algorithm, s, nonceT []byte, bits int) []byte {
	c0, c1 := "A668892A7C41E3CA739F40B057D85904", "A4E136AC725F738B01C1F60217C188AD"
	if a.KeySize() > 16 {
		c0 = "D463D65234124EF7897054986DCA0A174E28DF758CBAA03F240616414D5A1676"
		c1 = "54BD7255F0AAF831BEC3423FCF39D69B6CBF066677D0FAAE5AADD99DF8E53517"
	}
	constant := func(digits string) []byte {
		b, err := enchex.DecodeString(digits)
		require.NoError(t, err)
		return b
	}
	k := cardEncipher(t, a, nonceT, nil, s)[:a.KeySize()]
	parts := (bits + 64 + 8*len(c0)/2 - 1) / (8 * len(c0) / 2)
	var number []byte
	for range parts {
		number = append(number, cardEncipher(t, a, k, nil, constant(c1))...)
		k = cardEncipher(t, a, k, nil, constant(c0))[:a.KeySize()]
	}
	return number
}
