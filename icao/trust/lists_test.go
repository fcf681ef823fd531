package trust_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/trust"
	"passport-agent/internal/cms"
	"passport-agent/internal/fault"
	"passport-agent/internal/icaotest"
)

// published is a master list as its publisher gave it out, with the root that the
// publisher names.
type published struct{ list, root, country string }

var (
	german = published{"DE_ML_2026-05-28-08-28-45.ml", "DE_ROOT_CA_CSCA07.cer", "DE"}
	dutch  = published{"NL_ML_2026-07-22.ml", "NL_ROOT_CA.cer", "NL"}
	both   = []published{german, dutch}
	when   = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
)

func (p published) read(t testing.TB) (list []byte, root *cms.Certificate) {
	t.Helper()
	folder := icaotest.SharedData(t, "master-lists")
	list, err := os.ReadFile(filepath.Join(folder, p.list))
	require.NoError(t, err)
	der, err := os.ReadFile(filepath.Join(folder, p.root))
	require.NoError(t, err)
	root, err = cms.ParseCertificate(der)
	require.NoError(t, err)
	return list, root
}

func published2026(t testing.TB) *trust.Store {
	t.Helper()
	var s trust.Store
	for _, p := range both {
		list, root := p.read(t)
		_, err := s.Import(list, trust.ImportOptions{Root: root, Now: when})
		require.NoError(t, err)
	}
	return &s
}

func TestPublishedListsLeadToTheirRoots(t *testing.T) {
	var s trust.Store
	counts := map[string][3]int{"DE": {588, 588, 0}, "NL": {411, 39, 372}}
	for _, p := range both {
		list, root := p.read(t)
		report, err := s.Import(list, trust.ImportOptions{Root: root, Now: when})
		require.NoError(t, err)
		require.Empty(t, report.LeftOut)
		require.Equal(t, p.country, report.Lists[0].Publisher)
		require.Equal(t, counts[p.country], [3]int{report.Lists[0].Certificates, report.Added, report.Known})
		require.WithinDuration(t, when, report.Lists[0].Date, 200*24*time.Hour)
	}
	require.Len(t, s.Lists(), 2)
	require.Equal(t, "2026-07-23", s.Date().Format(time.DateOnly))
	require.Equal(t, 627, s.Len())
	require.Greater(t, len(s.Countries()), 100)
}

func TestPublishedListsLeadToNoOtherRoot(t *testing.T) {
	germanList, germanRoot := german.read(t)
	dutchList, dutchRoot := dutch.read(t)
	var s trust.Store
	_, err := s.Import(germanList, trust.ImportOptions{Root: dutchRoot, Now: when})
	require.ErrorIs(t, err, fault.TrustSignature)
	_, err = s.Import(dutchList, trust.ImportOptions{Root: germanRoot, Now: when})
	require.ErrorIs(t, err, fault.TrustSignature)
	_, err = s.Import(germanList, trust.ImportOptions{Now: when})
	require.ErrorIs(t, err, fault.TrustRootMissing)
	_, err = s.Import(germanList, trust.ImportOptions{Root: germanRoot, Now: when.AddDate(-1, 0, 0)})
	require.ErrorIs(t, err, fault.TrustSignature, "signed later than today")
	for _, at := range []int{1000, len(germanList) / 2, len(germanList) - 10} {
		changed := append([]byte{}, germanList...)
		changed[at] ^= 1
		_, err = s.Import(changed, trust.ImportOptions{Root: germanRoot, Now: when})
		require.ErrorIs(t, err, fault.TrustSignature, "byte %d", at)
	}
	require.Zero(t, s.Len(), "what fails leaves nothing behind")
	require.Empty(t, s.Lists())
}

// A publisher whose country signer is trusted already needs no root.
func TestListIsTrustedThroughTheStore(t *testing.T) {
	dutchList, dutchRoot := dutch.read(t)
	var s trust.Store
	_, err := s.Import(dutchRoot.Raw, trust.ImportOptions{Now: when})
	require.NoError(t, err)
	_, err = s.Import(dutchList, trust.ImportOptions{Now: when})
	require.NoError(t, err)
	require.GreaterOrEqual(t, s.Len(), 411)
}

// issuerElsewhere are the link certificates whose issuing key, a former one of the
// country, is on neither list: their signature cannot be checked by anybody who has no
// more than the lists. By country and beginning of the fingerprint.
var issuerElsewhere = []string{
	"AE ced14936", "AT 1c125bb1", "BG 09d0ddcc", "CY 02d2b62b", "EE 19a08534", "HU 2d31ad32",
	"LB 0efbf59f", "LV d7c8eeac", "MA 43e503d3", "MD d3bd3bcb", "PH 443c30c7", "TR acd6890a",
}

