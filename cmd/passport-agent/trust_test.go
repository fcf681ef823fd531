package main

import (
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/trust"
	"passport-agent/internal/fault"
	"passport-agent/tap"
	"passport-agent/virtual"
)

// A folder with all sorts of files, a directory among them: what is of use is imported,
// the rest is named. The document signer of the directory is kept.
func TestFolderIsImported(t *testing.T) {
	document := specimen(t)
	folder, data := t.TempDir(), t.TempDir()
	write := func(name string, b []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), b, 0o600))
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: document.CSCA})
	write("countries.pem", append(block, block...))
	write("directory.ldif", []byte("dn: o=dsc,c=UT\nuserCertificate;binary:: "+base64.StdEncoding.EncodeToString(document.Signer)+"\n"))
	write("notes.txt", []byte("fetched in May"))

	o := command(t, nil, "", "trust", "import", folder, "--data-dir", data)
	require.Zero(t, o.exit, o.err)
	for _, line := range []string{"countries.pem: 1 added, 1 known", "document signers: 1 added", "notes.txt: left out: ", "1 document signers are kept", "1 country signers are trusted."} {
		require.Contains(t, o.out, line)
	}
	var report trustReport
	command(t, nil, "", "trust", "import", folder, "--json", "--data-dir", data).document(t, &report)
	require.Len(t, report.Imported, 3)
	require.Equal(t, 2, report.Imported[0].Known)
	require.Equal(t, trust.Count{Known: 1}, report.Imported[1].DocumentSigners)
	require.Equal(t, fault.TrustFileUnknown, report.Imported[2].Error.Code)
	require.Nil(t, report.Error)

	// The same file, named itself, makes all of it fail, and nothing is kept.
	empty := t.TempDir()
	o = command(t, nil, "", "trust", "import", filepath.Join(folder, "countries.pem"), filepath.Join(folder, "notes.txt"), "--data-dir", empty)
	require.Equal(t, fault.ExitUsage, o.exit)
	require.Contains(t, o.err, "notes.txt")
	root := filepath.Join(folder, "countries.pem")
	require.Zero(t, command(t, nil, "", "trust", "import", root, "--root", root, "--data-dir", t.TempDir()).exit, "it is its own root")
	var list trustReport
	command(t, nil, "", "trust", "list", "--json", "--data-dir", empty).document(t, &list)
	require.Empty(t, list.Certificates)
}

// Scripts ask with the exit status, programs read the document, people the lines.
func TestTrustCheck(t *testing.T) {
	data := t.TempDir()
	var report trustCheckReport
	o := command(t, nil, "", "trust", "check", "--json", "--data-dir", data)
	o.document(t, &report)
	require.Equal(t, fault.ExitCheckFailed, o.exit, "an empty store proves nothing")
	require.Equal(t, trust.ConcernEmpty, report.Concerns[0].Kind)
	require.Equal(t, "warning", report.Concerns[0].Severity)
	require.Equal(t, fault.TrustAttention, report.Error.Code)

	document, err := virtual.Personalise(virtual.Options{})
	require.NoError(t, err)
	csca := filepath.Join(data, "csca.cer")
	require.NoError(t, os.WriteFile(csca, document.CSCA, 0o600))
	require.Zero(t, command(t, nil, "", "trust", "import", csca, "--data-dir", data).exit)
	o = command(t, nil, "", "trust", "check", "--data-dir", data)
	require.Zero(t, o.exit, o.out)
	require.Contains(t, o.out, "1 country signers of 1 countries, 0 warnings, 0 notes.")

	late := time.Now().AddDate(40, 0, 0).Format(time.DateOnly)
	o = command(t, nil, "", "trust", "check", "--at", late, "--data-dir", data)
	require.Equal(t, fault.ExitCheckFailed, o.exit)
	require.Regexp(t, `! warning UT  expired on [-0-9]+, \d+ days ago`, o.out)
	report = trustCheckReport{}
	command(t, nil, "", "trust", "check", "--json", "--at", late, "--data-dir", data).document(t, &report)
	require.Equal(t, trust.ConcernSignerExpired, report.Concerns[0].Kind)
	require.Negative(t, report.Concerns[0].Days)

	for _, arguments := range [][]string{{"--at", "soon"}, {"--expiring", "0"}, {"--list-age", "-1"}, {"--expiring", "999999999"}} {
		o = command(t, nil, "", append([]string{"trust", "check", "--data-dir", data}, arguments...)...)
		require.Equal(t, fault.ExitUsage, o.exit, "%v", arguments)
	}
}

// The date of the defect list stands in the report where there is one.
func TestReportNamesTheLists(t *testing.T) {
	document := specimen(t)
	data, saved := t.TempDir(), t.TempDir()
	csca := filepath.Join(data, "csca.cer")
	require.NoError(t, os.WriteFile(csca, document.CSCA, 0o600))
	require.Zero(t, command(t, nil, "", "trust", "import", csca, "--data-dir", data).exit)
	for name, file := range map[string]virtual.File{"EF.COM": virtual.COM, "EF.SOD": virtual.SOD, "DG1": virtual.DataGroup(1), "DG2": virtual.DataGroup(2)} {
		require.NoError(t, os.WriteFile(filepath.Join(saved, name+".bin"), document.Files[file], 0o600))
	}
	var report tap.Report
	o := command(t, nil, "", "verify", saved, "--json", "--data-dir", data)
	o.document(t, &report)
	require.Equal(t, &tap.TrustList{Signers: 1}, report.TrustList)
	require.NotContains(t, o.out, "defectListDate")

	// An empty defect list, put into the store as an import keeps it.
	path := filepath.Join(data, "trust", "trust.json")
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	list := []byte{0x30, 0x10, 2, 1, 0, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 0x31, 0}
	with := strings.Replace(string(b), `"defectLists":null`, `"defectLists":[{"publisher":"UU","date":"2026-05-01T12:00:00Z","content":"`+base64.StdEncoding.EncodeToString(list)+`"}]`, 1)
	require.NotEqual(t, string(b), with)
	require.NoError(t, os.WriteFile(path, []byte(with), 0o600))
	report = tap.Report{}
	command(t, nil, "", "verify", saved, "--json", "--data-dir", data).document(t, &report)
	require.Equal(t, &tap.TrustList{Signers: 1, DefectListDate: "2026-05-01"}, report.TrustList)
	require.Contains(t, command(t, nil, "", "trust", "list", "--data-dir", data).out, "Defect list of UU, 2026-05-01")
}
