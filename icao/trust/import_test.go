package trust_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/trust"
	"passport-agent/internal/cms"
	"passport-agent/internal/fault"
)

// publisher signs master lists.
type publisher struct {
	authority
	signer    *ecdsa.PrivateKey
	signerDER []byte
}

var masterListSigner = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 3}

// newPublisher makes a country signer and a list signer, changed as asked for.
func newPublisher(t testing.TB, change func(*x509.Certificate)) publisher {
	t.Helper()
	p := publisher{authority: newAuthority(t, countryTemplate())}
	p.newSigner(p.authority, change)
	return p
}

func (p *publisher) newSigner(issuer authority, change func(*x509.Certificate)) {
	p.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(p.t, err)
	template := signerTemplate()
	template.Subject, template.UnknownExtKeyUsage = name("UT", "Master List Signer"), []asn1.ObjectIdentifier{masterListSigner}
	if change != nil {
		change(template)
	}
	p.signer, p.signerDER = key, issuer.certify(template, issuer.certificate, key).Raw
}

func encode(t testing.TB, value any) []byte {
	t.Helper()
	b, err := asn1.Marshal(value)
	require.NoError(t, err)
	return b
}

// element is an element of that class and tag around encoded parts.
func element(t testing.TB, class, tag int, parts ...[]byte) asn1.RawValue {
	t.Helper()
	raw := asn1.RawValue{Class: class, Tag: tag, IsCompound: true}
	for _, part := range parts {
		raw.Bytes = append(raw.Bytes, part...)
	}
	return asn1.RawValue{FullBytes: encode(t, raw)}
}

// list is a master list of these certificates, signed at a date; inside are
// certificates that stand beside the signer's own.
func (p publisher) list(date time.Time, listed [][]byte, inside ...[]byte) []byte {
	t := p.t
	content := encode(t, struct {
		Version      int
		Certificates asn1.RawValue
	}{0, element(t, asn1.ClassUniversal, asn1.TagSet, listed...)})
	type attribute struct {
		Type  asn1.ObjectIdentifier
		Value asn1.RawValue
	}
	set := func(value any) asn1.RawValue { return element(t, asn1.ClassUniversal, asn1.TagSet, encode(t, value)) }
	sum := sha256.Sum256(content)
	oid := asn1.ObjectIdentifier{2, 23, 136, 1, 1, 2}
	attributes := [][]byte{
		encode(t, attribute{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}, set(oid)}),
		encode(t, attribute{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}, set(date.UTC())}),
		encode(t, attribute{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}, set(sum[:])}),
	}
	digest := sha256.Sum256(element(t, asn1.ClassUniversal, asn1.TagSet, attributes...).FullBytes)
	signature, err := ecdsa.SignASN1(rand.Reader, p.signer, digest[:])
	require.NoError(t, err)
	own := oracle(t, p.signerDER)
	hash := pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}}
	info := encode(t, struct {
		Version    int
		Identifier struct {
			Issuer asn1.RawValue
			Serial *big.Int
		}
		Digest     pkix.AlgorithmIdentifier
		Attributes asn1.RawValue
		Algorithm  pkix.AlgorithmIdentifier
		Signature  []byte
	}{
		1, struct {
			Issuer asn1.RawValue
			Serial *big.Int
		}{asn1.RawValue{FullBytes: own.RawIssuer}, own.SerialNumber},
		hash, element(t, asn1.ClassContextSpecific, 0, attributes...), pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}}, signature,
	})
	signed := element(t, asn1.ClassUniversal, asn1.TagSequence,
		encode(t, 3), element(t, asn1.ClassUniversal, asn1.TagSet, encode(t, hash)).FullBytes,
		element(t, asn1.ClassUniversal, asn1.TagSequence, encode(t, oid), element(t, asn1.ClassContextSpecific, 0, encode(t, content)).FullBytes).FullBytes,
		element(t, asn1.ClassContextSpecific, 0, append([][]byte{p.signerDER}, inside...)...).FullBytes,
		element(t, asn1.ClassUniversal, asn1.TagSet, info).FullBytes)
	return element(t, asn1.ClassUniversal, asn1.TagSequence, encode(t, asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}),
		element(t, asn1.ClassContextSpecific, 0, signed.FullBytes).FullBytes).FullBytes
}

func (p publisher) root() *cms.Certificate {
	c, err := cms.ParseCertificate(p.certificate.Raw)
	require.NoError(p.t, err)
	return c
}

