package virtual_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/ec"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
	"passport-agent/virtual"
)

// proving is the specimen with keys to prove its chip with.
func proving(t *testing.T, o virtual.Options) *virtual.Document {
	t.Helper()
	o.Files = map[virtual.File][]byte{virtual.DataGroup(1): dg1Of(specimenZone), virtual.DataGroup(2): specimen().Files[virtual.DataGroup(2)]}
	document, err := virtual.Personalise(o)
	require.NoError(t, err)
	return document
}

func provingChip(t *testing.T, document *virtual.Document, p virtual.Profile) *virtual.Chip {
	t.Helper()
	chip, err := virtual.NewChip(document, virtual.ChipOptions{Profile: p})
	require.NoError(t, err)
	return chip
}

// setKAT and the two commands of the other way (Doc 9303-11, 6.2.4).
func setKAT(public []byte, reference ...byte) iso7816.Command {
	data := iso7816.AppendTLV(nil, 0x91, public)
	if reference != nil {
		data = iso7816.AppendTLV(data, 0x84, reference)
	}
	return iso7816.Command{INS: 0x22, P1: 0x41, P2: 0xA6, Data: data}
}

func setChipAT(kind, cipher byte, reference ...byte) iso7816.Command {
	data := iso7816.AppendTLV(nil, 0x80, []byte{0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x03, kind, cipher})
	if reference != nil {
		data = iso7816.AppendTLV(data, 0x84, reference)
	}
	return iso7816.Command{INS: 0x22, P1: 0x41, P2: 0xA4, Data: data}
}

func ephemeral(public []byte) iso7816.Command {
	return iso7816.Command{INS: 0x86, Data: iso7816.AppendTLV(nil, 0x7C, iso7816.AppendTLV(nil, 0x80, public)), Ne: 256}
}

// agreed computes the new session from both keys, on its own.
func agreed(t *testing.T, chip iso7816.Card, key virtual.ChipKey, a sm.Algorithm, own ec.Scalar) *terminal {
	t.Helper()
	domain, err := ec.ByID(key.ParameterID)
	require.NoError(t, err)
	private, err := domain.Scalar(key.Private)
	require.NoError(t, err)
	public, err := domain.Generator().Multiply(private)
	require.NoError(t, err)
	shared, err := public.Multiply(own)
	require.NoError(t, err)
	state, err := sm.NewState(a, a.DeriveKey(shared.Secret(), sm.CounterEnc), a.DeriveKey(shared.Secret(), sm.CounterMAC), make([]byte, a.BlockSize()))
	require.NoError(t, err)
	return &terminal{t, chip, sm.NewSession(state)}
}

func pair(t *testing.T, id int) (ec.Scalar, []byte) {
	t.Helper()
	domain, err := ec.ByID(id)
	require.NoError(t, err)
	private, err := domain.NewScalar(rand.Reader)
	require.NoError(t, err)
	public, err := domain.Generator().Multiply(private)
	require.NoError(t, err)
	return private, public.Encode()
}

// Chip Authentication both ways: the answer is still under the old keys, what follows
// under the new ones from a counter of zero, and the old ones are gone.
func TestChipAuthenticationChangesTheKeys(t *testing.T) {
	for id, kind := range map[int]byte{0: 1, 11: 2, 12: 2} {
		document := proving(t, virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{{Protocol: map[byte]string{1: "DH-3DES", 2: "ECDH-3DES"}[kind], ParameterID: id}}})
		chip := provingChip(t, document, virtual.Profile{})
		old := authenticate(t, chip)
		own, public := pair(t, id)
		old.expect(iso7816.SWSuccess, setKAT(public))
		fresh := agreed(t, chip, document.ChipAuthenticationKeys[0], sm.TDES, own)
		require.Equal(t, document.Files["DG1"], fresh.readFile(1, 93))

		for i, a := range []sm.Algorithm{sm.TDES, sm.AES128, sm.AES192, sm.AES256} {
			fresh.expect(iso7816.SWSuccess, setChipAT(kind, byte(i+1)))
			own, public := pair(t, id)
			response, err := fresh.exchange(ephemeral(public))
			require.NoError(t, err)
			require.Equal(t, iso7816.Response{Data: []byte{0x7C, 0x00}, SW: iso7816.SWSuccess}, response)
			fresh = agreed(t, chip, document.ChipAuthenticationKeys[0], a, own)
			require.Equal(t, document.Files["DG1"], fresh.readFile(1, 93))
		}
		_, err := old.exchange(read(1, 0, 4))
		require.ErrorIs(t, err, iso7816.SWSMObjectsIncorrect)
	}
}

