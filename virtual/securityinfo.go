package virtual

import (
	"encoding/asn1"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"

	"passport-agent/internal/ec"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
)

// Object identifiers of chip authentication and its keys (Doc 9303-11, 9.2.7 and
// 9.5) and of the content of EF.CardSecurity (Doc 9303-10, 3.11.4).
var (
	oidPublicKeyECDH          = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 1, 2}
	oidChipAuthenticationECDH = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 3, 2}
	oidStandardizedParameters = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 1, 2}
	oidECPublicKey            = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidPrimeField             = asn1.ObjectIdentifier{1, 2, 840, 10045, 1, 1}
	oidSecurityObject         = asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 3, 2, 1}
)

// makeSecurityInfos makes EF.CardAccess, DG14 and DG15 with their keys, as far as they
// are asked for, and returns the content of EF.CardSecurity, to be signed: nil without
// Chip Authentication Mapping.
func (d *Document) makeSecurityInfos(o Options) (cardSecurity []byte, err error) {
	group, cardSecurity, err := d.offerPACE(o)
	if err != nil {
		return nil, err
	}
	chip, err := d.offerChipAuthentication(o)
	if err != nil {
		return nil, err
	}
	active, err := d.addActiveAuthentication(o)
	if err != nil {
		return nil, err
	}
	if active != nil {
		chip = append(chip, active)
	}
	if len(chip) == 0 && (!o.DG14 || len(o.PACE) == 0) {
		return cardSecurity, nil
	}
	infos, err := securityInfos(append(group, chip...)...)
	if err != nil {
		return nil, err
	}
	d.Files[DataGroup(14)] = iso7816.AppendTLV(nil, 0x6E, infos)
	return cardSecurity, nil
}

// agreementKeys are the keys of Chip Authentication; those of Chip Authentication
// Mapping are under the number of their domain parameters.
func (d *Document) agreementKeys() []ChipKey {
	keys := slices.Clone(d.ChipAuthenticationKeys)
	for _, id := range slices.Sorted(maps.Keys(d.ChipKeys)) {
		keys = append(keys, ChipKey{KeyID: id, ParameterID: id, Private: d.ChipKeys[id]})
	}
	return keys
}

// offerPACE makes EF.CardAccess and the static keys of Chip Authentication Mapping.
// It returns what DG14 has to repeat (Doc 9303-11, 9.2.11), and the content of
// EF.CardSecurity.
func (d *Document) offerPACE(o Options) (group [][]byte, cardSecurity []byte, err error) {
	if len(o.PACE) == 0 {
		return nil, nil, nil
	}
	var access, security [][]byte
	for _, offered := range o.PACE {
		info, err := offered.securityInfo()
		if err != nil {
			return nil, nil, err
		}
		access = append(access, info)
		protocol, err := offered.Protocol.find()
		if err != nil {
			return nil, nil, err
		}
		if protocol.mapping != chipAuthenticationMapping {
			continue
		}
		standardized, explicit, err := d.chipKeyInfos(o.Random, offered.ParameterID)
		if err != nil {
			return nil, nil, err
		}
		security = append(security, standardized...)
		group = append(group, explicit...)
		announced, err := chipAuthenticationInfo(protocol.algorithm, offered.ParameterID)
		if err != nil {
			return nil, nil, err
		}
		group = append(group, announced)
	}
	if d.Files[CardAccess], err = securityInfos(access...); err != nil {
		return nil, nil, err
	}
	group = append(group, access...)
	if security == nil {
		return group, nil, nil
	}
	cardSecurity, err = securityInfos(append(security, access...)...)
	return group, cardSecurity, err
}

