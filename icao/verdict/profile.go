package verdict

// Profile is how a document is held against the standard.
type Profile string

// Profiles. The empty value is Field.
const (
	// Field tolerates the deviations that documents in the hands of people have,
	// each with a warning.
	Field Profile = "field"
	// Strict fails every deviation, as TR-03105-5.1 asks of an inspection system.
	Strict Profile = "strict"
)

// ParseProfile reads the name of a profile; empty is Field.
func ParseProfile(name string) (p Profile, ok bool) {
	switch p := Profile(name); p {
	case "", Field:
		return Field, true
	case Strict:
		return Strict, true
	default:
		return "", false
	}
}
