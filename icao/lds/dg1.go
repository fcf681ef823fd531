package lds

import (
	"passport-agent/icao/mrz"
	"passport-agent/iso7816"
)

// ParseDG1 reads the machine-readable zone of DG1 (Doc 9303-10, 4.7.1). It fails
// with fault.FileMalformed; check digits are judged by the caller.
func ParseDG1(b []byte) (*mrz.MRZ, error) {
	value, err := DG1.template(b)
	if err != nil {
		return nil, err
	}
	objects, err := iso7816.ParseTLVs(value)
	if err != nil {
		return nil, DG1.malformed("", err)
	}
	zone, ok := iso7816.Find(objects, 0x5F1F)
	if !ok {
		return nil, DG1.malformed("machine-readable zone missing", nil)
	}
	m, err := mrz.Parse(string(zone.Value))
	if err != nil {
		return nil, DG1.malformed("", err)
	}
	return m, nil
}
