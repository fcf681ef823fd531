package lds

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Sizes in bytes of the parts of a face record (ISO/IEC 19794-5:2005, 5.4 to 5.7).
const (
	recordHeader     = 14
	faceInformation  = 20
	featurePoint     = 8
	imageInformation = 12
)

// Begin of a face record: format identifier and version number (ISO/IEC 19794-5:2005,
// 5.4.1 and 5.4.2).
var (
	formatIdentifier = []byte("FAC\x00")
	versionNumber    = []byte("010\x00")
)

// takeRecord reads a record of ISO/IEC 19794-5. Lengths that are a few bytes off
// occur in real documents: what the bytes hold counts, and a warning tells.
func (f *Face) takeRecord(record []byte) error {
	if len(record) < recordHeader {
		return DG2.malformed("face record header", nil)
	}
	if !bytes.Equal(record[:4], formatIdentifier) {
		f.warn("dg2_format_identifier", fmt.Sprintf("%X", record[:4]))
	}
	if !bytes.Equal(record[4:8], versionNumber) {
		f.warn("dg2_version_number", fmt.Sprintf("%X", record[4:8]))
	}
	if announced := binary.BigEndian.Uint32(record[8:]); int64(announced) != int64(len(record)) {
		f.warn("dg2_record_length", fmt.Sprintf("%d announced, %d there", announced, len(record)))
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
				f.warn("dg2_face_length", fmt.Sprintf("%d announced, %d there", length, len(faces)))
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
	points := int(binary.BigEndian.Uint16(b[4:]))
	skip := faceInformation + featurePoint*points
	if len(b) < skip+imageInformation {
		return DG2.malformed("image information cut off", nil)
	}
	f.checkFace(b[:faceInformation])
	f.checkPoints(b[faceInformation:skip])
	information, image := b[skip:skip+imageInformation], b[skip+imageInformation:]
	f.checkImage(information, formatOf(image))
	f.add(image, int(binary.BigEndian.Uint16(information[offsetWidth:])), int(binary.BigEndian.Uint16(information[offsetHeight:])))
	return nil
}

// Values of a face record (ISO/IEC 19794-5:2005, 5.5 to 5.7). Public implementations
// disagree whether 'unknown' is 3 or FF for the gender: both pass.
const (
	lastGender     = 3
	lastEyeColour  = 7
	lastHairColour = 9
	unknownFeature = 0xFF
	lastAngle      = 181 // 0 is unspecified, 1 to 181 stand for degrees
	pointMPEG4     = 1   // the one type of feature point that is not reserved
	lastFaceType   = 2   // basic, full frontal, token frontal
	dataTypeJPEG   = 0
	dataTypeJP2000 = 1
)

// Offsets in the face information block and in the image information block.
const (
	offsetGender      = 6
	offsetEyeColour   = 7
	offsetHairColour  = 8
	offsetAngle       = 14 // yaw, pitch, roll
	offsetUncertainty = 17 // likewise
	offsetFaceType    = 0
	offsetDataType    = 1
	offsetWidth       = 2
	offsetHeight      = 4
)

// checkFace holds the face information block against ISO/IEC 19794-5:2005, 5.5. What
// the block says about a person stays out of the warnings.
func (f *Face) checkFace(b []byte) {
	reserved := func(value, last byte) bool { return value > last && value != unknownFeature }
	f.warnIf(reserved(b[offsetGender], lastGender), "dg2_gender")
	f.warnIf(reserved(b[offsetEyeColour], lastEyeColour), "dg2_eye_colour")
	f.warnIf(reserved(b[offsetHairColour], lastHairColour), "dg2_hair_colour")
	for i, axis := range [3]string{"yaw", "pitch", "roll"} {
		f.warnIf(b[offsetAngle+i] > lastAngle, "dg2_pose_angle_"+axis)
		f.warnIf(b[offsetUncertainty+i] > lastAngle, "dg2_pose_angle_uncertainty_"+axis)
	}
}

func (f *Face) warnIf(deviates bool, name string) {
	if deviates {
		f.warn(name, "")
	}
}

// checkPoints holds the feature points against ISO/IEC 19794-5:2005, 5.6.
func (f *Face) checkPoints(b []byte) {
	for ; len(b) >= featurePoint; b = b[featurePoint:] {
		if b[0] != pointMPEG4 {
			f.warn("dg2_feature_point", fmt.Sprintf("type %02X", b[0]))
			return
		}
	}
}

// checkImage holds the image information block against ISO/IEC 19794-5:2005, 5.7, and
// its data type against the picture. The size is only looked at by itself: real
// documents state another one than the picture has.
func (f *Face) checkImage(b []byte, format ImageFormat) {
	f.warnIf(b[offsetFaceType] > lastFaceType, "dg2_face_image_type")
	dataType := b[offsetDataType]
	right := dataType == dataTypeJPEG && format == JPEG || dataType == dataTypeJP2000 && format == JPEG2000
	if format == UnknownImage { // dg2_image_format tells
		right = dataType <= dataTypeJP2000
	}
	if !right {
		f.warn("dg2_image_data_type", fmt.Sprintf("%02X, and the picture is %v", dataType, format))
	}
	f.warnIf(binary.BigEndian.Uint16(b[offsetWidth:]) == 0 || binary.BigEndian.Uint16(b[offsetHeight:]) == 0, "dg2_image_size")
}
