package icao_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/icao"
	"passport-agent/icao/lds"
	"passport-agent/icao/trust"
	"passport-agent/icao/verdict"
	"passport-agent/internal/fault"
	"passport-agent/internal/icaotest"
	"passport-agent/iso7816"
	"passport-agent/virtual"
)

// rsa1024 and rsa2048 are made once: keys take time.
var (
	rsa1024 = sync.OnceValue(func() *rsa.PrivateKey { return newRSA(1024) })
	rsa2048 = sync.OnceValue(func() *rsa.PrivateKey { return newRSA(2048) })
)

func newRSA(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

func chipInfo(protocol string, parameterID int) virtual.ChipAuthenticationInfo {
	return virtual.ChipAuthenticationInfo{Protocol: protocol, ParameterID: parameterID}
}

// provable is a document with the usual file sizes and keys to prove its chip with.
func provable(t testing.TB, o virtual.Options) *virtual.Document {
	t.Helper()
	o.SODSize, o.DG2Size = 1843, 18432
	document, err := virtual.Personalise(o)
	require.NoError(t, err)
	return document
}

// judged is a reading and what it comes to, with the issuer trusted.
type judged struct {
	document *lds.Document
	session  *icao.Session
	checks   map[string]verdict.Check
	status   verdict.Result
}

func (j judged) result(check string) verdict.Result { return j.checks[check].Result }

func (j judged) failed() []string {
	var names []string
	for name, c := range j.checks {
		if c.Result == verdict.Failed {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func judge(t testing.TB, document *virtual.Document, got *lds.Document, session *icao.Session) judged {
	t.Helper()
	store := &trust.Store{}
	if document.CSCA != nil {
		_, err := store.Import(document.CSCA, trust.ImportOptions{})
		require.NoError(t, err)
	}
	v := verdict.Judge(verdict.Input{
		Document: got, Protected: session.Cipher() != "", Key: keyOf(t, document), Proof: session.Proof(), Trust: store, At: time.Now(),
	})
	j := judged{document: got, session: session, checks: map[string]verdict.Check{}, status: v.Status}
	for _, c := range v.Checks {
		j.checks[c.Name] = c
		if c.Result == verdict.Failed {
			require.NotEmpty(t, c.Reason, c.Name)
			require.NotEmpty(t, c.Advice, c.Name)
		}
	}
	return j
}

// prove reads a chip and judges it; whatever the chip did, the four files are there.
func prove(t testing.TB, document *virtual.Document, chip *virtual.Chip, o icao.Options) judged {
	t.Helper()
	if o.Access.Key.Empty() {
		o.Access.Key = keyOf(t, document)
	}
	got, session, err := readAgain(chip, o)
	require.NoError(t, err)
	requireSameFiles(t, document, got)
	return judge(t, document, got, session)
}

func bac() icao.Options { return icao.Options{Access: icao.Access{Protocol: icao.BAC}} }

// Chip Authentication over BAC and PACE, Active Authentication beside it: what each
// costs beyond the 93 and 101 commands of a plain reading, counted by the chip. DG14
// and DG15 are files like others; Chip Authentication is one command with 3DES and two
// with AES, Active Authentication one; what proves the chip costs nothing of its own.
func TestTheCostOfProvingTheChip(t *testing.T) {
	active := &virtual.ActiveAuthentication{RSA: rsa1024()}
	for _, c := range []struct {
		name     string
		document virtual.Options
		options  icao.Options
		extra    int
		chip     verdict.Result
		active   verdict.Result
	}{
		{"nothing to prove with", virtual.Options{}, bac(), 0, verdict.NotSupported, verdict.NotSupported},
		{"CA 3DES", virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{chipInfo("ECDH-3DES", 11)}}, bac(), 2 + 1, verdict.Successful, verdict.NotSupported},
		{"AA RSA", virtual.Options{ActiveAuthentication: active}, bac(), 1 + 1, verdict.NotSupported, verdict.Successful},
		{"AA ECDSA", virtual.Options{ActiveAuthentication: &virtual.ActiveAuthentication{ParameterID: 12}}, bac(), 1 + 2 + 1, verdict.NotSupported, verdict.Successful},
		{"CA 3DES, AA", virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{chipInfo("ECDH-3DES", 11)}, ActiveAuthentication: active}, bac(), 2 + 1 + 1 + 1, verdict.Successful, verdict.Successful},
		// AES has shorter blocks: three more for the portrait.
		{"CA AES", virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{chipInfo("ECDH-AES-128", 13)}}, bac(), 2 + 2 + 3, verdict.Successful, verdict.NotSupported},
		{"left out", virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{chipInfo("ECDH-3DES", 11)}, ActiveAuthentication: active},
			icao.Options{Access: icao.Access{Protocol: icao.BAC}, NoChipAuthentication: true}, 0, verdict.NotSupported, verdict.NotSupported},
	} {
		document := provable(t, c.document)
		chip := chipOf(t, document, virtual.Profile{})
		j := prove(t, document, chip, c.options)
		require.Equal(t, 93+c.extra, chip.Counters().Commands, c.name)
		require.Equal(t, chip.Counters().Commands, j.session.Traffic().Commands)
		require.Equal(t, c.chip, j.result("chip_authentication"), c.name)
		require.Equal(t, c.active, j.result("active_authentication"), c.name)
		require.Equal(t, verdict.Successful, j.status, c.name)
	}

	document := provable(t, virtual.Options{PACE: offers(t, "ECDH-GM-AES-128/13"), ChipAuthentication: []virtual.ChipAuthenticationInfo{chipInfo("ECDH-AES-128", 13)}, ActiveAuthentication: active})
	chip := chipOf(t, document, virtual.Profile{})
	j := prove(t, document, chip, icao.Options{})
	require.Equal(t, 101+2+1+2+1, chip.Counters().Commands, "PACE, CA AES, AA")
	require.Equal(t, verdict.Successful, j.status)
	require.Equal(t, verdict.Successful, j.result("security_infos_match_dg14"))
	require.Equal(t, "CA-ECDH-AES-128", j.session.Proof().ChipAuthentication.Protocol)
	require.Equal(t, "RSA 1024, SHA-1", j.session.Proof().ActiveAuthentication.Protocol)
	require.Equal(t, document.Files[virtual.CardAccess], j.document.Files[lds.CardAccess])
}

