package lds_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/lds"
	"passport-agent/internal/fault"
	"passport-agent/iso7816"
)

const zone = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10"

func dg1Of(text string, further ...byte) []byte {
	return iso7816.AppendTLV(nil, 0x61, append(iso7816.AppendTLV(nil, 0x5F1F, []byte(text)), further...))
}

func TestDG1(t *testing.T) {
	b := dg1Of(zone)
	require.Len(t, b, 93)
	m, warnings, err := lds.ParseDG1(b)
	require.NoError(t, err)
	require.Empty(t, warnings)
	require.Equal(t, "L898902C3", m.DocumentNumber)
}

// The rules of the zone itself are tested in package mrz.
func TestDeviationsOfDG1(t *testing.T) {
	for name, b := range map[string][]byte{
		"dg1_object_unexpected":         dg1Of(zone, 0x53, 0),
		"dg1_object_repeated":           dg1Of(zone, 0x5F, 0x1F, 0),
		"dg1_characters":                dg1Of(strings.Replace(zone, "ANNA", "anna", 1)),
		"dg1_composite_check_digit":     dg1Of(zone[:87] + "1"),
		"dg1_issuing_state":             dg1Of(strings.Replace(zone, "P<UTO", "P<U1O", 1)),
		"dg1_document_code":             dg1Of("X" + zone[1:]),
		"dg1_birth_date_check_digit":    dg1Of(strings.Replace(zone, "7408122F", "7408123F", 1)),
		"dg1_optional_data_check_digit": dg1Of(zone[:86] + "20"),
	} {
		m, warnings, err := lds.ParseDG1(b)
		require.NoError(t, err, name)
		require.Contains(t, names(warnings), name)
		require.Equal(t, "L898902C3", m.DocumentNumber, name)

		d := &lds.Document{}
		require.NoError(t, d.Add(lds.DG1, b))
		require.Equal(t, warnings, d.Warnings(), "the document tells what its files tell")
		require.NoError(t, d.Add(lds.DG1, dg1Of(zone)))
		require.Empty(t, d.Warnings(), "of the file that it holds now")
	}
}

func TestUnreadableDG1(t *testing.T) {
	good := dg1Of(zone)
	for name, b := range map[string][]byte{
		"no zone":          iso7816.AppendTLV(nil, 0x61, iso7816.AppendTLV(nil, 0x5F1E, []byte(zone))),
		"short zone":       dg1Of(zone[1:]),
		"other characters": dg1Of(strings.Replace(zone, "ANNA", "AN-A", 1)),
		"not TLV inside":   iso7816.AppendTLV(nil, 0x61, []byte{0x5F}),
		"another tag":      append([]byte{0x62}, good[1:]...),
		"length too small": append([]byte{0x61, good[1] - 1}, good[2:len(good)-1]...),
		"length too big":   append([]byte{0x61, good[1] + 1}, good[2:]...),
	} {
		_, _, err := lds.ParseDG1(b)
		require.ErrorIs(t, err, fault.FileMalformed, name)
		require.NotContains(t, err.Error(), "ERIKSSON")
	}
}
