package chipauth_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"math/big"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/chipauth"
	"passport-agent/icao/lds"
	"passport-agent/internal/icaotest"
	"passport-agent/iso7816"
	"passport-agent/virtual"
)

var challenge = []byte{0xF1, 0x73, 0x58, 0x99, 0x74, 0xBF, 0x40, 0xC6}

var hashes = []crypto.Hash{crypto.SHA1, crypto.SHA224, crypto.SHA256, crypto.SHA384, crypto.SHA512}

// keyOf reads a document's key as a reader does.
func keyOf(t *testing.T, document *virtual.Document) chipauth.ActiveKey {
	t.Helper()
	public, err := lds.ParseDG15(document.Files[virtual.DataGroup(15)])
	require.NoError(t, err)
	key := chipauth.ActiveKey{RSA: public.RSA()}
	key.Curve, key.Point = public.EC()
	if file := document.Files[virtual.DataGroup(14)]; file != nil {
		infos, err := lds.ParseDG14(file)
		require.NoError(t, err)
		if len(infos.ActiveAuthentication) > 0 {
			key.Algorithm = infos.ActiveAuthentication[0].SignatureAlgorithm
		}
	}
	return key
}

func sign(t *testing.T, document *virtual.Document, profile virtual.Profile) (chipauth.ActiveKey, []byte) {
	t.Helper()
	key := keyOf(t, document)
	_, channel := open(t, document, profile)
	signature, err := chipauth.Sign(context.Background(), channel, challenge, key.SignatureSize(), chipauth.Room{Short: 256, Extended: true})
	require.NoError(t, err)
	return key, signature
}

var rsaKeys = map[int]*rsa.PrivateKey{}

func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	if rsaKeys[bits] == nil {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		require.NoError(t, err)
		rsaKeys[bits] = key
	}
	return rsaKeys[bits]
}

// The block of Doc 9303-11, F, signed with a key of ours, since the example has none:
// header, nonce, hash and trailer are read as they stand there.
func TestWorkedExampleOfActiveAuthentication(t *testing.T) {
	var examples []struct {
		Challenge icaotest.Hex `json:"rnd_ifd"`
		Block     icaotest.Hex `json:"f"`
		Hash      icaotest.Hex `json:"h"`
	}
	icaotest.Load(t, "aa_f", &examples)
	key := rsaKey(t, 1024)
	f := new(big.Int).SetBytes(examples[0].Block)
	signature := f.Exp(f, key.D, key.N).FillBytes(make([]byte, 128))
	active := chipauth.ActiveKey{RSA: &key.PublicKey}
	verified, err := active.Verify(examples[0].Challenge, signature)
	require.NoError(t, err)
	require.Equal(t, chipauth.Verified{Algorithm: "RSA 1024, SHA-1"}, verified)
	_, err = active.Verify(challengeOther(examples[0].Challenge), signature)
	require.ErrorIs(t, err, chipauth.ErrNotAuthentic)
}

func challengeOther(c []byte) []byte {
	other := slices.Clone(c)
	other[7] ^= 1
	return other
}

// RSA of several lengths with every hash function and its trailer, in both forms of the
// root and with a padded nonce.
func TestRSAWithEveryHash(t *testing.T) {
	for _, bits := range []int{1024, 1280, 2048} {
		for _, hash := range hashes {
			document := personalise(t, virtual.Options{ActiveAuthentication: &virtual.ActiveAuthentication{RSA: rsaKey(t, bits), Hash: hash}})
			// The smaller root is the other one every second time.
			for form, times := range map[virtual.ActiveFault]int{"": 1, virtual.ActiveSmallerRoot: 4, virtual.ActiveShortNonce: 1} {
				for range times {
					key, signature := sign(t, document, virtual.Profile{ActiveAuthenticationFault: form, Extended: &virtual.Extended{}})
					verified, err := key.Verify(challenge, signature)
					require.NoError(t, err, "%d %v %s", bits, hash, form)
					require.Empty(t, verified.Deviations)
					require.Contains(t, verified.Algorithm, hash.String())
					_, err = key.Verify(challengeOther(challenge), signature)
					require.ErrorIs(t, err, chipauth.ErrNotAuthentic)
				}
			}
		}
	}
}

