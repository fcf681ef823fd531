package virtual_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/ec"
	"passport-agent/iso7816"
	"passport-agent/virtual"
)

var cam = virtual.PACEInfo{Protocol: "ECDH-CAM-AES-128", ParameterID: 12}

// faulty runs PACE against a chip with a fault. A reader that looks at every
// answer stops at the step; the answer to it is returned without its status word.
func faulty(t *testing.T, info virtual.PACEInfo, step int, kind virtual.PACEFaultKind) (*paceTerminal, []byte) {
	t.Helper()
	chip := paceChip(t, virtual.Profile{PACEFaults: []virtual.PACEFault{{Step: step, Kind: kind}}}, info)
	p := newPACETerminal(t, chip, info)
	require.Equal(t, iso7816.SWSuccess, p.run(), "%s: the chip itself sees nothing wrong", kind)
	require.Len(t, p.answers, step+1, "%s: seen at step %d", kind, step)
	answer := p.answers[step]
	return p, answer[:len(answer)-2]
}

func TestFaultsOfKeysAndTokens(t *testing.T) {
	dh := virtual.PACEInfo{Protocol: "DH-GM-3DES", ParameterID: 0}
	im := virtual.PACEInfo{Protocol: "ECDH-IM-AES-192", ParameterID: 13}
	for info, size := range map[virtual.PACEInfo]int{gm: 15, dh: 15, im: 31} {
		_, answer := faulty(t, info, 1, virtual.PACENonceSize)
		require.Len(t, value(t, answer, 0x7C, 0x80), size)
	}
	for _, info := range []virtual.PACEInfo{gm, dh} {
		domain, err := ec.ByID(info.ParameterID)
		require.NoError(t, err)
		for step, tag := range map[int]iso7816.Tag{2: 0x82, 3: 0x84} {
			_, answer := faulty(t, info, step, virtual.PACEOffCurve)
			key := value(t, answer, 0x7C, tag)
			full := domain.Bits() / 8
			if domain.IsCurve() {
				require.Len(t, key, 1+2*full)
			} else {
				// A number is written without leading zeros (Doc 9303-11, 9.4.3).
				require.LessOrEqual(t, len(key), full)
			}
			_, err := domain.Decode(key)
			require.ErrorIs(t, err, ec.ErrElement)

			for _, kind := range []virtual.PACEFaultKind{virtual.PACEOffCurveX, virtual.PACEPointForm, virtual.PACEZero} {
				_, answer := faulty(t, info, step, kind)
				key := value(t, answer, 0x7C, tag)
				_, err := domain.Decode(key)
				require.ErrorIs(t, err, ec.ErrElement, "%s", kind)
				require.Equal(t, kind == virtual.PACEZero, bytes.Count(key, []byte{0}) == len(key))
			}

			_, answer = faulty(t, info, step, virtual.PACEInfinity)
			want := []byte{0x00}
			if !domain.IsCurve() {
				want = []byte{0x01}
			}
			require.Equal(t, want, value(t, answer, 0x7C, tag))
		}
	}
	_, answer := faulty(t, im, 2, virtual.PACEOffCurve)
	require.NotEmpty(t, value(t, answer, 0x7C, 0x82), "what has to be empty is not")

	p, answer := faulty(t, gm, 3, virtual.PACEOwnKey)
	require.Equal(t, p.sent.Encode(), value(t, answer, 0x7C, 0x84))
	p, answer = faulty(t, gm, 2, virtual.PACEOwnKey)
	require.Equal(t, p.mapped.Encode(), value(t, answer, 0x7C, 0x82), "the point came from the terminal")
	p, answer = faulty(t, gm, 4, virtual.PACEWrongToken)
	want := p.token(p.sent)
	want[0] ^= 0x01
	require.Equal(t, want, value(t, answer, 0x7C, 0x86))
}

func TestFaultsOfDataObjects(t *testing.T) {
	for step, tag := range map[int]byte{1: 0x80, 2: 0x82, 3: 0x84, 4: 0x86} {
		_, answer := faulty(t, gm, step, virtual.PACENoObject)
		require.Equal(t, []byte{0x7C, 0x00}, answer)
		_, answer = faulty(t, gm, step, virtual.PACEOtherTag)
		require.Equal(t, tag-1, answer[2])
		_, answer = faulty(t, gm, step, virtual.PACEWrongTag)
		require.Equal(t, tag+0x10, answer[2])
		_, answer = faulty(t, gm, step, virtual.PACENoTemplate)
		require.Equal(t, tag, answer[0])
		if step != 1 {
			_, answer = faulty(t, gm, step, virtual.PACELongValue)
			require.EqualValues(t, 0, answer[len(answer)-1])
			require.EqualValues(t, map[int]int{2: 66, 3: 66, 4: 9}[step], answer[3])
		}
	}
	_, answer := faulty(t, gm, 1, virtual.PACELongValue)
	require.EqualValues(t, 17, answer[3])
}

