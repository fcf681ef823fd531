package virtual_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
	"passport-agent/virtual"
)

// alive tells whether a session still answers.
func (x *terminal) alive() bool {
	x.t.Helper()
	response, err := x.exchange(read(0x01, 0, 4))
	return err == nil && response.SW == iso7816.SWSuccess
}

// A wrong protected command ends the session and is answered in the clear
// (Doc 9303-11, 9.8.3 and 9.8.5). Each row spoils a good READ BINARY of DG1,
// 0C B0 81 00 0D 97 01 04 8E 08 <MAC> 00.
func TestSecureMessagingErrorEndsTheSession(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(protected []byte) []byte
		want  iso7816.StatusWord
	}{
		{"wrong MAC", func(b []byte) []byte { b[10] ^= 1; return b }, iso7816.SWSMObjectsIncorrect},
		{"another header", func(b []byte) []byte { b[3] ^= 1; return b }, iso7816.SWSMObjectsIncorrect},
		{"another Le", func(b []byte) []byte { b[7] ^= 1; return b }, iso7816.SWSMObjectsIncorrect},
		{"short MAC", func(b []byte) []byte { b[4], b[9] = 0x0C, 0x07; return b[:18] }, iso7816.SWSMObjectsIncorrect},
		{"no MAC", func(b []byte) []byte { b[4] = 0x03; return append(b[:8], 0x00) }, iso7816.SWSMObjectsMissing},
		{"no objects", func(b []byte) []byte { return append(b[:4], 0x00) }, iso7816.SWSMObjectsMissing},
		{"unknown object", func(b []byte) []byte { b[5] = 0x95; return b }, iso7816.SWSMObjectsIncorrect},
		{"behind the MAC", func(b []byte) []byte { b[4] = 0x10; return append(b[:18], 0x97, 0x01, 0x04, 0x00) }, iso7816.SWSMObjectsIncorrect},
		{"cut off", func(b []byte) []byte { b[9] = 0x09; return b }, iso7816.SWSMObjectsIncorrect},
	} {
		chip := newChip(t, virtual.Profile{})
		x := authenticate(t, chip)
		good, err := x.session.Protect(read(0x01, 0, 4))
		require.NoError(t, err)
		require.Len(t, good, 19)
		require.Equal(t, c.want, status(t, chip, c.spoil(append([]byte(nil), good...))...), c.name)
		require.False(t, x.alive(), c.name)
		require.True(t, again(t, chip).alive(), "%s: the application is still selected", c.name)
	}
}

// protect makes a protected command with a right MAC over objects of the test's
// own choice.
func protect(t *testing.T, state *sm.State, c iso7816.Command, objects []byte) []byte {
	state.Next()
	mac := state.MAC(nil, sm.Pad([]byte{0x0C, c.INS, c.P1, c.P2}, 0, 8), objects)
	c.CLA, c.Data, c.Ne = 0x0C, append(append(append([]byte(nil), objects...), 0x8E, 0x08), mac...), 256
	return plain(t, c)
}

// knownSession is a session whose keys the test knows.
func knownSession(t *testing.T, p virtual.Profile) (*virtual.Chip, *sm.State) {
	chip, err := virtual.NewChip(specimen(), virtual.ChipOptions{Random: zeros{}, Profile: p})
	require.NoError(t, err)
	authenticate(t, chip)
	m := newMutual(t, specimenInformation)
	state, err := sm.NewState(sm.TDES, sm.TDES.DeriveKey(m.kIFD, sm.CounterEnc), sm.TDES.DeriveKey(m.kIFD, sm.CounterMAC),
		append(make([]byte, 4), m.rndIFD[4:]...))
	require.NoError(t, err)
	return chip, state
}

// good sends objects with a right MAC in a session of its own.
func good(t *testing.T, c iso7816.Command, objects ...byte) []byte {
	chip, state := knownSession(t, virtual.Profile{})
	return transmit(t, chip, protect(t, state, c, objects))
}

