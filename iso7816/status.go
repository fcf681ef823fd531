package iso7816

import (
	"errors"
	"fmt"
)

// StatusWord is SW1 and SW2 of a response (ISO/IEC 7816-4, 5.6). It is an error,
// so that errors.As reaches it and errors.Is compares it.
type StatusWord uint16

// Status words that travel documents answer.
const (
	SWSuccess                 StatusWord = 0x9000
	SWEndOfFile               StatusWord = 0x6282
	SWSelectedFileDeactivated StatusWord = 0x6283
	SWAuthenticationFailed    StatusWord = 0x6300
	SWWrongLength             StatusWord = 0x6700
	SWSMNotSupported          StatusWord = 0x6882
	SWSecurityStatus          StatusWord = 0x6982
	SWConditionsOfUse         StatusWord = 0x6985
	SWCommandNotAllowed       StatusWord = 0x6986
	SWSMObjectsMissing        StatusWord = 0x6987
	SWSMObjectsIncorrect      StatusWord = 0x6988
	SWWrongData               StatusWord = 0x6A80
	SWFunctionNotSupported    StatusWord = 0x6A81
	SWFileNotFound            StatusWord = 0x6A82
	SWIncorrectP1P2           StatusWord = 0x6A86
	SWLcInconsistent          StatusWord = 0x6A87
	SWReferenceNotFound       StatusWord = 0x6A88
	SWWrongOffset             StatusWord = 0x6B00
	SWWrongINS                StatusWord = 0x6D00
	SWWrongCLA                StatusWord = 0x6E00
	SWUnspecified             StatusWord = 0x6F00
)

var meanings = map[StatusWord]string{
	SWSuccess:                 "success",
	SWEndOfFile:               "end of file reached before all bytes were read",
	SWSelectedFileDeactivated: "selected file deactivated",
	SWAuthenticationFailed:    "authentication failed",
	SWWrongLength:             "wrong length",
	SWSMNotSupported:          "secure messaging not supported",
	SWSecurityStatus:          "security status not satisfied",
	SWConditionsOfUse:         "conditions of use not satisfied",
	SWCommandNotAllowed:       "command not allowed",
	SWSMObjectsMissing:        "secure messaging data objects missing",
	SWSMObjectsIncorrect:      "secure messaging data objects incorrect",
	SWWrongData:               "wrong data",
	SWFunctionNotSupported:    "function not supported",
	SWFileNotFound:            "file or application not found",
	SWIncorrectP1P2:           "incorrect P1 or P2",
	SWLcInconsistent:          "Lc inconsistent with P1 and P2",
	SWReferenceNotFound:       "referenced data not found",
	SWWrongOffset:             "offset outside the file",
	SWWrongINS:                "instruction not supported",
	SWWrongCLA:                "class not supported",
	SWUnspecified:             "no precise diagnosis",
}

// Error returns the status word in hexadecimal and what it means.
func (sw StatusWord) Error() string {
	if meaning, ok := meanings[sw]; ok {
		return fmt.Sprintf("status word %04X (%s)", uint16(sw), meaning)
	}
	if n, ok := sw.CorrectLe(); ok {
		return fmt.Sprintf("status word %04X (wrong Le, %d bytes available)", uint16(sw), n)
	}
	return fmt.Sprintf("status word %04X", uint16(sw))
}

// CorrectLe returns the number of bytes that a 6Cxx status word says are
// available, 1 to 256.
func (sw StatusWord) CorrectLe() (int, bool) {
	if sw>>8 != 0x6C {
		return 0, false
	}
	return shortNe(byte(sw)), true
}

// Response is a response APDU. Data is valid until the next exchange on the same
// channel.
type Response struct {
	Data []byte
	SW   StatusWord
}

// ErrResponse says that octets are no response APDU.
var ErrResponse = errors.New("not a response APDU")

// ParseResponse decodes a response APDU; Data is a part of b.
func ParseResponse(b []byte) (Response, error) {
	if len(b) < 2 {
		return Response{}, fmt.Errorf("%w: %d bytes", ErrResponse, len(b))
	}
	n := len(b) - 2
	return Response{Data: b[:n:n], SW: StatusWord(b[n])<<8 | StatusWord(b[n+1])}, nil
}
