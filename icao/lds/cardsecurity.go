package lds

import (
	"encoding/asn1"

	"passport-agent/internal/cms"
)

// SignedSecurityInfos is the content of EF.CardSecurity (Doc 9303-10, 3.11.4):
// SecurityInfos that the issuer has signed as it signs EF.SOD.
type SignedSecurityInfos struct {
	SecurityInfos
	SignedData *cms.SignedData
}

var oidSecurityObject = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 3, 2, 1}

// ParseCardSecurity reads EF.CardSecurity; its signature is not looked at. It fails
// with fault.FileMalformed.
func ParseCardSecurity(b []byte) (*SignedSecurityInfos, error) {
	signed, err := cms.ParseSignedData(b)
	if err != nil {
		return nil, CardSecurity.malformed("", err)
	}
	if !signed.ContentType.Equal(oidSecurityObject) {
		return nil, CardSecurity.malformed("content type "+signed.ContentType.String(), nil)
	}
	infos, err := CardSecurity.securityInfos(signed.Content)
	if err != nil {
		return nil, err
	}
	return &SignedSecurityInfos{SecurityInfos: *infos, SignedData: signed}, nil
}
