package pace_test

import (
	"bytes"
	"context"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/ec"
	"passport-agent/internal/secret"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
	"passport-agent/pace"
)

// Arcs below id-PACE.
const (
	dhGM = iota + 1
	ecdhGM
	dhIM
	ecdhIM
	_
	ecdhCAM
)

const (
	tdes = iota + 1
	aes128
	aes192
	aes256
)

const can = "123456"

func oid(kind, cipher int) asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 4, kind, cipher}
}

func info(kind, cipher, parameters int) pace.Info {
	return pace.Info{Protocol: oid(kind, cipher), Version: 2, ParameterID: parameters}
}

func canChip(t testing.TB, i pace.Info) *chip { return newChip(t, i, []byte(can)) }

func establish(c *chip, i pace.Info) (*pace.Result, error) { return establishOver(c, i) }

func establishOver(c iso7816.Card, i pace.Info) (*pace.Result, error) {
	return pace.Establish(context.Background(), iso7816.NewChannel(c), i, pace.CAN(secret.NewText(can)), rand.NewChaCha8([32]byte{2}))
}

func requireAgreement(t testing.TB, c *chip, result *pace.Result) {
	requireSession(t, c.cipher, c.sessionKey(1), c.sessionKey(2), result.State)
	require.Equal(t, c.cam(), result.ChipAuthentication != nil)
	if c.cam() {
		require.NoError(t, result.ChipAuthentication.Verify(c.staticKey()))
		require.Equal(t, c.domain.ID(), result.ChipAuthentication.ParameterID)
	}
}

func requireFailure(t testing.TB, want error, result *pace.Result, err error, message ...any) {
	require.ErrorIs(t, err, want, message...)
	require.Nil(t, result)
	for _, other := range []error{pace.ErrWrongPassword, pace.ErrNotAuthentic, pace.ErrMalformed, pace.ErrUnsupported} {
		if other != want { //nolint:errorlint // which of the four it is
			require.NotErrorIs(t, err, other, message...)
		}
	}
	require.NotContains(t, err.Error(), can)
}

// Doc 9303-11, tables 2, 3 and 12.
func TestEveryProtocolOverEveryDomain(t *testing.T) {
	names := []string{dhGM: "PACE-DH-GM", ecdhGM: "PACE-ECDH-GM", dhIM: "PACE-DH-IM", ecdhIM: "PACE-ECDH-IM", ecdhCAM: "PACE-ECDH-CAM"}
	for kind, name := range names {
		for id := range 32 {
			domain, err := ec.ByID(id)
			supported := name != "" && err == nil && domain.IsCurve() == (kind != dhGM && kind != dhIM) && (kind != ecdhIM || id != 10)
			for cipher := tdes; cipher <= aes256; cipher++ {
				i := info(kind, cipher, id)
				if !supported || kind == ecdhCAM && cipher == tdes {
					card := &silent{}
					result, err := pace.Establish(context.Background(), iso7816.NewChannel(card), i, pace.CAN(secret.NewText(can)), nil)
					requireFailure(t, pace.ErrUnsupported, result, err, "%v", i)
					require.Zero(t, card.commands)
					continue
				}
				require.Equal(t, name, i.Name())
				if id != 0 && id != 12 && cipher != aes128+id%3 {
					continue // every cipher over the cheapest domains, one over each other
				}
				c := canChip(t, i)
				result, err := establish(c, i)
				require.NoError(t, err, "%v", i)
				requireAgreement(t, c, result)
				require.Equal(t, 5, c.commands)
			}
		}
	}
}

type silent struct{ commands int }

func (s *silent) Transmit(_ context.Context, _, _ []byte) (int, error) {
	s.commands++
	return 0, iso7816.ErrRemoved
}
func (s *silent) Reset(context.Context) error { return nil }
func (s *silent) ATR() []byte                 { return nil }
func (s *silent) Limits() iso7816.Limits      { return iso7816.Limits{} }

