package icao_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/binary"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/icao"
	"passport-agent/icao/lds"
	"passport-agent/icao/mrz"
	"passport-agent/icao/trust"
	"passport-agent/icao/verdict"
	"passport-agent/internal/fault"
	"passport-agent/internal/fuzzlimit"
	"passport-agent/internal/secret"
	"passport-agent/iso7816"
	"passport-agent/virtual"
)

// mostCommands is what a document may cost at the very most: a megabyte in the smallest
// blocks, twice.
const mostCommands = 2 << 20 / 32

var issuedAt = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// attacked is a document that the hostile chip has, and who is asked for it.
type attacked struct {
	document *virtual.Document
	key      mrz.Key
	trust    *trust.Store
}

// attackedDocuments are the same in every process, as a fuzzer needs them.
func attackedDocuments(t testing.TB) []attacked {
	signer, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{7}, 32))
	require.NoError(t, err)
	var all []attacked
	for i, o := range []virtual.Options{
		{},
		{PACE: []virtual.PACEInfo{{Protocol: "ECDH-GM-AES-128", ParameterID: 12}}, DG14: true, CAN: "123456",
			ChipAuthentication:   []virtual.ChipAuthenticationInfo{{Protocol: "ECDH-AES-128", ParameterID: 12}},
			ActiveAuthentication: &virtual.ActiveAuthentication{ParameterID: 12}},
		{PACE: []virtual.PACEInfo{{Protocol: "ECDH-CAM-AES-128", ParameterID: 12}}, DG14: true, CAN: "123456"},
		{ChipAuthentication: []virtual.ChipAuthenticationInfo{{Protocol: "ECDH-3DES", ParameterID: 12}}},
	} {
		o.Now, o.Random, o.CountryKey, o.SignerKey = issuedAt, rand.NewChaCha8([32]byte{byte(i)}), signer, signer
		o.Files = map[virtual.File][]byte{virtual.DataGroup(2): smallFace()}
		document, err := virtual.Personalise(o)
		require.NoError(t, err)
		store := &trust.Store{}
		_, err = store.Import(document.CSCA, trust.ImportOptions{Now: issuedAt})
		require.NoError(t, err)
		all = append(all, attacked{document, keyOf(t, document), store})
	}
	return all
}

// smallFace is a DG2 as Doc 9303-10, table 44 and ISO/IEC 19794-5 have it, with a picture
// of a few bytes.
func smallFace() []byte {
	picture := []byte{0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3}
	face := make([]byte, 32, 32+len(picture))
	binary.BigEndian.PutUint32(face, uint32(cap(face)))
	face[20] = 1                    // full frontal
	face[23], face[25] = 0x2C, 0x90 // width and height
	face = append(face, picture...)
	record := binary.BigEndian.AppendUint32([]byte("FAC\x00010\x00"), uint32(14+len(face)))
	record = append(binary.BigEndian.AppendUint16(record, 1), face...)
	header := []byte{0x81, 1, 2, 0x82, 1, 0, 0x87, 2, 1, 1, 0x88, 2, 0, 8}
	template := iso7816.AppendTLV(iso7816.AppendTLV(nil, 0xA1, header), 0x5F2E, record)
	return iso7816.AppendTLV(nil, 0x75, iso7816.AppendTLV(nil, 0x7F61, iso7816.AppendTLV([]byte{0x02, 1, 1}, 0x7F60, template)))
}

// setting is what the first bytes of the input say: the document, the chip's profile and
// the reader's options.
type setting uint32

func (s setting) bit(n int) bool { return s>>n&1 == 1 }

func (s setting) profile() virtual.Profile {
	p := virtual.Profile{}
	if s.bit(2) {
		p.Access = virtual.AccessNone
	}
	if s.bit(3) {
		p.Extended = &virtual.Extended{MaxResponse: 2048}
	}
	if s.bit(4) {
		p.NakedErrors = virtual.NakedKeep
	}
	if s.bit(5) {
		p.MaxRead = 40
	}
	return p
}

func (s setting) options(a attacked, chip *hostile) icao.Options {
	o := icao.Options{Random: rand.NewChaCha8([32]byte{9}), ProbeExtended: s.bit(8), NoChipAuthentication: s.bit(9)}
	if s.bit(10) {
		o.PutBack = chip.putBack
	}
	o.Access = icao.Access{Key: a.key, Protocol: icao.Protocol(s >> 11 & 3 % 3)}
	switch {
	case s.bit(13) && a.document.CAN != "":
		o.Access.Key, o.Access.CAN = mrz.Key{}, secret.NewText(a.document.CAN)
	case s.bit(2):
		o.Access = icao.Access{}
	}
	return o
}

// attackedFiles are those that may be another than the issuer's.
var attackedFiles = []virtual.File{
	"", virtual.COM, virtual.SOD, virtual.DataGroup(1), virtual.DataGroup(2), virtual.DataGroup(14), virtual.DataGroup(15), virtual.CardAccess, virtual.CardSecurity,
}

