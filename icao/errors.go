package icao

import (
	"context"
	"errors"

	"passport-agent/bac"
	"passport-agent/internal/fault"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
	"passport-agent/pace"
)

// coded gives an error of a lower room its code. What already has one keeps it.
func coded(err error) error {
	var f *fault.Error
	var sw iso7816.StatusWord
	switch {
	case err == nil, errors.As(err, &f), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, iso7816.ErrRemoved):
		return fault.New(fault.DocumentRemoved, "", err)
	case errors.Is(err, iso7816.ErrReset):
		return fault.New(fault.CardReset, "", err)
	case errors.Is(err, sm.ErrAuthentication), errors.Is(err, sm.ErrFormat):
		return fault.New(fault.SecureMessaging, "", err)
	case errors.Is(err, bac.ErrNotAuthentic), errors.Is(err, pace.ErrNotAuthentic), errors.Is(err, pace.ErrMalformed):
		return fault.New(fault.ChipAuthentication, "", err)
	case errors.As(err, &sw):
		return fault.New(fault.ChipStatus, "", err)
	case errors.Is(err, iso7816.ErrResponse), errors.Is(err, iso7816.ErrTLV):
		return fault.New(fault.ChipResponse, "", err)
	default:
		return fault.New(fault.Unexpected, "", err)
	}
}
