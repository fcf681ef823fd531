package trust

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"passport-agent/internal/cms"
	"passport-agent/internal/fault"
)

// Attributes of the PKD (Doc 9303-12, 5.1; RFC 4523, 2). Each object in them is signed;
// the directory itself is not.
var directoryAttributes = map[string]func(*importer, []byte, ldifEntry, string, *FileReport) error{
	"usercertificate":           (*importer).documentSigner,
	"certificaterevocationlist": (*importer).signedObject,
	"pkdmasterlistcontent":      (*importer).signedObject,
	"cscamasterlistdata":        (*importer).signedObject,
}

// importLDIF takes a download of the PKD, complete or of changes. What cannot be used is
// left out and reported.
func (i *importer) importLDIF(ctx context.Context, r io.Reader, file *FileReport) error {
	reader := newLDIFReader(r)
	records := 0
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		entry, err := reader.next()
		place := fmt.Sprintf("record %d", reader.number)
		switch {
		case errors.Is(err, io.EOF):
			if records == 0 {
				return fault.New(fault.TrustFileUnknown, "LDIF without a certificate, revocation list or master list", nil)
			}
			return nil
		case errors.Is(err, errLDIF):
			file.Report.leaveOut(place + ": " + err.Error())
			continue
		case err != nil:
			return fault.New(fault.InputFileMissing, "", err)
		}
		used, err := i.importEntry(entry, place, file)
		if used {
			records++
		}
		if errors.Is(err, fault.TrustStoreDamaged) {
			return err
		}
		if err != nil {
			file.Report.leaveOut(place + ": " + err.Error())
		}
	}
}

// importEntry does what a record says. A document signer goes when the directory takes
// it away. Revocation lists and master lists do not: nobody has signed the directory's
// word, and only a newer issue takes their place.
func (i *importer) importEntry(e ldifEntry, place string, file *FileReport) (used bool, err error) {
	switch e.change {
	case "add":
		return i.takeLines(e, e.lines, place, file)
	case "delete":
		return true, i.removeSigners(e, file)
	case "modify":
		return i.modify(e, place, file)
	default:
		return false, fmt.Errorf("%w: change of type %q", errLDIF, e.change)
	}
}

// modify does one modification after the other: a line that says what to do with which
// attribute, then its values (RFC 2849, change-modify).
func (i *importer) modify(e ldifEntry, place string, file *FileReport) (used bool, err error) {
	for rest := e.lines; len(rest) > 0; {
		end := 1
		for end < len(rest) && rest[end].name != ldifSeparator {
			end++
		}
		what, values := rest[0], rest[1:end]
		rest = rest[min(end+1, len(rest)):]
		attribute, _, _ := strings.Cut(strings.ToLower(what.value), ";")
		if directoryAttributes[attribute] == nil {
			continue
		}
		used = true
		if what.name != "add" && attribute == "usercertificate" {
			var only [][]byte
			if what.name == "delete" {
				for _, line := range values {
					der, err := line.bytes()
					if err != nil {
						return used, err
					}
					only = append(only, der)
				}
			}
			if err := i.removeSigners(e, file, only...); err != nil {
				return used, err
			}
		}
		if what.name == "add" || what.name == "replace" {
			if _, err := i.takeLines(e, values, place, file); err != nil {
				return used, err
			}
		}
	}
	return used, nil
}

func (i *importer) removeSigners(e ldifEntry, file *FileReport, only ...[]byte) error {
	if i.store.signers == nil {
		return nil
	}
	removed, err := i.store.signers.remove(e.name, only...)
	if err != nil {
		return fault.New(fault.TrustStoreDamaged, "document signers", err)
	}
	file.Report.DocumentSigners.Removed += removed
	return nil
}

// takeLines imports the values that are of use here; one that cannot be used does not
// keep the others out.
func (i *importer) takeLines(e ldifEntry, lines []ldifLine, place string, file *FileReport) (used bool, err error) {
	for _, line := range lines {
		take := directoryAttributes[line.name]
		if take == nil {
			continue
		}
		used = true
		b, err := line.bytes()
		if err == nil {
			err = take(i, b, e, place, file)
		}
		if errors.Is(err, fault.TrustStoreDamaged) {
			return used, err
		}
		if err != nil {
			file.Report.leaveOut(place + ": " + err.Error())
		}
	}
	return used, nil
}

// documentSigner takes a certificate that is none of an authority: nobody has signed
// the directory, so it can make no country signer trusted.
func (i *importer) documentSigner(der []byte, e ldifEntry, _ string, file *FileReport) error {
	c, err := cms.ParseCertificate(der)
	if err != nil {
		return err
	}
	if isCountrySigner(c) {
		return fault.New(fault.TrustSignature, c.Subject.String()+" is a country signer outside a master list", nil)
	}
	added, err := i.store.addSigner(e.name, der)
	if err != nil {
		return fault.New(fault.TrustStoreDamaged, "document signers", err)
	}
	file.Report.DocumentSigners.count(added)
	return nil
}

// signedObject takes a revocation list or a master list, and nothing that is believed
// because a person imports it.
func (i *importer) signedObject(b []byte, _ ldifEntry, place string, file *FileReport) error {
	const sequence = 0x30
	if _, err := cms.ParseCertificate(b); err == nil || len(b) == 0 || b[0] != sequence {
		return fault.New(fault.TrustFileUnknown, "no signed list", nil)
	}
	return i.importObject(b, place, file)
}
