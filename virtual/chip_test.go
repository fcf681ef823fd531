package virtual_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/iso7816"
	"passport-agent/virtual"
)

func TestChipIsACard(t *testing.T) {
	limits := iso7816.Limits{Extended: iso7816.No, MaxAPDU: 261}
	chip, err := virtual.NewChip(specimen(), virtual.ChipOptions{Limits: limits})
	require.NoError(t, err)
	var card iso7816.Card = chip
	require.Equal(t, limits, card.Limits())
}

func TestSelect(t *testing.T) {
	for _, c := range []struct {
		name    string
		command []byte
		want    iso7816.StatusWord
	}{
		{"application", selectApplication, iso7816.SWSuccess},
		{"application, FCI wanted but no Le", []byte{0x00, 0xA4, 0x04, 0x00, 0x07, 0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01}, iso7816.SWSuccess},
		{"another application", []byte{0x00, 0xA4, 0x04, 0x0C, 0x07, 0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x02}, iso7816.SWFileNotFound},
		{"a part of the name", []byte{0x00, 0xA4, 0x04, 0x0C, 0x05, 0xA0, 0x00, 0x00, 0x02, 0x47}, iso7816.SWFileNotFound},
		{"master file", []byte{0x00, 0xA4, 0x00, 0x0C}, iso7816.SWSuccess},
		{"master file by identifier", []byte{0x00, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x00}, iso7816.SWSuccess},
		{"another identifier", []byte{0x00, 0xA4, 0x00, 0x0C, 0x02, 0x3F, 0x01}, iso7816.SWFileNotFound},
		{"EF.CardAccess", []byte{0x00, 0xA4, 0x02, 0x0C, 0x02, 0x01, 0x1C}, iso7816.SWSuccess},
		{"EF.ATR/INFO, which is not there", []byte{0x00, 0xA4, 0x02, 0x0C, 0x02, 0x2F, 0x01}, iso7816.SWFileNotFound},
		{"EF.CardSecurity", []byte{0x00, 0xA4, 0x02, 0x0C, 0x02, 0x01, 0x1D}, iso7816.SWSecurityStatus},
		{"EF.COM outside the application", []byte{0x00, 0xA4, 0x02, 0x0C, 0x02, 0x01, 0x1E}, iso7816.SWFileNotFound},
		{"identifier of one byte", []byte{0x00, 0xA4, 0x02, 0x0C, 0x01, 0x01}, iso7816.SWWrongLength},
		{"by path", []byte{0x00, 0xA4, 0x08, 0x0C, 0x02, 0x01, 0x1E}, iso7816.SWIncorrectP1P2},
		{"next occurrence", []byte{0x00, 0xA4, 0x04, 0x02, 0x01, 0xA0}, iso7816.SWIncorrectP1P2},
	} {
		require.Equal(t, c.want, status(t, newChip(t, virtual.Profile{}), c.command...), c.name)
	}
}

func TestFileControlInformationNamesTheFile(t *testing.T) {
	chip := newChip(t, virtual.Profile{})
	require.Equal(t, []byte{0x6F, 0x09, 0x84, 0x07, 0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01, 0x90, 0x00},
		transmit(t, chip, []byte{0x00, 0xA4, 0x04, 0x00, 0x07, 0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01, 0x00}))
	require.Equal(t, []byte{0x6F, 0x04, 0x83, 0x02, 0x3F, 0x00, 0x90, 0x00}, transmit(t, chip, []byte{0x00, 0xA4, 0x00, 0x00, 0x00}))
	require.Equal(t, []byte{0x6F, 0x04, 0x83, 0x02, 0x01, 0x1C, 0x90, 0x00},
		transmit(t, chip, []byte{0x00, 0xA4, 0x02, 0x00, 0x02, 0x01, 0x1C, 0x00}))
}

