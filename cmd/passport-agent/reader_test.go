package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/verdict"
	"passport-agent/internal/canary"
	"passport-agent/internal/fault"
	"passport-agent/internal/icaotest"
	"passport-agent/internal/pcscdtest"
	"passport-agent/pcsc"
	"passport-agent/tap"
	"passport-agent/upload/sandbox"
	"passport-agent/virtual"
)

const session = "f04bdb47-d3be-4b28-b028-a652feb060b5"

// insert puts a document on the first reader of the real pcscd, until the test ends.
func insert(t *testing.T, document *virtual.Document, profile virtual.Profile) *virtual.Chip {
	t.Helper()
	pcscdtest.Require(t)
	chip, err := virtual.NewChip(document, virtual.ChipOptions{Profile: profile})
	require.NoError(t, err)
	hold(t, chip)
	return chip
}

// hold serves a chip to vpcd's first reader. It waits until the reader has noticed that the chip
// of the test before is gone: no hand is as fast as two tests in a row, and vpcd
// would take the new chip for the old one.
func hold(t *testing.T, chip *virtual.Chip) {
	t.Helper()
	holdOn(t, chip, 0)
}

func holdOn(t *testing.T, chip *virtual.Chip, reader int) {
	t.Helper()
	waitForEmptyReader(t, reader)
	ctx, cancel := context.WithCancel(context.Background())
	ended, inserted := make(chan error, 1), make(chan struct{}, 16)
	go func() {
		ended <- virtual.Serve(ctx, virtual.VPCDOptions{Address: fmt.Sprintf("127.0.0.1:%d", 35963+reader)}, chip, func(e virtual.VPCDEvent) {
			if e == virtual.VPCDInserted {
				inserted <- struct{}{}
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	select {
	case <-inserted:
	case <-time.After(patience):
		t.Fatal("the document does not get onto the reader")
	}
}

func waitForEmptyReader(t *testing.T, reader int) {
	t.Helper()
	require.Eventually(t, func() bool {
		readers, err := pcsc.Readers(context.Background())
		require.NoError(t, err)
		return len(readers) > reader && readers[reader].Status == pcsc.ReaderEmpty
	}, patience, 20*time.Millisecond)
}

// service is a sandbox with one session, and the environment that leads to it.
func service(t *testing.T) (*sandbox.Server, map[string]string) {
	t.Helper()
	return serviceWith(t, sandbox.Options{})
}

func zoneOf(t *testing.T, document *virtual.Document) string {
	t.Helper()
	zone, err := document.MRZ()
	require.NoError(t, err)
	return zone
}

// readAndUpload is the main job: a document behind the real pcscd, read by the
// command, uploaded over HTTP; the four files at the service are the chip's.
func readAndUpload(t *testing.T, document *virtual.Document) (tap.Report, outcome, *virtual.Chip) {
	t.Helper()
	chip := insert(t, document, virtual.Profile{})
	server, env := service(t)
	env["PASSPORT_AGENT_MRZ"] = zoneOf(t, document)
	o := command(t, env, "", "read", "--session", session, "--access", "bac", "--json")
	var report tap.Report
	o.document(t, &report)
	media := server.Media(session)
	require.Len(t, media, 1, o.err)
	require.Equal(t, document.Files[virtual.COM], media[0].COM)
	require.Equal(t, document.Files[virtual.SOD], media[0].SOD)
	require.Equal(t, document.Files[virtual.DataGroup(1)], media[0].DG1)
	require.Equal(t, document.Files[virtual.DataGroup(2)], media[0].DG2)
	require.Equal(t, tap.UploadAccepted, report.Upload.State)
	require.Equal(t, media[0].ID, report.Upload.MediaID)
	require.Equal(t, pcscdtest.ReaderName(0), report.Reader.Name)
	require.Nil(t, report.Reader.ExtendedLength, "vpcd announces nothing")
	return report, o, chip
}

func TestReferencePassportReachesTheSession(t *testing.T) {
	folder := icaotest.SharedData(t, "bsi-reference-passport")
	document, err := virtual.LoadFolder(folder)
	require.NoError(t, err)
	for file, name := range map[virtual.File]string{virtual.COM: "EF.COM.bin", virtual.SOD: "EF.SOD.bin", virtual.DataGroup(1): "DG1.bin", virtual.DataGroup(2): "DG2.bin"} {
		onDisk, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		require.Equal(t, onDisk, document.Files[file])
	}
	private, active := icaotest.PrivateKeys(t, folder)
	document.ChipAuthenticationKeys, document.ActiveKey = []virtual.ChipKey{{ParameterID: 11, Private: private}}, &virtual.ActiveKey{RSA: active}
	report, o, _ := readAndUpload(t, document)
	// Passport and signer have expired, nothing else is wrong with them; whose
	// signature it is, nobody outside can tell. The chip proves itself with the key of
	// DG14; DG15 is announced nowhere.
	require.Equal(t, fault.ExitCheckFailed, o.exit, o.err)
	require.Equal(t, tap.Authentication{Chip: "CA-ECDH-3DES"}, report.Authentication)
	require.Equal(t, verdict.Successful, resultOf(report, "chip_authentication"))
	require.Equal(t, verdict.NotSupported, resultOf(report, "active_authentication"))
	require.Contains(t, o.err, "Proving that the chip is no copy")
	require.Equal(t, map[verdict.Result][]string{
		verdict.Failed:       {"signer_validity", "document_expiry"},
		verdict.Undetermined: {"signer_trusted", "country_signer_validity", "signer_revocation", "signer_key_usage", "signer_country"},
	}, notSuccessful(report))
	o = command(t, nil, "", "verify", folder, "--at", "2014-06-01", "--json")
	require.Zero(t, o.exit, o.err)
	o.document(t, &report)
	require.Equal(t, "undetermined", report.Status)
	require.Empty(t, notSuccessful(report)[verdict.Failed], "on a day when both were valid")
	require.Equal(t, verdict.NotSupported, resultOf(report, "dg15_hash"), "DG15 lies in the folder, and nobody has signed it")
}

func resultOf(report tap.Report, check string) verdict.Result {
	for _, c := range report.Checks {
		if c.Name == check {
			return c.Result
		}
	}
	return ""
}

// What a chip has proved is kept beside the files: the signature is checked again, the
// rest is repeated as what it is.
func TestEvidenceIsKeptAndVerified(t *testing.T) {
	document, err := virtual.Personalise(virtual.Options{
		PACE:                 []virtual.PACEInfo{{Protocol: "ECDH-GM-AES-128", ParameterID: 12}},
		ChipAuthentication:   []virtual.ChipAuthenticationInfo{{Protocol: "ECDH-AES-128", ParameterID: 13}},
		ActiveAuthentication: &virtual.ActiveAuthentication{ParameterID: 12},
	})
	require.NoError(t, err)
	insert(t, document, virtual.Profile{})
	out := filepath.Join(t.TempDir(), "out")
	env := map[string]string{"PASSPORT_AGENT_MRZ": zoneOf(t, document)}
	o := command(t, env, "", "read", "--out", out)
	require.Zero(t, o.exit, o.err)
	require.Contains(t, o.out, "active authentication")
	for file, name := range map[virtual.File]string{virtual.DataGroup(14): "DG14.bin", virtual.DataGroup(15): "DG15.bin", virtual.CardAccess: "EF.CardAccess.bin"} {
		saved, err := os.ReadFile(filepath.Join(out, name))
		require.NoError(t, err)
		require.Equal(t, document.Files[file], saved)
	}
	verify := func() (tap.Report, outcome) {
		o := command(t, nil, "", "verify", out, "--json")
		var report tap.Report
		o.document(t, &report)
		return report, o
	}
	report, o := verify()
	require.Zero(t, o.exit, o.err)
	require.Equal(t, verdict.Successful, resultOf(report, "active_authentication"))
	require.Equal(t, verdict.Successful, resultOf(report, "security_infos_match_dg14"))
	require.Equal(t, verdict.NotSupported, resultOf(report, "chip_authentication"))
	require.Contains(t, o.out, "leaves nothing that could be checked again")
	require.Len(t, report.Warnings, 1)
	require.Equal(t, "chip_authentication_attested", report.Warnings[0].Name)
	require.Contains(t, report.Warnings[0].Text, "CA-ECDH-AES-128")

	evidence := filepath.Join(out, "evidence.json")
	kept, err := os.ReadFile(evidence)
	require.NoError(t, err)
	var parsed tap.Evidence
	require.NoError(t, json.Unmarshal(kept, &parsed))
	challenge := []byte(parsed.ActiveAuthentication.Challenge)
	challenge[0] = map[bool]byte{true: '1', false: '0'}[challenge[0] == '0']
	require.NoError(t, os.WriteFile(evidence, bytes.Replace(kept, []byte(parsed.ActiveAuthentication.Challenge), challenge, 1), 0o600))
	report, o = verify()
	require.Equal(t, fault.ExitCheckFailed, o.exit)
	require.Equal(t, []string{"active_authentication"}, notSuccessful(report)[verdict.Failed])

	for text, code := range map[string]fault.Code{
		"{": fault.EvidenceMalformed, `{"schema": "passport-agent/evidence/9"}`: fault.FileNewer,
		`{"schema": "passport-agent/evidence/1", "activeAuthentication": {"challenge": "zz"}}`: fault.EvidenceMalformed,
	} {
		require.NoError(t, os.WriteFile(evidence, []byte(text), 0o600))
		report, o = verify()
		require.Equal(t, fault.ExitUsage, o.exit)
		require.Equal(t, code, report.Error.Code)
	}
	require.NoError(t, os.Remove(evidence))
	report, o = verify()
	require.Zero(t, o.exit)
	require.Equal(t, verdict.NotSupported, resultOf(report, "active_authentication"))

	o = command(t, env, "", "read", "--json", "--no-chip-authentication")
	require.Zero(t, o.exit, o.err)
	var without tap.Report
	o.document(t, &without)
	require.Equal(t, tap.Authentication{}, without.Authentication)
	require.NotContains(t, without.Files, "DG14")
}

// A copy behind the real daemon: read, uploaded as evidence, and refused.
func TestACopyBehindTheRealDaemon(t *testing.T) {
	document, err := virtual.Personalise(virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{{Protocol: "ECDH-3DES", ParameterID: 11}}})
	require.NoError(t, err)
	document.ChipAuthenticationKeys = nil // the files were copied, the key stayed in the chip
	report, o, _ := readAndUpload(t, document)
	require.Equal(t, fault.ExitCheckFailed, o.exit)
	require.Equal(t, []string{"chip_authentication"}, notSuccessful(report)[verdict.Failed])
}

// notSuccessful groups the checks that failed or stayed open.
func notSuccessful(report tap.Report) map[verdict.Result][]string {
	all := map[verdict.Result][]string{}
	for _, c := range report.Checks {
		if c.Result == verdict.Failed || c.Result == verdict.Undetermined {
			all[c.Result] = append(all[c.Result], c.Name)
		}
	}
	return all
}

// With the issuer imported, the same specimen is proved genuine at the desk.
func TestTrustedSpecimen(t *testing.T) {
	document := specimen(t)
	insert(t, document, virtual.Profile{})
	data := t.TempDir()
	csca := filepath.Join(data, "csca.cer")
	require.NoError(t, os.WriteFile(csca, document.CSCA, 0o600))
	env := map[string]string{"PASSPORT_AGENT_MRZ": zoneOf(t, document)}
	read := []string{"read", "--json", "--require-trust", "--data-dir", data}

	o := command(t, env, "", read...)
	require.Equal(t, fault.ExitCheckFailed, o.exit)
	require.Contains(t, o.err, "trust_required")

	o = command(t, env, "", "trust", "import", csca, "--data-dir", data)
	require.Zero(t, o.exit, o.err)
	require.Contains(t, o.out, "1 country signers are trusted.")
	o = command(t, env, "", read...)
	require.Zero(t, o.exit, o.err)
	var report tap.Report
	o.document(t, &report)
	require.Equal(t, "successful", report.Status)
	require.Equal(t, 1, report.TrustList.Signers)

	var list trustReport
	command(t, env, "", "trust", "list", "--json", "--data-dir", data).document(t, &list)
	require.Len(t, list.Certificates, 1)
	require.Equal(t, "UT", list.Certificates[0].Country)
}

// The German and the Dutch list, with their roots: 627 different country signers.
func TestMasterListsAreImported(t *testing.T) {
	lists := icaotest.SharedData(t, "master-lists")
	data := t.TempDir()
	import1 := command(t, nil, "", "trust", "import", filepath.Join(lists, "DE_ML_2026-05-28-08-28-45.ml"), "--root", filepath.Join(lists, "DE_ROOT_CA_CSCA07.cer"), "--data-dir", data)
	require.Zero(t, import1.exit, import1.err)
	require.Contains(t, import1.out, "588 added")
	import2 := command(t, nil, "", "trust", "import", filepath.Join(lists, "NL_ML_2026-07-22.ml"), "--root", filepath.Join(lists, "NL_ROOT_CA.cer"), "--data-dir", data)
	require.Zero(t, import2.exit, import2.err)
	require.Contains(t, import2.out, "627 country signers are trusted.")
	wrong := command(t, nil, "", "trust", "import", filepath.Join(lists, "NL_ML_2026-07-22.ml"), "--root", filepath.Join(lists, "DE_ROOT_CA_CSCA07.cer"), "--data-dir", t.TempDir(), "--json")
	require.Equal(t, fault.ExitCheckFailed, wrong.exit)
	var report trustReport
	wrong.document(t, &report)
	require.Equal(t, fault.TrustSignature, report.Error.Code)
}

// A specimen with random holder, portrait and keys; this one is never passed over.
func TestFreshSpecimenReachesTheSession(t *testing.T) {
	seed := mathrand.Uint64()
	t.Logf("seed %d", seed)
	document, err := virtual.Personalise(virtual.Options{Holder: virtual.RandomHolder(mathrand.New(mathrand.NewPCG(seed, 1)), time.Now())})
	require.NoError(t, err)
	_, o, _ := readAndUpload(t, document)
	require.Zero(t, o.exit, o.err)
}

// COM 22, SOD 1843, DG1 93, DG2 18432 bytes in short commands: 93, counted by the chip.
func TestNinetyThreeCommandsBehindTheRealDaemon(t *testing.T) {
	document, err := virtual.Personalise(virtual.Options{SODSize: 1843, DG2Size: 18432})
	require.NoError(t, err)
	report, o, chip := readAndUpload(t, document)
	require.Zero(t, o.exit, o.err)
	require.Equal(t, 93, report.Wire.Commands)
	require.Equal(t, 93, chip.Counters().Commands)
}

// PACE behind the real daemon, opened with the zone and with the card access
// number; the counts are the chip's.
func TestPACEBehindTheRealDaemon(t *testing.T) {
	document, err := virtual.Personalise(virtual.Options{SODSize: 1843, DG2Size: 18432, CAN: "123456", PACE: []virtual.PACEInfo{{Protocol: "ECDH-GM-AES-128", ParameterID: 13}}})
	require.NoError(t, err)
	chip := insert(t, document, virtual.Profile{Access: virtual.AccessPACE})
	for want, args := range map[string][]string{
		"by zone": {"--mrz", zoneOf(t, document)}, "by card access number": {"--can", "123456", "--access", "pace"},
	} {
		chip.ResetCounters()
		o := command(t, nil, "", append([]string{"read", "--json"}, args...)...)
		require.Zero(t, o.exit, "%s: %s", want, o.err)
		var report tap.Report
		o.document(t, &report)
		require.Equal(t, tap.Access{Protocol: "PACE-ECDH-GM", Cipher: "AES-128"}, report.Access)
		require.Equal(t, 101, chip.Counters().Commands, want)
	}
	o := command(t, nil, "", "read", "--json", "--can", "654321")
	require.Equal(t, fault.ExitAccess, o.exit)
	var report tap.Report
	o.document(t, &report)
	require.Equal(t, fault.WrongCAN, report.Error.Code)
	o = command(t, nil, "", "read", "--json", "--mrz", zoneOf(t, document), "--access", "bac")
	o.document(t, &report)
	require.Equal(t, fault.PACERequired, report.Error.Code, "told apart from a wrong zone")
}

// vpcd announces nothing about lengths: extended length is used with the flag
// alone, and then as the chip states its sizes.
func TestExtendedLengthBehindTheRealDaemon(t *testing.T) {
	document, err := virtual.Personalise(virtual.Options{SODSize: 1843, DG2Size: 18432})
	require.NoError(t, err)
	chip := insert(t, document, virtual.Profile{Extended: &virtual.Extended{MaxCommand: 4096, MaxResponse: 4096}})
	data := t.TempDir()
	env := map[string]string{"PASSPORT_AGENT_MRZ": zoneOf(t, document)}
	for _, c := range []struct {
		args     []string
		commands int
	}{
		{nil, 93},
		{[]string{"--probe-extended"}, 12}, // EF.ATR/INFO is read once …
		{[]string{"--probe-extended"}, 11}, // … and remembered in the data folder
	} {
		chip.ResetCounters()
		o := command(t, env, "", append([]string{"read", "--access", "bac", "--json", "--data-dir", data}, c.args...)...)
		require.Zero(t, o.exit, o.err)
		require.Equal(t, c.commands, chip.Counters().Commands, "%v", c.args)
	}
	kept, err := os.ReadFile(filepath.Join(data, "chips.json"))
	require.NoError(t, err)
	require.NotContains(t, string(kept), "L898902C3")
}

func TestReadPrintsForAPerson(t *testing.T) {
	document := specimen(t)
	insert(t, document, virtual.Profile{})
	zone := zoneOf(t, document)
	out := filepath.Join(t.TempDir(), "out")
	o := command(t, nil, zone[:44]+"\n"+zone[44:]+"\n", "read", "--mrz", "-", "--out", out, "--reader", "virtual pcd 00 00")
	require.Zero(t, o.exit, o.err)
	require.Contains(t, o.out, "by BAC (3DES) on Virtual PCD 00 00")
	require.NotContains(t, o.out+o.err, "ERIKSSON")
	require.Contains(t, o.err, "in the clear")
	for file, name := range map[virtual.File]string{virtual.COM: "EF.COM.bin", virtual.SOD: "EF.SOD.bin", virtual.DataGroup(1): "DG1.bin", virtual.DataGroup(2): "DG2.bin"} {
		saved, err := os.ReadFile(filepath.Join(out, name))
		require.NoError(t, err)
		require.Equal(t, document.Files[file], saved)
		info, err := os.Stat(filepath.Join(out, name))
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, "only its owner may read it")
	}
	var report tap.Report
	saved, err := os.ReadFile(filepath.Join(out, "report.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(saved, &report))
	require.Equal(t, "undetermined", report.Status)

	// What was saved can be uploaded later.
	server, env := service(t)
	o = command(t, env, "", "upload", "nfc", "--session", session, out, "--json")
	require.Zero(t, o.exit, o.err)
	require.Equal(t, document.Files[virtual.DataGroup(2)], server.Media(session)[0].DG2)

	o = command(t, nil, "", "read", "--mrz", zone, "--show-personal-data")
	require.Contains(t, o.out, "ERIKSSON, ANNA MARIA")
}

func TestWrongMRZ(t *testing.T) {
	document := specimen(t)
	insert(t, document, virtual.Profile{})
	server, env := service(t)
	o := command(t, env, "", "read", "--session", session, "--document-number", "X1234567", "--birth", "740812", "--expiry", "300415", "--json")
	require.Equal(t, fault.ExitAccess, o.exit)
	var report tap.Report
	o.document(t, &report)
	require.Equal(t, fault.WrongMRZ, report.Error.Code)
	require.Equal(t, "6300", report.Error.StatusWord)
	require.Equal(t, tap.StatusAborted, report.Status)
	require.Empty(t, server.Media(session))
}

// Ten removals behind the real daemon, spread over the whole read: exit 4, no
// hang, no partial upload.
func TestRemovalBehindTheRealDaemon(t *testing.T) {
	pcscdtest.Require(t)
	document, err := virtual.Personalise(virtual.Options{SODSize: 1843, DG2Size: 18432})
	require.NoError(t, err)
	server, env := service(t)
	env["PASSPORT_AGENT_MRZ"] = zoneOf(t, document)
	for _, at := range []int{0, 1, 2, 3, 4, 11, 12, 40, 80, 92} {
		how := virtual.NeverArrived
		if at%2 == 1 {
			how = virtual.AnswerLost
		}
		t.Run("", func(t *testing.T) {
			chip, err := virtual.NewChip(document, virtual.ChipOptions{})
			require.NoError(t, err)
			chip.RemoveAt(at, how)
			hold(t, chip)
			o := command(t, env, "", "read", "--session", session, "--access", "bac", "--no-resume", "--json")
			require.Equal(t, fault.ExitNoDocument, o.exit, "command %d: %s", at, o.err)
			var report tap.Report
			o.document(t, &report)
			require.Equal(t, fault.DocumentRemoved, report.Error.Code)
			require.Equal(t, tap.UploadNone, report.Upload.State)
			require.Empty(t, server.Media(session))
		})
	}
}

// Two documents on two readers, read at the same time: each reading gets its own.
func TestTwoReadersInParallel(t *testing.T) {
	pcscdtest.Require(t)
	server, env := service(t)
	const rounds = 3
	for range rounds {
		documents := [pcscdtest.Readers]*virtual.Document{}
		outcomes := [pcscdtest.Readers]outcome{}
		t.Run("", func(t *testing.T) {
			var reading sync.WaitGroup
			for reader := range documents {
				document, err := virtual.Personalise(virtual.Options{})
				require.NoError(t, err)
				documents[reader] = document
				chip, err := virtual.NewChip(document, virtual.ChipOptions{})
				require.NoError(t, err)
				holdOn(t, chip, reader)
				reading.Go(func() {
					outcomes[reader] = command(t, env, "", "read", "--session", session, "--mrz", zoneOf(t, document), "--reader", pcscdtest.ReaderName(reader), "--json")
				})
			}
			reading.Wait()
		})
		for reader, o := range outcomes {
			require.Zero(t, o.exit, o.err)
			var report tap.Report
			o.document(t, &report)
			require.Equal(t, pcscdtest.ReaderName(reader), report.Reader.Name)
			digest := sha256.Sum256(documents[reader].Files[virtual.DataGroup(2)])
			require.Equal(t, hex.EncodeToString(digest[:]), report.Files["DG2"].SHA256, "the portrait of the other document")
		}
	}
	require.Len(t, server.Media(session), rounds*pcscdtest.Readers)
}

// Taken away in the middle and put back behind the real daemon: the reading goes
// on and the session gets the whole document.
func TestTakenAwayAndPutBackBehindTheRealDaemon(t *testing.T) {
	pcscdtest.Require(t)
	document := specimen(t)
	server, env := service(t)
	env["PASSPORT_AGENT_MRZ"] = zoneOf(t, document)
	chip, err := virtual.NewChip(document, virtual.ChipOptions{})
	require.NoError(t, err)
	chip.RemoveAt(40, virtual.AnswerLost)
	hold(t, chip)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out bytes.Buffer
	exit := run(ctx, terminal{
		out: &out, err: trigger{"put it back", chip.PutBack},
		lookup: func(name string) (string, bool) { value, ok := env[name]; return value, ok },
	}, []string{"read", "--session", session, "--json"})
	require.Zero(t, exit, out.String())
	require.Equal(t, document.Files[virtual.DataGroup(2)], server.Media(session)[0].DG2)
	var report tap.Report
	require.NoError(t, json.Unmarshal(out.Bytes(), &report))
	require.Less(t, report.Wire.Commands, 115, "what was read is not read again")
}

func TestNoDocumentAndNotAPassport(t *testing.T) {
	pcscdtest.Require(t)
	waitForEmptyReader(t, 0)
	document := specimen(t)
	zone := zoneOf(t, document)
	o := command(t, nil, "", "read", "--mrz", zone, "--wait", "300ms", "--json")
	require.Equal(t, fault.ExitNoDocument, o.exit)
	require.Contains(t, o.err, "Place the open document on the reader")
	var report tap.Report
	o.document(t, &report)
	require.Equal(t, fault.NoDocument, report.Error.Code)

	o = command(t, nil, "", "read", "--mrz", zone, "--reader", "No Such Reader", "--wait", "300ms")
	require.Equal(t, fault.ExitReader, o.exit)
	require.Contains(t, o.err, "reader_not_found")

	insert(t, document, virtual.Profile{SelectStatus: map[string]virtual.Status{"040C": 0x6A82}})
	o = command(t, nil, "", "read", "--mrz", zone, "--json")
	require.Equal(t, fault.ExitRead, o.exit)
	o.document(t, &report)
	require.Equal(t, fault.NotAPassport, report.Error.Code)
	require.Equal(t, "6A82", report.Error.StatusWord)
}

func TestReadersAreListed(t *testing.T) {
	pcscdtest.Require(t)
	document := specimen(t)
	insert(t, document, virtual.Profile{})
	require.Eventually(t, func() bool {
		var report readersReport
		command(t, nil, "", "readers", "--json").document(t, &report)
		require.Len(t, report.Readers, pcscdtest.Readers)
		return report.Readers[0].Status == "document" && report.Readers[1].Status == "empty"
	}, patience, 50*time.Millisecond)
	require.Contains(t, command(t, nil, "", "readers").out, pcscdtest.ReaderName(0))
}

func TestNoDaemon(t *testing.T) {
	pcscdtest.Stop(t)
	o := command(t, nil, "", "readers", "--json")
	require.Equal(t, fault.ExitReader, o.exit)
	var report readersReport
	o.document(t, &report)
	require.Equal(t, fault.PCSCNoService, report.Error.Code)
	require.Contains(t, report.Error.Advice, "pcscd")
}

func TestCtrlCWhileWaiting(t *testing.T) {
	pcscdtest.Require(t)
	waitForEmptyReader(t, 0)
	document := specimen(t)
	ctx, interrupt := context.WithTimeout(context.Background(), patience)
	defer interrupt()
	var out bytes.Buffer
	exit := run(ctx, terminal{
		out: &out, err: trigger{"Place the open document", interrupt},
		lookup: func(string) (string, bool) { return "", false },
	}, []string{"read", "--mrz", zoneOf(t, document), "--json"})
	require.Equal(t, fault.ExitInterrupted, exit)
	var report tap.Report
	require.NoError(t, json.Unmarshal(out.Bytes(), &report))
	require.Equal(t, fault.Interrupted, report.Error.Code)
}

// trigger calls a function as soon as a text is written.
type trigger struct {
	text string
	call func()
}

func (w trigger) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(w.text)) {
		w.call()
	}
	return len(b), nil
}

// canaryDocument is a document, its zone, and what of it and of the desk's secrets must
// not be found anywhere.
func canaryDocument(t *testing.T) (document *virtual.Document, zone string, values map[string][]byte) {
	t.Helper()
	document, err := virtual.Personalise(virtual.Options{Holder: virtual.Holder{
		Format: virtual.TD3, DocumentCode: "P", Issuer: "UTO", Nationality: "UTO", Surname: "Kanarienvogel", GivenNames: "Zwitscher Xaver",
		DocumentNumber: "K7Q4Z9W1R", BirthDate: "740812", Sex: "X", ExpiryDate: "391130", Optional: "OPTCANARY42",
	}})
	require.NoError(t, err)
	zone = zoneOf(t, document)
	values = map[string][]byte{
		"zone": []byte(zone), "second line": []byte(zone[44:]), "number": []byte("K7Q4Z9W1R"), "surname": []byte("KANARIENVOGEL"),
		"given name": []byte("ZWITSCHER"), "optional data": []byte("OPTCANARY42"), "secret": []byte(sandbox.DemoSecret),
		"portrait": document.Files[virtual.DataGroup(2)][300:364],
	}
	return document, zone, values
}

// Whatever the program prints and logs, at the lowest level, in success and in
// failure, holds nothing personal and no secret.
func TestNothingPersonalIsPrintedAtAnyLevel(t *testing.T) {
	document, zone, values := canaryDocument(t)
	server, env := service(t)
	env["PASSPORT_AGENT_MRZ"] = zone
	env["PASSPORT_AGENT_LOG_FILE"] = filepath.Join(t.TempDir(), "agent.log")
	var printed []byte
	try := func(args ...string) {
		for _, more := range [][]string{nil, {"--json"}} {
			o := command(t, env, "", append(append(args, "--log-level", "debug"), more...)...)
			require.NotEmpty(t, o.err)
			printed = append(printed, o.out+o.err...)
		}
	}
	chip := insert(t, document, virtual.Profile{})
	try("read", "--session", session)
	try("read", "--document-number", "K7Q4Z9W1R", "--birth", "740812", "--expiry", "391129")
	try("read", "--mrz", zone[:44]+zone[44:57]+"999999"+zone[63:])
	try("read", "--mrz", zone+"X")
	for _, f := range sandbox.Faults() {
		if f != sandbox.Stall && f != sandbox.CommitThenStall && f != sandbox.SlowLoris {
			server.Inject(f, 2)
			try("read", "--session", session)
			server.ClearFaults()
		}
	}
	chip.Remove()
	waitForEmptyReader(t, 0)
	try("read", "--wait", "200ms")
	require.Empty(t, canary.Find(printed, values))
	require.Contains(t, string(printed), "level=DEBUG")
	require.Contains(t, string(printed), "wrong_mrz")
	require.NoFileExists(t, env["PASSPORT_AGENT_LOG_FILE"], "the file is the agent's")
}
