package lds_test

import (
	"bytes"
	"encoding/asn1"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/lds"
	"passport-agent/internal/ec"
	"passport-agent/internal/fault"
	"passport-agent/internal/icaotest"
	"passport-agent/iso7816"
	"passport-agent/pace"
)

// Object identifiers below bsi-de protocols smartcard, value octets.
func bsi(arcs ...byte) []byte {
	return append([]byte{0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02}, arcs...)
}

func oidObject(value []byte) []byte { return iso7816.AppendTLV(nil, 0x06, value) }
func integer(v byte) []byte         { return []byte{0x02, 0x01, v} }

func sequence(elements ...[]byte) []byte {
	return iso7816.AppendTLV(nil, 0x30, bytes.Join(elements, nil))
}

func set(entries ...[]byte) []byte { return iso7816.AppendTLV(nil, 0x31, bytes.Join(entries, nil)) }

func parseInfos(t *testing.T, entries ...[]byte) *lds.SecurityInfos {
	s, err := lds.ParseCardAccess(set(entries...))
	require.NoError(t, err)
	require.Len(t, s.All, len(entries))
	for i, entry := range entries {
		require.Equal(t, entry, s.All[i].Raw)
	}
	return s
}

// Doc 9303-11, G.1 and I.1.
func TestCardAccessOfTheWorkedExamples(t *testing.T) {
	for group, protocol := range map[string]string{"pace_g1_ecdh_gm": "0.4.0.127.0.7.2.2.4.2.2", "pace_i1_ecdh_cam": "0.4.0.127.0.7.2.2.4.6.2"} {
		var v []struct {
			File hexBytes `json:"ef_card_access"`
		}
		icaotest.Load(t, group, &v)
		file := v[0].File
		s, err := lds.ParseCardAccess(file)
		require.NoError(t, err)
		require.Len(t, s.PACE, 1)
		require.Equal(t, protocol, s.PACE[0].Protocol.String())
		require.Equal(t, 2, s.PACE[0].Version)
		require.Equal(t, 13, s.PACE[0].ParameterID)
		require.Len(t, s.All, 1)
		require.Empty(t, s.Warnings)
		// What the parser returns is what the protocol takes.
		require.Len(t, pace.ByStrength([]pace.Info{pace.Info(s.PACE[0])}), 1)

		for length := range file {
			_, err := lds.ParseCardAccess(file[:length])
			require.ErrorIs(t, err, fault.FileMalformed, "cut off after %d bytes", length)
		}
		_, err = lds.ParseCardAccess(append(bytes.Clone(file), 0))
		require.ErrorIs(t, err, fault.FileMalformed, "a byte behind")
		require.ErrorContains(t, err, "CardAccess")
	}
}

func TestEveryKnownEntry(t *testing.T) {
	var v []struct {
		Info hexBytes `json:"chip_auth_public_key_info"`
		Key  hexBytes `json:"pk_ic_static"`
	}
	icaotest.Load(t, "pace_i1_ecdh_cam", &v)
	domain := sequence(oidObject(bsi(1, 2)[:7]), integer(13))
	s := parseInfos(t,
		sequence(oidObject(bsi(4, 2, 4)), integer(2), integer(16)),
		sequence(oidObject(bsi(4, 1, 1)), integer(2)),
		sequence(oidObject(bsi(4, 2)), domain, integer(40)),
		sequence(oidObject(bsi(4, 2)), domain),
		sequence(oidObject(bsi(3, 2, 2)), integer(1), integer(7)),
		sequence(oidObject(bsi(3, 1, 1)), integer(1)),
		v[0].Info,
		sequence(oidObject([]byte{0x67, 0x81, 0x08, 0x01, 0x01, 0x05}), integer(1), oidObject([]byte{0x04, 0x00, 0x7F, 0x00, 0x07, 0x01, 0x01, 0x04, 0x01, 0x03})),
		sequence(oidObject(bsi(2)), integer(1)),
	)
	require.Empty(t, s.Warnings)
	require.Equal(t, []lds.PACEInfo{
		{Protocol: asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 4, 2, 4}, Version: 2, ParameterID: 16},
		{Protocol: asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 4, 1, 1}, Version: 2, ParameterID: lds.NoID},
	}, s.PACE)
	require.Len(t, s.PACEDomainParameters, 2)
	require.Equal(t, "0.4.0.127.0.7.2.2.4.2", s.PACEDomainParameters[0].Protocol.String())
	require.Equal(t, 40, s.PACEDomainParameters[0].ParameterID)
	require.Equal(t, integer(13), s.PACEDomainParameters[0].DomainParameter.Parameters.FullBytes)
	require.Equal(t, lds.NoID, s.PACEDomainParameters[1].ParameterID)
	require.Equal(t, []lds.ChipAuthenticationInfo{
		{Protocol: asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 3, 2, 2}, Version: 1, KeyID: 7},
		{Protocol: asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 3, 1, 1}, Version: 1, KeyID: lds.NoID},
	}, s.ChipAuthentication)
	require.Len(t, s.ChipAuthenticationPublicKeys, 1)
	key := s.ChipAuthenticationPublicKeys[0]
	require.Equal(t, "0.4.0.127.0.7.2.2.1.2", key.Protocol.String())
	require.Equal(t, 13, key.KeyID)
	require.Equal(t, "0.4.0.127.0.7.1.2", key.PublicKey.Algorithm.Algorithm.String(), "standardized domain parameters (Doc 9303-11, 9.5.1)")
	require.Equal(t, integer(13), key.PublicKey.Algorithm.Parameters.FullBytes)
	require.Equal(t, []byte(v[0].Key), key.PublicKey.PublicKey.RightAlign())
	require.Equal(t, []lds.ActiveAuthenticationInfo{{
		Protocol: asn1.ObjectIdentifier{2, 23, 136, 1, 1, 5}, Version: 1,
		SignatureAlgorithm: asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 1, 1, 4, 1, 3},
	}}, s.ActiveAuthentication)
	require.Equal(t, []lds.TerminalAuthenticationInfo{{Protocol: asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 2}, Version: 1}}, s.TerminalAuthentication)
}

