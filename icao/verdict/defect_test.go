package verdict_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/lds"
	"passport-agent/icao/trust"
	"passport-agent/icao/verdict"
	"passport-agent/internal/cms"
)

// tlv is an element of ASN.1 around others.
func tlv(t *testing.T, tag byte, parts ...[]byte) []byte {
	t.Helper()
	b, err := asn1.Marshal(asn1.RawValue{Class: int(tag >> 6), Tag: int(tag & 0x1F), IsCompound: tag&0x20 != 0, Bytes: bytes.Join(parts, nil)})
	require.NoError(t, err)
	return b
}

func der(t *testing.T, value any) []byte {
	t.Helper()
	b, err := asn1.Marshal(value)
	require.NoError(t, err)
	return b
}

// knownDefect is one as version 1 of a list has it (TR-03129-2, 8.1).
func knownDefect(t *testing.T, parameters []byte, below ...int) []byte {
	t.Helper()
	return tlv(t, 0x30, der(t, append(asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 3, 1, 5}, below...)), parameters)
}

// withDefects is a store that trusts the country of a document and holds a defect list,
// signed by a publisher of its own, that names the document's signer.
func withDefects(t *testing.T, d *lds.Document, csca []byte, known ...[]byte) *trust.Store {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(5), Subject: pkix.Name{Country: []string{"UU"}, CommonName: "Defect List Signer"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		UnknownExtKeyUsage: []asn1.ObjectIdentifier{{0, 4, 0, 127, 0, 7, 3, 11, 2, 1, 2}},
	}
	publisher, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	root, err := cms.ParseCertificate(publisher)
	require.NoError(t, err)
	signer, err := cms.ParseCertificate(d.SOD.SignedData.Certificates[0])
	require.NoError(t, err)

	sha := tlv(t, 0x30, der(t, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}))
	content := tlv(t, 0x30, der(t, 0), der(t, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}),
		tlv(t, 0x31, tlv(t, 0x30, tlv(t, 0x30, signer.Issuer.Raw, der(t, signer.Serial)), tlv(t, 0x31, known...))))
	oid := der(t, asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 3, 1, 5})
	sum := sha256.Sum256(content)
	attribute := func(last int, value []byte) []byte {
		return tlv(t, 0x30, der(t, asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, last}), tlv(t, 0x31, value))
	}
	attributes := [][]byte{attribute(3, oid), attribute(5, der(t, time.Now().UTC())), attribute(4, der(t, sum[:]))}
	digest := sha256.Sum256(tlv(t, 0x31, attributes...))
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	require.NoError(t, err)
	info := tlv(t, 0x30, der(t, 1), tlv(t, 0x30, root.Issuer.Raw, der(t, 5)), sha, tlv(t, 0xA0, attributes...),
		tlv(t, 0x30, der(t, asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2})), der(t, signature))
	list := tlv(t, 0x30, der(t, asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}), tlv(t, 0xA0, tlv(t, 0x30, der(t, 3), tlv(t, 0x31, sha),
		tlv(t, 0x30, oid, tlv(t, 0xA0, der(t, content))), tlv(t, 0xA0, publisher), tlv(t, 0x31, info))))

	store := &trust.Store{}
	_, err = store.Import(csca, trust.ImportOptions{})
	require.NoError(t, err)
	_, err = store.Import(list, trust.ImportOptions{Root: root})
	require.NoError(t, err)
	return store
}

func code(t *testing.T, n int) []byte { return der(t, asn1.Enumerated(n)) }

