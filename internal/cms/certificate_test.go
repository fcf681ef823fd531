package cms_test

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

	"passport-agent/internal/cms"
	"passport-agent/virtual"
)

func bigInt(v int64) *big.Int { return big.NewInt(v) }

// wrap encodes an element with that first octet.
func wrap(tag byte, parts ...[]byte) []byte {
	content := bytes.Join(parts, nil)
	length := []byte{byte(len(content))}
	if len(content) >= 0x80 {
		length = []byte{0x82, byte(len(content) >> 8), byte(len(content))}
	}
	if n := len(content); n >= 0x80 && n < 0x100 {
		length = []byte{0x81, byte(n)}
	}
	return append(append([]byte{tag}, length...), content...)
}

func marshal(t testing.TB, value any) []byte {
	t.Helper()
	b, err := asn1.Marshal(value)
	require.NoError(t, err)
	return b
}

// made is a certificate put together by hand, so that it can be as odd as real ones.
type made struct {
	serial     []byte
	subject    []byte
	from, to   []byte
	algorithm  []byte
	extensions []byte
	plain      bool
}

var key, _ = ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{7}, 32))

func usual(t testing.TB) made {
	return made{
		serial: []byte{2, 1, 1}, subject: nameOf(t, 0x13, "UT", "Country Signer"), from: wrap(0x17, []byte("200101000000Z")), to: wrap(0x17, []byte("350101000000Z")),
		algorithm: marshal(t, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}}),
	}
}

// nameOf is C and CN in one string type.
func nameOf(t testing.TB, tag byte, country, common string) []byte {
	attribute := func(n int, value string) []byte {
		return wrap(0x31, wrap(0x30, marshal(t, asn1.ObjectIdentifier{2, 5, 4, n}), wrap(tag, []byte(value))))
	}
	return wrap(0x30, attribute(6, country), attribute(3, common))
}

func (m made) encode(t testing.TB) []byte {
	t.Helper()
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	tbs := wrap(0x30, []byte{0xA0, 3, 2, 1, 2}, m.serial, m.algorithm, m.subject, wrap(0x30, m.from, m.to), m.subject, spki, m.extensions)
	sum := sha256.Sum256(tbs)
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	require.NoError(t, err)
	if m.plain {
		var pair struct{ R, S *big.Int }
		_, err := asn1.Unmarshal(signature, &pair)
		require.NoError(t, err)
		signature = append(pair.R.FillBytes(make([]byte, 32)), pair.S.FillBytes(make([]byte, 32))...)
	}
	return wrap(0x30, tbs, m.algorithm, wrap(0x03, []byte{0}, signature))
}

func (m made) parse(t testing.TB) *cms.Certificate {
	t.Helper()
	c, err := cms.ParseCertificate(m.encode(t))
	require.NoError(t, err)
	require.NoError(t, c.CheckSignatureFrom(c))
	return c
}

// TR-03111, 5.2.1.1: the signature is r and s side by side.
func TestPlainSignaturesVerify(t *testing.T) {
	m := usual(t)
	m.plain, m.algorithm = true, marshal(t, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 1, 1, 4, 1, 3}})
	requireRefused(t, m.parse(t))
	m.plain = false
	c, err := cms.ParseCertificate(m.encode(t))
	require.NoError(t, err)
	require.ErrorIs(t, c.CheckSignatureFrom(c), cms.ErrSignature, "the other form under this identifier")
}

func TestSerialNumbersOfAnyFormAreRead(t *testing.T) {
	for _, c := range []struct {
		encoded []byte
		want    int64
	}{{[]byte{2, 1, 0x80}, -128}, {[]byte{2, 2, 0, 1}, 1}, {[]byte{2, 1, 0}, 0}, {[]byte{2, 2, 0xFF, 0x7F}, -129}} {
		m := usual(t)
		m.serial = c.encoded
		require.Equal(t, c.want, m.parse(t).Serial.Int64(), "%X", c.encoded)
	}
}

func TestTimesAreReadAsWritten(t *testing.T) {
	for _, c := range []struct {
		tag    byte
		text   string
		want   string
		proper bool
	}{
		{0x17, "200102030405Z", "2020-01-02T03:04:05Z", true},
		{0x17, "491231235959Z", "2049-12-31T23:59:59Z", true},
		{0x17, "500101000000Z", "1950-01-01T00:00:00Z", true},
		{0x17, "680101000000Z", "1968-01-01T00:00:00Z", true},
		{0x17, "2001020304Z", "2020-01-02T03:04:00Z", false},
		{0x17, "200102030405+0100", "2020-01-02T02:04:05Z", false},
		{0x18, "20200102030405Z", "2020-01-02T03:04:05Z", false},
		{0x18, "20500102030405Z", "2050-01-02T03:04:05Z", true},
		{0x18, "99991231235959Z", "9999-12-31T23:59:59Z", true},
	} {
		m := usual(t)
		m.from, m.to = wrap(0x17, []byte("200101000000Z")), wrap(c.tag, []byte(c.text))
		parsed := m.parse(t)
		require.Equal(t, c.want, parsed.NotAfter.Format(time.RFC3339), c.text)
		require.Equal(t, c.proper, parsed.TimeForm, c.text)
	}
	m := usual(t)
	m.to = wrap(0x17, []byte("never"))
	_, err := cms.ParseCertificate(m.encode(t))
	require.ErrorIs(t, err, cms.ErrMalformed)
}

