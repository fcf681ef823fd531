package trust_test

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"passport-agent/icao/trust"
	"passport-agent/internal/fault"
)

// Entries as the ICAO PKD names them.
const (
	inPKD      = ",dc=data,dc=download,dc=pkd,dc=icao,dc=int"
	signerName = "cn=OU\\=Identity\\,C\\=UT+sn=0102,o=dsc,c=UT" + inPKD
	listName   = "cn=CN\\=CSCA\\,C\\=UT,o=ml,c=UT" + inPKD
	crlName    = "cn=CN\\=CSCA\\,C\\=UT,o=crl,c=UT" + inPKD
)

// folded is a line in the width of the PKD's, what follows after a space each.
func folded(line, end string) string {
	const width = 76
	var b strings.Builder
	for len(line) > width {
		b.WriteString(line[:width] + end + " ")
		line = line[width:]
	}
	return b.String() + line + end
}

func binary(attribute string, value []byte) string {
	return folded(attribute+":: "+base64.StdEncoding.EncodeToString(value), "\n")
}

// entry is a record; parts are whole lines.
func ldifEntry(name string, parts ...string) string {
	return folded("dn: "+name, "\n") + strings.Join(parts, "") + "\n"
}

func ldif(entries ...string) []byte { return []byte("version: 1\n\n" + strings.Join(entries, "")) }

// country is an authority with a list signer, a document signer and a document whose
// security object carries no certificate.
type country struct {
	publisher publisher
	authority *made
	signer    *made
	sod       []byte
}

func newCountry(t testing.TB) country {
	t.Helper()
	c := country{publisher: newPublisher(t, nil)}
	random := seeded(7)
	c.authority = certify(t, newSigningKey(t, "P-256", random), nil, request{common: "CSCA", serial: 1, authority: true})
	c.signer = certify(t, newSigningKey(t, "P-256", random), c.authority, request{common: "DS", serial: 258})
	c.sod = message{content: hashList, signer: c.signer, at: issued, certificates: []*made{}}.encode(t)
	return c
}

func (c country) list() []byte { return c.publisher.list(issued, [][]byte{c.authority.der}) }

func (c country) directory(t testing.TB) []byte {
	return ldif(
		ldifEntry("dc=data,dc=download,dc=pkd,dc=icao,dc=int", "objectClass: top\n", "objectClass: domain\n"),
		ldifEntry(crlName, "objectClass: cRLDistributionPoint\n", binary("certificateRevocationList;binary", c.authority.revocationList(t, issued, 300))),
		ldifEntry(signerName, "objectClass: inetOrgPerson\n", "pkdVersion: 90\n", binary("userCertificate;binary", c.signer.der), "sn: 0102\n"),
		ldifEntry(listName, "objectClass: pkdMasterList\n", "sn: 1\n", binary("pkdMasterListContent", c.list())),
	)
}

// A download of the PKD is all that a document needs which carries no certificate. The
// revocation list stands before the master list that brings its issuer.
func TestPKDIsImported(t *testing.T) {
	c := newCountry(t)
	var s trust.Store
	report, err := s.Import(c.directory(t), c.publisher.options())
	require.NoError(t, err)
	require.Empty(t, report.LeftOut)
	require.Equal(t, []int{1, 1, 1}, []int{report.Added, report.RevocationLists, len(report.Lists)})
	require.Equal(t, trust.Count{Added: 1}, report.DocumentSigners)
	require.Equal(t, 1, s.DocumentSigners())
	require.True(t, believed(&s, c.sod))

	report, err = s.Import(c.directory(t), c.publisher.options())
	require.NoError(t, err)
	require.Equal(t, trust.Count{Known: 1}, report.DocumentSigners, "twice is once")
	var empty trust.Store
	require.False(t, believed(&empty, c.sod))

	folder := t.TempDir()
	require.NoError(t, s.Save(t.Context(), folder))
	again, err := trust.Load(t.Context(), folder)
	require.NoError(t, err)
	require.Equal(t, 1, again.DocumentSigners())
	require.True(t, believed(again, c.sod), "kept")
	byKey := message{content: hashList, signer: c.signer, at: issued, certificates: []*made{}, byKeyID: true}.encode(t)
	require.True(t, believed(again, byKey), "found by its key identifier")
}

