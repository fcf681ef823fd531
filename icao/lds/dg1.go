package lds

import (
	"fmt"

	"passport-agent/icao/mrz"
	"passport-agent/iso7816"
)

const tagZone iso7816.Tag = 0x5F1F

// ParseDG1 reads the machine-readable zone of DG1 (Doc 9303-10, 4.7.1) and says where
// it deviates from Doc 9303-3 to 9303-6. It fails with fault.FileMalformed where length
// or characters are those of no zone.
func ParseDG1(b []byte) (*mrz.MRZ, []Warning, error) {
	value, err := DG1.template(b)
	if err != nil {
		return nil, nil, err
	}
	objects, err := iso7816.ParseTLVs(value)
	if err != nil {
		return nil, nil, DG1.malformed("", err)
	}
	object, ok := iso7816.Find(objects, tagZone)
	if !ok {
		return nil, nil, DG1.malformed("machine-readable zone missing", nil)
	}
	zone, err := mrz.Parse(string(object.Value))
	if err != nil {
		return nil, nil, DG1.malformed("", err)
	}
	warnings := noteObjects(nil, "dg1_object", objects, tagZone)
	if position := otherCharacter(object.Value); position > 0 {
		warnings = note(warnings, "dg1_characters", fmt.Sprintf("position %d", position))
	}
	for _, name := range zone.Deviations() {
		warnings = note(warnings, "dg1_"+name, "")
	}
	return zone, warnings, nil
}

// otherCharacter returns the first position, from 1, of a character that Doc 9303-3,
// 4.3 does not have, 0 for none. What a person types may be in lower case or have line
// breaks, and mrz.Parse reads it; a chip's zone has neither.
func otherCharacter(zone []byte) int {
	for i, c := range zone {
		if c != '<' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return i + 1
		}
	}
	return 0
}
