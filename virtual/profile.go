package virtual

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"passport-agent/iso7816"
)

// ErrProfile says that a profile is not one: an unknown field or value.
var ErrProfile = errors.New("not a chip profile")

// Profile is how a chip behaves, as data. The zero value is a chip with Basic
// Access Control that follows Doc 9303 and speaks short APDUs.
type Profile struct {
	// Name and Description are for people.
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`

	// Access is what stands before the files of the application.
	Access Access `json:"access,omitempty"`
	// MissingFiles are left out although the document has them.
	MissingFiles []File `json:"missingFiles,omitempty"`
	// FileStatus answers SELECT and READ BINARY of a file with a status word,
	// before anything else is looked at; also under the other directory, unless
	// a file there has the same identifier.
	FileStatus map[File]Status `json:"fileStatus,omitempty"`

	// SelectStatus answers SELECT with these P1 and P2 ("000C") with a status word.
	SelectStatus map[string]Status `json:"selectStatus,omitempty"`
	// SelectWithLe answers a SELECT that has an Le field with a status word.
	SelectWithLe Status `json:"selectWithLe,omitempty"`
	// SelectApplicationInSession answers SELECT of the application under secure
	// messaging with a status word, although it is selected from then on.
	SelectApplicationInSession Status `json:"selectApplicationInSession,omitempty"`
	// SelectApplicationWithoutAccess answers SELECT of the application outside of
	// secure messaging with a status word, so that nothing but PACE opens the chip.
	SelectApplicationWithoutAccess Status `json:"selectApplicationWithoutAccess,omitempty"`
	// SelectEFWithoutAccess is the answer to SELECT of a protected file before
	// access is granted: 6982 where empty; 9000 selects it (Doc 9303-11, 4.3.2
	// allows both).
	SelectEFWithoutAccess Status `json:"selectEFWithoutAccess,omitempty"`
	// ShortIdentifier answers READ BINARY by short file identifier with a status
	// word; empty means that it is supported.
	ShortIdentifier Status `json:"shortIdentifier,omitempty"`
	// ShortIdentifierOf does so for single files.
	ShortIdentifierOf map[File]Status `json:"shortIdentifierOf,omitempty"`
	// OddInstruction answers READ BINARY B1 with a status word; empty means that
	// it is supported.
	OddInstruction Status `json:"oddInstruction,omitempty"`

	// MaxShortResponse is the longest response APDU to a short command in bytes,
	// status word included; 0 is 258.
	MaxShortResponse int `json:"maxShortResponse,omitempty"`
	// MaxRead is the most plain bytes that READ BINARY gives; 0 is as many as
	// the response holds.
	MaxRead int `json:"maxRead,omitempty"`
	// TooLong is what happens when READ BINARY asks for more than that.
	TooLong TooLong `json:"tooLong,omitempty"`
	// EndOfFile is what happens when READ BINARY asks for more than is left.
	EndOfFile EndOfFile `json:"endOfFile,omitempty"`
	// EmptyFrom has READ BINARY at or behind an offset of a file answered with
	// no data and 9000.
	EmptyFrom map[File]int `json:"emptyFrom,omitempty"`

	// Extended describes extended-length APDUs; nil means that they are answered
	// with a bare 6700.
	Extended *Extended `json:"extended,omitempty"`
	// Historical replaces the historical bytes of the ATR, 1 to 15 bytes.
	Historical Hex `json:"historical,omitempty"`

	// RefuseAuthentications answers so many right EXTERNAL AUTHENTICATE commands
	// and PACE tokens with 6300 before one is taken, over the chip's life.
	RefuseAuthentications int `json:"refuseAuthentications,omitempty"`
	// AuthenticationStatus answers every EXTERNAL AUTHENTICATE.
	AuthenticationStatus Status `json:"authenticationStatus,omitempty"`
	// BACFault spoils the answer to EXTERNAL AUTHENTICATE.
	BACFault BACFault `json:"bacFault,omitempty"`

	// MSEWithoutParameters answers MSE:Set AT without object 84.
	MSEWithoutParameters Status `json:"mseWithoutParameters,omitempty"`
	// MSEWithLe answers MSE:Set AT that has an Le field; empty ignores the field.
	MSEWithLe Status `json:"mseWithLe,omitempty"`
	// PACEFaults spoil or refuse steps of PACE.
	PACEFaults []PACEFault `json:"paceFaults,omitempty"`
	// ExtraSecurityInfos stand in EF.CardAccess beside those of the document,
	// each a SEQUENCE in DER.
	ExtraSecurityInfos []Hex `json:"extraSecurityInfos,omitempty"`

	// MSESetKAT answers MSE:Set KAT, as chips do that run 3DES by MSE:Set AT alone (Doc
	// 9303-11, 8.5, note 1).
	MSESetKAT Status `json:"mseSetKAT,omitempty"`
	// KeyReferenceStatus answers MSE for Chip Authentication in place of finding a key.
	KeyReferenceStatus Status `json:"keyReferenceStatus,omitempty"`
	// ChipAuthenticationFault has Chip Authentication go wrong.
	ChipAuthenticationFault ChipAuthenticationFault `json:"chipAuthenticationFault,omitempty"`
	// RepeatedEphemeralKey answers a public key of a reader for Chip Authentication that
	// the chip has been sent before; empty takes it.
	RepeatedEphemeralKey Status `json:"repeatedEphemeralKey,omitempty"`
	// InternalAuthenticate answers INTERNAL AUTHENTICATE with a status word.
	InternalAuthenticate Status `json:"internalAuthenticate,omitempty"`
	// ActiveAuthenticationFault spoils signatures of Active Authentication.
	ActiveAuthenticationFault ActiveFault `json:"activeAuthenticationFault,omitempty"`
	// SignatureLength is what becomes of a signature that is not as long as the
	// reader asks for.
	SignatureLength SignatureLength `json:"signatureLength,omitempty"`

	// DropSessions ends so many sessions over the chip's life at their first
	// protected command, with 6988.
	DropSessions int `json:"dropSessions,omitempty"`
	// WrongOffsetEndsSession ends the session behind an answer of 6B00.
	WrongOffsetEndsSession bool `json:"wrongOffsetEndsSession,omitempty"`
	// NakedErrors has status words other than 9000 and 62xx leave secure
	// messaging, and says whether the session lives on.
	NakedErrors NakedErrors `json:"nakedErrors,omitempty"`
	// PlainInSession answers a plain command within a session, which ends
	// (Doc 9303-11, 9.8.3). Empty executes it without access rights.
	PlainInSession Status `json:"plainInSession,omitempty"`
	// NoSession answers a protected command where there is no session; 6988
	// where empty.
	NoSession Status `json:"noSession,omitempty"`
	// EndSelectsMasterFile selects the master file when a session ends
	// (Doc 9303-11, 9.8.3, note).
	EndSelectsMasterFile bool `json:"endSelectsMasterFile,omitempty"`

	// SMFaults spoil protected responses.
	SMFaults []SMFault `json:"smFaults,omitempty"`
	// StatusAt answers single commands with a bare status word.
	StatusAt []StatusAt `json:"statusAt,omitempty"`
	// ResetAt are indexes of commands, over the chip's life, that are lost because
	// the power goes for a moment: Transmit fails with iso7816.ErrReset.
	ResetAt []int `json:"resetAt,omitempty"`
	// SilentAt are indexes of commands, over the chip's life, that are not
	// answered until Release.
	SilentAt []int `json:"silentAt,omitempty"`
}

// Access is the access control of the application.
type Access string

// Access controls. The empty value is BAC, and PACE beside it where the document
// offers it in EF.CardAccess. The chip of a document that does not is refused
// where PACE is asked for.
const (
	AccessBAC  Access = "bac"
	AccessPACE Access = "pace" // EXTERNAL AUTHENTICATE is answered with 6985, or AuthenticationStatus
	AccessBoth Access = "both"
	AccessNone Access = "none"
)

func (a Access) needsPACE() bool { return a == AccessPACE || a == AccessBoth }

// TooLong is what READ BINARY does when asked for more than it may give.
type TooLong string

// Ways to deal with too large an Le. The empty value clamps.
const (
	TooLongClamp     TooLong = "clamp"     // as much as fits, with 9000
	TooLongRefuse    TooLong = "refuse"    // 6700
	TooLongCorrectLe TooLong = "correctLe" // 6Cxx
	TooLongOffset    TooLong = "6B00"      // 6B00, as if the offset were wrong
	TooLongOverfill  TooLong = "overfill"  // all that was asked, in a longer response
)

// EndOfFile is what READ BINARY does when asked for more than is left.
type EndOfFile string

// Ways to deal with an Le that passes the end of the file. The empty value is
// EndShort.
const (
	EndShort     EndOfFile = "9000"      // the rest with 9000
	EndWarning   EndOfFile = "6282"      // the rest with 6282
	EndEmpty     EndOfFile = "6282empty" // 6282 without data
	EndOffset    EndOfFile = "6B00"      // 6B00 without data
	EndCorrectLe EndOfFile = "6CXX"      // 6Cxx without data
)

// Extended describes a chip's extended-length APDUs.
type Extended struct {
	// MaxCommand and MaxResponse are the longest APDUs in bytes, status word
	// included; 0 is the longest that can be written.
	MaxCommand  int `json:"maxCommand,omitempty"`
	MaxResponse int `json:"maxResponse,omitempty"`
	// Silent leaves the support out of the historical bytes.
	Silent bool `json:"silent,omitempty"`
	// NoATRInfo leaves EF.ATR/INFO, which states the sizes, out.
	NoATRInfo bool `json:"noATRInfo,omitempty"`
	// Refused answers every command in extended length with a bare 6700, although
	// support is announced, and says what becomes of the session; empty takes them.
	Refused NakedErrors `json:"refused,omitempty"`
}

// refusesExtended says how extended length is refused although it is announced.
func (p Profile) refusesExtended() NakedErrors {
	if p.Extended == nil {
		return ""
	}
	return p.Extended.Refused
}

// BACFault is what is wrong in the answer to EXTERNAL AUTHENTICATE.
type BACFault string

// Faults of the answer to EXTERNAL AUTHENTICATE.
const (
	BACBadMAC        BACFault = "mac"
	BACBadCryptogram BACFault = "cryptogram" // a bit is wrong in it; the MAC over it is right
	BACWrongRNDIFD   BACFault = "rnd.ifd"
	BACWrongRNDIC    BACFault = "rnd.ic"
)

// NakedErrors says what becomes of a session in which an error is answered
// outside secure messaging.
type NakedErrors string

// The empty value protects errors as Doc 9303-11, 9.8.5 asks.
const (
	NakedKeep NakedErrors = "keep" // the session and its counter stay as before the command
	NakedEnd  NakedErrors = "end"  // the session ends
)

// SMFault spoils one protected response.
type SMFault struct {
	// Response is the index of the protected response over the chip's life, from 0.
	Response int         `json:"response"`
	Kind     SMFaultKind `json:"kind"`
}

// SMFaultKind is what is wrong in a protected response.
type SMFaultKind string

// Faults of a protected response.
const (
	SMWrongMAC        SMFaultKind = "wrongMAC"
	SMNoMAC           SMFaultKind = "noMAC"
	SMNoStatus        SMFaultKind = "noStatus"
	SMNoCryptogram    SMFaultKind = "noCryptogram"
	SMWrongCryptogram SMFaultKind = "wrongCryptogram"
	SMWrongPadding    SMFaultKind = "wrongPadding" // the cryptogram is one of something that is not padded; the MAC is right
	SMLongLength      SMFaultKind = "longLength"   // length of the cryptogram in more bytes than needed; the MAC is right
)

// StatusAt answers one command with a bare status word without executing it.
type StatusAt struct {
	// Command is the index of the command over the chip's life, from 0.
	Command int    `json:"command"`
	Status  Status `json:"status"`
	// EndSession ends the session, too; without it the command was never counted.
	EndSession bool `json:"endSession,omitempty"`
}

// Status is a status word in JSON: four hexadecimal digits. Zero stands for
// 'not set'.
type Status iso7816.StatusWord

// UnmarshalText reads four hexadecimal digits.
func (s *Status) UnmarshalText(text []byte) error {
	var b [2]byte
	if len(text) != 4 {
		return fmt.Errorf("%w: status word %q", ErrProfile, text)
	}
	if _, err := hex.Decode(b[:], text); err != nil {
		return fmt.Errorf("%w: status word %q", ErrProfile, text)
	}
	*s = Status(b[0])<<8 | Status(b[1])
	return nil
}

// MarshalText writes four hexadecimal digits.
func (s Status) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%04X", uint16(s)), nil }

// or returns the status word, or another one where none is set.
func (s Status) or(other iso7816.StatusWord) iso7816.StatusWord {
	if s == 0 {
		return other
	}
	return iso7816.StatusWord(s)
}

// Hex is an octet string in JSON: hexadecimal digits.
type Hex []byte

// UnmarshalText reads hexadecimal digits.
func (h *Hex) UnmarshalText(text []byte) error {
	decoded, err := hex.DecodeString(string(text))
	if err != nil {
		return fmt.Errorf("%w: hexadecimal %q", ErrProfile, text)
	}
	*h = decoded
	return nil
}

// MarshalText writes hexadecimal digits.
func (h Hex) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%X", []byte(h)), nil }

// ParseProfile reads a profile from JSON. Unknown fields and values are refused
// with ErrProfile: a misspelt policy would otherwise silently test nothing.
func ParseProfile(data []byte) (Profile, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var p Profile
	if err := decoder.Decode(&p); err != nil {
		return Profile{}, fmt.Errorf("%w: %w", ErrProfile, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Profile{}, fmt.Errorf("%w: more than one JSON value", ErrProfile)
	}
	return p, p.check()
}