// What each defect makes of a document that is otherwise as spoilt: the checks that
// differ from those without the list (TR-03135-1, 5.8.2).
func TestDefectsHaveTheEffectOfTheGuideline(t *testing.T) {
	later := time.Now().AddDate(40, 0, 0)
	badSignature := func(d *lds.Document) { d.SOD.SignedData.Content = append([]byte{}, d.SOD.SignedData.Content[1:]...) }
	moreInCOM := func(d *lds.Document) { d.COM.DataGroups = []int{1, 2, 14} }
	lessInCOM := func(d *lds.Document) { d.COM.DataGroups = []int{1} }
	const ok, failed, open, none = verdict.Successful, verdict.Failed, verdict.Undetermined, verdict.NotSupported
	groups := func(numbers ...int) []byte {
		var parts [][]byte
		for _, n := range numbers {
			parts = append(parts, der(t, n))
		}
		return tlv(t, 0x31, parts...)
	}
	revoked := map[string]verdict.Result{"signer_revocation": failed, "signer_trusted": failed, "dg1_hash": open, "dg2_hash": open}
	investigated := map[string]verdict.Result{"signer_revocation": open, "signer_trusted": open, "dg1_hash": open, "dg2_hash": open}
	for what, c := range map[string]struct {
		spoil  func(*lds.Document)
		at     time.Time
		defect []byte
		effect map[string]verdict.Result
		status verdict.Result
	}{
		"revoked, no indication":      {nil, time.Time{}, knownDefect(t, code(t, 0), 1, 1), revoked, failed},
		"revoked, under inquiry":      {nil, time.Time{}, knownDefect(t, code(t, 1), 1, 1), investigated, open},
		"revoked, used for tests":     {nil, time.Time{}, knownDefect(t, code(t, 2), 1, 1), revoked, failed},
		"revoked by its issuer":       {nil, time.Time{}, knownDefect(t, code(t, 3), 1, 1), revoked, failed},
		"revoked by the publisher":    {nil, time.Time{}, knownDefect(t, code(t, 4), 1, 1), revoked, failed},
		"inadequate":                  {nil, time.Time{}, knownDefect(t, code(t, 5), 1, 1), investigated, open},
		"revoked, a code of its own":  {nil, time.Time{}, knownDefect(t, code(t, 77), 1, 1), investigated, open},
		"revoked, no code":            {nil, time.Time{}, knownDefect(t, nil, 1, 1), investigated, open},
		"validity of the signer":      {nil, later, knownDefect(t, code(t, 1), 1, 6), map[string]verdict.Result{"signer_validity": none}, failed},
		"validity of the authority":   {nil, later, knownDefect(t, code(t, 0), 1, 6), map[string]verdict.Result{"country_signer_validity": none}, failed},
		"validity of both":            {nil, time.Time{}, knownDefect(t, code(t, 2), 1, 6), map[string]verdict.Result{"signer_validity": none, "country_signer_validity": none}, ok},
		"EF.SOD malformed":            {badSignature, time.Time{}, knownDefect(t, code(t, 1), 2, 2), map[string]verdict.Result{"sod_signature": open}, open},
		"EF.SOD malformed, but good":  {nil, time.Time{}, knownDefect(t, nil, 2, 2), nil, ok},
		"COM announces less":          {lessInCOM, time.Time{}, knownDefect(t, nil, 2, 3), map[string]verdict.Result{"com_matches_sod": ok}, ok},
		"COM announces more":          {moreInCOM, time.Time{}, knownDefect(t, nil, 2, 3), map[string]verdict.Result{"com_matches_sod": open}, open},
		"the difference that is told": {lessInCOM, time.Time{}, knownDefect(t, tlv(t, 0x30, groups(1), groups(1, 2)), 2, 3), map[string]verdict.Result{"com_matches_sod": ok}, ok},
		"another difference":          {moreInCOM, time.Time{}, knownDefect(t, tlv(t, 0x30, groups(1), groups(1, 2)), 2, 3), nil, failed},
		"signer malformed":            {nil, time.Time{}, knownDefect(t, code(t, 2), 4, 4), map[string]verdict.Result{"signer_trusted": open, "signer_validity": open, "signer_key_usage": open, "signer_country": open}, open},
		"authority malformed":         {nil, time.Time{}, knownDefect(t, tlv(t, 0x30, code(t, 2), code(t, 0)), 4, 6), map[string]verdict.Result{"signer_trusted": open, "country_signer_validity": open}, open},
		"an unknown document defect":  {nil, time.Time{}, knownDefect(t, nil, 4, 99), map[string]verdict.Result{"signer_trusted": open, "dg1_hash": open, "dg2_hash": open}, open},
		"data group malformed":        {nil, time.Time{}, knownDefect(t, groups(2), 2, 1), nil, ok},
		"power down":                  {nil, time.Time{}, knownDefect(t, nil, 4, 3), nil, ok},
		"keys of AA, none was done":   {nil, time.Time{}, knownDefect(t, nil, 1, 4), nil, ok},
	} {
		d, key, csca := signed(t)
		if c.spoil != nil {
			c.spoil(d)
		}
		if c.at.IsZero() {
			c.at = time.Now()
		}
		in := verdict.Input{Document: d, Protected: true, Key: key, Trust: &trust.Store{}, At: c.at}
		_, err := in.Trust.Import(csca, trust.ImportOptions{})
		require.NoError(t, err)
		want := results(verdict.Judge(in))
		for name, result := range c.effect {
			require.NotEqual(t, want[name], result, "%s: %s is so without the list", what, name)
			want[name] = result
		}
		in.Trust = withDefects(t, d, csca, c.defect)
		v := verdict.Judge(in)
		require.Equal(t, want, results(v), what)
		require.Equal(t, c.status, v.Status, what)
		require.Len(t, v.Warnings, 1, what)
		require.Contains(t, v.Warnings[0].Name, "defect_", what)
		require.Contains(t, v.Warnings[0].Detail, "defect list of UU", what)
		for _, check := range v.Checks {
			require.Equal(t, check.Result == verdict.Successful, check.Reason == "", "%s: %v", what, check)
			require.False(t, check.Result == verdict.Failed && check.Advice == "", "%s: %v", what, check)
		}
	}
}

// A document of another signer is not touched.
func TestDefectsOfOthersDoNotCount(t *testing.T) {
	other, _, _ := signed(t)
	d, key, csca := signed(t)
	in := verdict.Input{Document: d, Protected: true, Key: key, At: time.Now(), Trust: withDefects(t, other, csca, knownDefect(t, code(t, 3), 1, 1))}
	v := verdict.Judge(in)
	require.Equal(t, verdict.Successful, v.Status)
	require.Empty(t, v.Warnings)
}
