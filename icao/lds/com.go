package lds

import (
	"fmt"

	"passport-agent/iso7816"
)

// CommonData is the content of EF.COM (Doc 9303-10, 4.6.1). No signature covers it.
type CommonData struct {
	LDSVersion     string // "0107"; empty where the file does not say
	UnicodeVersion string // "040000"
	DataGroups     []int  // in the order of the file
	Warnings       []Warning
}

// ParseCOM reads EF.COM. It fails with fault.FileMalformed.
func ParseCOM(b []byte) (*CommonData, error) {
	value, err := COM.template(b)
	if err != nil {
		return nil, err
	}
	objects, err := iso7816.ParseTLVs(value)
	if err != nil {
		return nil, COM.malformed("", err)
	}
	com := &CommonData{}
	if com.LDSVersion, err = com.version(objects, 0x5F01, 4); err != nil {
		return nil, err
	}
	if com.UnicodeVersion, err = com.version(objects, 0x5F36, 6); err != nil {
		return nil, err
	}
	list, ok := iso7816.Find(objects, 0x5C)
	if !ok {
		return nil, COM.malformed("list of data groups missing", nil)
	}
	for _, tag := range list.Value {
		number := dataGroupOf(iso7816.Tag(tag))
		if number == 0 {
			return nil, COM.malformed(fmt.Sprintf("tag %02X in the list of data groups", tag), nil)
		}
		com.DataGroups = append(com.DataGroups, number)
	}
	return com, nil
}

// version returns a version number of so many digits; some issuers leave it out.
func (com *CommonData) version(objects []iso7816.TLV, tag iso7816.Tag, length int) (string, error) {
	object, ok := iso7816.Find(objects, tag)
	if !ok {
		com.Warnings = append(com.Warnings, Warning{"com_version_missing", fmt.Sprintf("object %X", uint32(tag))})
		return "", nil
	}
	if len(object.Value) != length {
		return "", COM.malformed(fmt.Sprintf("object %X has %d bytes", uint32(tag), len(object.Value)), nil)
	}
	for _, c := range object.Value {
		if c < '0' || c > '9' {
			return "", COM.malformed(fmt.Sprintf("object %X is no number", uint32(tag)), nil)
		}
	}
	return string(object.Value), nil
}

func dataGroupOf(tag iso7816.Tag) int {
	for number := 1; number <= lastDataGroup; number++ {
		if dataGroupTags[number] == tag {
			return number
		}
	}
	return 0
}