// runs is how often each mapping is run; PASSPORT_AGENT_PACE_RUNS raises it.
func runs(t testing.TB) int {
	text := os.Getenv("PASSPORT_AGENT_PACE_RUNS")
	if text == "" {
		return 200
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	require.Positive(t, n)
	return n
}

// leadingZero chooses the private key with which the shared secret begins with a
// zero octet: the next one is the reader's public key once more.
func leadingZero(c *chip, _, reader ec.Element) ec.Scalar {
	private := new(big.Int).SetBytes(c.draw().Bytes())
	shared := multiply(c.t, reader, c.domain.Reduce(private.Bytes()))
	for shared.Secret()[0] != 0 {
		var err error
		shared, err = shared.Add(reader)
		require.NoError(c.t, err)
		private.Add(private, big.NewInt(1))
	}
	return c.domain.Reduce(private.Bytes())
}

// Random runs, each with a shared secret that begins with 00: a reader that drops
// leading zeros fails in one of 256 tries, which is how such faults stay for years.
func TestRandomRunsWithLeadingZeros(t *testing.T) {
	curves, groups := []int{8, 9, 11, 13, 14, 15, 16, 17, 18}, []int{1, 2}
	for name, run := range map[string]struct {
		kind, usual int
		others      []int
	}{
		"DH-GM": {dhGM, 0, groups}, "DH-IM": {dhIM, 0, groups},
		"ECDH-GM": {ecdhGM, 12, append(curves, 10)}, "ECDH-IM": {ecdhIM, 12, curves}, "ECDH-CAM": {ecdhCAM, 12, append(curves, 10)},
	} {
		t.Run(name, func(t *testing.T) {
			random := rand.NewChaCha8([32]byte{3})
			for n := range runs(t) {
				i := info(run.kind, tdes+n%4, run.usual)
				if run.kind == ecdhCAM && n%4 == 0 {
					i.Protocol = oid(ecdhCAM, aes128)
				}
				if n%25 == 24 { // the others take longer
					i.ParameterID = run.others[n/25%len(run.others)]
				}
				c := canChip(t, i)
				c.random = random
				c.choose = leadingZero
				result, err := pace.Establish(context.Background(), iso7816.NewChannel(c), i, pace.CAN(secret.NewText(can)), random)
				require.NoError(t, err, "run %d, %s, parameters %d", n, i.Protocol, i.ParameterID)
				require.Zero(t, c.secret[0])
				require.Len(t, c.secret, (c.domain.Bits()+7)/8)
				requireAgreement(t, c, result)
			}
		})
	}
}

func TestWrongPasswordIsToldApart(t *testing.T) {
	for _, i := range []pace.Info{info(dhGM, tdes, 0), info(ecdhGM, aes128, 13), info(ecdhIM, aes256, 12), info(ecdhCAM, aes192, 12)} {
		c := newChip(t, i, []byte("654321"))
		result, err := establish(c, i)
		requireFailure(t, pace.ErrWrongPassword, result, err)
		require.True(t, c.tokenWasBad)
		require.Equal(t, 5, c.commands)
		var refused *pace.StepError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, pace.StepError{Step: pace.StepMutual, SW: iso7816.SWAuthenticationFailed}, *refused)
	}
}

// A chip that plays along with a reader that has the wrong password cannot make a
// token, whatever it puts there.
func TestChipWithoutThePasswordIsNotAuthentic(t *testing.T) {
	i := info(ecdhGM, aes128, 12)
	for position := range 8 {
		c := canChip(t, i)
		c.lie = func(step int, objects []byte) []byte {
			if step == 4 {
				objects[2+position] ^= 0x80
			}
			return objects
		}
		result, err := establish(c, i)
		requireFailure(t, pace.ErrNotAuthentic, result, err, "byte %d", position)
	}
	c := canChip(t, i)
	c.lie = func(step int, objects []byte) []byte {
		if step == 4 { // the reader's own token
			return iso7816.AppendTLV(nil, 0x86, c.token(c.chipKey))
		}
		return objects
	}
	result, err := establish(c, i)
	requireFailure(t, pace.ErrNotAuthentic, result, err)
}

func TestRefusalsNameTheStepAndTheStatusWord(t *testing.T) {
	i := info(ecdhGM, aes128, 12)
	for step, name := range []string{pace.StepSetAT, pace.StepNonce, pace.StepMapNonce, pace.StepKeyAgreement, pace.StepMutual} {
		for _, sw := range []iso7816.StatusWord{0x6300, 0x63C2, 0x6700, 0x6982, 0x6985, 0x6A80, 0x6A86, 0x6A88, 0x6F00, 0x6282} {
			c := canChip(t, i)
			c.refuse = map[int]iso7816.StatusWord{step: sw}
			result, err := establish(c, i)
			require.Nil(t, result)
			var refused *pace.StepError
			require.ErrorAs(t, err, &refused, "%s", name)
			require.Equal(t, pace.StepError{Step: name, SW: sw}, *refused)
			require.ErrorIs(t, err, sw)
			wrong := step == 4 && (sw == 0x6300 || sw == 0x63C2)
			require.Equal(t, wrong, errors.Is(err, pace.ErrWrongPassword), "%s %v", name, sw)
			require.Contains(t, err.Error(), name)
			want := step + 1
			if step == 0 {
				want = 2 // once more, without the domain parameters
			}
			require.Equal(t, want, c.commands, "nothing is sent after the refusal")
		}
	}
}

