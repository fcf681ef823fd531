package mrz

import "fmt"

var weights = [3]int{7, 3, 1}

// CheckDigit returns the check digit, 0 to 9, of a field (Doc 9303-3, 4.9).
func CheckDigit(field string) (int, error) {
	sum := 0
	for i := range len(field) {
		value, ok := value(field[i])
		if !ok {
			return 0, fmt.Errorf("position %d has a character that no machine-readable zone has", i+1)
		}
		sum += value * weights[i%3]
	}
	return sum % 10, nil
}

func value(c byte) (int, bool) {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0'), true
	case c >= 'A' && c <= 'Z':
		return int(c-'A') + 10, true
	case c == '<':
		return 0, true
	default:
		return 0, false
	}
}

// fits reports whether digit is the check digit of field. The filler counts as 0
// where the field is empty (Doc 9303-4, 4.2.2.2, note on position 43).
func fits(field string, digit byte) bool {
	if digit == '<' {
		return trim(field) == ""
	}
	want, err := CheckDigit(field)
	return err == nil && digit == byte('0'+want)
}
