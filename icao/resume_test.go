package icao_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao"
	"passport-agent/icao/lds"
	"passport-agent/internal/fault"
	"passport-agent/internal/secret"
	"passport-agent/iso7816"
	"passport-agent/virtual"
)

// readAgain reads a document that is put back each time it leaves.
func readAgain(chip *virtual.Chip, o icao.Options) (*lds.Document, *icao.Session, error) {
	o.PutBack = func(context.Context) (iso7816.Card, error) {
		chip.PutBack()
		return chip, nil
	}
	session, err := icao.Open(context.Background(), chip, o)
	if err != nil {
		return nil, nil, err
	}
	document, err := session.ReadDocument(context.Background())
	return document, session, err
}

// Removal and return at every command of a full read: the document is complete
// in the end, and only what the new session needs is sent again.
func TestRemovalAndReturnAtEveryCommand(t *testing.T) {
	document := specimen(t)
	access := icao.Access{Key: keyOf(t, document), Protocol: icao.BAC}
	for at := range 93 {
		for _, how := range []virtual.Removal{virtual.NeverArrived, virtual.AnswerLost} {
			chip := chipOf(t, document, virtual.Profile{})
			chip.RemoveAt(at, how)
			var kinds []icao.EventKind
			got, _, err := readAgain(chip, icao.Options{Access: access, Observe: func(e icao.Event) {
				if e.Kind == icao.Removed || e.Kind == icao.Resumed {
					kinds = append(kinds, e.Kind)
				}
			}})
			require.NoError(t, err, "command %d", at)
			requireSameFiles(t, document, got)
			require.Equal(t, []icao.EventKind{icao.Removed, icao.Resumed}, kinds)
			// Three to open, one to recognise the document, one to select the file.
			require.LessOrEqual(t, chip.Counters().Commands, 93+1+3+1+1, "command %d", at)
		}
	}
}

// The same with PACE, which has to begin at power-up again.
func TestRemovalAndReturnAtEveryCommandOfPACE(t *testing.T) {
	document, err := virtual.Personalise(virtual.Options{SODSize: 1843, DG2Size: 18432, PACE: offers(t, "ECDH-GM-AES-128/12")})
	require.NoError(t, err)
	access := icao.Access{Key: keyOf(t, document)}
	for at := range 101 {
		how := virtual.NeverArrived
		if at%2 == 1 {
			how = virtual.AnswerLost
		}
		chip := chipOf(t, document, virtual.Profile{Access: virtual.AccessPACE})
		chip.RemoveAt(at, how)
		got, session, err := readAgain(chip, icao.Options{Access: access})
		require.NoError(t, err, "command %d", at)
		requireSameFiles(t, document, got)
		require.Equal(t, "PACE-ECDH-GM", session.Protocol())
		require.LessOrEqual(t, chip.Counters().Commands, 101+1+7+1+1, "command %d", at)
	}
}

// Commands counted by the chip, with AES: short 101, 2048 20, 64K 11, one more to
// read EF.ATR/INFO where the kind of chip is new.
func TestExtendedLengthWithPACE(t *testing.T) {
	document, err := virtual.Personalise(virtual.Options{SODSize: 1843, DG2Size: 18432, PACE: offers(t, "ECDH-GM-AES-128/13")})
	require.NoError(t, err)
	for size, want := range map[int]int{2048: 20, 65535: 11} {
		memory := &icao.Memory{}
		for _, extra := range []int{1, 0} {
			chip, err := virtual.NewChip(document, virtual.ChipOptions{Profile: extendedProfile(size), Limits: iso7816.Limits{Extended: iso7816.Yes}})
			require.NoError(t, err)
			got, _, err := readAgain(chip, icao.Options{Access: icao.Access{Key: keyOf(t, document)}, Memory: memory})
			require.NoError(t, err)
			requireSameFiles(t, document, got)
			require.Equal(t, want+extra, chip.Counters().Commands, "%d bytes", size)
		}
	}
}