// Lengths in more bytes than needed are legal BER: a reader may go on.
func TestLongLengthsOfDataObjects(t *testing.T) {
	for step := 1; step <= 4; step++ {
		chip := paceChip(t, virtual.Profile{PACEFaults: []virtual.PACEFault{{Step: step, Kind: virtual.PACELongLength}}})
		p := newPACETerminal(t, chip, gm)
		require.True(t, p.open().alive())
		require.Equal(t, []byte{0x7C, 0x83, 0x00}, p.answers[step][:3])
	}
}

func TestFaultsOfChipAuthenticationData(t *testing.T) {
	document := paceDocument(t, cam)
	domain, err := ec.ByID(cam.ParameterID)
	require.NoError(t, err)
	private, err := domain.Scalar(document.ChipKeys[cam.ParameterID])
	require.NoError(t, err)
	static, err := domain.Generator().Multiply(private)
	require.NoError(t, err)
	run := func(kind virtual.PACEFaultKind) (*paceTerminal, []iso7816.TLV) {
		profile := virtual.Profile{}
		if kind != "" {
			profile.PACEFaults = []virtual.PACEFault{{Step: 4, Kind: kind}}
		}
		chip, err := virtual.NewChip(document, virtual.ChipOptions{Profile: profile})
		require.NoError(t, err)
		p := newPACETerminal(t, chip, cam)
		require.Equal(t, iso7816.SWSuccess, p.run())
		require.Len(t, p.answers, 5)
		objects, err := iso7816.ParseTLVs(value(t, p.answers[4][:len(p.answers[4])-2], 0x7C))
		require.NoError(t, err)
		return p, objects
	}
	p, good := run("")
	require.True(t, p.chipAuthenticated(static))
	require.False(t, p.chipAuthenticated(domain.Generator()), "another key")
	require.Len(t, good, 2)
	require.EqualValues(t, 0x86, good[0].Tag)
	require.Len(t, good[1].Value, 48)

	_, objects := run(virtual.PACEMisordered)
	require.EqualValues(t, 0x8A, objects[0].Tag)
	require.EqualValues(t, 0x86, objects[1].Tag)
	_, objects = run(virtual.PACENoChipData)
	require.Len(t, objects, 1)
	_, objects = run(virtual.PACECutChipData)
	require.Len(t, objects[1].Value, 47)
	_, objects = run(virtual.PACEChipDataIn8B)
	require.EqualValues(t, 0x8B, objects[1].Tag)
	_, objects = run(virtual.PACEEmptyChipData)
	require.Empty(t, objects[1].Value)
	require.EqualValues(t, 0x8A, objects[1].Tag)
	_, objects = run(virtual.PACEUnpaddedChipData)
	require.Len(t, objects[1].Value, 32)
	p, objects = run(virtual.PACEWrongChipData)
	require.Len(t, objects[1].Value, 48)
	require.False(t, p.chipAuthenticated(static))

	// Other mappings have no such data.
	chip := paceChip(t, virtual.Profile{PACEFaults: []virtual.PACEFault{{Step: 4, Kind: virtual.PACECutChipData}}})
	p = newPACETerminal(t, chip, gm)
	p.open()
	require.True(t, bytes.HasPrefix(p.answers[4], []byte{0x7C, 0x0A, 0x86, 0x08}))
	// But for one that adds them.
	_, answer := faulty(t, gm, 4, virtual.PACEAddedChipData)
	require.Equal(t, make([]byte, 48), value(t, answer, 0x7C, 0x8A))
}

// Without tag and length, the template holds the token and 48 bytes that are no object.
func TestChipAuthenticationDataWithoutTheirObject(t *testing.T) {
	_, answer := faulty(t, cam, 4, virtual.PACEUntaggedChipData)
	require.True(t, bytes.HasPrefix(answer, []byte{0x7C, 10 + 48, 0x86, 0x08}))
	require.Len(t, answer, 2+10+48)
}

// A nonce in which a bit was changed on its way: the tokens do not agree in the end.
func TestAnotherNonce(t *testing.T) {
	for _, info := range []virtual.PACEInfo{gm, {Protocol: "DH-GM-3DES"}, {Protocol: "ECDH-IM-AES-192", ParameterID: 13}} {
		chip := paceChip(t, virtual.Profile{PACEFaults: []virtual.PACEFault{{Step: 1, Kind: virtual.PACENonceValue}}}, info)
		require.Equal(t, iso7816.SWAuthenticationFailed, newPACETerminal(t, chip, info).run())
	}
}

