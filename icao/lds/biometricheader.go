package lds

import (
	"bytes"
	"fmt"

	"passport-agent/iso7816"
)

// Tags of a biometric header template (Doc 9303-10, table 44).
const (
	tagBiometricType iso7816.Tag = 0x81
	tagFormatOwner   iso7816.Tag = 0x87
	tagFormatType    iso7816.Tag = 0x88
)

var (
	formatOwner = []byte{0x01, 0x01} // ISO/IEC JTC 1/SC 37
	formatType  = []byte{0x00, 0x08} // face image record of ISO/IEC 19794-5
)

// Biometric types (ISO/IEC 7816-11; ISO/IEC 19785-3), one to three bytes. An image of
// the face in the infrared has a type that later editions no longer give out.
const (
	typeFace        = 0x02
	typeThermalFace = 0x0400
)

// checkHeader holds a biometric header template against Doc 9303-10, table 44: format
// owner and format type are asked for, the biometric type may be left out. The format
// type of ISO/IEC 39794-5 is not judged: record says that the data are in the older one.
func (f *Face) checkHeader(header iso7816.TLV, found, record bool) {
	objects, err := iso7816.ParseTLVs(header.Value)
	if !found || err != nil {
		f.warn("dg2_header_missing", "")
		return
	}
	f.checkFormat(objects, tagFormatOwner, "dg2_format_owner", formatOwner)
	if record {
		f.checkFormat(objects, tagFormatType, "dg2_format_type", formatType)
	}
	if object, ok := iso7816.Find(objects, tagBiometricType); ok {
		f.checkType(object.Value)
	}
}

func (f *Face) checkFormat(objects []iso7816.TLV, tag iso7816.Tag, name string, want []byte) {
	object, ok := iso7816.Find(objects, tag)
	switch {
	case !ok:
		f.warn(name+"_missing", "")
	case !bytes.Equal(object.Value, want):
		f.warn(name, fmt.Sprintf("%X", object.Value[:min(len(object.Value), 4)]))
	}
}

func (f *Face) checkType(value []byte) {
	number := 0
	for _, octet := range value[:min(len(value), 4)] {
		number = number<<8 | int(octet)
	}
	switch {
	case len(value) > 3 || number != typeFace && number != typeThermalFace:
		f.warn("dg2_biometric_type", fmt.Sprintf("%X", number))
	case number == typeThermalFace:
		f.warn("dg2_biometric_type_deprecated", fmt.Sprintf("%X", number))
	}
}