// Blocks follow the cipher of the new keys: shorter ones for AES, which a strict chip
// insists on, and longer ones for 3DES.
func TestBlocksFollowTheNewKeys(t *testing.T) {
	document := provable(t, virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{chipInfo("ECDH-AES-128", 13)}})
	chip := chipOf(t, document, virtual.Profile{TooLong: virtual.TooLongRefuse})
	prove(t, document, chip, bac())
	require.Equal(t, 93+2+2+3, chip.Counters().Commands)

	document = provable(t, virtual.Options{PACE: offers(t, "ECDH-GM-AES-128/13"), ChipAuthentication: []virtual.ChipAuthenticationInfo{chipInfo("ECDH-3DES", 13)}})
	chip = chipOf(t, document, virtual.Profile{})
	prove(t, document, chip, icao.Options{})
	require.Equal(t, 101+2+1-3, chip.Counters().Commands)
}

// A chip that was found to be none of the issuer's stays that, whatever is put back.
func TestAFailedMappingStaysFailed(t *testing.T) {
	document := provable(t, virtual.Options{PACE: offers(t, "ECDH-CAM-AES-128/12")})
	chip := chipOf(t, document, virtual.Profile{PACEFaults: []virtual.PACEFault{{Step: 4, Kind: virtual.PACEWrongChipData, Runs: 1}}})
	chip.RemoveAt(60, virtual.AnswerLost)
	j := prove(t, document, chip, icao.Options{})
	require.Equal(t, []string{"pace_chip_authentication_mapping"}, j.failed())
}

// PACE with Chip Authentication Mapping proves the chip; Chip Authentication is then
// left out. EF.CardSecurity costs the commands of its size.
func TestChipAuthenticationMapping(t *testing.T) {
	document := provable(t, virtual.Options{PACE: offers(t, "ECDH-CAM-AES-128/13, ECDH-GM-AES-128/12"), DG14: true})
	chip := chipOf(t, document, virtual.Profile{})
	j := prove(t, document, chip, icao.Options{})
	require.Equal(t, verdict.Successful, j.status, "%v", j.checks)
	for _, check := range []string{"pace_chip_authentication_mapping", "security_infos_match_card_security", "security_infos_match_dg14", "card_security_signature", "dg14_hash"} {
		require.Equal(t, verdict.Successful, j.result(check), check)
	}
	require.Equal(t, verdict.NotSupported, j.result("chip_authentication"))
	require.Equal(t, document.Files[virtual.CardSecurity], j.document.Files[lds.CardSecurity])
	blocks := func(file virtual.File) int { return (len(document.Files[file]) + 222) / 223 }
	require.Equal(t, 101+blocks(virtual.CardSecurity)+blocks(virtual.DataGroup(14)), chip.Counters().Commands)

	chip = chipOf(t, document, virtual.Profile{})
	j = prove(t, document, chip, icao.Options{NoChipAuthentication: true})
	require.Equal(t, 101, chip.Counters().Commands)
	require.Equal(t, verdict.NotSupported, j.result("pace_chip_authentication_mapping"))
	require.Contains(t, j.checks["pace_chip_authentication_mapping"].Reason, "left out on request")
}

