package icao

import (
	"slices"

	"passport-agent/icao/verdict"
)

// Tolerance is a way of reading on where a chip or a reader does otherwise than
// the simplest reading of Doc 9303. Each has one place of effect. They are all on
// unless Options.Without names them; switching one off shows which documents need it.
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
	// UnknownPACE: EF.CardAccess offers PACE, in no way that is known here, and BAC
	// opens the chip.
	UnknownPACE Tolerance = "unknown_pace"
	// ApplicationCurrent: SELECT of the application is refused after PACE because
	// it is selected already.
	ApplicationCurrent Tolerance = "application_current"
	// ShortIdentifier: READ BINARY by short file identifier is refused.
	ShortIdentifier Tolerance = "short_identifier"
	// EndWarning: the end of a file is announced by 6282 with data.
	EndWarning Tolerance = "end_warning"
	// ExactLength: reading past the end of a file is refused.
	ExactLength Tolerance = "exact_length"
	// EmptyAnswer: 9000 and nothing with it.
	EmptyAnswer Tolerance = "empty_answer"
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
		SecondAuthentication, CardAccessRefused, CardAccessSelect, NextPACEInfo, UnknownPACE, ApplicationCurrent, ShortIdentifier,
		EndWarning, ExactLength, EmptyAnswer, CorrectLe, ShorterBlocks, ShortAPDU, NakedStatus, SessionRestart,
	}
}

// Without returns the tolerances that a profile does without. Strict keeps those by
// which a reader asks otherwise for what the chip has and gives: by the other way of
// naming a file (Doc 9303-10, 3.6.2), in fewer bytes, with less than is left of a file.
// Where access or secure messaging does not go as Doc 9303-11 has it, the inspection
// has failed there: nothing is tried again, weaker or otherwise.
func Without(profile verdict.Profile) []Tolerance {
	if profile != verdict.Strict {
		return nil
	}
	return []Tolerance{
		SecondAuthentication, // a refusal is an answer; there is no second question (Doc 9303-11, 4.3.4.2)
		CardAccessRefused,    // a file that is not well formed may be one that was cut to have BAC run
		NextPACEInfo,         // what a chip offers it has to do; the next one may be weaker
		UnknownPACE,          // likewise, and BAC is weaker than any
		ApplicationCurrent,   // the application is selected by a SELECT that succeeds (Doc 9303-10, 3.6.1)
		EmptyAnswer,          // READ BINARY without data is neither data nor one of the ends of a file
		NakedStatus,          // an answer outside secure messaging ends the session (Doc 9303-11, 9.8.3)
		SessionRestart,       // and the inspection with it (TR-03105-5.1, ISO7816_B_04)
	}
}

func (s *Session) tolerates(t Tolerance) bool { return !slices.Contains(s.options.Without, t) }
