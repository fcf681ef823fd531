package icao_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao"
	"passport-agent/icao/lds"
	"passport-agent/icao/mrz"
	"passport-agent/internal/fault"
	"passport-agent/iso7816"
	"passport-agent/virtual"
)

// specimen is a document with the file sizes that peers were measured with: COM
// 22, SOD 1843, DG1 93, DG2 18432 bytes.
func specimen(t testing.TB) *virtual.Document {
	t.Helper()
	document, err := virtual.Personalise(virtual.Options{SODSize: 1843, DG2Size: 18432})
	require.NoError(t, err)
	return document
}

func keyOf(t testing.TB, document *virtual.Document) mrz.Key {
	t.Helper()
	text, err := document.MRZ()
	require.NoError(t, err)
	zone, err := mrz.Parse(text)
	require.NoError(t, err)
	require.NoError(t, zone.Check())
	key, err := zone.Key()
	require.NoError(t, err)
	return key
}

func chipOf(t testing.TB, document *virtual.Document, profile virtual.Profile) *virtual.Chip {
	t.Helper()
	chip, err := virtual.NewChip(document, virtual.ChipOptions{Profile: profile})
	require.NoError(t, err)
	return chip
}

// read opens a chip by BAC and reads the document.
func read(ctx context.Context, chip iso7816.Card, key mrz.Key) (*lds.Document, *icao.Session, error) {
	session, err := icao.Open(ctx, chip, icao.Options{Access: icao.Access{Key: key, Protocol: icao.BAC}})
	if err != nil {
		return nil, nil, err
	}
	document, err := session.ReadDocument(ctx)
	return document, session, err
}

func virtualFile(file lds.File) virtual.File {
	switch file {
	case lds.COM:
		return virtual.COM
	case lds.SOD:
		return virtual.SOD
	default:
		return virtual.DataGroup(int(file))
	}
}

func requireSameFiles(t testing.TB, want *virtual.Document, got *lds.Document) {
	t.Helper()
	for _, file := range lds.ReadOrder() {
		require.Equal(t, want.Files[virtualFile(file)], got.Files[file], file.String())
	}
	digest := got.SOD.Hash.New()
	digest.Write(got.Files[lds.DG2])
	require.Equal(t, digest.Sum(nil), got.Digest(lds.DG2), "hashed while it arrived")
}

// The floor of chip-quirks.md: three commands to open, then every file in as few
// short blocks as 3DES secure messaging allows.
func TestBACInShortCommandsTakesNinetyThree(t *testing.T) {
	document := specimen(t)
	for file, size := range map[lds.File]int{lds.COM: 22, lds.SOD: 1843, lds.DG1: 93, lds.DG2: 18432} {
		require.Len(t, document.Files[virtualFile(file)], size)
	}
	chip := chipOf(t, document, virtual.Profile{})
	got, session, err := read(context.Background(), chip, keyOf(t, document))
	require.NoError(t, err)
	requireSameFiles(t, document, got)
	require.Equal(t, "BAC", session.Protocol())
	require.Equal(t, "3DES", session.Cipher())
	counters := chip.Counters()
	require.Equal(t, 93, counters.Commands)
	require.Equal(t, counters.Commands, session.Traffic().Commands)
}

// What chips do otherwise than the standard's simplest case, and the reader
// reads through; extra is what it costs in commands.
func TestDocumentIsReadThrough(t *testing.T) {
	document := specimen(t)
	for name, c := range map[string]struct {
		profile virtual.Profile
		most    int
	}{
		"no access control":          {virtual.Profile{Access: virtual.AccessNone}, 89},
		"first authentication fails": {virtual.Profile{RefuseAuthentications: 1}, 95},
		"end of file is a warning":   {virtual.Profile{EndOfFile: virtual.EndWarning}, 93},
		"past the end is 6282":       {virtual.Profile{EndOfFile: virtual.EndEmpty}, 97},
		"past the end is 6B00":       {virtual.Profile{EndOfFile: virtual.EndOffset}, 103},
		"past the end is 6Cxx":       {virtual.Profile{EndOfFile: virtual.EndCorrectLe}, 96},
		"no short identifiers":       {virtual.Profile{ShortIdentifier: virtual.Status(iso7816.SWIncorrectP1P2)}, 98},
		"clamps to 160":              {virtual.Profile{MaxRead: 160}, 135},
		"6700 over 160":              {virtual.Profile{MaxRead: 160, TooLong: virtual.TooLongRefuse}, 150},
		"6Cxx over 160":              {virtual.Profile{MaxRead: 160, TooLong: virtual.TooLongCorrectLe}, 145},
		"6B00 over 192":              {virtual.Profile{MaxRead: 192, TooLong: virtual.TooLongOffset}, 130},
	} {
		t.Run(name, func(t *testing.T) {
			chip := chipOf(t, document, c.profile)
			got, _, err := read(context.Background(), chip, keyOf(t, document))
			require.NoError(t, err)
			requireSameFiles(t, document, got)
			require.LessOrEqual(t, chip.Counters().Commands, c.most)
		})
	}
}

