package virtual_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"image"
	_ "image/jpeg"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/iso7816"
	"passport-agent/virtual"
)

// The sizes by which the project counts commands: COM 22, SOD 1843, DG1 93, DG2
// 18432 bytes.
func TestFilesHaveExactlyTheSizesAskedFor(t *testing.T) {
	for _, signature := range []virtual.Signature{"", virtual.RSA2048SHA256} {
		document, err := virtual.Personalise(virtual.Options{Signature: signature, SODSize: 1843, DG2Size: 18432})
		require.NoError(t, err)
		require.Len(t, document.Files[virtual.COM], 22)
		require.Len(t, document.Files[virtual.SOD], 1843)
		require.Len(t, document.Files[virtual.DataGroup(1)], 93)
		require.Len(t, document.Files[virtual.DataGroup(2)], 18432)
	}
}

// Length fields grow with what they count, in the filler's extension between
// these sizes; every one must be hit all the same.
func TestEverySizeOfTheSecurityObjectIsReached(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(crand.Reader, 2048)
	require.NoError(t, err)
	for _, c := range []struct {
		options virtual.Options
		sizes   []int
	}{
		{virtual.Options{CountryKey: fixedKey(t, 1), SignerKey: fixedKey(t, 2)}, sequence(1288, 1304)},
		{virtual.Options{CountryKey: rsaKey, SignerKey: rsaKey, Signature: virtual.RSA2048SHA256}, sequence(1868, 1892)},
	} {
		for _, size := range c.sizes {
			c.options.SODSize, c.options.Files = size, withoutPicture
			document, err := virtual.Personalise(c.options)
			require.NoError(t, err, "%d", size)
			require.Len(t, document.Files[virtual.SOD], size)
		}
	}
	_, err = virtual.Personalise(virtual.Options{SODSize: 900, Files: withoutPicture})
	require.ErrorIs(t, err, virtual.ErrSize)
}

func sequence(from, to int) []int {
	var list []int
	for n := from; n < to; n++ {
		list = append(list, n)
	}
	return list
}

// withoutPicture saves the time of drawing.
var withoutPicture = map[virtual.File][]byte{virtual.DataGroup(2): {0x75, 0x00}}

func TestEverySizeOfDG2IsReached(t *testing.T) {
	sizes := []int{2000, 18433, 18434, 18435, 18436, 65500, 70000, 100000, 140000}
	for _, size := range sizes {
		document, err := virtual.Personalise(virtual.Options{DG2Size: size})
		require.NoError(t, err, "%d", size)
		dg2 := document.Files[virtual.DataGroup(2)]
		require.Len(t, dg2, size)
	}
	_, err := virtual.Personalise(virtual.Options{DG2Size: 500})
	require.ErrorIs(t, err, virtual.ErrSize)
}

// DG2 holds a facial record of ISO/IEC 19794-5 whose lengths are right and whose
// picture any JPEG decoder takes, also where it is filled up.
func TestPortraitIsAJPEGInAFacialRecord(t *testing.T) {
	for _, size := range []int{0, 3000, 18432, 90000} {
		document, err := virtual.Personalise(virtual.Options{DG2Size: size})
		require.NoError(t, err)
		dg2 := document.Files[virtual.DataGroup(2)]
		record := value(t, dg2, 0x75, 0x7F61, 0x7F60, 0x5F2E)
		require.Equal(t, "FAC\x00010\x00", string(record[:8]))
		require.EqualValues(t, len(record), binary.BigEndian.Uint32(record[8:]), "length of the record")
		require.EqualValues(t, 1, binary.BigEndian.Uint16(record[12:]), "one face")
		require.EqualValues(t, len(record)-14, binary.BigEndian.Uint32(record[14:]), "length of the facial block")
		require.Equal(t, byte(0), record[35], "JPEG")
		picture, format, err := image.Decode(bytes.NewReader(record[46:]))
		require.NoError(t, err)
		require.Equal(t, "jpeg", format)
		require.EqualValues(t, picture.Bounds().Dx(), binary.BigEndian.Uint16(record[36:]))
		require.EqualValues(t, picture.Bounds().Dy(), binary.BigEndian.Uint16(record[38:]))
		requireSegments(t, record[46:])
	}
}

// requireSegments walks from marker to marker up to the scan (ITU-T T.81,
// B.1.1): a length that leads elsewhere would be forgiven by many decoders.
func requireSegments(t *testing.T, encoded []byte) {
	t.Helper()
	require.Equal(t, []byte{0xFF, 0xD8}, encoded[:2])
	for at := 2; ; {
		require.Equal(t, byte(0xFF), encoded[at], "no marker at %d", at)
		for encoded[at] == 0xFF {
			at++
		}
		if encoded[at] == 0xDA {
			return
		}
		at += 1 + int(binary.BigEndian.Uint16(encoded[at+1:]))
	}
}

