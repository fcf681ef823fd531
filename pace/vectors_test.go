package pace_test

import (
	"bytes"
	"context"
	"encoding/asn1"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/mrz"
	"passport-agent/internal/ec"
	"passport-agent/internal/icaotest"
	"passport-agent/internal/secret"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
	"passport-agent/pace"
)

type hex = icaotest.Hex

// example is a worked example of Doc 9303-11, appendices G to I.
type example struct {
	OID            hex    `json:"oid"`
	ParameterID    int    `json:"parameter_id"`
	MRZInformation string `json:"mrz_information"`
	K              hex    `json:"k"`
	Password       string `json:"password"`
	KPi            hex    `json:"k_pi"`
	EncryptedNonce hex    `json:"nonce_encrypted_z"`
	Nonce          hex    `json:"nonce_s"`
	NonceT         hex    `json:"nonce_t"`
	RST            hex    `json:"r_s_t"`
	RPST           hex    `json:"r_p_s_t"`
	C0             hex    `json:"prf_c0"`
	C1             hex    `json:"prf_c1"`
	SKMapIFD       hex    `json:"sk_map_ifd"`
	PKMapIFD       hex    `json:"pk_map_ifd"`
	SKMapIC        hex    `json:"sk_map_ic"`
	PKMapIC        hex    `json:"pk_map_ic"`
	H              hex    `json:"h"`
	Generator      hex    `json:"mapped_generator"`
	SKIFD          hex    `json:"sk_dh_ifd"`
	PKIFD          hex    `json:"pk_dh_ifd"`
	SKIC           hex    `json:"sk_dh_ic"`
	PKIC           hex    `json:"pk_dh_ic"`
	SharedSecret   hex    `json:"shared_secret"`
	KSEnc          hex    `json:"ks_enc"`
	KSMAC          hex    `json:"ks_mac"`
	TIFD           hex    `json:"t_ifd"`
	TIC            hex    `json:"t_ic"`
	InputIFD       hex    `json:"token_input_ifd"`
	InputIC        hex    `json:"token_input_ic"`
	MapNonce       hex    `json:"map_nonce_command"`
	Encrypted      hex    `json:"encrypted_a_ic"`
	IV             hex    `json:"iv"`
	CAIC           hex    `json:"ca_ic"`
	StaticKey      hex    `json:"pk_ic_static"`
	APDUs          [][2]hex
}

func load(t testing.TB, group string) example {
	var vectors []example
	icaotest.Load(t, group, &vectors)
	return vectors[0]
}

var examples = []string{"pace_g1_ecdh_gm", "pace_g2_dh_gm", "pace_h1_ecdh_im", "pace_h2_dh_im", "pace_i1_ecdh_cam"}

func (e example) info(t testing.TB) pace.Info {
	var oid asn1.ObjectIdentifier
	_, err := asn1.Unmarshal(iso7816.AppendTLV(nil, 0x06, e.OID), &oid)
	require.NoError(t, err)
	return pace.Info{Protocol: oid, Version: 2, ParameterID: e.ParameterID}
}

// key is f(π) in the clear.
func (e example) password(t testing.TB) (password pace.Password, key []byte) {
	if e.Password != "" {
		return pace.CAN(secret.NewText(e.Password)), []byte(e.Password)
	}
	n := len(e.MRZInformation)
	access, err := mrz.KeyFromFields(e.MRZInformation[:n-15], e.MRZInformation[n-14:n-8], e.MRZInformation[n-7:n-1])
	require.NoError(t, err)
	require.Equal(t, e.MRZInformation, access.Information().Reveal())
	return pace.MRZ(access.SHA1()), access.SHA1().Reveal()
}

func (e example) domain(t testing.TB) *ec.Domain {
	d, err := ec.ByID(e.ParameterID)
	require.NoError(t, err)
	return d
}

// random is what the reader of the example drew. The exponent of H.2 has 1024 bits;
// the generator has the order q, so that its remainder is the same private key.
func (e example) random(t testing.TB) []byte {
	private := e.domain(t).Reduce(e.SKIFD).Bytes()
	if e.NonceT != nil {
		return append(bytes.Clone(e.NonceT), private...)
	}
	return append(bytes.Clone(e.SKMapIFD), private...)
}