// identifier is the enciphered file identifier of DG1.
func identifier(t *testing.T) []byte {
	_, state := knownSession(t, virtual.Profile{})
	padded := sm.Pad([]byte{0x01, 0x01}, 0, 8)
	state.Encrypt(padded)
	return padded
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestAuthenticObjectsThatAreNotWellFormed(t *testing.T) {
	dg1 := iso7816.Command{INS: 0xB0, P1: 0x81}
	ef := iso7816.Command{INS: 0xA4, P1: 0x02, P2: 0x0C}
	odd := iso7816.Command{INS: 0xB1, P2: 0x01}
	for _, c := range []struct {
		name    string
		command iso7816.Command
		objects []byte
	}{
		{"Le of three bytes", dg1, []byte{0x97, 0x03, 0, 0, 4}},
		{"Le without value", dg1, []byte{0x97, 0x00}},
		{"no padding-content indicator", ef, []byte{0x87, 0x00}},
		{"another padding-content indicator", ef, append([]byte{0x87, 0x09, 0x02}, make([]byte, 8)...)},
		{"no block", ef, []byte{0x87, 0x01, 0x01}},
		{"half a block", ef, append([]byte{0x87, 0x05, 0x01}, make([]byte, 4)...)},
		{"no padding", ef, append([]byte{0x87, 0x09, 0x01}, make([]byte, 8)...)},
		{"object 85 with an even instruction", ef, append([]byte{0x85, 0x08}, make([]byte, 8)...)},
		{"object 87 with an odd instruction", odd, append([]byte{0x87, 0x09, 0x01}, make([]byte, 8)...)},
		{"Le before the data", ef, append([]byte{0x97, 0x01, 0x04, 0x87, 0x09, 0x01}, make([]byte, 8)...)},
	} {
		chip, state := knownSession(t, virtual.Profile{})
		require.Equal(t, iso7816.SWSMObjectsIncorrect, status(t, chip, protect(t, state, c.command, c.objects)...), c.name)
	}
	require.NotEmpty(t, good(t, dg1, 0x97, 0x02, 0x00, 0x04)[2:], "Le of two bytes")

	// The same SELECT of DG1 with the indicator of padding, and with another one.
	require.NotEmpty(t, good(t, ef, append([]byte{0x87, 0x09, 0x01}, identifier(t)...)...)[2:])
	require.Empty(t, good(t, ef, append([]byte{0x87, 0x09, 0x02}, identifier(t)...)...)[2:])
}

// Doc 9303-11, 4.3.2 and 9.8.3: a plain command ends the session, and reading in
// the clear gets 6982.
func TestPlainCommandEndsTheSession(t *testing.T) {
	for name, c := range map[string]struct {
		command []byte
		want    iso7816.StatusWord
	}{
		"READ BINARY":        {[]byte{0x00, 0xB0, 0x81, 0x00, 0x04}, iso7816.SWSecurityStatus},
		"SELECT of a file":   {[]byte{0x00, 0xA4, 0x02, 0x0C, 0x02, 0x01, 0x01}, iso7816.SWSecurityStatus},
		"SELECT application": {selectApplication, iso7816.SWSuccess},
	} {
		chip := newChip(t, virtual.Profile{})
		x := authenticate(t, chip)
		require.Equal(t, c.want, status(t, chip, c.command...), name)
		require.False(t, x.alive(), name)
	}
	chip := newChip(t, virtual.Profile{PlainInSession: 0x6987})
	x := authenticate(t, chip)
	require.Equal(t, iso7816.SWSMObjectsMissing, status(t, chip, selectApplication...))
	require.False(t, x.alive())
}

// A file selected within a session is not left open behind it.
func TestSelectionDoesNotSurviveTheSession(t *testing.T) {
	chip := newChip(t, virtual.Profile{})
	x := authenticate(t, chip)
	x.expect(iso7816.SWSuccess, selectEF(0x0101))
	require.Equal(t, iso7816.SWSecurityStatus, status(t, chip, 0x00, 0xB0, 0x00, 0x00, 0x04))
}

func TestEndOfSessionMaySelectTheMasterFile(t *testing.T) {
	chip := newChip(t, virtual.Profile{EndSelectsMasterFile: true})
	authenticate(t, chip)
	require.Equal(t, iso7816.SWFileNotFound, status(t, chip, 0x00, 0xB0, 0x9E, 0x00, 0x04))
	require.True(t, authenticate(t, chip).alive())
}

func TestProtectedCommandWithoutSession(t *testing.T) {
	command := []byte{0x0C, 0xB0, 0x81, 0x00, 0x0D, 0x97, 0x01, 0x04, 0x8E, 0x08, 1, 2, 3, 4, 5, 6, 7, 8, 0x00}
	require.Equal(t, iso7816.SWSMObjectsIncorrect, status(t, newChip(t, virtual.Profile{}), command...))
	require.Equal(t, iso7816.SWSMNotSupported, status(t, newChip(t, virtual.Profile{NoSession: 0x6882}), command...))
}

// Errors that are not of secure messaging are answered under it and leave the
// session alone.
func TestErrorsOfCommandsAreProtected(t *testing.T) {
	chip := newChip(t, virtual.Profile{})
	x := authenticate(t, chip)
	x.expect(iso7816.SWFileNotFound, selectEF(0x0105))
	x.expect(iso7816.SWWrongINS, iso7816.Command{INS: 0x88, Data: make([]byte, 8), Ne: 256})
	x.expect(iso7816.SWWrongOffset, read(0x01, 200, 4))
	require.True(t, x.alive())
}

func TestNakedErrors(t *testing.T) {
	for policy, alive := range map[virtual.NakedErrors]bool{virtual.NakedKeep: true, virtual.NakedEnd: false} {
		chip := newChip(t, virtual.Profile{NakedErrors: policy, EndOfFile: virtual.EndWarning})
		x := authenticate(t, chip)
		response, err := x.exchange(read(0x01, 90, 200))
		require.NoError(t, err, "a warning stays protected")
		require.Equal(t, iso7816.SWEndOfFile, response.SW)
		_, err = x.exchange(selectEF(0x0105))
		var naked *sm.NakedError
		require.ErrorAs(t, err, &naked)
		require.Equal(t, iso7816.SWFileNotFound, naked.SW)
		require.Equal(t, alive, x.alive(), "%s", policy)
	}
}

// A command in extended length that the chip cannot take is answered before
// secure messaging looks at it: the counter stays.
func TestExtendedLengthRefusedWithinASession(t *testing.T) {
	for policy, alive := range map[virtual.NakedErrors]bool{"": true, virtual.NakedKeep: true, virtual.NakedEnd: false} {
		x := authenticate(t, newChip(t, virtual.Profile{NakedErrors: policy}))
		_, err := x.exchange(read(0x02, 0, 1000))
		require.ErrorIs(t, err, iso7816.SWWrongLength)
		require.Equal(t, alive, x.alive(), "%q", policy)
	}
}

func TestStatusAtACommand(t *testing.T) {
	p := virtual.Profile{StatusAt: []virtual.StatusAt{
		{Command: 3, Status: 0x6F00},
		{Command: 5, Status: 0x6988, EndSession: true},
	}}
	x := authenticate(t, newChip(t, p)) // commands 0 to 2
	_, err := x.exchange(read(0x01, 0, 4))
	require.ErrorIs(t, err, iso7816.SWUnspecified)
	require.True(t, x.alive())
	_, err = x.exchange(read(0x01, 0, 4))
	require.ErrorIs(t, err, iso7816.SWSMObjectsIncorrect)
	require.False(t, x.alive())
}

// A response is spoilt where the profile says so, and the session goes on behind
// it: response 0 is good, 1 is spoilt, 2 is good.
func TestSecureMessagingFaults(t *testing.T) {
	for _, kind := range []virtual.SMFaultKind{virtual.SMWrongMAC, virtual.SMNoMAC, virtual.SMNoStatus, virtual.SMWrongCryptogram} {
		x := authenticate(t, newChip(t, virtual.Profile{SMFaults: []virtual.SMFault{{Response: 1, Kind: kind}}}))
		require.True(t, x.alive(), "%s", kind)
		_, err := x.exchange(read(0x02, 0, 100))
		require.ErrorIs(t, err, sm.ErrAuthentication, "%s", kind)
		require.True(t, x.alive(), "%s", kind)
	}
}

// A cryptogram of something that is not padded comes under a right MAC.
func TestResponseWithoutPadding(t *testing.T) {
	x := authenticate(t, newChip(t, virtual.Profile{SMFaults: []virtual.SMFault{{Response: 0, Kind: virtual.SMWrongPadding}}}))
	_, err := x.exchange(read(0x02, 0, 100))
	require.ErrorIs(t, err, sm.ErrFormat)
	require.NotErrorIs(t, err, sm.ErrAuthentication)
	require.True(t, x.alive())
}

func TestResponseWithoutCryptogramIsAuthentic(t *testing.T) {
	x := authenticate(t, newChip(t, virtual.Profile{SMFaults: []virtual.SMFault{{Kind: virtual.SMNoCryptogram}}}))
	x.expect(iso7816.SWSuccess, read(0x02, 0, 100))
}

// A length in more bytes than needed is legal BER, and the MAC covers it as sent.
func TestLongLengthIsAuthentic(t *testing.T) {
	x := authenticate(t, newChip(t, virtual.Profile{SMFaults: []virtual.SMFault{{Kind: virtual.SMLongLength}}}))
	response, err := x.exchange(read(0x02, 0, 100))
	require.NoError(t, err)
	require.Equal(t, specimen().Files[virtual.DataGroup(2)][:100], response.Data)
}
