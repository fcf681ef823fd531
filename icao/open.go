package icao

import (
	"context"
	"errors"
	"slices"

	"passport-agent/bac"
	"passport-agent/icao/lds"
	"passport-agent/internal/fault"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
	"passport-agent/pace"
)

// open brings the chip from power-up to an open application.
func (s *Session) open(ctx context.Context) error {
	s.closed()
	if err := s.readCardAccess(ctx); err != nil {
		return err
	}
	var err error
	if s.response, err = s.responseSize(ctx); err != nil {
		return err
	}
	if err := s.access(ctx); err != nil {
		return err
	}
	s.setBlock(s.response)
	return s.authenticateChip(ctx)
}

// access opens by PACE where the chip offers it, else by BAC, which it is never
// lowered to after a PACE that failed.
func (s *Session) access(ctx context.Context) error {
	byPACE := s.options.Access.Protocol != BAC && !s.options.Access.empty()
	if byPACE && len(s.offered) > 0 {
		return s.openByPACE(ctx)
	}
	if s.options.Access.Protocol == PACE {
		return fault.New(fault.AccessRefused, "the chip offers no PACE that this reader knows", nil)
	}
	if err := s.selectApplication(ctx); err != nil {
		return err
	}
	return s.openByBAC(ctx)
}

func (s *Session) asksCardAccess() bool {
	return s.options.Access.Protocol != BAC && !s.options.Access.empty()
}

// readCardAccess reads what the chip offers for PACE, once. Whatever the chip
// answers, the document may still open by BAC.
func (s *Session) readCardAccess(ctx context.Context) error {
	if !s.asksCardAccess() || s.cardAccess != nil {
		return nil
	}
	b, err := s.readMasterFile(ctx, lds.CardAccess)
	if err != nil || len(b) == 0 {
		return err
	}
	return s.takeCardAccess(b)
}

func (s *Session) takeCardAccess(b []byte) error {
	infos, err := lds.ParseCardAccess(b)
	if err != nil {
		if !s.tolerates(CardAccessRefused) {
			return err
		}
		return nil
	}
	var offered []pace.Info
	for _, entry := range infos.PACE {
		offered = append(offered, pace.Info(entry))
	}
	offered = pace.ByStrength(offered)
	if len(offered) == 0 && infos.AnnouncesPACE() && !s.tolerates(UnknownPACE) {
		return fault.New(fault.AccessRefused, "the chip offers no PACE that this reader knows", nil)
	}
	if s.card.Limits().Extended == iso7816.No {
		offered = slices.DeleteFunc(offered, pace.Info.NeedsExtended)
	}
	s.cardAccess, s.offered = b, offered
	return nil
}

// openByPACE tries what the chip offers, strongest first, each once; a token that
// the chip refuses is tried once more, as some chips do that now and then.
func (s *Session) openByPACE(ctx context.Context) error {
	password := pace.CAN(s.options.Access.CAN)
	if !s.options.Access.Key.Empty() {
		password = pace.MRZ(s.options.Access.Key.SHA1())
	}
	var failed error
	for i, info := range s.offered {
		result, err := pace.Establish(ctx, s.plain, info, password, s.options.Random)
		if errors.Is(err, pace.ErrWrongPassword) && s.tolerates(SecondAuthentication) {
			result, err = pace.Establish(ctx, s.plain, info, password, s.options.Random)
		}
		if err == nil {
			s.protect(result.State, info.Name())
			// What works is tried first where the session has to be opened again.
			s.offered = append([]pace.Info{info}, append(s.offered[:i:i], s.offered[i+1:]...)...)
			if err := s.authenticateMapping(ctx, result.ChipAuthentication); err != nil {
				return err
			}
			return s.selectApplication(ctx)
		}
		if failed == nil {
			failed = err
		}
		var refused *pace.StepError
		if errors.Is(err, pace.ErrWrongPassword) || !errors.As(err, &refused) || !s.tolerates(NextPACEInfo) {
			failed = err
			break
		}
	}
	return s.paceError(failed)
}

