package edit_test

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"passport-agent/internal/conformance/edit"
	"passport-agent/iso7816"
)

func unhex(t require.TestingT, digits string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	require.NoError(t, err)
	return b
}

func parse(t require.TestingT, text string) edit.Edit {
	var e edit.Edit
	require.NoError(t, json.Unmarshal([]byte(text), &e), text)
	return e
}

const com = "6014 5F01 04 30313037 5F36 06 303430303030 5C 02 6175"

func TestOperations(t *testing.T) {
	for text, want := range map[string]string{
		`{"path": "60/5F01", "set": {"text": "0300"}}`:                         "6014 5F01 04 30333030 5F36 06 303430303030 5C 02 6175",
		`{"path": "60/5F01", "set": {"hex": ""}}`:                              "6010 5F01 00 5F36 06 303430303030 5C 02 6175",
		`{"path": "60/5C", "set": {"hex": "61 75 6E"}}`:                        "6015 5F01 04 30313037 5F36 06 303430303030 5C 03 61756E",
		`{"path": "60/5F36", "patch": {"at": 1, "text": "5"}}`:                 "6014 5F01 04 30313037 5F36 06 303530303030 5C 02 6175",
		`{"path": "60/5F36", "delete": true}`:                                  "600B 5F01 04 30313037 5C 02 6175",
		`{"path": "60", "tag": "61"}`:                                          "6114 5F01 04 30313037 5F36 06 303430303030 5C 02 6175",
		`{"path": "60/5C", "tag": "5F5C"}`:                                     "6015 5F01 04 30313037 5F36 06 303430303030 5F5C 02 6175",
		`{"path": "60", "longer": -1}`:                                         "6013 5F01 04 30313037 5F36 06 303430303030 5C 02 6175",
		`{"path": "60", "longer": 1}`:                                          "6015 5F01 04 30313037 5F36 06 303430303030 5C 02 6175",
		`{"path": "60", "length": "8114"}`:                                     "608114 5F01 04 30313037 5F36 06 303430303030 5C 02 6175",
		`{"path": "60/5C", "before": {"hex": "5300"}}`:                         "6016 5F01 04 30313037 5F36 06 303430303030 5300 5C 02 6175",
		`{"path": "60/5C", "after": {"hex": "5300"}}`:                          "6016 5F01 04 30313037 5F36 06 303430303030 5C 02 6175 5300",
		`{"path": "60", "append": {"hex": "5300"}}`:                            "6016 5F01 04 30313037 5F36 06 303430303030 5C 02 6175 5300",
		`{"path": "60/5C", "insert": {"at": 1, "hex": "63"}}`:                  "6015 5F01 04 30313037 5F36 06 303430303030 5C 03 616375",
		`{"path": "60/5C", "cut": {"at": 0, "count": 1}}`:                      "6013 5F01 04 30313037 5F36 06 303430303030 5C 01 75",
		`{"path": "60/5C", "cut": {"at": 0, "count": 1}, "keepLengths": true}`: "6014 5F01 04 30313037 5F36 06 303430303030 5C 02 75",
		`{"path": "60/5C", "add": {"at": 0, "width": 2, "by": -256}}`:          "6014 5F01 04 30313037 5F36 06 303430303030 5C 02 6075",
		`{"path": "", "cut": {"at": 21, "count": 1}}`:                          "6014 5F01 04 30313037 5F36 06 303430303030 5C 02 61",
		`{"path": "", "append": {"hex": "00"}}`:                                com + "00",
	} {
		before := unhex(t, com)
		got, err := edit.Apply(before, []edit.Edit{parse(t, text)})
		require.NoError(t, err, text)
		require.Equal(t, unhex(t, want), got, text)
		require.Equal(t, unhex(t, com), before, "what was given stays")
	}
}

