package icao

import (
	"context"
	"errors"

	"passport-agent/icao/lds"
	"passport-agent/icao/mrz"
	"passport-agent/internal/fault"
)

// Document is what a chip holds: the files as read, and what is in them.
type Document struct {
	// Files holds the bytes of every file as the chip sent them.
	Files map[lds.File][]byte
	// COM is nil where the chip has no EF.COM.
	COM  *lds.CommonData
	SOD  *lds.SecurityObject
	MRZ  *mrz.MRZ
	Face *lds.Face
}

// Parse reads the files of a document. EF.COM may be missing, nothing else. It
// fails with fault.FileNotOnChip, naming the file, or as the parsers of package
// lds do.
func Parse(files map[lds.File][]byte) (*Document, error) {
	d := &Document{Files: files}
	for _, file := range []lds.File{lds.COM, lds.DG1, lds.SOD, lds.DG2} {
		if err := d.parse(file); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (d *Document) parse(file lds.File) (err error) {
	b, ok := d.Files[file]
	if !ok {
		if file == lds.COM {
			return nil
		}
		return fault.New(fault.FileNotOnChip, file.String(), nil)
	}
	switch file {
	case lds.COM:
		d.COM, err = lds.ParseCOM(b)
	case lds.DG1:
		d.MRZ, err = lds.ParseDG1(b)
	case lds.SOD:
		d.SOD, err = lds.ParseSOD(b)
	case lds.DG2:
		d.Face, err = lds.ParseDG2(b)
	}
	return err
}

// ReadDocument reads EF.COM, DG1, EF.SOD and DG2, in this order: who the document
// belongs to is known long before the portrait has come. A chip without EF.COM
// is read all the same.
func (s *Session) ReadDocument(ctx context.Context) (*Document, error) {
	d := &Document{Files: map[lds.File][]byte{}}
	for _, file := range []lds.File{lds.COM, lds.DG1, lds.SOD, lds.DG2} {
		b, err := s.Read(ctx, file)
		if file == lds.COM && errors.Is(err, fault.FileNotOnChip) {
			continue
		}
		if err != nil {
			return nil, err
		}
		d.Files[file] = b
		if err := d.parse(file); err != nil {
			return nil, err
		}
	}
	return d, nil
}
