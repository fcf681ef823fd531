package virtual_test

import (
	"bytes"
	"encoding/asn1"
	"math/rand/v2"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/ec"
	"passport-agent/virtual"
)

// setOf returns the elements of a SET OF in DER, and checks their order.
func setOf(t *testing.T, file []byte) [][]byte {
	t.Helper()
	var set []asn1.RawValue
	rest, err := asn1.UnmarshalWithParams(file, &set, "set")
	require.NoError(t, err)
	require.Empty(t, rest)
	var elements [][]byte
	for i, element := range set {
		if i > 0 {
			require.Negative(t, bytes.Compare(elements[i-1], element.FullBytes), "DER sorts a SET OF")
		}
		elements = append(elements, element.FullBytes)
	}
	return elements
}

func paceInfo(arc, cipher, id byte) []byte {
	return []byte{0x30, 0x12, 0x06, 0x0A, 0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x04, arc, cipher, 0x02, 0x01, 0x02, 0x02, 0x01, id}
}

func TestCardAccessStatesWhatIsOffered(t *testing.T) {
	document, err := virtual.Personalise(virtual.Options{Files: withoutPicture, PACE: []virtual.PACEInfo{
		{Protocol: "ECDH-IM-AES-256", ParameterID: 18}, {Protocol: "DH-GM-3DES", ParameterID: 0}, {Protocol: "ECDH-GM-AES-128", ParameterID: 13},
	}})
	require.NoError(t, err)
	require.Equal(t, [][]byte{paceInfo(1, 1, 0), paceInfo(2, 2, 13), paceInfo(4, 4, 18)}, setOf(t, document.Files[virtual.CardAccess]))
	require.NotContains(t, document.Files, virtual.CardSecurity)
	require.NotContains(t, document.Files, virtual.DataGroup(14))
	require.Empty(t, document.ChipKeys)

	given := map[virtual.File][]byte{virtual.CardAccess: {0x31, 0x00}, virtual.DataGroup(2): {0x75, 0x00}}
	document, err = virtual.Personalise(virtual.Options{Files: given, PACE: []virtual.PACEInfo{gm}})
	require.NoError(t, err)
	require.Equal(t, []byte{0x31, 0x00}, document.Files[virtual.CardAccess], "a file that is given is not made")
}

// With PACE but without DG14, the sizes by which the project counts commands stay.
func TestSizesWithPACE(t *testing.T) {
	o := virtual.Options{SODSize: 1843, DG2Size: 18432, PACE: []virtual.PACEInfo{gm, cam}}
	document, err := virtual.Personalise(o)
	require.NoError(t, err)
	require.Len(t, document.Files[virtual.COM], 22)
	require.Len(t, document.Files[virtual.SOD], 1843)
	require.Len(t, document.Files[virtual.DataGroup(2)], 18432)

	o.DG14 = true
	document, err = virtual.Personalise(o)
	require.NoError(t, err)
	require.Equal(t, []byte{0x61, 0x75, 0x6E}, value(t, document.Files[virtual.COM], 0x60, 0x5C))
	require.Len(t, document.Files[virtual.SOD], 1843)
}

