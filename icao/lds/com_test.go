package lds_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/lds"
	"passport-agent/internal/fault"
	"passport-agent/iso7816"
)

const com = "60145F0104303130375F36063034303030305C026175"

func names(warnings []lds.Warning) []string {
	var all []string
	for _, w := range warnings {
		all = append(all, w.Name)
	}
	return all
}

func TestCOM(t *testing.T) {
	c, err := lds.ParseCOM(unhex(t, com))
	require.NoError(t, err)
	require.Equal(t, &lds.CommonData{LDSVersion: "0107", UnicodeVersion: "040000", DataGroups: []int{1, 2}}, c)

	c, err = lds.ParseCOM(unhex(t, "60145F0104303130385F36063034303030305C026175"))
	require.NoError(t, err)
	require.Empty(t, c.Warnings, "LDS 1.8 is as good as 1.7")
}

// What deviates in EF.COM is told and read all the same.
func TestDeviationsOfCOM(t *testing.T) {
	for name, digits := range map[string]string{
		"com_lds_version":             "60145F0104303330305F36063034303030305C026175",
		"com_unicode_version":         "60145F0104303130375F36063035303030305C026175",
		"com_lds_version_missing":     "600D5F36063034303030305C026175",
		"com_unicode_version_missing": "600B5F0104303130375C026175",
		"com_data_group_tag":          "60155F0104303130375F36063034303030305C03617599",
		"com_data_group_repeated":     "60155F0104303130375F36063034303030305C03617561",
		"com_object_unexpected":       "60165F0104303130375F36063034303030305C0261755300",
		"com_object_repeated":         "60165F0104303130375F36063034303030305C0261755C00",
	} {
		c, err := lds.ParseCOM(unhex(t, digits))
		require.NoError(t, err, name)
		require.Equal(t, []string{name}, names(c.Warnings))
		require.Equal(t, []int{1, 2}, c.DataGroups, name)
	}
	for version, digits := range map[string]string{
		"0106": "60145F0104303130365F36063034303030305C026175", // Doc 9303-11, D.4 reads this file
		"":     "60135F01033031375F36063034303030305C026175",
	} {
		c, err := lds.ParseCOM(unhex(t, digits))
		require.NoError(t, err)
		require.Equal(t, version, c.LDSVersion)
		require.Equal(t, []string{"com_lds_version"}, names(c.Warnings))
	}
}

func TestUnreadableCOM(t *testing.T) {
	for name, digits := range map[string]string{
		"empty": "", "another tag": "61" + com[2:], "length too small": "6013" + com[4:], "length too big": "6015" + com[4:],
		"cut off": com[:40], "bytes behind": com + "00", "no list": "60105F0104303130375F3606303430303030",
	} {
		_, err := lds.ParseCOM(unhex(t, digits))
		require.ErrorIs(t, err, fault.FileMalformed, name)
	}
}

// A file that says the same wrong thing thousands of times is told of once.
func TestDeviationsDoNotPileUp(t *testing.T) {
	list := iso7816.AppendTLV(nil, 0x5C, bytes.Repeat([]byte{0x99, 0x61}, 50_000))
	c, err := lds.ParseCOM(iso7816.AppendTLV(nil, 0x60, append(bytes.Repeat([]byte{0x53, 0}, 4_000), list...)))
	require.NoError(t, err)
	require.Equal(t, []int{1}, c.DataGroups)
	require.Len(t, c.Warnings, 5)
}
