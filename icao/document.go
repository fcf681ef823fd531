package icao

import (
	"context"
	"errors"
	"hash"

	"passport-agent/icao/lds"
	"passport-agent/internal/fault"
)

// ReadDocument reads EF.COM, DG1, EF.SOD and DG2, and parses each as soon as it
// stands; the portrait is hashed while it arrives. A chip without EF.COM is read all the same. What has been read is
// returned also where reading fails.
func (s *Session) ReadDocument(ctx context.Context) (*lds.Document, error) {
	d := &lds.Document{}
	for _, file := range lds.ReadOrder() {
		var digest hash.Hash
		if _, isGroup := file.DataGroup(); isGroup && d.SOD != nil {
			digest = d.SOD.Hash.New()
		}
		b, err := s.read(ctx, file, digest)
		if file == lds.COM && errors.Is(err, fault.FileNotOnChip) {
			continue
		}
		if err != nil {
			return d, err
		}
		if err := d.Add(file, b); err != nil {
			return d, err
		}
		if digest != nil {
			d.SetDigest(file, digest.Sum(nil))
		}
	}
	if s.model != (Model{}) {
		s.options.Memory.Learn(s.card.ATR(), s.model)
	}
	return d, nil
}
