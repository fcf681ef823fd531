package virtual

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"math/rand/v2"

	"passport-agent/iso7816"
)

// ErrSize says that a file cannot be made with exactly the size asked for.
var ErrSize = errors.New("size cannot be reached")

// templates are the tags of the data groups in EF.COM (Doc 9303-10, 4.6.1),
// by number from 1.
var templates = [...]byte{0x61, 0x75, 0x63, 0x76, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x70}

// efCOM is EF.COM of LDS 1.7 with Unicode 4.0.0 (Doc 9303-10, 4.6.1).
func efCOM(groups []int) []byte {
	tags := make([]byte, len(groups))
	for i, n := range groups {
		tags[i] = templates[n-1]
	}
	content := iso7816.AppendTLV(nil, 0x5F01, []byte("0107"))
	content = iso7816.AppendTLV(content, 0x5F36, []byte("040000"))
	content = iso7816.AppendTLV(content, 0x5C, tags)
	return iso7816.AppendTLV(nil, 0x60, content)
}

// dg1 is DG1 (Doc 9303-10, 4.7.1).
func dg1(zone string) []byte {
	return iso7816.AppendTLV(nil, 0x61, iso7816.AppendTLV(nil, 0x5F1F, []byte(zone)))
}

// Portrait is a picture of a face, JPEG or JPEG 2000, and its size in pixels.
type Portrait struct {
	Picture       []byte
	Width, Height int
}

func (o Options) dg2() ([]byte, error) {
	if p := o.Portrait; p != nil {
		return wrapPortrait(p.Picture, image.Pt(p.Width, p.Height)), nil
	}
	return dg2(o.drawing(), o.DG2Size)
}

// dg2 returns DG2 of exactly size bytes with a generated portrait, or of its
// natural size where size is 0.
func dg2(random *rand.Rand, size int) ([]byte, error) {
	if size == 0 {
		picture, pixels, err := portrait(random, 0)
		return wrapPortrait(picture, pixels), err
	}
	overhead := len(wrapPortrait(make([]byte, size), image.Point{})) - size
	// Length fields get shorter with their content: a few sizes at the edges do
	// not exist.
	for ; overhead > 0; overhead-- {
		picture, pixels, err := portrait(random, size-overhead)
		if err != nil {
			return nil, err
		}
		if file := wrapPortrait(picture, pixels); len(file) == size {
			return file, nil
		}
	}
	return nil, fmt.Errorf("%w: DG2 of %d bytes", ErrSize, size)
}

// wrapPortrait is DG2 with one biometric information template (Doc 9303-10,
// 4.7.2) that holds a facial record.
func wrapPortrait(picture []byte, pixels image.Point) []byte {
	header := []byte{
		0x81, 1, 0x02, // facial features
		0x82, 1, 0x00,
		0x87, 2, 0x01, 0x01, // format owner ISO/IEC JTC 1/SC 37
		0x88, 2, 0x00, 0x08, // facial image record
	}
	template := iso7816.AppendTLV(nil, 0xA1, header)
	template = iso7816.AppendTLV(template, 0x5F2E, facialRecord(picture, pixels))
	group := iso7816.AppendTLV([]byte{0x02, 1, 1}, 0x7F60, template)
	return iso7816.AppendTLV(nil, 0x75, iso7816.AppendTLV(nil, 0x7F61, group))
}

// facialRecord is a record of ISO/IEC 19794-5:2005, 5 with one picture, without
// feature points.
func facialRecord(picture []byte, pixels image.Point) []byte {
	const recordHeader, faceInformation, imageInformation = 14, 20, 12
	block := faceInformation + imageInformation + len(picture)
	record := append(make([]byte, 0, recordHeader+block), "FAC\x00010\x00"...)
	record = binary.BigEndian.AppendUint32(record, uint32(recordHeader+block))
	record = binary.BigEndian.AppendUint16(record, 1)
	record = binary.BigEndian.AppendUint32(record, uint32(block))
	record = append(record, make([]byte, faceInformation-4)...) // nothing said about the face
	record = append(record, 0x01, dataType(picture))            // full frontal
	record = binary.BigEndian.AppendUint16(record, uint16(pixels.X))
	record = binary.BigEndian.AppendUint16(record, uint16(pixels.Y))
	record = append(record, 0x01, 0, 0, 0, 0, 0) // 24-bit RGB; source, device, quality unspecified
	return append(record, picture...)
}

// dataType is the code of a picture's encoding (ISO/IEC 19794-5:2005, 5.7.2): 0 for
// JPEG, 1 for JPEG 2000.
func dataType(picture []byte) byte {
	if bytes.HasPrefix(picture, []byte{0xFF, 0xD8}) || len(picture) == 0 {
		return 0
	}
	return 1
}
