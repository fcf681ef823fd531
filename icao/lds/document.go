package lds

import (
	"passport-agent/icao/mrz"
	"passport-agent/internal/fault"
)

// Document is what a chip holds: the files as they were read, and what is in them.
type Document struct {
	// Files holds the bytes of every file as the chip sent them.
	Files map[File][]byte
	// COM is nil where the chip has no EF.COM.
	COM  *CommonData
	SOD  *SecurityObject
	MRZ  *mrz.MRZ
	Face *Face
	// DG14, ATRInfo, CardAccess and CardSecurity are nil where they were not read, or are not
	// well formed.
	DG14         *SecurityInfos
	ATRInfo      *ExtendedLength
	CardAccess   *SecurityInfos
	CardSecurity *SignedSecurityInfos

	digests  map[File][]byte
	warnings map[File][]Warning // where the value of a file has no place for them
}

// ReadOrder is the order in which files are read: who the document belongs to is
// known long before the portrait has come.
func ReadOrder() []File { return []File{COM, DG1, SOD, DG2} }

// Optional are the files that not every document has. None of them keeps the others
// from being judged where it cannot be read.
func Optional() []File { return []File{DG14, DG15, ATRInfo, CardAccess, CardSecurity} }

// Parse reads the files of a document. EF.COM and the optional ones may be missing,
// nothing else. It fails with fault.FileNotOnChip, naming the file, or as the parser of a file does.
func Parse(files map[File][]byte) (*Document, error) {
	d := &Document{Files: map[File][]byte{}}
	for _, file := range ReadOrder() {
		b, ok := files[file]
		if !ok {
			if file == COM {
				continue
			}
			return nil, fault.New(fault.FileNotOnChip, file.String(), nil)
		}
		if err := d.Add(file, b); err != nil {
			return nil, err
		}
	}
	for _, file := range Optional() {
		if b, ok := files[file]; ok {
			_ = d.Add(file, b) // its checks say what is wrong with it
		}
	}
	return d, nil
}

// Add takes a file and parses it. A file that is not parsed here is kept all the same.
func (d *Document) Add(file File, b []byte) (err error) {
	if d.Files == nil {
		d.Files = map[File][]byte{}
	}
	d.Files[file] = b
	delete(d.digests, file)
	switch file {
	case COM:
		d.COM, err = ParseCOM(b)
	case DG1:
		var warnings []Warning
		d.MRZ, warnings, err = ParseDG1(b)
		d.warn(DG1, warnings)
	case SOD:
		d.SOD, err = ParseSOD(b)
	case DG2:
		d.Face, err = ParseDG2(b)
	case DG14:
		d.DG14, err = ParseDG14(b)
	case DG15:
		_, err = ParseDG15(b)
	case ATRInfo:
		d.ATRInfo = ParseATRInfo(b)
	case CardAccess:
		d.CardAccess, err = ParseCardAccess(b)
	case CardSecurity:
		d.CardSecurity, err = ParseCardSecurity(b)
	}
	return err
}

func (d *Document) warn(file File, warnings []Warning) {
	if d.warnings == nil {
		d.warnings = map[File][]Warning{}
	}
	d.warnings[file] = warnings
}

// SetDigest gives the hash of a data group that was computed while it arrived, with
// the hash function of EF.SOD.
func (d *Document) SetDigest(file File, digest []byte) {
	if d.digests == nil {
		d.digests = map[File][]byte{}
	}
	d.digests[file] = digest
}

// Digest returns the hash of a file with the hash function of EF.SOD, which has to
// be there.
func (d *Document) Digest(file File) []byte {
	if digest := d.digests[file]; digest != nil {
		return digest
	}
	h := d.SOD.Hash.New()
	h.Write(d.Files[file])
	return h.Sum(nil)
}

// Warnings returns the deviations that the files of the document have.
func (d *Document) Warnings() []Warning {
	var all []Warning
	if d.COM != nil {
		all = append(all, d.COM.Warnings...)
	}
	all = append(all, d.warnings[DG1]...)
	if d.SOD != nil {
		all = append(all, d.SOD.Warnings...)
	}
	if d.Face != nil {
		all = append(all, d.Face.Warnings...)
	}
	if d.DG14 != nil {
		all = append(all, named("dg14", d.DG14.Warnings)...)
	}
	if d.ATRInfo != nil {
		all = append(all, d.ATRInfo.Warnings...)
	}
	if d.CardAccess != nil {
		all = append(all, named("card_access", d.CardAccess.Warnings)...)
	}
	if d.CardSecurity != nil {
		all = append(all, named("card_security", d.CardSecurity.Warnings)...)
	}
	return all
}

// named puts the file in front of the names of warnings that several files have.
func named(file string, warnings []Warning) []Warning {
	var all []Warning
	for _, w := range warnings {
		all = append(all, Warning{file + "_" + w.Name, w.Detail})
	}
	return all
}