// exchanges is the dialogue of the example; the appendices on Integrated Mapping
// show values and not commands, but for one.
func (e example) exchanges() [][2]hex {
	if e.APDUs != nil {
		return e.APDUs
	}
	wrap := func(tag iso7816.Tag, value []byte) []byte {
		return iso7816.AppendTLV(nil, 0x7C, iso7816.AppendTLV(nil, tag, value))
	}
	command := func(cla byte, data []byte) hex {
		return append(append(hex{cla, 0x86, 0, 0, byte(len(data))}, data...), 0)
	}
	answer := func(data []byte) hex { return append(hex(data), 0x90, 0) }
	setAT := iso7816.AppendTLV(nil, 0x80, e.OID)
	setAT = iso7816.AppendTLV(setAT, 0x83, []byte{2})
	mapNonce := command(0x10, wrap(0x81, e.NonceT))
	if e.MapNonce != nil {
		mapNonce = e.MapNonce
	}
	return [][2]hex{
		{append(hex{0x00, 0x22, 0xC1, 0xA4, byte(len(setAT))}, setAT...), {0x90, 0}},
		{{0x10, 0x86, 0, 0, 2, 0x7C, 0, 0}, answer(wrap(0x80, e.EncryptedNonce))},
		{mapNonce, {0x7C, 0x02, 0x82, 0x00, 0x90, 0x00}},
		{command(0x10, wrap(0x83, e.PKIFD)), answer(wrap(0x84, e.PKIC))},
		{command(0x00, wrap(0x85, e.TIFD)), answer(wrap(0x86, e.TIC))},
	}
}

// script is a chip that expects given commands and gives given answers.
type script struct {
	t         *testing.T
	exchanges [][2]hex
	sent      int
}

func (s *script) Transmit(_ context.Context, command, response []byte) (int, error) {
	require.Less(s.t, s.sent, len(s.exchanges), "one command too many: %X", command)
	exchange := s.exchanges[s.sent]
	s.sent++
	require.Equal(s.t, []byte(exchange[0]), command)
	return copy(response, exchange[1]), nil
}

func (s *script) Reset(context.Context) error { return nil }
func (s *script) ATR() []byte                 { return nil }
func (s *script) Limits() iso7816.Limits      { return iso7816.Limits{} }

// The examples name no domain parameters in MSE:Set AT; this reader does, and asks
// again as the examples have it when the chip does not like that (6A80).
func (e example) script(t *testing.T) *script {
	exchanges := e.exchanges()
	withParameters := append(bytes.Clone(exchanges[0][0]), 0x84, 1, byte(e.ParameterID))
	withParameters[4] += 3
	return &script{t: t, exchanges: append([][2]hex{{withParameters, {0x6A, 0x80}}}, exchanges...)}
}

// Doc 9303-11, appendices G.1, G.2, H.1, H.2 and I.1: with the same private keys
// the reader sends the same octets, accepts the answers, and ends with the same keys.
func TestWorkedExamples(t *testing.T) {
	for _, group := range examples {
		t.Run(group, func(t *testing.T) {
			e := load(t, group)
			password, _ := e.password(t)
			chip := e.script(t)
			result, err := pace.Establish(context.Background(), iso7816.NewChannel(chip), e.info(t), password, bytes.NewReader(e.random(t)))
			require.NoError(t, err)
			require.Equal(t, 6, chip.sent)
			requireSession(t, sm.AES128, e.KSEnc, e.KSMAC, result.State)

			if e.CAIC == nil {
				require.Nil(t, result.ChipAuthentication)
				return
			}
			require.Equal(t, &pace.ChipAuthenticationData{ParameterID: e.ParameterID, Data: e.CAIC, MappingKey: e.PKMapIC}, result.ChipAuthentication)
			require.NoError(t, result.ChipAuthentication.Verify(e.StaticKey))
			require.ErrorIs(t, result.ChipAuthentication.Verify(e.PKIC), pace.ErrNotAuthentic, "another key")
		})
	}
}

