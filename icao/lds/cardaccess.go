package lds

// ParseCardAccess reads EF.CardAccess, which says how a chip runs PACE (Doc
// 9303-11, 9.2.11). It fails with fault.FileMalformed.
func ParseCardAccess(b []byte) (*SecurityInfos, error) {
	return CardAccess.securityInfos(b)
}
