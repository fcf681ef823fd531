package lds

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
)

// Limits on SecurityInfos. Documents have at most some twenty entries, the longest
// of them a public key with explicit parameters.
const (
	maxSecurityInfosSize = 32 << 10 // bytes
	maxSecurityInfos     = 128
)

// NoID stands for a parameterId or keyId that a chip leaves out.
const NoID = -1

// SecurityInfos is what a chip says of its protocols in EF.CardAccess,
// EF.CardSecurity and DG14 (Doc 9303-11, 9.2).
type SecurityInfos struct {
	// All holds every entry in the order of the file, those of unknown protocols too.
	All []SecurityInfo

	PACE                         []PACEInfo
	PACEDomainParameters         []PACEDomainParameterInfo
	ActiveAuthentication         []ActiveAuthenticationInfo
	ChipAuthentication           []ChipAuthenticationInfo
	ChipAuthenticationPublicKeys []ChipAuthenticationPublicKeyInfo
	TerminalAuthentication       []TerminalAuthenticationInfo

	// Warnings name entries of a known protocol that are not as the standard has
	// them ("security_info_malformed"); such an entry stands in All alone.
	Warnings []Warning
}

// SecurityInfo is an entry as it stands in the file. Protocol is nil where the
// object identifier is none that can be written down.
type SecurityInfo struct {
	Protocol asn1.ObjectIdentifier
	Raw      []byte
}

// PACEInfo is a way of running PACE (Doc 9303-11, 9.2.1).
type PACEInfo struct {
	Protocol    asn1.ObjectIdentifier
	Version     int
	ParameterID int `asn1:"optional,default:-1"` // or NoID
}

// PACEDomainParameterInfo has explicit domain parameters (Doc 9303-11, 9.2.2). In
// EF.CardAccess nobody has signed them.
type PACEDomainParameterInfo struct {
	Protocol        asn1.ObjectIdentifier
	DomainParameter AlgorithmIdentifier
	ParameterID     int `asn1:"optional,default:-1"` // or NoID
}

// ActiveAuthenticationInfo says how the chip signs with ECDSA (Doc 9303-11, 9.2.4).
type ActiveAuthenticationInfo struct {
	Protocol           asn1.ObjectIdentifier
	Version            int
	SignatureAlgorithm asn1.ObjectIdentifier
}

// ChipAuthenticationInfo is a way of running Chip Authentication (Doc 9303-11, 9.2.5).
type ChipAuthenticationInfo struct {
	Protocol asn1.ObjectIdentifier
	Version  int
	KeyID    int `asn1:"optional,default:-1"` // or NoID
}

// ChipAuthenticationPublicKeyInfo is a static public key of the chip (Doc 9303-11,
// 9.2.6).
type ChipAuthenticationPublicKeyInfo struct {
	Protocol  asn1.ObjectIdentifier
	PublicKey SubjectPublicKeyInfo
	KeyID     int `asn1:"optional,default:-1"` // or NoID
}

// TerminalAuthenticationInfo says that the chip knows Terminal Authentication (Doc
// 9303-11, 9.2.8).
type TerminalAuthenticationInfo struct {
	Protocol asn1.ObjectIdentifier
	Version  int
}

// AlgorithmIdentifier names an algorithm (RFC 5280, 4.1.1.2). Parameters.FullBytes is
// the DER of the parameters, nil where there are none.
type AlgorithmIdentifier struct {
	Algorithm  asn1.ObjectIdentifier
	Parameters asn1.RawValue `asn1:"optional"`
}

// SubjectPublicKeyInfo is a public key (RFC 5280, 4.1.2.7).
type SubjectPublicKeyInfo struct {
	Algorithm AlgorithmIdentifier
	PublicKey asn1.BitString
}

// Object identifiers of protocols (Doc 9303-11, 9.2.3 to 9.2.9).
var (
	idPK   = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 1}
	idTA   = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 2}
	idCA   = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 3}
	idPACE = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 4}
	idAA   = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 5}
)

// securityInfos reads the SecurityInfos of a file. Entries of unknown protocols never
// fail it, nor do malformed entries of known ones, which are warned of. It fails
// with fault.FileMalformed.
func (f File) securityInfos(b []byte) (*SecurityInfos, error) {
	s, err := parseSecurityInfos(b)
	if err != nil {
		return nil, f.malformed("SecurityInfos", err)
	}
	return s, nil
}

func parseSecurityInfos(b []byte) (*SecurityInfos, error) {
	if len(b) > maxSecurityInfosSize {
		return nil, fmt.Errorf("%d bytes", len(b))
	}
	var set asn1.RawValue
	rest, err := asn1.Unmarshal(b, &set)
	switch {
	case err != nil:
		return nil, err
	case set.Class != asn1.ClassUniversal || set.Tag != asn1.TagSet || !set.IsCompound:
		return nil, errors.New("no set")
	case len(rest) > 0:
		return nil, fmt.Errorf("%d bytes behind the set", len(rest))
	}
	s := &SecurityInfos{}
	for rest := set.Bytes; len(rest) > 0; {
		if len(s.All) == maxSecurityInfos {
			return nil, fmt.Errorf("more than %d entries", maxSecurityInfos)
		}
		var entry asn1.RawValue
		if rest, err = asn1.Unmarshal(rest, &entry); err != nil {
			return nil, fmt.Errorf("entry %d: %w", len(s.All)+1, err)
		}
		if err := s.take(entry); err != nil {
			return nil, fmt.Errorf("entry %d: %w", len(s.All)+1, err)
		}
	}
	return s, nil
}

