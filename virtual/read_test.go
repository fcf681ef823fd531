package virtual_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/iso7816"
	"passport-agent/virtual"
)

func TestReadBySelectionAndByShortIdentifier(t *testing.T) {
	dg2 := specimen().Files[virtual.DataGroup(2)]
	x := authenticate(t, newChip(t, virtual.Profile{}))
	x.expect(iso7816.SWCommandNotAllowed, read(0, 0, 10)) // nothing selected
	for _, c := range []struct {
		command iso7816.Command
		want    []byte
	}{
		{read(0x02, 0, 100), dg2[:100]},
		{read(0x02, 200, 100), dg2[200:300]},
		{read(0, 999, 1), dg2[999:]},
		{read(0x1E, 0, 4), specimen().Files[virtual.COM]},
	} {
		response, err := x.exchange(c.command)
		require.NoError(t, err)
		require.Equal(t, iso7816.SWSuccess, response.SW)
		require.Equal(t, c.want, response.Data, "%v", c.command)
	}
	x.expect(iso7816.SWSuccess, selectEF(0x0102))
	response, err := x.exchange(read(0, 0x0101, 5))
	require.NoError(t, err)
	require.Equal(t, dg2[0x0101:0x0106], response.Data)

	x.expect(iso7816.SWIncorrectP1P2, iso7816.Command{INS: 0xB0, P1: 0xC2, Ne: 4})
	x.expect(iso7816.SWWrongLength, read(0x02, 0, 0))
	x.expect(iso7816.SWWrongLength, iso7816.Command{INS: 0xB0, P1: 0x82, Data: []byte{1}, Ne: 4})
	x.expect(iso7816.SWFileNotFound, read(0x1C, 0, 4))
}

// A short response carries 231 bytes under 3DES (worked out in the vectors), and
// 252 bytes go over the air.
func TestShortResponseHoldsAsMuchAsFits(t *testing.T) {
	x := authenticate(t, newChip(t, virtual.Profile{}))
	response, err := x.exchange(read(0x02, 0, 256))
	require.NoError(t, err)
	require.Len(t, response.Data, 231)
	require.Equal(t, 252, x.chip.(*virtual.Chip).Counters().SentBytes-len(selectAnswer)-challengeAnswer-authenticateAnswer)
	for limit, plain := range map[int]int{258: 231, 256: 231, 200: 175, 160: 135, 48: 23} {
		x := authenticate(t, newChip(t, virtual.Profile{MaxShortResponse: limit}))
		response, err := x.exchange(read(0x02, 0, 256))
		require.NoError(t, err)
		require.Len(t, response.Data, plain, "limit %d", limit)
	}
}

const selectAnswer, challengeAnswer, authenticateAnswer = "\x90\x00", 10, 42

func TestAskingForMoreThanTheChipGives(t *testing.T) {
	for _, c := range []struct {
		policy virtual.TooLong
		want   iso7816.StatusWord
		length int
	}{
		{"", iso7816.SWSuccess, 160},
		{virtual.TooLongClamp, iso7816.SWSuccess, 160},
		{virtual.TooLongRefuse, iso7816.SWWrongLength, 0},
		{virtual.TooLongCorrectLe, 0x6CA0, 0},
		{virtual.TooLongOffset, iso7816.SWWrongOffset, 0},
		{virtual.TooLongOverfill, iso7816.SWSuccess, 256},
	} {
		x := authenticate(t, newChip(t, virtual.Profile{MaxRead: 160, TooLong: c.policy}))
		response, err := x.exchange(read(0x02, 0, 256))
		require.NoError(t, err)
		require.Equal(t, c.want, response.SW, "%s", c.policy)
		require.Len(t, response.Data, c.length, "%s", c.policy)
		response, err = x.exchange(read(0x02, 0, 160))
		require.NoError(t, err)
		require.Len(t, response.Data, 160, "%s: what is allowed", c.policy)
	}
	x := authenticate(t, newChip(t, virtual.Profile{TooLong: virtual.TooLongCorrectLe}))
	x.expect(0x6CE7, read(0x02, 0, 256)) // as the chip of chip-quirks, row 1
}

