package states_test

import (
	"strings"

	"passport-agent/e2e/browser"
)

// layout is how a keyboard is laid out: where a character is, and what a key says.
type layout struct {
	place func(character rune) (code string, shift bool)
	says  func(code string, shift bool) string
}

const (
	digits = "1234567890"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

func swapped(pairs string) func(rune) rune {
	return func(c rune) rune {
		for _, pair := range strings.Fields(pairs) {
			switch c {
			case rune(pair[0]):
				return rune(pair[1])
			case rune(pair[1]):
				return rune(pair[0])
			}
		}
		return c
	}
}

// newLayout makes a layout from what differs: letters that have changed places, the
// symbols on the keys of digits, whether those need Shift for the digit, and further
// keys, plain and with Shift.
func newLayout(pairs, symbols string, shiftedDigits bool, keys map[string][2]string, less string) layout {
	swap := swapped(pairs)
	return layout{
		place: func(c rune) (string, bool) {
			switch {
			case c == '<':
				return less, less == "Comma"
			case strings.ContainsRune(digits, c):
				return "Digit" + string(c), shiftedDigits
			}
			for code, said := range keys {
				if said[1] == string(c) {
					return code, true
				}
			}
			return "Key" + string(swap(c)), true
		},
		says: func(code string, shift bool) string {
			at := 0
			if shift {
				at = 1
			}
			if said, ok := keys[code]; ok {
				return said[at]
			}
			if c, ok := strings.CutPrefix(code, "Digit"); ok {
				if shift == shiftedDigits {
					return c
				}
				return string([]rune(symbols)[strings.Index(digits, c)])
			}
			c := string(swap(rune(strings.TrimPrefix(code, "Key")[0])))
			if !shift {
				c = strings.ToLower(c)
			}
			return c
		},
	}
}

var layouts = map[string]layout{
	"QWERTY": newLayout("", "!@#$%^&*()", false, map[string][2]string{
		"Comma": {",", "<"}, "IntlBackslash": {`\`, "|"}, "Semicolon": {";", ":"},
	}, "Comma"),
	"QWERTZ": newLayout("YZ", `!"§$%&/()=`, false, map[string][2]string{
		"Comma": {",", ";"}, "IntlBackslash": {"<", ">"}, "Semicolon": {"ö", "Ö"},
	}, "IntlBackslash"),
	"AZERTY": newLayout("AQ ZW", `&é"'(-è_çà`, true, map[string][2]string{
		"Comma": {";", "."}, "KeyM": {",", "?"}, "IntlBackslash": {"<", ">"}, "Semicolon": {"m", "M"},
	}, "IntlBackslash"),
}

// scanned is what arrives when a scanner that is set up for one layout types on a system
// that has another.
func scanned(text string, scanner, system layout) []browser.Key {
	var keys []browser.Key
	for _, c := range text {
		if c == '\n' {
			keys = append(keys, browser.Key{Name: "Enter", Code: "Enter"})
			continue
		}
		code, shift := scanner.place(c)
		keys = append(keys, browser.Key{Name: system.says(code, shift), Code: code, Shift: shift})
	}
	return keys
}
