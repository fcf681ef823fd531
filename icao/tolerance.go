package icao

import "slices"

// Tolerance is a way of reading on where a chip or a reader does otherwise than
// the simplest reading of Doc 9303. Each has one place of effect. They are all on;
// switching one off shows which documents need it.
type Tolerance string

// The tolerances, by what the chip does.
const (
	// SecondAuthentication: the first authentication after power-up is refused
	// with 6300 although the key is right.
	SecondAuthentication Tolerance = "second_authentication"
	// CardAccessRefused: EF.CardAccess is answered with any error, or holds
	// nothing that can be read.
	CardAccessRefused Tolerance = "card_access_refused"
	// CardAccessSelect: EF.CardAccess is not found by its short identifier.
	CardAccessSelect Tolerance = "card_access_select"
	// NextPACEInfo: the strongest PACE that is offered does not work.
	NextPACEInfo Tolerance = "next_pace_info"
	// ApplicationCurrent: SELECT of the application is refused after PACE because
	// it is selected already.
	ApplicationCurrent Tolerance = "application_current"
	// ShortIdentifier: READ BINARY by short file identifier is refused.
	ShortIdentifier Tolerance = "short_identifier"
	// EndWarning: the end of a file is announced by 6282 with data.
	EndWarning Tolerance = "end_warning"
	// ExactLength: reading past the end of a file is refused.
	ExactLength Tolerance = "exact_length"
	// CorrectLe: 6Cxx says how many bytes to ask for.
	CorrectLe Tolerance = "correct_le"
	// ShorterBlocks: a block is refused for its length.
	ShorterBlocks Tolerance = "shorter_blocks"
	// ShortAPDU: extended length is refused, by the chip or by the reader.
	ShortAPDU Tolerance = "short_apdu"
	// NakedStatus: a status word outside secure messaging that does not end the
	// session.
	NakedStatus Tolerance = "naked_status"
	// SessionRestart: the chip ends the session, or is reset by somebody else.
	SessionRestart Tolerance = "session_restart"
)

// Tolerances returns all of them.
func Tolerances() []Tolerance {
	return []Tolerance{
		SecondAuthentication, CardAccessRefused, CardAccessSelect, NextPACEInfo, ApplicationCurrent, ShortIdentifier, EndWarning,
		ExactLength, CorrectLe, ShorterBlocks, ShortAPDU, NakedStatus, SessionRestart,
	}
}

func (s *Session) tolerates(t Tolerance) bool { return !slices.Contains(s.options.Without, t) }
