package cms_test

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/cms"
	"passport-agent/internal/fuzzlimit"
)

// What comes out is one element, stays as it is the second time, and is not longer than
// shortest lengths make it.
func FuzzToDER(f *testing.F) {
	for _, digits := range []string{"30800201010000", "3080a08002010100000000", "24802403040141040242430000", "300730800201010000", "30820003020101", "3080248004820001410424020000" + "0000" + "0000"} {
		f.Add(unhex(f, digits))
	}
	f.Add(bytes.Repeat([]byte{0x30, 0x80}, 40))
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzzlimit.Check(t, func() {
			der, err := cms.ToDER(b)
			if err != nil {
				require.ErrorIs(t, err, cms.ErrMalformed)
				return
			}
			again, err := cms.ToDER(der)
			require.NoError(t, err)
			require.Equal(t, der, again)
			require.LessOrEqual(t, len(der), 2*len(b))
			require.Equal(t, octets(b), octets(der), "what elements hold is not touched")
		})
	})
}

// octets are those of all primitive elements of BER, one after the other; written to be
// compared with, for what ToDER takes.
func octets(b []byte) (all []byte) {
	for len(b) > 0 {
		if b[0] == 0 && len(b) > 1 && b[1] == 0 { // end of contents, or an element that holds nothing
			b = b[2:]
			continue
		}
		tag := 1
		if b[0]&0x1F == 0x1F {
			for b[tag]&0x80 != 0 {
				tag++
			}
			tag++
		}
		length, begin := int(b[tag]), tag+1
		if length > 0x80 {
			begin += length & 0x7F
			length = 0
			for _, octet := range b[tag+1 : begin] {
				length = length<<8 | int(octet)
			}
		}
		switch {
		case b[0]&0x20 != 0: // what is inside follows
			b = b[begin:]
		default:
			all = append(all, b[begin:begin+length]...)
			b = b[begin+length:]
		}
	}
	return all
}

func FuzzParseSignedData(f *testing.F) {
	b, c := fixedSpecimen(f)
	f.Add(b)
	// ContentInfo { signedData, [0] { 3, {}, { 2.23.136.1.1.1, [0] "ABCD" }, {} } }
	f.Add(unhex(f, "302806092a864886f70d010702a01b3019020103310030100606678108010101a0060404414243443100"))
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzzlimit.Check(t, func() {
			signed, err := cms.ParseSignedData(b)
			if err != nil {
				require.ErrorIs(t, err, cms.ErrMalformed)
				return
			}
			der, err := cms.ToDER(b)
			require.NoError(t, err)
			again, err := cms.ParseSignedData(der)
			require.NoError(t, err)
			require.Equal(t, signed, again, "BER and DER say the same")
			for i := range signed.Signers {
				requireVerdict(t, signed.VerifyWith(&signed.Signers[i], c))
			}
		})
	})
}

// requireVerdict: an error of a signature is one of those that are promised; a fuzzer may
// keep a good one.
func requireVerdict(t *testing.T, err error) {
	for _, known := range []error{cms.ErrSignature, cms.ErrUnsupported, cms.ErrMalformed, cms.ErrMessageDigest, cms.ErrContentType} {
		if errors.Is(err, known) {
			return
		}
	}
	require.NoError(t, err)
}

func FuzzParseCertificate(f *testing.F) {
	_, c := fixedSpecimen(f)
	f.Add(c.Raw)
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzzlimit.Check(t, func() {
			c, err := cms.ParseCertificate(b)
			if err != nil {
				require.ErrorIs(t, err, cms.ErrMalformed)
				return
			}
			require.NotContains(t, c.Subject.String(), "\x1b")
			require.True(t, bytes.Equal(b, c.Raw))
			require.True(t, bytes.Contains(b, c.RawTBS))
			name, err := cms.ParseName(c.Subject.Raw)
			require.NoError(t, err)
			require.True(t, name.Equal(c.Subject))
			require.True(t, c.SameKey(c))
			require.Equal(t, c.SelfIssued(), c.Issuer.Comparable() == c.Subject.Comparable())
			requireVerdict(t, c.CheckSignatureFrom(c))
		})
	})
}

func FuzzParseCRL(f *testing.F) {
	f.Add(wrap(0x30, wrap(0x30, []byte{2, 1, 1}, wrap(0x30), wrap(0x30), wrap(0x17, []byte("260101000000Z")), wrap(0x30, wrap(0x30, []byte{2, 1, 5}, wrap(0x17, []byte("260101000000Z"))))), wrap(0x30, []byte{6, 1, 42}), []byte{3, 1, 0}))
	f.Add(wrap(0x30, wrap(0x30), wrap(0x30, []byte{6, 1, 42}), []byte{3, 1, 0}))
	_, c := fixedSpecimen(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzzlimit.Check(t, func() {
			list, err := cms.ParseCRL(b)
			if err != nil {
				require.True(t, errors.Is(err, cms.ErrMalformed) || errors.Is(err, cms.ErrUnsupported), "%v", err)
				return
			}
			require.GreaterOrEqual(t, list.Len(), 0)
			requireVerdict(t, list.CheckSignatureFrom(c))
		})
	})
}

// A key that is read has a kind and a size that are bounded, and verifies nothing that
// is none.
func FuzzParsePublicKey(f *testing.F) {
	_, c := fixedSpecimen(f)
	var outer struct{ TBS, Algorithm, Signature asn1.RawValue }
	_, err := asn1.Unmarshal(c.Raw, &outer)
	require.NoError(f, err)
	for rest := outer.TBS.Bytes; len(rest) > 0; {
		var part asn1.RawValue
		rest, err = asn1.Unmarshal(rest, &part)
		require.NoError(f, err)
		if _, err := cms.ParsePublicKey(part.FullBytes); err == nil {
			f.Add(part.FullBytes)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzzlimit.Check(t, func() {
			key, err := cms.ParsePublicKey(b)
			if err != nil {
				require.True(t, errors.Is(err, cms.ErrMalformed) || errors.Is(err, cms.ErrUnsupported), "%v", err)
				return
			}
			require.NotEqual(t, "none", key.String())
			if key.RSA() != nil {
				require.LessOrEqual(t, key.RSA().N.BitLen(), 8192)
			}
			if curve, point := key.EC(); curve != nil {
				require.True(t, bytes.HasSuffix(b, point.Encode()[1:]))
			}
		})
	})
}
