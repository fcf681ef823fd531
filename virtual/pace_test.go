package virtual_test

import (
	"bytes"
	"encoding/hex"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/ec"
	"passport-agent/internal/icaotest"
	"passport-agent/iso7816"
	"passport-agent/iso7816/sm"
	"passport-agent/virtual"
)

// paceExample is a worked example of Doc 9303-11, appendices G to I.
type paceExample struct {
	CardAccess     icaotest.Hex `json:"ef_card_access"`
	OID            icaotest.Hex
	ParameterID    int `json:"parameter_id"`
	Password       string
	MRZInformation string       `json:"mrz_information"`
	EncryptedNonce icaotest.Hex `json:"nonce_encrypted_z"`
	Nonce          icaotest.Hex `json:"nonce_s"`
	TerminalNonce  icaotest.Hex `json:"nonce_t"`
	MapIC          icaotest.Hex `json:"sk_map_ic"`
	AgreeIC        icaotest.Hex `json:"sk_dh_ic"`
	PublicIFD      icaotest.Hex `json:"pk_dh_ifd"`
	PublicIC       icaotest.Hex `json:"pk_dh_ic"`
	KSEnc          icaotest.Hex `json:"ks_enc"`
	KSMAC          icaotest.Hex `json:"ks_mac"`
	TokenIFD       icaotest.Hex `json:"t_ifd"`
	TokenIC        icaotest.Hex `json:"t_ic"`
	CA             icaotest.Hex `json:"ca_ic"`
	PublicStatic   icaotest.Hex `json:"pk_ic_static"`
	PublicKeyInfo  icaotest.Hex `json:"chip_auth_public_key_info"`
	APDUs          [][2]icaotest.Hex
}

func workedExample(t *testing.T, group string) paceExample {
	t.Helper()
	var examples []paceExample
	icaotest.Load(t, group, &examples)
	require.Len(t, examples, 1)
	return examples[0]
}

// keyZone writes document number, birth and expiry with their check digits into a
// zone of TD3; the rest of it does not matter for access.
func keyZone(information string) string {
	line := information[:10] + "UTO" + information[10:17] + "F" + information[17:]
	return "P<UTO" + string(bytes.Repeat([]byte{'<'}, 39)) + line + string(bytes.Repeat([]byte{'<'}, 44-len(line)))
}

// play sends the commands of a transcript and compares the answers.
func play(t *testing.T, chip *virtual.Chip, apdus [][2]icaotest.Hex) {
	t.Helper()
	require.NotEmpty(t, apdus)
	for i, pair := range apdus {
		require.Equal(t, hex.EncodeToString(pair[1]), hex.EncodeToString(transmit(t, chip, pair[0])), "exchange %d", i)
	}
}

// cardAccess says that one protocol is offered.
func cardAccess(oid []byte, id int) []byte {
	info := append([]byte{0x06, byte(len(oid))}, oid...)
	info = append(info, 0x02, 0x01, 0x02, 0x02, 0x01, byte(id))
	return append([]byte{0x31, byte(len(info) + 2), 0x30, byte(len(info))}, info...)
}

// scalarOf brings a private key of an example into the width of the group's order.
func scalarOf(t *testing.T, id int, key []byte) []byte {
	domain, err := ec.ByID(id)
	require.NoError(t, err)
	order := domain.Order()
	return new(big.Int).Mod(new(big.Int).SetBytes(key), order).FillBytes(make([]byte, (order.BitLen()+7)/8))
}

func exampleChip(t *testing.T, e paceExample, document virtual.Document, random ...[]byte) *virtual.Chip {
	t.Helper()
	information := e.MRZInformation
	if information == "" {
		information = specimenInformation
	}
	document.Files = map[virtual.File][]byte{
		virtual.CardAccess:   cardAccess(e.OID, e.ParameterID),
		virtual.DataGroup(1): dg1Of(keyZone(information)),
	}
	if e.CardAccess != nil {
		require.Equal(t, []byte(e.CardAccess), document.Files[virtual.CardAccess])
	}
	chip, err := virtual.NewChip(&document, virtual.ChipOptions{Random: bytes.NewReader(bytes.Join(random, nil))})
	require.NoError(t, err)
	return chip
}