func TestDocumentWithoutCOM(t *testing.T) {
	document := specimen(t)
	chip := chipOf(t, document, virtual.Profile{MissingFiles: []virtual.File{virtual.COM}})
	var absent []lds.File
	session, err := icao.Open(context.Background(), chip, icao.Options{Access: icao.Access{Key: keyOf(t, document)}, Observe: func(e icao.Event) {
		if e.Kind == icao.FileAbsent {
			absent = append(absent, e.File)
		}
	}})
	require.NoError(t, err)
	got, err := session.ReadDocument(context.Background())
	require.NoError(t, err)
	require.Nil(t, got.COM)
	require.NotContains(t, got.Files, lds.COM)
	require.Equal(t, []lds.File{lds.COM}, absent)
	require.Equal(t, document.Files["DG2"], got.Files[lds.DG2])

	chip = chipOf(t, document, virtual.Profile{MissingFiles: []virtual.File{virtual.DataGroup(2)}})
	_, _, err = read(context.Background(), chip, keyOf(t, document))
	require.ErrorIs(t, err, fault.FileNotOnChip)
	require.ErrorContains(t, err, "DG2")
}

func TestWrongKeyIsWrongMRZ(t *testing.T) {
	document := specimen(t)
	wrong, err := mrz.KeyFromFields("X99999999", "740812", "300415")
	require.NoError(t, err)
	chip := chipOf(t, document, virtual.Profile{})
	_, _, err = read(context.Background(), chip, wrong)
	require.ErrorIs(t, err, fault.WrongMRZ)
	var sw iso7816.StatusWord
	require.ErrorAs(t, err, &sw)
	require.Equal(t, iso7816.SWAuthenticationFailed, sw)
	require.Equal(t, 5, chip.Counters().Commands, "one second try with a new challenge, then the person is asked")
}

func TestRefusedAccessIsToldApart(t *testing.T) {
	document := specimen(t)
	for name, c := range map[string]struct {
		profile virtual.Profile
		want    fault.Code
	}{
		"needs PACE, 6A88":      {virtual.Profile{AuthenticationStatus: virtual.Status(iso7816.SWReferenceNotFound)}, fault.PACERequired},
		"needs PACE, 6985":      {virtual.Profile{AuthenticationStatus: virtual.Status(iso7816.SWConditionsOfUse)}, fault.PACERequired},
		"nonsense":              {virtual.Profile{AuthenticationStatus: virtual.Status(0x6F00)}, fault.AccessRefused},
		"wrong nonce of reader": {virtual.Profile{BACFault: virtual.BACWrongRNDIFD}, fault.ChipAuthentication},
		"wrong nonce of chip":   {virtual.Profile{BACFault: virtual.BACWrongRNDIC}, fault.ChipAuthentication},
		"wrong MAC in answer":   {virtual.Profile{BACFault: virtual.BACBadMAC}, fault.ChipAuthentication},
		"no passport there":     {virtual.Profile{SelectStatus: map[string]virtual.Status{"040C": virtual.Status(iso7816.SWFileNotFound)}}, fault.NotAPassport},
		"storage card":          {virtual.Profile{Historical: virtual.Hex{0x80, 0x4F, 0x0C, 0xA0, 0, 0, 3, 6, 3, 0, 1, 0, 0, 0, 0}}, fault.NotAPassport},
		"one bare refusal":      {virtual.Profile{StatusAt: []virtual.StatusAt{{Command: 3, Status: virtual.Status(0x6F00)}}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := read(context.Background(), chipOf(t, document, c.profile), keyOf(t, document))
			if c.want == "" {
				require.NoError(t, err, "one refused command is recovered from")
				return
			}
			require.ErrorIs(t, err, c.want)
		})
	}
	chip := chipOf(t, document, virtual.Profile{})
	_, _, err := read(context.Background(), chip, mrz.Key{})
	require.ErrorIs(t, err, fault.AccessRefused, "a protected chip, and nothing to open it with")
}

