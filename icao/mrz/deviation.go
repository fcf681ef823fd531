package mrz

import "strings"

// Deviations returns the names of the rules of Doc 9303-3 to 9303-6 that the zone
// breaks, in the order of its fields; nil where it breaks none, and where it was not
// parsed. A name begins with the field; what the field holds stays out of it.
func (m *MRZ) Deviations() []string {
	if m.raw.code == "" {
		return nil
	}
	var found deviations
	found.code(m.Format, m.raw.code)
	found.state("issuing_state", m.raw.state)
	found.name(m.raw.name)
	found.number(m.numberField)
	found.nationality(m.raw.nationality)
	found.birthDate(m.BirthDate)
	found.sex(m.raw.sex)
	found.expiryDate(m.ExpiryDate)
	for _, d := range m.digits {
		found.digit(d)
	}
	return found
}

type deviations []string

func (list *deviations) add(broken bool, name string) {
	if broken {
		*list = append(*list, name)
	}
}

// code follows Doc 9303-4, 4.2.2.1 and Doc 9303-5, 4.2.2, note k. The second letters
// of Doc 9303-4, 4.4 are not asked for: passports without them are valid until 2038.
func (list *deviations) code(format Format, code string) {
	first, second := code[0], code[1]
	right := second == '<' || letter(second)
	if format == TD3 {
		right = right && first == 'P'
	} else {
		right = right && strings.IndexByte("ACI", first) >= 0 && second != 'V' && code != "AI"
	}
	list.add(!right, "document_code")
}

// state follows Doc 9303-3, 4.7.
func (list *deviations) state(field, code string) {
	_, known := knownStates[trim(code)]
	switch {
	case !stateSyntax(code):
		list.add(true, field)
	case !known:
		list.add(true, field+"_unknown")
	}
}

// nationality may be left out of the travel documents of refugees and stateless
// persons (Doc 9303-4, 4.2.2.2, note o).
func (list *deviations) nationality(code string) {
	if trim(code) == "" {
		list.add(true, "nationality_missing")
		return
	}
	list.state("nationality", code)
}

// name follows Doc 9303-3, 4.6: primary identifier, two fillers, secondary
// identifier, and one filler between the words of each.
func (list *deviations) name(field string) {
	if trim(field) == "" {
		list.add(true, "name_void")
		return
	}
	list.add(strings.ContainsAny(field, "0123456789"), "name_digits")
	list.add(field[0] == '<', "name_primary_missing")
	name := strings.Trim(field, "<")
	list.add(strings.Contains(name, "<<<") || strings.Count(name, "<<") > 1, "name_fillers")
}

func (list *deviations) number(field string) {
	list.add(trim(field) == "", "document_number_void")
	list.add(trim(field) != "" && field[0] == '<', "document_number")
}

// birthDate may have fillers for parts that are not known (Doc 9303-3, 4.8).
func (list *deviations) birthDate(d Date) {
	list.add(!d.syntax(), "birth_date")
	list.add(d.syntax() && !d.Valid(), "birth_date_calendar")
}

// expiryDate is complete: only a birth date may be unknown (Doc 9303-3, 4.8).
func (list *deviations) expiryDate(d Date) {
	list.add(!d.syntax(), "expiry_date")
	list.add(d.syntax() && strings.Contains(string(d), "<"), "expiry_date_unknown")
	list.add(d.syntax() && !d.Valid(), "expiry_date_calendar")
}

// sex X belongs on the data page alone (Doc 9303-4, 4.2.2.2, note p).
func (list *deviations) sex(field string) {
	switch field {
	case "F", "M", "<":
	case "X":
		list.add(true, "sex_x")
	default:
		list.add(true, "sex")
	}
}

// digit takes a filler for a check digit only where Doc 9303-4, 4.2.2.2, position 43
// does: for optional data that is not there.
func (list *deviations) digit(d digit) {
	name := strings.ReplaceAll(d.name, " ", "_") + "_check_digit"
	switch {
	case d.digit != '<':
		list.add(!fits(d.field, d.digit), name)
	case !d.optional:
		list.add(true, name)
	default:
		list.add(trim(d.field) != "", name+"_missing")
	}
}

func letter(c byte) bool { return c >= 'A' && c <= 'Z' }

func letters(field string) bool {
	for i := range len(field) {
		if !letter(field[i]) {
			return false
		}
	}
	return true
}