// The order of files, line ends, comments, case and folding do not matter.
func TestLDIFIsReadHoweverItIsWritten(t *testing.T) {
	c := newCountry(t)
	for what, change := range map[string]func(string) string{
		"as it is":   func(s string) string { return s },
		"CR and LF":  func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
		"byte order": func(s string) string { return "\xEF\xBB\xBF" + s },
		"comments": func(s string) string {
			return "# a comment\n that goes on\n" + strings.ReplaceAll(s, "sn: ", "# sn: \nsn: ")
		},
		"more empty":     func(s string) string { return "\n" + strings.ReplaceAll(s, "\n\n", "\n\n\n\n") },
		"not folded":     func(s string) string { return strings.ReplaceAll(s, "\n ", "") },
		"no version":     func(s string) string { return strings.TrimPrefix(s, "version: 1\n\n") },
		"one record":     func(s string) string { return strings.Replace(s, "version: 1\n\n", "version: 1\n", 1) },
		"other case":     func(s string) string { return strings.ReplaceAll(s, "userCertificate", "USERcertificate") },
		"no end of line": func(s string) string { return strings.TrimRight(s, "\n") },
		"name in base64": func(s string) string {
			return strings.Replace(s, folded("dn: "+signerName, "\n"), "dn:: "+base64.StdEncoding.EncodeToString([]byte(signerName))+"\n", 1)
		},
	} {
		var s trust.Store
		report, err := s.Import([]byte(change(string(c.directory(t)))), c.publisher.options())
		require.NoError(t, err, what)
		require.Empty(t, report.LeftOut, what)
		require.True(t, believed(&s, c.sod), what)
		require.Len(t, s.RevocationLists(), 1, what)
	}
}

// Nobody has signed the directory: it makes no country signer trusted, and takes no
// revocation list away.
func TestDirectoryIsNotTrustedItself(t *testing.T) {
	c := newCountry(t)
	pemBlock := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.authority.der})
	for what, part := range map[string]string{
		"a country signer as a document signer": binary("userCertificate;binary", c.authority.der),
		"a country signer as a list":            binary("pkdMasterListContent", c.authority.der),
		"a country signer as revocation list":   binary("certificateRevocationList;binary", c.authority.der),
		"the same in PEM":                       binary("pkdMasterListContent", pemBlock),
		"a list that leads nowhere":             binary("pkdMasterListContent", c.list()),
	} {
		var s trust.Store
		report, err := s.Import(ldif(ldifEntry(signerName, part)), trust.ImportOptions{Now: issued})
		require.NoError(t, err, what)
		require.Len(t, report.LeftOut, 1, what)
		require.Contains(t, report.LeftOut[0], "record 1: ", what)
		require.Zero(t, s.Len(), what)
	}
	s := storeOf(t, c.authority.der)
	_, err := s.Import(c.directory(t), trust.ImportOptions{Now: issued})
	require.NoError(t, err)
	require.Len(t, s.RevocationLists(), 1)
	_, err = s.Import(ldif(
		ldifEntry(crlName, "changetype: delete\n"),
		ldifEntry(crlName, "changetype: modify\n", "delete: certificateRevocationList;binary\n", "-\n"),
		ldifEntry(crlName, "changetype: modify\n", "replace: certificateRevocationList;binary\n", "-\n"),
	), trust.ImportOptions{Now: issued})
	require.NoError(t, err)
	require.Len(t, s.RevocationLists(), 1)
	newer := c.authority.revocationList(t, issued.AddDate(0, 0, 1), 258)
	report, err := s.Import(ldif(ldifEntry(crlName, "changetype: modify\n", "replace: certificateRevocationList;binary\n", binary("certificateRevocationList;binary", newer), "-\n")), trust.ImportOptions{Now: issued})
	require.NoError(t, err)
	require.Equal(t, 1, report.RevocationLists)
	require.Equal(t, newer, s.RevocationLists()[0].Raw, "a newer one takes its place")
}