func (p publisher) options() trust.ImportOptions {
	return trust.ImportOptions{Root: p.root(), Now: issued.AddDate(0, 6, 0)}
}

// countries are country signers to put on lists.
func countries(t testing.TB, codes ...string) [][]byte {
	t.Helper()
	var list [][]byte
	for _, code := range codes {
		template := countryTemplate()
		template.Subject = name(code, "Country Signer")
		list = append(list, newAuthority(t, template).certificate.Raw)
	}
	return list
}

func TestNewerListReplacesTheOlder(t *testing.T) {
	p := newPublisher(t, nil)
	all := countries(t, "AA", "BB", "CC")
	var s trust.Store
	_, err := s.Import(all[1], trust.ImportOptions{Now: issued})
	require.NoError(t, err)
	report, err := s.Import(p.list(issued, all[:2]), p.options())
	require.NoError(t, err)
	require.Equal(t, []int{1, 1, 0}, []int{report.Added, report.Known, report.Removed})
	require.Equal(t, "UT", report.Lists[0].Publisher)
	require.Equal(t, issued, s.Date())

	older := p.list(issued.AddDate(0, 0, -1), all)
	newer := p.list(issued.AddDate(0, 0, 1), all[2:])
	report, err = s.Import(newer, p.options())
	require.NoError(t, err)
	require.Equal(t, []int{1, 0, 1}, []int{report.Added, report.Known, report.Removed})
	require.Equal(t, []string{"BB", "CC"}, s.Countries(), "AA is withdrawn, BB was imported by itself too")
	require.Len(t, s.Lists(), 1)

	_, err = s.Import(older, p.options())
	require.ErrorIs(t, err, fault.TrustOlder)
	require.Equal(t, []string{"BB", "CC"}, s.Countries())
	report, err = s.Import(newer, p.options())
	require.NoError(t, err)
	require.Equal(t, []int{0, 1, 0}, []int{report.Added, report.Known, report.Removed}, "twice is once")
	for _, signer := range s.CountrySigners() {
		want := map[string][]string{"BB": {trust.SourceFile}, "CC": {"UT"}}
		require.Equal(t, want[signer.Certificate.Subject.Country()], signer.Sources)
	}
}

// A list that withdraws everything leaves nothing behind.
func TestEmptyListWithdrawsAll(t *testing.T) {
	p := newPublisher(t, nil)
	var s trust.Store
	_, err := s.Import(p.list(issued, [][]byte{p.certificate.Raw}), p.options())
	require.NoError(t, err)
	signer := p.issue(signerTemplate())
	require.NotNil(t, s.Path(signer, issued).CountrySigner)
	report, err := s.Import(p.list(issued.AddDate(0, 0, 1), nil), p.options())
	require.NoError(t, err)
	require.Equal(t, 1, report.Removed)
	require.Zero(t, s.Len())
	require.Nil(t, s.Path(signer, issued).CountrySigner)
}

func TestListsThatMustNotBeTrusted(t *testing.T) {
	all := countries(t, "AA")
	for what, change := range map[string]func(*x509.Certificate){
		"a document signer":            func(c *x509.Certificate) { c.UnknownExtKeyUsage = nil },
		"a signer of deviation lists":  func(c *x509.Certificate) { c.UnknownExtKeyUsage[0] = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 8} },
		"a key for certificates":       func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign },
		"a signer expired at the date": func(c *x509.Certificate) { c.NotAfter = issued.AddDate(0, 0, -1) },
		"a signer without a country":   func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "x"} },
	} {
		p := newPublisher(t, change)
		var s trust.Store
		_, err := s.Import(p.list(issued, all), p.options())
		require.ErrorIs(t, err, fault.TrustSignature, what)
		require.Zero(t, s.Len(), what)
	}
	p, stranger := newPublisher(t, nil), newPublisher(t, nil) // of the same name
	var s trust.Store
	_, err := s.Import(p.list(issued, all), stranger.options())
	require.ErrorIs(t, err, fault.TrustSignature)
	_, err = s.Import(p.list(issued, all), trust.ImportOptions{Now: issued})
	require.ErrorIs(t, err, fault.TrustRootMissing)
	options := p.options()
	options.Now = issued.AddDate(0, 0, -2)
	_, err = s.Import(p.list(issued, all), options)
	require.ErrorIs(t, err, fault.TrustSignature, "from the future")
	p.signer = stranger.signer
	_, err = s.Import(p.list(issued, all), p.options())
	require.ErrorIs(t, err, fault.TrustSignature, "signed with another key than the certificate's")
	require.Zero(t, s.Len())
}

