package icao

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"passport-agent/icao/chipauth"
	"passport-agent/icao/lds"
	"passport-agent/icao/verdict"
	"passport-agent/internal/fault"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
)

// Evidence is what Active Authentication leaves: it can be checked again by anybody
// who has the document's files (CheckEvidence). The zero value is none.
type Evidence struct{ Challenge, Signature []byte }

// proving is how far a session is with proving that the chip is no copy.
type proving struct {
	proof    verdict.Proof
	evidence Evidence

	// offers are the ways of Chip Authentication that are left, the one that worked
	// first; none where it is not to be run (again).
	offers   []chipauth.Offer
	onKeys   bool // the session uses the keys of Chip Authentication
	unproved bool // nothing has been answered under them yet
	failures int  // sessions that ended before anything was
	reopen   bool // the chip counts as a copy; it is read on in a session without them
}

// maxProofFailures is how often the first answer under the new keys may fail before
// the chip counts as a copy: genuine ones drop a session now and then. Without
// SessionRestart once is enough.
const maxProofFailures = 2

// Proof returns what the chip has proved so far. Chip Authentication is decided with
// the first command behind it, which reads on.
func (s *Session) Proof() verdict.Proof { return s.proving.proof }

// Evidence returns what Active Authentication has left.
func (s *Session) Evidence() Evidence { return s.proving.evidence }

// Prove has the chip prove that it is no copy: by Chip Authentication, unless PACE with
// Chip Authentication Mapping has done so, and by Active Authentication, as far as the
// document has signed keys for them (Doc 9303-11, 6). What it comes to is in Proof; an
// error is one of reading, as Read has them.
func (s *Session) Prove(ctx context.Context, d *lds.Document) error {
	s.offerChipAuthentication(d)
	if len(s.proving.offers) > 0 || d.Files[lds.DG15] != nil {
		s.observe(Event{Kind: Proving})
	}
	if err := s.persist(ctx, s.authenticateChip); err != nil {
		return coded(err)
	}
	return coded(s.authenticateActively(ctx, d))
}

// persist repeats a step until it goes through: the session is opened again where it
// has ended, and the document is waited for where it has left.
func (s *Session) persist(ctx context.Context, step func(context.Context) error) error {
	for {
		var err error
		if s.lost {
			err = s.restart(ctx)
		} else if err = step(ctx); err == nil && !s.lost {
			return nil
		}
		if err != nil {
			err = s.recover(ctx, err)
		}
		if err != nil {
			return err
		}
	}
}

// signed reports whether a data group is the file that the issuer hashed.
func signed(d *lds.Document, file lds.File) bool {
	number, _ := file.DataGroup()
	return d.SOD != nil && d.Files[file] != nil && string(d.SOD.DataGroups[number]) == string(d.Digest(file))
}

// offerChipAuthentication finds out what DG14 offers.
func (s *Session) offerChipAuthentication(d *lds.Document) {
	p := &s.proving
	attempt := &p.proof.ChipAuthentication
	switch {
	case d.Files[lds.DG14] == nil:
		return
	case !signed(d, lds.DG14):
		attempt.Outcome = verdict.NotCovered
		return
	case d.DG14 == nil:
		*attempt = verdict.Attempt{Outcome: verdict.KeyMalformed, Detail: "DG14 is not well formed"}
		return
	case p.proof.Mapping.Outcome == verdict.Proved:
		attempt.Outcome = verdict.NotNeeded
		return
	}
	infos, keys := chipInfos(d.DG14), publicKeys(d.DG14)
	implied := len(keys) > 0 && !d.DG14.AnnouncesChipAuthentication()
	if implied {
		infos = chipauth.Implied(keys)
	}
	if len(infos) == 0 && len(keys) == 0 && !d.DG14.AnnouncesChipAuthentication() {
		return
	}
	offers, err := chipauth.Offers(infos, keys)
	if err != nil {
		*attempt = verdict.Attempt{Outcome: keyOutcome(err), Detail: "DG14"}
		return
	}
	if len(offers) == 0 {
		*attempt = verdict.Attempt{Outcome: verdict.KeyMalformed, Detail: "DG14 names no protocol that can be read"}
		return
	}
	if implied {
		p.proof.Deviations = append(p.proof.Deviations, deviations(chipauth.DeviationNoInfo3DES)...)
	}
	for _, o := range offers {
		if !o.NeedsExtended() || s.card.Limits().Extended != iso7816.No {
			p.offers = append(p.offers, o)
		}
	}
	if len(p.offers) == 0 {
		attempt.Outcome = verdict.ReaderTooShort
	}
}

// deviationTexts say what a deviation is.
var deviationTexts = map[string]string{
	chipauth.DeviationNoInfo3DES: "DG14 has a key for Chip Authentication and names no protocol; 3DES is meant",
	chipauth.DeviationNoInfo:     "DG14 does not say how the chip signs",
	chipauth.DeviationHash:       "the chip signs with SHA-1, or with a hash longer than its key",
	chipauth.DeviationDER:        "the chip's signature is not in plain form",
}