// DG14 of the BSI reference passport: its key has explicit parameters of a known curve.
func TestSecurityInfosOfTheReferencePassport(t *testing.T) {
	object, rest, err := iso7816.ParseTLV(reference(t, "DG14.bin"))
	require.NoError(t, err)
	require.Empty(t, rest)
	s, err := lds.ParseCardAccess(object.Value)
	require.NoError(t, err)
	require.Empty(t, s.Warnings)
	require.NotEmpty(t, s.ChipAuthenticationPublicKeys)
	for _, key := range s.ChipAuthenticationPublicKeys {
		curve, err := ec.ParseCurve(key.PublicKey.Algorithm.Parameters.FullBytes)
		require.NoError(t, err)
		_, err = curve.Decode(key.PublicKey.PublicKey.RightAlign())
		require.NoError(t, err)
	}
}

// ISO7816_G_36 of TR-03105-5.1 has an identifier of Chip Authentication Mapping that
// does not exist; other chips have protocols of their own.
func TestUnknownEntriesAreKeptAndDoNotDisturb(t *testing.T) {
	huge := append(bytes.Repeat([]byte{0xFF}, 12), 0x7F)
	s := parseInfos(t,
		sequence(oidObject(bsi(4, 5, 2)), integer(2), integer(0)),
		sequence(oidObject([]byte{0x2A, 0x03}), iso7816.AppendTLV(nil, 0x04, []byte("anything"))),
		sequence(oidObject(huge), integer(1)),
		sequence(oidObject(bsi(3, 2)), integer(1)), // ChipAuthenticationDomainParameterInfo of TR-03110
		sequence(oidObject(bsi(4)), integer(2)),
		sequence(oidObject(bsi(4, 2, 2, 1)), integer(2)),
		sequence(oidObject(bsi(8, 1)), sequence(), sequence()),
		sequence(oidObject([]byte{0x2A, 0x04})),
		sequence(oidObject(bsi(4, 2, 2)), integer(2), integer(13)),
	)
	require.Empty(t, s.Warnings)
	require.Len(t, s.PACE, 2)
	require.Nil(t, s.All[2].Protocol)
	require.Equal(t, "1.2.3", s.All[1].Protocol.String())

	offered := []pace.Info{pace.Info(s.PACE[0]), pace.Info(s.PACE[1])}
	require.Equal(t, offered[1:], pace.ByStrength(offered), "the other one is run")
}