// Doc 9303-11, G.1: ECDH, Generic Mapping, MRZ.
func TestWorkedExampleG1(t *testing.T) {
	e := workedExample(t, "pace_g1_ecdh_gm")
	play(t, exampleChip(t, e, virtual.Document{}, e.Nonce, e.MapIC, e.AgreeIC), e.APDUs)
}

// The answer of the chip in G.2 also names a certification authority for terminal
// authentication, which this chip does not offer.
func TestWorkedExampleG2(t *testing.T) {
	e := workedExample(t, "pace_g2_dh_gm")
	reference := append([]byte{0x87, 0x0F}, "DETESTCVCA00003"...)
	last := &e.APDUs[len(e.APDUs)-1][1]
	require.True(t, bytes.Contains(*last, reference))
	*last = bytes.Replace(*last, reference, nil, 1)
	(*last)[1] -= byte(len(reference))
	play(t, exampleChip(t, e, virtual.Document{}, e.Nonce, e.MapIC, e.AgreeIC), e.APDUs)
}

// template wraps data objects of one octet of tag in 7C.
func template(objects ...[]byte) []byte {
	var content []byte
	for i := 0; i < len(objects); i += 2 {
		content = iso7816.AppendTLV(content, iso7816.Tag(objects[i][0]), objects[i+1])
	}
	return iso7816.AppendTLV(nil, 0x7C, content)
}

func one(tag byte, value []byte) []byte { return template([]byte{tag}, value) }

// general is a GENERAL AUTHENTICATE; the last one is not chained.
func general(last bool, data []byte) iso7816.Command {
	c := iso7816.Command{CLA: 0x10, INS: 0x86, Data: data, Ne: 256}
	if last {
		c.CLA = 0x00
	}
	if len(data) > 240 {
		c.Ne = 65536
	}
	return c
}

// setAT is MSE:Set AT for PACE.
func setAT(oid []byte, password byte, objects ...byte) iso7816.Command {
	data := append(iso7816.AppendTLV(nil, 0x80, oid), 0x83, 0x01, password)
	return iso7816.Command{INS: 0x22, P1: 0xC1, P2: 0xA4, Data: append(data, objects...)}
}

// The transcripts of H.1 and H.2 are put together from their values: Integrated
// Mapping with the password 123456, which is a CAN by the way its key is derived.
func TestWorkedExamplesOfIntegratedMapping(t *testing.T) {
	h1, h2 := workedExample(t, "pace_h1_ecdh_im"), workedExample(t, "pace_h2_dh_im")
	// The vectors leave out the chip's private key of H.2.
	var err error
	h2.AgreeIC, err = hex.DecodeString("020F018C7284B047FA7721A337EFB7ACB1440BB30C5252BD41C97C30C994BB78E9F0C5B32744D84017D21FFA6878396A" +
		"6469CA283EF5C000DAF7D261A39AB8860ED4610AB5343390897AAB5A7787E4FAEFA0649C6A94FDF82D991E8E3FC332F5142729E7040A3F7D5A4D3CD75CBEE1F043C1CAD2" +
		"DD484FEB4ED22B597D36688E")
	require.NoError(t, err)
	for _, e := range []paceExample{h1, h2} {
		require.Equal(t, "123456", e.Password)
		chip := exampleChip(t, e, virtual.Document{CAN: e.Password}, e.Nonce, scalarOf(t, e.ParameterID, e.AgreeIC))
		good := []byte{0x90, 0x00}
		play(t, chip, [][2]icaotest.Hex{
			{plain(t, setAT(e.OID, 2)), good},
			{plain(t, general(false, []byte{0x7C, 0x00})), append(one(0x80, e.EncryptedNonce), good...)},
			{plain(t, general(false, one(0x81, e.TerminalNonce))), append(one(0x82, nil), good...)},
			{plain(t, general(false, one(0x83, e.PublicIFD))), append(one(0x84, e.PublicIC), good...)},
			{plain(t, general(true, one(0x85, e.TokenIFD))), append(one(0x86, e.TokenIC), good...)},
		})
	}
}

