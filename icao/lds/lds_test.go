package lds_test

import (
	"bytes"
	"crypto/md5"
	"encoding/asn1"
	"encoding/binary"
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

	zone, err := lds.ParseDG1(reference(t, "DG1.bin"))
	require.NoError(t, err)
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

func unhex(t *testing.T, digits string) []byte {
	b, err := hex.DecodeString(digits)
	require.NoError(t, err)
	return b
}

// Doc 9303-11, D.4 reads this file.
const exampleCOM = "60145F0104303130365F36063034303030305C026175"

func TestCOM(t *testing.T) {
	com, err := lds.ParseCOM(unhex(t, exampleCOM))
	require.NoError(t, err)
	require.Equal(t, "0106", com.LDSVersion)
	require.Equal(t, []int{1, 2}, com.DataGroups)

	com, err = lds.ParseCOM(unhex(t, "60045C026175"))
	require.NoError(t, err, "some issuers leave the versions out")
	require.Len(t, com.Warnings, 2)

	for name, digits := range map[string]string{
		"empty": "", "another tag": "61145F0104303130365F36063034303030305C026175", "cut off": exampleCOM[:40],
		"bytes behind": exampleCOM + "00", "no list": "60105F0104303130365F3606303430303030", "unknown group": "60045C026199",
		"version of three digits": "60135F01033031305F36063034303030305C026175", "version no number": "60145F01043031304F5F36063034303030305C026175",
	} {
		_, err := lds.ParseCOM(unhex(t, digits))
		require.ErrorIs(t, err, fault.FileMalformed, name)
	}
}

const zone = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10"

func TestDG1(t *testing.T) {
	dg1 := iso7816.AppendTLV(nil, 0x61, iso7816.AppendTLV(nil, 0x5F1F, []byte(zone)))
	require.Len(t, dg1, 93)
	m, err := lds.ParseDG1(dg1)
	require.NoError(t, err)
	require.Equal(t, "L898902C3", m.DocumentNumber)
	for name, b := range map[string][]byte{
		"no zone":        iso7816.AppendTLV(nil, 0x61, iso7816.AppendTLV(nil, 0x5F1E, []byte(zone))),
		"short zone":     iso7816.AppendTLV(nil, 0x61, iso7816.AppendTLV(nil, 0x5F1F, []byte(zone[1:]))),
		"not TLV inside": iso7816.AppendTLV(nil, 0x61, []byte{0x5F}),
	} {
		_, err := lds.ParseDG1(b)
		require.ErrorIs(t, err, fault.FileMalformed, name)
		require.NotContains(t, err.Error(), "ERIKSSON")
	}
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

// faceRecord makes a record of ISO/IEC 19794-5 with points feature points per face.
func faceRecord(points int, images ...[]byte) []byte {
	var faces []byte
	for _, image := range images {
		face := make([]byte, 20+8*points+12, 20+8*points+12+len(image))
		binary.BigEndian.PutUint32(face, uint32(cap(face)))
		binary.BigEndian.PutUint16(face[4:], uint16(points))
		binary.BigEndian.PutUint16(face[20+8*points+2:], 300)
		binary.BigEndian.PutUint16(face[20+8*points+4:], 400)
		faces = append(append(faces, face...), image...)
	}
	record := binary.BigEndian.AppendUint32([]byte("FAC\x00010\x00"), uint32(14+len(faces)))
	return append(binary.BigEndian.AppendUint16(record, uint16(len(images))), faces...)
}

func dg2Of(tag iso7816.Tag, records ...[]byte) []byte {
	group := []byte{0x02, 1, byte(len(records))}
	for _, record := range records {
		group = iso7816.AppendTLV(group, 0x7F60, iso7816.AppendTLV([]byte{0xA1, 0}, tag, record))
	}
	return iso7816.AppendTLV(nil, 0x75, iso7816.AppendTLV(nil, 0x7F61, group))
}

var (
	jpeg = []byte{0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3}
	j2k  = []byte{0xFF, 0x4F, 0xFF, 0x51, 9}
	jp2  = append([]byte{0, 0, 0, 0x0C}, "jP  \r\n\x87\nrest"...)
)

func TestDG2FindsThePortrait(t *testing.T) {
	for _, image := range [][]byte{jpeg, j2k, jp2} {
		for _, points := range []int{0, 3} {
			face, err := lds.ParseDG2(dg2Of(0x5F2E, faceRecord(points, image)))
			require.NoError(t, err)
			require.Len(t, face.Portraits, 1)
			require.Equal(t, image, face.Portraits[0].Image)
			require.Equal(t, 300, face.Portraits[0].Width)
			require.Equal(t, 400, face.Portraits[0].Height)
			require.NotEqual(t, lds.UnknownImage, face.Portraits[0].Format)
			require.Empty(t, face.Warnings)
		}
	}
	face, err := lds.ParseDG2(dg2Of(0x5F2E, faceRecord(0, jpeg, jp2), faceRecord(1, j2k)))
	require.NoError(t, err)
	require.Len(t, face.Portraits, 3)
	require.Equal(t, jp2, face.Portraits[1].Image)

	// ISO/IEC 39794-5: the image is an octet string somewhere in nested objects.
	nested := iso7816.AppendTLV(nil, 0xA1, iso7816.AppendTLV(nil, 0x65, iso7816.AppendTLV(nil, 0x30, iso7816.AppendTLV([]byte{0x80, 1, 5}, 0x81, jpeg))))
	face, err = lds.ParseDG2(dg2Of(0x7F2E, nested))
	require.NoError(t, err)
	require.Equal(t, jpeg, face.Portraits[0].Image)
}

// Lengths that are off in real documents (by 1 in British, by 8 in New Zealand
// ones) do not hide the portrait.
func TestDG2LengthsThatAreOff(t *testing.T) {
	for _, off := range []int{-8, -1, 1, 8} {
		record := faceRecord(0, jpeg)
		binary.BigEndian.PutUint32(record[8:], uint32(len(record)+off))
		binary.BigEndian.PutUint32(record[14:], uint32(len(record)-14+off))
		face, err := lds.ParseDG2(dg2Of(0x5F2E, record))
		require.NoError(t, err)
		require.Equal(t, jpeg, face.Portraits[0].Image)
		require.Len(t, face.Warnings, 2)
	}
	face, err := lds.ParseDG2(dg2Of(0x5F2E, faceRecord(0, []byte("GIF89a"))))
	require.NoError(t, err)
	require.Equal(t, lds.UnknownImage, face.Portraits[0].Format)
	require.Equal(t, "dg2_image_format", face.Warnings[0].Name)
}

func TestHostileDG2(t *testing.T) {
	good := dg2Of(0x5F2E, faceRecord(1, jpeg))
	for i := range good {
		_, err := lds.ParseDG2(good[:i])
		require.ErrorIs(t, err, fault.FileMalformed, "cut to %d bytes", i)
	}
	many := faceRecord(0, jpeg)
	binary.BigEndian.PutUint16(many[12:], 0xFFFF)
	manyPoints := faceRecord(0, jpeg)
	binary.BigEndian.PutUint16(manyPoints[18:], 0xFFFF)
	short := faceRecord(0, jpeg, jpeg)
	binary.BigEndian.PutUint32(short[14:], 3)
	for name, b := range map[string][]byte{
		"65535 faces": dg2Of(0x5F2E, many), "65535 feature points": dg2Of(0x5F2E, manyPoints), "face of three bytes": dg2Of(0x5F2E, short),
		"no record": dg2Of(0x5F2E, nil), "no template": dg2Of(0x5F2F, jpeg), "17 faces": dg2Of(0x5F2E, faceRecord(0, bytes.Split(bytes.Repeat([]byte("\xFF\xD8\xFF|"), 17), []byte("|"))[:17]...)),
		"another group": {0x75, 3, 0x7F, 0x62, 0}, "broken template": dg2Of(0x7F2E, []byte{0x30, 5, 1}), "no image in template": dg2Of(0x7F2E, []byte{0x80, 0}),
	} {
		_, err := lds.ParseDG2(b)
		require.ErrorIs(t, err, fault.FileMalformed, name)
	}
}
