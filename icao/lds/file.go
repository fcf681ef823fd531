// Package lds reads the elementary files of the Logical Data Structure (Doc
// 9303-10): bytes in, values out. Nothing is ever encoded again: the bytes of a
// file are kept by whoever read them.
package lds

import (
	"fmt"
	"slices"

	"passport-agent/internal/fault"
	"passport-agent/iso7816"
)

// AID is the application identifier of the eMRTD application (Doc 9303-10, 3.2.1).
var AID = [...]byte{0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01}

// File names an elementary file of the eMRTD application: 1 to 16 are the data
// groups.
type File int

// The files of Doc 9303-10, table 38, that the agent reads.
const (
	DG1  File = 1
	DG2  File = 2
	DG14 File = 14
	DG15 File = 15
	COM  File = 0x1E
	SOD  File = 0x1D
	// ATRInfo, CardAccess and CardSecurity stand in the master file, where identifiers
	// count anew (Doc 9303-10, 3.11).
	ATRInfo      File = 0x2F01
	CardAccess   File = 0x11C
	CardSecurity File = 0x11D
)

const lastDataGroup = 16

// String returns the name as used in reports: COM, SOD, DG1, CardAccess …
func (f File) String() string {
	switch f {
	case COM:
		return "COM"
	case SOD:
		return "SOD"
	case ATRInfo:
		return "ATR-INFO"
	case CardAccess:
		return "CardAccess"
	case CardSecurity:
		return "CardSecurity"
	default:
		return fmt.Sprintf("DG%d", int(f))
	}
}

// ID returns the file identifier.
func (f File) ID() uint16 { return max(0x0100, uint16(f)&0xFF00) | uint16(f) }

// SFI returns the short file identifier.
func (f File) SFI() byte { return byte(f) & 0x1F }

// DataGroup returns the number of a data group, 1 to 16; ok is false for the
// files that are none.
func (f File) DataGroup() (number int, ok bool) {
	return int(f), f >= 1 && f <= lastDataGroup
}

var dataGroupTags = [lastDataGroup + 1]iso7816.Tag{
	0, 0x61, 0x75, 0x63, 0x76, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x70,
}

// Tag returns the tag of the file's template.
func (f File) Tag() iso7816.Tag {
	switch f {
	case COM:
		return 0x60
	case SOD:
		return 0x77
	case CardAccess:
		return 0x31
	case CardSecurity:
		return 0x30
	default:
		if number, ok := f.DataGroup(); ok {
			return dataGroupTags[number]
		}
		return 0
	}
}

// Warning is a deviation from the standard that real documents have and that
// does not keep a file from being read.
type Warning struct {
	Name   string // stable, such as "dg2_record_length"
	Detail string
}

// template returns the value of the file's one outer data object.
func (f File) template(b []byte) ([]byte, error) {
	object, rest, err := iso7816.ParseTLV(b)
	if err != nil {
		return nil, f.malformed("", err)
	}
	if object.Tag != f.Tag() {
		return nil, f.malformed(fmt.Sprintf("tag %X in place of %X", uint32(object.Tag), uint32(f.Tag())), nil)
	}
	if len(rest) > 0 {
		return nil, f.malformed(fmt.Sprintf("%d bytes behind the template", len(rest)), nil)
	}
	return object.Value, nil
}

// note adds a deviation to a list, each name once: what a hostile file says a million
// times is told with the first place where it stands.
func note(list []Warning, name, detail string) []Warning {
	if slices.ContainsFunc(list, func(w Warning) bool { return w.Name == name }) {
		return list
	}
	return append(list, Warning{name, detail})
}

// noteObjects tells of objects that a template of these objects, each once, does not
// have.
func noteObjects(list []Warning, name string, objects []iso7816.TLV, expected ...iso7816.Tag) []Warning {
	seen := map[iso7816.Tag]bool{}
	for _, object := range objects {
		detail := fmt.Sprintf("tag %X", uint32(object.Tag))
		switch {
		case !slices.Contains(expected, object.Tag):
			list = note(list, name+"_unexpected", detail)
		case seen[object.Tag]:
			list = note(list, name+"_repeated", detail)
		}
		seen[object.Tag] = true
	}
	return list
}

func (f File) malformed(detail string, err error) error {
	text := f.String()
	if detail != "" {
		text += ", " + detail
	}
	return fault.New(fault.FileMalformed, text, err)
}