// An index names one of several, and a path goes on into an OCTET STRING; the lengths
// on the way become longer by a byte where they have to.
func TestPaths(t *testing.T) {
	leaf := iso7816.AppendTLV(nil, 0x04, iso7816.AppendTLV(nil, 0x30, make([]byte, 120)))
	file := iso7816.AppendTLV(nil, 0x77, append(iso7816.AppendTLV(nil, 0x30, []byte{1, 1, 7}), iso7816.AppendTLV(nil, 0x30, leaf)...))
	got, err := edit.Apply(file, []edit.Edit{parse(t, `{"path": "77/30[1]/04/30", "append": {"hex": "0101AA 0101BB"}}`)})
	require.NoError(t, err)
	require.NoError(t, iso7816.CheckTLV(got))
	outer, rest, err := iso7816.ParseTLV(got)
	require.NoError(t, err)
	require.Empty(t, rest)
	parts, err := iso7816.ParseTLVs(outer.Value)
	require.NoError(t, err)
	require.Equal(t, unhex(t, "3003010107"), parts[0].Raw)
	octets, _, err := iso7816.ParseTLV(parts[1].Value)
	require.NoError(t, err)
	inner, _, err := iso7816.ParseTLV(octets.Value)
	require.NoError(t, err)
	require.Equal(t, append(make([]byte, 120), unhex(t, "0101AA0101BB")...), inner.Value)
}

// Edits follow one another; one that no longer finds its object says so.
func TestEditsInOrder(t *testing.T) {
	edits := []edit.Edit{parse(t, `{"path": "60/5C", "delete": true}`), parse(t, `{"path": "60", "tag": "61"}`)}
	got, err := edit.Apply(unhex(t, com), edits)
	require.NoError(t, err)
	require.Equal(t, unhex(t, "6110 5F01 04 30313037 5F36 06 303430303030"), got)

	_, err = edit.Apply(unhex(t, com), []edit.Edit{edits[1], edits[0]})
	require.ErrorIs(t, err, edit.ErrPath)
	require.ErrorContains(t, err, `edit 2, path "60/5C"`)
}

func TestWhatCannotBeDone(t *testing.T) {
	for text, want := range map[string]error{
		`{"path": "60/5D", "delete": true}`:                            edit.ErrPath,
		`{"path": "60/5C[1]", "delete": true}`:                         edit.ErrPath,
		`{"path": "60/5F01/30", "delete": true}`:                       edit.ErrPath,
		`{"path": "60/5C", "patch": {"at": 1, "hex": "0000"}}`:         edit.ErrOperation,
		`{"path": "60/5C", "patch": {"at": -1, "hex": "00"}}`:          edit.ErrOperation,
		`{"path": "60/5C", "insert": {"at": 3, "hex": "00"}}`:          edit.ErrOperation,
		`{"path": "60/5C", "cut": {"at": 1, "count": 2}}`:              edit.ErrOperation,
		`{"path": "60/5C", "cut": {"at": 1, "count": -1}}`:             edit.ErrOperation,
		`{"path": "60/5C", "add": {"at": 0, "width": 1, "by": 200}}`:   edit.ErrOperation,
		`{"path": "60/5C", "add": {"at": 0, "width": 1, "by": -98}}`:   edit.ErrOperation,
		`{"path": "60/5C", "add": {"at": 1, "width": 2, "by": 1}}`:     edit.ErrOperation,
		`{"path": "60/5C", "longer": -3}`:                              edit.ErrOperation,
		`{"path": "60/5C", "longer": 126}`:                             edit.ErrOperation,
		`{"path": "", "cut": {"at": 9223372036854775807, "count": 1}}`: edit.ErrOperation,
	} {
		_, err := edit.Apply(unhex(t, com), []edit.Edit{parse(t, text)})
		require.ErrorIs(t, err, want, text)
	}
}