// Old Ukrainian passports refuse MSE:Set AT without tag 84, others may refuse it with.
func TestDomainParametersAreNamedFirstAndLeftOutOnRefusal(t *testing.T) {
	i := info(ecdhGM, aes128, 13)
	c := canChip(t, i)
	_, err := establish(c, i)
	require.NoError(t, err)
	require.Equal(t, [][]byte{append(append([]byte{0x80, 0x0A}, c.oid...), 0x83, 1, 2, 0x84, 1, 13)}, c.setATs)

	c = canChip(t, i)
	c.refuseTag84 = true
	result, err := establish(c, i)
	require.NoError(t, err)
	requireAgreement(t, c, result)
	require.Len(t, c.setATs, 2)
	require.Equal(t, c.setATs[0][:15], c.setATs[1])
	require.Equal(t, 6, c.commands)

	// Where both are refused, the answer to the complete command counts.
	c = canChip(t, i)
	c.refuse = map[int]iso7816.StatusWord{-3: 0x6A88, -2: 0x6A87}
	_, err = establish(c, i)
	require.ErrorIs(t, err, iso7816.SWReferenceNotFound)
	require.Equal(t, 2, c.commands)
}

// ISO7816_G_23 of TR-03105-5.1: the key agreement would be with oneself. The key
// of the mapping is no better.
func TestOwnKeyReturnedIsRefused(t *testing.T) {
	for _, i := range []pace.Info{info(ecdhGM, aes128, 12), info(ecdhGM, aes128, 13), info(dhGM, tdes, 0), info(ecdhCAM, aes128, 12)} {
		for step := 2; step <= 3; step++ {
			mirror := &mirrorCard{chip: canChip(t, i), step: step}
			result, err := pace.Establish(context.Background(), iso7816.NewChannel(mirror), i, pace.CAN(secret.NewText(can)), rand.NewChaCha8([32]byte{2}))
			requireFailure(t, pace.ErrNotAuthentic, result, err, "step %d", step)
			require.Equal(t, step+1, mirror.commands)
		}
	}
}

// mirrorCard sends back in a step what it was sent, under the tag of an answer.
type mirrorCard struct {
	*chip
	step int
}

func (m *mirrorCard) Transmit(ctx context.Context, command, response []byte) (int, error) {
	if m.chip.step != m.step {
		return m.chip.Transmit(ctx, command, response)
	}
	m.commands++
	parsed, err := iso7816.ParseCommand(command)
	require.NoError(m.t, err)
	data := bytes.Clone(parsed.Data)
	outer, _, err := iso7816.ParseTLV(data)
	require.NoError(m.t, err)
	outer.Value[0]++
	return copy(response, append(data, 0x90, 0)), nil
}

func TestPublicKeysOfTheChipAreChecked(t *testing.T) {
	bad := func(d *ec.Domain) map[string][]byte {
		generator := d.Generator().Encode()
		size := (d.Bits() + 7) / 8
		if !d.IsCurve() {
			return map[string][]byte{
				"nothing": {}, "0": {0}, "1": {1}, "2, of another order": {2}, "p-1 or more": bytes.Repeat([]byte{0xFF}, size),
				"too long": append([]byte{0}, generator...),
			}
		}
		off := bytes.Clone(generator)
		off[2*size] ^= 1
		return map[string][]byte{
			"nothing": {}, "infinity": {0}, "zeros": make([]byte, 1+2*size), "off the curve": off, "compressed": append([]byte{2}, generator[1:1+size]...),
			"cut off": generator[:2*size], "too long": append(bytes.Clone(generator), 0), "no form": append([]byte{0x14}, generator[1:]...),
		}
	}
	for _, i := range []pace.Info{info(ecdhGM, aes128, 12), info(ecdhGM, aes128, 13), info(dhGM, aes128, 0), info(ecdhIM, aes128, 12), info(ecdhCAM, aes128, 13)} {
		for step := 2; step <= 3; step++ {
			if i.Protocol[9] == ecdhIM && step == 2 {
				continue // the chip has no key in that step
			}
			domain, err := ec.ByID(i.ParameterID)
			require.NoError(t, err)
			for what, value := range bad(domain) {
				c := canChip(t, i)
				c.lie = func(at int, objects []byte) []byte {
					if at == step {
						return iso7816.AppendTLV(nil, []iso7816.Tag{0x82, 0x84}[step-2], value)
					}
					return objects
				}
				result, err := establish(c, i)
				requireFailure(t, pace.ErrMalformed, result, err, "%s in step %d", what, step)
				require.ErrorIs(t, err, ec.ErrElement)
				require.Equal(t, step+1, c.commands, "nothing is sent after it")
			}
		}
	}
}

