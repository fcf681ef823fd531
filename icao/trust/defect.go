package trust

import (
	"bytes"
	"crypto"
	"math/big"
	"time"

	"passport-agent/internal/cms"
)

// DefectKind is a kind of known error of documents (TR-03129-2, 8.3).
type DefectKind string

// Kinds of defects.
const (
	DefectSignerRevoked          DefectKind = "signer_revoked"            // Status: RevokedNoIndication and following
	DefectSignerReplaced         DefectKind = "signer_replaced"           // the certificate is malformed, another stands for it
	DefectChipAuthentication     DefectKind = "chip_authentication_key"   // the chips' keys are compromised
	DefectActiveAuthentication   DefectKind = "active_authentication_key" // the same
	DefectProtocol               DefectKind = "authentication_protocol"   // Status: ProtocolCA and following
	DefectValidity               DefectKind = "validity_period"           // Status: ValidityCountrySigner and following
	DefectDataGroup              DefectKind = "data_group_malformed"      // DataGroups
	DefectSecurityObject         DefectKind = "security_object_malformed" // Status, or -1
	DefectCOMDiffers             DefectKind = "com_sod_discrepancy"       // InCOM and InSOD, or Generic
	DefectSignerIdentifier       DefectKind = "signer_identifier"         // EF.SOD names another certificate
	DefectIssuingCountry         DefectKind = "issuing_country"           // Country
	DefectCardSecurity           DefectKind = "card_security_malformed"   // EF.CardSecurity
	DefectChipSecurity           DefectKind = "chip_security_malformed"   // EF.ChipSecurity
	DefectPowerDown              DefectKind = "power_down_required"       // between two authentications
	DefectSignerMalformed        DefectKind = "signer_malformed"          // and nothing stands for it
	DefectCountrySignerMalformed DefectKind = "country_signer_malformed"  // the same
	DefectUnknownDocument        DefectKind = "unknown_document_defect"   // of the document in general
	DefectUnknown                DefectKind = "unknown_defect"            // of another category
)

// Status codes of DefectSignerRevoked (TR-03129-2, 8.3.1.1); those from
// RevokedProprietary on are a publisher's own.
const (
	RevokedNoIndication = 0
	RevokedOnHold       = 1
	RevokedTesting      = 2
	RevokedByIssuer     = 3
	RevokedByPublisher  = 4
	RevokedInadequate   = 5
	RevokedProprietary  = 32
)

// Status codes of DefectValidity (TR-03129-2, 8.3.1.6).
const (
	ValidityCountrySigner = 0
	ValiditySigner        = 1
	ValidityBoth          = 2
)

// Status codes of DefectProtocol (TR-03129-2, 8.3.1.5).
const (
	ProtocolCA      = 0
	ProtocolAA      = 1
	ProtocolCAAA    = 2
	ProtocolCAM     = 3
	ProtocolCACAM   = 4
	ProtocolAACAM   = 5
	ProtocolCAAACAM = 6
)

// Defect is a known error of the documents that a document signer has signed.
type Defect struct {
	Kind       DefectKind
	Status     int   // -1 where the kind has none or the list gives none
	DataGroups []int // that are malformed
	Generic    bool  // EF.COM and EF.SOD differ, nothing is said about how
	InCOM      []int
	InSOD      []int
	Country    string // the right one, two letters

	// Publisher and Date are those of the defect list.
	Publisher string
	Date      time.Time

	replacement *cms.Certificate
	corrected   *cms.SignerIdentifier
}

// reference is how a list names the certificate that its defects belong to: a signer's,
// or that of the authority for all that it has issued (TR-03129-2, 8.1.1).
type reference struct {
	hash   []byte
	signer cms.SignerIdentifier // either part may be missing
	keyID  []byte

	authority      bool
	authorityKeyID []byte
	authorityName  *cms.Name
}

// identity is what is known about a document signer.
type identity struct {
	der            []byte // nil where the certificate is not at hand
	issuer         *cms.Name
	serial         *big.Int
	keyID          []byte
	authorityKeyID []byte
}

func identityOf(c *cms.Certificate) identity {
	return identity{c.Raw, &c.Issuer, c.Serial, c.Extensions.SubjectKeyID, c.Extensions.AuthorityKeyID}
}

// claimed is the identity of whom a message names as its signer; der is a certificate
// in the message that cannot be read, or nil.
func claimed(id cms.SignerIdentifier, der []byte) identity {
	if id.Serial == nil {
		return identity{der: der, keyID: id.SubjectKeyID}
	}
	return identity{der: der, issuer: &id.Issuer, serial: id.Serial}
}

// means reports whether the reference is to that signer. What identifies better decides
// alone (TR-03129-2, 8.1.1).
func (r reference) means(id identity, hash crypto.Hash) bool {
	switch {
	case r.authority && r.authorityKeyID != nil && id.authorityKeyID != nil:
		return bytes.Equal(r.authorityKeyID, id.authorityKeyID)
	case r.authority:
		return r.authorityName != nil && id.issuer != nil && r.authorityName.Equal(*id.issuer)
	case r.hash != nil && id.der != nil:
		return bytes.Equal(r.hash, digest(hash, id.der))
	case r.keyID != nil && len(id.keyID) > 0:
		return bytes.Equal(r.keyID, id.keyID)
	case r.signer.Serial != nil && id.serial != nil:
		return r.signer.Serial.Cmp(id.serial) == 0 && r.signer.Issuer.Equal(*id.issuer)
	default:
		return false
	}
}

func digest(hash crypto.Hash, b []byte) []byte {
	h := hash.New()
	h.Write(b)
	return h.Sum(nil)
}

// defects returns what the defect lists know about any of these.
func (s *Store) defects(identities ...identity) []Defect {
	var known []Defect
	for _, list := range s.defectLists {
		for _, d := range list.defects {
			for _, id := range identities {
				if !d.reference.means(id, list.hash) {
					continue
				}
				for _, one := range d.known {
					one.Publisher, one.Date = list.Publisher, list.Date
					known = append(known, one)
				}
				break
			}
		}
	}
	return known
}
