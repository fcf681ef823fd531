package pcsc

import (
	"errors"
	"fmt"

	"passport-agent/internal/fault"
	"passport-agent/iso7816"
)

// ReturnCode is what a call of PC/SC returned (PC/SC part 5; winscard.h), reached
// through errors.As in every error of this package that came from there.
type ReturnCode uint32

const (
	codeInternalError      ReturnCode = 0x80100001
	codeInvalidHandle      ReturnCode = 0x80100003
	codeInsufficientBuffer ReturnCode = 0x80100008
	codeUnknownReader      ReturnCode = 0x80100009
	codeTimeout            ReturnCode = 0x8010000A
	codeSharingViolation   ReturnCode = 0x8010000B
	codeNoSmartcard        ReturnCode = 0x8010000C
	codeProtoMismatch      ReturnCode = 0x8010000F
	codeNotReady           ReturnCode = 0x80100010
	codeSystemCancelled    ReturnCode = 0x80100012
	codeCommError          ReturnCode = 0x80100013
	codeInvalidATR         ReturnCode = 0x80100015
	codeNotTransacted      ReturnCode = 0x80100016
	codeReaderUnavailable  ReturnCode = 0x80100017
	codeShutdown           ReturnCode = 0x80100018
	codeCardUnsupported    ReturnCode = 0x8010001C
	codeNoService          ReturnCode = 0x8010001D
	codeServiceStopped     ReturnCode = 0x8010001E
	codeNoAccess           ReturnCode = 0x80100027
	codeNoReaders          ReturnCode = 0x8010002E
	codeCommDataLost       ReturnCode = 0x8010002F
	codeUnsupportedCard    ReturnCode = 0x80100065
	codeUnresponsiveCard   ReturnCode = 0x80100066
	codeUnpoweredCard      ReturnCode = 0x80100067
	codeResetCard          ReturnCode = 0x80100068
	codeRemovedCard        ReturnCode = 0x80100069
	codeSecurityViolation  ReturnCode = 0x8010006A

	// Errors of Windows itself that its smart card service passes on.
	codeAccessDenied ReturnCode = 5
	codeBadCommand   ReturnCode = 22
)

// known holds the name of every code that this package tells apart, and what it
// means to a person.
var known = map[ReturnCode]struct {
	name  string
	fault fault.Code
}{
	codeInternalError:      {"SCARD_F_INTERNAL_ERROR", fault.PCSCFailed},
	codeInsufficientBuffer: {"SCARD_E_INSUFFICIENT_BUFFER", fault.PCSCFailed},
	codeTimeout:            {"SCARD_E_TIMEOUT", fault.PCSCFailed},
	codeCommError:          {"SCARD_F_COMM_ERROR", fault.PCSCFailed},
	codeCommDataLost:       {"SCARD_E_COMM_DATA_LOST", fault.PCSCFailed},

	// This package only uses handles that it holds: one that is invalid was
	// lost with the service that gave it.
	codeInvalidHandle:   {"SCARD_E_INVALID_HANDLE", fault.PCSCNoService},
	codeSystemCancelled: {"SCARD_E_SYSTEM_CANCELLED", fault.PCSCNoService},
	codeShutdown:        {"SCARD_P_SHUTDOWN", fault.PCSCNoService},
	codeNoService:       {"SCARD_E_NO_SERVICE", fault.PCSCNoService},
	codeServiceStopped:  {"SCARD_E_SERVICE_STOPPED", fault.PCSCNoService},

	codeNoAccess:          {"SCARD_E_NO_ACCESS", fault.PCSCNotPermitted},
	codeSecurityViolation: {"SCARD_W_SECURITY_VIOLATION", fault.PCSCNotPermitted},
	codeAccessDenied:      {"ERROR_ACCESS_DENIED", fault.PCSCNotPermitted},

	codeNoReaders:         {"SCARD_E_NO_READERS_AVAILABLE", fault.NoReader},
	codeUnknownReader:     {"SCARD_E_UNKNOWN_READER", fault.ReaderUnplugged},
	codeReaderUnavailable: {"SCARD_E_READER_UNAVAILABLE", fault.ReaderUnplugged},
	codeBadCommand:        {"ERROR_BAD_COMMAND", fault.ReaderUnplugged},
	codeSharingViolation:  {"SCARD_E_SHARING_VIOLATION", fault.ReaderBusy},
	codeNotTransacted:     {"SCARD_E_NOT_TRANSACTED", fault.CommandNotTransacted},

	codeNoSmartcard: {"SCARD_E_NO_SMARTCARD", fault.DocumentRemoved},
	codeRemovedCard: {"SCARD_W_REMOVED_CARD", fault.DocumentRemoved},
	codeResetCard:   {"SCARD_W_RESET_CARD", fault.CardReset},

	codeProtoMismatch:    {"SCARD_E_PROTO_MISMATCH", fault.CardUnresponsive},
	codeNotReady:         {"SCARD_E_NOT_READY", fault.CardUnresponsive},
	codeInvalidATR:       {"SCARD_E_INVALID_ATR", fault.CardUnresponsive},
	codeCardUnsupported:  {"SCARD_E_CARD_UNSUPPORTED", fault.CardUnresponsive},
	codeUnsupportedCard:  {"SCARD_W_UNSUPPORTED_CARD", fault.CardUnresponsive},
	codeUnresponsiveCard: {"SCARD_W_UNRESPONSIVE_CARD", fault.CardUnresponsive},
	codeUnpoweredCard:    {"SCARD_W_UNPOWERED_CARD", fault.CardUnresponsive},
}

// Error returns the name that winscard.h gives the code, and its value.
func (c ReturnCode) Error() string {
	if k, ok := known[c]; ok {
		return fmt.Sprintf("%s (%08X)", k.name, uint32(c))
	}
	return fmt.Sprintf("PC/SC return code %08X", uint32(c))
}

// codeOf returns the return code in err; 0 where there is none.
func codeOf(err error) ReturnCode {
	var code ReturnCode
	errors.As(err, &code)
	return code
}

// classify turns what a backend returned into an error with a code of the fault
// list. Detail says what was being done.
func classify(err error, detail string) error {
	var typed *fault.Error
	if err == nil || errors.As(err, &typed) {
		return err
	}
	code := fault.PCSCFailed
	if k, ok := known[codeOf(err)]; ok {
		code = k.fault
	}
	switch code {
	case fault.DocumentRemoved:
		err = errors.Join(iso7816.ErrRemoved, err)
	case fault.CardReset:
		err = errors.Join(iso7816.ErrReset, err)
	}
	return fault.New(code, detail, err)
}