// The whole reader against a chip that does what it likes: the reading ends, in a code of
// its own, and no document passes whose bytes are not those that the issuer has signed.
func FuzzHostileChip(f *testing.F) {
	all := attackedDocuments(f)
	for document := range uint32(4) {
		f.Add(document, byte(0), []byte{}, []byte{})
		f.Add(document|1<<10, byte(0), []byte{}, []byte{5, actRemove, 0, 0, 9, actReset, 0, 0, 3, actBare, 0x69, 0x88})
		f.Add(document|1<<3|1<<8, byte(0), []byte{}, []byte{8, actFlip, 20, 1})
		f.Add(document, byte(0), []byte{}, []byte{6, actCorrect | forEver, 0, 40})
		f.Add(document, byte(4), []byte{0, 50, 1}, []byte{12, actTwice, 0, 0})
		f.Add(document, byte(3), []byte{0, 20, 1, 0, 30, 4}, []byte{})
		for act := range byte(acts) {
			f.Add(document, byte(0), []byte{}, []byte{2, act, 7, 0x82, 4, act, 3, 0})
			f.Add(document, byte(0), []byte{}, []byte{11, act, 0x69, 0x82})
			f.Add(document|1<<2, byte(0), []byte{}, []byte{3, act | forEver, 200, 0, 0x75, 0x83, 0x0F, 0xFF, 0xFF})
		}
	}
	for n := range attackedFiles {
		f.Add(uint32(1), byte(n), []byte{0, 3, 0xFF}, []byte{})
		f.Add(uint32(2|1<<16), byte(n), []byte{0x75, 0x83, 0x0F, 0x00, 0x00, 0x7F, 0x61}, []byte{})
	}
	f.Fuzz(func(t *testing.T, settings uint32, file byte, content, script []byte) {
		s := setting(settings)
		a := all[int(s)%len(all)]
		document := a.document
		if name := attackedFiles[int(file)%len(attackedFiles)]; name != "" {
			document = altered(document, name, content, !s.bit(16))
		}
		chip, err := virtual.NewChip(document, virtual.ChipOptions{
			Profile: s.profile(), Random: rand.NewChaCha8([32]byte{8}), Limits: iso7816.Limits{Extended: iso7816.Support(s >> 6 & 3 % 3)},
		})
		if err != nil {
			return // no key can be made of what is in DG1
		}
		h := &hostile{Chip: chip, script: script, most: mostCommands, away: 3}
		fuzzlimit.Check(t, func() { attack(t, a, h, s.options(a, h)) })
		require.LessOrEqual(t, h.commands, h.most)
	})
}

// attack reads the document and judges what was read.
func attack(t *testing.T, a attacked, h *hostile, o icao.Options) {
	session, err := icao.Open(t.Context(), h, o)
	if err != nil {
		requireCoded(t, err)
		return
	}
	read, err := session.ReadDocument(t.Context())
	if err != nil {
		requireCoded(t, err)
	}
	for name, b := range read.Files {
		require.LessOrEqual(t, len(b), 1<<20, name.String())
	}
	if read.SOD == nil || read.MRZ == nil || read.Face == nil {
		require.Error(t, err)
		return
	}
	v := verdict.Judge(verdict.Input{
		Document: read, Protected: session.Protocol() != "none", Key: o.Access.Key, Proof: session.Proof(), Trust: a.trust, At: issuedAt.AddDate(0, 1, 0),
	})
	if v.Status != verdict.Successful {
		return
	}
	for _, name := range []lds.File{lds.DG1, lds.DG2, lds.DG14, lds.DG15} {
		if b, ok := read.Files[name]; ok {
			require.True(t, bytes.Equal(a.document.Files[virtual.DataGroup(int(name))], b), "%v is not what was signed", name)
		}
	}
	// Around what is signed, EF.SOD has bytes that nobody signs: how the signer is named
	// (upper and lower case do not count), versions, lengths.
	issued, err := lds.ParseSOD(a.document.Files[virtual.SOD])
	require.NoError(t, err)
	require.True(t, bytes.Equal(issued.SignedData.Content, read.SOD.SignedData.Content), "EF.SOD is not what was signed")
}

func requireCoded(t *testing.T, err error) {
	code := fault.From(err).Code
	require.NotEqual(t, fault.Unexpected, code, "%v", err)
	require.NotErrorIs(t, err, errTooMany)
}

// The twin: where nothing is altered, every document passes.
func TestAttackedDocumentsPassUnharmed(t *testing.T) {
	for i, a := range attackedDocuments(t) {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			chip, err := virtual.NewChip(a.document, virtual.ChipOptions{})
			require.NoError(t, err)
			h := &hostile{Chip: chip, most: 200}
			session, err := icao.Open(context.Background(), h, icao.Options{Access: icao.Access{Key: a.key}})
			require.NoError(t, err)
			read, err := session.ReadDocument(context.Background())
			require.NoError(t, err)
			v := verdict.Judge(verdict.Input{Document: read, Protected: true, Key: a.key, Proof: session.Proof(), Trust: a.trust, At: issuedAt.AddDate(0, 1, 0)})
			require.Equal(t, verdict.Successful, v.Status, "%+v", v.Checks)
		})
	}
}