// A copy has the files and not the keys. It is read to the end, so that the verdict
// has all of it, and one check has failed.
func TestACopyFailsOneCheck(t *testing.T) {
	curve := virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{chipInfo("ECDH-3DES", 11)}}
	aes := virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{chipInfo("ECDH-AES-128", 12)}}
	withPACE := virtual.Options{PACE: offers(t, "ECDH-GM-AES-128/12"), ChipAuthentication: aes.ChipAuthentication}
	withRSA := virtual.Options{ActiveAuthentication: &virtual.ActiveAuthentication{RSA: rsa1024()}}
	withECDSA := virtual.Options{ActiveAuthentication: &virtual.ActiveAuthentication{ParameterID: 12}}
	withBoth := virtual.Options{ChipAuthentication: aes.ChipAuthentication, ActiveAuthentication: withRSA.ActiveAuthentication}
	// Over P-256 nearly every number is in range; over a brainpool curve wrong data may be
	// out of it, which ends PACE itself.
	withCAM := virtual.Options{PACE: offers(t, "ECDH-CAM-AES-128/12")}
	ca := func(f virtual.ChipAuthenticationFault) virtual.Profile {
		return virtual.Profile{ChipAuthenticationFault: f}
	}
	aa := func(f virtual.ActiveFault) virtual.Profile {
		return virtual.Profile{ActiveAuthenticationFault: f}
	}
	cam := func(f virtual.PACEFaultKind) virtual.Profile {
		return virtual.Profile{PACEFaults: []virtual.PACEFault{{Step: 4, Kind: f}}}
	}
	for _, c := range []struct {
		document virtual.Options
		profile  virtual.Profile
		check    string
	}{
		{curve, ca(virtual.ChipClone), "chip_authentication"}, {curve, ca(virtual.ChipOldKeys), "chip_authentication"},
		{curve, ca(virtual.ChipForger), "chip_authentication"}, {aes, ca(virtual.ChipForger), "chip_authentication"},
		{curve, ca(virtual.ChipPlain), "chip_authentication"},
		{aes, ca(virtual.ChipClone), "chip_authentication"}, {aes, ca(virtual.ChipOldKeys), "chip_authentication"},
		{aes, ca(virtual.ChipMalformed), "chip_authentication"},
		{withPACE, ca(virtual.ChipClone), "chip_authentication"}, {withPACE, ca(virtual.ChipOldKeys), "chip_authentication"},
		{withBoth, ca(virtual.ChipClone), "chip_authentication"},
		{curve, virtual.Profile{KeyReferenceStatus: 0x6A80}, "chip_authentication"}, {aes, virtual.Profile{KeyReferenceStatus: 0x6A88}, "chip_authentication"},
		{aes, virtual.Profile{KeyReferenceStatus: 0x6300, NakedErrors: virtual.NakedKeep}, "chip_authentication"},
		{aes, virtual.Profile{KeyReferenceStatus: 0x6F00, NakedErrors: virtual.NakedEnd}, "chip_authentication"},
		{withRSA, aa(virtual.ActiveWrongSignature), "active_authentication"}, {withRSA, aa(virtual.ActiveOtherKey), "active_authentication"},
		{withRSA, aa(virtual.ActiveStaleChallenge), "active_authentication"}, {withRSA, aa(virtual.ActiveWrongTrailer), "active_authentication"},
		{withRSA, aa(virtual.ActiveWrongHeader), "active_authentication"}, {withRSA, aa(virtual.ActiveWholeMessage), "active_authentication"},
		{withRSA, virtual.Profile{InternalAuthenticate: 0x6D00}, "active_authentication"},
		{withRSA, virtual.Profile{InternalAuthenticate: 0x6985, NakedErrors: virtual.NakedEnd}, "active_authentication"},
		{withECDSA, aa(virtual.ActiveWrongSignature), "active_authentication"}, {withECDSA, aa(virtual.ActiveOtherKey), "active_authentication"},
		{withECDSA, aa(virtual.ActiveStaleChallenge), "active_authentication"},
		{withBoth, aa(virtual.ActiveOtherKey), "active_authentication"},
		{withCAM, cam(virtual.PACEWrongChipData), "pace_chip_authentication_mapping"},
	} {
		document := provable(t, c.document)
		chip := chipOf(t, document, c.profile)
		j := prove(t, document, chip, icao.Options{})
		require.Equal(t, []string{c.check}, j.failed(), "%+v", c.profile)
		require.Equal(t, verdict.Failed, j.status)
		require.Less(t, chip.Counters().Commands, 160, "%+v", c.profile)
		if c.check == "chip_authentication" && c.document.ActiveAuthentication != nil {
			require.Equal(t, verdict.Successful, j.result("active_authentication"))
		}
		twin := prove(t, document, chipOf(t, document, virtual.Profile{}), icao.Options{})
		require.Equal(t, verdict.Successful, twin.status, "the twin without the fault: %v", twin.failed())
	}
}