func TestChangesOfTheDirectoryAreFollowed(t *testing.T) {
	c := newCountry(t)
	other := certify(t, c.signer.key, c.authority, request{common: "DS", serial: 259})
	both := []string{binary("userCertificate;binary", c.signer.der), binary("userCertificate;binary", other.der)}
	for what, step := range map[string]struct {
		change string
		counts trust.Count
		left   int
	}{
		"added":                 {ldifEntry(signerName, "changetype: add\n", both[1]), trust.Count{Added: 1}, 2},
		"deleted":               {ldifEntry(strings.ToUpper(signerName), "changetype: delete\n"), trust.Count{Removed: 1}, 0},
		"deleted elsewhere":     {ldifEntry("cn=x"+inPKD, "changetype: delete\n"), trust.Count{}, 1},
		"value added":           {ldifEntry(signerName, "changetype: modify\n", "add: userCertificate;binary\n", both[1], "-\n"), trust.Count{Added: 1}, 2},
		"value deleted":         {ldifEntry(signerName, "changetype: modify\n", "delete: userCertificate;binary\n", both[0], "-\n"), trust.Count{Removed: 1}, 0},
		"another value deleted": {ldifEntry(signerName, "changetype: modify\n", "delete: userCertificate;binary\n", both[1], "-\n"), trust.Count{}, 1},
		"all values deleted":    {ldifEntry(signerName, "changetype: modify\n", "replace: sn\n", "sn: 5\n", "-\n", "delete: userCertificate;binary\n", "-\n"), trust.Count{Removed: 1}, 0},
		"replaced":              {ldifEntry(signerName, "changetype: modify\n", "replace: userCertificate;binary\n", both[1], "-\n"), trust.Count{Added: 1, Removed: 1}, 1},
		"other attribute":       {ldifEntry(signerName, "changetype: modify\n", "replace: pkdVersion\n", "pkdVersion: 91\n", "-\n") + ldifEntry(signerName, "changetype: add\n", both[0]), trust.Count{Known: 1}, 1},
	} {
		s := storeOf(t, c.authority.der, ldif(ldifEntry(signerName, both[0])))
		report, err := s.Import(ldif(step.change), trust.ImportOptions{Now: issued})
		require.NoError(t, err, what)
		require.Equal(t, step.counts, report.DocumentSigners, what)
		require.Equal(t, step.left, s.DocumentSigners(), what)
		folder := t.TempDir()
		require.NoError(t, s.Save(t.Context(), folder))
		again, err := trust.Load(t.Context(), folder)
		require.NoError(t, err)
		require.Equal(t, step.left, again.DocumentSigners(), "%s, kept", what)
	}
	// What a person imported is not the directory's to take away.
	s := storeOf(t, c.authority.der, c.signer.der, ldif(ldifEntry(signerName, both[0])))
	_, err := s.Import(ldif(ldifEntry(signerName, "changetype: delete\n")), trust.ImportOptions{Now: issued})
	require.NoError(t, err)
	require.Equal(t, 1, s.DocumentSigners())
}

// One record that is broken, or larger than any, does not keep the others out.
func TestBrokenRecordsAreLeftOut(t *testing.T) {
	c := newCountry(t)
	good := ldifEntry(signerName, binary("userCertificate;binary", c.signer.der))
	for what, bad := range map[string]string{
		"no name":                 "sn: 1\n\n",
		"no value":                "dn: cn=a\nnothing\n\n",
		"no base64":               "dn: cn=a\nuserCertificate;binary:: ?\n\n",
		"no certificate":          ldifEntry("cn=a", binary("userCertificate;binary", []byte{0x30, 0})),
		"a value elsewhere":       "dn: cn=a\nuserCertificate;binary:< file:///etc/passwd\n\n",
		"another kind of change":  "dn: cn=a\nchangetype: modrdn\nnewrdn: cn=b\ndeleteoldrdn: 1\n\n",
		"a very long value":       "dn: cn=a\ndescription: " + strings.Repeat("x", 49<<20) + "\n\n",
		"a very long folded line": "dn: cn=a\ndescription: " + strings.Repeat(strings.Repeat("x", 1<<20)+"\n ", 49) + "\n\n",
		"very many lines":         "dn: cn=a\n" + strings.Repeat("sn: 1\n", 20_000) + "\n",
		"a very long name":        "dn: " + strings.Repeat("x", 9<<10) + "\n\n",
	} {
		s := storeOf(t, c.authority.der)
		report, err := s.Import([]byte("version: 1\n\n"+bad+good), trust.ImportOptions{Now: issued})
		require.NoError(t, err, what)
		require.Len(t, report.LeftOut, 1, what)
		require.Contains(t, report.LeftOut[0], "record 1: ", what)
		require.True(t, believed(s, c.sod), what)
	}
	var s trust.Store
	_, err := s.Import(ldif(ldifEntry("dc=int", "dc: int\n")), trust.ImportOptions{})
	require.ErrorIs(t, err, fault.TrustFileUnknown, "a directory of something else")
}