// The static key of I.1 is not printed; CA_IC = SK_Map,IC / SK_IC gives it. The
// key of the agreement is printed as a number above the order of the group.
func TestWorkedExampleI1(t *testing.T) {
	e := workedExample(t, "pace_i1_ecdh_cam")
	mapIC, err := hex.DecodeString("9E56A6B59C95D06ECE5CD10F983BB2F4F1943528E577F23881D89D8C3BBEE0AA")
	require.NoError(t, err)
	agreeIC, err := hex.DecodeString("CD626EF3C256E235FE8912CAC28279E626008EDA6B3A05C4CF862A3BDAB79E78")
	require.NoError(t, err)
	domain, err := ec.ByID(13)
	require.NoError(t, err)
	static := new(big.Int).ModInverse(new(big.Int).SetBytes(e.CA), domain.Order())
	static.Mul(static, new(big.Int).SetBytes(mapIC)).Mod(static, domain.Order())
	key := static.FillBytes(make([]byte, 32))

	private, err := domain.Scalar(key)
	require.NoError(t, err)
	public, err := domain.Generator().Multiply(private)
	require.NoError(t, err)
	require.Equal(t, []byte(e.PublicStatic), public.Encode())
	play(t, exampleChip(t, e, virtual.Document{ChipKeys: map[int][]byte{13: key}}, e.Nonce, mapIC, scalarOf(t, 13, agreeIC)), e.APDUs)
}

// Every protocol with every domain parameters that go with it, and both passwords.
func TestEveryProtocolGivesASession(t *testing.T) {
	for _, agreement := range []string{"DH-GM", "DH-IM", "ECDH-GM", "ECDH-IM", "ECDH-CAM"} {
		for i, a := range ciphers {
			if agreement == "ECDH-CAM" && a == sm.TDES {
				continue
			}
			ids := []int{0, 1, 2}
			if agreement[0] == 'E' {
				ids = []int{8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18}
			}
			for _, id := range ids {
				if agreement == "ECDH-IM" && id == 10 {
					continue
				}
				info := virtual.PACEInfo{Protocol: virtual.PACEProtocol(agreement + "-" + a.String()), ParameterID: id}
				chip := paceChip(t, virtual.Profile{Access: virtual.AccessPACE, Extended: &virtual.Extended{}}, info)
				p := newPACETerminal(t, chip, info)
				if (i+id)%2 == 1 {
					p.reference, p.password = 2, []byte("123456")
				}
				require.True(t, p.open().alive(), "%v", info)
			}
		}
	}
}

func TestFilesBehindPACE(t *testing.T) {
	chip := paceChip(t, virtual.Profile{}, virtual.PACEInfo{Protocol: "ECDH-CAM-AES-128", ParameterID: 12})
	p := newPACETerminal(t, chip, virtual.PACEInfo{Protocol: "ECDH-CAM-AES-128", ParameterID: 12})
	security := selectEF(0x011D)
	require.Equal(t, iso7816.SWSecurityStatus, status(t, chip, plain(t, security)...), "EF.CardSecurity before PACE")
	require.Equal(t, iso7816.SWSuccess, p.run())
	x := p.session()
	x.expect(iso7816.SWSuccess, security)
	x.expect(iso7816.SWFileNotFound, selectEF(0x011E)) // the application is not selected
	x.expect(iso7816.SWSuccess, iso7816.Command{INS: 0xA4, P1: 0x04, P2: 0x0C, Data: selectApplication[5:]})
	require.Equal(t, specimen().Files[virtual.DataGroup(2)], x.readFile(0x02, 1000))

	// A plain command ends the session, and access with it.
	require.Equal(t, iso7816.SWSecurityStatus, status(t, chip, plain(t, read(0x01, 0, 4))...))
	require.False(t, x.alive())

	// EF.CardSecurity asks for PACE, not for BAC.
	require.NoError(t, chip.Reset(t.Context()))
	x = authenticate(t, chip)
	x.expect(iso7816.SWSuccess, iso7816.Command{INS: 0xA4, P1: 0x00, P2: 0x0C})
	x.expect(iso7816.SWSecurityStatus, security)
}