// What Chip Authentication Mapping gets wrong in the last step of PACE ends the access.
func TestMalformedChipAuthenticationDataEndsPACE(t *testing.T) {
	document := provable(t, virtual.Options{PACE: offers(t, "ECDH-CAM-AES-128/13")})
	for _, kind := range []virtual.PACEFaultKind{virtual.PACENoChipData, virtual.PACECutChipData, virtual.PACEChipDataIn8B} {
		chip := chipOf(t, document, virtual.Profile{PACEFaults: []virtual.PACEFault{{Step: 4, Kind: kind}}})
		_, _, err := readAgain(chip, icao.Options{Access: icao.Access{Key: keyOf(t, document)}})
		require.ErrorIs(t, err, fault.ChipAuthentication, string(kind))
	}
}

// What the issuer has signed wrongly is found without asking the chip.
func TestSignedMistakesOfDG14(t *testing.T) {
	for _, c := range []struct {
		info  virtual.ChipAuthenticationInfo
		fault virtual.ChipKeyFault
		want  verdict.Result
	}{
		{chipInfo("ECDH-3DES", 11), virtual.ChipKeyCorrupt, verdict.Failed}, {chipInfo("DH-AES-128", 0), virtual.ChipKeyCorrupt, verdict.Failed},
		{chipInfo("DH-3DES", 0), virtual.ChipKeySmallOrder, verdict.Failed}, {chipInfo("ECDH-3DES", 11), virtual.ChipKeyWrongType, verdict.Failed},
		{chipInfo("ECDH-3DES", 11), virtual.ChipKeyVersion, verdict.Failed}, {chipInfo("ECDH-3DES", 11), virtual.ChipKeyNoVersion, verdict.Failed},
		{chipInfo("ECDH-3DES", 11), virtual.ChipKeyNoKey, verdict.Failed},
		{virtual.ChipAuthenticationInfo{Protocol: "ECDH-3DES", ParameterID: 11, KeyID: 3}, virtual.ChipKeyOtherID, verdict.Failed},
		{virtual.ChipAuthenticationInfo{Protocol: "ECDH-3DES", ParameterID: 11, KeyID: 3}, virtual.ChipKeyUnknownToIC, verdict.Failed},
		{virtual.ChipAuthenticationInfo{Protocol: "ECDH-AES-256", ParameterID: 17, KeyID: 3}, virtual.ChipKeyUnknownToIC, verdict.Failed},
		{chipInfo("ECDH-3DES", 11), virtual.ChipKeyUnknownCurve, verdict.Undetermined},
		{chipInfo("ECDH-3DES", 11), virtual.ChipKeyNoInfo, verdict.Successful},
	} {
		c.info.Fault = c.fault
		document := provable(t, virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{c.info}})
		chip := chipOf(t, document, virtual.Profile{})
		j := prove(t, document, chip, bac())
		require.Equal(t, c.want, j.result("chip_authentication"), "%s %s", c.info.Protocol, c.fault)
		require.Equal(t, verdict.Successful, j.result("dg14_hash"))
		if c.fault != virtual.ChipKeyUnknownToIC && c.want != verdict.Successful {
			require.Zero(t, chip.Counters().ByInstruction[iso7816.InsManageSecurityEnv], "%s is found before the chip is asked", c.fault)
		}
	}
	// A file that is no DG14 at all, rightly signed.
	for _, content := range [][]byte{{0x6E, 0x02, 0x31, 0x80}, {0x6E, 0x00}, {0x6E, 0x03, 0x30, 0x01, 0x00}, {0x6F, 0x02, 0x31, 0x00}} {
		document := provable(t, virtual.Options{Files: map[virtual.File][]byte{virtual.DataGroup(14): content}})
		j := prove(t, document, chipOf(t, document, virtual.Profile{}), bac())
		require.Equal(t, verdict.Failed, j.status, "%X", content)
		require.Subset(t, []string{"chip_authentication", "dg14_hash"}, j.failed())
	}
	// A DG15 that is no key.
	for _, content := range [][]byte{{0x6F, 0x02, 0x30, 0x00}, {0x6F, 0x00}, {0x70, 0x02, 0x30, 0x00}} {
		document := provable(t, virtual.Options{Files: map[virtual.File][]byte{virtual.DataGroup(15): content}})
		j := prove(t, document, chipOf(t, document, virtual.Profile{}), bac())
		require.Subset(t, []string{"active_authentication", "dg15_hash"}, j.failed())
		require.Equal(t, verdict.Failed, j.status, "%X", content)
	}
}

// Several keys: where the chip refuses the strongest, the next proves it.
func TestTheNextKeyIsTried(t *testing.T) {
	document := provable(t, virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{
		{Protocol: "ECDH-AES-256", ParameterID: 17, KeyID: 1, Fault: virtual.ChipKeyUnknownToIC}, {Protocol: "ECDH-3DES", ParameterID: 11, KeyID: 7},
	}})
	j := prove(t, document, chipOf(t, document, virtual.Profile{}), bac())
	require.Equal(t, verdict.Successful, j.status)
	require.Equal(t, "CA-ECDH-3DES", j.session.Proof().ChipAuthentication.Protocol)
}

