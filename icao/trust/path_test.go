package trust_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/trust"
	"passport-agent/internal/cms"
	"passport-agent/internal/fault"
)

// authority is a country signer with its key; the standard library issues for it.
type authority struct {
	t           testing.TB
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
}

func name(country, common string) pkix.Name {
	return pkix.Name{Country: []string{country}, CommonName: common}
}

func countryTemplate() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: name("UT", "Country Signer"), NotBefore: issued.AddDate(-1, 0, 0), NotAfter: issued.AddDate(14, 0, 0),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, IsCA: true, BasicConstraintsValid: true,
	}
}

func signerTemplate() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(100), Subject: name("UT", "Document Signer"), NotBefore: issued.AddDate(0, -1, 0), NotAfter: issued.AddDate(10, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
}

func newAuthority(t testing.TB, template *x509.Certificate) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	a := authority{t: t, key: key}
	a.certificate = oracle(t, a.certify(template, template, key).Raw)
	return a
}

func oracle(t testing.TB, der []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return c
}

func (a authority) certify(template, parent *x509.Certificate, subject *ecdsa.PrivateKey) *cms.Certificate {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, subject.Public(), a.key)
	require.NoError(a.t, err)
	c, err := cms.ParseCertificate(der)
	require.NoError(a.t, err)
	return c
}

func (a authority) issue(template *x509.Certificate) *cms.Certificate {
	return a.certify(template, a.certificate, a.key)
}

// revoke makes a list, current for a month from the date of issue.
func (a authority) revoke(number int64, serials ...int64) []byte {
	list := &x509.RevocationList{Number: big.NewInt(number), ThisUpdate: issued.AddDate(0, 0, int(number)), NextUpdate: issued.AddDate(0, 1, 0)}
	for _, serial := range serials {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: big.NewInt(serial), RevocationTime: issued})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.certificate, a.key)
	require.NoError(a.t, err)
	return der
}

func storeOf(t testing.TB, files ...[]byte) *trust.Store {
	t.Helper()
	var s trust.Store
	for _, b := range files {
		_, err := s.Import(b, trust.ImportOptions{Now: issued})
		require.NoError(t, err)
	}
	return &s
}

func TestUsageAndCountryFollowTheProfile(t *testing.T) {
	a := newAuthority(t, countryTemplate())
	s := storeOf(t, a.certificate.Raw)
	for what, c := range map[string]struct {
		change func(*x509.Certificate)
		check  trust.Check
		reason trust.Reason
	}{
		"as it should be":        {func(*x509.Certificate) {}, trust.CheckUsage, ""},
		"without key usage":      {func(c *x509.Certificate) { c.KeyUsage = 0 }, trust.CheckUsage, trust.ReasonKeyUsageMissing},
		"for certificates":       {func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign }, trust.CheckUsage, trust.ReasonKeyUsage},
		"an authority":           {func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }, trust.CheckUsage, trust.ReasonKeyUsage},
		"a signer of lists":      {func(c *x509.Certificate) { c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{2, 23, 136, 1, 1, 3}} }, trust.CheckUsage, trust.ReasonExtendedKeyUsage},
		"a critical extension":   {func(c *x509.Certificate) { c.ExtraExtensions = extension(true) }, trust.CheckUsage, trust.ReasonCriticalExtension},
		"an extension":           {func(c *x509.Certificate) { c.ExtraExtensions = extension(false) }, trust.CheckUsage, ""},
		"another country":        {func(c *x509.Certificate) { c.Subject = name("UU", "x") }, trust.CheckCountry, trust.ReasonCountryDiffers},
		"the country in letters": {func(c *x509.Certificate) { c.Subject = name("ut", "x") }, trust.CheckCountry, ""},
		"no country":             {func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "x"} }, trust.CheckCountry, trust.ReasonCountryMissing},
	} {
		template := signerTemplate()
		c.change(template)
		path := s.Path(a.issue(template), issued)
		require.Equal(t, c.reason, path.Finding(c.check).Reason, what)
		require.Equal(t, c.reason == "", path.Finding(c.check).Result == trust.Successful, what)
		require.Equal(t, trust.Successful, path.Finding(trust.CheckPath).Result, what)
	}
	parent := *a.certificate
	parent.RawSubject, parent.Subject = nil, name("UU", "Country Signer")
	path := s.Path(a.certify(signerTemplate(), &parent, a.key), issued)
	require.Equal(t, trust.Successful, path.Finding(trust.CheckPath).Result, "found by its key")
	require.Equal(t, trust.ReasonCountryDiffers, path.Finding(trust.CheckCountry).Reason, "issued under the name of another country")

	template := countryTemplate()
	template.KeyUsage = x509.KeyUsageCRLSign
	a = newAuthority(t, template)
	require.Equal(t, trust.ReasonKeyUsage, storeOf(t, a.certificate.Raw).Path(a.issue(signerTemplate()), issued).Finding(trust.CheckUsage).Reason)
}

