package trust_test

import (
	"crypto"
	"encoding/asn1"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/trust"
	"passport-agent/internal/cms"
	"passport-agent/internal/fault"
)

var (
	oidDefectList   = oids{0, 4, 0, 127, 0, 7, 3, 1, 5}
	oidDefectSigner = oids{0, 4, 0, 127, 0, 7, 3, 11, 2, 1, 2}
)

// defective is a document with its country and with a publisher of defect lists.
type defective struct {
	t                          testing.TB
	country, signer            *made
	publisher, publisherSigner *made
	sod                        []byte
}

func newDefective(t testing.TB) defective {
	t.Helper()
	random := seeded(11)
	key := func() *signingKey { return newSigningKey(t, "P-256", random) }
	d := defective{t: t}
	d.country = certify(t, key(), nil, request{common: "CSCA", serial: 1, authority: true})
	d.signer = certify(t, key(), d.country, request{common: "DS", serial: 258})
	d.publisher = certify(t, key(), nil, request{common: "CSCA", country: "UU", serial: 1, authority: true})
	d.publisherSigner = certify(t, key(), d.publisher, request{common: "Defect List Signer", country: "UU", serial: 2, purpose: []oids{oidDefectSigner}})
	d.sod = message{content: hashList, signer: d.signer, at: issued}.encode(t)
	return d
}

// signer identifiers and references, as the versions of the list write them.
func (d defective) issuerAndSerial(of *made) []byte {
	return sequence(d.t, of.issuer, encode(d.t, of.serial))
}

func (d defective) keyID(of *made) []byte { return definite(0x80, of.key.id) }

func (d defective) digest(of *made) []byte {
	return encode(d.t, hashed(crypto.SHA256, of.der))
}

func defectOID(below ...int) oids { return append(append(oids{}, oidDefectList...), below...) }

// known is KnownDefect; second is KnownDefectV2, with a description.
func (d defective) known(parameters []byte, below ...int) []byte {
	return sequence(d.t, encode(d.t, defectOID(below...)), parameters)
}

func (d defective) second(parameters []byte, below ...int) []byte {
	parts := [][]byte{encode(d.t, defectOID(below...))}
	if parameters != nil {
		parts = append(parts, definite(0xA0, parameters))
	}
	return definite(0xA0, append(parts, definite(0x81, []byte("what is wrong")))...)
}

// defect is one with its reference; list is the list, signed.
func (d defective) defect(reference [][]byte, known ...[]byte) []byte {
	return sequence(d.t, append(reference, set(d.t, known...))...)
}

func (d defective) list(version int, at time.Time, defects ...[]byte) []byte {
	content := sequence(d.t, encode(d.t, version), encode(d.t, hashOIDs[crypto.SHA256]), set(d.t, defects...))
	return message{contentType: oidDefectList, content: content, signer: d.publisherSigner, at: at, indefinite: true}.encode(d.t)
}

func (d defective) root() trust.ImportOptions {
	c, err := cms.ParseCertificate(d.publisher.der)
	require.NoError(d.t, err)
	return trust.ImportOptions{Root: c, Now: issued}
}

// verify imports a list and verifies the document.
func (d defective) verify(list []byte) trust.Verification {
	s := storeOf(d.t, d.country.der)
	_, err := s.Import(list, d.root())
	require.NoError(d.t, err)
	signed, err := cms.ParseSignedData(d.sod)
	require.NoError(d.t, err)
	verifications := s.Verify(signed, issued)
	require.Len(d.t, verifications, 1)
	return verifications[0]
}

func status(t testing.TB, code int) []byte { return encode(t, asn1.Enumerated(code)) }

