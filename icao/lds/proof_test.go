package lds_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/lds"
	"passport-agent/internal/fault"
	"passport-agent/internal/icaotest"
	"passport-agent/iso7816"
	"passport-agent/virtual"
)

func proving(t *testing.T, active virtual.ActiveAuthentication) *virtual.Document {
	t.Helper()
	document, err := virtual.Personalise(virtual.Options{
		PACE: []virtual.PACEInfo{{Protocol: "ECDH-CAM-AES-128", ParameterID: 13}}, DG14: true, ActiveAuthentication: &active,
		ChipAuthentication: []virtual.ChipAuthenticationInfo{{Protocol: "DH-3DES", ParameterID: 0, KeyID: 1}},
	})
	require.NoError(t, err)
	return document
}

// What a chip says of its keys, each file under its own template.
func TestFilesOfTheChipsProof(t *testing.T) {
	document := proving(t, virtual.ActiveAuthentication{ParameterID: 13})
	dg14, err := lds.ParseDG14(document.Files["DG14"])
	require.NoError(t, err)
	require.Len(t, dg14.ChipAuthentication, 2)
	require.Len(t, dg14.ChipAuthenticationPublicKeys, 2)
	require.Len(t, dg14.ActiveAuthentication, 1)
	require.True(t, dg14.AnnouncesChipAuthentication())

	security, err := lds.ParseCardSecurity(document.Files[virtual.CardSecurity])
	require.NoError(t, err)
	require.Len(t, security.ChipAuthenticationPublicKeys, 1)
	require.Len(t, security.SignedData.Signers, 1)
	access, err := lds.ParseCardAccess(document.Files[virtual.CardAccess])
	require.NoError(t, err)
	require.False(t, access.AnnouncesChipAuthentication())
	require.True(t, access.AnnouncesPACE())
	require.Empty(t, access.Missing(&security.SecurityInfos))
	require.Empty(t, access.Missing(dg14))
	require.Empty(t, dg14.MissingPACE(access))
	require.Len(t, dg14.MissingPACE(&lds.SecurityInfos{}), 1)

	key, err := lds.ParseDG15(document.Files["DG15"])
	require.NoError(t, err)
	require.Equal(t, "brainpoolP256r1", key.String())
	key, err = lds.ParseDG15(proving(t, virtual.ActiveAuthentication{Bits: 1024}).Files["DG15"])
	require.NoError(t, err)
	require.Equal(t, "RSA 1024", key.String())
}

// Wrong tags and lengths (TR-03105-5.1, LDS_F_01 to 03 and LDS_I_01 to 03).
func TestTemplatesOfDG14AndDG15(t *testing.T) {
	document := proving(t, virtual.ActiveAuthentication{ParameterID: 12})
	for file, parse := range map[virtual.File]func([]byte) error{
		"DG14":               func(b []byte) error { _, err := lds.ParseDG14(b); return err },
		"DG15":               func(b []byte) error { _, err := lds.ParseDG15(b); return err },
		virtual.CardSecurity: func(b []byte) error { _, err := lds.ParseCardSecurity(b); return err },
	} {
		good := document.Files[file]
		require.NoError(t, parse(good))
		tag, short, long := bytes.Clone(good), bytes.Clone(good), bytes.Clone(good)
		tag[0]++
		short[3]--
		long[3]++
		for name, b := range map[string][]byte{"tag": tag, "too small": short, "too big": long, "cut": good[:len(good)-1], "behind": append(bytes.Clone(good), 0), "empty": nil} {
			require.ErrorIs(t, parse(b), fault.FileMalformed, "%s, %s", file, name)
		}
	}
	_, err := lds.ParseCardSecurity(document.Files[virtual.SOD][4:])
	require.ErrorIs(t, err, fault.FileMalformed, "a list of hashes is no EF.CardSecurity")
	dsa := iso7816.AppendTLV(nil, 0x6F, []byte{0x30, 0x0E, 0x30, 0x09, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3E, 0x02, 0x01, 0x03, 0x01, 0x00})
	_, err = lds.ParseDG15(dsa)
	require.ErrorIs(t, err, fault.UnsupportedAlgorithm, "a key that signs nothing")
}

// A key of hostile size is refused before it is used.
func TestHostileKeysInDG15(t *testing.T) {
	integer := func(n int) []byte { return iso7816.AppendTLV(nil, 0x02, append([]byte{0x7F}, make([]byte, n-1)...)) }
	rsa := []byte{0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00}
	for name, key := range map[string][]byte{"modulus": append(integer(20_000), integer(3)...), "exponent": append(integer(128), integer(100)...)} {
		bits := iso7816.AppendTLV(nil, 0x03, append([]byte{0}, iso7816.AppendTLV(nil, 0x30, key)...))
		info := iso7816.AppendTLV(nil, 0x30, append(bytes.Clone(rsa), bits...))
		_, err := lds.ParseDG15(iso7816.AppendTLV(nil, 0x6F, info))
		require.ErrorIs(t, err, fault.UnsupportedAlgorithm, name)
	}
}