// take notes an entry, which has to be a sequence that begins with an object
// identifier.
func (s *SecurityInfos) take(entry asn1.RawValue) error {
	if entry.Class != asn1.ClassUniversal || entry.Tag != asn1.TagSequence || !entry.IsCompound {
		return errors.New("no sequence")
	}
	var name asn1.RawValue
	rest, err := asn1.Unmarshal(entry.Bytes, &name)
	if err != nil {
		return err
	}
	if name.Class != asn1.ClassUniversal || name.Tag != asn1.TagOID || name.IsCompound {
		return errors.New("no object identifier")
	}
	for len(rest) > 0 {
		var data asn1.RawValue
		if rest, err = asn1.Unmarshal(rest, &data); err != nil {
			return err
		}
	}
	info := SecurityInfo{Raw: bytes.Clone(entry.FullBytes)}
	if _, err := asn1.Unmarshal(name.FullBytes, &info.Protocol); err != nil {
		info.Protocol = nil // arcs beyond what this program counts to are of no protocol it knows
	}
	s.All = append(s.All, info)
	if err := s.sort(info); err != nil {
		s.Warnings = append(s.Warnings, Warning{"security_info_malformed", info.Protocol.String()})
	}
	return nil
}

// sort puts an entry of a known protocol where it belongs.
func (s *SecurityInfos) sort(info SecurityInfo) error {
	switch p := info.Protocol; {
	case isBelow(p, idPACE, 2):
		return appendInfo(&s.PACE, info.Raw, func(i PACEInfo) int { return i.ParameterID })
	case isBelow(p, idPACE, 1):
		return appendInfo(&s.PACEDomainParameters, info.Raw, func(i PACEDomainParameterInfo) int { return i.ParameterID })
	case isBelow(p, idCA, 2):
		return appendInfo(&s.ChipAuthentication, info.Raw, func(i ChipAuthenticationInfo) int { return i.KeyID })
	case isBelow(p, idPK, 1):
		return appendInfo(&s.ChipAuthenticationPublicKeys, info.Raw, func(i ChipAuthenticationPublicKeyInfo) int { return i.KeyID })
	case p.Equal(idAA):
		return appendInfo(&s.ActiveAuthentication, info.Raw, func(ActiveAuthenticationInfo) int { return NoID })
	case p.Equal(idTA):
		return appendInfo(&s.TerminalAuthentication, info.Raw, func(TerminalAuthenticationInfo) int { return NoID })
	default:
		return nil
	}
}

// isBelow reports whether p is so many arcs below a node.
func isBelow(p, node asn1.ObjectIdentifier, arcs int) bool {
	return len(p) == len(node)+arcs && p[:len(node)].Equal(node)
}

// appendInfo reads an entry into its type. Elements that later editions have added
// at its end are passed over. An identifier below NoID cannot be one.
func appendInfo[T any](list *[]T, raw []byte, id func(T) int) error {
	var info T
	if _, err := asn1.Unmarshal(raw, &info); err != nil {
		return err
	}
	if id(info) < NoID {
		return errors.New("negative identifier")
	}
	*list = append(*list, info)
	return nil
}

// AnnouncesChipAuthentication reports whether there is an entry, well formed or not, of Chip
// Authentication (Doc 9303-11, 9.2.5).
func (s *SecurityInfos) AnnouncesChipAuthentication() bool { return s.announces(idCA) }

// AnnouncesPACE reports the same of PACE (Doc 9303-11, 9.2.1 and 9.2.2).
func (s *SecurityInfos) AnnouncesPACE() bool { return s.announces(idPACE) }

func (s *SecurityInfos) announces(node asn1.ObjectIdentifier) bool {
	return slices.ContainsFunc(s.All, func(i SecurityInfo) bool {
		return len(i.Protocol) > len(node) && i.Protocol[:len(node)].Equal(node)
	})
}

// Missing returns the entries of s that another file does not have, octet for
// octet: EF.CardAccess, which nobody signs, is held against DG14 or EF.CardSecurity
// that way (Doc 9303-11, 9.2.11).
func (s *SecurityInfos) Missing(other *SecurityInfos) []SecurityInfo {
	has := map[string]bool{}
	for _, info := range other.All {
		has[string(info.Raw)] = true
	}
	var missing []SecurityInfo
	for _, info := range s.All {
		if !has[string(info.Raw)] {
			missing = append(missing, info)
		}
	}
	return missing
}

// MissingPACE returns the ways of running PACE in s that another file does not have.
func (s *SecurityInfos) MissingPACE(other *SecurityInfos) []SecurityInfo {
	return slices.DeleteFunc(s.Missing(other), func(i SecurityInfo) bool {
		return len(i.Protocol) < len(idPACE) || !i.Protocol[:len(idPACE)].Equal(idPACE)
	})
}