// DG1 has 93 bytes; 8 are asked for where 3 are left.
func TestAskingForMoreThanIsLeft(t *testing.T) {
	for _, c := range []struct {
		policy virtual.EndOfFile
		want   iso7816.StatusWord
		length int
	}{
		{"", iso7816.SWSuccess, 3},
		{virtual.EndShort, iso7816.SWSuccess, 3},
		{virtual.EndWarning, iso7816.SWEndOfFile, 3},
		{virtual.EndEmpty, iso7816.SWEndOfFile, 0},
		{virtual.EndOffset, iso7816.SWWrongOffset, 0},
		{virtual.EndCorrectLe, 0x6C03, 0},
	} {
		x := authenticate(t, newChip(t, virtual.Profile{EndOfFile: c.policy}))
		response, err := x.exchange(read(0x01, 90, 8))
		require.NoError(t, err)
		require.Equal(t, c.want, response.SW, "%s", c.policy)
		require.Len(t, response.Data, c.length, "%s", c.policy)
		response, err = x.exchange(read(0x01, 90, 3))
		require.NoError(t, err)
		require.Equal(t, iso7816.SWSuccess, response.SW, "%s: just what is left", c.policy)
		require.Equal(t, dg1Of(specimenZone)[90:], response.Data)
		x.expect(iso7816.SWWrongOffset, read(0x01, 93, 1))
		x.expect(iso7816.SWWrongOffset, read(0x01, 94, 1))
	}
}

func TestReadsThatGiveNothing(t *testing.T) {
	x := authenticate(t, newChip(t, virtual.Profile{EmptyFrom: map[virtual.File]int{virtual.DataGroup(2): 231}}))
	response, err := x.exchange(read(0x02, 0, 256))
	require.NoError(t, err)
	require.Len(t, response.Data, 231)
	for range 3 {
		x.expect(iso7816.SWSuccess, read(0, 231, 256))
	}
}

func TestVariantsThatChipsRefuse(t *testing.T) {
	p := virtual.Profile{
		ShortIdentifier: 0x6A86,
		OddInstruction:  0x6D00,
		SelectStatus:    map[string]virtual.Status{"000C": 0x6982, "0200": 0x6A86},
		SelectWithLe:    0x6700,
		FileStatus:      map[virtual.File]virtual.Status{virtual.CardAccess: 0x6986, virtual.DataGroup(2): 0x6283},
		MissingFiles:    []virtual.File{virtual.COM},
	}
	chip := newChip(t, p)
	require.Equal(t, iso7816.SWSecurityStatus, status(t, chip, 0x00, 0xA4, 0x00, 0x0C))
	require.Equal(t, iso7816.SWCommandNotAllowed, status(t, chip, 0x00, 0xA4, 0x02, 0x0C, 0x02, 0x01, 0x1C))
	require.Equal(t, iso7816.SWWrongLength, status(t, chip, 0x00, 0xA4, 0x04, 0x00, 0x07, 0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01, 0x00))
	x := authenticate(t, chip)
	x.expect(iso7816.SWIncorrectP1P2, read(0x01, 0, 4))
	x.expect(iso7816.SWWrongINS, readOdd(0x01, 0x54, 0x01, 0x00))
	x.expect(iso7816.SWIncorrectP1P2, iso7816.Command{INS: 0xA4, P1: 0x02, Data: []byte{0x01, 0x01}})
	x.expect(iso7816.SWSelectedFileDeactivated, selectEF(0x0102))
	x.expect(iso7816.SWFileNotFound, selectEF(0x011E))
	x.expect(iso7816.SWSuccess, selectEF(0x0101))
	response, err := x.exchange(read(0, 0, 4))
	require.NoError(t, err)
	require.Len(t, response.Data, 4)
}

func readOdd(p2 byte, data ...byte) iso7816.Command {
	return iso7816.Command{INS: 0xB1, P2: p2, Data: data, Ne: 256}
}

