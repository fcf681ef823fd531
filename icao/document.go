package icao

import (
	"context"
	"errors"
	"hash"

	"passport-agent/icao/lds"
	"passport-agent/icao/verdict"
	"passport-agent/internal/fault"
)

// ReadDocument reads EF.COM, DG1, EF.SOD and DG2, and parses each as soon as it
// stands; the portrait is hashed while it arrives. Before the portrait, DG14 and DG15
// are read where EF.SOD lists them, and the chip proves that it is no copy. A chip
// without EF.COM is read all the same. What has been read is returned also where
// reading fails.
func (s *Session) ReadDocument(ctx context.Context) (*lds.Document, error) {
	d := &lds.Document{}
	s.addMasterFiles(d)
	for _, file := range lds.ReadOrder() {
		if file == lds.DG2 {
			if err := s.readAndProve(ctx, d); err != nil {
				return d, err
			}
		}
		err := s.readInto(ctx, d, file)
		if file == lds.COM && errors.Is(err, fault.FileNotOnChip) {
			continue
		}
		if err != nil {
			return d, err
		}
	}
	if s.model != (Model{}) {
		s.options.Memory.Learn(s.card.ATR(), s.model)
	}
	return d, nil
}

// addMasterFiles puts what was read on the way to the application beside the rest.
// They have been parsed before, or their checks say why not.
func (s *Session) addMasterFiles(d *lds.Document) {
	for file, b := range map[lds.File][]byte{lds.CardAccess: s.cardAccess, lds.CardSecurity: s.cardSecurity, lds.ATRInfo: s.atrInfo} {
		if b != nil {
			_ = d.Add(file, b)
		}
	}
}

// readInto reads and parses one file; a data group is hashed while it arrives once it
// is known how.
func (s *Session) readInto(ctx context.Context, d *lds.Document, file lds.File) error {
	var digest hash.Hash
	if _, isGroup := file.DataGroup(); isGroup && d.SOD != nil {
		digest = d.SOD.Hash.New()
	}
	b, err := s.read(ctx, file, digest)
	if err != nil {
		return err
	}
	if err := d.Add(file, b); err != nil {
		return err
	}
	if digest != nil {
		d.SetDigest(file, digest.Sum(nil))
	}
	return nil
}

// readAndProve reads DG14 and DG15, as far as EF.SOD lists them, and has the chip prove
// itself with what is in them. That a chip does not give one of them, or that it is not
// well formed, is for the verdict.
func (s *Session) readAndProve(ctx context.Context, d *lds.Document) error {
	proof := &s.proving.proof
	if s.options.NoChipAuthentication {
		proof.ChipAuthentication.Outcome, proof.ActiveAuthentication.Outcome = verdict.LeftOut, verdict.LeftOut
		return nil
	}
	proof.Asked, proof.AskedAccess = true, s.asksCardAccess()
	listed := false
	for _, file := range []lds.File{lds.DG14, lds.DG15} {
		if number, _ := file.DataGroup(); d.SOD.DataGroups[number] == nil {
			continue
		}
		listed = true
		if err := s.readInto(ctx, d, file); err != nil && !notGiven(err) && !errors.Is(err, fault.UnsupportedAlgorithm) {
			return err
		}
	}
	if !listed {
		return nil
	}
	return s.Prove(ctx, d)
}