// chipKeyInfos makes the static key of a number of domain parameters, unless it
// is there already, and returns its ChipAuthenticationPublicKeyInfo: for
// EF.CardSecurity with standardized parameters, as Doc 9303-11, I.1 has it, and
// for DG14 with explicit ones, as 9.2 asks of chip authentication.
func (d *Document) chipKeyInfos(random io.Reader, id int) (standardized, explicit [][]byte, err error) {
	if d.ChipKeys[id] != nil {
		return nil, nil, nil
	}
	domain, err := ec.ByID(id)
	if err != nil {
		return nil, nil, err
	}
	private, err := domain.NewScalar(random)
	if err != nil {
		return nil, nil, err
	}
	public, err := domain.Generator().Multiply(private)
	if err != nil {
		return nil, nil, err
	}
	if d.ChipKeys == nil {
		d.ChipKeys = map[int][]byte{}
	}
	d.ChipKeys[id] = private.Bytes()
	reference, err := asn1.Marshal(id)
	if err != nil {
		return nil, nil, err
	}
	parameters, err := explicitParameters(domain)
	if err != nil {
		return nil, nil, err
	}
	first, err := chipPublicKeyInfo(algorithmIdentifier{oidStandardizedParameters, asn1.RawValue{FullBytes: reference}}, public, id)
	if err != nil {
		return nil, nil, err
	}
	second, err := chipPublicKeyInfo(algorithmIdentifier{oidECPublicKey, asn1.RawValue{FullBytes: parameters}}, public, id)
	return [][]byte{first}, [][]byte{second}, err
}

// chipPublicKeyInfo is ChipAuthenticationPublicKeyInfo (Doc 9303-11, 9.2.6).
func chipPublicKeyInfo(algorithm algorithmIdentifier, public ec.Element, keyID int) ([]byte, error) {
	type publicKey struct {
		Algorithm algorithmIdentifier
		Key       asn1.BitString
	}
	point := public.Encode()
	return asn1.Marshal(struct {
		Protocol asn1.ObjectIdentifier
		Key      publicKey
		KeyID    int
	}{oidPublicKeyECDH, publicKey{algorithm, asn1.BitString{Bytes: point, BitLength: 8 * len(point)}}, keyID})
}

// chipAuthenticationInfo is ChipAuthenticationInfo (Doc 9303-11, 9.2.5).
func chipAuthenticationInfo(a sm.Algorithm, keyID int) ([]byte, error) {
	arc := map[sm.Algorithm]int{sm.TDES: 1, sm.AES128: 2, sm.AES192: 3, sm.AES256: 4}[a]
	return asn1.Marshal(struct {
		Protocol asn1.ObjectIdentifier
		Version  int
		KeyID    int
	}{append(append(asn1.ObjectIdentifier(nil), oidChipAuthenticationECDH...), arc), 1, keyID})
}

// explicitParameters is ECParameters of TR-03111, 5.1.1.
func explicitParameters(domain *ec.Domain) ([]byte, error) {
	p, ok := domain.CurveParameters()
	if !ok {
		return nil, fmt.Errorf("%w: %s is no curve", ErrDocument, domain.Name())
	}
	type fieldID struct {
		Type  asn1.ObjectIdentifier
		Prime *big.Int
	}
	type curve struct{ A, B []byte }
	size := (domain.Bits() + 7) / 8
	octets := func(v *big.Int) []byte { return v.FillBytes(make([]byte, size)) }
	return asn1.Marshal(struct {
		Version  int
		Field    fieldID
		Curve    curve
		Base     []byte
		Order    *big.Int
		Cofactor *big.Int
	}{1, fieldID{oidPrimeField, p.P}, curve{octets(p.A), octets(p.B)}, domain.Generator().Encode(), p.N, p.H})
}

// addSecurityInfos puts the profile's SecurityInfos into EF.CardAccess.
func (c *Chip) addSecurityInfos() error {
	if len(c.profile.ExtraSecurityInfos) == 0 {
		return nil
	}
	infos, err := parseSecurityInfos(c.files[CardAccess])
	if err != nil {
		return err
	}
	for _, extra := range c.profile.ExtraSecurityInfos {
		infos = append(infos, extra)
	}
	c.files[CardAccess], err = securityInfos(infos...)
	return err
}
