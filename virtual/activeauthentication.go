package virtual

import (
	"bytes"
	"crypto"
	_ "crypto/sha1"   // hash functions of the chip
	_ "crypto/sha512" // SHA-384 and SHA-512
	"encoding/asn1"
	"io"
	"math/big"

	"passport-agent/internal/ec"
	"passport-agent/iso7816"
)

// trailers of ISO/IEC 9796-2 by hash function (Doc 9303-11, 6.1.2.2).
var trailers = map[crypto.Hash][]byte{
	crypto.SHA1: {0xBC}, crypto.SHA224: {0x38, 0xCC}, crypto.SHA256: {0x34, 0xCC}, crypto.SHA384: {0x36, 0xCC}, crypto.SHA512: {0x35, 0xCC},
}

// internalAuthenticate is Active Authentication (Doc 9303-11, 6.1.3).
func (c *Chip) internalAuthenticate(r request) ([]byte, iso7816.StatusWord) {
	switch {
	case c.activeKey == nil:
		return nil, iso7816.SWWrongINS
	case c.profile.InternalAuthenticate != 0:
		return nil, iso7816.StatusWord(c.profile.InternalAuthenticate)
	case r.P1 != 0 || r.P2 != 0:
		return nil, iso7816.SWIncorrectP1P2
	case !c.application || !c.hasAccess(r):
		return nil, iso7816.SWSecurityStatus
	case len(r.Data) != 8 || r.Ne == 0:
		return nil, iso7816.SWWrongLength
	}
	signature, err := c.sign(r.Data)
	if err != nil {
		return nil, iso7816.SWUnspecified
	}
	return c.giveSignature(r, signature)
}

// giveSignature puts the signature into the response that was asked for.
func (c *Chip) giveSignature(r request, signature []byte) ([]byte, iso7816.StatusWord) {
	room := min(r.Ne, c.space(r))
	switch quirk := c.profile.SignatureLength; {
	case quirk == SignatureCorrectLe && r.Ne != len(signature):
		return nil, correctLe(len(signature))
	case quirk == SignatureNothing && r.Ne > len(signature):
		return nil, iso7816.SWSuccess
	case len(signature) <= room:
		return signature, iso7816.SWSuccess
	case quirk == SignatureCut:
		return signature[:room], iso7816.SWSuccess
	default:
		return nil, iso7816.SWWrongLength
	}
}

func (c *Chip) sign(challenge []byte) ([]byte, error) {
	fault := c.profile.ActiveAuthenticationFault
	if fault == ActiveStaleChallenge {
		challenge = make([]byte, len(challenge))
	}
	sign := c.signECDSA
	if c.activeKey.RSA != nil {
		sign = c.signRSA
	}
	signature, err := sign(challenge, fault)
	if err == nil && fault == ActiveWrongSignature {
		signature[len(signature)/2] ^= 0x01
	}
	return signature, err
}

// signRSA is scheme 1 of ISO/IEC 9796-2 with a nonce that fills the block (Doc
// 9303-11, 6.1.2.2). The arithmetic is not constant-time: the key is a specimen's.
func (c *Chip) signRSA(challenge []byte, fault ActiveFault) ([]byte, error) {
	key, hash := c.activeKey.RSA, c.activeKey.hash()
	size := key.Size()
	trailer := trailers[hash]
	nonce := make([]byte, size-1-hash.Size()-len(trailer))
	if fault == ActiveShortNonce {
		nonce = nonce[:len(nonce)-3]
	}
	if _, err := io.ReadFull(c.random, nonce); err != nil {
		return nil, err
	}
	h := hash.New()
	h.Write(nonce)
	if fault != ActiveWholeMessage {
		h.Write(challenge)
	}
	block := []byte{0x6A}
	switch fault {
	case ActiveShortNonce:
		block = []byte{0x6B, 0xBB, 0xBB, 0xBA}
	case ActiveWholeMessage:
		block = []byte{0x4A}
	case ActiveWrongHeader:
		block = []byte{0x6C}
	}
	block = h.Sum(append(block, nonce...))
	block = append(block, trailer...)
	if fault == ActiveWrongTrailer {
		block[len(block)-1] = 0xDC // the last four bits stay
	}
	exponent, modulus := key.D, key.N
	if fault == ActiveOtherKey {
		exponent = new(big.Int).Add(exponent, big.NewInt(2))
	}
	s := new(big.Int).Exp(new(big.Int).SetBytes(block), exponent, modulus)
	if negative := new(big.Int).Sub(modulus, s); fault == ActiveSmallerRoot && negative.Cmp(s) < 0 {
		s = negative
	}
	return s.FillBytes(make([]byte, size)), nil
}

