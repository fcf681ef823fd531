package trust_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/ec"
)

// signingKey is a key of any kind that document signers have, with the algorithm that
// signs with it. The standard library makes neither brainpool nor DSA signatures.
type signingKey struct {
	kind      string
	hash      crypto.Hash
	info      []byte // SubjectPublicKeyInfo
	id        []byte // key identifier
	algorithm []byte // AlgorithmIdentifier of its signatures
	sign      func(message []byte) []byte
}

type oids = asn1.ObjectIdentifier

var hashOIDs = map[crypto.Hash]oids{
	crypto.SHA256: {2, 16, 840, 1, 101, 3, 4, 2, 1}, crypto.SHA384: {2, 16, 840, 1, 101, 3, 4, 2, 2}, crypto.SHA512: {2, 16, 840, 1, 101, 3, 4, 2, 3},
}

// algorithmKinds are the kinds of keys in the order of the table in docs/benchmarks.md.
var algorithmKinds = []string{
	"RSA-PSS 2048", "RSA PKCS#1 2048", "P-256", "P-384", "brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1", "DSA 2048",
}

var curves = map[string]struct {
	id   int
	oid  oids
	hash crypto.Hash
	alg  oids
}{
	"P-256":           {12, oids{1, 2, 840, 10045, 3, 1, 7}, crypto.SHA256, oids{1, 2, 840, 10045, 4, 3, 2}},
	"P-384":           {15, oids{1, 3, 132, 0, 34}, crypto.SHA384, oids{1, 2, 840, 10045, 4, 3, 3}},
	"brainpoolP256r1": {13, oids{1, 3, 36, 3, 3, 2, 8, 1, 1, 7}, crypto.SHA256, oids{1, 2, 840, 10045, 4, 3, 2}},
	"brainpoolP384r1": {16, oids{1, 3, 36, 3, 3, 2, 8, 1, 1, 11}, crypto.SHA384, oids{1, 2, 840, 10045, 4, 3, 3}},
	"brainpoolP512r1": {17, oids{1, 3, 36, 3, 3, 2, 8, 1, 1, 13}, crypto.SHA512, oids{1, 2, 840, 10045, 4, 3, 4}},
}

// sequence, set and tagged put encoded parts together.
func sequence(t testing.TB, parts ...[]byte) []byte {
	return element(t, asn1.ClassUniversal, asn1.TagSequence, parts...).FullBytes
}

func set(t testing.TB, parts ...[]byte) []byte {
	return element(t, asn1.ClassUniversal, asn1.TagSet, parts...).FullBytes
}

func tagged(t testing.TB, tag int, parts ...[]byte) []byte {
	return element(t, asn1.ClassContextSpecific, tag, parts...).FullBytes
}

var null = []byte{5, 0}

func hashed(hash crypto.Hash, b []byte) []byte {
	h := hash.New()
	h.Write(b)
	return h.Sum(nil)
}

func newSigningKey(t testing.TB, kind string, random io.Reader) *signingKey {
	t.Helper()
	k := &signingKey{kind: kind, hash: crypto.SHA256}
	switch kind {
	case "RSA-PSS 2048", "RSA PKCS#1 2048":
		k.makeRSA(t)
	case "DSA 2048":
		k.makeDSA(t, random)
	default:
		k.makeEC(t, random)
	}
	var info struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}
	_, err := asn1.Unmarshal(k.info, &info)
	require.NoError(t, err)
	id := sha1.Sum(info.Key.Bytes)
	k.id = id[:]
	return k
}

func (k *signingKey) makeRSA(t testing.TB) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	k.info, err = x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	var options crypto.SignerOpts = k.hash
	k.algorithm = sequence(t, encode(t, oids{1, 2, 840, 113549, 1, 1, 11}), null)
	if k.kind == "RSA-PSS 2048" {
		hash := sequence(t, encode(t, hashOIDs[k.hash]), null)
		options = &rsa.PSSOptions{SaltLength: k.hash.Size(), Hash: k.hash}
		k.algorithm = sequence(t, encode(t, oids{1, 2, 840, 113549, 1, 1, 10}), sequence(t,
			tagged(t, 0, hash), tagged(t, 1, sequence(t, encode(t, oids{1, 2, 840, 113549, 1, 1, 8}), hash)), tagged(t, 2, encode(t, k.hash.Size()))))
	}
	k.sign = func(message []byte) []byte {
		signature, err := key.Sign(rand.Reader, hashed(k.hash, message), options)
		require.NoError(t, err)
		return signature
	}
}

