package edit

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"passport-agent/iso7816"
)

// check fails with ErrFormat where the edit cannot be meant.
func (e Edit) check() error {
	steps, err := parsePath(e.Path)
	if err != nil {
		return err
	}
	// Of the object, or of the value: only a value can be a whole file's.
	onObject := []bool{e.Before != nil, e.After != nil, e.Delete, e.Tag != nil, e.Length != nil, e.Longer != 0}
	onValue := []bool{e.Set != nil, e.Patch != nil, e.Add != nil, e.Insert != nil, e.Cut != nil, e.Append != nil}
	switch objects, values := count(onObject), count(onValue); {
	case objects+values != 1:
		return fmt.Errorf("%w: %d operations", ErrFormat, objects+values)
	case len(steps) == 0 && objects > 0:
		return fmt.Errorf("%w: a whole file is no object", ErrFormat)
	}
	return e.checkOperands()
}

func (e Edit) checkOperands() error {
	octets := []*Octets{e.Set, e.Append, e.Before, e.After}
	for _, at := range []*At{e.Patch, e.Insert} {
		if at != nil {
			octets = append(octets, &at.Octets)
		}
	}
	for _, o := range octets {
		if o != nil && o.Hex != nil && o.Text != "" {
			return fmt.Errorf("%w: octets as hexadecimal digits and as text", ErrFormat)
		}
	}
	if e.Tag != nil {
		if tag, header, _, err := iso7816.ParseHeader(append(append(Hex{}, e.Tag...), 0)); err != nil || header != len(e.Tag)+1 || tag == 0 {
			return fmt.Errorf("%w: tag %X", ErrFormat, []byte(e.Tag))
		}
	}
	if e.Add != nil && (e.Add.Width < 1 || e.Add.Width > 4) {
		return fmt.Errorf("%w: number of %d octets", ErrFormat, e.Add.Width)
	}
	return nil
}

func count(given []bool) int {
	n := 0
	for _, one := range given {
		if one {
			n++
		}
	}
	return n
}

// step is one tag of a path, and which of the objects with that tag is meant.
type step struct {
	tag   iso7816.Tag
	index int
}

func parsePath(path string) ([]step, error) {
	if path == "" {
		return nil, nil
	}
	var steps []step
	for part := range strings.SplitSeq(path, "/") {
		s, err := parseStep(part)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	return steps, nil
}

func parseStep(part string) (step, error) {
	digits, index, indexed := strings.Cut(part, "[")
	s := step{}
	if indexed {
		number, closed := strings.CutSuffix(index, "]")
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || !closed {
			return step{}, fmt.Errorf("%w: index in %q", ErrFormat, part)
		}
		s.index = int(n)
	}
	tag, err := hex.DecodeString(digits)
	if err != nil || len(tag) == 0 || len(tag) > 3 {
		return step{}, fmt.Errorf("%w: tag in %q", ErrFormat, part)
	}
	for _, octet := range tag {
		s.tag = s.tag<<8 | iso7816.Tag(octet)
	}
	return s, nil
}