// signECDSA signs the challenge alone, in plain format (Doc 9303-11, 6.1.2.3;
// TR-03111, 4.2.1.1).
func (c *Chip) signECDSA(challenge []byte, fault ActiveFault) ([]byte, error) {
	domain, err := ec.ByID(c.activeKey.ParameterID)
	if err != nil {
		return nil, err
	}
	h := c.activeKey.hash().New()
	h.Write(challenge)
	private := new(big.Int).SetBytes(c.activeKey.Private)
	if fault == ActiveOtherKey {
		private.Add(private, big.NewInt(1))
	}
	pair, err := signDigest(domain, private, h.Sum(nil), c.random)
	if err != nil {
		return nil, err
	}
	if fault == ActiveDER {
		return asn1.Marshal(pair)
	}
	size := (domain.Order().BitLen() + 7) / 8
	return append(pair.R.FillBytes(make([]byte, size)), pair.S.FillBytes(make([]byte, size))...), nil
}

func signDigest(domain *ec.Domain, private *big.Int, digest []byte, random io.Reader) (numbers, error) {
	order := domain.Order()
	e := new(big.Int).SetBytes(digest)
	if excess := 8*len(digest) - order.BitLen(); excess > 0 {
		e.Rsh(e, uint(excess))
	}
	k, err := domain.NewScalar(random)
	if err != nil {
		return numbers{}, err
	}
	point, err := domain.Generator().Multiply(k)
	if err != nil {
		return numbers{}, err
	}
	r := new(big.Int).SetBytes(point.Secret())
	r.Mod(r, order)
	s := new(big.Int).Mul(r, private)
	s.Add(s, e).Mul(s, new(big.Int).ModInverse(new(big.Int).SetBytes(k.Bytes()), order)).Mod(s, order)
	return numbers{r, s}, nil
}

// SignatureLength is what a chip does with a signature that is not as long as the
// reader asks for.
type SignatureLength string

// Ways to deal with Le. The empty value gives a shorter signature and refuses with
// 6700 to give a longer one.
const (
	SignatureCorrectLe SignatureLength = "6CXX"    // any other Le is answered with 6Cxx
	SignatureCut       SignatureLength = "cut"     // as much as is asked for
	SignatureNothing   SignatureLength = "nothing" // no data, and 9000, where more is asked for
)

// ActiveFault is what is wrong, or unusual, in the answer to INTERNAL AUTHENTICATE.
type ActiveFault string

// Faults of Active Authentication.
const (
	ActiveWrongSignature ActiveFault = "wrongSignature" // a bit is wrong
	ActiveOtherKey       ActiveFault = "otherKey"       // by another private key
	ActiveStaleChallenge ActiveFault = "staleChallenge" // over another challenge
	ActiveWrongTrailer   ActiveFault = "wrongTrailer"   // RSA
	ActiveWrongHeader    ActiveFault = "wrongHeader"    // RSA
	ActiveWholeMessage   ActiveFault = "wholeMessage"   // RSA: over the chip's nonce alone
	ActiveShortNonce     ActiveFault = "shortNonce"     // RSA: padded; allowed by ISO/IEC 9796-2
	ActiveSmallerRoot    ActiveFault = "smallerRoot"    // RSA: ISO/IEC 9796-2, B.4; allowed
	ActiveDER            ActiveFault = "der"            // curves: a SEQUENCE
)

var activeFaults = []ActiveFault{
	ActiveWrongSignature, ActiveOtherKey, ActiveStaleChallenge, ActiveWrongTrailer, ActiveWrongHeader, ActiveWholeMessage,
	ActiveShortNonce, ActiveSmallerRoot, ActiveDER,
}

// equalOID compares the value octets of an object identifier.
func equalOID(oid asn1.ObjectIdentifier, value []byte) bool {
	return bytes.Equal(objectIdentifier(oid), value)
}
