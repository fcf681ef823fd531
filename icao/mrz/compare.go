package mrz

// Differences returns the names of the fields in which two zones say different
// things; nil where they agree. A person's eye finds what is in them, so they stay
// out of it.
func (m *MRZ) Differences(other *MRZ) []string {
	fields := []struct {
		name      string
		one, that string
	}{
		{"format", m.Format.String(), other.Format.String()},
		{"document code", m.DocumentCode, other.DocumentCode},
		{"issuing state", m.IssuingState, other.IssuingState},
		{"surname", m.PrimaryIdentifier, other.PrimaryIdentifier},
		{"given names", m.SecondaryIdentifier, other.SecondaryIdentifier},
		{"document number", m.DocumentNumber, other.DocumentNumber},
		{"nationality", m.Nationality, other.Nationality},
		{"birth date", string(m.BirthDate), string(other.BirthDate)},
		{"sex", m.Sex, other.Sex},
		{"expiry date", string(m.ExpiryDate), string(other.ExpiryDate)},
		{"optional data", m.OptionalData, other.OptionalData},
		{"second optional data", m.OptionalData2, other.OptionalData2},
	}
	var names []string
	for _, f := range fields {
		if f.one != f.that {
			names = append(names, f.name)
		}
	}
	return names
}
