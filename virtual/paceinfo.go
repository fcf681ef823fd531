package virtual

import (
	"bytes"
	"encoding/asn1"
	"fmt"
	"slices"

	"passport-agent/internal/ec"
	"passport-agent/iso7816/sm"
)

// PACEProtocol names an algorithm of PACE (Doc 9303-11, tables 2 and 3): key
// agreement (DH or ECDH), mapping (GM, IM or CAM) and cipher, such as
// "ECDH-GM-AES-128" or "DH-IM-3DES". CAM goes with ECDH and AES only.
type PACEProtocol string

// PACEInfo is what a document says about a way to run PACE (Doc 9303-11, 9.2.1).
type PACEInfo struct {
	Protocol PACEProtocol `json:"protocol"`
	// ParameterID is the number of the standardized domain parameters: 0 to 2
	// for DH, 8 to 18 for ECDH; 10 not with IM (Doc 9303-11, table 12).
	ParameterID int `json:"parameterId"`
}

// mapping is how a nonce becomes a generator (Doc 9303-11, 4.4.3.3).
type mapping int

const (
	genericMapping mapping = iota
	integratedMapping
	chipAuthenticationMapping
)

// paceProtocol is what the name of a PACEProtocol stands for.
type paceProtocol struct {
	name      PACEProtocol
	oid       asn1.ObjectIdentifier
	curve     bool // ECDH, else DH
	mapping   mapping
	algorithm sm.Algorithm
}

var (
	oidPACE = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 4}

	paceProtocols = makePACEProtocols()
)

// makePACEProtocols lists the protocols by the arcs under id-PACE (Doc 9303-11,
// 9.2.3).
func makePACEProtocols() []paceProtocol {
	var list []paceProtocol
	for _, group := range []struct {
		name    string
		arc     int
		curve   bool
		mapping mapping
	}{
		{"DH-GM", 1, false, genericMapping},
		{"ECDH-GM", 2, true, genericMapping},
		{"DH-IM", 3, false, integratedMapping},
		{"ECDH-IM", 4, true, integratedMapping},
		{"ECDH-CAM", 6, true, chipAuthenticationMapping},
	} {
		for arc, algorithm := range []sm.Algorithm{sm.TDES, sm.AES128, sm.AES192, sm.AES256} {
			if group.mapping == chipAuthenticationMapping && algorithm == sm.TDES {
				continue
			}
			list = append(list, paceProtocol{
				name:  PACEProtocol(group.name + "-" + algorithm.String()),
				oid:   append(slices.Clone(oidPACE), group.arc, arc+1),
				curve: group.curve, mapping: group.mapping, algorithm: algorithm,
			})
		}
	}
	return list
}

// find returns what the name stands for.
func (p PACEProtocol) find() (paceProtocol, error) {
	for _, known := range paceProtocols {
		if known.name == p {
			return known, nil
		}
	}
	return paceProtocol{}, fmt.Errorf("%w: no PACE protocol %q", ErrDocument, string(p))
}

// domain returns the domain parameters, where they go with the protocol.
func (p paceProtocol) domain(id int) (*ec.Domain, error) {
	domain, err := ec.ByID(id)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	const p224 = 10
	if domain.IsCurve() != p.curve || p.mapping == integratedMapping && id == p224 {
		return nil, fmt.Errorf("%w: %s does not go with domain parameters %d", ErrDocument, p.name, id)
	}
	return domain, nil
}

// encodedPACEInfo is PACEInfo of Doc 9303-11, 9.2.1.
type encodedPACEInfo struct {
	Protocol    asn1.ObjectIdentifier
	Version     int
	ParameterID int
}

// securityInfo returns the PACEInfo in DER.
func (i PACEInfo) securityInfo() ([]byte, error) {
	protocol, err := i.Protocol.find()
	if err != nil {
		return nil, err
	}
	if _, err := protocol.domain(i.ParameterID); err != nil {
		return nil, err
	}
	return asn1.Marshal(encodedPACEInfo{protocol.oid, 2, i.ParameterID})
}

// securityInfos is a SET OF SecurityInfo in DER (Doc 9303-11, 9.2), where the
// elements stand in order.
func securityInfos(infos ...[]byte) ([]byte, error) {
	infos = slices.Clone(infos)
	slices.SortFunc(infos, bytes.Compare)
	return asn1.Marshal(asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: slices.Concat(infos...)})
}

// parseSecurityInfos returns the elements of a SET OF SecurityInfo, none of an
// empty file.
func parseSecurityInfos(file []byte) ([][]byte, error) {
	if len(file) == 0 {
		return nil, nil
	}
	var set []asn1.RawValue
	if _, err := asn1.UnmarshalWithParams(file, &set, "set"); err != nil {
		return nil, fmt.Errorf("%w: SecurityInfos: %w", ErrDocument, err)
	}
	var infos [][]byte
	for _, element := range set {
		infos = append(infos, element.FullBytes)
	}
	return infos, nil
}

// offer is a way to run PACE that the chip knows.
type offer struct {
	protocol paceProtocol
	domain   *ec.Domain
}

// offers returns those among the SecurityInfos of EF.CardAccess that the chip
// can run; what it does not understand is for others.
func offers(cardAccess []byte, chipKeys map[int][]byte) []offer {
	infos, err := parseSecurityInfos(cardAccess)
	if err != nil {
		return nil
	}
	var list []offer
	for _, encoded := range infos {
		var info encodedPACEInfo
		if _, err := asn1.Unmarshal(encoded, &info); err != nil || info.Version != 2 {
			continue
		}
		known := slices.IndexFunc(paceProtocols, func(p paceProtocol) bool { return p.oid.Equal(info.Protocol) })
		if known < 0 {
			continue
		}
		protocol := paceProtocols[known]
		domain, err := protocol.domain(info.ParameterID)
		if err != nil {
			continue
		}
		if _, err := domain.Scalar(chipKeys[info.ParameterID]); err != nil && protocol.mapping == chipAuthenticationMapping {
			continue
		}
		list = append(list, offer{protocol, domain})
	}
	return list
}
