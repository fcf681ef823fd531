package lds_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/lds"
	"passport-agent/internal/fault"
	"passport-agent/iso7816"
)

// faceRecord makes a record of ISO/IEC 19794-5 with points feature points per face.
func faceRecord(points int, images ...[]byte) []byte {
	var faces []byte
	for _, image := range images {
		face := make([]byte, 20+8*points+12, 20+8*points+12+len(image))
		binary.BigEndian.PutUint32(face, uint32(cap(face)))
		binary.BigEndian.PutUint16(face[4:], uint16(points))
		for i := range points {
			face[20+8*i] = 1
		}
		information := face[20+8*points:]
		information[0] = 1 // full frontal
		if !bytes.HasPrefix(image, jpeg[:3]) {
			information[1] = 1 // JPEG 2000
		}
		binary.BigEndian.PutUint16(information[2:], 300)
		binary.BigEndian.PutUint16(information[4:], 400)
		faces = append(append(faces, face...), image...)
	}
	record := binary.BigEndian.AppendUint32([]byte("FAC\x00010\x00"), uint32(14+len(faces)))
	return append(binary.BigEndian.AppendUint16(record, uint16(len(images))), faces...)
}

// bht is the content of a biometric header template.
const bht = "81010282010087020101" + "88020008"

func dg2Of(tag iso7816.Tag, records ...[]byte) []byte {
	header, err := hex.DecodeString(bht)
	if err != nil {
		panic(err) // the constant above
	}
	group := []byte{0x02, 1, byte(len(records))}
	for _, record := range records {
		group = append(group, bit(header, tag, record)...)
	}
	return dg2Group(group)
}

func bit(header []byte, tag iso7816.Tag, record []byte) []byte {
	return iso7816.AppendTLV(nil, 0x7F60, iso7816.AppendTLV(iso7816.AppendTLV(nil, 0xA1, header), tag, record))
}

func dg2Group(content []byte) []byte {
	return iso7816.AppendTLV(nil, 0x75, iso7816.AppendTLV(nil, 0x7F61, content))
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
	require.Empty(t, face.Warnings)

	// ISO/IEC 39794-5: the image is an octet string somewhere in nested objects.
	nested := iso7816.AppendTLV(nil, 0xA1, iso7816.AppendTLV(nil, 0x65, iso7816.AppendTLV(nil, 0x30, iso7816.AppendTLV([]byte{0x80, 1, 5}, 0x81, jpeg))))
	face, err = lds.ParseDG2(dg2Of(0x7F2E, nested))
	require.NoError(t, err)
	require.Equal(t, jpeg, face.Portraits[0].Image)
	require.Empty(t, face.Warnings)
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
		require.Equal(t, []string{"dg2_record_length", "dg2_face_length"}, names(face.Warnings))
	}
	face, err := lds.ParseDG2(dg2Of(0x5F2E, faceRecord(0, []byte("GIF89a"))))
	require.NoError(t, err)
	require.Equal(t, lds.UnknownImage, face.Portraits[0].Format)
	require.Equal(t, []string{"dg2_image_format"}, names(face.Warnings))
}