// Neither a nonce of zero nor a chip that aims at it makes the reader agree on a
// key over the neutral element.
func TestMappingOntoTheNeutralElementIsRefused(t *testing.T) {
	for _, i := range []pace.Info{info(ecdhGM, aes128, 12), info(ecdhGM, aes128, 13), info(dhGM, aes128, 0)} {
		c := canChip(t, i)
		c.lie = func(step int, objects []byte) []byte {
			if step == 1 {
				c.nonce = make([]byte, 16)
				return iso7816.AppendTLV(nil, 0x80, c.encryptedNonce())
			}
			return objects
		}
		c.shiftByZero = true
		result, err := establish(c, i)
		requireFailure(t, pace.ErrMalformed, result, err, "nonce of zero")
		require.ErrorIs(t, err, ec.ErrElement)

		// h = -s·G, by a chip that knows the reader's private key.
		c = canChip(t, i)
		own, err := c.domain.NewScalar(rand.NewChaCha8([32]byte{2}))
		require.NoError(t, err)
		c.lie = func(step int, objects []byte) []byte {
			if step != 2 {
				return objects
			}
			n := c.domain.Order()
			b := new(big.Int).ModInverse(new(big.Int).SetBytes(own.Bytes()), n)
			b.Mul(b, new(big.Int).SetBytes(c.nonce)).Neg(b).Mod(b, n)
			return iso7816.AppendTLV(nil, 0x82, multiply(t, c.domain.Generator(), c.domain.Reduce(b.Bytes())).Encode())
		}
		result, err = establish(c, i)
		requireFailure(t, pace.ErrMalformed, result, err, "h is -s·G")
		require.ErrorIs(t, err, ec.ErrElement)
		require.Equal(t, 3, c.commands)
	}
}

func TestAnswersAreReadStrictly(t *testing.T) {
	for _, i := range []pace.Info{info(ecdhGM, aes128, 12), info(ecdhCAM, aes128, 12)} {
		for step := 1; step <= 4; step++ {
			whole := 0
			distort := map[string]func(objects []byte) []byte{
				"nothing in it":        func([]byte) []byte { return nil },
				"tag 10 more":          func(b []byte) []byte { b[0] += 0x10; return b },
				"twice":                func(b []byte) []byte { return append(bytes.Clone(b), b...) },
				"a stranger behind":    func(b []byte) []byte { return append(b, 0x8F, 1, 0) },
				"a stranger before":    func(b []byte) []byte { return append([]byte{0x8F, 1, 0}, b...) },
				"value cut":            func(b []byte) []byte { return append([]byte{b[0], b[1] - 1}, b[2:1+int(b[1])]...) },
				"value longer":         func(b []byte) []byte { return append(append([]byte{b[0], b[1] + 1}, b[2:2+int(b[1])]...), 0) },
				"length beyond":        func(b []byte) []byte { b[1]++; return b[:2+int(b[1])-1] },
				"indefinite length":    func(b []byte) []byte { return append([]byte{b[0], 0x80}, b[2:]...) },
				"empty value":          func(b []byte) []byte { return []byte{b[0], 0} },
				"five bytes of length": func(b []byte) []byte { return append([]byte{b[0], 0x85, 0, 0, 0, 0}, b[1:]...) },
			}
			for what, distorted := range distort {
				c := canChip(t, i)
				c.lie = func(at int, objects []byte) []byte {
					if at == step {
						whole = len(objects)
						return distorted(objects)
					}
					return objects
				}
				result, err := establish(c, i)
				requireFailure(t, pace.ErrMalformed, result, err, "step %d, %s", step, what)
				require.Equal(t, step+1, c.commands)
			}
			respond := func(change func([]byte) []byte, what string) {
				c := canChip(t, i)
				c.respond = func(at int, response []byte) []byte {
					if at == step {
						return change(response)
					}
					return response
				}
				result, err := establish(c, i)
				requireFailure(t, pace.ErrMalformed, result, err, "step %d, %s", step, what)
			}
			respond(func([]byte) []byte { return nil }, "9000 alone")
			respond(func(b []byte) []byte { b[0] = 0x7D; return b }, "another template")
			respond(func(b []byte) []byte { return append(b, 0) }, "a byte behind")
			for _, cut := range []int{1, 2, 3, whole / 2, whole - 1} {
				respond(func(b []byte) []byte { return b[:len(b)-min(cut, len(b)-1)] }, fmt.Sprintf("cut by %d", cut))
			}
		}
	}
}

func TestNonceLengths(t *testing.T) {
	for _, run := range []struct {
		kind, cipher int
		good, bad    []int
	}{
		{ecdhGM, tdes, []int{8, 16, 24, 64}, []int{0, 1, 12, 17, 72}},
		{ecdhGM, aes128, []int{16, 32, 64}, []int{0, 8, 15, 24, 80}},
		{ecdhGM, aes256, []int{16, 32}, []int{0, 8, 31}},
		{ecdhIM, tdes, []int{16}, []int{0, 8, 24, 32}},
		{ecdhIM, aes128, []int{16}, []int{0, 8, 32}},
		{ecdhIM, aes192, []int{32}, []int{16, 24, 48}},
		{ecdhIM, aes256, []int{32}, []int{16, 48}},
	} {
		i := info(run.kind, run.cipher, 12)
		for _, size := range run.good {
			c := canChip(t, i)
			c.nonceSize = size
			result, err := establish(c, i)
			require.NoError(t, err, "%d bytes", size)
			requireAgreement(t, c, result)
		}
		for _, size := range run.bad {
			c := canChip(t, i)
			c.lie = func(step int, objects []byte) []byte {
				if step == 1 {
					return iso7816.AppendTLV(nil, 0x80, make([]byte, size))
				}
				return objects
			}
			result, err := establish(c, i)
			requireFailure(t, pace.ErrMalformed, result, err, "%d bytes", size)
			require.Equal(t, 2, c.commands)
		}
	}
}

