// Package mrz reads machine-readable zones in the formats TD1, TD2 and TD3 (Doc
// 9303-3 to 9303-6), checks their check digits and derives the key information
// for Basic Access Control and PACE.
package mrz

import (
	"fmt"
	"log/slog"
	"strings"

	"passport-agent/internal/fault"
)

// Format is the size of a document.
type Format int

// The formats of Doc 9303: TD1 and TD2 are cards, TD3 is the passport booklet.
const (
	TD1 Format = iota + 1
	TD2
	TD3
)

func (f Format) String() string {
	switch f {
	case TD1, TD2, TD3:
		return fmt.Sprintf("TD%d", int(f))
	default:
		return "unknown format"
	}
}

// Lengths of a zone in characters, all lines together.
const (
	lengthTD1 = 90
	lengthTD2 = 72
	lengthTD3 = 88
)

// MRZ is a machine-readable zone. Fillers at the end of a field are cut off; the
// text of every field is as printed. It prints as a placeholder: whoever wants a
// field names it.
type MRZ struct {
	Format              Format
	DocumentCode        string // "P", "ID", "PP" …
	IssuingState        string // three letters, or one for Germany
	PrimaryIdentifier   string // surname, words separated by a space
	SecondaryIdentifier string // given names, words separated by a space
	DocumentNumber      string // complete, also where it runs over into the optional data
	Nationality         string
	BirthDate           Date
	Sex                 string // "M", "F" or "" where unspecified
	ExpiryDate          Date
	OptionalData        string
	OptionalData2       string // TD1 only, second line

	numberField string // as the check digit covers it
	digits      []digit
	raw         rawFields
}

// rawFields are fields with their fillers, as Deviations looks at them.
type rawFields struct{ code, state, name, nationality, sex string }

// digit is a check digit and the field that it covers.
type digit struct {
	name  string
	field string
	digit byte
	key   bool // the field goes into the access key
	// optional says that the digit may be a filler where the field is empty.
	optional bool
}

const placeholder = "[redacted]"

// Parse reads a zone: its lines in order, with or without white space or line
// breaks between them, lower case accepted. It fails with fault.MRZInvalid where
// length or characters are wrong. Check digits and dates are judged by Check.
func Parse(text string) (*MRZ, error) {
	zone := strings.ToUpper(strings.Join(strings.Fields(text), ""))
	for i := range len(zone) {
		if _, ok := value(zone[i]); !ok {
			return nil, fault.New(fault.MRZInvalid, fmt.Sprintf("character %d is none of A-Z, 0-9 and <", i+1), nil)
		}
	}
	switch len(zone) {
	case lengthTD1:
		return parseTD1(zone), nil
	case lengthTD2:
		return parseTD2(zone), nil
	case lengthTD3:
		return parseTD3(zone), nil
	default:
		return nil, fault.New(fault.MRZInvalid,
			fmt.Sprintf("%d characters; a passport has 2 lines of 44, a card 3 of 30 or 2 of 36", len(zone)), nil)
	}
}

// parseTD3 follows Doc 9303-4, 4.2.2.
func parseTD3(z string) *MRZ {
	m := &MRZ{Format: TD3}
	m.head(z[0:5], z[5:44])
	l := z[44:]
	m.number(l[0:9], l[9], "")
	m.nationality(l[10:13])
	m.holder(l[13:20], l[20], l[21:28])
	m.OptionalData = trim(l[28:42])
	m.digits = append(m.digits,
		digit{name: "optional data", field: l[28:42], digit: l[42], optional: true},
		digit{name: "composite", field: l[0:10] + l[13:20] + l[21:43], digit: l[43]})
	return m
}

// parseTD2 follows Doc 9303-6, 4.2.2.
func parseTD2(z string) *MRZ {
	m := &MRZ{Format: TD2}
	m.head(z[0:5], z[5:36])
	l := z[36:]
	m.OptionalData = m.number(l[0:9], l[9], l[28:35])
	m.nationality(l[10:13])
	m.holder(l[13:20], l[20], l[21:28])
	m.digits = append(m.digits, digit{name: "composite", field: l[0:10] + l[13:20] + l[21:35], digit: l[35]})
	return m
}