// A protected answer that does not hold ends the read, at whichever command.
func TestForgedAnswerEndsTheRead(t *testing.T) {
	document := specimen(t)
	for _, kind := range []virtual.SMFaultKind{virtual.SMWrongMAC, virtual.SMNoMAC, virtual.SMNoStatus} {
		for _, at := range []int{0, 1, 50} {
			chip := chipOf(t, document, virtual.Profile{SMFaults: []virtual.SMFault{{Response: at, Kind: kind}}})
			_, _, err := read(context.Background(), chip, keyOf(t, document))
			require.ErrorIs(t, err, fault.SecureMessaging, "%s at %d", kind, at)
		}
	}
}

// A chip that answers 9000 with nothing must not hold the reader for ever.
func TestEmptyAnswersEndTheRead(t *testing.T) {
	document := specimen(t)
	for _, offset := range []int{0, 500} {
		chip := chipOf(t, document, virtual.Profile{EmptyFrom: map[virtual.File]int{virtual.DataGroup(2): offset}})
		_, _, err := read(context.Background(), chip, keyOf(t, document))
		require.ErrorIs(t, err, fault.ChipResponse)
		require.Less(t, chip.Counters().Commands, 40)
	}
}

// A chip that gives a byte at a time would keep the reader for hours.
func TestTricklingAnswersEndTheRead(t *testing.T) {
	document := specimen(t)
	chip := chipOf(t, document, virtual.Profile{MaxRead: 1})
	_, _, err := read(context.Background(), chip, keyOf(t, document))
	require.ErrorIs(t, err, fault.ChipResponse)
	require.Less(t, chip.Counters().Commands, 700)
	chip = chipOf(t, document, virtual.Profile{MaxRead: 32})
	got, _, err := read(context.Background(), chip, keyOf(t, document))
	require.NoError(t, err, "the least that the ladder asks for passes")
	requireSameFiles(t, document, got)
}

// Removal at every command ends in its typed error, and no command is sent after it.
func TestRemovalAtEveryCommand(t *testing.T) {
	document := specimen(t)
	key := keyOf(t, document)
	for at := range 93 {
		for _, how := range []virtual.Removal{virtual.NeverArrived, virtual.AnswerLost} {
			chip := chipOf(t, document, virtual.Profile{})
			chip.RemoveAt(at, how)
			got, _, err := read(context.Background(), chip, key)
			require.ErrorIs(t, err, fault.DocumentRemoved, "command %d", at)
			require.ErrorIs(t, err, iso7816.ErrRemoved)
			if got != nil {
				require.NotContains(t, got.Files, lds.DG2)
			}
			require.LessOrEqual(t, chip.Counters().Commands, at+1)
		}
	}
	chip := chipOf(t, document, virtual.Profile{})
	chip.RemoveAt(93, virtual.NeverArrived)
	_, _, err := read(context.Background(), chip, key)
	require.NoError(t, err, "the twin that stays for all 93")
}

// cancelling is a card that is cancelled from outside while a command is under way.
type cancelling struct {
	*virtual.Chip
	at     int
	cancel context.CancelFunc
}

func (c *cancelling) Transmit(ctx context.Context, command, response []byte) (int, error) {
	if c.at == 0 {
		c.cancel()
	}
	c.at--
	return c.Chip.Transmit(context.WithoutCancel(ctx), command, response)
}

func TestCancellingSendsNothingMore(t *testing.T) {
	document := specimen(t)
	key := keyOf(t, document)
	for _, at := range []int{0, 1, 2, 3, 4, 10, 92} {
		ctx, cancel := context.WithCancel(context.Background())
		chip := &cancelling{Chip: chipOf(t, document, virtual.Profile{}), at: at, cancel: cancel}
		_, _, err := read(ctx, chip, key)
		if at < 92 {
			require.ErrorIs(t, err, context.Canceled, "command %d", at)
		}
		require.Equal(t, at+1, chip.Counters().Commands, "the pending command ends, none follows")
	}
}