// Doc 9303-11, 4.4.5.2.2 has an empty object 82; chips that answer nothing at all
// have been seen in recorded examples.
func TestIntegratedMappingHasNoAnswer(t *testing.T) {
	i := info(ecdhIM, aes128, 12)
	for what, response := range map[string][]byte{"empty object": {0x7C, 2, 0x82, 0}, "empty template": {0x7C, 0}, "nothing": nil} {
		c := canChip(t, i)
		c.respond = func(step int, b []byte) []byte {
			if step == 2 {
				return response
			}
			return b
		}
		result, err := establish(c, i)
		require.NoError(t, err, what)
		requireAgreement(t, c, result)
	}
	for what, response := range map[string][]byte{"mapping data": {0x7C, 3, 0x82, 1, 0}, "another tag": {0x7C, 2, 0x81, 0}, "two objects": {0x7C, 4, 0x82, 0, 0x82, 0}} {
		c := canChip(t, i)
		c.respond = func(step int, b []byte) []byte {
			if step == 2 {
				return response
			}
			return b
		}
		result, err := establish(c, i)
		requireFailure(t, pace.ErrMalformed, result, err, what)
	}
}

// ISO7816_G_29 to G_33 of TR-03105-5.1.
func TestChipAuthenticationDataIsReadStrictly(t *testing.T) {
	for _, id := range []int{12, 14, 18} {
		i := info(ecdhCAM, aes128, id)
		encrypted := func(c *chip, padded []byte) []byte {
			vector := cardEncipher(t, c.cipher, c.sessionKey(1), nil, bytes.Repeat([]byte{0xFF}, 16))
			return cardEncipher(t, c.cipher, c.sessionKey(1), vector, padded)
		}
		object := func(c *chip, tag iso7816.Tag, value []byte) []byte {
			return iso7816.AppendTLV(iso7816.AppendTLV(nil, 0x86, c.token(c.readerKey)), tag, value)
		}
		whole := func(c *chip) []byte { return c.encryptChipAuthentication(c.chipAuthenticationData()) }
		size := func(c *chip) int { return len(c.chipAuthenticationData()) }
		for what, objects := range map[string]func(c *chip) []byte{
			"no 8A":              func(c *chip) []byte { return iso7816.AppendTLV(nil, 0x86, c.token(c.readerKey)) },
			"8B in place of 8A":  func(c *chip) []byte { return object(c, 0x8B, whole(c)) },
			"empty":              func(c *chip) []byte { return object(c, 0x8A, nil) },
			"not whole blocks":   func(c *chip) []byte { return object(c, 0x8A, whole(c)[1:]) },
			"last block missing": func(c *chip) []byte { return object(c, 0x8A, whole(c)[:len(whole(c))-16]) },
			"8A without octets":  func(c *chip) []byte { return append(iso7816.AppendTLV(nil, 0x86, c.token(c.readerKey)), 0x8A) },
			"in the clear": func(c *chip) []byte {
				return object(c, 0x8A, sm.Pad(c.chipAuthenticationData(), 0, 16))
			},
			"no padding": func(c *chip) []byte {
				return object(c, 0x8A, encrypted(c, bytes.Repeat([]byte{0x11}, (size(c)+15)/16*16)))
			},
			"a block of padding too many": func(c *chip) []byte {
				return object(c, 0x8A, encrypted(c, append(sm.Pad(c.chipAuthenticationData(), 0, 16), make([]byte, 16)...)))
			},
			"wrapped in an octet string": func(c *chip) []byte {
				return object(c, 0x8A, encrypted(c, sm.Pad(iso7816.AppendTLV(nil, 0x04, c.chipAuthenticationData()), 0, 16)))
			},
			"a byte short": func(c *chip) []byte {
				return object(c, 0x8A, encrypted(c, sm.Pad(c.chipAuthenticationData()[1:], 0, 16)))
			},
			"zero": func(c *chip) []byte { return object(c, 0x8A, encrypted(c, sm.Pad(make([]byte, size(c)), 0, 16))) },
			"the order": func(c *chip) []byte {
				return object(c, 0x8A, encrypted(c, sm.Pad(c.domain.Order().FillBytes(make([]byte, size(c))), 0, 16)))
			},
		} {
			c := canChip(t, i)
			c.lie = func(step int, b []byte) []byte {
				if step == 4 {
					return objects(c)
				}
				return b
			}
			result, err := establish(c, i)
			requireFailure(t, pace.ErrMalformed, result, err, what)
		}

		c := canChip(t, i)
		c.lie = func(step int, b []byte) []byte {
			if step == 4 { // a number in range that the chip had to guess
				return object(c, 0x8A, c.encryptChipAuthentication(c.draw().Bytes()))
			}
			return b
		}
		result, err := establish(c, i)
		require.NoError(t, err)
		requireFailure(t, pace.ErrNotAuthentic, nil, result.ChipAuthentication.Verify(c.staticKey()), "wrong data is found out with the chip's key")

		// The vector is -1 enciphered: with another one the number is another.
		c = canChip(t, i)
		c.lie = func(step int, b []byte) []byte {
			if step == 4 {
				padded := sm.Pad(c.chipAuthenticationData(), 0, 16)
				return object(c, 0x8A, cardEncipher(t, c.cipher, c.sessionKey(1), nil, padded))
			}
			return b
		}
		if result, err = establish(c, i); err == nil {
			err = result.ChipAuthentication.Verify(c.staticKey())
			require.ErrorIs(t, err, pace.ErrNotAuthentic)
		}
		require.Error(t, err)
	}
}