// A public key that was sent before is refused where the profile says so, in a later
// session too.
func TestRepeatedEphemeralKeys(t *testing.T) {
	document := proving(t, virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{{Protocol: "ECDH-3DES", ParameterID: 12}}})
	_, public := pair(t, 12)
	_, other := pair(t, 12)
	for refused, want := range map[virtual.Status]iso7816.StatusWord{0: iso7816.SWSuccess, 0x6300: iso7816.SWAuthenticationFailed} {
		chip := provingChip(t, document, virtual.Profile{RepeatedEphemeralKey: refused})
		authenticate(t, chip).expect(iso7816.SWSuccess, setKAT(public))
		require.NoError(t, chip.Reset(t.Context()))
		authenticate(t, chip).expect(want, setKAT(public))
		require.NoError(t, chip.Reset(t.Context()))
		authenticate(t, chip).expect(iso7816.SWSuccess, setKAT(other))
	}
}

// What the card refuses, and with which status word; the old session goes on.
func TestChipAuthenticationIsRefused(t *testing.T) {
	document := proving(t, virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{
		{Protocol: "ECDH-3DES", ParameterID: 12, KeyID: 1}, {Protocol: "ECDH-AES-128", ParameterID: 12, KeyID: 2},
	}})
	x := authenticate(t, provingChip(t, document, virtual.Profile{}))
	_, public := pair(t, 12)
	offCurve := append([]byte(nil), public...)
	offCurve[len(offCurve)-1] ^= 1
	x.expect(iso7816.SWReferenceNotFound, setKAT(public))    // two keys: which?
	x.expect(iso7816.SWReferenceNotFound, setKAT(public, 3)) // none of them
	x.expect(iso7816.SWReferenceNotFound, setChipAT(2, 2))
	x.expect(iso7816.SWReferenceNotFound, setChipAT(2, 2, 9))
	x.expect(iso7816.SWWrongData, setChipAT(1, 2, 1)) // DH with a key on a curve
	x.expect(iso7816.SWWrongData, setKAT(offCurve, 1))
	x.expect(iso7816.SWWrongData, setKAT(public[:3], 1))
	x.expect(iso7816.SWWrongData, iso7816.Command{INS: 0x22, P1: 0x41, P2: 0xA6, Data: []byte{0x84, 1, 1}})
	x.expect(iso7816.SWSuccess, setChipAT(2, 2, 1))
	x.expect(iso7816.SWWrongData, ephemeral(offCurve))
	x.expect(iso7816.SWWrongINS, ephemeral(public)) // the selection serves once, and there is no PACE
	require.Equal(t, document.Files["DG1"], x.readFile(1, 93))

	chip := provingChip(t, document, virtual.Profile{})
	require.Equal(t, iso7816.SWSuccess, status(t, chip, selectApplication...))
	require.Equal(t, iso7816.SWSecurityStatus, status(t, chip, plain(t, setKAT(public, 1))...))
}

// A document without keys has a chip that does not know the commands.
func TestChipWithoutKeys(t *testing.T) {
	x := authenticate(t, newChip(t, virtual.Profile{}))
	_, public := pair(t, 12)
	x.expect(iso7816.SWWrongINS, setKAT(public))
	x.expect(iso7816.SWWrongINS, internalAuthenticate())
}

func internalAuthenticate() iso7816.Command {
	return iso7816.Command{INS: 0x88, Data: []byte("RND.IFD!"), Ne: 256}
}

