package conformance

import (
	"maps"
	"slices"

	"passport-agent/iso7816"
	"passport-agent/virtual"
)

// SOD is EF.SOD: the LDS security object and who signed it (Doc 9303-10, 4.6.2).
type SOD struct {
	// Hash is the digest of the data groups.
	Hash string `json:"hash"`
	// Version is that of the LDS security object: 1 goes with LDSVersion and
	// UnicodeVersion.
	Version        int64  `json:"version,omitempty"`
	LDSVersion     string `json:"ldsVersion,omitempty"`
	UnicodeVersion string `json:"unicodeVersion,omitempty"`
	// Hashes stand in place of true ones or beside them, by number of data group; an
	// empty one leaves that of a data group out. Numbers stand in place of the numbers.
	Hashes  map[int]virtual.Hex `json:"hashes,omitempty"`
	Numbers map[int]virtual.Hex `json:"numbers,omitempty"`
	// Object replaces parts of LDSSecurityObject, before it is signed.
	Object Parts `json:"object,omitempty"`

	Signature
}

// file is EF.SOD over the data groups of a document.
func (s SOD) file(signer *issued, files map[virtual.File][]byte) ([]byte, error) {
	content, err := s.securityObject(files)
	if err != nil {
		return nil, err
	}
	message, err := s.sign(signer, oidLDSSecurityObject, content)
	return element(0x77, message), err
}

// readable is a file as far as its own length says that it goes: what a reader hashes.
func readable(content []byte) []byte {
	_, header, length, err := iso7816.ParseHeader(content)
	if err != nil || header+length > len(content) {
		return content
	}
	return content[:header+length]
}

// securityObject is LDSSecurityObject over the data groups of a document.
func (s SOD) securityObject(files map[virtual.File][]byte) ([]byte, error) {
	hashes := map[int][]byte{}
	for number := 1; number <= 16; number++ {
		content, ok := files[virtual.DataGroup(number)]
		if !ok {
			continue
		}
		sum, err := digest(s.Hash, readable(content))
		if err != nil {
			return nil, err
		}
		hashes[number] = sum
	}
	for number, other := range s.Hashes {
		hashes[number] = other
	}
	var list [][]byte
	for _, number := range slices.Sorted(maps.Keys(hashes)) {
		if len(hashes[number]) == 0 {
			continue
		}
		name, given := s.Numbers[number]
		if !given {
			name = integer(int64(number))
		}
		list = append(list, sequence(name, octets(hashes[number])))
	}
	algorithm, err := digestAlgorithm(s.Hash)
	if err != nil {
		return nil, err
	}
	var versionInfo []byte
	if s.LDSVersion != "" {
		versionInfo = sequence(element(tagPrintable, []byte(s.LDSVersion)), element(tagPrintable, []byte(s.UnicodeVersion)))
	}
	object, err := s.Object.apply("LDSSecurityObject", part{"version", integer(s.Version)}, part{"hashAlgorithm", algorithm},
		part{"dataGroupHashValues", sequence(list...)}, part{"ldsVersionInfo", versionInfo})
	return sequence(object), err
}