// FE2OS keeps leading zeros (Doc 9303-11, 4.4.5.6).
func TestChipAuthenticationDataWithLeadingZeros(t *testing.T) {
	i := info(ecdhCAM, aes256, 12)
	c := canChip(t, i)
	c.chooseMap = func(c *chip) ec.Scalar {
		n := c.domain.Order()
		private := new(big.Int).SetBytes([]byte{7, 7, 7})
		return c.domain.Reduce(private.Mul(private, new(big.Int).SetBytes(c.static.Bytes())).Mod(private, n).Bytes())
	}
	result, err := establish(c, i)
	require.NoError(t, err)
	require.Equal(t, append(make([]byte, 29), 7, 7, 7), result.ChipAuthentication.Data)
	require.NoError(t, result.ChipAuthentication.Verify(c.staticKey()))
}

func TestVerifyRefusesWhatIsNoKey(t *testing.T) {
	i := info(ecdhCAM, aes128, 12)
	c := canChip(t, i)
	result, err := establish(c, i)
	require.NoError(t, err)
	good := *result.ChipAuthentication
	require.NoError(t, good.Verify(c.staticKey()))
	off := c.staticKey()
	off[40] ^= 1
	for what, key := range map[string][]byte{"nothing": nil, "infinity": {0}, "off the curve": off, "the mapping key": good.MappingKey} {
		require.ErrorIs(t, good.Verify(key), pace.ErrNotAuthentic, what)
	}
	for what, data := range map[string]pace.ChipAuthenticationData{
		"zero value":         {},
		"other parameters":   {ParameterID: 13, Data: good.Data, MappingKey: good.MappingKey},
		"unknown parameters": {ParameterID: 3, Data: good.Data, MappingKey: good.MappingKey},
		"no data":            {ParameterID: 12, MappingKey: good.MappingKey},
		"no mapping key":     {ParameterID: 12, Data: good.Data},
	} {
		require.ErrorIs(t, data.Verify(c.staticKey()), pace.ErrNotAuthentic, what)
	}
}

// Doc 9303-11, 4.4.5: names of certification authorities may stand beside the
// token; encrypted chip authentication data has no business there, and is ignored.
func TestObjectsThatMayStandBesideTheToken(t *testing.T) {
	i := info(ecdhGM, aes128, 12)
	c := canChip(t, i)
	c.lie = func(step int, objects []byte) []byte {
		if step != 4 {
			return objects
		}
		extra := iso7816.AppendTLV(nil, 0x87, []byte("DETESTCVCA00003"))
		extra = append(extra, objects...)
		extra = iso7816.AppendTLV(extra, 0x88, []byte("DETESTCVCA00002"))
		return iso7816.AppendTLV(extra, 0x8A, make([]byte, 48))
	}
	result, err := establish(c, i)
	require.NoError(t, err)
	require.Nil(t, result.ChipAuthentication)
	requireAgreement(t, c, result)
}

// Doc 9303-11, 9.4.1 has numbers without leading zeros. Chips that keep them are
// answered with a token over what they sent.
func TestPublicNumbersWithLeadingZeros(t *testing.T) {
	i := info(dhGM, aes128, 0)
	for what, encode := range map[string]func(ec.Element) []byte{"dropped": ec.Element.Encode, "kept": ec.Element.Secret} {
		c := canChip(t, i)
		c.encode = encode
		c.choose = func(c *chip, generator, _ ec.Element) ec.Scalar {
			private := new(big.Int).SetBytes(c.draw().Bytes())
			public := multiply(t, generator, c.domain.Reduce(private.Bytes()))
			for public.Secret()[0] != 0 {
				var err error
				public, err = public.Add(generator)
				require.NoError(t, err)
				private.Add(private, big.NewInt(1))
			}
			return c.domain.Reduce(private.Bytes())
		}
		result, err := establish(c, i)
		require.NoError(t, err, what)
		requireAgreement(t, c, result)
	}
}