func (k *signingKey) makeEC(t testing.TB, random io.Reader) {
	curve, ok := curves[k.kind]
	require.True(t, ok, k.kind)
	k.hash, k.algorithm = curve.hash, sequence(t, encode(t, curve.alg))
	d, err := ec.ByID(curve.id)
	require.NoError(t, err)
	private, err := d.NewScalar(random)
	require.NoError(t, err)
	public, err := d.Generator().Multiply(private)
	require.NoError(t, err)
	point := public.Encode()
	k.info = sequence(t, sequence(t, encode(t, oids{1, 2, 840, 10045, 2, 1}), encode(t, curve.oid)),
		encode(t, asn1.BitString{Bytes: point, BitLength: 8 * len(point)}))
	x := func(nonce ec.Scalar) *big.Int {
		r, err := d.Generator().Multiply(nonce)
		require.NoError(t, err)
		return new(big.Int).SetBytes(r.Secret())
	}
	k.sign = func(message []byte) []byte {
		nonce, err := d.NewScalar(random)
		require.NoError(t, err)
		return pair(t, d.Order(), new(big.Int).SetBytes(private.Bytes()), new(big.Int).SetBytes(nonce.Bytes()), x(nonce), hashed(k.hash, message))
	}
}

// pair finishes an ECDSA or DSA signature: r and s = (z + r·private)/nonce.
func pair(t testing.TB, order, private, nonce, r *big.Int, sum []byte) []byte {
	z := new(big.Int).SetBytes(sum)
	if excess := 8*len(sum) - order.BitLen(); excess > 0 {
		z.Rsh(z, uint(excess))
	}
	r = new(big.Int).Mod(r, order)
	s := new(big.Int).Mul(r, private)
	s.Add(s, z).Mul(s, new(big.Int).ModInverse(nonce, order)).Mod(s, order)
	return encode(t, struct{ R, S *big.Int }{r, s})
}

// groupPrime is the prime of the 2048-bit group with a subgroup of 224 bits (RFC 5114, 2.2).
const groupPrime = "AD107E1E9123A9D0D660FAA79559C51FA20D64E5683B9FD1B54B1597B61D0A75E6FA141DF95A56DBAF9A3C407BA1DF15EB3D688A309C180E1DE6B85A1274A0A6" +
	"6D3F8152AD6AC2129037C9EDEFDA4DF8D91E8FEF55B7394B7AD5B7D0B6C12207C9F98D11ED34DBF6C6BA0B2C8BBC27BE6A00E0A0B9C49708B3BF8A3170918836" +
	"81286130BC8985DB1602E714415D9330278273C7DE31EFDC7310F7121FD5A07415987D9ADC0A486DCDF93ACC44328387315D75E198C641A480CD86A1B9E587E8" +
	"BE60E69CC928B2B9C52172E413042E9B23F10B0E16E79763C9B53DCF4BA80A29E3FB73C16B8E75B97EF363E2FFA31F71CF9DE5384E71B81C0AC4DFFE0C10E64F"

func (k *signingKey) makeDSA(t testing.TB, random io.Reader) {
	group, err := ec.ByID(1)
	require.NoError(t, err)
	prime, err := hex.DecodeString(groupPrime)
	require.NoError(t, err)
	p, q, g := new(big.Int).SetBytes(prime), group.Order(), new(big.Int).SetBytes(group.Generator().Secret())
	draw := func() *big.Int {
		scalar, err := group.NewScalar(random)
		require.NoError(t, err)
		return new(big.Int).SetBytes(scalar.Bytes())
	}
	private := draw()
	key := encode(t, new(big.Int).Exp(g, private, p))
	k.info = sequence(t, sequence(t, encode(t, oids{1, 2, 840, 10040, 4, 1}), encode(t, struct{ P, Q, G *big.Int }{p, q, g})),
		encode(t, asn1.BitString{Bytes: key, BitLength: 8 * len(key)}))
	k.algorithm = sequence(t, encode(t, oids{2, 16, 840, 1, 101, 3, 4, 3, 2}))
	k.sign = func(message []byte) []byte {
		nonce := draw()
		return pair(t, q, private, nonce, new(big.Int).Exp(g, nonce, p), hashed(k.hash, message))
	}
}