// Doc 9303-11, 9.2.11: EF.CardSecurity and DG14 repeat EF.CardAccess and hold the
// static key, under the number of its domain parameters.
func TestSecurityInfosOfChipAuthenticationMapping(t *testing.T) {
	second := virtual.PACEInfo{Protocol: "ECDH-CAM-AES-256", ParameterID: 12}
	other := virtual.PACEInfo{Protocol: "ECDH-CAM-AES-192", ParameterID: 13}
	document, err := virtual.Personalise(virtual.Options{Files: withoutPicture, DG14: true, PACE: []virtual.PACEInfo{gm, cam, second, other}})
	require.NoError(t, err)
	require.Len(t, document.ChipKeys, 2, "one for each set of domain parameters")

	signed := value(t, document.Files[virtual.CardSecurity], 0x30, 0xA0, 0x30)
	require.Equal(t, []byte{0x04, 0x00, 0x7F, 0x00, 0x07, 0x03, 0x02, 0x01}, value(t, signed, 0x30, 0x06), "id-SecurityObject")
	security := setOf(t, value(t, signed, 0x30, 0xA0, 0x04))
	group := setOf(t, value(t, document.Files[virtual.DataGroup(14)], 0x6E))
	for _, info := range setOf(t, document.Files[virtual.CardAccess]) {
		require.Contains(t, security, info)
		require.Contains(t, group, info)
	}
	require.Len(t, security, 4+2)
	require.Len(t, group, 4+2+3)
	require.Equal(t, 1, bytes.Count(document.Files[virtual.CardSecurity], document.Signer), "the certificate of the signer of EF.SOD")

	type publicKeyInfo struct {
		Protocol asn1.ObjectIdentifier
		Key      struct {
			Algorithm struct {
				ID         asn1.ObjectIdentifier
				Parameters asn1.RawValue
			}
			Point asn1.BitString
		}
		KeyID int
	}
	keysOf := func(infos [][]byte) map[int]publicKeyInfo {
		keys := map[int]publicKeyInfo{}
		for _, encoded := range infos {
			var info publicKeyInfo
			if _, err := asn1.Unmarshal(encoded, &info); err == nil && info.Protocol.String() == "0.4.0.127.0.7.2.2.1.2" {
				keys[info.KeyID] = info
			}
		}
		return keys
	}
	standardized, explicit := keysOf(security), keysOf(group)
	require.Len(t, standardized, 2)
	require.Len(t, explicit, 2)
	for id, private := range document.ChipKeys {
		domain, err := ec.ByID(id)
		require.NoError(t, err)
		scalar, err := domain.Scalar(private)
		require.NoError(t, err)
		public, err := domain.Generator().Multiply(scalar)
		require.NoError(t, err)
		require.Equal(t, public.Encode(), standardized[id].Key.Point.Bytes)
		require.Equal(t, public.Encode(), explicit[id].Key.Point.Bytes)
		require.Equal(t, "0.4.0.127.0.7.1.2", standardized[id].Key.Algorithm.ID.String())
		require.Equal(t, []byte{0x02, 0x01, byte(id)}, standardized[id].Key.Algorithm.Parameters.FullBytes)
		require.Equal(t, "1.2.840.10045.2.1", explicit[id].Key.Algorithm.ID.String())
		curve, err := ec.ParseCurve(explicit[id].Key.Algorithm.Parameters.FullBytes)
		require.NoError(t, err)
		require.Equal(t, id, curve.ID())
	}
	// id-CA-ECDH-AES-CBC-CMAC-128, version 1, key 12
	require.Contains(t, group, []byte{0x30, 0x12, 0x06, 0x0A, 0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x03, 0x02, 0x02, 0x02, 0x01, 0x01, 0x02, 0x01, 0x0C})
}

func TestDG14WithoutChipAuthenticationRepeatsCardAccess(t *testing.T) {
	document, err := virtual.Personalise(virtual.Options{Files: withoutPicture, DG14: true, PACE: []virtual.PACEInfo{gm}})
	require.NoError(t, err)
	require.Equal(t, document.Files[virtual.CardAccess], value(t, document.Files[virtual.DataGroup(14)], 0x6E))
	document, err = virtual.Personalise(virtual.Options{Files: withoutPicture, DG14: true})
	require.NoError(t, err)
	require.NotContains(t, document.Files, virtual.DataGroup(14))
}