// The reader's own number never has leading zeros, so that no chip can read it two ways.
func TestOwnPublicNumberFillsItsWidth(t *testing.T) {
	i := info(dhGM, aes128, 0)
	domain, err := ec.ByID(0)
	require.NoError(t, err)
	private := new(big.Int)
	public := domain.Generator()
	for private.SetInt64(1); public.Secret()[0] != 0; private.Add(private, big.NewInt(1)) {
		public, err = public.Add(domain.Generator())
		require.NoError(t, err)
	}
	short := domain.Reduce(private.Bytes()).Bytes()
	require.Less(t, len(multiply(t, domain.Generator(), domain.Reduce(short)).Encode()), 128)

	c := canChip(t, i)
	supply := append(bytes.Clone(short), domain.Reduce([]byte{1, 2, 3}).Bytes()...)
	supply = append(supply, domain.Reduce([]byte{4, 5, 6}).Bytes()...)
	result, err := pace.Establish(context.Background(), iso7816.NewChannel(c), i, pace.CAN(secret.NewText(can)), bytes.NewReader(supply))
	require.NoError(t, err)
	requireAgreement(t, c, result)
	require.Len(t, c.readerKey, 128)

	// A source that gives nothing else is given up.
	c = canChip(t, i)
	result, err = pace.Establish(context.Background(), iso7816.NewChannel(c), i, pace.CAN(secret.NewText(can)), repeat(short))
	require.Error(t, err)
	require.Nil(t, result)
	require.Equal(t, 2, c.commands)
}

// repeat gives the same octets again and again.
func repeat(b []byte) io.Reader {
	return readerFunc(func(out []byte) (int, error) { return copy(out, b), nil })
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestLackOfRandomNumbersIsAnError(t *testing.T) {
	for _, i := range []pace.Info{info(ecdhGM, aes128, 12), info(ecdhIM, aes128, 12), info(dhGM, aes128, 0)} {
		domain, err := ec.ByID(i.ParameterID)
		require.NoError(t, err)
		first := len(domain.Reduce(nil).Bytes())
		if i.Protocol[9] == ecdhIM {
			first = 16
		}
		for supplied, commands := range map[int]int{0: 2, first - 1: 2, first: 3, first + 1: 3} {
			c := canChip(t, i)
			random := io.LimitReader(rand.NewChaCha8([32]byte{2}), int64(supplied))
			result, err := pace.Establish(context.Background(), iso7816.NewChannel(c), i, pace.CAN(secret.NewText(can)), random)
			require.Error(t, err)
			require.Nil(t, result)
			for _, other := range []error{pace.ErrWrongPassword, pace.ErrNotAuthentic, pace.ErrMalformed, pace.ErrUnsupported} {
				require.NotErrorIs(t, err, other)
			}
			require.Equal(t, commands, c.commands, "%d bytes", supplied)
		}
	}
}

func TestCancellingWorksAtEveryStep(t *testing.T) {
	i := info(ecdhGM, aes128, 12)
	for last := range 5 {
		ctx, cancel := context.WithCancel(context.Background())
		card := &cancelling{chip: canChip(t, i), after: last, cancel: cancel}
		if last == 0 {
			cancel()
		}
		result, err := pace.Establish(ctx, iso7816.NewChannel(card), i, pace.CAN(secret.NewText(can)), rand.NewChaCha8([32]byte{2}))
		cancel()
		require.ErrorIs(t, err, context.Canceled)
		require.Nil(t, result)
		require.Equal(t, last, card.commands, "nothing is sent after cancelling")
	}
}

// cancelling ends the context while it answers a command.
type cancelling struct {
	*chip
	after  int
	cancel func()
}

func (c *cancelling) Transmit(ctx context.Context, command, response []byte) (int, error) {
	n, err := c.chip.Transmit(ctx, command, response)
	if c.commands == c.after {
		c.cancel()
	}
	return n, err
}

func TestRemovalIsPassedOn(t *testing.T) {
	i := info(ecdhGM, aes128, 12)
	for last := range 5 {
		card := &removed{chip: canChip(t, i), after: last}
		result, err := pace.Establish(context.Background(), iso7816.NewChannel(card), i, pace.CAN(secret.NewText(can)), rand.NewChaCha8([32]byte{2}))
		requireFailure(t, iso7816.ErrRemoved, result, err)
	}
}

type removed struct {
	*chip
	after int
}

func (r *removed) Transmit(ctx context.Context, command, response []byte) (int, error) {
	if r.commands == r.after {
		return 0, iso7816.ErrRemoved
	}
	return r.chip.Transmit(ctx, command, response)
}

func TestPasswords(t *testing.T) {
	i := info(ecdhGM, aes128, 12)
	sha1 := bytes.Repeat([]byte{0x5A}, 20)
	c := newChip(t, i, sha1)
	result, err := pace.Establish(context.Background(), iso7816.NewChannel(c), i, pace.MRZ(secret.NewBytes(sha1)), rand.NewChaCha8([32]byte{2}))
	require.NoError(t, err)
	requireAgreement(t, c, result)
	require.Contains(t, string(c.setATs[0]), "\x83\x01\x01", "MRZ is password 1")

	for what, password := range map[string]pace.Password{
		"none": {}, "no CAN": pace.CAN(secret.Text{}), "no MRZ": pace.MRZ(secret.Bytes{}), "MRZ of 16 bytes": pace.MRZ(secret.NewBytes(sha1[:16])),
	} {
		c := canChip(t, i)
		result, err := pace.Establish(context.Background(), iso7816.NewChannel(c), i, password, rand.NewChaCha8([32]byte{2}))
		require.Error(t, err, what)
		require.Nil(t, result)
		require.Zero(t, c.commands, what)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
		printed := fmt.Sprintf(verb, pace.CAN(secret.NewText(can)))
		require.NotContains(t, printed, can)
		require.NotContains(t, printed, fmt.Sprintf("%x", can))
	}
}

func TestInfosThatAreNotKnown(t *testing.T) {
	good := info(ecdhGM, aes128, 13)
	require.Equal(t, []pace.Info{good}, pace.ByStrength([]pace.Info{good}))
	for what, i := range map[string]pace.Info{
		"nothing":             {},
		"version 1":           {Protocol: good.Protocol, Version: 1, ParameterID: 13},
		"version 3":           {Protocol: good.Protocol, Version: 3, ParameterID: 13},
		"no parameters":       {Protocol: good.Protocol, Version: 2, ParameterID: -1},
		"explicit parameters": {Protocol: good.Protocol, Version: 2, ParameterID: 32},
		"shorter":             {Protocol: good.Protocol[:10], Version: 2, ParameterID: 13},
		"longer":              {Protocol: append(good.Protocol[:11:11], 1), Version: 2, ParameterID: 13},
		"another tree":        {Protocol: asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 3, 2, 2}, Version: 2, ParameterID: 13},
		"DH-CAM, of G_36":     info(5, aes128, 0),
		"CAM with 3DES":       info(ecdhCAM, tdes, 13),
		"cipher 5":            info(ecdhGM, 5, 13),
		"cipher 0":            info(ecdhGM, 0, 13),
	} {
		require.Empty(t, pace.ByStrength([]pace.Info{i}), what)
		result, err := pace.Establish(context.Background(), iso7816.NewChannel(&silent{}), i, pace.CAN(secret.NewText(can)), nil)
		requireFailure(t, pace.ErrUnsupported, result, err, what)
	}
	require.Equal(t, "PACE", pace.Info{}.Name())
	require.Equal(t, "PACE-ECDH-GM", good.Name())
}

