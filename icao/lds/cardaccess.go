package lds

import "passport-agent/internal/fault"

// Address of EF.CardAccess in the master file (Doc 9303-10, 3.11.3).
const (
	CardAccessID  uint16 = 0x011C
	CardAccessSFI byte   = 0x1C
)

// ParseCardAccess reads EF.CardAccess, which says how a chip runs PACE (Doc
// 9303-11, 9.2.11). It fails with fault.FileMalformed.
func ParseCardAccess(b []byte) (*SecurityInfos, error) {
	s, err := parseSecurityInfos(b)
	if err != nil {
		return nil, fault.New(fault.FileMalformed, "CardAccess", err)
	}
	return s, nil
}