func TestDefectListHasToBeSignedByOneWhoMay(t *testing.T) {
	d := newDefective(t)
	list := d.list(0, issued, d.defect([][]byte{d.issuerAndSerial(d.signer)}, d.known(status(t, 3), 1, 1)))
	var s trust.Store
	_, err := s.Import(list, trust.ImportOptions{Now: issued})
	require.ErrorIs(t, err, fault.TrustRootMissing)
	report, err := s.Import(list, d.root())
	require.NoError(t, err)
	require.Equal(t, "UU", report.DefectLists[0].Publisher)
	require.Equal(t, 1, report.DefectLists[0].Defects)
	require.Equal(t, issued, s.DefectListDate())
	require.Zero(t, s.Len(), "a defect list makes nobody trusted")

	through := storeOf(t, d.publisher.der)
	_, err = through.Import(list, trust.ImportOptions{Now: issued})
	require.NoError(t, err, "its country signer is in the store")

	changed := alter(list, d.signer.issuer, 14)
	_, err = s.Import(changed, d.root())
	require.ErrorIs(t, err, fault.TrustSignature)
	plain := d
	plain.publisherSigner = certify(t, d.publisherSigner.key, d.publisher, request{common: "DS", country: "UU", serial: 3})
	unmarked := plain.list(0, issued)
	_, err = s.Import(unmarked, d.root())
	require.ErrorIs(t, err, fault.TrustSignature, "any document signer of the country could sign one else")
	named, err := cms.ParseCertificate(plain.publisherSigner.der)
	require.NoError(t, err)
	_, err = s.Import(unmarked, trust.ImportOptions{Root: named, Now: issued})
	require.NoError(t, err, "a person has named this very certificate")

	older := d.list(0, issued.AddDate(0, 0, -1))
	_, err = s.Import(older, d.root())
	require.ErrorIs(t, err, fault.TrustOlder)
	newer := d.list(0, issued.Add(time.Hour))
	_, err = s.Import(newer, d.root())
	require.NoError(t, err)
	require.Len(t, s.DefectLists(), 1, "a newer issue takes the place of the older")
	require.Zero(t, s.DefectLists()[0].Defects)
}

// The same defect under each way to name the signer, in each version of the list.
func TestDefectsAreFoundByEveryReference(t *testing.T) {
	d := newDefective(t)
	other := certify(t, newSigningKey(t, "P-256", seeded(12)), d.country, request{common: "DS", serial: 259})
	unlike := certify(t, d.signer.key, d.country, request{common: "another", serial: 300})
	v1, v2 := d.known(status(t, 3), 1, 1), d.second(status(t, 3), 1, 1)
	for what, c := range map[string]struct {
		version   int
		reference [][]byte
		known     []byte
		applies   bool
	}{
		"issuer and serial":              {0, [][]byte{d.issuerAndSerial(d.signer)}, v1, true},
		"another serial":                 {0, [][]byte{d.issuerAndSerial(other)}, v1, false},
		"key identifier":                 {0, [][]byte{d.keyID(d.signer)}, v1, true},
		"another key identifier":         {0, [][]byte{d.keyID(other)}, v1, false},
		"hash and serial":                {1, [][]byte{d.issuerAndSerial(d.signer), d.digest(d.signer)}, v2, true},
		"another hash overrules":         {1, [][]byte{d.issuerAndSerial(d.signer), d.digest(unlike)}, v2, false},
		"hash alone":                     {1, [][]byte{d.digest(d.signer)}, v2, true},
		"version 3":                      {2, [][]byte{sequence(t, definite(0xA0, d.issuerAndSerial(d.signer)))}, v2, true},
		"version 3, implicit":            {2, [][]byte{sequence(t, definite(0xA0, d.signer.issuer, encode(t, d.signer.serial)))}, v2, true},
		"version 3, key":                 {2, [][]byte{sequence(t, definite(0x81, d.signer.key.id))}, v2, true},
		"version 3, key, explicit":       {2, [][]byte{sequence(t, definite(0xA1, encode(t, d.signer.key.id)))}, v2, true},
		"version 3, hash overrules":      {2, [][]byte{sequence(t, definite(0x81, d.signer.key.id), definite(0x83, hashed(crypto.SHA256, unlike.der)))}, v2, false},
		"version 3, hash":                {2, [][]byte{sequence(t, definite(0x82, []byte("UT258")), definite(0x83, hashed(crypto.SHA256, d.signer.der)))}, v2, true},
		"all of an authority":            {2, [][]byte{sequence(t, definite(0xA0, d.country.name))}, v2, true},
		"all of another authority":       {2, [][]byte{sequence(t, definite(0xA0, d.publisher.name))}, v2, false},
		"all of a key":                   {2, [][]byte{sequence(t, definite(0xA1, definite(0x80, d.country.key.id)))}, v2, true},
		"all of a key, explicit":         {2, [][]byte{sequence(t, definite(0xA1, sequence(t, definite(0x80, d.country.key.id))))}, v2, true},
		"another key of the authority":   {2, [][]byte{sequence(t, definite(0xA0, d.country.name), definite(0xA1, definite(0x80, other.key.id)))}, v2, false},
		"nothing that says who is meant": {2, [][]byte{sequence(t, definite(0x82, []byte("UT258")))}, v2, false},
	} {
		v := d.verify(d.list(c.version, issued, d.defect(c.reference, c.known)))
		if !c.applies {
			require.Empty(t, v.Defects, what)
			continue
		}
		require.Len(t, v.Defects, 1, what)
		require.Equal(t, trust.DefectSignerRevoked, v.Defects[0].Kind, what)
		require.Equal(t, trust.RevokedByIssuer, v.Defects[0].Status, what)
		require.Equal(t, "UU", v.Defects[0].Publisher, what)
		require.Equal(t, issued, v.Defects[0].Date, what)
	}
}