// made is a certificate with the key that belongs to it.
type made struct {
	der, name, issuer []byte
	serial            int64
	key               *signingKey
}

// request says what a certificate is to be like.
type request struct {
	common    string
	country   string // UT where empty
	serial    int64
	from, to  time.Time // around issued where zero
	authority bool
	purpose   []oids // extended key usage
}

// certify issues a certificate for a key; by itself where there is no issuer.
func certify(t testing.TB, key *signingKey, by *made, r request) *made {
	t.Helper()
	if r.country == "" {
		r.country = "UT"
	}
	if r.from.IsZero() {
		r.from, r.to = issued.AddDate(-1, 0, 0), issued.AddDate(10, 0, 0)
	}
	relative := func(oid oids, value string) []byte {
		return set(t, sequence(t, encode(t, oid), append([]byte{asn1.TagPrintableString, byte(len(value))}, value...)))
	}
	c := &made{name: sequence(t, relative(oids{2, 5, 4, 6}, r.country), relative(oids{2, 5, 4, 3}, r.common)), serial: r.serial, key: key}
	if by == nil {
		by = c
	}
	c.issuer = by.name
	extension := func(oid oids, critical bool, value []byte) []byte {
		parts := [][]byte{encode(t, oid)}
		if critical {
			parts = append(parts, encode(t, true))
		}
		return sequence(t, append(parts, encode(t, value))...)
	}
	usage := asn1.BitString{Bytes: []byte{0x80}, BitLength: 1}
	extensions := [][]byte{
		extension(oids{2, 5, 29, 14}, false, encode(t, key.id)),
		extension(oids{2, 5, 29, 35}, false, sequence(t, append([]byte{0x80, byte(len(by.key.id))}, by.key.id...))),
	}
	if r.authority {
		usage = asn1.BitString{Bytes: []byte{0x06}, BitLength: 7}
		extensions = append(extensions, extension(oids{2, 5, 29, 19}, true, sequence(t, encode(t, true), encode(t, 0))))
	}
	extensions = append(extensions, extension(oids{2, 5, 29, 15}, true, encode(t, usage)))
	if len(r.purpose) > 0 {
		extensions = append(extensions, extension(oids{2, 5, 29, 37}, false, encode(t, r.purpose)))
	}
	tbs := sequence(t, tagged(t, 0, encode(t, 2)), encode(t, r.serial), by.key.algorithm, by.name,
		sequence(t, encode(t, r.from.UTC()), encode(t, r.to.UTC())), c.name, key.info, tagged(t, 3, sequence(t, extensions...)))
	c.der = signedBy(t, by.key, tbs)
	return c
}

// signedBy is what is to be signed with algorithm and signature.
func signedBy(t testing.TB, key *signingKey, tbs []byte) []byte {
	signature := key.sign(tbs)
	return sequence(t, tbs, key.algorithm, encode(t, asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}))
}

// revocationList is a list by an authority, current for a month from the date of issue.
func (m *made) revocationList(t testing.TB, at time.Time, serials ...int64) []byte {
	t.Helper()
	parts := [][]byte{encode(t, 1), m.key.algorithm, m.name, encode(t, at.UTC()), encode(t, at.AddDate(0, 1, 0).UTC())}
	var entries [][]byte
	for _, serial := range serials {
		entries = append(entries, sequence(t, encode(t, serial), encode(t, at.UTC())))
	}
	if len(entries) > 0 {
		parts = append(parts, sequence(t, entries...))
	}
	return signedBy(t, m.key, sequence(t, parts...))
}