// requireSession compares what sessions do: the keys themselves are not to be had.
func requireSession(t testing.TB, a sm.Algorithm, ksEnc, ksMAC []byte, state *sm.State) {
	require.Equal(t, a, state.Algorithm())
	require.Equal(t, make([]byte, a.BlockSize()), state.SSC(), "the counter starts at zero (Doc 9303-11, 9.8.6.3 and 9.8.7.3)")
	want, err := sm.NewState(a, ksEnc, ksMAC, make([]byte, a.BlockSize()))
	require.NoError(t, err)
	one, two := bytes.Repeat([]byte{7}, 16), bytes.Repeat([]byte{7}, 16)
	state.Encrypt(one)
	want.Encrypt(two)
	require.Equal(t, two, one)
	require.Equal(t, want.MAC(nil, nil, one), state.MAC(nil, nil, one))
}

// The card side of these tests computes every value that the examples print, so
// that it is a fair partner of the reader in the tests below.
func TestCardSideComputesTheWorkedExamples(t *testing.T) {
	for _, group := range examples {
		t.Run(group, func(t *testing.T) {
			e := load(t, group)
			_, key := e.password(t)
			if e.K != nil {
				require.Equal(t, []byte(e.K), key)
			}
			domain := e.domain(t)
			element := func(b []byte) ec.Element {
				decoded, err := domain.Decode(b)
				require.NoError(t, err)
				return decoded
			}
			c := newChip(t, e.info(t), key)
			c.nonce = e.Nonce
			require.Equal(t, []byte(e.KPi), c.cipher.DeriveKey(key, sm.CounterPassword))
			require.Equal(t, []byte(e.EncryptedNonce), c.encryptedNonce())

			if e.NonceT != nil {
				number := cardPseudoRandom(t, c.cipher, e.Nonce, e.NonceT, domain.Bits())
				require.Equal(t, []byte(e.RST), number)
				p := new(big.Int).SetBytes(number)
				generator, err := domain.MapInteger(p)
				require.NoError(t, err)
				require.Equal(t, []byte(e.Generator), generator.Encode())
			} else {
				private := domain.Reduce(e.SKMapIFD)
				require.Equal(t, []byte(e.PKMapIFD), multiply(t, domain.Generator(), private).Encode())
				h := multiply(t, element(e.PKMapIC), private)
				require.Equal(t, []byte(e.H), h.Encode())
				if e.SKMapIC != nil {
					require.Equal(t, h, multiply(t, element(e.PKMapIFD), domain.Reduce(e.SKMapIC)))
				}
				require.Equal(t, []byte(e.Generator), c.shift(h).Encode())
			}
			private := domain.Reduce(e.SKIFD)
			require.Equal(t, []byte(e.PKIFD), multiply(t, element(e.Generator), private).Encode())
			shared := multiply(t, element(e.PKIC), private)
			require.Equal(t, []byte(e.SharedSecret), shared.Secret())
			if e.SKIC != nil {
				require.Equal(t, shared, multiply(t, element(e.PKIFD), domain.Reduce(e.SKIC)))
			}
			c.secret = shared.Secret()
			require.Equal(t, []byte(e.KSEnc), c.sessionKey(sm.CounterEnc))
			require.Equal(t, []byte(e.KSMAC), c.sessionKey(sm.CounterMAC))
			if e.InputIFD != nil {
				require.Equal(t, []byte(e.InputIFD), c.tokenInput(e.PKIC))
				require.Equal(t, []byte(e.InputIC), c.tokenInput(e.PKIFD))
			}
			require.Equal(t, []byte(e.TIFD), c.token(e.PKIC))
			require.Equal(t, []byte(e.TIC), c.token(e.PKIFD))
			if e.CAIC != nil {
				require.Equal(t, []byte(e.Encrypted), c.encryptChipAuthentication(e.CAIC))
			}
		})
	}
}