// Every certificate on the lists: it is parsed, its key is known, and it is signed by
// itself or, as a link or cross certificate, by another one on the lists. Those whose
// issuer is not on the lists are named; nothing else may fail.
func TestEveryPublishedSignatureIsAccountedFor(t *testing.T) {
	s := published2026(t)
	all := s.CountrySigners()
	bySubjectKey := map[string][]*cms.Certificate{}
	for _, signer := range all {
		id := string(signer.Certificate.Extensions.SubjectKeyID)
		bySubjectKey[id] = append(bySubjectKey[id], signer.Certificate)
	}
	counts := map[string]int{}
	var elsewhere []string
	for _, signer := range all {
		c := signer.Certificate
		_, err := c.PublicKey()
		require.NoError(t, err, "%s", c.Subject)
		if c.SelfIssued() && (c.Identifies(c) || len(c.Extensions.AuthorityKeyID) == 0) {
			require.NoError(t, c.CheckSignatureFrom(c), "%s %s", c.Subject, signer.Fingerprint)
			counts["signed by itself"]++
			continue
		}
		issuers := bySubjectKey[string(c.Extensions.AuthorityKeyID)]
		if len(issuers) == 0 {
			require.ErrorIs(t, c.CheckSignatureFrom(c), cms.ErrSignature, "%s: nor is it signed by itself", c.Subject)
			elsewhere = append(elsewhere, c.Subject.Country()+" "+signer.Fingerprint[:8])
			counts["issuer not on the lists"]++
			continue
		}
		require.True(t, slices.ContainsFunc(issuers, func(issuer *cms.Certificate) bool { return c.CheckSignatureFrom(issuer) == nil }),
			"%s %s is not signed by the key it names", c.Subject, signer.Fingerprint)
		counts["signed by another"]++
	}
	slices.Sort(elsewhere)
	require.Equal(t, issuerElsewhere, elsewhere)
	require.Equal(t, map[string]int{"signed by itself": 414, "signed by another": 201, "issuer not on the lists": 12}, counts)
}

func TestPublishedStoreIsKept(t *testing.T) {
	s := published2026(t)
	folder := filepath.Join(t.TempDir(), "data")
	require.NoError(t, s.Save(t.Context(), folder))
	again, err := trust.Load(t.Context(), folder)
	require.NoError(t, err)
	require.Equal(t, s.Lists(), again.Lists())
	require.Equal(t, fingerprints(s), fingerprints(again))
}

func fingerprints(s *trust.Store) map[string][]string {
	all := map[string][]string{}
	for _, signer := range s.CountrySigners() {
		all[signer.Fingerprint] = signer.Sources
	}
	return all
}

// The BSI's reference passport: everything right, its country signer not public.
func TestSignatureOfTheReferencePassport(t *testing.T) {
	sod, err := os.ReadFile(filepath.Join(icaotest.SharedData(t, "bsi-reference-passport"), "EF.SOD.bin"))
	require.NoError(t, err)
	signed, err := cms.ParseSignedData(sod[4:])
	require.NoError(t, err)
	s := published2026(t)
	findings := func(at string) map[trust.Check]trust.Finding {
		date, err := time.Parse(time.DateOnly, at)
		require.NoError(t, err)
		verifications := s.Verify(signed, date)
		require.Len(t, verifications, 1)
		require.Nil(t, verifications[0].CountrySigner)
		require.False(t, verifications[0].OtherIdentifier)
		byCheck := map[trust.Check]trust.Finding{}
		for _, f := range verifications[0].Findings {
			byCheck[f.Check] = f
		}
		return byCheck
	}
	then := findings("2014-06-01")
	require.Equal(t, trust.Successful, then[trust.CheckSignature].Result)
	require.Equal(t, trust.Finding{Check: trust.CheckPath, Result: trust.Undetermined, Reason: trust.ReasonSignerUnknown}, then[trust.CheckPath])
	require.Equal(t, trust.Successful, then[trust.CheckSignerValidity].Result)
	for _, f := range then {
		require.NotEqual(t, trust.Failed, f.Result, "%s", f.Check)
	}
	now := findings("2026-11-23")
	require.Equal(t, trust.Finding{Check: trust.CheckSignerValidity, Result: trust.Failed, Reason: trust.ReasonExpired}, now[trust.CheckSignerValidity])
	delete(now, trust.CheckSignerValidity)
	delete(then, trust.CheckSignerValidity)
	require.Equal(t, then, now, "nothing else depends on the date")
}