// What deviates around the picture is told, and the picture is found all the same.
func TestDeviationsOfDG2(t *testing.T) {
	header := func(digits string) func() []byte {
		return func() []byte {
			return dg2Group(append([]byte{2, 1, 1}, bit(unhex(t, digits), 0x5F2E, faceRecord(0, jpeg))...))
		}
	}
	octet := func(at int, value byte) func() []byte {
		return func() []byte {
			record := faceRecord(1, jpeg)
			record[at] = value
			return dg2Of(0x5F2E, record)
		}
	}
	template := func(content ...byte) func() []byte {
		return func() []byte { return dg2Group(append(content, bit(unhex(t, bht), 0x5F2E, faceRecord(0, jpeg))...)) }
	}
	const face, image = 14, 14 + 20 + 8 // one feature point
	for name, make := range map[string]func() []byte{
		"dg2_instances_missing": template(),
		"dg2_instances":         template(2, 1, 2),
		"dg2_object_unexpected": template(2, 1, 1, 6, 0),
		"dg2_header_missing": func() []byte {
			return dg2Group(append([]byte{2, 1, 1}, iso7816.AppendTLV(nil, 0x7F60, iso7816.AppendTLV(nil, 0x5F2E, faceRecord(0, jpeg)))...))
		},
		"dg2_template_object_unexpected": func() []byte {
			return dg2Group(append([]byte{2, 1, 1}, iso7816.AppendTLV(nil, 0x7F60, iso7816.AppendTLV(append([]byte{6, 0}, iso7816.AppendTLV(nil, 0xA1, unhex(t, bht))...), 0x5F2E, faceRecord(0, jpeg)))...))
		},
		"dg2_data_missing": func() []byte {
			return dg2Group(append(append([]byte{2, 1, 2}, bit(unhex(t, bht), 0x5F2E, faceRecord(0, jpeg))...), iso7816.AppendTLV(nil, 0x7F60, iso7816.AppendTLV(nil, 0xA1, unhex(t, bht)))...))
		},
		"dg2_format_owner":                 header("810102820100870200FF88020008"),
		"dg2_format_owner_missing":         header("81010282010088020008"),
		"dg2_format_type":                  header("8101028201008702010188020007"),
		"dg2_format_type_missing":          header("81010282010087020101"),
		"dg2_biometric_type":               header("8101088201008702010188020008"),
		"dg2_biometric_type_deprecated":    header("810204008201008702010188020008"),
		"dg2_format_identifier":            octet(0, 'X'),
		"dg2_version_number":               octet(5, '3'),
		"dg2_gender":                       octet(face+6, 4),
		"dg2_eye_colour":                   octet(face+7, 8),
		"dg2_hair_colour":                  octet(face+8, 10),
		"dg2_pose_angle_yaw":               octet(face+14, 182),
		"dg2_pose_angle_pitch":             octet(face+15, 182),
		"dg2_pose_angle_roll":              octet(face+16, 0xFF),
		"dg2_pose_angle_uncertainty_yaw":   octet(face+17, 182),
		"dg2_pose_angle_uncertainty_pitch": octet(face+18, 182),
		"dg2_pose_angle_uncertainty_roll":  octet(face+19, 182),
		"dg2_feature_point":                octet(face+20, 2),
		"dg2_face_image_type":              octet(image, 3),
		"dg2_image_data_type":              octet(image+1, 1),
		"dg2_image_size":                   func() []byte { r := faceRecord(1, jpeg); copy(r[image+2:], []byte{0, 0}); return dg2Of(0x5F2E, r) },
	} {
		f, err := lds.ParseDG2(make())
		require.NoError(t, err, name)
		require.Equal(t, []string{name}, names(f.Warnings), name)
		require.Equal(t, jpeg, f.Portraits[0].Image, name)
	}
}

func TestTenTemplatesAreOneTooMany(t *testing.T) {
	for count, want := range map[int][]string{9: nil, 10: {"dg2_instances"}} {
		records := make([][]byte, count)
		for i := range records {
			records[i] = faceRecord(0, jpeg)
		}
		face, err := lds.ParseDG2(dg2Of(0x5F2E, records...))
		require.NoError(t, err)
		require.Equal(t, want, names(face.Warnings))
		require.Len(t, face.Portraits, count)
	}
	face, err := lds.ParseDG2(dg2Group(append([]byte{2, 1, 1}, bit(unhex(t, "810400000002"+"87020101"+"88020008"), 0x5F2E, faceRecord(0, jpeg))...)))
	require.NoError(t, err)
	require.Equal(t, []string{"dg2_biometric_type"}, names(face.Warnings), "a type of four bytes")
}

// The ends of every range of values are right, and so is what says 'unknown'.
func TestValuesAtTheEndsOfTheirRanges(t *testing.T) {
	for at, values := range map[int][]byte{
		6: {0, 1, 2, 3, 0xFF}, 7: {0, 7, 0xFF}, 8: {0, 9, 0xFF}, 14: {0, 1, 181}, 15: {181}, 16: {181}, 17: {0, 1, 181}, 18: {181}, 19: {181},
		20: {0, 1, 2},
	} {
		for _, value := range values {
			record := faceRecord(0, jpeg)
			record[14+at] = value
			face, err := lds.ParseDG2(dg2Of(0x5F2E, record))
			require.NoError(t, err)
			require.Empty(t, face.Warnings, "offset %d, value %d", at, value)
		}
	}
	for _, digits := range []string{"87020101" + "88020008", "8102000287020101" + "88020008", "8103000002" + "87020101" + "88020008"} {
		face, err := lds.ParseDG2(dg2Group(append([]byte{2, 1, 1}, bit(unhex(t, digits), 0x5F2E, faceRecord(0, jpeg))...)))
		require.NoError(t, err)
		require.Empty(t, face.Warnings, digits)
	}
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