func TestMalformedEntriesOfKnownProtocolsAreWarnedOf(t *testing.T) {
	good := sequence(oidObject(bsi(4, 2, 2)), integer(2), integer(13))
	for what, entry := range map[string][]byte{
		"PACE without a version":       sequence(oidObject(bsi(4, 2, 2))),
		"version of another type":      sequence(oidObject(bsi(4, 2, 2)), iso7816.AppendTLV(nil, 0x04, []byte{2})),
		"version beyond all counting":  sequence(oidObject(bsi(4, 2, 2)), iso7816.AppendTLV(nil, 0x02, bytes.Repeat([]byte{0x7F}, 40))),
		"version not in shortest form": sequence(oidObject(bsi(4, 2, 2)), []byte{0x02, 0x02, 0x00, 0x02}),
		"negative parameters":          sequence(oidObject(bsi(4, 2, 2)), integer(2), integer(0x80)),
		"negative key":                 sequence(oidObject(bsi(3, 2, 2)), integer(1), integer(0x80)),
		"domain without parameters":    sequence(oidObject(bsi(4, 2)), integer(13)),
		"negative domain":              sequence(oidObject(bsi(4, 2)), sequence(oidObject(bsi(1))), integer(0x80)),
		"key that is none":             sequence(oidObject(bsi(1, 2)), sequence()),
		"negative identifier of a key": sequence(oidObject(bsi(1, 2)), sequence(sequence(oidObject(bsi(1))), []byte{0x03, 2, 0, 4}), integer(0x80)),
		"terminal without version":     sequence(oidObject(bsi(2))),
		"active without algorithm":     sequence(oidObject([]byte{0x67, 0x81, 0x08, 0x01, 0x01, 0x05}), integer(1)),
	} {
		s := parseInfos(t, entry, good)
		require.Len(t, s.Warnings, 1, what)
		require.Equal(t, lds.Warning{Name: "security_info_malformed", Detail: s.All[0].Protocol.String()}, s.Warnings[0])
		require.Len(t, s.PACE, 1, what)
		require.Equal(t, 13, s.PACE[0].ParameterID)
		require.Equal(t, 0, len(s.PACEDomainParameters)+len(s.ChipAuthentication)+len(s.ChipAuthenticationPublicKeys)+len(s.TerminalAuthentication)+len(s.ActiveAuthentication))
	}
}

func TestSecurityInfosAreCappedAndWellFormed(t *testing.T) {
	info := sequence(oidObject(bsi(4, 2, 2)), integer(2), integer(13))
	deep := integer(1)
	for range 5000 {
		deep = sequence(deep)
	}
	for what, file := range map[string][]byte{
		"nothing":             nil,
		"a sequence":          sequence(info),
		"primitive set":       iso7816.AppendTLV(nil, 0x11, info),
		"context tag":         iso7816.AppendTLV(nil, 0xB1, info),
		"entry not a list":    set(integer(1)),
		"entry a set":         set(set(oidObject(bsi(4)))),
		"entry empty":         set(sequence()),
		"no identifier":       set(sequence(integer(1), integer(2))),
		"identifier cut":      set(sequence([]byte{0x06, 0x05, 0x04})),
		"data cut":            set(sequence(oidObject(bsi(4, 2, 2)), []byte{0x02, 0x05, 0x01})),
		"entry cut":           set(info, info[:len(info)-1]),
		"indefinite length":   append(append([]byte{0x31, 0x80}, info...), 0, 0),
		"length not shortest": append([]byte{0x31, 0x81, byte(len(info))}, info...),
		"too many":            set(bytes.Repeat(info, 129)),
		"too long":            set(sequence(oidObject(bsi(9)), iso7816.AppendTLV(nil, 0x04, make([]byte, 32<<10)))),
	} {
		s, err := lds.ParseCardAccess(file)
		require.ErrorIs(t, err, fault.FileMalformed, what)
		require.Nil(t, s)
		_, err = lds.ParseCardAccess(file)
		require.ErrorIs(t, err, fault.FileMalformed, what)
	}
	parseInfos(t)
	s, err := lds.ParseCardAccess(set(bytes.Repeat(info, 128)))
	require.NoError(t, err)
	require.Len(t, s.PACE, 128)
	s, err = lds.ParseCardAccess(set(sequence(oidObject(bsi(4, 2)), deep), info))
	require.NoError(t, err, "what is nested deep is not followed")
	require.Len(t, s.PACE, 1)
}

// Doc 9303-11, 9.2.11; LDS_J_01 to J_03 of TR-03105-5.1.
func TestEntriesThatAreNotSigned(t *testing.T) {
	first := sequence(oidObject(bsi(4, 2, 2)), integer(2), integer(13))
	second := sequence(oidObject(bsi(4, 2, 2)), integer(2), integer(12))
	third := sequence(oidObject([]byte{0x2A, 0x03}), integer(1))
	access, signed := parseInfos(t, first, third), parseInfos(t, third, second, first)
	require.Empty(t, access.Missing(signed), "more entries, in another order")
	require.Equal(t, access.All[1:], access.Missing(parseInfos(t, first)))
	require.Equal(t, access.All[:1], access.Missing(parseInfos(t, second, third)))
	require.Equal(t, access.All, access.Missing(&lds.SecurityInfos{}))
}

func TestEntriesAreCopies(t *testing.T) {
	file := set(sequence(oidObject(bsi(4, 2, 2)), integer(2), integer(13)))
	s, err := lds.ParseCardAccess(file)
	require.NoError(t, err)
	before := bytes.Clone(s.All[0].Raw)
	clear(file)
	require.Equal(t, before, s.All[0].Raw)
}