// A short response carries 223 bytes under AES (worked out in the vectors).
func TestShortResponseUnderAES(t *testing.T) {
	x := newPACETerminal(t, paceChip(t, virtual.Profile{}), gm).open()
	response, err := x.exchange(read(0x02, 0, 256))
	require.NoError(t, err)
	require.Len(t, response.Data, 223)
}

func TestAccessControls(t *testing.T) {
	bacWorks := func(p virtual.Profile) iso7816.StatusWord {
		chip := paceChip(t, p)
		transmit(t, chip, selectApplication)
		challenge := transmit(t, chip, getChallenge)
		require.Len(t, challenge, 10)
		answer := transmit(t, chip, newMutual(t, specimenInformation).command(t, challenge[:8]))
		return iso7816.StatusWord(answer[len(answer)-2])<<8 | iso7816.StatusWord(answer[len(answer)-1])
	}
	paceWorks := func(p virtual.Profile) iso7816.StatusWord { return newPACETerminal(t, paceChip(t, p), gm).run() }
	for _, c := range []struct {
		profile   virtual.Profile
		bac, pace iso7816.StatusWord
	}{
		{virtual.Profile{}, iso7816.SWSuccess, iso7816.SWSuccess},
		{virtual.Profile{Access: virtual.AccessBoth}, iso7816.SWSuccess, iso7816.SWSuccess},
		{virtual.Profile{Access: virtual.AccessBAC}, iso7816.SWSuccess, iso7816.SWWrongINS},
		{virtual.Profile{Access: virtual.AccessNone}, iso7816.SWConditionsOfUse, iso7816.SWWrongINS},
		{virtual.Profile{Access: virtual.AccessPACE}, iso7816.SWConditionsOfUse, iso7816.SWSuccess},
		{virtual.Profile{Access: virtual.AccessPACE, AuthenticationStatus: 0x6A88}, iso7816.SWReferenceNotFound, iso7816.SWSuccess},
	} {
		require.Equal(t, c.bac, bacWorks(c.profile), "BAC, %q", c.profile.Access)
		require.Equal(t, c.pace, paceWorks(c.profile), "PACE, %q", c.profile.Access)
	}
	require.Equal(t, iso7816.SWWrongINS, status(t, paceChip(t, virtual.Profile{Access: virtual.AccessBAC}), plain(t, general(true, nil))...))
	for _, access := range []virtual.Access{virtual.AccessPACE, virtual.AccessBoth} {
		_, err := virtual.NewChip(specimen(), virtual.ChipOptions{Profile: virtual.Profile{Access: access}})
		require.ErrorIs(t, err, virtual.ErrDocument)
	}
}