// parseTD1 follows Doc 9303-5, 4.2.2.
func parseTD1(z string) *MRZ {
	m := &MRZ{Format: TD1}
	m.head(z[0:5], z[60:90])
	m.OptionalData = m.number(z[5:14], z[14], z[15:30])
	l := z[30:60]
	m.holder(l[0:7], l[7], l[8:15])
	m.nationality(l[15:18])
	m.OptionalData2 = trim(l[18:29])
	m.digits = append(m.digits, digit{name: "composite", field: z[5:30] + l[0:7] + l[8:15] + l[18:29], digit: l[29]})
	return m
}

func (m *MRZ) head(codeAndState, name string) {
	m.DocumentCode = trim(codeAndState[0:2])
	m.IssuingState = trim(codeAndState[2:5])
	m.raw.code, m.raw.state, m.raw.name = codeAndState[0:2], codeAndState[2:5], name
	primary, secondary, _ := strings.Cut(name, "<<")
	m.PrimaryIdentifier = words(primary)
	m.SecondaryIdentifier = words(secondary)
}

func (m *MRZ) nationality(field string) { m.Nationality, m.raw.nationality = trim(field), field }

// number takes the document number. Where it has more than nine characters, the
// filler stands in place of the check digit and the rest, its check digit and a
// filler begin the optional data (Doc 9303-5, 4.2.2, note j). It returns what
// remains of the optional data.
func (m *MRZ) number(field string, check byte, optional string) string {
	rest, after, _ := strings.Cut(optional, "<")
	if check != '<' || rest == "" {
		m.numberField = field
		m.DocumentNumber = trim(field)
		m.digits = append(m.digits, digit{name: "document number", field: field, digit: check, key: true})
		return trim(optional)
	}
	last := len(rest) - 1
	m.numberField = field + rest[:last]
	m.DocumentNumber = m.numberField
	m.digits = append(m.digits, digit{name: "document number", field: m.numberField, digit: rest[last], key: true})
	return trim(after)
}

// holder takes birth date, sex and expiry date with their check digits.
func (m *MRZ) holder(birth string, sex byte, expiry string) {
	m.BirthDate, m.ExpiryDate = Date(birth[:6]), Date(expiry[:6])
	m.Sex, m.raw.sex = trim(string(sex)), string(sex)
	m.digits = append(m.digits,
		digit{name: "birth date", field: birth[:6], digit: birth[6], key: true},
		digit{name: "expiry date", field: expiry[:6], digit: expiry[6], key: true})
}

func trim(field string) string { return strings.TrimRight(field, "<") }

func words(field string) string { return strings.Join(strings.FieldsFunc(field, isFiller), " ") }

func isFiller(r rune) bool { return r == '<' }

// Wrong returns the names of the fields whose check digit does not fit, those
// that go into the access key first.
func (m *MRZ) Wrong() (keyFields, otherFields []string) {
	for _, d := range m.digits {
		switch {
		case fits(d.field, d.digit):
		case d.key:
			keyFields = append(keyFields, d.name)
		default:
			otherFields = append(otherFields, d.name)
		}
	}
	return keyFields, otherFields
}

// Check fails where a chip could not be opened with this zone: with
// fault.MRZCheckDigit, naming the fields, where a check digit that goes into the
// key does not fit, with fault.MRZInvalid where a date cannot be one. A
// composite or optional-data digit that does not fit is not an error: Wrong
// tells of it.
func (m *MRZ) Check() error {
	if wrong, _ := m.Wrong(); len(wrong) > 0 {
		return fault.New(fault.MRZCheckDigit, strings.Join(wrong, ", "), nil)
	}
	return checkDates(m.BirthDate, m.ExpiryDate)
}

func checkDates(birth, expiry Date) error {
	if !birth.Valid() {
		return fault.New(fault.MRZInvalid, "birth date is no date YYMMDD", nil)
	}
	if !expiry.Valid() {
		return fault.New(fault.MRZInvalid, "expiry date is no date YYMMDD", nil)
	}
	return nil
}

// Key returns the access key of the document. Its check digits are computed; call
// Check to know whether the printed ones agree.
func (m *MRZ) Key() (Key, error) { return newKey(m.numberField, m.BirthDate, m.ExpiryDate) }

// LogValue returns a placeholder.
func (m MRZ) LogValue() slog.Value { return slog.StringValue(placeholder) }

// String returns a placeholder.
func (m MRZ) String() string { return placeholder }

// GoString returns a placeholder.
func (m MRZ) GoString() string { return placeholder }
