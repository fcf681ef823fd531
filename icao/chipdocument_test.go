package icao_test

import (
	"crypto"
	"encoding/binary"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/iso7816"
	"passport-agent/virtual"
)

func (d chipDocument) personalise(t *testing.T) *virtual.Document {
	t.Helper()
	options := virtual.Options{SODSize: d.SODSize, DG2Size: d.DG2Size, Files: map[virtual.File][]byte{}}
	if d.SODSize == 0 && d.DG2Size == 0 && d.Face == "" {
		options.SODSize, options.DG2Size = 1843, 18432
	}
	options.CAN, options.PACE = d.CAN, offers(t, d.PACE)
	options.ChipAuthentication, options.ActiveAuthentication = d.chipAuthentication(t), d.activeAuthentication(t)
	if d.Format != "" {
		options.Holder = virtual.DefaultHolder(time.Now())
		options.Holder.Format, options.Holder.DocumentNumber, options.Holder.Optional = d.Format, d.Number, ""
	}
	if d.Face != "" {
		options.Files[virtual.DataGroup(2)] = faceFile(t, d.Face)
	}
	document, err := virtual.Personalise(options)
	require.NoError(t, err)
	if d.BER {
		document.Files[virtual.SOD] = indefinite(t, document.Files[virtual.SOD])
	}
	return document
}

// chipAuthentication reads "ECDH-3DES/11 noInfo".
func (d chipDocument) chipAuthentication(t *testing.T) []virtual.ChipAuthenticationInfo {
	t.Helper()
	if d.ChipAuthentication == "" {
		return nil
	}
	offered, spoilt, _ := strings.Cut(d.ChipAuthentication, " ")
	protocol, id, found := strings.Cut(offered, "/")
	require.True(t, found, d.ChipAuthentication)
	number, err := strconv.Atoi(id)
	require.NoError(t, err)
	return []virtual.ChipAuthenticationInfo{{Protocol: protocol, ParameterID: number, Fault: virtual.ChipKeyFault(spoilt)}}
}

// activeAuthentication reads "RSA-2048-SHA-256" and "ECDSA-12-SHA-256".
func (d chipDocument) activeAuthentication(t *testing.T) *virtual.ActiveAuthentication {
	t.Helper()
	if d.ActiveAuthentication == "" {
		return nil
	}
	parts := strings.SplitN(d.ActiveAuthentication, "-", 3)
	require.Len(t, parts, 3)
	number, err := strconv.Atoi(parts[1])
	require.NoError(t, err)
	known := map[string]crypto.Hash{"SHA-1": crypto.SHA1, "SHA-224": crypto.SHA224, "SHA-256": crypto.SHA256, "SHA-384": crypto.SHA384, "SHA-512": crypto.SHA512}
	require.Contains(t, known, parts[2])
	if parts[0] == "ECDSA" {
		return &virtual.ActiveAuthentication{ParameterID: number, Hash: known[parts[2]]}
	}
	require.Equal(t, "RSA", parts[0])
	return &virtual.ActiveAuthentication{Bits: number, Hash: known[parts[2]]}
}

// offers reads "ECDH-GM-AES-128/13, …".
func offers(t testing.TB, text string) []virtual.PACEInfo {
	t.Helper()
	var all []virtual.PACEInfo
	for _, one := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		name, id, found := strings.Cut(one, "/")
		require.True(t, found, one)
		number, err := strconv.Atoi(id)
		require.NoError(t, err)
		all = append(all, virtual.PACEInfo{Protocol: virtual.PACEProtocol(name), ParameterID: number})
	}
	return all
}

// faceFile makes a DG2 (Doc 9303-10, 4.7.2) whose picture is only as much of one
// as a reader that does not decode looks at.
func faceFile(t *testing.T, kind string) []byte {
	t.Helper()
	pictures := map[string][]byte{
		"jpeg2000":   append([]byte{0, 0, 0, 0x0C}, "jP  \r\n\x87\n"...),
		"codestream": {0xFF, 0x4F, 0xFF, 0x51},
		"lengthOff":  {0xFF, 0xD8, 0xFF, 0xE0},
	}
	picture, known := pictures[kind]
	require.True(t, known, kind)
	picture = append(picture, make([]byte, 3000)...)
	face := append(make([]byte, 32), picture...)
	binary.BigEndian.PutUint32(face, uint32(len(face)))
	length := 14 + len(face)
	if kind == "lengthOff" {
		length++
	}
	record := binary.BigEndian.AppendUint32([]byte("FAC\x00010\x00"), uint32(length))
	record = append(binary.BigEndian.AppendUint16(record, 1), face...)
	template := iso7816.AppendTLV([]byte{0xA1, 0}, 0x5F2E, record)
	group := iso7816.AppendTLV([]byte{0x02, 1, 1}, 0x7F60, template)
	return iso7816.AppendTLV(nil, 0x75, iso7816.AppendTLV(nil, 0x7F61, group))
}

// indefinite writes the layers around the signed data of an EF.SOD again, without
// lengths, as some issuers do (chip-quirks, 23). What is signed stays as it is.
func indefinite(t *testing.T, sod []byte) []byte {
	t.Helper()
	outer, _, err := iso7816.ParseTLV(sod)
	require.NoError(t, err)
	info, _, err := iso7816.ParseTLV(outer.Value)
	require.NoError(t, err)
	parts, err := iso7816.ParseTLVs(info.Value)
	require.NoError(t, err)
	require.Len(t, parts, 2)
	signed, _, err := iso7816.ParseTLV(parts[1].Value)
	require.NoError(t, err)
	end := []byte{0, 0}
	b := append([]byte{0x30, 0x80}, parts[0].Raw...)
	b = append(append(b, 0xA0, 0x80, 0x30, 0x80), signed.Value...)
	for range 3 {
		b = append(b, end...)
	}
	return iso7816.AppendTLV(nil, 0x77, b)
}
