package lds

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"passport-agent/iso7816"
)

// ImageFormat is how a portrait is encoded.
type ImageFormat int

// JPEG2000 stands for both the file format JP2 and the bare codestream.
const (
	UnknownImage ImageFormat = iota
	JPEG
	JPEG2000
)

func (f ImageFormat) String() string {
	switch f {
	case JPEG:
		return "JPEG"
	case JPEG2000:
		return "JPEG 2000"
	default:
		return "unknown"
	}
}

// Portrait is a face image in DG2.
type Portrait struct {
	Format ImageFormat
	// Image is the encoded picture, a part of the file's bytes.
	Image []byte
	// Width and Height in pixels, as the record claims; 0 where it says nothing.
	Width, Height int
}

// Face is the content of DG2 (Doc 9303-10, 4.7.2).
type Face struct {
	Portraits []Portrait
	Warnings  []Warning
}

// Most face images that are looked at: issuers store one, the standard allows more.
const maxPortraits = 16

// ParseDG2 locates the portraits of DG2 in the encodings of ISO/IEC 19794-5
// (object 5F2E) and ISO/IEC 39794-5 (object 7F2E). Nothing is decoded. It fails
// with fault.FileMalformed, also where there is no portrait.
func ParseDG2(b []byte) (*Face, error) {
	value, err := DG2.template(b)
	if err != nil {
		return nil, err
	}
	group, rest, err := iso7816.ParseTLV(value)
	if err != nil || group.Tag != 0x7F61 || len(rest) > 0 {
		return nil, DG2.malformed("biometric information group template", err)
	}
	objects, err := iso7816.ParseTLVs(group.Value)
	if err != nil {
		return nil, DG2.malformed("", err)
	}
	face := &Face{}
	for _, object := range objects {
		if object.Tag != 0x7F60 {
			continue
		}
		if err := face.take(object.Value); err != nil {
			return nil, err
		}
	}
	if len(face.Portraits) == 0 {
		return nil, DG2.malformed("no portrait", nil)
	}
	return face, nil
}

// take reads one biometric information template.
func (f *Face) take(template []byte) error {
	objects, err := iso7816.ParseTLVs(template)
	if err != nil {
		return DG2.malformed("biometric information template", err)
	}
	for _, object := range objects {
		switch object.Tag {
		case 0x5F2E:
			err = f.takeRecord(object.Value)
		case 0x7F2E:
			err = f.takeTemplate(object.Value)
		default:
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Sizes in bytes of the parts of a face record (ISO/IEC 19794-5:2005, 5.4 to 5.7).
const (
	recordHeader     = 14
	faceInformation  = 20
	featurePoint     = 8
	imageInformation = 12
)

var recordBegin = []byte("FAC\x00010\x00")

// takeRecord reads a record of ISO/IEC 19794-5. Lengths that are a few bytes off
// occur in real documents: what the bytes hold counts, and a warning tells.
func (f *Face) takeRecord(record []byte) error {
	if len(record) < recordHeader || !bytes.Equal(record[:8], recordBegin) {
		return DG2.malformed("face record header", nil)
	}
	if announced := binary.BigEndian.Uint32(record[8:]); int64(announced) != int64(len(record)) {
		f.Warnings = append(f.Warnings, Warning{"dg2_record_length", fmt.Sprintf("%d announced, %d there", announced, len(record))})
	}
	count := int(binary.BigEndian.Uint16(record[12:]))
	faces := record[recordHeader:]
	for i := range count {
		if len(f.Portraits) == maxPortraits {
			return DG2.malformed("too many portraits", nil)
		}
		if len(faces) < faceInformation {
			return DG2.malformed(fmt.Sprintf("face %d of %d cut off", i+1, count), nil)
		}
		length := int64(binary.BigEndian.Uint32(faces))
		if i == count-1 || length > int64(len(faces)) {
			if length != int64(len(faces)) {
				f.Warnings = append(f.Warnings, Warning{"dg2_face_length", fmt.Sprintf("%d announced, %d there", length, len(faces))})
			}
			length = int64(len(faces))
		}
		if err := f.takeFace(faces[:length]); err != nil {
			return err
		}
		faces = faces[length:]
	}
	return nil
}

func (f *Face) takeFace(b []byte) error {
	if len(b) < faceInformation {
		return DG2.malformed("face information cut off", nil)
	}
	skip := faceInformation + featurePoint*int(binary.BigEndian.Uint16(b[4:]))
	if len(b) < skip+imageInformation {
		return DG2.malformed("image information cut off", nil)
	}
	information, image := b[skip:], b[skip+imageInformation:]
	f.add(image, int(binary.BigEndian.Uint16(information[2:])), int(binary.BigEndian.Uint16(information[4:])))
	return nil
}

// takeTemplate finds the image in a block of ISO/IEC 39794-5, which is plain
// BER-TLV: the one octet string that begins like a picture.
func (f *Face) takeTemplate(b []byte) error {
	if err := iso7816.CheckTLV(b); err != nil {
		return DG2.malformed("biometric data template", err)
	}
	return f.search(b)
}

func (f *Face) search(b []byte) error {
	objects, err := iso7816.ParseTLVs(b)
	if err != nil {
		return DG2.malformed("", err)
	}
	for _, object := range objects {
		switch {
		case object.Tag.Constructed():
			if err := f.search(object.Value); err != nil {
				return err
			}
		case formatOf(object.Value) != UnknownImage && len(f.Portraits) < maxPortraits:
			f.add(object.Value, 0, 0)
		}
	}
	return nil
}

func (f *Face) add(image []byte, width, height int) {
	format := formatOf(image)
	if format == UnknownImage {
		f.Warnings = append(f.Warnings, Warning{"dg2_image_format", "neither JPEG nor JPEG 2000"})
	}
	f.Portraits = append(f.Portraits, Portrait{Format: format, Image: image, Width: width, Height: height})
}

var (
	jpegBegin       = []byte{0xFF, 0xD8, 0xFF}
	jp2Begin        = []byte{0x00, 0x00, 0x00, 0x0C, 'j', 'P', ' ', ' ', 0x0D, 0x0A, 0x87, 0x0A}
	codestreamBegin = []byte{0xFF, 0x4F, 0xFF, 0x51}
)

func formatOf(image []byte) ImageFormat {
	switch {
	case bytes.HasPrefix(image, jpegBegin):
		return JPEG
	case bytes.HasPrefix(image, jp2Begin), bytes.HasPrefix(image, codestreamBegin):
		return JPEG2000
	default:
		return UnknownImage
	}
}