// What the security object does not cover proves nothing, and what it covers and the
// chip does not give has failed.
func TestOnlySignedKeysProve(t *testing.T) {
	options := virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{chipInfo("ECDH-3DES", 11)}, ActiveAuthentication: &virtual.ActiveAuthentication{RSA: rsa1024()}}
	good := provable(t, options)
	for name, c := range map[string]struct {
		change  func(*virtual.Document)
		profile virtual.Profile
		failed  []string
	}{
		"another DG14": {func(d *virtual.Document) { d.Files["DG14"] = flipped(good.Files["DG14"]) }, virtual.Profile{}, []string{"dg14_hash"}},
		"another DG15": {func(d *virtual.Document) { d.Files["DG15"] = flipped(good.Files["DG15"]) }, virtual.Profile{}, []string{"dg15_hash"}},
		"no DG14":      {func(*virtual.Document) {}, virtual.Profile{MissingFiles: []virtual.File{"DG14"}}, []string{"dg14_hash"}},
		"no DG15":      {func(*virtual.Document) {}, virtual.Profile{MissingFiles: []virtual.File{"DG15"}}, []string{"dg15_hash"}},
		"DG14 refused": {func(*virtual.Document) {}, virtual.Profile{FileStatus: map[virtual.File]virtual.Status{"DG14": 0x6982}}, []string{"dg14_hash"}},
		"DG15 refused": {func(*virtual.Document) {}, virtual.Profile{FileStatus: map[virtual.File]virtual.Status{"DG15": 0x6F00}}, []string{"dg15_hash"}},
	} {
		document := *good
		document.Files = maps.Clone(good.Files)
		c.change(&document)
		j := prove(t, &document, chipOf(t, &document, c.profile), bac())
		require.Equal(t, c.failed, j.failed(), name)
		check := map[string]string{"dg14_hash": "chip_authentication", "dg15_hash": "active_authentication"}[c.failed[0]]
		require.Equal(t, verdict.NotSupported, j.result(check), name)
	}
	// DG15 on the chip, listed nowhere: it is not even read.
	plain := provable(t, virtual.Options{})
	plain.Files["DG15"], plain.ActiveKey = good.Files["DG15"], good.ActiveKey
	j := prove(t, plain, chipOf(t, plain, virtual.Profile{}), bac())
	require.Equal(t, verdict.Successful, j.status)
	require.Equal(t, verdict.NotSupported, j.result("active_authentication"))
	require.NotContains(t, j.document.Files, lds.DG15)
	// The same in saved files: there, and proving nothing.
	require.NoError(t, j.document.Add(lds.DG15, good.Files["DG15"]))
	attempt, _ := icao.CheckEvidence(j.document, icao.Evidence{Challenge: make([]byte, 8), Signature: make([]byte, 128)})
	require.Equal(t, verdict.NotCovered, attempt.Outcome)
}

func flipped(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)-1] ^= 1
	return b
}

// Removal and return at every command: Chip Authentication is run again before anything
// else is read, and everything is proved in the end.
func TestRemovalAndReturnWhileProving(t *testing.T) {
	for _, o := range []virtual.Options{
		{ChipAuthentication: []virtual.ChipAuthenticationInfo{chipInfo("ECDH-3DES", 12)}, ActiveAuthentication: &virtual.ActiveAuthentication{RSA: rsa1024()}},
		{PACE: offers(t, "ECDH-GM-AES-128/12"), ChipAuthentication: []virtual.ChipAuthenticationInfo{chipInfo("ECDH-AES-256", 12)}, ActiveAuthentication: &virtual.ActiveAuthentication{ParameterID: 12}},
		{PACE: offers(t, "ECDH-CAM-AES-128/12"), DG14: true},
	} {
		o.DG2Size = 3000
		document, err := virtual.Personalise(o)
		require.NoError(t, err)
		chip := chipOf(t, document, virtual.Profile{})
		j := prove(t, document, chip, icao.Options{})
		require.Equal(t, verdict.Successful, j.status)
		all := chip.Counters().Commands
		for at := range all {
			for _, how := range []virtual.Removal{virtual.NeverArrived, virtual.AnswerLost} {
				chip := chipOf(t, document, virtual.Profile{})
				chip.RemoveAt(at, how)
				j := prove(t, document, chip, icao.Options{})
				require.Equal(t, verdict.Successful, j.status, "command %d: %v", at, j.failed())
				require.LessOrEqual(t, chip.Counters().Commands, all+1+7+2+1+1+2, "command %d", at)
			}
			// The same where the session is dropped: by the next program that resets the card.
			chip := chipOf(t, document, virtual.Profile{ResetAt: []int{at}})
			j := prove(t, document, chip, icao.Options{})
			require.Equal(t, verdict.Successful, j.status, "reset at command %d: %v", at, j.failed())
		}
	}
}