// The signature covers the attributes in DER, where a SET OF is in order
// (X.690, 11.6); a verifier that encodes them anew depends on it.
func TestSignedAttributesAreInOrder(t *testing.T) {
	document, err := virtual.Personalise(virtual.Options{Files: withoutPicture})
	require.NoError(t, err)
	signed := value(t, document.Files[virtual.SOD], 0x77, 0x30, 0xA0, 0x30)
	objects, err := iso7816.ParseTLVs(signed)
	require.NoError(t, err)
	attributes, err := iso7816.ParseTLVs(value(t, objects[len(objects)-1].Value, 0x30, 0xA0))
	require.NoError(t, err)
	require.Len(t, attributes, 3)
	for i := 1; i < len(attributes); i++ {
		require.Negative(t, bytes.Compare(attributes[i-1].Raw, attributes[i].Raw))
	}
}

// value walks down a path of tags.
func value(t *testing.T, data []byte, path ...iso7816.Tag) []byte {
	t.Helper()
	for _, tag := range path {
		objects, err := iso7816.ParseTLVs(data)
		require.NoError(t, err)
		object, ok := iso7816.Find(objects, tag)
		require.True(t, ok, "tag %X", uint32(tag))
		data = object.Value
	}
	return data
}

// EF.COM and EF.SOD list all data groups and nothing else; the hashes are those
// of the files.
func TestDataGroupsAreListedAndHashed(t *testing.T) {
	document, err := virtual.Personalise(virtual.Options{Files: map[virtual.File][]byte{
		virtual.DataGroup(14): {0x6E, 0x02, 0x31, 0x00},
		virtual.DataGroup(11): {0x6B, 0x00},
		virtual.CardAccess:    {0x31, 0x00},
	}})
	require.NoError(t, err)
	require.Equal(t, []byte{0x61, 0x75, 0x6B, 0x6E}, value(t, document.Files[virtual.COM], 0x60, 0x5C))

	var object struct {
		Version   int
		Algorithm struct{ ID asn1.ObjectIdentifier }
		Hashes    []struct {
			Number int
			Hash   []byte
		}
	}
	rest, err := asn1.Unmarshal(securityObjectOf(t, document), &object)
	require.NoError(t, err)
	require.Empty(t, rest)
	require.Zero(t, object.Version)
	require.Equal(t, "2.16.840.1.101.3.4.2.1", object.Algorithm.ID.String())
	numbers := []int{}
	for _, h := range object.Hashes {
		numbers = append(numbers, h.Number)
		want := sha256.Sum256(document.Files[virtual.DataGroup(h.Number)])
		require.Equal(t, want[:], h.Hash, "DG%d", h.Number)
	}
	require.Equal(t, []int{1, 2, 11, 14}, numbers)
}

// securityObjectOf walks from EF.SOD to the signed content.
func securityObjectOf(t *testing.T, document *virtual.Document) []byte {
	signed := value(t, document.Files[virtual.SOD], 0x77, 0x30, 0xA0, 0x30)
	return value(t, signed, 0x30, 0xA0, 0x04)
}

func TestFilesThatAreGivenAreNotMade(t *testing.T) {
	given := map[virtual.File][]byte{virtual.COM: {0x60, 0x00}, virtual.SOD: {0x77, 0x00}, virtual.DataGroup(1): {0x61, 0x00}, virtual.DataGroup(2): {0x75, 0x00}}
	document, err := virtual.Personalise(virtual.Options{Files: given})
	require.NoError(t, err)
	require.Equal(t, given, document.Files)
	_, err = virtual.Personalise(virtual.Options{Files: map[virtual.File][]byte{"DG17": nil}})
	require.ErrorIs(t, err, virtual.ErrDocument)
}

// OpenSSL, which shares no code with this program, verifies the signature of
// EF.SOD and the path to the country signer, and takes no signature of another.
func TestOpenSSLVerifiesTheSecurityObject(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	for _, signature := range []virtual.Signature{virtual.ECDSAP256SHA256, virtual.RSA2048SHA256, virtual.RSA2048PSS} {
		document, err := virtual.Personalise(virtual.Options{Signature: signature, SODSize: 2000})
		require.NoError(t, err)
		other, err := virtual.Personalise(virtual.Options{Signature: signature})
		require.NoError(t, err)
		output, err := verifyWith(t, openssl, document.Files[virtual.SOD], document.CSCA)
		require.NoError(t, err, "%s: %s", signature, output)
		_, err = verifyWith(t, openssl, document.Files[virtual.SOD], other.CSCA)
		require.Error(t, err, "%s: another country signer", signature)
		require.Equal(t, 1, bytes.Count(document.Files[virtual.SOD], document.Signer), "the signer's certificate is inside")
	}
}

