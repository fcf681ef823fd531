package virtual_test

import (
	"context"
	"crypto/cipher"
	"crypto/sha1"
	"crypto/subtle"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
	"passport-agent/virtual"
)

const specimenZone = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10"

const specimenInformation = "L898902C3674081221204159"

var (
	selectApplication = []byte{0x00, 0xA4, 0x04, 0x0C, 0x07, 0xA0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01}
	getChallenge      = []byte{0x00, 0x84, 0x00, 0x00, 0x08}
)

// dg1Of wraps a machine-readable zone.
func dg1Of(zone string) []byte {
	n := byte(len(zone))
	return append([]byte{0x61, n + 3, 0x5F, 0x1F, n}, zone...)
}

// specimen is a document with a DG2 of 1000 bytes that tell their offset.
func specimen() *virtual.Document {
	dg2 := make([]byte, 1000)
	for i := range dg2 {
		dg2[i] = byte(i * 7)
	}
	return &virtual.Document{Files: map[virtual.File][]byte{
		virtual.COM:          {0x60, 0x02, 0x5C, 0x00},
		virtual.SOD:          {0x77, 0x00},
		virtual.DataGroup(1): dg1Of(specimenZone),
		virtual.DataGroup(2): dg2,
		virtual.DataGroup(3): {0x63, 0x00},
		virtual.CardAccess:   {0x31, 0x00},
	}}
}

func newChip(t *testing.T, p virtual.Profile) *virtual.Chip {
	t.Helper()
	chip, err := virtual.NewChip(specimen(), virtual.ChipOptions{Profile: p})
	require.NoError(t, err)
	return chip
}

// transmit sends an APDU and returns the whole response.
func transmit(t *testing.T, chip iso7816.Card, command []byte) []byte {
	t.Helper()
	response := make([]byte, iso7816.MaxResponse)
	n, err := chip.Transmit(context.Background(), command, response)
	require.NoError(t, err)
	return response[:n]
}

// status sends an APDU whose response has no data and returns the status word.
func status(t *testing.T, chip iso7816.Card, command ...byte) iso7816.StatusWord {
	t.Helper()
	response := transmit(t, chip, command)
	require.Len(t, response, 2)
	return iso7816.StatusWord(response[0])<<8 | iso7816.StatusWord(response[1])
}

// terminal is the reader's end of a session, enough to test a chip with.
type terminal struct {
	t       *testing.T
	chip    iso7816.Card
	session *sm.Session
}

// mutual is the reader's part of Doc 9303-11, 4.3.1.
type mutual struct {
	block  cipher.Block
	mac    []byte
	rndIFD []byte
	kIFD   []byte
}

func newMutual(t *testing.T, information string) mutual {
	digest := sha1.Sum([]byte(information))
	block, err := sm.TDES.NewBlock(sm.TDES.DeriveKey(digest[:16], sm.CounterEnc))
	require.NoError(t, err)
	return mutual{block, sm.TDES.DeriveKey(digest[:16], sm.CounterMAC), []byte("12345678"), []byte("0123456789ABCDEF")}
}

func (m mutual) sum(t *testing.T, data []byte) []byte {
	mac, err := sm.NewMAC(sm.TDES, m.mac)
	require.NoError(t, err)
	mac.Write(data)
	return mac.Sum(nil)
}

// command is the EXTERNAL AUTHENTICATE for a challenge.
func (m mutual) command(t *testing.T, rndIC []byte) []byte {
	data := append(append(append([]byte(nil), m.rndIFD...), rndIC...), m.kIFD...)
	cipher.NewCBCEncrypter(m.block, make([]byte, 8)).CryptBlocks(data, data)
	data = append(data, m.sum(t, data)...)
	return append(append([]byte{0x00, 0x82, 0x00, 0x00, 0x28}, data...), 0x28)
}