func TestSetAuthenticationTemplate(t *testing.T) {
	other := virtual.PACEInfo{Protocol: "ECDH-GM-AES-128", ParameterID: 13}
	aes256 := virtual.PACEInfo{Protocol: "ECDH-GM-AES-256", ParameterID: 13}
	chip := paceChip(t, virtual.Profile{}, gm, other, aes256)
	one, many := newPACETerminal(t, chip, aes256).oid, newPACETerminal(t, chip, gm).oid
	command := func(data ...byte) iso7816.Command {
		return iso7816.Command{INS: 0x22, P1: 0xC1, P2: 0xA4, Data: data}
	}
	with := func(c iso7816.Command, change func(*iso7816.Command)) iso7816.Command { change(&c); return c }
	for _, c := range []struct {
		name    string
		command iso7816.Command
		want    iso7816.StatusWord
	}{
		{"one set of parameters, none named", setAT(one, 1), iso7816.SWSuccess},
		{"named", setAT(one, 1, 0x84, 0x01, 13), iso7816.SWSuccess},
		{"unknown objects are ignored", setAT(one, 2, 0x91, 0x01, 0x00, 0x7F, 0x4C, 0x01, 0x00), iso7816.SWSuccess},
		{"an Le field", with(setAT(one, 1), func(c *iso7816.Command) { c.Ne = 256 }), iso7816.SWSuccess},
		{"ambiguous", setAT(many, 1), iso7816.SWReferenceNotFound},
		{"not ambiguous", setAT(many, 1, 0x84, 0x01, 12), iso7816.SWSuccess},
		{"parameters not offered with it", setAT(one, 1, 0x84, 0x01, 12), iso7816.SWReferenceNotFound},
		{"no such password", setAT(one, 3), iso7816.SWReferenceNotFound},
		{"protocol not offered", setAT([]byte{4, 0, 0x7F, 0, 7, 2, 2, 4, 2, 1}, 1), iso7816.SWWrongData},
		{"no protocol", command(0x83, 0x01, 0x01), iso7816.SWWrongData},
		{"no password", command(append([]byte{0x80, 0x0A}, one...)...), iso7816.SWWrongData},
		{"password twice", setAT(one, 1, 0x83, 0x01, 0x01), iso7816.SWWrongData},
		{"empty parameters", setAT(one, 1, 0x84, 0x00), iso7816.SWWrongData},
		{"password of two bytes", command(append(append([]byte{0x80, 0x0A}, one...), 0x83, 0x02, 0x00, 0x01)...), iso7816.SWWrongData},
		{"no objects", command(0x80, 0x0A), iso7816.SWWrongData},
		{"nothing", command(), iso7816.SWWrongData},
		{"chip authentication", with(setAT(one, 1), func(c *iso7816.Command) { c.P1 = 0x41 }), iso7816.SWIncorrectP1P2},
		{"chained", with(setAT(one, 1), func(c *iso7816.Command) { c.CLA = 0x10 }), 0x6884},
	} {
		require.Equal(t, c.want, status(t, chip, plain(t, c.command)...), c.name)
	}
	withoutCAN := paceDocument(t, gm)
	withoutCAN.CAN = ""
	chip, err := virtual.NewChip(withoutCAN, virtual.ChipOptions{})
	require.NoError(t, err)
	require.Equal(t, iso7816.SWReferenceNotFound, status(t, chip, plain(t, setAT(many, 2))...))
}

// PACE runs in the master file and outside of secure messaging.
func TestWherePACERuns(t *testing.T) {
	chip := paceChip(t, virtual.Profile{})
	p := newPACETerminal(t, chip, gm)
	transmit(t, chip, selectApplication)
	require.Equal(t, iso7816.SWConditionsOfUse, p.set())
	require.Equal(t, iso7816.SWSuccess, status(t, chip, 0x00, 0xA4, 0x00, 0x0C))
	x := newPACETerminal(t, chip, gm).open()
	x.expect(iso7816.SWConditionsOfUse, setAT(p.oid, 1))
	x.expect(iso7816.SWConditionsOfUse, iso7816.Command{INS: 0x86, Data: []byte{0x7C, 0x00}, Ne: 256})
	require.True(t, x.alive())
	require.Equal(t, iso7816.SWConditionsOfUse, p.set(), "a plain command ends the session, not the selection")
	require.False(t, x.alive())
}

// upTo brings a run to where a step is next.
func upTo(t *testing.T, chip *virtual.Chip, info virtual.PACEInfo, step int) *paceTerminal {
	p := newPACETerminal(t, chip, info)
	require.Equal(t, iso7816.SWSuccess, p.set())
	switch step {
	case 2:
		require.NotNil(t, p.send(general(false, []byte{0x7C, 0x00}), 0x80))
	case 3:
		require.True(t, p.nonce())
	case 4:
		require.True(t, p.nonce() && p.agree())
	}
	return p
}

