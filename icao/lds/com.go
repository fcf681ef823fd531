package lds

import (
	"fmt"
	"slices"

	"passport-agent/iso7816"
)

// CommonData is the content of EF.COM (Doc 9303-10, 4.6.1). No signature covers it.
type CommonData struct {
	LDSVersion     string // "0107"; empty where the file does not say
	UnicodeVersion string // "040000"
	DataGroups     []int  // in the order of the file
	Warnings       []Warning
}

// Tags of EF.COM (Doc 9303-10, table 35).
const (
	tagLDSVersion     iso7816.Tag = 0x5F01
	tagUnicodeVersion iso7816.Tag = 0x5F36
	tagTagList        iso7816.Tag = 0x5C
)

// Versions that issuers may write: LDS 1.7 and 1.8 (Doc 9303-10, 4.6.1.1), Unicode 4.0.0.
var (
	ldsVersions     = []string{Version17, Version18}
	unicodeVersions = []string{"040000"}
)

// ParseCOM reads EF.COM. It fails with fault.FileMalformed, also where the list of data
// groups is missing.
func ParseCOM(b []byte) (*CommonData, error) {
	value, err := COM.template(b)
	if err != nil {
		return nil, err
	}
	objects, err := iso7816.ParseTLVs(value)
	if err != nil {
		return nil, COM.malformed("", err)
	}
	list, ok := iso7816.Find(objects, tagTagList)
	if !ok {
		return nil, COM.malformed("list of data groups missing", nil)
	}
	com := &CommonData{}
	com.LDSVersion = com.version(objects, tagLDSVersion, "com_lds_version", ldsVersions)
	com.UnicodeVersion = com.version(objects, tagUnicodeVersion, "com_unicode_version", unicodeVersions)
	com.takeList(list.Value)
	com.Warnings = noteObjects(com.Warnings, "com_object", objects, tagLDSVersion, tagUnicodeVersion, tagTagList)
	return com, nil
}

// version returns a version number, where there is one; some issuers leave it out.
func (com *CommonData) version(objects []iso7816.TLV, tag iso7816.Tag, name string, allowed []string) string {
	object, ok := iso7816.Find(objects, tag)
	if !ok {
		com.warn(name+"_missing", "")
		return ""
	}
	for _, version := range allowed {
		if string(object.Value) == version {
			return version
		}
	}
	if len(object.Value) != len(allowed[0]) || !digits(object.Value) {
		com.warn(name, "no version number")
		return ""
	}
	com.warn(name, string(object.Value))
	return string(object.Value)
}

func (com *CommonData) takeList(tags []byte) {
	unknown, repeated := "", "" // the first of each
	for _, tag := range tags {
		switch number := dataGroupOf(iso7816.Tag(tag)); {
		case number == 0 && unknown == "":
			unknown = fmt.Sprintf("tag %02X", tag)
		case number == 0:
		case !slices.Contains(com.DataGroups, number):
			com.DataGroups = append(com.DataGroups, number)
		case repeated == "":
			repeated = fmt.Sprintf("DG%d", number)
		}
	}
	if unknown != "" {
		com.warn("com_data_group_tag", unknown)
	}
	if repeated != "" {
		com.warn("com_data_group_repeated", repeated)
	}
}

func (com *CommonData) warn(name, detail string) {
	com.Warnings = note(com.Warnings, name, detail)
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

func dataGroupOf(tag iso7816.Tag) int {
	for number := 1; number <= lastDataGroup; number++ {
		if dataGroupTags[number] == tag {
			return number
		}
	}
	return 0
}
