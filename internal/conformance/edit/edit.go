// Package edit changes files of a chip as data says: one object found by its tags, one
// thing done to it, the lengths around it made right again. It gives a test a file
// that deviates in one place and in no other.
package edit

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Errors of this package, for errors.Is.
var (
	ErrFormat    = errors.New("not an edit")
	ErrPath      = errors.New("no such object")
	ErrOperation = errors.New("operation does not fit the object")
)

// Edit is one change. Exactly one of the operations is given. In JSON:
//
//	{"path": "60/5F01", "set": {"text": "0300"}}
//	{"path": "75/7F61/7F60[0]/A1/87", "delete": true}
//
// Path names an object by the tags that lead to it, in hexadecimal; [1] is the second
// object of that tag, and none is the first. A path may lead into the value of a
// primitive object that holds objects, as an OCTET STRING does. The empty path is the
// whole file: Set, Patch, Add, Insert, Cut and Append change its bytes.
type Edit struct {
	Path string `json:"path"`

	Set    *Octets `json:"set,omitempty"`    // another value
	Patch  *At     `json:"patch,omitempty"`  // octets over those at an offset of the value
	Add    *Sum    `json:"add,omitempty"`    // a number added to one in the value
	Insert *At     `json:"insert,omitempty"` // octets between those of the value
	Cut    *Range  `json:"cut,omitempty"`    // octets out of the value
	Append *Octets `json:"append,omitempty"` // octets behind those of the value
	Before *Octets `json:"before,omitempty"` // objects in front of the object
	After  *Octets `json:"after,omitempty"`  // objects behind the object
	Delete bool    `json:"delete,omitempty"` // no object
	Tag    Hex     `json:"tag,omitempty"`    // another tag
	Length Hex     `json:"length,omitempty"` // other octets of the length; the value stays
	Longer int     `json:"longer,omitempty"` // a number added to the length; the value stays

	// KeepLengths leaves the lengths of the object and of those around it as they are.
	KeepLengths bool `json:"keepLengths,omitempty"`
}

// Octets are given as hexadecimal digits or as text.
type Octets struct {
	Hex  Hex    `json:"hex,omitempty"`
	Text string `json:"text,omitempty"`
}

// At is octets at an offset, from 0.
type At struct {
	At int `json:"at"`
	Octets
}

// Range is a number of octets from an offset.
type Range struct {
	At    int `json:"at"`
	Count int `json:"count"`
}

// Sum adds a number, which may be negative, to a big-endian one of so many octets, 1
// to 4, at an offset.
type Sum struct {
	At    int `json:"at"`
	Width int `json:"width"`
	By    int `json:"by"`
}

// Hex is octets that stand in JSON as hexadecimal digits; spaces between them are for
// the eye.
type Hex []byte

// UnmarshalText reads hexadecimal digits.
func (h *Hex) UnmarshalText(text []byte) error {
	decoded, err := hex.DecodeString(strings.ReplaceAll(string(text), " ", ""))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	*h = decoded
	return nil
}

// MarshalText writes hexadecimal digits.
func (h Hex) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%X", []byte(h)), nil }

func (o Octets) bytes() []byte {
	if o.Text != "" {
		return []byte(o.Text)
	}
	return o.Hex
}

// UnmarshalJSON reads an edit. A field that is not known, and more or fewer than one
// operation, fail with ErrFormat: a misspelt edit would otherwise change nothing.
func (e *Edit) UnmarshalJSON(b []byte) error {
	type plain Edit
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	var read plain
	if err := decoder.Decode(&read); err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: more than one value", ErrFormat)
	}
	*e = Edit(read)
	return e.check()
}
