// Package chipauth proves that a chip is no copy: Active Authentication (Doc 9303-11,
// 6.1) and Chip Authentication (Doc 9303-11, 6.2). What a chip proves is that it has
// the private key of a public key; whose key that is, passive authentication says.
package chipauth

import (
	"context"
	"errors"
	"fmt"

	"passport-agent/iso7816"
)

// ErrNotAuthentic says that a signature is not that of the key over the challenge.
var ErrNotAuthentic = errors.New("the chip's signature is not that of its key")

// ErrMalformed says that a public key, or what is said of it, is not as Doc 9303 has
// it: a point off its curve, a key reference that leads nowhere, another version.
var ErrMalformed = errors.New("malformed key or protocol of the chip")

// ErrUnsupported says that a key or protocol is well formed and not known here.
var ErrUnsupported = errors.New("key or protocol of the chip not supported")

// ErrTooLong says that an answer is longer than reader and chip can pass.
var ErrTooLong = errors.New("answer too long for this reader")

// Steps, as a StepError names them.
const (
	StepInternalAuthenticate = "INTERNAL AUTHENTICATE"
	StepSetKAT               = "MSE:Set KAT"
	StepSetAT                = "MSE:Set AT"
	StepGeneralAuthenticate  = "GENERAL AUTHENTICATE"
)

// A StepError is a status word with which the chip refused a step.
type StepError struct {
	Step string // one of the Step constants
	SW   iso7816.StatusWord
}

func (e *StepError) Error() string { return e.Step + ": " + e.SW.Error() }

// Unwrap returns the status word.
func (e *StepError) Unwrap() error { return e.SW }

// send returns the data of the answer to a step, valid until the next one.
func send(ctx context.Context, channel iso7816.Exchanger, step string, c iso7816.Command) ([]byte, error) {
	response, err := channel.Exchange(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", step, err)
	}
	if response.SW != iso7816.SWSuccess {
		return nil, &StepError{Step: step, SW: response.SW}
	}
	return response.Data, nil
}