func TestStepsThatTheChipRefuses(t *testing.T) {
	im := virtual.PACEInfo{Protocol: "ECDH-IM-AES-128", ParameterID: 13}
	dh := virtual.PACEInfo{Protocol: "DH-GM-AES-128", ParameterID: 0}
	chip := paceChip(t, virtual.Profile{}, gm, im, dh)
	point := func(p *paceTerminal) []byte { return p.domain.Generator().Encode() }
	broken := func(p *paceTerminal) []byte { b := point(p); b[len(b)-1] ^= 1; return b }
	for _, c := range []struct {
		name    string
		info    virtual.PACEInfo
		step    int
		command func(*paceTerminal) iso7816.Command
		want    iso7816.StatusWord
	}{
		{"1: not empty", gm, 1, func(*paceTerminal) iso7816.Command { return general(false, one(0x80, nil)) }, iso7816.SWWrongData},
		{"1: no template", gm, 1, func(*paceTerminal) iso7816.Command { return general(false, nil) }, iso7816.SWWrongData},
		{"1: other template", gm, 1, func(*paceTerminal) iso7816.Command { return general(false, []byte{0x7D, 0x00}) }, iso7816.SWWrongData},
		{"1: behind the template", gm, 1, func(*paceTerminal) iso7816.Command { return general(false, []byte{0x7C, 0x00, 0x00}) }, iso7816.SWWrongData},
		{"1: P1", gm, 1, func(*paceTerminal) iso7816.Command { c := general(false, []byte{0x7C, 0x00}); c.P1 = 1; return c }, iso7816.SWIncorrectP1P2},
		{"1: no Le", gm, 1, func(*paceTerminal) iso7816.Command { c := general(false, []byte{0x7C, 0x00}); c.Ne = 0; return c }, iso7816.SWWrongLength},
		{"1: not chained", gm, 1, func(*paceTerminal) iso7816.Command { return general(true, []byte{0x7C, 0x00}) }, iso7816.SWConditionsOfUse},
		{"2: step 1 again", gm, 2, func(*paceTerminal) iso7816.Command { return general(false, []byte{0x7C, 0x00}) }, iso7816.SWWrongData},
		{"2: other tag", gm, 2, func(p *paceTerminal) iso7816.Command { return general(false, one(0x83, point(p))) }, iso7816.SWWrongData},
		{"2: two objects", gm, 2, func(p *paceTerminal) iso7816.Command {
			return general(false, template([]byte{0x81}, point(p), []byte{0x83}, nil))
		}, iso7816.SWWrongData},
		{"2: off the curve", gm, 2, func(p *paceTerminal) iso7816.Command { return general(false, one(0x81, broken(p))) }, iso7816.SWWrongData},
		{"2: infinity", gm, 2, func(*paceTerminal) iso7816.Command { return general(false, one(0x81, []byte{0})) }, iso7816.SWWrongData},
		{"2: outside the subgroup", dh, 2, func(p *paceTerminal) iso7816.Command { return general(false, one(0x81, broken(p))) }, iso7816.SWWrongData},
		{"2: neutral", dh, 2, func(*paceTerminal) iso7816.Command { return general(false, one(0x81, []byte{1})) }, iso7816.SWWrongData},
		{"2: nonce too short", im, 2, func(*paceTerminal) iso7816.Command { return general(false, one(0x81, make([]byte, 15))) }, iso7816.SWWrongData},
		{"3: off the curve", gm, 3, func(p *paceTerminal) iso7816.Command { return general(false, one(0x83, broken(p))) }, iso7816.SWWrongData},
		{"4: chained", gm, 4, func(p *paceTerminal) iso7816.Command { return general(false, one(0x85, p.token(p.received))) }, 0x6883},
		{"4: own token", gm, 4, func(p *paceTerminal) iso7816.Command { return general(true, one(0x85, p.token(p.sent))) }, iso7816.SWAuthenticationFailed},
		{"4: cut token", gm, 4, func(p *paceTerminal) iso7816.Command { return general(true, one(0x85, p.token(p.received)[:7])) }, iso7816.SWAuthenticationFailed},
		{"another command between", gm, 4, func(p *paceTerminal) iso7816.Command {
			require.Equal(t, iso7816.SWSuccess, status(t, chip, 0x00, 0xA4, 0x00, 0x0C))
			return general(true, one(0x85, p.token(p.received)))
		}, iso7816.SWConditionsOfUse},
	} {
		p := upTo(t, chip, c.info, c.step)
		require.Equal(t, c.want, status(t, chip, plain(t, c.command(p))...), c.name)
		require.Equal(t, iso7816.SWConditionsOfUse, status(t, chip, plain(t, general(false, []byte{0x7C, 0x00}))...), "%s: the run is over", c.name)
	}
	require.Equal(t, iso7816.SWSuccess, newPACETerminal(t, chip, gm).run(), "the next run is not touched")
}