// INTERNAL AUTHENTICATE with RSA: the block of ISO/IEC 9796-2 is header, nonce, hash
// over nonce and challenge, and the trailer of the hash.
func TestActiveAuthenticationWithRSA(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	for hash, trailer := range map[crypto.Hash][]byte{
		crypto.SHA1: {0xBC}, crypto.SHA224: {0x38, 0xCC}, crypto.SHA256: {0x34, 0xCC}, crypto.SHA384: {0x36, 0xCC}, crypto.SHA512: {0x35, 0xCC},
	} {
		document := proving(t, virtual.Options{ActiveAuthentication: &virtual.ActiveAuthentication{RSA: key, Hash: hash}})
		x := authenticate(t, provingChip(t, document, virtual.Profile{}))
		response, err := x.exchange(iso7816.Command{INS: 0x88, Data: []byte("RND.IFD!"), Ne: 128})
		require.NoError(t, err)
		require.Equal(t, iso7816.SWSuccess, response.SW)
		require.Len(t, response.Data, 128)
		block := new(big.Int).Exp(new(big.Int).SetBytes(response.Data), big.NewInt(int64(key.E)), key.N).FillBytes(make([]byte, 128))
		require.Equal(t, byte(0x6A), block[0])
		end := len(block) - len(trailer)
		require.Equal(t, trailer, block[end:])
		h := hash.New()
		h.Write(block[1 : end-hash.Size()])
		h.Write([]byte("RND.IFD!"))
		require.Equal(t, h.Sum(nil), block[end-hash.Size():end])
	}
	document := proving(t, virtual.Options{ActiveAuthentication: &virtual.ActiveAuthentication{RSA: key}})
	chip := provingChip(t, document, virtual.Profile{})
	require.Equal(t, iso7816.SWSuccess, status(t, chip, selectApplication...))
	require.Equal(t, iso7816.SWSecurityStatus, status(t, chip, plain(t, internalAuthenticate())...))
	x := again(t, chip)
	x.expect(iso7816.SWWrongLength, iso7816.Command{INS: 0x88, Data: []byte("short"), Ne: 128})
	x.expect(iso7816.SWIncorrectP1P2, iso7816.Command{INS: 0x88, P1: 1, Data: []byte("RND.IFD!"), Ne: 128})
	x.expect(iso7816.SWWrongLength, iso7816.Command{INS: 0x88, Data: []byte("RND.IFD!"), Ne: 64})
}

// With a curve the signature is over the challenge alone, r and s side by side or, as a
// quirk, in a SEQUENCE.
func TestActiveAuthenticationWithECDSA(t *testing.T) {
	for id := 8; id <= 18; id++ {
		document := proving(t, virtual.Options{ActiveAuthentication: &virtual.ActiveAuthentication{ParameterID: id, Hash: crypto.SHA224}})
		domain, err := ec.ByID(id)
		require.NoError(t, err)
		private, err := domain.Scalar(document.ActiveKey.Private)
		require.NoError(t, err)
		public, err := domain.Generator().Multiply(private)
		require.NoError(t, err)
		h := crypto.SHA224.New()
		h.Write([]byte("RND.IFD!"))
		size := (domain.Order().BitLen() + 7) / 8
		for _, fault := range []virtual.ActiveFault{"", virtual.ActiveDER} {
			x := authenticate(t, provingChip(t, document, virtual.Profile{ActiveAuthenticationFault: fault}))
			response, err := x.exchange(internalAuthenticate())
			require.NoError(t, err)
			var n struct{ R, S *big.Int }
			if fault == virtual.ActiveDER {
				_, err = asn1.Unmarshal(response.Data, &n)
				require.NoError(t, err)
			} else {
				require.Len(t, response.Data, 2*size)
				n.R, n.S = new(big.Int).SetBytes(response.Data[:size]), new(big.Int).SetBytes(response.Data[size:])
			}
			require.True(t, ec.VerifyECDSA(public, h.Sum(nil), n.R, n.S), "%d %s", id, fault)
		}
	}
}

// A document that makes no sense is not made.
func TestKeysThatCannotBeOffered(t *testing.T) {
	for _, o := range []virtual.Options{
		{ChipAuthentication: []virtual.ChipAuthenticationInfo{{Protocol: "ECDH-3DES", ParameterID: 0}}},
		{ChipAuthentication: []virtual.ChipAuthenticationInfo{{Protocol: "DH-3DES", ParameterID: 12}}},
		{ChipAuthentication: []virtual.ChipAuthenticationInfo{{Protocol: "ECDH-DES", ParameterID: 12}}},
		{ChipAuthentication: []virtual.ChipAuthenticationInfo{{Protocol: "RSA-3DES", ParameterID: 12}}},
		{ChipAuthentication: []virtual.ChipAuthenticationInfo{{Protocol: "ECDH-3DES", ParameterID: 99}}},
		{ActiveAuthentication: &virtual.ActiveAuthentication{ParameterID: 1}}, {ActiveAuthentication: &virtual.ActiveAuthentication{ParameterID: 99}},
	} {
		_, err := virtual.Personalise(o)
		require.ErrorIs(t, err, virtual.ErrDocument)
	}
	for _, profile := range []virtual.Profile{{ChipAuthenticationFault: "?"}, {ActiveAuthenticationFault: "?"}, {SignatureLength: "?"}} {
		_, err := virtual.NewChip(specimen(), virtual.ChipOptions{Profile: profile})
		require.ErrorIs(t, err, virtual.ErrProfile)
	}
}