// The optional files never keep a document from being read, and are hashed as they are.
func TestOptionalFiles(t *testing.T) {
	document := proving(t, virtual.ActiveAuthentication{ParameterID: 12})
	files := map[lds.File][]byte{
		lds.COM: document.Files[virtual.COM], lds.SOD: document.Files[virtual.SOD], lds.DG1: document.Files["DG1"], lds.DG2: document.Files["DG2"],
		lds.DG14: document.Files["DG14"], lds.DG15: document.Files["DG15"], lds.CardAccess: document.Files[virtual.CardAccess], lds.CardSecurity: document.Files[virtual.CardSecurity],
	}
	d, err := lds.Parse(files)
	require.NoError(t, err)
	require.NotNil(t, d.DG14)
	require.NotNil(t, d.CardAccess)
	require.NotNil(t, d.CardSecurity)
	require.Empty(t, d.Warnings())
	require.Equal(t, d.SOD.DataGroups[14], d.Digest(lds.DG14))
	require.Equal(t, d.SOD.DataGroups[15], d.Digest(lds.DG15))
	for _, file := range lds.Optional() {
		files[file] = []byte{0x6E, 0x00}
	}
	d, err = lds.Parse(files)
	require.NoError(t, err)
	require.Nil(t, d.DG14)
	require.Equal(t, []byte{0x6E, 0x00}, d.Files[lds.DG14])

	// An entry of a known protocol that cannot be read is named by its file.
	malformed := set(sequence(oidObject(bsi(3, 2, 1))))
	require.NoError(t, d.Add(lds.DG14, iso7816.AppendTLV(nil, 0x6E, malformed)))
	require.NoError(t, d.Add(lds.CardAccess, malformed))
	var names []string
	for _, w := range d.Warnings() {
		names = append(names, w.Name)
	}
	require.Equal(t, []string{"dg14_security_info_malformed", "atr_info_length_information", "card_access_security_info_malformed"}, names)
	require.True(t, d.DG14.AnnouncesChipAuthentication(), "announced all the same")
}

// The lengths of TR-03105-5.1, LDS_K_01 to 04.
func TestATRInfo(t *testing.T) {
	for name, c := range map[string]struct {
		file            []byte
		command, answer int
	}{
		"LDS_K_01": {[]byte{0x7F, 0x66, 8, 2, 2, 7, 0x80, 2, 2, 7, 0x80}, 1920, 1920},
		"LDS_K_02": {[]byte{0x7F, 0x66, 10, 2, 3, 0, 0x7F, 0xFF, 2, 3, 0, 0x7F, 0xFF}, 32767, 32767},
		"LDS_K_03": {[]byte{0x7F, 0x66, 4, 2, 2, 7, 0x80}, 0, 0},
		"LDS_K_04": {[]byte{0x7F, 0x65, 8, 2, 2, 7, 0x80, 2, 2, 7, 0x80}, 0, 0},
		"behind a category indicator and other objects": {[]byte{0x80, 0x47, 1, 0xFF, 0x7F, 0x66, 8, 2, 2, 1, 0, 2, 2, 2, 0}, 256, 512},
		"more than an APDU has":                         {[]byte{0x7F, 0x66, 14, 2, 5, 1, 1, 1, 1, 1, 2, 5, 1, 1, 1, 1, 1}, iso7816.MaxResponse, iso7816.MaxResponse},
		"empty":                                         {nil, 0, 0},
	} {
		info := lds.ParseATRInfo(c.file)
		require.Equal(t, c.command, info.MaxCommand, name)
		require.Equal(t, c.answer, info.MaxResponse, name)
		require.Equal(t, c.answer == 0, len(info.Warnings) == 1, name)
	}
}

func TestReferencePassportsKeys(t *testing.T) {
	document, err := virtual.LoadFolder(icaotest.SharedData(t, "bsi-reference-passport"))
	require.NoError(t, err)
	dg14, err := lds.ParseDG14(document.Files["DG14"])
	require.NoError(t, err)
	require.Len(t, dg14.ChipAuthentication, 1)
	require.Equal(t, lds.NoID, dg14.ChipAuthenticationPublicKeys[0].KeyID)
	key, err := lds.ParseDG15(document.Files["DG15"])
	require.NoError(t, err)
	require.Equal(t, "RSA 1024", key.String())
}
