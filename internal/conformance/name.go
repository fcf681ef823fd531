package conformance

import (
	"encoding/asn1"
	"fmt"
	"strings"

	"passport-agent/iso7816"
)

var attributeTypes = map[string]asn1.ObjectIdentifier{
	"C": {2, 5, 4, 6}, "O": {2, 5, 4, 10}, "OU": {2, 5, 4, 11}, "CN": {2, 5, 4, 3}, "L": {2, 5, 4, 7},
}

// distinguishedName encodes "C=DE, O=bund, CN=…"; the country is a printable string,
// the others are UTF-8 (Doc 9303-12, table 6). Nothing is an empty name.
func distinguishedName(text string) ([]byte, error) {
	var sets [][]byte
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		short, value, _ := strings.Cut(part, "=")
		oid, known := attributeTypes[short]
		if !known {
			return nil, fmt.Errorf("no attribute %q of a name", short)
		}
		var tag iso7816.Tag = tagUTF8
		if short == "C" {
			tag = tagPrintable
		}
		sets = append(sets, element(tagSet, sequence(objectIdentifier(oid), element(tag, []byte(value)))))
	}
	return sequence(sets...), nil
}
