package virtual

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"passport-agent/iso7816"
)

// smallestResponse is the shortest limit on a response that leaves room for
// secure messaging with one block of data.
const smallestResponse = 48

// check refuses values that no chip could have.
func (p Profile) check() error {
	for _, check := range []func(Profile) error{checkNames, checkFiles, checkSelect, checkNumbers, checkFaults} {
		if err := check(p); err != nil {
			return err
		}
	}
	return nil
}

func oneOf[T ~string](field string, value T, allowed ...T) error {
	if value == "" || slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%w: %s %q", ErrProfile, field, value)
}

func checkNames(p Profile) error {
	for _, err := range []error{
		oneOf("access", p.Access, AccessBAC, AccessPACE, AccessBoth, AccessNone),
		oneOf("tooLong", p.TooLong, TooLongClamp, TooLongRefuse, TooLongCorrectLe, TooLongOffset, TooLongOverfill),
		oneOf("endOfFile", p.EndOfFile, EndShort, EndWarning, EndEmpty, EndOffset, EndCorrectLe),
		oneOf("chipAuthenticationFault", p.ChipAuthenticationFault, chipFaults...),
		oneOf("activeAuthenticationFault", p.ActiveAuthenticationFault, activeFaults...),
		oneOf("signatureLength", p.SignatureLength, SignatureCorrectLe, SignatureCut, SignatureNothing),
		oneOf("bacFault", p.BACFault, BACBadMAC, BACBadCryptogram, BACWrongRNDIFD, BACWrongRNDIC),
		oneOf("nakedErrors", p.NakedErrors, NakedKeep, NakedEnd),
		oneOf("extended.refused", p.refusesExtended(), NakedKeep, NakedEnd),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkFiles(p Profile) error {
	files := slices.Clone(p.MissingFiles)
	files = slices.AppendSeq(files, maps.Keys(p.FileStatus))
	files = slices.AppendSeq(files, maps.Keys(p.ShortIdentifierOf))
	for file, offset := range p.EmptyFrom {
		if offset < 0 {
			return fmt.Errorf("%w: emptyFrom %d", ErrProfile, offset)
		}
		files = append(files, file)
	}
	for _, file := range files {
		if !file.known() {
			return fmt.Errorf("%w: no file %q", ErrProfile, file)
		}
	}
	return nil
}

func checkSelect(p Profile) error {
	for p1p2 := range p.SelectStatus {
		decoded, err := hex.DecodeString(p1p2)
		if err != nil || len(decoded) != 2 || selectKey(decoded[0], decoded[1]) != p1p2 {
			return fmt.Errorf("%w: selectStatus %q is not P1 and P2 in capital hexadecimal digits", ErrProfile, p1p2)
		}
	}
	return nil
}

// selectKey is P1 and P2 as the keys of Profile.SelectStatus are written.
func selectKey(p1, p2 byte) string { return fmt.Sprintf("%02X%02X", p1, p2) }

func checkNumbers(p Profile) error {
	limits := map[string]int{"maxShortResponse": p.MaxShortResponse}
	if p.Extended != nil {
		limits["extended.maxCommand"], limits["extended.maxResponse"] = p.Extended.MaxCommand, p.Extended.MaxResponse
	}
	for field, value := range limits {
		if value != 0 && value < smallestResponse {
			return fmt.Errorf("%w: %s %d, at least %d are needed", ErrProfile, field, value, smallestResponse)
		}
	}
	if slices.Min(slices.Concat([]int{p.MaxRead, p.RefuseAuthentications, p.DropSessions}, p.ResetAt, p.SilentAt)) < 0 {
		return fmt.Errorf("%w: negative number", ErrProfile)
	}
	if len(p.Historical) > 15 {
		return fmt.Errorf("%w: %d historical bytes, at most 15 fit an ATR", ErrProfile, len(p.Historical))
	}
	return nil
}

func checkFaults(p Profile) error {
	for _, f := range p.SMFaults {
		err := oneOf("smFaults.kind", f.Kind, SMWrongMAC, SMNoMAC, SMNoStatus, SMNoCryptogram, SMWrongCryptogram, SMWrongPadding, SMLongLength)
		if err != nil || f.Kind == "" || f.Response < 0 {
			return fmt.Errorf("%w: secure messaging fault %q at %d", ErrProfile, f.Kind, f.Response)
		}
	}
	for _, f := range p.PACEFaults {
		if err := f.check(); err != nil {
			return err
		}
	}
	for _, info := range p.ExtraSecurityInfos {
		if object, rest, err := iso7816.ParseTLV(info); err != nil || len(rest) > 0 || object.Tag != 0x30 {
			return fmt.Errorf("%w: extraSecurityInfos: not a SEQUENCE", ErrProfile)
		}
	}
	for _, s := range p.StatusAt {
		if s.Command < 0 || s.Status == 0 {
			return fmt.Errorf("%w: statusAt %d", ErrProfile, s.Command)
		}
	}
	return nil
}