func verifyWith(t *testing.T, openssl string, sod, csca []byte) ([]byte, error) {
	folder := t.TempDir()
	message, country, pem := filepath.Join(folder, "sod.der"), filepath.Join(folder, "csca.der"), filepath.Join(folder, "csca.pem")
	require.NoError(t, os.WriteFile(message, sod[4:], 0o600))
	require.NoError(t, os.WriteFile(country, csca, 0o600))
	output, err := exec.Command(openssl, "x509", "-inform", "DER", "-in", country, "-out", pem).CombinedOutput()
	require.NoError(t, err, "%s", output)
	return exec.Command(openssl, "cms", "-verify", "-inform", "DER", "-in", message, "-CAfile", pem,
		"-purpose", "any", "-x509_strict", "-out", filepath.Join(folder, "content")).CombinedOutput()
}

// The profile of Doc 9303-12, 7.1.1: what has to be in both certificates, and
// what must not.
func TestCertificatesFollowTheProfile(t *testing.T) {
	document, err := virtual.Personalise(virtual.Options{Now: now})
	require.NoError(t, err)
	country, err := x509.ParseCertificate(document.CSCA)
	require.NoError(t, err)
	signer, err := x509.ParseCertificate(document.Signer)
	require.NoError(t, err)

	require.NoError(t, country.CheckSignatureFrom(country))
	require.NoError(t, signer.CheckSignatureFrom(country))
	require.True(t, country.IsCA && country.BasicConstraintsValid && country.MaxPathLen == 0 && country.MaxPathLenZero)
	require.Equal(t, x509.KeyUsageCertSign|x509.KeyUsageCRLSign, country.KeyUsage)
	require.Equal(t, x509.KeyUsageDigitalSignature, signer.KeyUsage)
	require.False(t, signer.BasicConstraintsValid)
	require.Equal(t, country.SubjectKeyId, signer.AuthorityKeyId)
	require.Equal(t, country.SubjectKeyId, country.AuthorityKeyId)
	require.Equal(t, []string{"UT"}, signer.Subject.Country)
	require.Equal(t, country.RawSubject, signer.RawIssuer)
	require.NotEqual(t, signer.SerialNumber, country.SerialNumber)
	for _, c := range []*x509.Certificate{country, signer} {
		require.Equal(t, 3, c.Version)
		require.True(t, now.After(c.NotBefore) && now.Before(c.NotAfter))
		require.Positive(t, c.SerialNumber.Sign())
		require.NotEmpty(t, c.CRLDistributionPoints)
		critical := map[string]bool{}
		for _, e := range c.Extensions {
			critical[e.Id.String()] = e.Critical
		}
		for _, required := range []string{"2.5.29.16", "2.5.29.17", "2.5.29.18", "2.5.29.31", "2.5.29.35"} {
			isCritical, present := critical[required]
			require.True(t, present && !isCritical, "%s", required)
		}
		require.True(t, critical["2.5.29.15"], "key usage")
		_, types := critical["2.23.136.1.1.6.2"]
		require.Equal(t, c == signer, types, "document types are for signers")
	}
	require.True(t, bytes.Contains(document.Signer, []byte{0x13, 0x01, 'P'}), "document type P")
	require.True(t, bytes.Contains(document.Signer, []byte("\x55\x04\x07\x13\x03UTO")), "the issuer's code as locality")
}

func TestSigningTimeIsNow(t *testing.T) {
	document, err := virtual.Personalise(virtual.Options{Now: now})
	require.NoError(t, err)
	require.True(t, bytes.Contains(document.Files[virtual.SOD], []byte("\x17\x0d260501120000Z")))
	document, err = virtual.Personalise(virtual.Options{})
	require.NoError(t, err)
	signer, err := x509.ParseCertificate(document.Signer)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().AddDate(0, -1, 0), signer.NotBefore, time.Minute)
}

func fixedKey(t *testing.T, n byte) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{n}, 32))
	require.NoError(t, err)
	return key
}

// With keys, clock and generator given, the same document comes out, byte for byte.
func TestDocumentIsReproducible(t *testing.T) {
	make := func(seed byte) *virtual.Document {
		document, err := virtual.Personalise(virtual.Options{
			Now: now, Random: rand.NewChaCha8([32]byte{seed}), CountryKey: fixedKey(t, 1), SignerKey: fixedKey(t, 2),
			SODSize: 1843, DG2Size: 9000,
		})
		require.NoError(t, err)
		return document
	}
	require.Equal(t, make(1), make(1))
	require.NotEqual(t, make(1).Files[virtual.DataGroup(2)], make(2).Files[virtual.DataGroup(2)])
}

type noRandom struct{}

var errNoRandom = errors.New("no random numbers")

func (noRandom) Read([]byte) (int, error) { return 0, errNoRandom }

func TestPersonaliserReportsWhatFails(t *testing.T) {
	_, err := virtual.Personalise(virtual.Options{Random: noRandom{}, Files: withoutPicture})
	require.ErrorIs(t, err, errNoRandom)
	_, err = virtual.Personalise(virtual.Options{Signature: "gost", Files: withoutPicture})
	require.ErrorContains(t, err, "gost")
}