func deviations(names ...string) []lds.Warning {
	var all []lds.Warning
	for _, name := range names {
		all = append(all, lds.Warning{Name: name, Detail: deviationTexts[name]})
	}
	return all
}

// keyOutcome tells keys that cannot be from keys that are not known here.
func keyOutcome(err error) verdict.Outcome {
	if errors.Is(err, chipauth.ErrUnsupported) && !errors.Is(err, chipauth.ErrMalformed) {
		return verdict.NotKnown
	}
	return verdict.KeyMalformed
}

func chipInfos(infos *lds.SecurityInfos) []chipauth.Info {
	var all []chipauth.Info
	for _, i := range infos.ChipAuthentication {
		all = append(all, chipauth.Info{Protocol: i.Protocol, Version: i.Version, KeyID: i.KeyID})
	}
	return all
}

func publicKeys(infos *lds.SecurityInfos) []chipauth.PublicKeyInfo {
	var all []chipauth.PublicKeyInfo
	for _, i := range infos.ChipAuthenticationPublicKeys {
		all = append(all, chipauth.PublicKeyInfo{
			Protocol: i.Protocol, Algorithm: i.PublicKey.Algorithm.Algorithm, Parameters: i.PublicKey.Algorithm.Parameters.FullBytes,
			Key: i.PublicKey.PublicKey.RightAlign(), KeyID: i.KeyID,
		})
	}
	return all
}

// authenticateChip runs Chip Authentication in the session that stands, unless it has
// been run there. A way that the chip refuses is not tried again.
func (s *Session) authenticateChip(ctx context.Context) error {
	p := &s.proving
	for len(p.offers) > 0 && !p.onKeys && !s.lost {
		offer := p.offers[0]
		state, err := chipauth.Run(ctx, exchanger(s.exchange), offer, s.options.Random)
		attempt, refused := chipAttempt(err)
		switch {
		case err == nil:
			s.switchKeys(state)
			p.onKeys, p.unproved = true, true
			p.proof.ChipAuthentication.Protocol = offer.Name()
		case errors.Is(err, fault.CommandNotTransacted) && offer.NeedsExtended():
			return s.withoutLongKeys(ctx)
		case !refused:
			return err
		default:
			attempt.Protocol = offer.Name()
			p.offers = p.offers[1:]
			if len(p.offers) == 0 {
				p.proof.ChipAuthentication = attempt
			}
		}
	}
	return nil
}

// withoutLongKeys goes on from power-up where the reader has turned out not to pass
// extended length.
func (s *Session) withoutLongKeys(ctx context.Context) error {
	p := &s.proving
	p.offers = slices.DeleteFunc(p.offers, chipauth.Offer.NeedsExtended)
	if len(p.offers) == 0 {
		p.proof.ChipAuthentication.Outcome = verdict.ReaderTooShort
	}
	return s.powerUp(ctx)
}

// chipAttempt tells a chip that refuses, or answers what cannot be, from a reading
// that fails.
func chipAttempt(err error) (attempt verdict.Attempt, refused bool) {
	var sw iso7816.StatusWord
	switch {
	case errors.Is(err, chipauth.ErrMalformed):
		return verdict.Attempt{Outcome: verdict.WrongAnswer, Detail: "its answer is not well formed"}, true
	case errors.As(err, &sw) && !errors.Is(err, sm.ErrAuthentication):
		return verdict.Attempt{Outcome: verdict.RefusedByChip, Detail: fmt.Sprintf("%04X", uint16(sw))}, true
	default:
		return verdict.Attempt{}, false
	}
}

// exchanger lets a protocol use the session as a channel.
type exchanger func(context.Context, iso7816.Command) (iso7816.Response, error)

func (e exchanger) Exchange(ctx context.Context, c iso7816.Command) (iso7816.Response, error) {
	return e(ctx, c)
}

// switchKeys carries on under new keys (Doc 9303-11, 9.8.2). Blocks depend on the cipher.
func (s *Session) switchKeys(state *sm.State) {
	old, protected := s.channel.(*sm.Channel)
	s.channel = sm.NewChannel(s.plain, state)
	if !protected || old.Algorithm() != state.Algorithm() {
		s.setBlock(s.response)
	}
}

// confirm is told how the exchanges under the keys of Chip Authentication go: the first
// answer proves the chip, a session that ends before it does not.
func (s *Session) confirm(answered bool) {
	p := &s.proving
	if !p.unproved {
		return
	}
	switch {
	case answered:
		p.unproved = false
		if p.proof.ChipAuthentication.Outcome == verdict.NotOffered {
			p.proof.ChipAuthentication.Outcome = verdict.Proved
		}
	case s.lost:
		p.unproved = false
		if p.failures++; p.failures == maxProofFailures || !s.tolerates(SessionRestart) {
			p.proof.ChipAuthentication.Outcome = verdict.WrongAnswer
			p.offers, p.reopen = nil, true
		}
	}
}