// message is a signed message; the zero value of each field is the ordinary case.
type message struct {
	contentType oids
	content     []byte
	signer      *made
	at          time.Time

	certificates []*made // nil: the signer's; empty: none
	key          *signingKey
	byKeyID      bool
	without      bool   // the signing time
	claimed      []byte // content whose digest is signed in place of the content's
	claimedType  oids   // the same for the type
	hash         crypto.Hash
	more         [][]byte // signed attributes
	unsigned     [][]byte
	indefinite   bool
	pieces       bool // the content comes in several octet strings
}

var oidSecurityObject = oids{2, 23, 136, 1, 1, 1}

func attribute(t testing.TB, oid oids, value []byte) []byte {
	return sequence(t, encode(t, oid), set(t, value))
}

func (m message) encode(t testing.TB) []byte {
	t.Helper()
	key, contentType := m.signer.key, m.contentType
	if contentType == nil {
		contentType = oidSecurityObject
	}
	hash := key.hash
	if m.hash != 0 {
		hash = m.hash
	}
	if m.key != nil {
		key = m.key
	}
	digested, claimedType := m.content, contentType
	if m.claimed != nil {
		digested = m.claimed
	}
	if m.claimedType != nil {
		claimedType = m.claimedType
	}
	attributes := append([][]byte{
		attribute(t, oids{1, 2, 840, 113549, 1, 9, 3}, encode(t, claimedType)),
		attribute(t, oids{1, 2, 840, 113549, 1, 9, 4}, encode(t, hashed(hash, digested))),
	}, m.more...)
	if !m.without {
		attributes = append(attributes, attribute(t, oids{1, 2, 840, 113549, 1, 9, 5}, encode(t, m.at.UTC())))
	}
	slices.SortFunc(attributes, bytes.Compare)
	digestAlgorithm := sequence(t, encode(t, hashOIDs[hash]))
	identifier := sequence(t, m.signer.issuer, encode(t, m.signer.serial))
	version := 1
	if m.byKeyID {
		identifier, version = append([]byte{0x80, byte(len(m.signer.key.id))}, m.signer.key.id...), 3
	}
	info := [][]byte{
		encode(t, version), identifier, digestAlgorithm, tagged(t, 0, attributes...), key.algorithm, encode(t, key.sign(set(t, attributes...))),
	}
	if len(m.unsigned) > 0 {
		info = append(info, tagged(t, 1, m.unsigned...))
	}
	certificates := m.certificates
	if certificates == nil {
		certificates = []*made{m.signer}
	}
	var ders [][]byte
	for _, c := range certificates {
		ders = append(ders, c.der)
	}
	octets := encode(t, m.content)
	wrap := func(tag byte, parts ...[]byte) []byte {
		if !m.indefinite {
			return definite(tag, parts...)
		}
		return append(append([]byte{tag, 0x80}, slices.Concat(parts...)...), 0, 0)
	}
	if m.pieces {
		half := len(m.content) / 2
		octets = wrap(0x24, encode(t, m.content[:half]), encode(t, m.content[half:]))
	}
	signed := [][]byte{encode(t, 3), set(t, digestAlgorithm), wrap(0x30, encode(t, contentType), wrap(0xA0, octets))}
	if len(ders) > 0 {
		signed = append(signed, tagged(t, 0, ders...))
	}
	signed = append(signed, set(t, sequence(t, info...)))
	return wrap(0x30, encode(t, oids{1, 2, 840, 113549, 1, 7, 2}), wrap(0xA0, wrap(0x30, signed...)))
}

// definite is an element of definite length.
func definite(tag byte, parts ...[]byte) []byte {
	content := slices.Concat(parts...)
	length := []byte{byte(len(content))}
	if len(content) > 127 {
		length = big.NewInt(int64(len(content))).Bytes()
		length = append([]byte{0x80 | byte(len(length))}, length...)
	}
	return slices.Concat([]byte{tag}, length, content)
}

func seeded(seed byte) *mathrand.ChaCha8 { return mathrand.NewChaCha8([32]byte{seed}) }
