package edit

import (
	"bytes"
	"fmt"
	"slices"

	"passport-agent/iso7816"
)

// Apply makes edits one after the other and returns the file that comes of it; the one
// that is given stays as it is. It fails with ErrFormat, ErrPath or ErrOperation,
// naming the edit.
func Apply(file []byte, edits []Edit) ([]byte, error) {
	file = bytes.Clone(file)
	for i, e := range edits {
		changed, err := e.apply(file)
		if err != nil {
			return nil, fmt.Errorf("edit %d, path %q: %w", i+1, e.Path, err)
		}
		file = changed
	}
	return file, nil
}

func (e Edit) apply(file []byte) ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	steps, err := parsePath(e.Path)
	if err != nil {
		return nil, err
	}
	if len(steps) == 0 {
		return e.value(file)
	}
	return e.inside(file, steps)
}

// inside makes the edit in content, at the object that steps lead to.
func (e Edit) inside(content []byte, steps []step) ([]byte, error) {
	object, start, err := find(content, steps[0])
	if err != nil {
		return nil, err
	}
	var changed []byte
	if len(steps) == 1 {
		changed, err = e.object(object)
	} else {
		var value []byte
		if value, err = e.inside(object.Value, steps[1:]); err == nil {
			changed = e.rebuild(object, value)
		}
	}
	if err != nil {
		return nil, err
	}
	return slices.Concat(content[:start], changed, content[start+len(object.Raw):]), nil
}

// find returns the object of a step and where it begins. What stands behind it need
// not be well formed.
func find(content []byte, s step) (object iso7816.TLV, start int, err error) {
	seen := 0
	for rest := content; len(rest) > 0; {
		start = len(content) - len(rest)
		if object, rest, err = iso7816.ParseTLV(rest); err != nil {
			return iso7816.TLV{}, 0, fmt.Errorf("%w: %w", ErrPath, err)
		}
		if object.Tag == s.tag {
			if seen == s.index {
				return object, start, nil
			}
			seen++
		}
	}
	return iso7816.TLV{}, 0, fmt.Errorf("%w: %d of tag %X", ErrPath, seen, uint32(s.tag))
}

// object returns what takes the place of an object.
func (e Edit) object(o iso7816.TLV) ([]byte, error) {
	tag, length := split(o)
	switch {
	case e.Delete:
		return nil, nil
	case e.Before != nil:
		return slices.Concat(e.Before.bytes(), o.Raw), nil
	case e.After != nil:
		return slices.Concat(o.Raw, e.After.bytes()), nil
	case e.Tag != nil:
		return slices.Concat(e.Tag, length, o.Value), nil
	case e.Length != nil:
		return slices.Concat(tag, e.Length, o.Value), nil
	case e.Longer != 0:
		length, err := longer(length, len(o.Value)+e.Longer)
		return slices.Concat(tag, length, o.Value), err
	}
	value, err := e.value(o.Value)
	if err != nil {
		return nil, err
	}
	return e.rebuild(o, value), nil
}

// split returns the octets of an object's tag and of its length.
func split(o iso7816.TLV) (tag, length []byte) {
	header := o.Raw[:len(o.Raw)-len(o.Value)]
	size := 1
	for t := o.Tag; t > 0xFF; t >>= 8 {
		size++
	}
	return header[:size], header[size:]
}

// longer writes another number in as many octets as a length has.
func longer(length []byte, number int) ([]byte, error) {
	changed := bytes.Clone(length)
	digits := changed
	limit := 0x7F
	if len(changed) > 1 {
		digits = changed[1:]
		limit = 1<<(8*len(digits)) - 1
	}
	if number < 0 || number > limit {
		return nil, fmt.Errorf("%w: length %d in %d octets", ErrOperation, number, len(length))
	}
	put(digits, uint64(number))
	return changed, nil
}

// rebuild puts another value into an object. Where its length does not change, its
// octets do not: some chips write lengths longer than need be.
func (e Edit) rebuild(o iso7816.TLV, value []byte) []byte {
	if e.KeepLengths || len(value) == len(o.Value) {
		return slices.Concat(o.Raw[:len(o.Raw)-len(o.Value)], value)
	}
	return iso7816.AppendTLV(nil, o.Tag, value)
}

// value returns what takes the place of a value.
func (e Edit) value(v []byte) ([]byte, error) {
	switch {
	case e.Set != nil:
		return e.Set.bytes(), nil
	case e.Append != nil:
		return slices.Concat(v, e.Append.bytes()), nil
	case e.Insert != nil:
		if err := within(v, e.Insert.At, 0); err != nil {
			return nil, err
		}
		return slices.Concat(v[:e.Insert.At], e.Insert.bytes(), v[e.Insert.At:]), nil
	case e.Cut != nil:
		if err := within(v, e.Cut.At, e.Cut.Count); err != nil {
			return nil, err
		}
		return slices.Concat(v[:e.Cut.At], v[e.Cut.At+e.Cut.Count:]), nil
	case e.Patch != nil:
		octets := e.Patch.bytes()
		if err := within(v, e.Patch.At, len(octets)); err != nil {
			return nil, err
		}
		return slices.Concat(v[:e.Patch.At], octets, v[e.Patch.At+len(octets):]), nil
	default:
		return e.Add.to(v)
	}
}

func within(v []byte, at, count int) error {
	if at < 0 || at > len(v) || count < 0 || count > len(v)-at {
		return fmt.Errorf("%w: %d octets at %d of %d", ErrOperation, count, at, len(v))
	}
	return nil
}

func (s Sum) to(v []byte) ([]byte, error) {
	if err := within(v, s.At, s.Width); err != nil {
		return nil, err
	}
	var number int64
	for _, octet := range v[s.At : s.At+s.Width] {
		number = number<<8 | int64(octet)
	}
	number += int64(s.By)
	if number < 0 || number >= 1<<(8*s.Width) {
		return nil, fmt.Errorf("%w: %d in %d octets", ErrOperation, number, s.Width)
	}
	changed := bytes.Clone(v)
	put(changed[s.At:s.At+s.Width], uint64(number))
	return changed, nil
}

// put writes a number big-endian over all of b.
func put(b []byte, number uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = byte(number)
		number >>= 8
	}
}
