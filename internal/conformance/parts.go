package conformance

import (
	"fmt"
	"maps"
	"slices"

	"passport-agent/virtual"
)

// Parts puts something else in the place of named parts of an ASN.1 structure: other
// octets in DER, or nothing where it is empty. The names are those of the standards.
type Parts map[string]virtual.Hex

// part is a member of a structure.
type part struct {
	name string
	der  []byte
}

// apply returns the members one after the other. A name that is none of theirs is an
// error: the case would deviate in nothing.
func (p Parts) apply(structure string, members ...part) ([]byte, error) {
	rest := maps.Clone(p)
	var all []byte
	for _, m := range members {
		if other, ok := p[m.name]; ok {
			m.der = other
			delete(rest, m.name)
		}
		all = append(all, m.der...)
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%s has no %q", structure, slices.Sorted(maps.Keys(rest)))
	}
	return all, nil
}