// A PACE that is offered and fails is never followed by BAC: the unsigned
// EF.CardAccess must not lower the protection.
func TestNoWayDownFromPACE(t *testing.T) {
	document, err := virtual.Personalise(virtual.Options{PACE: offers(t, "ECDH-GM-AES-128/12")})
	require.NoError(t, err)
	chip := chipOf(t, document, virtual.Profile{PACEFaults: []virtual.PACEFault{{Step: 1, Status: 0x6A80}}})
	_, _, err = readAgain(chip, icao.Options{Access: icao.Access{Key: keyOf(t, document)}})
	require.ErrorIs(t, err, fault.AccessRefused)
	require.Zero(t, chip.Counters().ByInstruction[iso7816.InsExternalAuthenticate])
}

// Another document in place of the first is noticed, whether it has another key,
// another answer to reset or only other files.
func TestAnotherDocumentIsNotReadOn(t *testing.T) {
	first := specimen(t)
	second, err := virtual.Personalise(virtual.Options{SODSize: 1843, DG2Size: 18432})
	require.NoError(t, err)
	holder := virtual.Holder{Format: virtual.TD3, DocumentCode: "P", Issuer: "UTO", Nationality: "UTO", Surname: "Doe", DocumentNumber: "X1", BirthDate: "800101", Sex: "M", ExpiryDate: "400101"}
	stranger, err := virtual.Personalise(virtual.Options{Holder: holder})
	require.NoError(t, err)
	access := icao.Access{Key: keyOf(t, first), Protocol: icao.BAC}
	for name, other := range map[string]*virtual.Chip{
		"another key":             chipOf(t, stranger, virtual.Profile{}),
		"another answer to reset": chipOf(t, first, virtual.Profile{Historical: virtual.Hex{0x80, 0x31}}),
		"other files":             chipOf(t, second, virtual.Profile{}),
	} {
		chip := chipOf(t, first, virtual.Profile{})
		chip.RemoveAt(40, virtual.NeverArrived)
		session, err := icao.Open(context.Background(), chip, icao.Options{Access: access, PutBack: func(context.Context) (iso7816.Card, error) { return other, nil }})
		require.NoError(t, err)
		got, err := session.ReadDocument(context.Background())
		require.ErrorIs(t, err, fault.OtherDocument, name)
		require.NotContains(t, got.Files, lds.DG2)
	}
}

func TestDocumentThatIsNotPutBack(t *testing.T) {
	document := specimen(t)
	chip := chipOf(t, document, virtual.Profile{})
	chip.RemoveAt(40, virtual.NeverArrived)
	session, err := icao.Open(context.Background(), chip, icao.Options{
		Access:  icao.Access{Key: keyOf(t, document), Protocol: icao.BAC},
		PutBack: func(context.Context) (iso7816.Card, error) { return nil, fault.New(fault.NoDocument, "", nil) },
	})
	require.NoError(t, err)
	_, err = session.ReadDocument(context.Background())
	require.ErrorIs(t, err, fault.DocumentRemoved)
	require.Equal(t, fault.ExitNoDocument, fault.Lookup(fault.From(err).Code).Exit)
}

// auto costs a chip that has BAC alone at most one command for EF.CardAccess, one
// more where that has to be selected.
func TestAutoOnAChipWithBACAlone(t *testing.T) {
	document := specimen(t)
	access := icao.Access{Key: keyOf(t, document)}
	chip := chipOf(t, document, virtual.Profile{})
	got, session, err := readAgain(chip, icao.Options{Access: access})
	require.NoError(t, err)
	requireSameFiles(t, document, got)
	require.Equal(t, "BAC", session.Protocol())
	require.Equal(t, 94, chip.Counters().Commands)

	// Whatever the chip answers for EF.CardAccess, the document is read.
	for _, sw := range []iso7816.StatusWord{0x6982, 0x6985, 0x6986, 0x6A82, 0x6A86, 0x6283, 0x6700, 0x6D00, 0x6F00, 0x0005} {
		chip := chipOf(t, document, virtual.Profile{FileStatus: map[virtual.File]virtual.Status{virtual.CardAccess: virtual.Status(sw)}})
		got, _, err := readAgain(chip, icao.Options{Access: access})
		require.NoError(t, err, "%04X", uint16(sw))
		requireSameFiles(t, document, got)
		require.LessOrEqual(t, chip.Counters().Commands, 96, "%04X", uint16(sw))
	}
}

