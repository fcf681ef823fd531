package lds

// ParseDG14 reads the SecurityInfos of DG14, which the issuer has signed (Doc
// 9303-10, 4.7.14; Doc 9303-11, 9.2.11). It fails with fault.FileMalformed.
func ParseDG14(b []byte) (*SecurityInfos, error) {
	value, err := DG14.template(b)
	if err != nil {
		return nil, err
	}
	return DG14.securityInfos(value)
}
