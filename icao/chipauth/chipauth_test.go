package chipauth_test

import (
	"context"
	"crypto/rand"
	"encoding/asn1"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/chipauth"
	"passport-agent/icao/lds"
	"passport-agent/internal/icaotest"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
	"passport-agent/virtual"
)

// open is the application of a chip without access control, so that the protocols are
// alone.
func open(t *testing.T, document *virtual.Document, profile virtual.Profile) (*virtual.Chip, *iso7816.Channel) {
	t.Helper()
	profile.Access = virtual.AccessNone
	chip, err := virtual.NewChip(document, virtual.ChipOptions{Profile: profile})
	require.NoError(t, err)
	channel := iso7816.NewChannel(chip)
	response, err := channel.Exchange(context.Background(), iso7816.Command{INS: iso7816.InsSelect, P1: 0x04, P2: 0x0C, Data: lds.AID[:]})
	require.NoError(t, err)
	require.Equal(t, iso7816.SWSuccess, response.SW)
	return chip, channel
}

func personalise(t *testing.T, o virtual.Options) *virtual.Document {
	t.Helper()
	// A portrait takes longer to draw than a key to use.
	o.Files = map[virtual.File][]byte{virtual.DataGroup(2): {0x75, 0x00}}
	document, err := virtual.Personalise(o)
	require.NoError(t, err)
	return document
}

func offered(t testing.TB, document *virtual.Document) ([]chipauth.Info, []chipauth.PublicKeyInfo) {
	t.Helper()
	infos, err := lds.ParseDG14(document.Files[virtual.DataGroup(14)])
	require.NoError(t, err)
	var all []chipauth.Info
	for _, i := range infos.ChipAuthentication {
		all = append(all, chipauth.Info{Protocol: i.Protocol, Version: i.Version, KeyID: i.KeyID})
	}
	var keys []chipauth.PublicKeyInfo
	for _, i := range infos.ChipAuthenticationPublicKeys {
		keys = append(keys, chipauth.PublicKeyInfo{
			Protocol: i.Protocol, Algorithm: i.PublicKey.Algorithm.Algorithm, Parameters: i.PublicKey.Algorithm.Parameters.FullBytes,
			Key: i.PublicKey.PublicKey.Bytes, KeyID: i.KeyID,
		})
	}
	return all, keys
}

// readUnder reads the head of DG1 under the new keys: the first answer that proves the
// chip.
func readUnder(channel *iso7816.Channel, state *sm.State) error {
	_, err := sm.NewChannel(channel, state).Exchange(context.Background(), iso7816.Command{INS: iso7816.InsReadBinary, P1: 0x81, Ne: 4})
	return err
}

// Every protocol of Doc 9303-11, 9.2.7, over every group and in every form of domain
// parameters, in the number of commands that its cipher costs.
func TestChipAuthenticationOverEveryGroup(t *testing.T) {
	for id, encodings := range map[int][]virtual.KeyEncoding{
		0: {"", virtual.EncodingX942}, 1: {virtual.EncodingStandardized}, 2: {virtual.EncodingX942},
		8: {""}, 9: {""}, 10: {""}, 11: {""}, 12: {"", virtual.EncodingNamed}, 13: {"", virtual.EncodingStandardized, virtual.EncodingNamed},
		14: {""}, 15: {""}, 16: {""}, 17: {""}, 18: {""},
	} {
		kind := "ECDH-"
		if id < 3 {
			kind = "DH-"
		}
		for _, encoding := range encodings {
			for cipher, commands := range map[string]int{"3DES": 1, "AES-128": 2, "AES-192": 2, "AES-256": 2} {
				document := personalise(t, virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{{Protocol: kind + cipher, ParameterID: id, Encoding: encoding}}})
				chip, channel := open(t, document, virtual.Profile{Extended: &virtual.Extended{}})
				infos, keys := offered(t, document)
				offers, err := chipauth.Offers(infos, keys)
				require.NoError(t, err)
				require.Len(t, offers, 1)
				require.Equal(t, "CA-"+kind+cipher, offers[0].Name())
				require.Equal(t, id == 1 || id == 2, offers[0].NeedsExtended())
				before := chip.Counters().Commands
				state, err := chipauth.Run(context.Background(), channel, offers[0], rand.Reader)
				require.NoError(t, err, "%s %d %s", kind+cipher, id, encoding)
				require.Equal(t, commands, chip.Counters().Commands-before)
				require.Equal(t, make([]byte, state.Algorithm().BlockSize()), state.SSC())
				require.NoError(t, readUnder(channel, state), "%s %d %s", kind+cipher, id, encoding)
			}
		}
	}
}

// Two runs never have the same ephemeral key.
func TestEphemeralKeysAreFresh(t *testing.T) {
	document := personalise(t, virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{{Protocol: "ECDH-3DES", ParameterID: 11}}})
	chip, channel := open(t, document, virtual.Profile{})
	offers, err := chipauth.Offers(offered(t, document))
	require.NoError(t, err)
	for range 4 {
		require.NoError(t, chip.Reset(context.Background()))
		_, err = channel.Exchange(context.Background(), iso7816.Command{INS: iso7816.InsSelect, P1: 0x04, P2: 0x0C, Data: lds.AID[:]})
		require.NoError(t, err)
		_, err = chipauth.Run(context.Background(), channel, offers[0], rand.Reader)
		require.NoError(t, err)
	}
	seen := slices.Sorted(slices.Values(chip.EphemeralKeys()))
	require.Len(t, slices.Compact(seen), 4)
}