// The group of 2048 bits does not fit short APDUs.
func TestLongGroupNeedsExtendedLength(t *testing.T) {
	info := virtual.PACEInfo{Protocol: "DH-GM-AES-128", ParameterID: 2}
	require.Equal(t, iso7816.SWWrongLength, newPACETerminal(t, paceChip(t, virtual.Profile{}, info), info).run())
}

func TestWrongPasswordIsFoundWithTheTokens(t *testing.T) {
	chip := paceChip(t, virtual.Profile{})
	p := newPACETerminal(t, chip, gm)
	p.reference, p.password = 2, []byte("123457")
	require.Equal(t, iso7816.SWAuthenticationFailed, p.run())
	require.Len(t, p.answers, 5)
	require.Equal(t, iso7816.SWSecurityStatus, status(t, chip, plain(t, selectEF(0x011D))...))
	newPACETerminal(t, chip, gm).open()
}

// Where the chip's key turns out to be the terminal's, the chip stops
// (Doc 9303-11, 4.4.1).
func TestEchoOfTheChipsKeyIsRefused(t *testing.T) {
	e := workedExample(t, "pace_g1_ecdh_gm")
	chip := exampleChip(t, e, virtual.Document{}, e.Nonce, e.MapIC, e.AgreeIC)
	play(t, chip, e.APDUs[:3])
	require.Equal(t, iso7816.SWAuthenticationFailed, status(t, chip, plain(t, general(false, one(0x83, e.PublicIC)))...))
}

func TestChipWithoutRandomNumbersFails(t *testing.T) {
	e := workedExample(t, "pace_g1_ecdh_gm")
	for step, random := range [][]byte{nil, e.Nonce, append(e.Nonce, e.MapIC...)} {
		chip := exampleChip(t, e, virtual.Document{}, random)
		play(t, chip, e.APDUs[:step+1])
		require.Equal(t, iso7816.SWUnspecified, status(t, chip, e.APDUs[step+1][0]...))
	}
}

func TestOffersThatTheChipCannotRun(t *testing.T) {
	cam := virtual.PACEInfo{Protocol: "ECDH-CAM-AES-128", ParameterID: 12}
	document := paceDocument(t, cam)
	for name, change := range map[string]func(){
		"no static key":      func() { document.ChipKeys = nil },
		"a key out of range": func() { document.ChipKeys = map[int][]byte{12: make([]byte, 32)} },
		"version 1": func() {
			document.Files[virtual.CardAccess] = []byte("\x31\x14\x30\x12\x06\x0A\x04\x00\x7F\x00\x07\x02\x02\x04\x02\x02\x02\x01\x01\x02\x01\x0D")
		},
		"unknown parameters":  func() { document.Files[virtual.CardAccess] = cardAccess([]byte{4, 0, 0x7F, 0, 7, 2, 2, 4, 2, 2}, 19) },
		"group and curve":     func() { document.Files[virtual.CardAccess] = cardAccess([]byte{4, 0, 0x7F, 0, 7, 2, 2, 4, 2, 2}, 0) },
		"P-224 is not for IM": func() { document.Files[virtual.CardAccess] = cardAccess([]byte{4, 0, 0x7F, 0, 7, 2, 2, 4, 4, 2}, 10) },
		"CAM with 3DES":       func() { document.Files[virtual.CardAccess] = cardAccess([]byte{4, 0, 0x7F, 0, 7, 2, 2, 4, 6, 1}, 12) },
		"no SecurityInfos":    func() { document.Files[virtual.CardAccess] = []byte{0x31, 0x05} },
	} {
		change()
		_, err := virtual.NewChip(document, virtual.ChipOptions{Profile: virtual.Profile{Access: virtual.AccessPACE}})
		require.ErrorIs(t, err, virtual.ErrDocument, name)
		_, err = virtual.NewChip(document, virtual.ChipOptions{})
		require.NoError(t, err, "%s: there is BAC", name)
	}
}