// A misspelt edit fails while it is read: it would otherwise test nothing.
func TestMisspeltEdits(t *testing.T) {
	for _, text := range []string{
		`{}`, `{"path": "60"}`, `{"path": "60", "delete": false}`, `{"path": "60", "delet": true}`, `{"path": "60", "delete": true, "tag": "61"}`,
		`{"path": "6", "delete": true}`, `{"path": "60/", "delete": true}`, `{"path": "60[", "delete": true}`, `{"path": "60[-1]", "delete": true}`,
		`{"path": "60[x]", "delete": true}`, `{"path": "60606060", "delete": true}`, `{"path": "60", "set": {"hex": "0"}}`,
		`{"path": "60", "set": {"hex": "00", "text": "0"}}`, `{"path": "60", "set": {"octets": "00"}}`, `{"path": "60", "tag": "5F"}`, `{"path": "60", "tag": "6100"}`,
		`{"path": "60", "tag": ""}`, `{"path": "60", "add": {"at": 0, "width": 5, "by": 1}}`, `{"path": "", "delete": true}`, `{"path": "", "longer": 1}`,
		`{"path": "60", "insert": {"at": 0, "hex": "00", "text": "0"}}`, `[]`, `"60"`,
	} {
		var e edit.Edit
		require.ErrorIs(t, json.Unmarshal([]byte(text), &e), edit.ErrFormat, text)
	}
	_, err := edit.Apply(unhex(t, com), []edit.Edit{{Path: "60"}})
	require.ErrorIs(t, err, edit.ErrFormat, "made in Go, not read")
}

// tree draws nested objects, some with lengths longer than need be.
func tree(t *rapid.T, depth int) []byte {
	var b []byte
	for range rapid.IntRange(1, 3).Draw(t, "objects") {
		value := rapid.SliceOfN(rapid.Byte(), 0, 140).Draw(t, "value")
		tag := byte(0x04)
		if depth > 0 && rapid.Bool().Draw(t, "nested") {
			tag, value = 0x30, tree(t, depth-1)
		}
		if rapid.Bool().Draw(t, "long") {
			b = append(append(b, tag, 0x83, 0, byte(len(value)>>8), byte(len(value))), value...)
		} else {
			b = iso7816.AppendTLV(b, iso7816.Tag(tag), value)
		}
	}
	return b
}

// paths returns a path to every object, with its value.
func paths(t require.TestingT, b []byte, prefix string, all map[string][]byte) {
	objects, err := iso7816.ParseTLVs(b)
	require.NoError(t, err)
	seen := map[iso7816.Tag]int{}
	for _, o := range objects {
		path := prefix + hex.EncodeToString([]byte{byte(o.Tag)}) + "[" + string(rune('0'+seen[o.Tag])) + "]"
		seen[o.Tag]++
		all[path] = o.Value
		if o.Tag.Constructed() {
			paths(t, o.Value, path+"/", all)
		}
	}
}

// An edit that changes nothing returns the same bytes, whatever the file and whichever
// the object; one that adds and one that takes away again end where they began, but
// for lengths that were longer than need be; and after any edit that keeps the
// structure the file is well formed.
func TestEditsOfAnyFile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		file := tree(t, 3)
		all := map[string][]byte{}
		paths(t, file, "", all)
		for path, value := range all {
			for _, e := range []edit.Edit{
				{Path: path, Set: &edit.Octets{Hex: value}},
				{Path: path, Patch: &edit.At{Octets: edit.Octets{Hex: value}}},
				{Path: path, Insert: &edit.At{At: len(value)}},
				{Path: path, Cut: &edit.Range{At: len(value)}},
				{Path: path, Append: &edit.Octets{}},
				{Path: path, Before: &edit.Octets{}},
				{Path: path, After: &edit.Octets{}},
			} {
				same, err := edit.Apply(file, []edit.Edit{e})
				require.NoError(t, err)
				require.Equal(t, file, same, path)
			}
			longer, err := edit.Apply(file, []edit.Edit{{Path: path, After: &edit.Octets{Hex: []byte{0x05, 0}}}})
			require.NoError(t, err)
			require.NoError(t, iso7816.CheckTLV(longer))
			again := map[string][]byte{}
			paths(t, longer, "", again)
			require.Len(t, again, len(all)+1)
			require.Equal(t, value, again[path])
		}
	})
}
