package lds

import (
	"bytes"
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

// Tags of DG2 (Doc 9303-10, table 44).
const (
	tagInstances         iso7816.Tag = 0x02
	tagGroupTemplate     iso7816.Tag = 0x7F61
	tagTemplate          iso7816.Tag = 0x7F60
	tagHeader            iso7816.Tag = 0xA1
	tagBiometricData     iso7816.Tag = 0x5F2E // ISO/IEC 19794-5
	tagBiometricDataTree iso7816.Tag = 0x7F2E // ISO/IEC 39794-5
)

// ParseDG2 locates the portraits of DG2 in the encodings of ISO/IEC 19794-5
// (object 5F2E) and ISO/IEC 39794-5 (object 7F2E), and says where what is around them
// deviates. No picture is decoded. It fails with fault.FileMalformed, also where there
// is no portrait.
func ParseDG2(b []byte) (*Face, error) {
	value, err := DG2.template(b)
	if err != nil {
		return nil, err
	}
	group, rest, err := iso7816.ParseTLV(value)
	if err != nil || group.Tag != tagGroupTemplate || len(rest) > 0 {
		return nil, DG2.malformed("biometric information group template", err)
	}
	objects, err := iso7816.ParseTLVs(group.Value)
	if err != nil {
		return nil, DG2.malformed("", err)
	}
	face := &Face{}
	face.checkInstances(objects)
	for _, object := range objects {
		if object.Tag != tagTemplate {
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

// checkInstances holds the number of templates against the one that is announced, 1 to
// 9 (Doc 9303-10, table 45).
func (f *Face) checkInstances(objects []iso7816.TLV) {
	templates := 0
	for _, object := range objects {
		if object.Tag == tagTemplate {
			templates++
		}
	}
	announced, ok := iso7816.Find(objects, tagInstances)
	switch {
	case !ok:
		f.warn("dg2_instances_missing", "")
	case len(announced.Value) != 1 || announced.Value[0] < 1 || announced.Value[0] > 9 || int(announced.Value[0]) != templates:
		f.warn("dg2_instances", fmt.Sprintf("%X announced, %d there", announced.Value[:min(len(announced.Value), 4)], templates))
	}
	for _, object := range objects {
		if object.Tag != tagTemplate && object.Tag != tagInstances {
			f.warn("dg2_object_unexpected", fmt.Sprintf("tag %X", uint32(object.Tag)))
		}
	}
}

// take reads one biometric information template.
func (f *Face) take(template []byte) error {
	objects, err := iso7816.ParseTLVs(template)
	if err != nil {
		return DG2.malformed("biometric information template", err)
	}
	f.Warnings = noteObjects(f.Warnings, "dg2_template_object", objects, tagHeader, tagBiometricData, tagBiometricDataTree)
	header, found := iso7816.Find(objects, tagHeader)
	_, record := iso7816.Find(objects, tagBiometricData)
	f.checkHeader(header, found, record)
	data := false
	for _, object := range objects {
		switch object.Tag {
		case tagBiometricData:
			err = f.takeRecord(object.Value)
		case tagBiometricDataTree:
			err = f.takeTemplate(object.Value)
		default:
			continue
		}
		if err != nil {
			return err
		}
		data = true
	}
	if !data {
		f.warn("dg2_data_missing", "")
	}
	return nil
}

func (f *Face) warn(name, detail string) { f.Warnings = note(f.Warnings, name, detail) }

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
		f.warn("dg2_image_format", "neither JPEG nor JPEG 2000")
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