// One, two and three keys, with references and without: the strongest is taken, and
// the chip is told which.
func TestKeyReferences(t *testing.T) {
	one := virtual.ChipAuthenticationInfo{Protocol: "ECDH-3DES", ParameterID: 11, KeyID: 1}
	two := virtual.ChipAuthenticationInfo{Protocol: "ECDH-AES-128", ParameterID: 12, KeyID: 2}
	three := virtual.ChipAuthenticationInfo{Protocol: "ECDH-AES-256", ParameterID: 17, KeyID: 300}
	shared := virtual.ChipAuthenticationInfo{Protocol: "ECDH-AES-192", ParameterID: 12, KeyID: 2}
	for want, infos := range map[string][]virtual.ChipAuthenticationInfo{
		"CA-ECDH-3DES": {one}, "CA-ECDH-AES-128": {one, two}, "CA-ECDH-AES-256": {one, three, two}, "CA-ECDH-AES-192": {two, one, shared},
	} {
		document := personalise(t, virtual.Options{ChipAuthentication: infos})
		_, channel := open(t, document, virtual.Profile{})
		offers, err := chipauth.Offers(offered(t, document))
		require.NoError(t, err)
		require.Len(t, offers, len(infos))
		require.Equal(t, want, offers[0].Name())
		for i, offer := range offers {
			_, again := open(t, document, virtual.Profile{})
			state, err := chipauth.Run(context.Background(), again, offer, rand.Reader)
			require.NoError(t, err, "offer %d of %s", i, want)
			require.NoError(t, readUnder(again, state))
		}
		_ = channel
	}
}

// DG14 with a key alone means 3DES (French documents).
func TestImplied3DES(t *testing.T) {
	for protocol, id := range map[string]int{"ECDH-3DES": 11, "DH-3DES": 0} {
		document := personalise(t, virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{{Protocol: protocol, ParameterID: id, Fault: virtual.ChipKeyNoInfo}}})
		infos, keys := offered(t, document)
		require.Empty(t, infos)
		_, err := chipauth.Offers(infos, keys)
		require.ErrorIs(t, err, chipauth.ErrMalformed, "not without being asked")
		offers, err := chipauth.Offers(chipauth.Implied(keys), keys)
		require.NoError(t, err)
		require.Equal(t, "CA-"+protocol, offers[0].Name())
		_, channel := open(t, document, virtual.Profile{})
		state, err := chipauth.Run(context.Background(), channel, offers[0], rand.Reader)
		require.NoError(t, err)
		require.NoError(t, readUnder(channel, state))
	}
}

// Chips that know MSE:Set AT alone are asked that way for 3DES, too (Doc 9303-11, 8.5,
// note 1).
func TestSetATFor3DES(t *testing.T) {
	document := personalise(t, virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{{Protocol: "ECDH-3DES", ParameterID: 12}}})
	chip, channel := open(t, document, virtual.Profile{MSESetKAT: 0x6A86})
	offers, err := chipauth.Offers(offered(t, document))
	require.NoError(t, err)
	state, err := chipauth.Run(context.Background(), channel, offers[0], rand.Reader)
	require.NoError(t, err)
	require.NoError(t, readUnder(channel, state))
	require.Equal(t, 1, chip.Counters().ByInstruction[iso7816.InsGeneralAuthenticate])
}

// What a signed DG14 can get wrong is found before anything is sent.
func TestKeysThatCannotBe(t *testing.T) {
	curve := virtual.ChipAuthenticationInfo{Protocol: "ECDH-3DES", ParameterID: 11, KeyID: 1}
	group := virtual.ChipAuthenticationInfo{Protocol: "DH-AES-128", ParameterID: 0, KeyID: 1}
	for _, c := range []struct {
		info  virtual.ChipAuthenticationInfo
		fault virtual.ChipKeyFault
		want  error
	}{
		{curve, virtual.ChipKeyCorrupt, chipauth.ErrMalformed}, {group, virtual.ChipKeyCorrupt, chipauth.ErrMalformed},
		{group, virtual.ChipKeySmallOrder, chipauth.ErrMalformed}, {curve, virtual.ChipKeyOtherID, chipauth.ErrMalformed},
		{curve, virtual.ChipKeyVersion, chipauth.ErrMalformed}, {curve, virtual.ChipKeyNoKey, chipauth.ErrMalformed},
		{curve, virtual.ChipKeyWrongType, chipauth.ErrMalformed}, {curve, virtual.ChipKeyUnknownCurve, chipauth.ErrUnsupported},
	} {
		c.info.Fault = c.fault
		document := personalise(t, virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{c.info}})
		offers, err := chipauth.Offers(offered(t, document))
		require.ErrorIs(t, err, c.want, "%s %s", c.info.Protocol, c.fault)
		require.Empty(t, offers)
	}
	offers, err := chipauth.Offers(nil, nil)
	require.NoError(t, err)
	require.Empty(t, offers)
	// A point under the identifier of numbers, and the other way round.
	document := personalise(t, virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{curve}})
	infos, keys := offered(t, document)
	infos[0].Protocol = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 3, 1, 1}
	keys[0].Protocol = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 1, 1}
	_, err = chipauth.Offers(infos, keys)
	require.ErrorIs(t, err, chipauth.ErrMalformed)
	require.ErrorContains(t, err, "brainpoolP224r1 under")
}