// A session that is dropped just after Chip Authentication, once, is no sign of a copy.
func TestASessionDroppedOnceIsNoCopy(t *testing.T) {
	document := provable(t, virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{chipInfo("ECDH-3DES", 11)}})
	plain := chipOf(t, document, virtual.Profile{})
	prove(t, document, plain, bac())
	first := plain.Counters().Commands - 80 // the first command under the new keys
	chip := chipOf(t, document, virtual.Profile{StatusAt: []virtual.StatusAt{{Command: first, Status: 0x6988, EndSession: true}}})
	j := prove(t, document, chip, bac())
	require.Equal(t, verdict.Successful, j.status, "%v", j.failed())
	require.Equal(t, 2, chip.Counters().ByInstruction[iso7816.InsManageSecurityEnv])
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(chip.EphemeralKeys()))), 2, "a fresh key each time")
}

// In the profile strict it is, and the document is read on so that the verdict says so.
func TestASessionDroppedOnceIsACopyWhereNothingIsTriedAgain(t *testing.T) {
	document := provable(t, virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{chipInfo("ECDH-3DES", 11)}})
	chip := chipOf(t, document, virtual.Profile{ChipAuthenticationFault: virtual.ChipOldKeys})
	j := prove(t, document, chip, icao.Options{Access: icao.Access{Protocol: icao.BAC}, Without: icao.Without(verdict.Strict)})
	require.Equal(t, []string{"chip_authentication"}, j.failed())
	require.Equal(t, 1, chip.Counters().ByInstruction[iso7816.InsManageSecurityEnv], "it is asked once")
	require.Contains(t, j.document.Files, lds.DG2)
}

// A reader that sends the same public key twice is refused by a chip that remembers it:
// what conformity case ISO7816_D_10 rests on.
func TestARepeatedEphemeralKeyIsNoticed(t *testing.T) {
	document := provable(t, virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{chipInfo("ECDH-AES-128", 12)}})
	chip := chipOf(t, document, virtual.Profile{RepeatedEphemeralKey: 0x6300})
	stuck := func() icao.Options { o := bac(); o.Random = mathrand.NewChaCha8([32]byte{7}); return o }
	require.Equal(t, verdict.Successful, prove(t, document, chip, stuck()).status)
	require.NoError(t, chip.Reset(t.Context()))
	require.Equal(t, []string{"chip_authentication"}, prove(t, document, chip, stuck()).failed())
	require.NoError(t, chip.Reset(t.Context()))
	require.Equal(t, verdict.Successful, prove(t, document, chip, bac()).status)
}

// The document is taken away after it has proved itself, and a copy is put back in its
// place: the copy is asked again.
func TestACopyPutBackAfterTheProof(t *testing.T) {
	for _, o := range []virtual.Options{
		{ChipAuthentication: []virtual.ChipAuthenticationInfo{chipInfo("ECDH-AES-128", 12)}},
		{PACE: offers(t, "ECDH-CAM-AES-128/12")},
	} {
		document := provable(t, o)
		profile := virtual.Profile{ChipAuthenticationFault: virtual.ChipClone}
		check := "chip_authentication"
		if o.PACE != nil {
			check = "pace_chip_authentication_mapping"
			profile = virtual.Profile{PACEFaults: []virtual.PACEFault{{Step: 4, Kind: virtual.PACEWrongChipData}}}
		}
		genuine, clone := chipOf(t, document, virtual.Profile{}), chipOf(t, document, profile)
		genuine.RemoveAt(60, virtual.NeverArrived)
		session, err := icao.Open(context.Background(), genuine, icao.Options{
			Access: icao.Access{Key: keyOf(t, document)}, PutBack: func(context.Context) (iso7816.Card, error) { return clone, nil },
		})
		require.NoError(t, err)
		got, err := session.ReadDocument(context.Background())
		require.NoError(t, err)
		j := judge(t, document, got, session)
		require.Equal(t, []string{check}, j.failed())
	}
}

// Cancelling works at every command of proving, and sends nothing more.
func TestCancellingWhileProving(t *testing.T) {
	document := provable(t, virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{chipInfo("ECDH-AES-128", 12)}, ActiveAuthentication: &virtual.ActiveAuthentication{RSA: rsa1024()}})
	key := keyOf(t, document)
	for at := 12; at < 20; at++ {
		ctx, cancel := context.WithCancel(context.Background())
		chip := &cancelling{Chip: chipOf(t, document, virtual.Profile{}), at: at, cancel: cancel}
		_, _, err := read(ctx, chip, key)
		require.ErrorIs(t, err, context.Canceled, "command %d", at)
		require.Equal(t, at+1, chip.Counters().Commands, "the pending command ends, none follows")
	}
}