func TestParametersOfDefects(t *testing.T) {
	d := newDefective(t)
	number := func(n int) []byte { return encode(t, n) }
	text := func(s string) []byte { return definite(asn1.TagPrintableString, []byte(s)) }
	part := func(of int, oid oids, corrected []byte) []byte {
		return sequence(t, status(t, of), encode(t, oid), definite(0xA0, text("UTO")), definite(0xA1, corrected))
	}
	for what, c := range map[string]struct {
		parameters []byte
		below      []int
		want       trust.Defect
	}{
		"keys of CA":              {nil, []int{1, 3}, trust.Defect{Kind: trust.DefectChipAuthentication, Status: -1}},
		"keys of AA":              {nil, []int{1, 4}, trust.Defect{Kind: trust.DefectActiveAuthentication, Status: -1}},
		"protocol":                {status(t, 2), []int{1, 5}, trust.Defect{Kind: trust.DefectProtocol, Status: trust.ProtocolCAAA}},
		"validity":                {status(t, 1), []int{1, 6}, trust.Defect{Kind: trust.DefectValidity, Status: trust.ValiditySigner}},
		"validity without":        {nil, []int{1, 6}, trust.Defect{Kind: trust.DefectValidity, Status: -1}},
		"data groups":             {set(t, number(2), number(1)), []int{2, 1}, trust.Defect{Kind: trust.DefectDataGroup, Status: -1, DataGroups: []int{1, 2}}},
		"data group 17":           {set(t, number(17)), []int{2, 1}, trust.Defect{Kind: trust.DefectDataGroup, Status: -1}},
		"security object":         {status(t, 1), []int{2, 2}, trust.Defect{Kind: trust.DefectSecurityObject, Status: 1}},
		"security object without": {nil, []int{2, 2}, trust.Defect{Kind: trust.DefectSecurityObject, Status: -1}},
		"difference":              {nil, []int{2, 3}, trust.Defect{Kind: trust.DefectCOMDiffers, Status: -1, Generic: true}},
		"difference named":        {sequence(t, set(t, number(1), number(2)), set(t, number(1))), []int{2, 3}, trust.Defect{Kind: trust.DefectCOMDiffers, Status: -1, InCOM: []int{1, 2}, InSOD: []int{1}}},
		"difference unreadable":   {number(5), []int{2, 3}, trust.Defect{Kind: trust.DefectCOMDiffers, Status: -1}},
		"country":                 {text("ut"), []int{2, 5}, trust.Defect{Kind: trust.DefectIssuingCountry, Status: -1, Country: "UT"}},
		"country in the issuer":   {set(t, part(0, oids{2, 5, 4, 6}, text("UT"))), []int{2, 6}, trust.Defect{Kind: trust.DefectIssuingCountry, Status: -1, Country: "UT"}},
		"name of the subject":     {set(t, part(1, oids{2, 5, 4, 6}, text("UT"))), []int{2, 6}, trust.Defect{Kind: trust.DefectIssuingCountry, Status: -1}},
		"card security":           {sequence(t), []int{4, 1}, trust.Defect{Kind: trust.DefectCardSecurity, Status: -1}},
		"chip security":           {nil, []int{4, 2}, trust.Defect{Kind: trust.DefectChipSecurity, Status: -1}},
		"power down":              {nil, []int{4, 3}, trust.Defect{Kind: trust.DefectPowerDown, Status: -1}},
		"signer malformed":        {status(t, 2), []int{4, 4}, trust.Defect{Kind: trust.DefectSignerMalformed, Status: 2}},
		"certificate malformed":   {sequence(t, status(t, 1), status(t, 1)), []int{4, 6}, trust.Defect{Kind: trust.DefectSignerMalformed, Status: 1}},
		"authority malformed":     {sequence(t, status(t, 1), status(t, 0)), []int{4, 6}, trust.Defect{Kind: trust.DefectCountrySignerMalformed, Status: 1}},
		"of the document":         {nil, []int{4, 99}, trust.Defect{Kind: trust.DefectUnknownDocument, Status: -1}},
		"of the eID application":  {nil, []int{3, 1}, trust.Defect{Kind: trust.DefectUnknown, Status: -1}},
		"of next year":            {number(5), []int{1, 99}, trust.Defect{Kind: trust.DefectUnknown, Status: -1}},
	} {
		for version, known := range [][]byte{d.known(c.parameters, c.below...), d.second(c.parameters, c.below...)} {
			v := d.verify(d.list(version, issued, d.defect([][]byte{d.keyID(d.signer)}, known)))
			c.want.Publisher, c.want.Date = "UU", issued
			require.Equal(t, []trust.Defect{c.want}, v.Defects, "%s, version %d", what, version+1)
		}
	}
}

