// Package canary searches output for values that must not be in it, in every
// disguise that output puts on values: raw, hexadecimal, UTF-16, URL-escaped,
// base64 at any alignment, as a list of numbers, and all of these inside gzip.
package canary

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"strings"
	"unicode/utf16"
)

// maxInflated bounds what is looked at inside one gzip stream, in bytes.
const maxInflated = 64 << 20

// Find returns the disguises under which output holds one of the values, each as
// "name of value: disguise". Values of fewer than four bytes are not searched
// for: they occur by chance.
func Find(output []byte, values map[string][]byte) []string {
	var found []string
	for name, value := range values {
		if len(value) < 4 {
			continue
		}
		for disguise, pattern := range disguises(value) {
			if contains(output, pattern, disguise) {
				found = append(found, name+": "+disguise)
			}
		}
	}
	for _, inner := range inflate(output) {
		for _, hit := range Find(inner, values) {
			found = append(found, hit+" in gzip")
		}
	}
	return found
}

// contains ignores case where the disguise has digits of either case.
func contains(output, pattern []byte, disguise string) bool {
	if disguise == "hexadecimal" || disguise == "hexadecimal, spaced" || disguise == "URL" {
		output, pattern = bytes.ToLower(output), bytes.ToLower(pattern)
	}
	return bytes.Contains(output, pattern)
}

func disguises(value []byte) map[string][]byte {
	digits := hex.EncodeToString(value)
	var spaced []string
	for i := 0; i < len(digits); i += 2 {
		spaced = append(spaced, digits[i:i+2])
	}
	patterns := map[string][]byte{
		"raw":                 value,
		"hexadecimal":         []byte(digits),
		"hexadecimal, spaced": []byte(strings.Join(spaced, " ")),
		"numbers":             []byte(strings.Trim(fmt.Sprintf("%d", value), "[]")),
		"numbers, commas":     []byte(strings.ReplaceAll(strings.Trim(fmt.Sprintf("%d", value), "[]"), " ", ",")),
		"URL":                 []byte(url.QueryEscape(string(value))),
		"URL, every byte":     []byte("%" + strings.ToUpper(strings.Join(spaced, "%"))),
		"UTF-16 little":       utf16Of(value, false),
		"UTF-16 big":          utf16Of(value, true),
		"JSON escapes":        []byte(strings.ReplaceAll(strings.ReplaceAll(string(value), "<", `\u003c`), "\n", `\n`)),
	}
	for shift := range 3 {
		for name, encoding := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
			patterns[fmt.Sprintf("%s at %d", name, shift)] = aligned(value, shift, encoding)
		}
	}
	return patterns
}

// aligned encodes the value behind shift other bytes and cuts off the digits
// that depend on its neighbours.
func aligned(value []byte, shift int, encoding *base64.Encoding) []byte {
	encoded := encoding.EncodeToString(append(make([]byte, shift), value...))
	begin := (shift*8 + 5) / 6
	end := (shift + len(value)) * 8 / 6
	return []byte(encoded[begin:end])
}

func utf16Of(value []byte, big bool) []byte {
	var encoded []byte
	for _, unit := range utf16.Encode([]rune(string(value))) {
		if big {
			encoded = append(encoded, byte(unit>>8), byte(unit))
		} else {
			encoded = append(encoded, byte(unit), byte(unit>>8))
		}
	}
	return encoded
}

// inflate returns what stands in every gzip stream inside b, as far as it can be
// read.
func inflate(b []byte) [][]byte {
	var inner [][]byte
	for at := 0; ; at++ {
		next := bytes.Index(b[at:], []byte{0x1F, 0x8B, 0x08})
		if next < 0 {
			return inner
		}
		at += next
		reader, err := gzip.NewReader(bytes.NewReader(b[at:]))
		if err != nil {
			continue
		}
		reader.Multistream(false)
		// What comes before a damaged end has been read all the same.
		content, _ := io.ReadAll(io.LimitReader(reader, maxInflated))
		inner = append(inner, content)
	}
}