func TestValidityIncludesBothEnds(t *testing.T) {
	c := usual(t).parse(t)
	require.True(t, c.ValidAt(c.NotBefore) && c.ValidAt(c.NotAfter))
	require.False(t, c.ValidAt(c.NotBefore.Add(-time.Second)) || c.ValidAt(c.NotAfter.Add(time.Second)))
}

// Issuers write their own name differently from certificate to certificate.
func TestNamesWrittenDifferentlyAreEqual(t *testing.T) {
	name := func(encoded []byte) cms.Name {
		m := usual(t)
		m.subject = encoded
		return m.parse(t).Subject
	}
	one := name(nameOf(t, 0x13, "UT", "Country Signer"))
	for what, other := range map[string][]byte{
		"UTF8String": nameOf(t, 0x0C, "UT", "Country Signer"), "case": nameOf(t, 0x13, "ut", "COUNTRY signer"),
		"spaces": nameOf(t, 0x13, "UT", "  Country   Signer "), "T61String": nameOf(t, 0x14, "UT", "Country Signer"),
		"BMPString": nameOf(t, 0x1E, "\x00U\x00T", "\x00C\x00o\x00u\x00n\x00t\x00r\x00y\x00 \x00S\x00i\x00g\x00n\x00e\x00r"),
	} {
		require.True(t, one.Equal(name(other)), what)
		require.Equal(t, "UT", name(other).Country(), what)
	}
	for what, other := range map[string][]byte{
		"another name": nameOf(t, 0x13, "UT", "Country Signed"), "another country": nameOf(t, 0x13, "UU", "Country Signer"), "one word": nameOf(t, 0x13, "UT", "CountrySigner"),
		"an attribute less": wrap(0x30, nameOf(t, 0x13, "UT", "Country Signer")[2:15]), "a separator in a value": nameOf(t, 0x13, `UT";`, "Country Signer"),
	} {
		require.False(t, one.Equal(name(other)), what)
	}
	require.Equal(t, "C=UT, CN=Country?[31mSigner", name(nameOf(t, 0x13, "UT", "Country\x1b[31mSigner")).String(), "nothing that a terminal obeys")
}

func extensions(list ...[]byte) []byte { return wrap(0xA3, wrap(0x30, list...)) }

func extensionOf(t testing.TB, id asn1.ObjectIdentifier, critical []byte, value []byte) []byte {
	return wrap(0x30, marshal(t, id), critical, wrap(0x04, value))
}

// What the profile of Doc 9303-12, 7.1 has, on a certificate that other code made.
func TestExtensionsOfASpecimen(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	document, err := virtual.Personalise(virtual.Options{Now: now})
	require.NoError(t, err)
	country, err := cms.ParseCertificate(document.CSCA)
	require.NoError(t, err)
	signer, err := cms.ParseCertificate(document.Signer)
	require.NoError(t, err)
	oracle, err := x509.ParseCertificate(document.CSCA)
	require.NoError(t, err)

	require.Equal(t, 3, country.Version)
	require.Equal(t, oracle.SerialNumber, country.Serial)
	require.Equal(t, oracle.RawSubject, country.Subject.Raw)
	require.Equal(t, oracle.NotAfter, country.NotAfter)
	require.Equal(t, oracle.SubjectKeyId, country.Extensions.SubjectKeyID)
	require.Equal(t, cms.KeyCertSign|cms.CRLSign, country.Extensions.KeyUsage)
	require.True(t, country.Extensions.HasKeyUsage && country.Extensions.KeyUsageCritical && country.Extensions.IsCA && country.Extensions.PathLength == 0)
	require.Equal(t, now.AddDate(-1, 0, 0), country.Extensions.PrivateKeyFrom)
	require.Equal(t, now.AddDate(4, 0, 0), country.Extensions.PrivateKeyTo)
	require.Equal(t, "UTO", country.Extensions.StateCode)
	require.NotEmpty(t, country.Extensions.CRLDistributionPoints)
	require.True(t, country.SelfIssued() && country.Identifies(country))
	require.False(t, signer.SelfIssued())
	require.True(t, signer.Identifies(country))
	require.False(t, signer.Extensions.HasBasicConstraints || signer.Extensions.IsCA)
	require.Equal(t, -1, signer.Extensions.PathLength)
	require.Equal(t, []string{"P"}, signer.Extensions.DocumentTypes)
	require.Equal(t, cms.DigitalSignature, signer.Extensions.KeyUsage)
	require.NoError(t, signer.CheckSignatureFrom(country))
	require.ErrorIs(t, country.CheckSignatureFrom(signer), cms.ErrSignature)
	require.Empty(t, append(country.UnknownCritical(), signer.UnknownCritical()...))
	require.Empty(t, append(country.Extensions.Malformed, signer.Extensions.Malformed...))
}