// The root may be an older key: a link certificate in the list leads to it.
func TestRootIsReachedThroughALinkCertificate(t *testing.T) {
	p := newPublisher(t, nil)
	template := countryTemplate()
	template.SerialNumber = big.NewInt(2)
	young := newAuthority(t, template)
	template.SubjectKeyId = young.certificate.SubjectKeyId
	link := p.certify(template, p.certificate, young.key)
	p.newSigner(young, nil)
	var s trust.Store
	_, err := s.Import(p.list(issued, countries(t, "AA")), p.options())
	require.ErrorIs(t, err, fault.TrustSignature, "the link is missing")
	_, err = s.Import(p.list(issued, countries(t, "AA"), link.Raw), p.options())
	require.NoError(t, err)

	// What the list signer itself certifies is no link.
	q := newPublisher(t, nil)
	first := q.signerDER
	q.newSigner(authority{t, q.signer, oracle(t, first)}, nil)
	_, err = s.Import(q.list(issued, countries(t, "BB"), first), q.options())
	require.ErrorIs(t, err, fault.TrustSignature)
	require.Equal(t, []string{"AA"}, s.Countries())
}

func TestUnreadableCertificateDoesNotKeepTheOthersOut(t *testing.T) {
	p := newPublisher(t, nil)
	all := countries(t, "AA", "BB")
	var s trust.Store
	report, err := s.Import(p.list(issued, [][]byte{all[0], {0x30, 0x03, 0x02, 0x01, 0x01}, all[1]}), p.options())
	require.NoError(t, err)
	require.Equal(t, 2, report.Added)
	require.Len(t, report.LeftOut, 1)
	require.Contains(t, report.LeftOut[0], "2: ")
	require.Equal(t, 1, report.Lists[0].Unreadable)
}

func TestSingleCertificateHasToLeadToTheRootGiven(t *testing.T) {
	p, stranger := newPublisher(t, nil), newPublisher(t, nil)
	var s trust.Store
	_, err := s.Import(p.certificate.Raw, stranger.options())
	require.ErrorIs(t, err, fault.TrustSignature)
	_, err = s.Import(p.certificate.Raw, p.options())
	require.NoError(t, err)
	require.Equal(t, 1, s.Len())
}

func TestWhatIsNeitherIsNamed(t *testing.T) {
	p := newPublisher(t, nil)
	list := p.list(issued, countries(t, "AA"))
	var s trust.Store
	for what, b := range map[string][]byte{
		"nothing": nil, "text": []byte("hello"), "cut off": list[:len(list)-1], "empty PEM": []byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"), "bad PEM": []byte("-----BEGIN CERTIFICATE-----\n"),
	} {
		_, err := s.Import(b, p.options())
		require.ErrorIs(t, err, fault.TrustFileUnknown, what)
	}
	for i := range list {
		_, err := s.Import(list[:i], p.options())
		require.ErrorIs(t, err, fault.TrustFileUnknown, "%d bytes", i)
	}
}

func TestFolderIsImportedWhateverTheOrder(t *testing.T) {
	p := newPublisher(t, nil)
	folder := t.TempDir()
	write := func(name string, b []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), b, 0o600))
	}
	write("1 revocation.crl", p.revoke(1))
	write("2 list.ml", p.list(issued, countries(t, "AA", "BB")))
	write("3 country.cer", p.certificate.Raw)
	write("4 notes.txt", []byte("fetched in May"))
	require.NoError(t, os.Mkdir(filepath.Join(folder, "below"), 0o700))
	outside := filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.WriteFile(outside, countries(t, "CC")[0], 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(folder, "5 link.cer")))

	var s trust.Store
	reports, err := s.ImportFiles(t.Context(), []string{folder}, trust.ImportOptions{Now: issued})
	require.NoError(t, err)
	require.Len(t, reports, 4)
	require.NoError(t, reports[0].Err)
	require.NoError(t, reports[1].Err)
	require.Equal(t, 2, reports[1].Report.Added)
	require.ErrorIs(t, reports[3].Err, fault.TrustFileUnknown)
	require.Equal(t, []string{"AA", "BB", "UT"}, s.Countries())
	require.Len(t, s.RevocationLists(), 1)

	_, err = s.ImportFiles(t.Context(), []string{filepath.Join(folder, "missing")}, trust.ImportOptions{})
	require.ErrorIs(t, err, fault.InputFileMissing)
}