// The worked example's public key comes out as it is printed (Doc 9303-11, I.1).
func TestPublicKeyInfoOfTheWorkedExample(t *testing.T) {
	e := workedExample(t, "pace_i1_ecdh_cam")
	document, err := virtual.Personalise(virtual.Options{Files: withoutPicture, PACE: []virtual.PACEInfo{{Protocol: "ECDH-CAM-AES-128", ParameterID: 13}}})
	require.NoError(t, err)
	security := setOf(t, value(t, document.Files[virtual.CardSecurity], 0x30, 0xA0, 0x30, 0x30, 0xA0, 0x04))
	want := []byte(e.PublicKeyInfo)
	at := bytes.Index(want, e.PublicStatic)
	var found []byte
	for _, info := range security {
		if len(info) == len(want) {
			found = bytes.Clone(info)
			copy(found[at:], e.PublicStatic)
		}
	}
	require.Equal(t, want, found, "but for the point")
}

func TestOpenSSLVerifiesCardSecurity(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	document, err := virtual.Personalise(virtual.Options{PACE: []virtual.PACEInfo{cam}, SODSize: 2000})
	require.NoError(t, err)
	other, err := virtual.Personalise(virtual.Options{Files: withoutPicture})
	require.NoError(t, err)
	// The helper cuts the four bytes of tag 77 and its length, as of an EF.SOD.
	message := append(make([]byte, 4), document.Files[virtual.CardSecurity]...)
	output, err := verifyWith(t, openssl, message, document.CSCA)
	require.NoError(t, err, "%s", output)
	_, err = verifyWith(t, openssl, message, other.CSCA)
	require.Error(t, err)
}

func TestFilesThatAreGivenBesideCardSecurity(t *testing.T) {
	options := virtual.Options{PACE: []virtual.PACEInfo{cam}, Files: map[virtual.File][]byte{
		virtual.SOD: {0x77, 0x00}, virtual.DataGroup(2): {0x75, 0x00},
	}}
	document, err := virtual.Personalise(options)
	require.NoError(t, err)
	require.Equal(t, []byte{0x77, 0x00}, document.Files[virtual.SOD])
	require.NotEmpty(t, document.Files[virtual.CardSecurity])
	options.Files[virtual.CardSecurity] = []byte{0x30, 0x00}
	document, err = virtual.Personalise(options)
	require.NoError(t, err)
	require.Equal(t, []byte{0x30, 0x00}, document.Files[virtual.CardSecurity])
}

func TestPACEThatCannotBeOffered(t *testing.T) {
	for _, info := range []virtual.PACEInfo{
		{}, {Protocol: "ECDH-GM-AES-128", ParameterID: 0}, {Protocol: "DH-GM-AES-128", ParameterID: 12}, {Protocol: "ECDH-GM-AES-128", ParameterID: 7},
		{Protocol: "ECDH-IM-AES-128", ParameterID: 10}, {Protocol: "ECDH-CAM-3DES", ParameterID: 12}, {Protocol: "DH-CAM-AES-128", ParameterID: 0},
	} {
		_, err := virtual.Personalise(virtual.Options{Files: withoutPicture, PACE: []virtual.PACEInfo{info}})
		require.ErrorIs(t, err, virtual.ErrDocument, "%v", info)
	}
	_, err := virtual.Personalise(virtual.Options{Files: withoutPicture, PACE: []virtual.PACEInfo{cam}, Random: noRandom{}})
	require.ErrorIs(t, err, errNoRandom)
}

// The static key comes from Random, so that the document comes out twice the same.
func TestDocumentWithPACEIsReproducible(t *testing.T) {
	make := func() *virtual.Document {
		document, err := virtual.Personalise(virtual.Options{
			Now: now, Random: rand.NewChaCha8([32]byte{7}), CountryKey: fixedKey(t, 1), SignerKey: fixedKey(t, 2),
			DG2Size: 9000, PACE: []virtual.PACEInfo{cam, gm}, DG14: true, CAN: "123456",
		})
		require.NoError(t, err)
		return document
	}
	require.Equal(t, make(), make())
	require.NotContains(t, make().String(), "123456")
}