// extendedProfile is a chip that states its sizes in EF.ATR/INFO.
func extendedProfile(size int) virtual.Profile {
	return virtual.Profile{Extended: &virtual.Extended{MaxCommand: size, MaxResponse: size}}
}

// Commands counted by the chip: 7, 11, 16 for 64K, 4096, 2048, one more to read
// EF.ATR/INFO where the kind of chip is new.
func TestExtendedLengthByTheRules(t *testing.T) {
	document := specimen(t)
	access := icao.Access{Key: keyOf(t, document), Protocol: icao.BAC}
	for size, want := range map[int]int{65535: 7, 4096: 11, 2048: 16} {
		memory := &icao.Memory{}
		for reading, extra := range []int{1, 0} {
			chip, err := virtual.NewChip(document, virtual.ChipOptions{Profile: extendedProfile(size), Limits: iso7816.Limits{Extended: iso7816.Yes}})
			require.NoError(t, err)
			got, _, err := readAgain(chip, icao.Options{Access: access, Memory: memory})
			require.NoError(t, err)
			requireSameFiles(t, document, got)
			require.Equal(t, want+extra, chip.Counters().Commands, "%d bytes, reading %d", size, reading+1)
		}
	}
	for name, c := range map[string]struct {
		profile virtual.Profile
		limits  iso7816.Limits
		probe   bool
		want    int
	}{
		"reader without extended":     {extendedProfile(65535), iso7816.Limits{Extended: iso7816.No}, true, 93},
		"reader silent":               {extendedProfile(65535), iso7816.Limits{}, false, 93},
		"reader silent, probed":       {extendedProfile(65535), iso7816.Limits{}, true, 8},
		"reader with a bound of 2048": {extendedProfile(65535), iso7816.Limits{Extended: iso7816.Yes, MaxAPDU: 2048}, false, 17},
		"chip silent":                 {virtual.Profile{Extended: &virtual.Extended{Silent: true, NoATRInfo: true}}, iso7816.Limits{Extended: iso7816.Yes}, false, 93},
		"chip silent, probed":         {virtual.Profile{Extended: &virtual.Extended{Silent: true, NoATRInfo: true}}, iso7816.Limits{Extended: iso7816.Yes}, true, 7},
		"chip states no sizes":        {virtual.Profile{Extended: &virtual.Extended{NoATRInfo: true}}, iso7816.Limits{Extended: iso7816.Yes}, false, 93},
		"chip without, probed":        {virtual.Profile{}, iso7816.Limits{}, true, 94},
	} {
		chip, err := virtual.NewChip(document, virtual.ChipOptions{Profile: c.profile, Limits: c.limits})
		require.NoError(t, err)
		got, _, err := readAgain(chip, icao.Options{Access: access, ProbeExtended: c.probe})
		require.NoError(t, err, name)
		requireSameFiles(t, document, got)
		require.Equal(t, c.want, chip.Counters().Commands, name)
	}
}

func TestWithoutAccessDataOrWithTheWrongKind(t *testing.T) {
	document := specimen(t)
	_, err := icao.Open(context.Background(), chipOf(t, document, virtual.Profile{}), icao.Options{Access: icao.Access{Key: keyOf(t, document), Protocol: icao.PACE}})
	require.ErrorIs(t, err, fault.AccessRefused)
	require.NotErrorIs(t, err, fault.WrongMRZ)
	_, err = icao.Open(context.Background(), chipOf(t, document, virtual.Profile{}), icao.Options{Access: icao.Access{CAN: secret.NewText("123456")}})
	require.ErrorIs(t, err, fault.MRZRequired)
}
