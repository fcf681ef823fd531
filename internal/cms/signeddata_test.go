package cms_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/cms"
	"passport-agent/virtual"
)

var kinds = []virtual.Signature{virtual.ECDSAP256SHA256, virtual.RSA2048SHA256, virtual.RSA2048PSS}

// withoutPicture saves the time of drawing.
var withoutPicture = map[virtual.File][]byte{virtual.DataGroup(2): {0x75, 0x00}}

// specimen returns the message in EF.SOD, and the certificate that signed it.
func specimen(t testing.TB, kind virtual.Signature) ([]byte, *cms.Certificate) {
	t.Helper()
	document, err := virtual.Personalise(virtual.Options{Signature: kind, Files: withoutPicture})
	require.NoError(t, err)
	c, err := cms.ParseCertificate(document.Signer)
	require.NoError(t, err)
	return document.Files[virtual.SOD][4:], c
}

// verify is what a reader does with a message and the one certificate in it.
func verify(b []byte, c *cms.Certificate) error {
	signed, err := cms.ParseSignedData(b)
	if err != nil {
		return err
	}
	for i := range signed.Signers {
		if _, err := signed.Verify(&signed.Signers[i], []*cms.Certificate{c}); err != nil {
			return err
		}
	}
	if len(signed.Signers) == 0 {
		return cms.ErrNoCertificate
	}
	return nil
}

func TestSpecimensVerifyAndChangedOnesDoNot(t *testing.T) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			b, c := specimen(t, kind)
			require.NoError(t, verify(b, c))
			signed, err := cms.ParseSignedData(b)
			require.NoError(t, err)
			change := func(part []byte, at int) []byte {
				changed := bytes.Clone(b)
				changed[bytes.LastIndex(b, part)+at] ^= 1
				return changed
			}
			require.ErrorIs(t, verify(change(signed.Content, len(signed.Content)-1), c), cms.ErrMessageDigest)
			attributes := signed.Signers[0].SignedAttributes
			require.Equal(t, byte(0xA0), attributes[0])
			when := bytes.LastIndexByte(attributes, 'Z') // the last digit of signingTime
			require.ErrorIs(t, verify(change(attributes, when-1), c), cms.ErrSignature)
			require.ErrorIs(t, verify(change(b[len(b)-1:], 0), c), cms.ErrSignature)
			other, _ := specimen(t, kind)
			require.ErrorIs(t, verify(other, c), cms.ErrNoCertificate, "signed by somebody else")
			foreign, err := cms.ParseSignedData(other)
			require.NoError(t, err)
			require.ErrorIs(t, foreign.VerifyWith(&foreign.Signers[0], c), cms.ErrSignature)
		})
	}
}

func TestContentTypeIsTheSignedOne(t *testing.T) {
	b, c := specimen(t, virtual.ECDSAP256SHA256)
	oid := []byte{0x06, 0x06, 0x67, 0x81, 0x08, 0x01, 0x01, 0x01}
	changed := bytes.Clone(b)
	changed[bytes.Index(b, oid)+7] = 2
	require.ErrorIs(t, verify(changed, c), cms.ErrContentType)
}

// A content that consists of attributes must not pass as them (the signature over
// the attributes of one message would be one over the content of another).
func TestAttributesAreNoContent(t *testing.T) {
	b, c := specimen(t, virtual.ECDSAP256SHA256)
	signed, err := cms.ParseSignedData(b)
	require.NoError(t, err)
	signed.Content = append([]byte{0x31}, signed.Signers[0].SignedAttributes[1:]...)
	signed.ContentType = []int{1, 2, 840, 113549, 1, 7, 1}
	signed.Signers[0].SignedAttributes = nil
	require.ErrorIs(t, signed.VerifyWith(&signed.Signers[0], c), cms.ErrMalformed)
}

func TestCutMessagesAreMalformed(t *testing.T) {
	b, c := specimen(t, virtual.RSA2048PSS)
	for i := range b {
		require.ErrorIs(t, verify(b[:i], c), cms.ErrMalformed, "%d bytes", i)
	}
}

// One bit changed anywhere: no panic, and where the message still verifies, what
// it says is the same.
func TestChangedBytesNeverChangeWhatIsProved(t *testing.T) {
	b, c := specimen(t, virtual.ECDSAP256SHA256)
	original, err := cms.ParseSignedData(b)
	require.NoError(t, err)
	survivors := 0
	for i := range b {
		changed := bytes.Clone(b)
		changed[i] ^= 0x01
		if verify(changed, c) != nil {
			continue
		}
		survivors++
		signed, err := cms.ParseSignedData(changed)
		require.NoError(t, err)
		require.Equal(t, original.Content, signed.Content, "byte %d", i)
		require.Equal(t, original.ContentType, signed.ContentType, "byte %d", i)
	}
	require.Less(t, survivors, len(b)-len(original.Content)-len(original.Signers[0].SignedAttributes), "signed bytes must not be among them")
}

// DER inside, BER outside: what was signed stays as it was.
func TestIndefiniteLengthsAroundSignedBytes(t *testing.T) {
	b, c := specimen(t, virtual.RSA2048SHA256)
	inner := b[4+11:] // ContentInfo, its type, [0]
	require.Equal(t, byte(0xA0), inner[0])
	loose := append([]byte{0x30, 0x80}, b[4:4+11]...)
	loose = append(append(loose, 0xA0, 0x80), inner[4:]...)
	loose = append(loose, 0, 0, 0, 0)
	require.NoError(t, verify(loose, c))
}

// fixedSpecimen is the same each time, as a fuzzer needs it.
func fixedSpecimen(f *testing.F) ([]byte, *cms.Certificate) {
	document, err := virtual.Personalise(virtual.Options{
		Now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), Random: rand.NewChaCha8([32]byte{}), CountryKey: key, SignerKey: key, Files: withoutPicture,
	})
	require.NoError(f, err)
	c, err := cms.ParseCertificate(document.Signer)
	require.NoError(f, err)
	return document.Files[virtual.SOD][4:], c
}
