// Package cms reads the Cryptographic Message Syntax (RFC 5652) as travel
// documents carry it: BER where DER is asked for, included.
package cms

import (
	"errors"
	"fmt"
)

// maxDepth bounds the nesting of BER; a security object has about ten levels.
const maxDepth = 32

// ErrMalformed says that octets are not a well-formed CMS object.
var ErrMalformed = errors.New("malformed CMS object")

const (
	tagOctetString = 0x04
	constructed    = 0x20
	indefinite     = 0x80
)

// ToDER returns b, one BER element, with definite lengths of the shortest form
// and octet strings in one piece. Some issuers sign a DER object and wrap it in
// indefinite lengths. An element that has neither is returned byte for byte as it was.
func ToDER(b []byte) ([]byte, error) {
	e, rest, err := parse(b, 0)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%w: %d bytes too many", ErrMalformed, len(rest))
	}
	return e.append(nil), nil
}

// element is a BER element; raw and content are empty where the length is indefinite.
type element struct {
	tag      []byte
	raw      []byte
	content  []byte
	children []element
	changed  bool // its own length, or an element below it, is not as DER has it
}

// parse reads one element. Only what is constructed is looked into.
func parse(b []byte, depth int) (element, []byte, error) {
	if depth > maxDepth {
		return element{}, nil, fmt.Errorf("%w: nested deeper than %d", ErrMalformed, maxDepth)
	}
	tagLength, err := tagLength(b)
	if err != nil {
		return element{}, nil, err
	}
	e := element{tag: b[:tagLength]}
	length, lengthLength, err := parseLength(b[tagLength:])
	if err != nil {
		return element{}, nil, err
	}
	header := tagLength + lengthLength
	if length < 0 {
		return e.parseIndefinite(b, header, depth)
	}
	if length > len(b)-header {
		return element{}, nil, fmt.Errorf("%w: %d bytes announced, %d there", ErrMalformed, length, len(b)-header)
	}
	end := header + length
	e.raw, e.content = b[:end], b[header:end]
	if e.tag[0]&constructed == 0 {
		return e, b[end:], nil
	}
	for content := e.content; len(content) > 0; {
		var child element
		child, content, err = parse(content, depth+1)
		if err != nil {
			return element{}, nil, err
		}
		e.add(child)
	}
	e.changed = e.changed || e.isSplitString()
	return e, b[end:], nil
}

// parseIndefinite reads children up to the end-of-contents octets.
func (e element) parseIndefinite(b []byte, header, depth int) (element, []byte, error) {
	if e.tag[0]&constructed == 0 {
		return element{}, nil, fmt.Errorf("%w: primitive element of indefinite length", ErrMalformed)
	}
	e.changed = true
	content := b[header:]
	for {
		if len(content) >= 2 && content[0] == 0 && content[1] == 0 {
			return e, content[2:], nil
		}
		child, rest, err := parse(content, depth+1)
		if err != nil {
			return element{}, nil, err
		}
		e.add(child)
		content = rest
	}
}

func (e *element) add(child element) {
	e.children = append(e.children, child)
	e.changed = e.changed || child.changed
}

// isSplitString reports whether the element is an octet string in pieces.
func (e *element) isSplitString() bool { return e.tag[0] == tagOctetString|constructed }

func (e *element) append(dst []byte) []byte {
	if !e.changed {
		return append(dst, e.raw...)
	}
	var content []byte
	if e.isSplitString() {
		content = e.appendPieces(nil)
		dst = append(dst, tagOctetString)
	} else {
		for i := range e.children {
			content = e.children[i].append(content)
		}
		dst = append(dst, e.tag...)
	}
	return append(appendLength(dst, len(content)), content...)
}

// appendPieces joins the pieces of an octet string, which may be in pieces again.
func (e *element) appendPieces(dst []byte) []byte {
	if e.tag[0]&constructed == 0 {
		return append(dst, e.content...)
	}
	for i := range e.children {
		dst = e.children[i].appendPieces(dst)
	}
	return dst
}

func tagLength(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, fmt.Errorf("%w: cut off", ErrMalformed)
	}
	if b[0]&0x1F != 0x1F {
		return 1, nil
	}
	for i := 1; i < len(b) && i < 5; i++ {
		if b[i]&0x80 == 0 {
			return i + 1, nil
		}
	}
	return 0, fmt.Errorf("%w: tag", ErrMalformed)
}

// parseLength returns -1 for the indefinite form.
func parseLength(b []byte) (length, size int, err error) {
	if len(b) == 0 {
		return 0, 0, fmt.Errorf("%w: cut off", ErrMalformed)
	}
	if b[0] == indefinite {
		return -1, 1, nil
	}
	if b[0] < 0x80 {
		return int(b[0]), 1, nil
	}
	count := int(b[0] & 0x7F)
	if count > 4 || len(b) < 1+count {
		return 0, 0, fmt.Errorf("%w: length", ErrMalformed)
	}
	var value uint64
	for _, octet := range b[1 : 1+count] {
		value = value<<8 | uint64(octet)
	}
	if value > 1<<31-1 {
		return 0, 0, fmt.Errorf("%w: length", ErrMalformed)
	}
	return int(value), 1 + count, nil
}

func appendLength(dst []byte, length int) []byte {
	switch {
	case length < 0x80:
		return append(dst, byte(length))
	case length < 0x100:
		return append(dst, 0x81, byte(length))
	case length < 0x10000:
		return append(dst, 0x82, byte(length>>8), byte(length))
	case length < 0x1000000:
		return append(dst, 0x83, byte(length>>16), byte(length>>8), byte(length))
	default:
		return append(dst, 0x84, byte(length>>24), byte(length>>16), byte(length>>8), byte(length))
	}
}