func BenchmarkImportBothLists(b *testing.B) {
	germanList, germanRoot := german.read(b)
	dutchList, dutchRoot := dutch.read(b)
	for b.Loop() {
		var s trust.Store
		_, err := s.Import(germanList, trust.ImportOptions{Root: germanRoot, Now: when})
		require.NoError(b, err)
		_, err = s.Import(dutchList, trust.ImportOptions{Root: dutchRoot, Now: when})
		require.NoError(b, err)
		require.NoError(b, s.Save(b.Context(), b.TempDir()))
	}
}

// BenchmarkLoad700 is the start of the program with 700 country signers: those of both
// lists and as many more as that takes. Keys are parsed when they are needed
// (TestKeysAreParsedWhenNeeded).
func BenchmarkLoad700(b *testing.B) {
	s := published2026(b)
	random := seeded(70)
	key := newSigningKey(b, "brainpoolP384r1", random)
	for serial := int64(1); s.Len() < 700; serial++ {
		_, err := s.Import(certify(b, key, nil, request{common: "CSCA", serial: serial, authority: true}).der, trust.ImportOptions{Now: when})
		require.NoError(b, err)
	}
	benchmarkLoad(b, s)
}

// BenchmarkLoadPKD is the same with as many document signers as the PKD has: they are
// not read before one is needed.
func BenchmarkLoadPKD(b *testing.B) { benchmarkLoad(b, pkdStore(b)) }

const pkdSigners = 30_000

// pkdDownload is a directory of document signers that differ in the last bytes of their
// signatures.
func pkdDownload(b *testing.B) []byte {
	b.Helper()
	random := seeded(71)
	authority := certify(b, newSigningKey(b, "P-256", random), nil, request{common: "CSCA", serial: 1, authority: true})
	one := certify(b, newSigningKey(b, "P-256", random), authority, request{common: "DS", serial: 1 << 40}).der
	var entries []string
	for i := range pkdSigners {
		changed := append([]byte{}, one...)
		copy(changed[len(changed)-3:], []byte{byte(i >> 16), byte(i >> 8), byte(i)})
		entries = append(entries, ldifEntry(fmt.Sprintf("cn=%d,o=dsc,c=UT%s", i, inPKD), binary("userCertificate;binary", changed)))
	}
	return ldif(entries...)
}

func pkdStore(b *testing.B) *trust.Store {
	s := published2026(b)
	_, err := s.Import(pkdDownload(b), trust.ImportOptions{Now: when})
	require.NoError(b, err)
	require.Equal(b, pkdSigners, s.DocumentSigners())
	return s
}

// BenchmarkImportPKD is a download with 30 000 document signers, read and saved.
func BenchmarkImportPKD(b *testing.B) {
	download := pkdDownload(b)
	b.SetBytes(int64(len(download)))
	for b.Loop() {
		var s trust.Store
		_, err := s.Import(download, trust.ImportOptions{Now: when})
		require.NoError(b, err)
		require.NoError(b, s.Save(b.Context(), b.TempDir()))
	}
}

// BenchmarkFindSigner is the first document that carries no signer: 30 000 are read.
func BenchmarkFindSigner(b *testing.B) {
	folder := b.TempDir()
	require.NoError(b, pkdStore(b).Save(b.Context(), folder))
	c := newCountry(b)
	signed, err := cms.ParseSignedData(c.sod)
	require.NoError(b, err)
	for b.Loop() {
		b.StopTimer()
		s, err := trust.Load(b.Context(), folder)
		require.NoError(b, err)
		b.StartTimer()
		require.Equal(b, trust.ReasonNoCertificate, s.Verify(signed, when)[0].Finding(trust.CheckSignature).Reason)
	}
}

func benchmarkLoad(b *testing.B, s *trust.Store) {
	folder := b.TempDir()
	require.NoError(b, s.Save(b.Context(), folder))
	b.ReportAllocs()
	start := processorTime()
	for b.Loop() {
		again, err := trust.Load(b.Context(), folder)
		require.NoError(b, err)
		require.Equal(b, s.Len(), again.Len())
	}
	b.ReportMetric(float64((processorTime()-start).Microseconds())/1000/float64(b.N), "cpu-ms/op")
	b.ReportMetric(float64(s.Len()), "signers")
}

// One signature by each kind of key that country signers have.
func BenchmarkSignature(b *testing.B) {
	kinds := map[string]*cms.Certificate{}
	for _, signer := range published2026(b).CountrySigners() {
		if c := signer.Certificate; c.CheckSignatureFrom(c) == nil {
			key, err := c.PublicKey()
			require.NoError(b, err)
			kinds[key.String()] = c
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				require.NoError(b, kinds[kind].CheckSignatureFrom(kinds[kind]))
			}
		})
	}
}