// authenticateActively has the chip sign a challenge (Doc 9303-11, 6.1.6).
func (s *Session) authenticateActively(ctx context.Context, d *lds.Document) error {
	p := &s.proving
	attempt := &p.proof.ActiveAuthentication
	key, done := activeKey(d)
	if *attempt = done; done.Outcome != verdict.NotOffered || d.Files[lds.DG15] == nil {
		return nil
	}
	err := s.persist(ctx, func(ctx context.Context) error {
		challenge := make([]byte, chipauth.ChallengeSize)
		if _, err := io.ReadFull(s.options.Random, challenge); err != nil {
			return fault.New(fault.Unexpected, "random numbers", err)
		}
		signature, err := chipauth.Sign(ctx, exchanger(s.exchange), challenge, key.SignatureSize(), s.room(key.SignatureSize()))
		refusal, refused := chipAttempt(err)
		switch {
		case errors.Is(err, chipauth.ErrTooLong):
			attempt.Outcome = verdict.ReaderTooShort
		case errors.Is(err, fault.CommandNotTransacted) && key.SignatureSize() > s.room(0).Short:
			attempt.Outcome = verdict.ReaderTooShort
			return s.powerUp(ctx)
		case refused && s.lost:
			// What was refused may pass in the next session.
		case refused:
			*attempt = refusal
		case err != nil:
			return err
		default:
			p.evidence = Evidence{challenge, signature}
		}
		return nil
	})
	if err != nil || p.evidence.Signature == nil {
		return err
	}
	var found []lds.Warning
	*attempt, found = CheckEvidence(d, p.evidence)
	p.proof.Deviations = append(p.proof.Deviations, found...)
	return nil
}

// room is how long signatures may be. A key that needs extended length obliges the
// chip to have it (Doc 9303-11, 6.1.4), so that only the reader can stand in the way;
// where it is not needed, it is used where both are known to have it.
func (s *Session) room(size int) chipauth.Room {
	short := shortResponse - 2
	if protected, ok := s.channel.(*sm.Channel); ok {
		short = sm.MaxPlain(protected.Algorithm(), shortResponse)
	}
	extended := s.card.Limits().Extended != iso7816.No
	return chipauth.Room{Short: short, Extended: extended && (size > short || s.block > s.shortBlock)}
}

// CheckEvidence checks what Active Authentication has left against the public key in
// DG15, as it was done when the chip was there. It asks nobody.
func CheckEvidence(d *lds.Document, e Evidence) (verdict.Attempt, []lds.Warning) {
	key, done := activeKey(d)
	switch {
	case done.Outcome != verdict.NotOffered || d.Files[lds.DG15] == nil:
		return done, nil
	case e.Signature == nil:
		return verdict.Attempt{Outcome: verdict.NoEvidence}, nil
	}
	verified, err := key.Verify(e.Challenge, e.Signature)
	if errors.Is(err, chipauth.ErrNotAuthentic) {
		return verdict.Attempt{Outcome: verdict.WrongAnswer}, nil
	}
	if err != nil {
		return verdict.Attempt{Outcome: keyOutcome(err)}, nil
	}
	return verdict.Attempt{Outcome: verdict.Proved, Protocol: verified.Algorithm}, deviations(verified.Deviations...)
}

// activeKey returns the key of DG15 with the algorithm of DG14, or why there is none.
func activeKey(d *lds.Document) (chipauth.ActiveKey, verdict.Attempt) {
	if d.Files[lds.DG15] == nil {
		return chipauth.ActiveKey{}, verdict.Attempt{}
	}
	if !signed(d, lds.DG15) {
		return chipauth.ActiveKey{}, verdict.Attempt{Outcome: verdict.NotCovered}
	}
	public, err := lds.ParseDG15(d.Files[lds.DG15])
	if errors.Is(err, fault.UnsupportedAlgorithm) {
		return chipauth.ActiveKey{}, verdict.Attempt{Outcome: verdict.NotKnown, Detail: "DG15"}
	}
	if err != nil {
		return chipauth.ActiveKey{}, verdict.Attempt{Outcome: verdict.KeyMalformed, Detail: "DG15 is not well formed"}
	}
	key := chipauth.ActiveKey{RSA: public.RSA()}
	key.Curve, key.Point = public.EC()
	if d.DG14 != nil && signed(d, lds.DG14) && len(d.DG14.ActiveAuthentication) > 0 {
		key.Algorithm = d.DG14.ActiveAuthentication[0].SignatureAlgorithm
	}
	return key, verdict.Attempt{}
}