// A name that a directory gives an entry is taken as text, however it is written.
func TestLDIFNeverPanics(t *testing.T) {
	c := newCountry(t)
	whole := string(c.directory(t))
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(0, len(whole)).Draw(t, "at")
		end := rapid.IntRange(at, len(whole)).Draw(t, "end")
		with := rapid.SampledFrom([]string{"", "\n", "\n\n", ":", "::", " ", "-\n", "\x00", "changetype: modify\n", "dn:", "#"}).Draw(t, "with")
		var s trust.Store
		if _, err := s.Import([]byte(whole[:at]+with+whole[end:]), c.publisher.options()); err != nil {
			require.NotErrorIs(t, err, fault.Unexpected)
		}
		require.LessOrEqual(t, s.Len(), 1)
	})
}

// However the serial number is written, the signer is found among others.
func TestKeptSignersAreFoundBySerialNumber(t *testing.T) {
	c := newCountry(t)
	serials := []int64{0, 1, 127, 128, 255, 256, 65_536, 1 << 40, -1, -129}
	var s trust.Store
	for _, serial := range serials {
		signer := certify(t, c.signer.key, c.authority, request{common: "DS", serial: serial})
		_, err := s.Import(signer.der, trust.ImportOptions{Now: issued})
		require.NoError(t, err)
	}
	for _, serial := range append(serials, 2) {
		named := *c.signer
		named.serial = serial
		signed := parse(t, append(make([]byte, 4), message{content: hashList, signer: &named, at: issued, certificates: []*made{}}.encode(t)...))
		v := s.Verify(signed, issued)[0]
		if serial == 2 {
			require.Nil(t, v.Signer)
			continue
		}
		require.Equal(t, trust.Successful, v.Finding(trust.CheckSignature).Result, "%d", serial)
		require.Equal(t, serial, v.Signer.Serial.Int64())
	}
}

// Several files and folders in one import find what they need in one another; a file
// that is named and of no use makes all of it fail.
func TestFilesOfOneImportFindOneAnother(t *testing.T) {
	c := newCountry(t)
	folder := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, b, 0o600))
		return path
	}
	objects := write("objects.ldif", ldif(
		ldifEntry(crlName, binary("certificateRevocationList;binary", c.authority.revocationList(t, issued))),
		ldifEntry(signerName, binary("userCertificate;binary", c.signer.der))))
	lists := write("lists.ldif", ldif(ldifEntry(listName, binary("pkdMasterListContent", c.list()))))
	crl := write("other.crl", c.publisher.revoke(1))
	var s trust.Store
	var told []string
	o := c.publisher.options()
	o.Progress = func(file string, done, total int64) {
		if done == total {
			told = append(told, file)
		}
	}
	reports, err := s.ImportFiles(t.Context(), []string{objects, lists}, o)
	require.NoError(t, err)
	require.Equal(t, 1, reports[0].Report.RevocationLists, "its issuer came later")
	require.Equal(t, trust.Count{Added: 1}, reports[0].Report.DocumentSigners)
	require.Contains(t, told, "objects.ldif")
	require.Contains(t, told, "lists.ldif")
	require.True(t, believed(&s, c.sod))

	_, err = s.ImportFiles(t.Context(), []string{lists, crl}, o)
	require.ErrorIs(t, err, fault.TrustIssuerUnknown)
	require.ErrorContains(t, err, "other.crl", "whose issuer is not on the list")

	cancelled, cancel := context.WithCancel(t.Context())
	o.Progress = func(string, int64, int64) { cancel() }
	_, err = s.ImportFiles(cancelled, []string{lists, objects}, o)
	require.ErrorIs(t, err, context.Canceled)
}
