// Package cms reads the Cryptographic Message Syntax (RFC 5652) as travel
// documents carry it: BER where DER is asked for, included.
package cms

import (
	"errors"
	"fmt"
	"slices"
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
// What it takes is as much memory as b, however many elements that has.
func ToDER(b []byte) ([]byte, error) {
	e, err := parse(b, 0)
	if err != nil {
		return nil, err
	}
	der, rest, _, err := e.append(make([]byte, 0, len(b)))
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%w: %d bytes too many", ErrMalformed, len(rest))
	}
	return der, nil
}

// element is a BER element whose tag and length have been read.
type element struct {
	tag        []byte
	whole      []byte // from the tag on; to its end where that is known
	content    []byte // likewise
	rest       []byte // what follows; nil where the length is indefinite
	indefinite bool
	depth      int
}

// parse reads the header of the first element of b.
func parse(b []byte, depth int) (element, error) {
	if depth > maxDepth {
		return element{}, fmt.Errorf("%w: nested deeper than %d", ErrMalformed, maxDepth)
	}
	tagLength, err := tagLength(b)
	if err != nil {
		return element{}, err
	}
	length, lengthLength, err := parseLength(b[tagLength:])
	if err != nil {
		return element{}, err
	}
	header := tagLength + lengthLength
	e := element{tag: b[:tagLength], depth: depth}
	switch {
	case length < 0 && !e.isConstructed():
		return element{}, fmt.Errorf("%w: primitive element of indefinite length", ErrMalformed)
	case length < 0:
		e.whole, e.content, e.indefinite = b, b[header:], true
	case length > len(b)-header:
		return element{}, fmt.Errorf("%w: %d bytes announced, %d there", ErrMalformed, length, len(b)-header)
	default:
		end := header + length
		e.whole, e.content, e.rest = b[:end], b[header:end], b[end:]
	}
	return e, nil
}

func (e element) isConstructed() bool { return e.tag[0]&constructed != 0 }

// isSplitString reports whether the element is an octet string in pieces.
func (e element) isSplitString() bool { return e.tag[0] == tagOctetString|constructed }

// append appends the element to dst and returns what follows it; changed says that its
// own length, or an element below it, is not as DER has it. Only what is constructed is
// looked into.
func (e element) append(dst []byte) (_, rest []byte, changed bool, err error) {
	if !e.isConstructed() {
		return append(dst, e.whole...), e.rest, false, nil
	}
	changed = e.indefinite || e.isSplitString()
	begin := len(dst)
	if e.isSplitString() {
		dst = append(dst, tagOctetString)
	} else {
		dst = append(dst, e.tag...)
	}
	inside := len(dst)
	rest, err = e.each(func(child element) (after []byte, err error) {
		if e.isSplitString() {
			dst, after, err = child.appendPieces(dst)
			return after, err
		}
		var childChanged bool
		dst, after, childChanged, err = child.append(dst)
		changed = changed || childChanged
		return after, err
	})
	if err != nil {
		return nil, nil, false, err
	}
	if !changed {
		return append(dst[:begin], e.whole...), rest, false, nil
	}
	return insertLength(dst, inside), rest, true, nil
}

// appendPieces joins the pieces of an octet string, which may be in pieces again.
func (e element) appendPieces(dst []byte) (_, rest []byte, err error) {
	if !e.isConstructed() {
		return append(dst, e.content...), e.rest, nil
	}
	rest, err = e.each(func(child element) (after []byte, err error) {
		dst, after, err = child.appendPieces(dst)
		return after, err
	})
	return dst, rest, err
}

// each visits the elements of a constructed one, to its end or to the end-of-contents
// octets; visit returns what follows the child. It returns what follows the element.
func (e element) each(visit func(child element) (after []byte, err error)) (rest []byte, err error) {
	for content := e.content; ; {
		switch {
		case !e.indefinite && len(content) == 0:
			return e.rest, nil
		case e.indefinite && len(content) >= 2 && content[0] == 0 && content[1] == 0:
			return content[2:], nil
		}
		child, err := parse(content, e.depth+1)
		if err == nil {
			content, err = visit(child)
		}
		if err != nil {
			return nil, err
		}
	}
}

// insertLength puts the length of what begins at a place of dst in front of it.
func insertLength(dst []byte, at int) []byte {
	length := appendLength(nil, len(dst)-at)
	return slices.Insert(dst, at, length...)
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