// ECDSA over every curve with every hash, in plain form and as a SEQUENCE, from named
// and explicit parameters.
func TestECDSAOverEveryCurve(t *testing.T) {
	for id := 8; id <= 18; id++ {
		for i, hash := range hashes {
			document := personalise(t, virtual.Options{ActiveAuthentication: &virtual.ActiveAuthentication{ParameterID: id, Hash: hash, Named: i%2 == 0}})
			for _, form := range []virtual.ActiveFault{"", virtual.ActiveDER} {
				key, signature := sign(t, document, virtual.Profile{ActiveAuthenticationFault: form})
				verified, err := key.Verify(challenge, signature)
				require.NoError(t, err, "%d %v %s", id, hash, form)
				require.Contains(t, verified.Algorithm, hash.String())
				require.Equal(t, form == virtual.ActiveDER, slices.Contains(verified.Deviations, chipauth.DeviationDER), "%d %v", id, hash)
				tooLong := hash == crypto.SHA1 || hash.Size() > (key.Curve.Order().BitLen()+7)/8
				require.Equal(t, tooLong, slices.Contains(verified.Deviations, chipauth.DeviationHash), "%d %v", id, hash)
				_, err = key.Verify(challengeOther(challenge), signature)
				require.ErrorIs(t, err, chipauth.ErrNotAuthentic)
			}
		}
	}
}

// A key on a curve without ActiveAuthenticationInfo is a deviation with a name; with one
// that names no such algorithm nothing can be checked.
func TestActiveAuthenticationInfo(t *testing.T) {
	for _, hash := range hashes {
		document := personalise(t, virtual.Options{ActiveAuthentication: &virtual.ActiveAuthentication{ParameterID: 12, Hash: hash, NoInfo: true}})
		key, signature := sign(t, document, virtual.Profile{})
		verified, err := key.Verify(challenge, signature)
		require.NoError(t, err)
		require.Contains(t, verified.Deviations, chipauth.DeviationNoInfo)
	}
	for _, c := range []struct {
		algorithm asn1.ObjectIdentifier
		hash      crypto.Hash
		want      error
	}{
		{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}, crypto.SHA256, nil}, // the name that X9.62 has for it
		{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}, crypto.SHA256, chipauth.ErrNotAuthentic},
		{asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 1, 1, 4, 1, 9}, crypto.SHA256, chipauth.ErrMalformed},
		{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, crypto.SHA256, chipauth.ErrMalformed},
	} {
		document := personalise(t, virtual.Options{ActiveAuthentication: &virtual.ActiveAuthentication{ParameterID: 12, Hash: c.hash, Algorithm: c.algorithm}})
		key, signature := sign(t, document, virtual.Profile{})
		_, err := key.Verify(challenge, signature)
		if c.want == nil {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, c.want)
	}
}

// Whatever a copy can answer, it is not authentic.
func TestForgedSignatures(t *testing.T) {
	documents := map[string]*virtual.Document{
		"rsa": personalise(t, virtual.Options{ActiveAuthentication: &virtual.ActiveAuthentication{RSA: rsaKey(t, 1024)}}),
		"ec":  personalise(t, virtual.Options{ActiveAuthentication: &virtual.ActiveAuthentication{ParameterID: 13}}),
	}
	for kind, faults := range map[string][]virtual.ActiveFault{
		"rsa": {virtual.ActiveWrongSignature, virtual.ActiveOtherKey, virtual.ActiveStaleChallenge, virtual.ActiveWrongTrailer, virtual.ActiveWrongHeader, virtual.ActiveWholeMessage},
		"ec":  {virtual.ActiveWrongSignature, virtual.ActiveOtherKey, virtual.ActiveStaleChallenge},
	} {
		for _, fault := range faults {
			key, signature := sign(t, documents[kind], virtual.Profile{ActiveAuthenticationFault: fault})
			_, err := key.Verify(challenge, signature)
			require.ErrorIs(t, err, chipauth.ErrNotAuthentic, "%s %s", kind, fault)
		}
		key, good := sign(t, documents[kind], virtual.Profile{})
		for _, signature := range [][]byte{nil, {}, good[1:], append([]byte{0}, good...), make([]byte, len(good)), slices.Repeat([]byte{0xFF}, len(good))} {
			_, err := key.Verify(challenge, signature)
			require.ErrorIs(t, err, chipauth.ErrNotAuthentic)
		}
		_, err := key.Verify(challenge[:7], good)
		require.ErrorIs(t, err, chipauth.ErrNotAuthentic)
	}
}

// A number below the modulus that is a trivial root proves nothing: 1 to any power is 1.
func TestTrivialRootsAreRefused(t *testing.T) {
	key := rsaKey(t, 1024)
	for _, number := range []*big.Int{big.NewInt(1), new(big.Int).Sub(key.N, big.NewInt(1)), key.N} {
		_, err := chipauth.ActiveKey{RSA: &key.PublicKey}.Verify(challenge, number.FillBytes(make([]byte, 128)))
		require.ErrorIs(t, err, chipauth.ErrNotAuthentic)
	}
}