// A refusal names the step and the status word.
func TestRefusalOfAKeyReference(t *testing.T) {
	for protocol, step := range map[string]string{"ECDH-3DES": chipauth.StepSetKAT, "ECDH-AES-128": chipauth.StepSetAT} {
		for _, sw := range []iso7816.StatusWord{0x6A80, 0x6A88, 0x6300, 0x6985, 0x6F00} {
			document := personalise(t, virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{{Protocol: protocol, ParameterID: 11, KeyID: 5}}})
			_, channel := open(t, document, virtual.Profile{KeyReferenceStatus: virtual.Status(sw)})
			offers, err := chipauth.Offers(offered(t, document))
			require.NoError(t, err)
			_, err = chipauth.Run(context.Background(), channel, offers[0], rand.Reader)
			var refused *chipauth.StepError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, chipauth.StepError{Step: step, SW: sw}, *refused)
		}
	}
}

// The first answer under the new keys is what tells a copy.
func TestClonesFailAtTheFirstAnswer(t *testing.T) {
	for _, fault := range []virtual.ChipAuthenticationFault{"", virtual.ChipClone, virtual.ChipForger, virtual.ChipOldKeys, virtual.ChipPlain, virtual.ChipMalformed} {
		document := personalise(t, virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{{Protocol: "ECDH-AES-128", ParameterID: 12}}})
		_, channel := open(t, document, virtual.Profile{ChipAuthenticationFault: fault})
		offers, err := chipauth.Offers(offered(t, document))
		require.NoError(t, err)
		state, err := chipauth.Run(context.Background(), channel, offers[0], rand.Reader)
		if fault == virtual.ChipMalformed {
			require.ErrorIs(t, err, chipauth.ErrMalformed)
			continue
		}
		require.NoError(t, err)
		if err = readUnder(channel, state); fault == "" {
			require.NoError(t, err)
		} else {
			require.Error(t, err, string(fault))
		}
	}
}

// The static key of Chip Authentication Mapping in the worked example of Doc 9303-11, I.1.
func TestStaticKeyOfTheWorkedExample(t *testing.T) {
	var examples []struct {
		Info   icaotest.Hex `json:"chip_auth_public_key_info"`
		Static icaotest.Hex `json:"pk_ic_static"`
	}
	icaotest.Load(t, "pace_i1_ecdh_cam", &examples)
	infos, err := lds.ParseCardAccess(iso7816.AppendTLV(nil, 0x31, examples[0].Info))
	require.NoError(t, err)
	i := infos.ChipAuthenticationPublicKeys[0]
	keys := []chipauth.PublicKeyInfo{{
		Protocol: i.Protocol, Algorithm: i.PublicKey.Algorithm.Algorithm, Parameters: i.PublicKey.Algorithm.Parameters.FullBytes,
		Key: i.PublicKey.PublicKey.Bytes, KeyID: i.KeyID,
	}}
	static, err := chipauth.StaticKey(keys, 13)
	require.NoError(t, err)
	require.Equal(t, []byte(examples[0].Static), static)
	_, err = chipauth.StaticKey(keys, 12)
	require.ErrorIs(t, err, chipauth.ErrMalformed)
	keys[0].KeyID = 12
	_, err = chipauth.StaticKey(keys, 12)
	require.ErrorIs(t, err, chipauth.ErrMalformed, "the key is one of another curve than its number says")
	keys[0].Protocol = asn1.ObjectIdentifier{1, 2, 3}
	_, err = chipauth.StaticKey(keys, 12)
	require.ErrorIs(t, err, chipauth.ErrMalformed)
}

// The key of the BSI reference passport: brainpoolP224r1 in explicit parameters.
func TestReferencePassportRunsChipAuthentication(t *testing.T) {
	folder := icaotest.SharedData(t, "bsi-reference-passport")
	document, err := virtual.LoadFolder(folder)
	require.NoError(t, err)
	private, _ := icaotest.PrivateKeys(t, folder)
	document.ChipAuthenticationKeys = []virtual.ChipKey{{ParameterID: 11, Private: private}}
	offers, err := chipauth.Offers(offered(t, document))
	require.NoError(t, err)
	require.Equal(t, "CA-ECDH-3DES", offers[0].Name())
	require.Equal(t, "brainpoolP224r1", offers[0].Key())
	_, channel := open(t, document, virtual.Profile{})
	state, err := chipauth.Run(context.Background(), channel, offers[0], rand.Reader)
	require.NoError(t, err)
	require.NoError(t, readUnder(channel, state))
}
