package virtual

import "strings"

const filler = "<"

// checkDigit is the check digit of Doc 9303-3, 4.9: weights 7, 3, 1; digits
// count as they are, letters from 10, fillers as zero.
func checkDigit(field string) string {
	weights := [3]int{7, 3, 1}
	sum := 0
	for i, r := range field {
		value := 0
		switch {
		case r >= '0' && r <= '9':
			value = int(r - '0')
		case r >= 'A' && r <= 'Z':
			value = int(r-'A') + 10
		}
		sum += value * weights[i%3]
	}
	return string(rune('0' + sum%10))
}

// mrzInformation cuts the key fields out of a zone of 90 (TD1), 72 (TD2) or 88
// (TD3) characters.
func mrzInformation(zone string) string {
	switch len(zone) {
	case 90:
		number := numberWithDigit(zone[5:14], zone[14:15], zone[15:30])
		return number + zone[30:37] + zone[38:45]
	case 72:
		line := zone[36:]
		return numberWithDigit(line[:9], line[9:10], line[28:35]) + line[13:20] + line[21:28]
	default:
		line := zone[44:]
		return line[:10] + line[13:20] + line[21:28]
	}
}

// numberWithDigit joins a document number of more than nine characters, whose
// rest and check digit stand in the optional data up to the first filler
// (Doc 9303-5, 4.2.4; Doc 9303-6, 4.2.4).
func numberWithDigit(number, digit, optional string) string {
	if digit != filler {
		return number + digit
	}
	rest, _, found := strings.Cut(optional, filler)
	if !found || rest == "" {
		return number + digit
	}
	return number + rest
}

// pad fills a field to its width with fillers and cuts what is too long.
func pad(field string, width int) string {
	if len(field) > width {
		return field[:width]
	}
	return field + strings.Repeat(filler, width-len(field))
}

// mrz writes the zone of a holder whose fields have been checked.
func (h Holder) mrz() string {
	switch h.Format {
	case TD1:
		return h.td1()
	case TD2:
		return h.td2()
	default:
		return h.td3()
	}
}

// names is the name field: primary identifier, two fillers, secondary identifier.
func (h Holder) names(width int) string {
	name := transliterate(h.Surname)
	if given := transliterate(h.GivenNames); given != "" {
		name += filler + filler + given
	}
	return pad(name, width)
}

func (h Holder) birth() string  { return h.BirthDate + checkDigit(h.BirthDate) }
func (h Holder) expiry() string { return h.ExpiryDate + checkDigit(h.ExpiryDate) }

func (h Holder) sex() string {
	if h.Sex == "" || h.Sex == "X" {
		return filler
	}
	return h.Sex
}

// number is the document number field with its check digit, and what of the
// number has to go into the optional data.
func (h Holder) number() (field, overflow string) {
	if len(h.DocumentNumber) <= 9 {
		number := pad(h.DocumentNumber, 9)
		return number + checkDigit(number), ""
	}
	rest := h.DocumentNumber[9:]
	return h.DocumentNumber[:9] + filler, rest + checkDigit(h.DocumentNumber) + filler
}

// td3 is Doc 9303-4, 4.2.2.
func (h Holder) td3() string {
	number, _ := h.number()
	personal := pad(h.Optional, 14)
	digit := filler
	if h.Optional != "" {
		digit = checkDigit(personal)
	}
	upper := pad(h.DocumentCode, 2) + pad(h.Issuer, 3) + h.names(39)
	fields := number + pad(h.Nationality, 3) + h.birth() + h.sex() + h.expiry() + personal + digit
	composite := checkDigit(number + h.birth() + h.expiry() + personal + digit)
	return upper + fields + composite
}

// td2 is Doc 9303-6, 4.2.2.
func (h Holder) td2() string {
	number, overflow := h.number()
	optional := pad(overflow+h.Optional, 7)
	upper := pad(h.DocumentCode, 2) + pad(h.Issuer, 3) + h.names(31)
	fields := number + pad(h.Nationality, 3) + h.birth() + h.sex() + h.expiry() + optional
	return upper + fields + checkDigit(number+h.birth()+h.expiry()+optional)
}

// td1 is Doc 9303-5, 4.2.2.
func (h Holder) td1() string {
	number, overflow := h.number()
	optional := pad(overflow+h.Optional, 15)
	second := pad(h.Optional2, 11)
	upper := pad(h.DocumentCode, 2) + pad(h.Issuer, 3) + number + optional
	middle := h.birth() + h.sex() + h.expiry() + pad(h.Nationality, 3) + second
	composite := checkDigit(number + optional + h.birth() + h.expiry() + second)
	return upper + middle + composite + h.names(30)
}