// EF.CardAccess that was changed on the way: added to, or the stronger PACE taken away.
func TestChangedCardAccessIsFound(t *testing.T) {
	for _, o := range []virtual.Options{
		{PACE: offers(t, "ECDH-GM-AES-256/17, ECDH-GM-3DES/12"), DG14: true},
		{PACE: offers(t, "ECDH-CAM-AES-128/13, ECDH-GM-AES-128/13")},
	} {
		document := provable(t, o)
		check := "security_infos_match_dg14"
		if !o.DG14 {
			check = "security_infos_match_card_security"
		}
		j := prove(t, document, chipOf(t, document, virtual.Profile{}), icao.Options{})
		require.Equal(t, verdict.Successful, j.result(check))
		require.Equal(t, verdict.Successful, j.status)

		// A SecurityInfo that the issuer has not signed.
		extra := virtual.Hex{0x30, 0x0F, 0x06, 0x0A, 0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x04, 0x02, 0x01, 0x02, 0x01, 0x02}
		j = prove(t, document, chipOf(t, document, virtual.Profile{ExtraSecurityInfos: []virtual.Hex{extra}}), icao.Options{})
		require.Equal(t, []string{check}, j.failed())
	}
	// The stronger PACE is hidden: the weaker one is run, and found out.
	document := provable(t, virtual.Options{PACE: offers(t, "ECDH-GM-AES-256/17, ECDH-GM-3DES/12"), DG14: true})
	weak := provable(t, virtual.Options{PACE: offers(t, "ECDH-GM-3DES/12")})
	lowered := *document
	lowered.Files = maps.Clone(document.Files)
	lowered.Files[virtual.CardAccess] = weak.Files[virtual.CardAccess]
	j := prove(t, &lowered, chipOf(t, &lowered, virtual.Profile{}), icao.Options{})
	require.Equal(t, "3DES", j.session.Cipher())
	require.Equal(t, []string{"security_infos_match_dg14"}, j.failed())
	// All of it is hidden.
	delete(lowered.Files, virtual.CardAccess)
	j = prove(t, &lowered, chipOf(t, &lowered, virtual.Profile{}), icao.Options{})
	require.Equal(t, verdict.Undetermined, j.result("security_infos_match_dg14"))
	// BAC was asked for: EF.CardAccess was not looked for.
	j = prove(t, &lowered, chipOf(t, &lowered, virtual.Profile{}), bac())
	require.Equal(t, verdict.NotSupported, j.result("security_infos_match_dg14"))
}

// EF.CardSecurity: more than EF.CardAccess is in order, less or other is not; no key,
// another key or no file leaves the chip unproved; another signer is not believed.
func TestCardSecurity(t *testing.T) {
	options := virtual.Options{PACE: offers(t, "ECDH-CAM-AES-128/13")}
	good, other := provable(t, options), provable(t, options)
	for name, c := range map[string]struct {
		content []byte
		profile virtual.Profile
		failed  []string
	}{
		"of another document": {other.Files[virtual.CardSecurity], virtual.Profile{}, []string{"pace_chip_authentication_mapping"}},
		"not there":           {nil, virtual.Profile{MissingFiles: []virtual.File{virtual.CardSecurity}}, []string{"pace_chip_authentication_mapping"}},
		"refused":             {nil, virtual.Profile{FileStatus: map[virtual.File]virtual.Status{virtual.CardSecurity: 0x6982}}, []string{"pace_chip_authentication_mapping"}},
		"a security object":   {good.Files[virtual.SOD][4:], virtual.Profile{}, []string{"pace_chip_authentication_mapping"}},
		"no CMS":              {[]byte{0x30, 0x03, 0x02, 0x01, 0x00}, virtual.Profile{}, []string{"pace_chip_authentication_mapping"}},
		"changed":             {flipped(good.Files[virtual.CardSecurity]), virtual.Profile{}, []string{"card_security_signature"}},
	} {
		document := *good
		document.Files = maps.Clone(good.Files)
		if c.content != nil {
			document.Files[virtual.CardSecurity] = c.content
		}
		j := prove(t, &document, chipOf(t, &document, c.profile), icao.Options{})
		require.Equal(t, c.failed, j.failed(), name)
	}
	// A chip that drops its session at the first command is opened again.
	j := prove(t, good, chipOf(t, good, virtual.Profile{DropSessions: 1}), icao.Options{})
	require.Equal(t, verdict.Successful, j.status)
}