// A replacement stands for a certificate that cannot be read, whoever signed it; a
// revocation of the one that it stands for still counts.
func TestReplacementCertificate(t *testing.T) {
	d := newDefective(t)
	self := certify(t, d.signer.key, nil, request{common: "replacement", serial: 9})
	list := d.list(0, issued, d.defect([][]byte{d.issuerAndSerial(d.signer)}, d.known(encode(t, self.der), 1, 2)))
	broken := *d.signer
	broken.der = sequence(t, encode(t, 1))
	d.sod = message{content: hashList, signer: &broken, at: issued}.encode(t)
	s := storeOf(t, d.country.der)
	signed, err := cms.ParseSignedData(d.sod)
	require.NoError(t, err)
	_, notes := only(t, s.Verify(signed, issued))
	require.EqualValues(t, "undetermined: no_certificate", notes[trust.CheckSignature], "without the list")
	_, err = s.Import(list, d.root())
	require.NoError(t, err)
	v, notes := only(t, s.Verify(signed, issued))
	const replaced = "undetermined: certificate_replaced"
	require.Equal(t, map[trust.Check]trust.Reason{
		trust.CheckCountrySignerValidity: replaced, trust.CheckUsage: replaced, trust.CheckCountry: replaced, trust.CheckRevocation: noList,
	}, notes)
	require.Equal(t, self.der, v.Signer.Raw)

	_, err = s.Import(d.country.revocationList(t, issued, d.signer.serial), trust.ImportOptions{Now: issued})
	require.NoError(t, err)
	_, notes = only(t, s.Verify(signed, issued))
	require.EqualValues(t, "failed: revoked", notes[trust.CheckRevocation])

	signed.Content = append([]byte{}, signed.Content[1:]...)
	_, notes = only(t, s.Verify(signed, issued))
	require.EqualValues(t, "failed: content_changed", notes[trust.CheckSignature], "it is verified with the replacement, not believed")
	_, notes = only(t, s.Verify(signed, issued.AddDate(20, 0, 0)))
	require.EqualValues(t, "failed: expired", notes[trust.CheckSignerValidity], "of the replacement")
}