func TestCommandsThatTheChipDoesNotKnow(t *testing.T) {
	chip := newChip(t, virtual.Profile{})
	for name, c := range map[string]struct {
		command []byte
		want    iso7816.StatusWord
	}{
		"UID pseudo-APDU of a reader": {[]byte{0xFF, 0xCA, 0x00, 0x00, 0x00}, iso7816.SWWrongCLA},
		"another class":               {[]byte{0x80, 0xA4, 0x04, 0x0C}, iso7816.SWWrongCLA},
		"UPDATE BINARY":               {[]byte{0x00, 0xD6, 0x00, 0x00, 0x01, 0x00}, iso7816.SWWrongINS},
		"INTERNAL AUTHENTICATE":       {[]byte{0x00, 0x88, 0x00, 0x00, 0x08, 1, 2, 3, 4, 5, 6, 7, 8, 0x00}, iso7816.SWWrongINS},
		"cut off":                     {[]byte{0x00, 0xA4, 0x04}, iso7816.SWWrongLength},
		"Lc too large":                {[]byte{0x00, 0xA4, 0x04, 0x0C, 0x09, 0x00}, iso7816.SWWrongLength},
		"one byte":                    {[]byte{0x00}, iso7816.SWWrongLength},
		"nothing":                     {nil, iso7816.SWWrongLength},
		"extended length":             {[]byte{0x00, 0xB0, 0x9C, 0x00, 0x00, 0x01, 0x00}, iso7816.SWWrongLength},
	} {
		require.Equal(t, c.want, status(t, chip, c.command...), name)
	}
}

// Before access is granted, nothing of the application is given, not even
// whether a file is there (Doc 9303-11, 4.4.2).
func TestFilesAreClosedWithoutAccess(t *testing.T) {
	chip := newChip(t, virtual.Profile{})
	transmit(t, chip, selectApplication)
	for _, c := range []iso7816.Command{
		selectEF(0x011E), selectEF(0x0101), selectEF(0x0105), selectEF(0x1234),
		read(0x1E, 0, 8), read(0x01, 0, 8), read(0x05, 0, 8), read(0x1F, 0, 8), read(0, 0, 8),
		{INS: 0xB1, P2: 0x01, Data: []byte{0x54, 0x01, 0x00}, Ne: 8},
	} {
		require.Equal(t, iso7816.SWSecurityStatus, status(t, chip, plain(t, c)...), "%v", c)
	}
	x := authenticate(t, chip)
	response, err := x.exchange(read(0x01, 0, 4))
	require.NoError(t, err)
	require.Equal(t, dg1Of(specimenZone)[:4], response.Data)
	x.expect(iso7816.SWFileNotFound, selectEF(0x0105))
	x.expect(iso7816.SWSecurityStatus, selectEF(0x0103)) // DG3 asks for terminal authentication
	x.expect(iso7816.SWSecurityStatus, read(0x03, 0, 8))
}

func TestSelectBeforeAccessMaySucceed(t *testing.T) {
	chip := newChip(t, virtual.Profile{SelectEFWithoutAccess: 0x9000})
	transmit(t, chip, selectApplication)
	require.Equal(t, iso7816.SWSuccess, status(t, chip, plain(t, selectEF(0x0101))...))
	require.Equal(t, iso7816.SWSecurityStatus, status(t, chip, plain(t, read(0, 0, 8))...))
}

func TestCardAccessIsReadWithoutAccess(t *testing.T) {
	chip := newChip(t, virtual.Profile{})
	require.Equal(t, []byte{0x31, 0x00, 0x90, 0x00}, transmit(t, chip, plain(t, read(0x1C, 0, 256))))
	require.Equal(t, iso7816.SWSuccess, status(t, chip, plain(t, selectEF(0x011C))...))
	require.Equal(t, []byte{0x00, 0x90, 0x00}, transmit(t, chip, plain(t, read(0, 1, 256))))
	transmit(t, chip, selectApplication)
	require.Equal(t, iso7816.SWSecurityStatus, status(t, chip, plain(t, read(0x1C, 0, 256))...), "the application has no such file")
}

func TestPlainDocumentIsReadInTheClear(t *testing.T) {
	document := specimen()
	delete(document.Files, virtual.DataGroup(1))
	chip, err := virtual.NewChip(document, virtual.ChipOptions{Profile: virtual.Profile{Access: virtual.AccessNone}})
	require.NoError(t, err)
	transmit(t, chip, selectApplication)
	dg2 := document.Files[virtual.DataGroup(2)]
	require.Equal(t, append(append([]byte(nil), dg2[:256]...), 0x90, 0x00), transmit(t, chip, plain(t, read(0x02, 0, 256))))
	require.Equal(t, append(append([]byte(nil), dg2[300:310]...), 0x90, 0x00), transmit(t, chip, plain(t, read(0, 300, 10))))
	require.Equal(t, iso7816.SWFileNotFound, status(t, chip, plain(t, read(0x01, 0, 10))...))
	require.Equal(t, iso7816.SWSecurityStatus, status(t, chip, plain(t, read(0x03, 0, 10))...))
	challenge := transmit(t, chip, getChallenge)
	require.Equal(t, iso7816.SWConditionsOfUse, status(t, chip, newMutual(t, specimenInformation).command(t, challenge[:8])...))
}