// open checks the answer and returns what it says.
func (m mutual) open(t *testing.T, answer []byte) (rndIC, rndIFD, kIC []byte, macRight bool) {
	require.Len(t, answer, 42)
	plain := make([]byte, 32)
	cipher.NewCBCDecrypter(m.block, make([]byte, 8)).CryptBlocks(plain, answer[:32])
	return plain[:8], plain[8:16], plain[16:], string(m.sum(t, answer[:32])) == string(answer[32:40])
}

// authenticate selects the application and runs Basic Access Control.
func authenticate(t *testing.T, chip iso7816.Card) *terminal {
	t.Helper()
	require.Equal(t, iso7816.SWSuccess, status(t, chip, selectApplication...))
	return again(t, chip)
}

// again runs Basic Access Control in the selected application.
func again(t *testing.T, chip iso7816.Card) *terminal {
	t.Helper()
	return mutualSession(t, chip, specimenInformation)
}

func mutualSession(t *testing.T, chip iso7816.Card, information string) *terminal {
	t.Helper()
	m := newMutual(t, information)
	challenge := transmit(t, chip, getChallenge)
	require.Len(t, challenge, 10)
	answer := transmit(t, chip, m.command(t, challenge[:8]))
	rndIC, rndIFD, kIC, right := m.open(t, answer)
	require.True(t, right)
	require.Equal(t, challenge[:8], rndIC)
	require.Equal(t, m.rndIFD, rndIFD)
	seed := make([]byte, 16)
	subtle.XORBytes(seed, kIC, m.kIFD)
	state, err := sm.NewState(sm.TDES, sm.TDES.DeriveKey(seed, sm.CounterEnc), sm.TDES.DeriveKey(seed, sm.CounterMAC),
		append(append([]byte(nil), rndIC[4:]...), rndIFD[4:]...))
	require.NoError(t, err)
	return &terminal{t, chip, sm.NewSession(state)}
}

// exchange sends a command under secure messaging.
func (x *terminal) exchange(c iso7816.Command) (iso7816.Response, error) {
	x.t.Helper()
	protected, err := x.session.Protect(c)
	require.NoError(x.t, err)
	response, err := iso7816.ParseResponse(transmit(x.t, x.chip, protected))
	require.NoError(x.t, err)
	return x.session.Unprotect(response)
}

// expect sends a command whose protected response has no data.
func (x *terminal) expect(want iso7816.StatusWord, c iso7816.Command) {
	x.t.Helper()
	response, err := x.exchange(c)
	require.NoError(x.t, err)
	require.Equal(x.t, want, response.SW)
	require.Empty(x.t, response.Data)
}

// read is READ BINARY of n bytes by short identifier, or of the selected file
// where short is 0.
func read(short byte, offset, n int) iso7816.Command {
	if short != 0 {
		return iso7816.Command{INS: 0xB0, P1: 0x80 | short, P2: byte(offset), Ne: n}
	}
	return iso7816.Command{INS: 0xB0, P1: byte(offset >> 8), P2: byte(offset), Ne: n}
}

func selectEF(id uint16) iso7816.Command {
	return iso7816.Command{INS: 0xA4, P1: 0x02, P2: 0x0C, Data: []byte{byte(id >> 8), byte(id)}}
}

// plain is a command in the clear.
func plain(t *testing.T, c iso7816.Command) []byte {
	encoded, err := c.Append(nil)
	require.NoError(t, err)
	return encoded
}

// readFile reads a file of so many bytes in the largest short blocks.
func (x *terminal) readFile(short byte, length int) []byte {
	x.t.Helper()
	var got []byte
	for command := read(short, 0, 231); len(got) < length; command = read(0, len(got), min(231, length-len(got))) {
		response, err := x.exchange(command)
		require.NoError(x.t, err)
		require.Equal(x.t, iso7816.SWSuccess, response.SW)
		require.NotEmpty(x.t, response.Data)
		got = append(got, response.Data...)
	}
	return got
}