func extension(critical bool) []pkix.Extension {
	return []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: critical, Value: []byte{5, 0}}}
}

// Without key identifiers the issuer's name leads to the country signer; one more
// of that name, with another key, must not get in the way.
func TestIssuerIsFoundByNameToo(t *testing.T) {
	other := newAuthority(t, countryTemplate())
	a := newAuthority(t, countryTemplate())
	signer := signerTemplate()
	parent := *a.certificate
	parent.SubjectKeyId = nil
	without := a.certify(signer, &parent, a.key)
	require.Empty(t, without.Extensions.AuthorityKeyID)
	path := storeOf(t, other.certificate.Raw, a.certificate.Raw).Path(without, issued)
	require.Equal(t, a.certificate.Raw, path.CountrySigner.Raw)
	path = storeOf(t, other.certificate.Raw).Path(without, issued)
	require.Equal(t, trust.Finding{Check: trust.CheckPath, Result: trust.Undetermined, Reason: trust.ReasonSignerUnknown}, path.Finding(trust.CheckPath))

	// A wrong identifier is no reason to overlook the right name.
	parent.SubjectKeyId = other.certificate.SubjectKeyId
	path = storeOf(t, other.certificate.Raw, a.certificate.Raw).Path(a.certify(signer, &parent, a.key), issued)
	require.Equal(t, a.certificate.Raw, path.CountrySigner.Raw)
}

// A link certificate carries the new key under the old key's signature, perhaps
// under a new name; where the self-signed one is expired or missing, it serves.
func TestLinkCertificates(t *testing.T) {
	old := newAuthority(t, countryTemplate())
	template := countryTemplate()
	template.Subject, template.NotAfter = name("UT", "Country Signer of another name"), issued.AddDate(1, 0, 0)
	young := newAuthority(t, template)
	template.NotAfter = issued.AddDate(14, 0, 0)
	template.SubjectKeyId = young.certificate.SubjectKeyId
	link := old.certify(template, old.certificate, young.key)
	require.False(t, link.SelfIssued())

	signer := young.issue(signerTemplate())
	late := issued.AddDate(5, 0, 0)
	path := storeOf(t, young.certificate.Raw).Path(signer, late)
	require.Equal(t, trust.ReasonExpired, path.Finding(trust.CheckCountrySignerValidity).Reason)
	for _, s := range []*trust.Store{storeOf(t, young.certificate.Raw, link.Raw), storeOf(t, link.Raw, young.certificate.Raw), storeOf(t, link.Raw)} {
		path := s.Path(signer, late)
		require.Equal(t, trust.Successful, path.Finding(trust.CheckPath).Result)
		require.Equal(t, trust.Successful, path.Finding(trust.CheckCountrySignerValidity).Result)
		require.Equal(t, link.Raw, path.CountrySigner.Raw)
	}
	path = storeOf(t, old.certificate.Raw).Path(signer, issued)
	require.Equal(t, trust.ReasonSignerUnknown, path.Finding(trust.CheckPath).Reason, "the old key did not issue it")
}