func TestAccessControlNeedsDG1(t *testing.T) {
	for name, dg1 := range map[string][]byte{
		"absent":     nil,
		"cut off":    {0x61, 0x5B},
		"other tag":  append([]byte{0x75}, dg1Of(specimenZone)[1:]...),
		"no zone":    {0x61, 0x02, 0x5C, 0x00},
		"odd length": dg1Of("P<UTO"),
	} {
		document := &virtual.Document{Files: map[virtual.File][]byte{virtual.DataGroup(1): dg1}}
		_, err := virtual.NewChip(document, virtual.ChipOptions{})
		require.ErrorIs(t, err, virtual.ErrDocument, name)
	}
	_, err := virtual.NewChip(&virtual.Document{}, virtual.ChipOptions{Profile: virtual.Profile{Access: virtual.AccessNone}})
	require.NoError(t, err, "a document without files is a document")
}

// The historical bytes announce what the chip can (ISO/IEC 7816-4, 12.1.1.9);
// TCK makes the exclusive or of all bytes from T0 zero.
func TestATR(t *testing.T) {
	for _, c := range []struct {
		name    string
		profile virtual.Profile
		want    []byte
	}{
		{"short", virtual.Profile{}, []byte{0x80, 0x73, 0x94, 0x01, 0x00}},
		{"extended, sizes in EF.ATR/INFO", virtual.Profile{Extended: &virtual.Extended{}}, []byte{0x80, 0x73, 0x94, 0x01, 0x60}},
		{"extended without sizes", virtual.Profile{Extended: &virtual.Extended{NoATRInfo: true}}, []byte{0x80, 0x73, 0x94, 0x01, 0x40}},
		{"extended, silent", virtual.Profile{Extended: &virtual.Extended{Silent: true}}, []byte{0x80, 0x73, 0x94, 0x01, 0x00}},
		{"given", virtual.Profile{Historical: virtual.Hex{0x01, 0x02}}, []byte{0x01, 0x02}},
	} {
		atr := newChip(t, c.profile).ATR()
		require.Equal(t, []byte{0x3B, 0x80 | byte(len(c.want)), 0x80, 0x01}, atr[:4], c.name)
		require.Equal(t, c.want, atr[4:len(atr)-1], c.name)
		check := byte(0)
		for _, octet := range atr[1:] {
			check ^= octet
		}
		require.Zero(t, check, c.name)
	}
}

func TestATRInfoStatesTheSizes(t *testing.T) {
	chip := newChip(t, virtual.Profile{Extended: &virtual.Extended{MaxCommand: 1000, MaxResponse: 4096}})
	require.Equal(t, []byte{0x47, 0x03, 0x94, 0x01, 0x60, 0x7F, 0x66, 0x08, 0x02, 0x02, 0x03, 0xE8, 0x02, 0x02, 0x10, 0x00, 0x90, 0x00},
		transmit(t, chip, plain(t, read(0x01, 0, 256))))
	own := specimen()
	own.Files[virtual.ATRInfo] = []byte{0x43, 0x01, 0x00}
	chip, err := virtual.NewChip(own, virtual.ChipOptions{Profile: virtual.Profile{Extended: &virtual.Extended{}}})
	require.NoError(t, err)
	require.Equal(t, []byte{0x43, 0x01, 0x00, 0x90, 0x00}, transmit(t, chip, plain(t, read(0x01, 0, 256))), "the document's own")
	chip = newChip(t, virtual.Profile{Extended: &virtual.Extended{NoATRInfo: true}})
	require.Equal(t, iso7816.SWFileNotFound, status(t, chip, plain(t, read(0x01, 0, 256))...))
}

func TestResetTakesSelectionChallengeAndSession(t *testing.T) {
	chip := newChip(t, virtual.Profile{})
	x := authenticate(t, chip)
	require.NoError(t, chip.Reset(t.Context()))
	protected, err := x.session.Protect(read(0x01, 0, 4))
	require.NoError(t, err)
	require.Equal(t, iso7816.SWSMObjectsIncorrect, status(t, chip, protected...))
	require.Equal(t, iso7816.SWFileNotFound, status(t, chip, plain(t, read(0x1E, 0, 4))...), "the master file is selected")

	transmit(t, chip, selectApplication)
	challenge := transmit(t, chip, getChallenge)
	require.NoError(t, chip.Reset(t.Context()))
	transmit(t, chip, selectApplication)
	require.Equal(t, iso7816.SWConditionsOfUse, status(t, chip, newMutual(t, specimenInformation).command(t, challenge[:8])...))
}
