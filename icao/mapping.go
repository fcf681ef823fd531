package icao

import (
	"context"
	"errors"

	"passport-agent/icao/chipauth"
	"passport-agent/icao/lds"
	"passport-agent/icao/verdict"
	"passport-agent/internal/fault"
	"passport-agent/iso7816"
	"passport-agent/pace"
)

// authenticateMapping checks what PACE with Chip Authentication Mapping has left
// against the chip's key in EF.CardSecurity (Doc 9303-11, 4.4.3.5.2), with the master
// file still selected. That the file is the issuer's, the verdict says.
func (s *Session) authenticateMapping(ctx context.Context, data *pace.ChipAuthenticationData) error {
	attempt := &s.proving.proof.Mapping
	if data == nil {
		return nil
	}
	if s.options.NoChipAuthentication {
		attempt.Outcome = verdict.LeftOut
		return nil
	}
	if s.cardSecurity == nil && attempt.Outcome == verdict.NotOffered {
		if err := s.readCardSecurity(ctx); err != nil {
			return err
		}
	}
	// A document that was put back proves itself again; what has failed once stays so.
	if s.cardSecurity == nil || attempt.Outcome == verdict.WrongAnswer {
		return nil
	}
	*attempt = checkMapping(s.cardSecurity, data)
	return nil
}

func checkMapping(cardSecurity []byte, data *pace.ChipAuthenticationData) verdict.Attempt {
	infos, err := lds.ParseCardSecurity(cardSecurity)
	if err != nil {
		return verdict.Attempt{Outcome: verdict.KeyMalformed, Detail: "EF.CardSecurity is not well formed"}
	}
	static, err := chipauth.StaticKey(publicKeys(&infos.SecurityInfos), data.ParameterID)
	if err != nil {
		return verdict.Attempt{Outcome: keyOutcome(err), Detail: "EF.CardSecurity"}
	}
	if data.Verify(static) != nil {
		return verdict.Attempt{Outcome: verdict.WrongAnswer}
	}
	return verdict.Attempt{Outcome: verdict.Proved, Protocol: "PACE-ECDH-CAM"}
}

// readCardSecurity reads EF.CardSecurity under secure messaging. A chip that does not
// give it has proved nothing; a session that ends is opened again by the caller.
func (s *Session) readCardSecurity(ctx context.Context) error {
	s.setBlock(s.response)
	r := &fileReader{session: s, file: lds.CardSecurity}
	for r.total == 0 || len(r.data) < r.total {
		if s.lost {
			return iso7816.ErrReset
		}
		if err := r.step(ctx); err != nil {
			if !notGiven(err) {
				return err
			}
			s.proving.proof.Mapping = verdict.Attempt{Outcome: verdict.RefusedByChip, Detail: "EF.CardSecurity"}
			return nil
		}
	}
	s.cardSecurity = r.data
	return nil
}

// notGiven reports whether a chip does not give a file, in contrast to a reading that
// fails.
func notGiven(err error) bool {
	for _, code := range []fault.Code{fault.FileNotOnChip, fault.ChipStatus, fault.ChipResponse, fault.FileMalformed, fault.FileTooLarge, fault.AccessRefused} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}