// Keys that are too long for short commands: with a reader that says nothing extended
// length is used for them alone; one that has none leaves the question open.
func TestLongKeys(t *testing.T) {
	long := virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{chipInfo("DH-AES-128", 2)}, ActiveAuthentication: &virtual.ActiveAuthentication{RSA: rsa2048()}}
	document := provable(t, long)
	profile := virtual.Profile{Extended: &virtual.Extended{NoATRInfo: true}}
	j := prove(t, document, chipOf(t, document, profile), bac())
	require.Equal(t, verdict.Successful, j.status, "%v", j.failed())

	chip, err := virtual.NewChip(document, virtual.ChipOptions{Profile: profile, Limits: iso7816.Limits{Extended: iso7816.No}})
	require.NoError(t, err)
	j = prove(t, document, chip, bac())
	require.Equal(t, verdict.Undetermined, j.status)
	for _, check := range []string{"chip_authentication", "active_authentication"} {
		require.Equal(t, verdict.Undetermined, j.result(check), check)
		require.Contains(t, j.checks[check].Advice, "extended length")
	}

	// A reader that says nothing and then does not pass it.
	card := &oddReader{Chip: chipOf(t, document, profile), reader: chipReader{RefusesExtended: true}}
	session, err := icao.Open(context.Background(), card, icao.Options{Access: icao.Access{Key: keyOf(t, document), Protocol: icao.BAC}})
	require.NoError(t, err)
	got, err := session.ReadDocument(context.Background())
	require.NoError(t, err)
	j = judge(t, document, got, session)
	require.Equal(t, verdict.Undetermined, j.status)
	require.Equal(t, verdict.Undetermined, j.result("active_authentication"))
}

// Extended length goes on under the new keys.
func TestExtendedLengthBehindChipAuthentication(t *testing.T) {
	document := provable(t, virtual.Options{ChipAuthentication: []virtual.ChipAuthenticationInfo{chipInfo("ECDH-AES-128", 13)}})
	chip, err := virtual.NewChip(document, virtual.ChipOptions{Profile: extendedProfile(65535), Limits: iso7816.Limits{Extended: iso7816.Yes}})
	require.NoError(t, err)
	j := prove(t, document, chip, bac())
	require.Equal(t, verdict.Successful, j.status)
	require.Equal(t, 8+1+2, chip.Counters().Commands)
}

// The evidence of Active Authentication can be checked again, and only as it was.
func TestEvidenceIsCheckedAgain(t *testing.T) {
	document := provable(t, virtual.Options{ActiveAuthentication: &virtual.ActiveAuthentication{ParameterID: 13}})
	j := prove(t, document, chipOf(t, document, virtual.Profile{ActiveAuthenticationFault: virtual.ActiveDER}), bac())
	require.Equal(t, verdict.Successful, j.status)
	require.Equal(t, []lds.Warning{{Name: "dg15_signature_der", Detail: "the chip's signature is not in plain form"}}, j.session.Proof().Deviations)
	evidence := j.session.Evidence()
	require.Len(t, evidence.Challenge, 8)
	attempt, deviations := icao.CheckEvidence(j.document, evidence)
	require.Equal(t, verdict.Proved, attempt.Outcome)
	require.Equal(t, j.session.Proof().Deviations, deviations)
	attempt, _ = icao.CheckEvidence(j.document, icao.Evidence{Challenge: flipped(evidence.Challenge), Signature: evidence.Signature})
	require.Equal(t, verdict.WrongAnswer, attempt.Outcome)
	attempt, _ = icao.CheckEvidence(j.document, icao.Evidence{})
	require.Equal(t, verdict.NoEvidence, attempt.Outcome)
}

// The BSI reference passport with its private keys: Chip Authentication succeeds, and
// Active Authentication cannot, because DG15 is announced nowhere.
func TestReferencePassportProvesItself(t *testing.T) {
	folder := icaotest.SharedData(t, "bsi-reference-passport")
	document, err := virtual.LoadFolder(folder)
	require.NoError(t, err)
	private, active := icaotest.PrivateKeys(t, folder)
	document.ChipAuthenticationKeys, document.ActiveKey = []virtual.ChipKey{{ParameterID: 11, Private: private}}, &virtual.ActiveKey{RSA: active}
	got, session, err := readAgain(chipOf(t, document, virtual.Profile{}), icao.Options{Access: icao.Access{Key: keyOf(t, document)}})
	require.NoError(t, err)
	at := time.Date(2014, 6, 1, 0, 0, 0, 0, time.UTC)
	results := map[verdict.Result][]string{}
	v := verdict.Judge(verdict.Input{Document: got, Protected: true, Key: keyOf(t, document), Proof: session.Proof(), At: at})
	for _, c := range v.Checks {
		results[c.Result] = append(results[c.Result], c.Name)
	}
	require.Equal(t, verdict.Undetermined, v.Status)
	require.Empty(t, results[verdict.Failed])
	require.Equal(t, []string{"signer_trusted", "country_signer_validity", "signer_revocation", "signer_key_usage", "signer_country"}, results[verdict.Undetermined])
	require.Contains(t, results[verdict.Successful], "chip_authentication")
	require.Contains(t, results[verdict.Successful], "dg14_hash")
	require.Contains(t, results[verdict.NotSupported], "active_authentication")
	require.Equal(t, "CA-ECDH-3DES", session.Proof().ChipAuthentication.Protocol)
	require.NotContains(t, got.Files, lds.DG15)
}
