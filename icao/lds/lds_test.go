package lds_test

import (
	"bytes"
	"crypto/md5"
	"encoding/asn1"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/lds"
	"passport-agent/internal/fault"
	"passport-agent/internal/icaotest"
	"passport-agent/iso7816"
)

func TestFilesAreAddressedAsInTable38(t *testing.T) {
	for file, want := range map[lds.File]struct {
		name string
		id   uint16
		sfi  byte
		tag  iso7816.Tag
	}{
		lds.COM: {"COM", 0x011E, 0x1E, 0x60}, lds.SOD: {"SOD", 0x011D, 0x1D, 0x77},
		lds.DG1: {"DG1", 0x0101, 0x01, 0x61}, lds.DG2: {"DG2", 0x0102, 0x02, 0x75},
		lds.DG14: {"DG14", 0x010E, 0x0E, 0x6E}, lds.DG15: {"DG15", 0x010F, 0x0F, 0x6F}, 16: {"DG16", 0x0110, 0x10, 0x70},
	} {
		require.Equal(t, want.name, file.String())
		require.Equal(t, want.id, file.ID())
		require.Equal(t, want.sfi, file.SFI())
		require.Equal(t, want.tag, file.Tag())
	}
}

// reference reads a file of the BSI reference passport, whose sums are printed
// in TR-03105-5.1, 8.3.
func reference(t *testing.T, name string) []byte {
	folder := icaotest.SharedData(t, "bsi-reference-passport")
	b, err := os.ReadFile(filepath.Join(folder, name))
	require.NoError(t, err)
	return b
}

func TestReferencePassport(t *testing.T) {
	var sums []struct {
		File   string
		Size   int
		MD5    hexBytes
		SHA256 hexBytes
	}
	icaotest.Load(t, "bsi_reference_data_set", &sums)
	names := map[string]string{"EF_COM.bin": "EF.COM.bin", "Datagroup1.bin": "DG1.bin", "Datagroup2.bin": "DG2.bin", "EF_SOD.bin": "EF.SOD.bin"}
	found := 0
	for _, sum := range sums {
		name, ok := names[sum.File]
		if !ok {
			continue
		}
		found++
		b := reference(t, name)
		require.Len(t, b, sum.Size)
		digest := md5.Sum(b)
		require.Equal(t, []byte(sum.MD5), digest[:], name)
	}
	require.Equal(t, len(names), found)

	com, err := lds.ParseCOM(reference(t, "EF.COM.bin"))
	require.NoError(t, err)
	require.Equal(t, "0107", com.LDSVersion)
	require.Equal(t, "040000", com.UnicodeVersion)
	require.Equal(t, []int{1, 2, 3, 4, 14}, com.DataGroups)
	require.Empty(t, com.Warnings)

	zone, warnings, err := lds.ParseDG1(reference(t, "DG1.bin"))
	require.NoError(t, err)
	require.Empty(t, warnings)
	require.NoError(t, zone.Check())
	require.Equal(t, "MUSTERMANN", zone.PrimaryIdentifier)
	require.Equal(t, "C11T002JM", zone.DocumentNumber)
	require.Equal(t, "D", zone.IssuingState)

	sod, err := lds.ParseSOD(reference(t, "EF.SOD.bin"))
	require.NoError(t, err)
	require.Equal(t, "SHA-256", sod.Hash.String())
	require.Len(t, sod.DataGroups, 5)
	for number, name := range map[int]string{1: "DG1.bin", 2: "DG2.bin", 14: "DG14.bin"} {
		h := sod.Hash.New()
		h.Write(reference(t, name))
		require.Equal(t, h.Sum(nil), sod.DataGroups[number], name)
	}

	face, err := lds.ParseDG2(reference(t, "DG2.bin"))
	require.NoError(t, err)
	require.Len(t, face.Portraits, 1)
	require.Equal(t, lds.JPEG2000, face.Portraits[0].Format)
	// The record claims other measures than its picture has (413 by 531).
	require.Equal(t, 337, face.Portraits[0].Width)
	require.Equal(t, 449, face.Portraits[0].Height)
	require.Len(t, face.Portraits[0].Image, 15031-20-12)
	require.Empty(t, face.Warnings)
}

type hexBytes = icaotest.Hex

func unhex(t testing.TB, digits string) []byte {
	b, err := hex.DecodeString(digits)
	require.NoError(t, err)
	return b
}

// sodOf wraps an LDS security object as EF.SOD carries it.
func sodOf(t *testing.T, oid string, object []byte) []byte {
	identifier := unhex(t, oid)
	tlv := func(tag iso7816.Tag, parts ...[]byte) []byte {
		return iso7816.AppendTLV(nil, tag, bytes.Join(parts, nil))
	}
	content := tlv(0x30, identifier, tlv(0xA0, tlv(0x04, object)))
	signed := tlv(0x30, []byte{2, 1, 3}, tlv(0x31), content, tlv(0x31))
	return tlv(0x77, tlv(0x30, unhex(t, "06092A864886F70D010702"), tlv(0xA0, signed)))
}

type hash struct {
	Number int
	Value  []byte
}

func securityObject(t *testing.T, oid asn1.ObjectIdentifier, list ...hash) []byte {
	b, err := asn1.Marshal(struct {
		Version   int
		Algorithm struct{ OID asn1.ObjectIdentifier }
		Hashes    []hash
	}{0, struct{ OID asn1.ObjectIdentifier }{oid}, list})
	require.NoError(t, err)
	return b
}

const ldsOID = "060667810801" + "0101"

func TestSOD(t *testing.T) {
	sha1 := asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	one, two := hash{1, bytes.Repeat([]byte{1}, 20)}, hash{2, bytes.Repeat([]byte{2}, 20)}
	sod, err := lds.ParseSOD(sodOf(t, ldsOID, securityObject(t, sha1, one, two)))
	require.NoError(t, err)
	require.Equal(t, map[int][]byte{1: one.Value, 2: two.Value}, sod.DataGroups)
	require.Empty(t, sod.Warnings)

	sod, err = lds.ParseSOD(sodOf(t, "06092A864886F70D010701", securityObject(t, sha1, one)))
	require.NoError(t, err, "a content type from before it was settled")
	require.Equal(t, "sod_content_type", sod.Warnings[0].Name)

	for name, b := range map[string][]byte{
		"group number 17":  sodOf(t, ldsOID, securityObject(t, sha1, hash{17, one.Value})),
		"group number 0":   sodOf(t, ldsOID, securityObject(t, sha1, hash{0, one.Value})),
		"group twice":      sodOf(t, ldsOID, securityObject(t, sha1, one, one)),
		"hash too short":   sodOf(t, ldsOID, securityObject(t, sha1, hash{1, one.Value[1:]})),
		"no hashes":        sodOf(t, ldsOID, securityObject(t, sha1)),
		"another content":  sodOf(t, "06092A864886F70D010703", securityObject(t, sha1, one)),
		"not an object":    sodOf(t, ldsOID, []byte{4, 0}),
		"bytes behind":     sodOf(t, ldsOID, append(securityObject(t, sha1, one), 0)),
		"no CMS":           {0x77, 2, 0x30, 0},
		"another template": {0x61, 0},
	} {
		_, err := lds.ParseSOD(b)
		require.ErrorIs(t, err, fault.FileMalformed, name)
	}
	_, err = lds.ParseSOD(sodOf(t, ldsOID, securityObject(t, asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 5}, hash{1, make([]byte, 16)})))
	require.ErrorIs(t, err, fault.UnsupportedAlgorithm, "MD5 proves nothing")
}