// Keys that would cost time, or are none.
func TestHostileKeys(t *testing.T) {
	huge := new(big.Int).Lsh(big.NewInt(1), 99_999)
	huge.Add(huge, big.NewInt(1))
	good := rsaKey(t, 1024).N
	for name, c := range map[string]struct {
		key  chipauth.ActiveKey
		want error
	}{
		"huge modulus":  {chipauth.ActiveKey{RSA: &rsa.PublicKey{N: huge, E: 65537}}, chipauth.ErrUnsupported},
		"tiny modulus":  {chipauth.ActiveKey{RSA: &rsa.PublicKey{N: big.NewInt(15), E: 3}}, chipauth.ErrUnsupported},
		"huge exponent": {chipauth.ActiveKey{RSA: &rsa.PublicKey{N: good, E: 1<<62 + 1}}, chipauth.ErrUnsupported},
		"exponent one":  {chipauth.ActiveKey{RSA: &rsa.PublicKey{N: good, E: 1}}, chipauth.ErrMalformed},
		"even exponent": {chipauth.ActiveKey{RSA: &rsa.PublicKey{N: good, E: 4}}, chipauth.ErrMalformed},
		"even modulus":  {chipauth.ActiveKey{RSA: &rsa.PublicKey{N: new(big.Int).Lsh(good, 8), E: 3}}, chipauth.ErrMalformed},
		"negative":      {chipauth.ActiveKey{RSA: &rsa.PublicKey{N: new(big.Int).Neg(good), E: 3}}, chipauth.ErrMalformed},
		"none":          {chipauth.ActiveKey{}, chipauth.ErrUnsupported},
	} {
		_, err := c.key.Verify(challenge, make([]byte, 128))
		require.ErrorIs(t, err, c.want, name)
	}
}

// Le is exactly the signature's length; what chips do with another one is lived with
// (chip-quirks, 7 and 8).
func TestLengthOfSignatures(t *testing.T) {
	long := personalise(t, virtual.Options{ActiveAuthentication: &virtual.ActiveAuthentication{RSA: rsaKey(t, 2048)}})
	short := personalise(t, virtual.Options{ActiveAuthentication: &virtual.ActiveAuthentication{RSA: rsaKey(t, 1024)}})
	curve := personalise(t, virtual.Options{ActiveAuthentication: &virtual.ActiveAuthentication{ParameterID: 12}})
	extended := virtual.Profile{Extended: &virtual.Extended{}}
	for name, c := range map[string]struct {
		document *virtual.Document
		profile  virtual.Profile
		length   virtual.SignatureLength
		size     int
		commands int
	}{
		"exact":                          {short, virtual.Profile{}, "", 128, 1},
		"6Cxx to any other":              {short, virtual.Profile{}, virtual.SignatureCorrectLe, 128, 1},
		"6Cxx, size not known":           {curve, virtual.Profile{}, virtual.SignatureCorrectLe, 64, 2},
		"extended, cut to what is asked": {long, extended, virtual.SignatureCut, 256, 1},
		"extended, nothing to too much":  {long, extended, virtual.SignatureNothing, 256, 1},
	} {
		c.profile.SignatureLength = c.length
		key := keyOf(t, c.document)
		chip, channel := open(t, c.document, c.profile)
		before := chip.Counters().Commands
		signature, err := chipauth.Sign(context.Background(), channel, challenge, key.SignatureSize(), chipauth.Room{Short: 231, Extended: true})
		require.NoError(t, err, name)
		require.Len(t, signature, c.size, name)
		require.Equal(t, c.commands, chip.Counters().Commands-before, name)
		_, err = key.Verify(challenge, signature)
		require.NoError(t, err, name)
	}
	_, channel := open(t, long, extended)
	_, err := chipauth.Sign(context.Background(), channel, challenge, 256, chipauth.Room{Short: 231})
	require.ErrorIs(t, err, chipauth.ErrTooLong)
	_, channel = open(t, short, virtual.Profile{InternalAuthenticate: 0x6982})
	_, err = chipauth.Sign(context.Background(), channel, challenge, 128, chipauth.Room{Short: 256})
	require.ErrorIs(t, err, iso7816.SWSecurityStatus)
	var refused *chipauth.StepError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, chipauth.StepInternalAuthenticate, refused.Step)
}

// The pair of keys of the BSI reference passport, of which DG15 has the public one.
func TestReferencePassportRunsActiveAuthentication(t *testing.T) {
	folder := icaotest.SharedData(t, "bsi-reference-passport")
	document, err := virtual.LoadFolder(folder)
	require.NoError(t, err)
	_, private := icaotest.PrivateKeys(t, folder)
	for _, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA224} {
		document.ActiveKey = &virtual.ActiveKey{RSA: private, Hash: hash}
		key, signature := sign(t, document, virtual.Profile{})
		verified, err := key.Verify(challenge, signature)
		require.NoError(t, err)
		require.Equal(t, "RSA 1024, "+hash.String(), verified.Algorithm)
	}
}