// A chip that lies about lengths costs neither memory nor time.
func TestLyingLengths(t *testing.T) {
	good := specimen(t)
	lie := func(file virtual.File, content []byte) *virtual.Document {
		d := &virtual.Document{Files: map[virtual.File][]byte{}}
		for name, b := range good.Files {
			d.Files[name] = b
		}
		d.Files[file] = content
		return d
	}
	key := keyOf(t, good)
	for name, c := range map[string]struct {
		document *virtual.Document
		want     fault.Code
	}{
		"sixteen megabytes":    {lie("DG2", append([]byte{0x75, 0x84, 0x00, 0xFF, 0xFF, 0xFF}, make([]byte, 100)...)), fault.FileTooLarge},
		"over all limits":      {lie("DG2", append([]byte{0x75, 0x84, 0xFF, 0xFF, 0xFF, 0xFF}, make([]byte, 100)...)), fault.FileMalformed},
		"more than is there":   {lie("DG2", append([]byte{0x75, 0x82, 0x40, 0x00}, make([]byte, 300)...)), ""},
		"another file's tag":   {lie("DG2", good.Files[virtual.SOD]), fault.FileMalformed},
		"an empty portrait":    {lie("DG2", []byte{0x75, 0x00}), fault.FileMalformed},
		"no length at all":     {lie("DG2", []byte{0x75}), ""},
		"bytes behind the end": {lie("DG1", append(append([]byte(nil), good.Files["DG1"]...), 0, 0, 0)), "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := read(context.Background(), chipOf(t, c.document, virtual.Profile{}), key)
			switch c.want {
			case "ok":
				require.NoError(t, err)
				require.Equal(t, good.Files["DG1"], got.Files[lds.DG1], "the file ends where its object ends")
			case "":
				require.Error(t, err)
				require.Equal(t, fault.ExitRead, fault.Lookup(fault.From(err).Code).Exit)
			default:
				require.ErrorIs(t, err, c.want)
			}
		})
	}
}

// Files over 32 767 bytes need the odd instruction for their tail.
func TestLongFile(t *testing.T) {
	document, err := virtual.Personalise(virtual.Options{DG2Size: 40_000})
	require.NoError(t, err)
	got, _, err := read(context.Background(), chipOf(t, document, virtual.Profile{}), keyOf(t, document))
	require.NoError(t, err)
	requireSameFiles(t, document, got)
}

func TestProgressReachesTheWholeFile(t *testing.T) {
	document := specimen(t)
	done := map[lds.File]int{}
	var kinds []icao.EventKind
	session, err := icao.Open(context.Background(), chipOf(t, document, virtual.Profile{}), icao.Options{
		Access: icao.Access{Key: keyOf(t, document)},
		Observe: func(e icao.Event) {
			if e.Kind == icao.FileProgress {
				require.Greater(t, e.Done, done[e.File])
				require.LessOrEqual(t, e.Done, e.Total)
				done[e.File] = e.Done
				return
			}
			kinds = append(kinds, e.Kind)
		},
	})
	require.NoError(t, err)
	_, err = session.ReadDocument(context.Background())
	require.NoError(t, err)
	require.Equal(t, map[lds.File]int{lds.COM: 22, lds.DG1: 93, lds.SOD: 1843, lds.DG2: 18432}, done)
	require.Equal(t, []icao.EventKind{icao.Connected, icao.AccessOpened, icao.FileComplete, icao.FileComplete, icao.FileComplete, icao.FileComplete}, kinds)
}

// failing is a card whose reader fails.
type failing struct {
	*virtual.Chip
	err error
}

func (f failing) Transmit(context.Context, []byte, []byte) (int, error) { return 0, f.err }

func TestErrorsOfTheReaderKeepTheirCode(t *testing.T) {
	document := specimen(t)
	for want, err := range map[fault.Code]error{
		fault.ReaderStuck: fault.New(fault.ReaderStuck, "", nil),
		fault.CardReset:   iso7816.ErrReset,
		fault.Unexpected:  errors.New("a driver's own words"),
	} {
		_, _, got := read(context.Background(), failing{chipOf(t, document, virtual.Profile{}), err}, keyOf(t, document))
		require.ErrorIs(t, got, want)
	}
}

func TestRandomNumbersAreFresh(t *testing.T) {
	document := specimen(t)
	seen := map[string]bool{}
	for range 5 {
		var commands bytes.Buffer
		chip := chipOf(t, document, virtual.Profile{})
		_, _, err := read(context.Background(), recorder{chip, &commands}, keyOf(t, document))
		require.NoError(t, err)
		require.False(t, seen[commands.String()], "a nonce was used twice")
		seen[commands.String()] = true
	}
}

type recorder struct {
	*virtual.Chip
	commands *bytes.Buffer
}

func (r recorder) Transmit(ctx context.Context, command, response []byte) (int, error) {
	if command[1] == iso7816.InsExternalAuthenticate {
		fmt.Fprintf(r.commands, "%X", command)
	}
	return r.Chip.Transmit(ctx, command, response)
}

func TestProtocolNames(t *testing.T) {
	for name, want := range map[string]icao.Protocol{"": icao.Auto, "auto": icao.Auto, "pace": icao.PACE, "bac": icao.BAC} {
		got, err := icao.ParseProtocol(name)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := icao.ParseProtocol("eac")
	require.ErrorIs(t, err, fault.Usage)
}