func TestRevocation(t *testing.T) {
	a := newAuthority(t, countryTemplate())
	signer := a.issue(signerTemplate())
	s := storeOf(t, a.certificate.Raw)
	finding := func(s *trust.Store, days int) trust.Finding {
		return s.Path(signer, issued.AddDate(0, 0, days)).Finding(trust.CheckRevocation)
	}
	require.Equal(t, trust.ReasonNoRevocationList, finding(s, 0).Reason)

	_, err := s.Import(a.revoke(1, 7), trust.ImportOptions{Now: issued})
	require.NoError(t, err)
	require.Equal(t, trust.Successful, finding(s, 0).Result)
	require.Equal(t, trust.Finding{Check: trust.CheckRevocation, Result: trust.Undetermined, Reason: trust.ReasonRevocationListStale}, finding(s, 60))

	report, err := s.Import(a.revoke(2, 7, 100), trust.ImportOptions{Now: issued})
	require.NoError(t, err)
	require.Equal(t, 1, report.RevocationLists)
	require.Len(t, s.RevocationLists(), 1, "the newer list takes the older one's place")
	require.Equal(t, trust.Finding{Check: trust.CheckRevocation, Result: trust.Failed, Reason: trust.ReasonRevoked}, finding(s, 0))
	require.Equal(t, trust.ReasonRevoked, finding(s, 60).Reason, "a stale list still knows")
	require.Equal(t, trust.Successful, finding(s, -1).Result, "before it was revoked")

	_, err = s.Import(a.revoke(1), trust.ImportOptions{Now: issued})
	require.ErrorIs(t, err, fault.TrustOlder)
	require.Equal(t, trust.ReasonRevoked, finding(s, 0).Reason, "an older list takes nothing back")
	_, err = s.Import(a.revoke(3, 1), trust.ImportOptions{Now: issued})
	require.NoError(t, err)
	require.Equal(t, trust.ReasonRevoked, finding(s, 0).Reason, "the country signer itself")
}

func TestRevocationListsOfOthersAreRefused(t *testing.T) {
	a := newAuthority(t, countryTemplate())
	stranger := newAuthority(t, countryTemplate()) // of the same name
	s := storeOf(t, a.certificate.Raw)
	_, err := s.Import(stranger.revoke(1, 100), trust.ImportOptions{Now: issued})
	require.ErrorIs(t, err, fault.TrustIssuerUnknown)
	require.Empty(t, s.RevocationLists())

	template := countryTemplate()
	template.KeyUsage = x509.KeyUsageCertSign
	noLists := newAuthority(t, template)
	s = storeOf(t, noLists.certificate.Raw)
	noLists.certificate.KeyUsage = x509.KeyUsageCRLSign // or the standard library would refuse
	_, err = s.Import(noLists.revoke(1, 100), trust.ImportOptions{Now: issued})
	require.ErrorIs(t, err, fault.TrustIssuerUnknown, "its key is not for revocation lists")

	// A country signer says nothing about the certificates of another country.
	template = countryTemplate()
	template.Subject = name("UU", "Country Signer")
	foreign := newAuthority(t, template)
	s = storeOf(t, a.certificate.Raw, foreign.certificate.Raw, foreign.revoke(1, 100))
	require.Equal(t, trust.ReasonNoRevocationList, s.Path(a.issue(signerTemplate()), issued).Finding(trust.CheckRevocation).Reason)
}

func TestSeveralThingsInOneFileOfPEM(t *testing.T) {
	a := newAuthority(t, countryTemplate())
	file := append([]byte("Country Signer of Utopia\n"), pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: a.revoke(1)})...)
	file = append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw}), file...)
	var s trust.Store
	report, err := s.Import(file, trust.ImportOptions{Now: issued})
	require.NoError(t, err)
	require.Equal(t, trust.Report{Added: 1, RevocationLists: 1}, report)
	report, err = s.Import(file, trust.ImportOptions{Now: issued})
	require.NoError(t, err)
	require.Equal(t, trust.Report{Known: 1, RevocationLists: 1}, report, "twice is once")
	require.Equal(t, 1, s.Len())
}