func TestOddExtensionsAreReadOrNamed(t *testing.T) {
	m := usual(t)
	yes := []byte{1, 1, 1} // BOOLEAN of BER: anything but zero
	m.extensions = extensions(
		extensionOf(t, asn1.ObjectIdentifier{2, 5, 29, 19}, yes, []byte{0x30, 3, 1, 1, 1}),
		extensionOf(t, asn1.ObjectIdentifier{2, 5, 29, 15}, yes, []byte{3, 2, 1}),
		extensionOf(t, asn1.ObjectIdentifier{1, 2, 3}, yes, []byte{5, 0}),
		extensionOf(t, asn1.ObjectIdentifier{1, 2, 4}, nil, []byte{5, 0}),
	)
	e := m.parse(t)
	require.True(t, e.Extensions.IsCA)
	require.Equal(t, []string{"2.5.29.15"}, e.Extensions.Malformed)
	require.Equal(t, []string{"1.2.3"}, e.UnknownCritical())

	m.extensions = extensions(
		extensionOf(t, asn1.ObjectIdentifier{2, 5, 29, 15}, nil, []byte{3, 2, 7, 0x80}),
		extensionOf(t, asn1.ObjectIdentifier{2, 5, 29, 15}, nil, []byte{3, 2, 1, 6}),
	)
	require.Equal(t, []string{"2.5.29.15"}, m.parse(t).Extensions.Malformed, "twice")
}

func TestCertificateWithTwoAlgorithmsDoesNotVerify(t *testing.T) {
	m := usual(t)
	der := m.encode(t)
	at := bytes.LastIndex(der, []byte{0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02})
	der[at+7] = 3
	c, err := cms.ParseCertificate(der)
	require.NoError(t, err)
	require.ErrorIs(t, c.CheckSignatureFrom(c), cms.ErrSignature)
}

func TestKeysThatAreNotKnownFailWhenUsed(t *testing.T) {
	for name, spki := range map[string]string{
		"kind of key": "300a300506032b6570030100",
		"curve":       "301a301406072a8648ce3d020106092b240303020801010103020004",
		"huge RSA":    "", // below
	} {
		der := unhex(t, spki)
		if name == "huge RSA" {
			n := new(big.Int).Lsh(bigInt(1), 9000)
			inner := marshal(t, struct{ N, E *big.Int }{n.Add(n, bigInt(1)), bigInt(65537)})
			der = wrap(0x30, marshal(t, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}}), wrap(0x03, []byte{0}, inner))
		}
		_, err := cms.ParsePublicKey(der)
		require.ErrorIs(t, err, cms.ErrUnsupported, name)
	}
	// A point that is not on the curve.
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	spki[len(spki)-1] ^= 1
	_, err = cms.ParsePublicKey(spki)
	require.ErrorIs(t, err, cms.ErrMalformed)
}

// An RSA key without the NULL that belongs there is read all the same.
func TestRSAKeyWithoutParameters(t *testing.T) {
	inner := marshal(t, struct{ N, E *big.Int }{new(big.Int).SetBit(bigInt(1), 2047, 1), bigInt(3)})
	k, err := cms.ParsePublicKey(wrap(0x30, marshal(t, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}}), wrap(0x03, []byte{0}, inner)))
	require.NoError(t, err)
	require.Equal(t, "RSA 2048", k.String())
	require.Equal(t, 3, k.RSA().E)
}

func TestCutCertificatesAreMalformed(t *testing.T) {
	der := usual(t).encode(t)
	for i := range der {
		_, err := cms.ParseCertificate(der[:i])
		require.ErrorIs(t, err, cms.ErrMalformed, "%d bytes", i)
	}
}

func TestZeroKeyVerifiesNothing(t *testing.T) {
	var k cms.PublicKey
	require.Nil(t, k.RSA())
	domain, _ := k.EC()
	require.Nil(t, domain)
	require.Equal(t, "none", k.String())
}
