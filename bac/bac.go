// Package bac is Basic Access Control (Doc 9303-11, 4.3): mutual authentication
// with keys from the machine-readable zone, and the session keys that follow.
package bac

import (
	"context"
	"crypto/cipher"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"

	"passport-agent/internal/secret"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
)

// Lengths in bytes (Doc 9303-11, 4.3.1).
const (
	nonceSize  = 8
	keySize    = 16
	plainSize  = 2*nonceSize + keySize
	answerSize = plainSize + sm.MACSize
)

// ErrNotAuthentic says that the chip's answer has a wrong MAC or does not repeat
// both nonces: whatever answered does not know the access key.
var ErrNotAuthentic = errors.New("the answer of the chip to mutual authentication is not authentic")

// A StepError is a status word with which the chip refused a step.
type StepError struct {
	Step string // "GET CHALLENGE" or "EXTERNAL AUTHENTICATE"
	SW   iso7816.StatusWord
}

func (e *StepError) Error() string { return e.Step + ": " + e.SW.Error() }

// Unwrap returns the status word.
func (e *StepError) Unwrap() error { return e.SW }

// Authenticate proves to the chip that the reader knows the access key, and has
// the chip prove the same, over a plain channel with the eMRTD application
// selected. seed is the SHA-1 of the MRZ information, 20 bytes (Doc 9303-11,
// 4.3.2). random gives nonce and keying material, 24 bytes. It returns the state
// of the new session.
//
// It fails with a *StepError where the chip refuses (6300 for a wrong key, on
// most chips) and with ErrNotAuthentic where its answer does not hold.
func Authenticate(ctx context.Context, plain iso7816.Exchanger, seed secret.Bytes, random io.Reader) (*sm.State, error) {
	d, err := newDialogue(seed)
	if err != nil {
		return nil, err
	}
	challenge, err := step(ctx, plain, "GET CHALLENGE", iso7816.Command{INS: iso7816.InsGetChallenge, Ne: nonceSize})
	if err != nil {
		return nil, err
	}
	if len(challenge) != nonceSize {
		return nil, fmt.Errorf("%w: challenge of %d bytes", ErrNotAuthentic, len(challenge))
	}
	request, err := d.request(challenge, random)
	if err != nil {
		return nil, err
	}
	answer, err := step(ctx, plain, "EXTERNAL AUTHENTICATE", iso7816.Command{INS: iso7816.InsExternalAuthenticate, Data: request, Ne: answerSize})
	if err != nil {
		return nil, err
	}
	return d.finish(answer)
}

func step(ctx context.Context, plain iso7816.Exchanger, name string, c iso7816.Command) ([]byte, error) {
	response, err := plain.Exchange(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if response.SW != iso7816.SWSuccess {
		return nil, &StepError{Step: name, SW: response.SW}
	}
	return response.Data, nil
}

// dialogue is one run of the protocol, named as in Doc 9303-11, 4.3.1.
type dialogue struct {
	kEnc   cipher.Block
	kMAC   *sm.MAC
	rndIC  []byte
	rndIFD []byte
	kIFD   []byte
}

// newDialogue derives the Document Basic Access Keys (Doc 9303-11, 9.7.2).
func newDialogue(seed secret.Bytes) (*dialogue, error) {
	if seed.Len() < keySize {
		return nil, fmt.Errorf("key seed of %d bytes", seed.Len())
	}
	kSeed := seed.Reveal()[:keySize]
	kEnc, err := sm.TDES.NewBlock(sm.TDES.DeriveKey(kSeed, sm.CounterEnc))
	if err != nil {
		return nil, err
	}
	kMAC, err := sm.NewMAC(sm.TDES, sm.TDES.DeriveKey(kSeed, sm.CounterMAC))
	if err != nil {
		return nil, err
	}
	return &dialogue{kEnc: kEnc, kMAC: kMAC}, nil
}

// request makes E.IFD and M.IFD (step 2).
func (d *dialogue) request(challenge []byte, random io.Reader) ([]byte, error) {
	own := make([]byte, nonceSize+keySize)
	if _, err := io.ReadFull(random, own); err != nil {
		return nil, fmt.Errorf("random numbers: %w", err)
	}
	d.rndIC = append([]byte(nil), challenge...)
	d.rndIFD, d.kIFD = own[:nonceSize], own[nonceSize:]

	request := make([]byte, 0, answerSize)
	request = append(append(append(request, d.rndIFD...), d.rndIC...), d.kIFD...)
	cipher.NewCBCEncrypter(d.kEnc, make([]byte, nonceSize)).CryptBlocks(request, request)
	return d.mac(request), nil
}

// finish checks E.IC and M.IC, MAC first (step 4), and derives the session keys
// (step 5).
func (d *dialogue) finish(answer []byte) (*sm.State, error) {
	if len(answer) != answerSize {
		return nil, fmt.Errorf("%w: %d bytes", ErrNotAuthentic, len(answer))
	}
	cryptogram := append(make([]byte, 0, answerSize), answer[:plainSize]...)
	if subtle.ConstantTimeCompare(d.mac(cryptogram)[plainSize:], answer[plainSize:]) != 1 {
		return nil, fmt.Errorf("%w: MAC", ErrNotAuthentic)
	}
	cipher.NewCBCDecrypter(d.kEnc, make([]byte, nonceSize)).CryptBlocks(cryptogram, cryptogram)
	rndIC, rndIFD, kIC := cryptogram[:nonceSize], cryptogram[nonceSize:2*nonceSize], cryptogram[2*nonceSize:]
	if subtle.ConstantTimeCompare(rndIC, d.rndIC)&subtle.ConstantTimeCompare(rndIFD, d.rndIFD) != 1 {
		return nil, fmt.Errorf("%w: nonces", ErrNotAuthentic)
	}
	kSeed := make([]byte, keySize)
	subtle.XORBytes(kSeed, kIC, d.kIFD)
	ssc := append(append(make([]byte, 0, nonceSize), d.rndIC[4:]...), d.rndIFD[4:]...)
	return sm.NewState(sm.TDES, sm.TDES.DeriveKey(kSeed, sm.CounterEnc), sm.TDES.DeriveKey(kSeed, sm.CounterMAC), ssc)
}

// mac appends the MAC of b to b.
func (d *dialogue) mac(b []byte) []byte {
	d.kMAC.Reset()
	d.kMAC.Write(b)
	return d.kMAC.Sum(b)
}
