package conformance

import (
	"encoding/json"
	"time"

	"passport-agent/internal/conformance/edit"
	"passport-agent/virtual"
)

// madeAt is when every specimen is made, signed and judged, so that a run comes out
// like the one before. The document of the plan's data page expires in 2023.
var madeAt = time.Date(2020, 6, 2, 9, 0, 0, 0, time.UTC)

// Specimen is a document with its chip, its issuers and who reads it. The zero value
// of an area is that of a good document; defaultSpecimen is the one of the plan's
// default configuration CFG.DFLT.BAC.
type Specimen struct {
	// Holder is what the data page says. DG1 says the same unless it is edited.
	Holder virtual.Holder `json:"holder"`
	// Content puts files on the chip as they are, instead of generated ones or beside
	// them. Data groups among them are announced and hashed.
	Content map[virtual.File]virtual.Hex `json:"content,omitempty"`
	// Picture is the portrait in DG2, a file in pictures/; a drawn one where empty.
	Picture string `json:"picture,omitempty"`
	// DG2Size is the size of DG2 in bytes where the portrait is a drawn one; 0 leaves
	// it as it comes.
	DG2Size int `json:"dg2Size,omitempty"`
	// Files are edits of the files. Those of EF.SOD and EF.CardSecurity are made when
	// they have been signed, all others before the files are hashed.
	Files      map[virtual.File][]edit.Edit `json:"files,omitempty"`
	CommonData CommonData                   `json:"commonData"`

	SOD           SOD         `json:"sod"`
	Signer        Certificate `json:"signer"`        // the document signer
	CountrySigner Certificate `json:"countrySigner"` // its issuer
	CRL           CRL         `json:"crl"`
	Trust         Trust       `json:"trust"`

	PACE PACE `json:"pace"`
	// CardSecurity is there with Chip Authentication Mapping.
	CardSecurity CardSecurity `json:"cardSecurity"`
	// ChipAuthentication is what DG14 offers, ActiveAuthentication the key in DG15.
	ChipAuthentication   []virtual.ChipAuthenticationInfo `json:"chipAuthentication,omitempty"`
	ActiveAuthentication *ActiveAuthentication            `json:"activeAuthentication,omitempty"`

	Chip   virtual.Profile `json:"chip"`
	Reader Reader          `json:"reader"`
}

// CommonData is EF.COM. Empty fields are those of LDS 1.7 and of the data groups that
// are there.
type CommonData struct {
	LDSVersion     string `json:"ldsVersion,omitempty"`
	UnicodeVersion string `json:"unicodeVersion,omitempty"`
	DataGroups     []int  `json:"dataGroups,omitempty"`
}

// PACE is what EF.CardAccess offers.
type PACE struct {
	Offers []virtual.PACEInfo `json:"offers,omitempty"`
	CAN    string             `json:"can,omitempty"`
	// DG14 repeats the offers in DG14 (Doc 9303-11, 9.2.11).
	DG14 bool `json:"dg14,omitempty"`
}

// Trust is what the reader's store holds.
type Trust struct {
	WithoutCountrySigner bool `json:"withoutCountrySigner,omitempty"`
	Signer               bool `json:"signer,omitempty"` // the document signer
	CRL                  bool `json:"crl,omitempty"`
}

// Reader is who reads the document, and with what.
type Reader struct {
	Access string `json:"access,omitempty"` // auto, pace or bac
	// ByCAN opens with the card access number instead of the data page.
	ByCAN bool `json:"byCAN,omitempty"`
	// Extended has the reader announce that it passes APDUs of extended length.
	Extended bool `json:"extended,omitempty"`
	// Readings is how often the same chip is read, with a reset in between; 0 is once.
	// Each reading has to be successful where the case is.
	Readings int `json:"readings,omitempty"`
	// WithoutZone leaves the comparison of DG1 with the data page out.
	WithoutZone bool `json:"withoutZone,omitempty"`
}

// defaultSpecimen has the holder of TR-03105-5.1, 3.1, and the signature of its default
// configurations: RSASSA-PSS with SHA-256, country signer RSA 3072, document signer
// RSA 2048.
func defaultSpecimen() Specimen {
	signature := Signature{Digest: "sha256", Algorithm: "rsa-pss-sha256", Identifier: IssuerAndSerialNumber}
	return Specimen{
		Holder: virtual.Holder{
			Format: virtual.TD3, DocumentCode: "P", Issuer: "D", Nationality: "D", Surname: "Mustermann", GivenNames: "Erika",
			DocumentNumber: "C11T002JM", BirthDate: "960812", Sex: "F", ExpiryDate: "231031",
		},
		SOD:           SOD{Hash: "sha256", Signature: signature},
		CardSecurity:  CardSecurity{Signature: signature},
		Signer:        Certificate{Key: "rsa-2048", Issuer: countryName, Subject: "C=DE, O=bund, OU=bsi, CN=Document Signer Specimen"},
		CountrySigner: Certificate{Key: "rsa-3072", Algorithm: "rsa-pss-sha256", Issuer: countryName, Subject: countryName},
	}
}

const countryName = "C=DE, O=bund, OU=bsi, CN=Country Signer Specimen"

// parseSpecimen merges the layers of a case over the default specimen.
func parseSpecimen(layers ...json.RawMessage) (Specimen, error) {
	merged, err := merge(layers...)
	if err != nil {
		return Specimen{}, err
	}
	s := defaultSpecimen()
	return s, decodeStrictly(merged, &s)
}