// The first run gets 6300 at its end, the second one opens the document.
func TestPACERefusedOnce(t *testing.T) {
	chip := paceChip(t, virtual.Profile{RefuseAuthentications: 1})
	require.Equal(t, iso7816.SWAuthenticationFailed, newPACETerminal(t, chip, gm).run())
	newPACETerminal(t, chip, gm).open()
}

func TestPACERefusedAtAnyStep(t *testing.T) {
	for step := range 5 {
		chip := paceChip(t, virtual.Profile{PACEFaults: []virtual.PACEFault{{Step: step, Status: 0x6A80, Runs: 2}}})
		for range 2 {
			p := newPACETerminal(t, chip, gm)
			require.Equal(t, iso7816.SWWrongData, p.run())
			require.Len(t, p.answers, step+1)
			require.NotEqual(t, iso7816.SWSuccess, status(t, chip, plain(t, general(false, []byte{0x7C, 0x00}))...))
		}
		newPACETerminal(t, chip, gm).open()
	}
}

func TestFirstOfferBrokenSecondWorks(t *testing.T) {
	aes256 := virtual.PACEInfo{Protocol: "ECDH-GM-AES-256", ParameterID: 13}
	sameProtocol := virtual.PACEInfo{Protocol: "ECDH-GM-AES-256", ParameterID: 12}
	sameParameters := virtual.PACEInfo{Protocol: "ECDH-GM-AES-128", ParameterID: 13}
	chip := paceChip(t, virtual.Profile{PACEFaults: []virtual.PACEFault{{Step: 3, Status: 0x6300, Only: &aes256}}},
		aes256, sameProtocol, sameParameters)
	require.Equal(t, iso7816.SWAuthenticationFailed, newPACETerminal(t, chip, aes256).run())
	newPACETerminal(t, chip, sameProtocol).open()
	require.NoError(t, chip.Reset(t.Context()))
	newPACETerminal(t, chip, sameParameters).open()
	require.NoError(t, chip.Reset(t.Context()))
	require.Equal(t, iso7816.SWAuthenticationFailed, newPACETerminal(t, chip, aes256).run(), "it stays broken")
}

func TestPoliciesOfSetAuthenticationTemplate(t *testing.T) {
	chip := paceChip(t, virtual.Profile{MSEWithoutParameters: 0x6A87, MSEWithLe: 0x6700})
	p := newPACETerminal(t, chip, gm)
	require.Equal(t, iso7816.SWLcInconsistent, status(t, chip, plain(t, setAT(p.oid, 1))...))
	withLe := setAT(p.oid, 1, 0x84, 0x01, 12)
	withLe.Ne = 256
	require.Equal(t, iso7816.SWWrongLength, status(t, chip, plain(t, withLe)...))
	p.open()
}

func TestExtraSecurityInfos(t *testing.T) {
	// A PACEInfo of an unknown mapping, sorted among those that the chip knows,
	// and another SecurityInfo.
	unknown := []byte{0x30, 0x12, 0x06, 0x0A, 4, 0, 0x7F, 0, 7, 2, 2, 4, 2, 0x7F, 0x02, 0x01, 0x02, 0x02, 0x01, 0x0C}
	other := []byte{0x30, 0x05, 0x06, 0x03, 0x2A, 0x03, 0x04}
	profile := virtual.Profile{ExtraSecurityInfos: []virtual.Hex{unknown, other}}
	chip := paceChip(t, profile)
	answer := transmit(t, chip, plain(t, read(0x1C, 0, 256)))
	own := paceDocument(t, gm).Files[virtual.CardAccess]
	want := append(append(append([]byte{0x31, byte(len(other) + 2*len(unknown))}, other...), own[2:]...), unknown...)
	require.Equal(t, want, answer[:len(answer)-2])
	newPACETerminal(t, chip, gm).open()

	document := specimen()
	document.Files[virtual.CardAccess] = []byte{0x04, 0x00}
	_, err := virtual.NewChip(document, virtual.ChipOptions{Profile: profile})
	require.ErrorIs(t, err, virtual.ErrDocument)
	delete(document.Files, virtual.CardAccess)
	chip, err = virtual.NewChip(document, virtual.ChipOptions{Profile: virtual.Profile{ExtraSecurityInfos: []virtual.Hex{other}}})
	require.NoError(t, err)
	require.Equal(t, append(append([]byte{0x31, 0x07}, other...), 0x90, 0x00), transmit(t, chip, plain(t, read(0x1C, 0, 256))))
}