// paceError tells a wrong password from a chip that does not do what it offers.
func (s *Session) paceError(err error) error {
	var refused *pace.StepError
	switch {
	case errors.Is(err, pace.ErrWrongPassword) && s.options.Access.Key.Empty():
		return fault.New(fault.WrongCAN, "", err)
	case errors.Is(err, pace.ErrWrongPassword):
		return fault.New(fault.WrongMRZ, "", err)
	case errors.As(err, &refused):
		return fault.New(fault.AccessRefused, "PACE", err)
	default:
		return err
	}
}

// openByBAC runs BAC, a second time with a new challenge where the first ended in
// 6300: some chips refuse the first authentication after power-up.
func (s *Session) openByBAC(ctx context.Context) error {
	access := s.options.Access
	if access.empty() {
		s.stayPlain()
		return nil
	}
	if access.Key.Empty() {
		return fault.New(fault.MRZRequired, "", nil)
	}
	seed := access.Key.SHA1()
	defer seed.Wipe()
	state, err := bac.Authenticate(ctx, s.plain, seed, s.options.Random)
	if errors.Is(err, iso7816.SWAuthenticationFailed) && s.tolerates(SecondAuthentication) {
		state, err = bac.Authenticate(ctx, s.plain, seed, s.options.Random)
	}
	var refused *bac.StepError
	if errors.As(err, &refused) {
		return s.refusedByBAC(ctx, refused)
	}
	if err != nil {
		return err
	}
	s.protect(state, accessBAC)
	return nil
}

// refusedByBAC tells a wrong key from a chip that wants PACE and from one that has
// no access control, and so knows nothing of BAC.
func (s *Session) refusedByBAC(ctx context.Context, refused *bac.StepError) error {
	sw := refused.SW
	if sw>>8 == 0x63 || sw == iso7816.SWSecurityStatus || sw == iso7816.SWWrongData || sw == iso7816.SWSMObjectsIncorrect {
		return fault.New(fault.WrongMRZ, "", refused)
	}
	response, err := s.plain.Exchange(ctx, iso7816.Command{INS: iso7816.InsReadBinary, P1: 0x80 | lds.COM.SFI(), Ne: headerRead})
	if err != nil {
		return err
	}
	if len(response.Data) > 0 {
		s.stayPlain()
		return nil
	}
	if opened, err := s.paceAfterAll(ctx); opened || err != nil {
		return err
	}
	if sw == iso7816.SWReferenceNotFound || sw == iso7816.SWConditionsOfUse {
		return fault.New(fault.PACERequired, "", refused)
	}
	return fault.New(fault.AccessRefused, "", refused)
}

// paceAfterAll looks once more for EF.CardAccess, by its long identifier, where a
// chip refuses BAC and did not find the file by its short one.
func (s *Session) paceAfterAll(ctx context.Context) (opened bool, err error) {
	if s.cardAccess != nil || s.options.Access.Protocol != Auto || !s.tolerates(CardAccessSelect) {
		return false, nil
	}
	if err := s.card.Reset(ctx); err != nil {
		return false, err
	}
	b, err := s.readSelected(ctx, lds.CardAccess)
	if err != nil || len(b) == 0 {
		return false, err
	}
	if err := s.takeCardAccess(b); err != nil || len(s.offered) == 0 {
		return false, err
	}
	return true, s.openByPACE(ctx)
}

func (s *Session) protect(state *sm.State, protocol string) {
	s.channel, s.protocol, s.cipher = sm.NewChannel(s.plain, state), protocol, state.Algorithm().String()
}

func (s *Session) stayPlain() { s.channel, s.protocol, s.cipher = s.plain, accessNone, "" }

// selectApplication follows Doc 9303-10, 3.6.1. There is no Le: German cards fail
// on one.
func (s *Session) selectApplication(ctx context.Context) error {
	response, err := s.exchange(ctx, iso7816.Command{INS: iso7816.InsSelect, P1: 0x04, P2: 0x0C, Data: lds.AID[:]})
	sw, naked := statusOf(response, err)
	switch {
	case err != nil && !naked:
		return err
	case sw == iso7816.SWSuccess:
	case sw == iso7816.SWWrongLength && s.cipher != "" && s.tolerates(ApplicationCurrent):
		// Chips answer so where PACE has made the application current.
	default:
		return fault.New(fault.NotAPassport, "SELECT of the passport application", sw)
	}
	s.observe(Event{Kind: Connected})
	return nil
}