func TestStrongestFirst(t *testing.T) {
	order := []pace.Info{
		info(ecdhGM, aes256, 18),  // 256 bits
		info(ecdhIM, aes256, 17),  // 256 bits, over a curve of less
		info(ecdhCAM, aes256, 16), // 192 bits, and authenticates the chip
		info(ecdhGM, aes192, 15),  // 192 bits
		info(ecdhCAM, aes128, 12), // 128 bits, and authenticates the chip
		info(ecdhGM, aes256, 13),  // 128 bits, with a longer key
		info(ecdhGM, aes128, 15),  // 128 bits over a stronger curve
		info(ecdhGM, aes128, 12),
		info(ecdhGM, aes128, 13), // equal to the one before, offered later
		info(ecdhIM, aes128, 12),
		info(ecdhGM, aes128, 10), // 112 bits
		info(dhGM, aes128, 2),
		info(ecdhGM, tdes, 13),  // 112 bits
		info(ecdhGM, aes128, 8), // 96 bits
		info(dhGM, aes256, 0),   // 80 bits
		info(dhGM, tdes, 0),
	}
	random := rand.New(rand.NewChaCha8([32]byte{4}))
	for range 50 {
		shuffled := append([]pace.Info{info(5, 2, 0), {}}, order...)
		random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		want := append([]pace.Info{}, order...)
		if indexOf(shuffled, order[8]) < indexOf(shuffled, order[7]) {
			want[7], want[8] = want[8], want[7]
		}
		before := append([]pace.Info{}, shuffled...)
		require.Equal(t, want, pace.ByStrength(shuffled))
		require.Equal(t, before, shuffled, "the list itself stays")
	}
	require.Empty(t, pace.ByStrength(nil))
}

func indexOf(list []pace.Info, i pace.Info) int {
	for n := range list {
		if list[n].Protocol.Equal(i.Protocol) && list[n].ParameterID == i.ParameterID {
			return n
		}
	}
	return -1
}

func TestLongPublicKeysNeedExtendedLength(t *testing.T) {
	for id, want := range map[int]bool{0: false, 1: true, 2: true} {
		info := pace.Info{Protocol: asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 4, 1, 2}, Version: 2, ParameterID: id}
		require.Equal(t, want, info.NeedsExtended(), "group %d", id)
	}
	require.False(t, pace.Info{Protocol: asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 4, 2, 4}, Version: 2, ParameterID: 18}.NeedsExtended())
	require.False(t, pace.Info{}.NeedsExtended())
}