// Where EF.SOD names another certificate, the one that the list names is used.
func TestCorrectedSignerIdentifier(t *testing.T) {
	d := newDefective(t)
	wrong := *d.signer
	wrong.serial = 999
	d.sod = message{content: hashList, signer: &wrong, at: issued, certificates: []*made{}}.encode(t)
	list := d.list(0, issued, d.defect([][]byte{d.issuerAndSerial(&wrong)}, d.known(d.issuerAndSerial(d.signer), 2, 4)))
	s := storeOf(t, d.country.der, d.signer.der)
	signed, err := cms.ParseSignedData(d.sod)
	require.NoError(t, err)
	_, notes := only(t, s.Verify(signed, issued))
	require.EqualValues(t, "undetermined: no_certificate", notes[trust.CheckSignature])
	_, err = s.Import(list, d.root())
	require.NoError(t, err)
	v, notes := only(t, s.Verify(signed, issued))
	require.Equal(t, map[trust.Check]trust.Reason{trust.CheckRevocation: noList}, notes)
	require.Equal(t, d.signer.der, v.Signer.Raw)
	require.True(t, v.OtherIdentifier)
}

func TestCorrectedCountry(t *testing.T) {
	d := newDefective(t)
	d.signer = certify(t, d.signer.key, d.country, request{common: "DS", country: "UTO", serial: 258})
	d.sod = message{content: hashList, signer: d.signer, at: issued}.encode(t)
	right := definite(asn1.TagPrintableString, []byte("UT"))
	v := d.verify(d.list(0, issued, d.defect([][]byte{d.keyID(d.signer)}, d.known(right, 2, 5))))
	require.Equal(t, trust.Successful, v.Finding(trust.CheckCountry).Result)
	v = d.verify(d.list(0, issued))
	require.Equal(t, trust.ReasonCountryDiffers, v.Finding(trust.CheckCountry).Reason)
	wrong := definite(asn1.TagPrintableString, []byte("UU"))
	v = d.verify(d.list(0, issued, d.defect([][]byte{d.keyID(d.signer)}, d.known(wrong, 2, 5))))
	require.Equal(t, trust.ReasonCountryDiffers, v.Finding(trust.CheckCountry).Reason, "the list's word is not the country signer's name")
}

func TestDefectListsAreKept(t *testing.T) {
	d := newDefective(t)
	s := storeOf(t, d.country.der)
	report, err := s.Import(d.list(1, issued,
		d.defect([][]byte{d.keyID(d.signer)}, d.second(nil, 1, 4)), sequence(t, encode(t, 1)), d.defect([][]byte{d.keyID(d.country)}, d.known(nil, 1, 3))), d.root())
	require.NoError(t, err)
	require.Equal(t, 2, report.DefectLists[0].Defects)
	require.Len(t, report.LeftOut, 1, "one that cannot be read does not keep the others out")
	require.Contains(t, report.LeftOut[0], "defect 2: ")
	folder := t.TempDir()
	require.NoError(t, s.Save(t.Context(), folder))
	again, err := trust.Load(t.Context(), folder)
	require.NoError(t, err)
	require.Equal(t, s.DefectLists(), again.DefectLists())
	signed, err := cms.ParseSignedData(d.sod)
	require.NoError(t, err)
	require.Equal(t, s.Verify(signed, issued)[0].Defects, again.Verify(signed, issued)[0].Defects)
	require.Len(t, again.Verify(signed, issued)[0].Defects, 1)
}