// READ BINARY B1: the offset in object 54, the data in object 53 (Doc 9303-10,
// 3.6.6), with which a file of more than 32 767 bytes is read to its end.
func TestOddReadBinary(t *testing.T) {
	document := specimen()
	long := make([]byte, 40000)
	for i := range long {
		long[i] = byte(i >> 8)
	}
	document.Files[virtual.DataGroup(2)] = long
	chip, err := virtual.NewChip(document, virtual.ChipOptions{})
	require.NoError(t, err)
	x := authenticate(t, chip)
	for name, c := range map[string]struct {
		command iso7816.Command
		offset  int
		length  int
	}{
		"by short identifier": {readOdd(0x02, 0x54, 0x02, 0x80, 0x00), 0x8000, 228},
		"selected file":       {readOdd(0x00, 0x54, 0x03, 0x00, 0x90, 0x00), 0x9000, 228},
		"by identifier":       {iso7816.Command{INS: 0xB1, P1: 0x01, P2: 0x02, Data: []byte{0x54, 0x01, 0x05}, Ne: 12}, 5, 10},
		"as much as fits, with a header of two bytes": {iso7816.Command{INS: 0xB1, P2: 0x02, Data: []byte{0x54, 0x01, 0x00}, Ne: 129}, 0, 127},
		"end of the file": {readOdd(0x02, 0x54, 0x02, 0x9C, 0x3E), 39998, 2},
	} {
		x.expect(iso7816.SWSuccess, selectEF(0x0102))
		response, err := x.exchange(c.command)
		require.NoError(t, err, name)
		require.Equal(t, iso7816.SWSuccess, response.SW, name)
		object, rest, err := iso7816.ParseTLV(response.Data)
		require.NoError(t, err, name)
		require.Empty(t, rest, name)
		require.Equal(t, iso7816.Tag(0x53), object.Tag, name)
		require.Equal(t, long[c.offset:c.offset+c.length], object.Value, name)
	}
	x.expect(iso7816.SWWrongOffset, readOdd(0x02, 0x54, 0x02, 0x9C, 0x40))
	x.expect(iso7816.SWFileNotFound, readOdd(0x05, 0x54, 0x01, 0x00))
	x.expect(iso7816.SWFileNotFound, iso7816.Command{INS: 0xB1, P1: 0x01, P2: 0x05, Data: []byte{0x54, 0x01, 0x00}, Ne: 4})
	for _, data := range [][]byte{{0x54, 0x00}, {0x55, 0x01, 0x00}, {0x54, 0x05, 0, 0, 0, 0, 1}, {0x54, 0x01, 0x00, 0x54, 0x01, 0x00}, {0x54, 0x01, 0x00, 0x00}, {0x54, 0x02, 0x00}, nil} {
		x.expect(iso7816.SWWrongData, readOdd(0x02, data...))
	}
}

func TestExtendedLength(t *testing.T) {
	dg2 := specimen().Files[virtual.DataGroup(2)]
	x := authenticate(t, newChip(t, virtual.Profile{Extended: &virtual.Extended{}}))
	response, err := x.exchange(read(0x02, 0, 65536))
	require.NoError(t, err)
	require.Equal(t, dg2, response.Data)

	x = authenticate(t, newChip(t, virtual.Profile{Extended: &virtual.Extended{MaxResponse: 512, MaxCommand: 64}}))
	before := x.chip.(*virtual.Chip).Counters().SentBytes
	response, err = x.exchange(read(0x02, 0, 65536))
	require.NoError(t, err)
	require.Equal(t, dg2[:487], response.Data)
	require.LessOrEqual(t, x.chip.(*virtual.Chip).Counters().SentBytes-before, 512)
	_, err = x.exchange(iso7816.Command{INS: 0xA4, P1: 0x04, P2: 0x0C, Data: make([]byte, 64), Extended: true})
	require.ErrorIs(t, err, iso7816.SWWrongLength, "longer than the chip's buffer")

	p := virtual.Profile{Extended: &virtual.Extended{}, EndOfFile: virtual.EndCorrectLe}
	x = authenticate(t, newChip(t, p))
	x.expect(iso7816.SWWrongLength, read(0x02, 0, 65536)) // 1000 bytes cannot be said in 6Cxx
}

// A BAC document with the sizes by which the project counts is read with 93
// short commands: three to get in, and each file in blocks of 231 bytes, the
// first one by short identifier.
func TestCountOfCommands(t *testing.T) {
	document, err := virtual.Personalise(virtual.Options{SODSize: 1843, DG2Size: 18432})
	require.NoError(t, err)
	chip, err := virtual.NewChip(document, virtual.ChipOptions{})
	require.NoError(t, err)
	information, err := document.MRZInformation()
	require.NoError(t, err)
	transmit(t, chip, selectApplication)
	x := mutualSession(t, chip, information)
	for _, f := range []struct {
		short byte
		file  virtual.File
	}{{0x1E, virtual.COM}, {0x01, virtual.DataGroup(1)}, {0x1D, virtual.SOD}, {0x02, virtual.DataGroup(2)}} {
		require.Equal(t, document.Files[f.file], x.readFile(f.short, len(document.Files[f.file])))
	}
	counters := chip.Counters()
	require.Equal(t, 93, counters.Commands)
	require.Equal(t, map[byte]int{0xA4: 1, 0x84: 1, 0x82: 1, 0xB0: 90}, counters.ByInstruction)
	// 24 113 bytes in both directions, as worked out for the shortest way to read.
	require.Equal(t, 24113, counters.ReceivedBytes+counters.SentBytes)
}
