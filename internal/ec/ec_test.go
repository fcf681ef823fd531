package ec_test

import (
	"bytes"
	"crypto/elliptic"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"math/big"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/ProtonMail/go-crypto/brainpool"
	"github.com/stretchr/testify/require"

	"passport-agent/internal/ec"
	"passport-agent/internal/icaotest"
)

type hex = icaotest.Hex

// ids is Doc 9303-11, table 12.
var ids = []int{0, 1, 2, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18}

func byID(t testing.TB, id int) *ec.Domain {
	d, err := ec.ByID(id)
	require.NoError(t, err)
	require.Equal(t, id, d.ID())
	return d
}

func eachDomain(t *testing.T, check func(t *testing.T, d *ec.Domain)) {
	for _, id := range ids {
		d := byID(t, id)
		t.Run(d.Name(), func(t *testing.T) { check(t, d) })
	}
}

func eachCurve(t *testing.T, check func(t *testing.T, d *ec.Domain, p ec.Parameters)) {
	eachDomain(t, func(t *testing.T, d *ec.Domain) {
		if p, ok := d.CurveParameters(); ok {
			check(t, d, p)
		}
	})
}

// repeatable is a random source that gives the same octets in every run.
func repeatable(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

func scalar(t testing.TB, d *ec.Domain, v *big.Int) ec.Scalar {
	k, err := d.Scalar(v.FillBytes(make([]byte, (d.Order().BitLen()+7)/8)))
	require.NoError(t, err)
	return k
}

func multiply(t testing.TB, e ec.Element, k ec.Scalar) ec.Element {
	product, err := e.Multiply(k)
	require.NoError(t, err)
	return product
}

func one() *big.Int { return big.NewInt(1) }

func TestTableIsComplete(t *testing.T) {
	bits := map[int]int{0: 1024, 1: 2048, 2: 2048, 8: 192, 9: 192, 10: 224, 11: 224, 12: 256, 13: 256, 14: 320, 15: 384, 16: 384, 17: 512, 18: 521}
	orders := map[int]int{0: 160, 1: 224, 2: 256}
	strength := map[int]int{0: 80, 1: 112, 2: 112, 8: 96, 13: 128, 14: 160, 17: 256, 18: 260}
	for id := -1; id < 40; id++ {
		d, err := ec.ByID(id)
		if bits[id] == 0 {
			require.ErrorIs(t, err, ec.ErrUnsupported, "number %d", id)
			require.Nil(t, d)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, bits[id], d.Bits(), d.Name())
		require.Equal(t, id >= 8, d.IsCurve())
		if id >= 8 {
			require.Equal(t, bits[id], d.Order().BitLen(), d.Name())
		} else {
			require.Equal(t, orders[id], d.Order().BitLen(), d.Name())
		}
		if want, ok := strength[id]; ok {
			require.Equal(t, want, d.Strength(), d.Name())
		}
	}
}

// The generator times the order is neutral, the order is prime, and a curve's
// order lies so near to p+1 that no multiple of it does too (Hasse): the cofactor
// is 1, so a point on the curve is in the group. No constant can be wrong and all
// of this hold.
func TestConstantsMakeGroupsOfPrimeOrder(t *testing.T) {
	eachDomain(t, func(t *testing.T, d *ec.Domain) {
		require.True(t, d.Order().ProbablyPrime(20))
		last := multiply(t, d.Generator(), scalar(t, d, new(big.Int).Sub(d.Order(), one())))
		require.False(t, last.Equal(d.Generator()))
		_, err := last.Add(d.Generator())
		require.ErrorIs(t, err, ec.ErrElement, "(n-1)G + G is the neutral element")
		again, err := d.Decode(d.Generator().Encode())
		require.NoError(t, err)
		require.True(t, again.Equal(d.Generator()))
	})
	eachCurve(t, func(t *testing.T, d *ec.Domain, p ec.Parameters) {
		require.True(t, p.P.ProbablyPrime(20))
		require.NotEqual(t, 0, p.P.Cmp(p.N), "anomalous curve")
		trace := new(big.Int).Sub(new(big.Int).Add(p.P, one()), p.N)
		require.LessOrEqual(t, new(big.Int).Mul(trace, trace).Cmp(new(big.Int).Lsh(p.P, 2)), 0)
		require.Positive(t, p.N.Cmp(new(big.Int).Lsh(new(big.Int).Sqrt(p.P), 2)), "one multiple only in Hasse's interval")
	})
}

func TestParametersAreThoseOfOtherLibraries(t *testing.T) {
	for id, other := range map[int]elliptic.Curve{
		10: elliptic.P224(), 12: elliptic.P256(), 15: elliptic.P384(), 18: elliptic.P521(),
		13: brainpool.P256r1(), 16: brainpool.P384r1(), 17: brainpool.P512r1(),
	} {
		d := byID(t, id)
		p, _ := d.CurveParameters()
		o := other.Params()
		require.Equal(t, []*big.Int{o.P, o.N, o.Gx, o.Gy}, []*big.Int{p.P, p.N, p.Gx, p.Gy}, d.Name())
		if id != 13 && id != 16 && id != 17 { // there B is that of the twisted curve
			require.Equal(t, o.B, p.B, d.Name())
			require.Equal(t, new(big.Int).Sub(o.P, big.NewInt(3)), p.A, d.Name())
		}
	}
}

func TestProductsAreThoseOfOtherLibraries(t *testing.T) {
	random := repeatable(1)
	for id, other := range map[int]elliptic.Curve{13: brainpool.P256r1(), 16: brainpool.P384r1(), 17: brainpool.P512r1()} {
		d := byID(t, id)
		size := (d.Bits() + 7) / 8
		for range 8 {
			k, err := d.NewScalar(random)
			require.NoError(t, err)
			l, err := d.NewScalar(random)
			require.NoError(t, err)
			first := multiply(t, d.Generator(), k)
			second := multiply(t, first, l)
			sum, err := first.Add(second)
			require.NoError(t, err)

			x1, y1 := other.ScalarBaseMult(k.Bytes())     //nolint:staticcheck // deprecated for use, not for comparison
			x2, y2 := other.ScalarMult(x1, y1, l.Bytes()) //nolint:staticcheck // the same
			x3, y3 := other.Add(x1, y1, x2, y2)           //nolint:staticcheck // the same
			encode := func(x, y *big.Int) []byte {
				return append(append([]byte{4}, x.FillBytes(make([]byte, size))...), y.FillBytes(make([]byte, size))...)
			}
			require.Equal(t, encode(x1, y1), first.Encode())
			require.Equal(t, encode(x2, y2), second.Encode())
			require.Equal(t, encode(x3, y3), sum.Encode())
			require.Equal(t, x3.FillBytes(make([]byte, size)), sum.Secret())
		}
	}
}

// The package's own arithmetic and nistec's give the same points, where points
// are equal, opposite or neutral too.
func TestOwnArithmeticIsThatOfTheLibrary(t *testing.T) {
	random := repeatable(2)
	for _, id := range []int{10, 12, 15, 18} {
		library := byID(t, id)
		own := ec.OwnArithmetic(library)
		n := library.Order()
		cases := []*big.Int{one(), big.NewInt(2), big.NewInt(3), big.NewInt(15), big.NewInt(16), big.NewInt(17),
			new(big.Int).Sub(n, one()), new(big.Int).Sub(n, big.NewInt(2)), new(big.Int).Rsh(n, 1)}
		for range 3 {
			k, err := library.NewScalar(random)
			require.NoError(t, err)
			cases = append(cases, new(big.Int).SetBytes(k.Bytes()))
		}
		var want, got []ec.Element
		for i, v := range cases {
			k := scalar(t, library, v)
			want, got = append(want, multiply(t, library.Generator(), k)), append(got, multiply(t, own.Generator(), k))
			require.Equal(t, want[i].Encode(), got[i].Encode(), "%s times %v", library.Name(), v)
			for j := range i + 1 {
				wantSum, wantErr := want[i].Add(want[j])
				gotSum, gotErr := got[i].Add(got[j])
				require.Equal(t, wantErr, gotErr)
				require.Equal(t, wantSum.Encode(), gotSum.Encode(), "%s: %v + %v", library.Name(), v, cases[j])
			}
		}
	}
}

// Carries go wrong at the edges, which random numbers never reach.
func TestFieldIsModularArithmetic(t *testing.T) {
	moduli := []*big.Int{big.NewInt(3), new(big.Int).SetUint64(0xFFFFFFFFFFFFFFC5)}
	for _, id := range ids {
		if p, ok := byID(t, id).CurveParameters(); ok {
			moduli = append(moduli, p.P, p.N)
		}
	}
	for _, bits := range []uint{64, 128, 192, 1024, 2048} { // odd, not prime, all ones or one bit at each end
		moduli = append(moduli, new(big.Int).Sub(new(big.Int).Lsh(one(), bits), one()), new(big.Int).Add(new(big.Int).Lsh(one(), bits-1), one()))
	}
	random := rand.New(repeatable(3))
	for _, m := range moduli {
		f := ec.NewField(m)
		values := []*big.Int{new(big.Int), one(), big.NewInt(2), new(big.Int).Sub(m, one()), new(big.Int).Sub(m, big.NewInt(2)), new(big.Int).Rsh(m, 1)}
		for shift := uint(64); int(shift) < m.BitLen() && len(values) < 24; shift += 64 {
			power := new(big.Int).Lsh(one(), shift)
			values = append(values, power, new(big.Int).Sub(power, one()))
		}
		for range 4 {
			octets := make([]byte, (m.BitLen()+7)/8)
			for i := range octets {
				octets[i] = byte(random.Uint32())
			}
			values = append(values, new(big.Int).SetBytes(octets))
		}
		for i := range values {
			values[i].Mod(values[i], m)
		}
		for _, a := range values {
			for _, b := range values {
				right := f.Add(a, b).Cmp(new(big.Int).Mod(new(big.Int).Add(a, b), m)) == 0 &&
					f.Subtract(a, b).Cmp(new(big.Int).Mod(new(big.Int).Sub(a, b), m)) == 0 &&
					f.Multiply(a, b).Cmp(new(big.Int).Mod(new(big.Int).Mul(a, b), m)) == 0
				require.True(t, right, "%v and %v modulo %v", a, b, m)
			}
			if m.BitLen() > 600 {
				continue // powers are for the groups, which have tests of their own
			}
			exponent := values[len(values)-1].Bytes()
			require.Zero(t, f.Power(a, exponent).Cmp(new(big.Int).Exp(a, new(big.Int).SetBytes(exponent), m)), "%v modulo %v", a, m)
			if m.ProbablyPrime(10) {
				want := new(big.Int).ModInverse(a, m)
				if want == nil {
					want = new(big.Int)
				}
				require.Zero(t, f.Invert(a).Cmp(want), "1/%v modulo %v", a, m)
			}
		}
	}
}

type opensslCurve struct {
	ID         int
	Private    hex
	Public     hex
	Peer       hex
	Secret     hex
	Named      hex
	Explicit   hex
	Signatures []struct{ Digest, Signature hex }
}

func openssl(t *testing.T) []opensslCurve {
	content, err := os.ReadFile("testdata/openssl.json")
	require.NoError(t, err)
	var file struct{ Curves []opensslCurve }
	require.NoError(t, json.Unmarshal(content, &file))
	require.Len(t, file.Curves, 11)
	return file.Curves
}

func TestKeyAgreementWithOpenSSL(t *testing.T) {
	for _, v := range openssl(t) {
		d := byID(t, v.ID)
		k := scalar(t, d, new(big.Int).SetBytes(v.Private))
		require.Equal(t, []byte(v.Public), multiply(t, d.Generator(), k).Encode(), d.Name())
		peer, err := d.Decode(v.Peer)
		require.NoError(t, err)
		require.Equal(t, []byte(v.Secret), multiply(t, peer, k).Secret(), d.Name())
	}
}

func TestSignaturesOfOpenSSL(t *testing.T) {
	for _, v := range openssl(t) {
		d := byID(t, v.ID)
		public, err := d.Decode(v.Public)
		require.NoError(t, err)
		stranger, err := d.Decode(v.Peer)
		require.NoError(t, err)
		for _, s := range v.Signatures {
			var sig struct{ R, S *big.Int }
			_, err := asn1.Unmarshal(s.Signature, &sig)
			require.NoError(t, err)
			require.True(t, ec.VerifyECDSA(public, s.Digest, sig.R, sig.S), "%s, digest of %d bytes", d.Name(), len(s.Digest))

			require.False(t, ec.VerifyECDSA(stranger, s.Digest, sig.R, sig.S), "another key")
			require.False(t, ec.VerifyECDSA(public, s.Digest, sig.S, sig.R), "r and s swapped")
			wrong := bytes.Clone(s.Digest)
			wrong[0] ^= 1
			require.False(t, ec.VerifyECDSA(public, wrong, sig.R, sig.S), "another digest")
			n := d.Order()
			for _, bad := range []*big.Int{nil, new(big.Int), n, new(big.Int).Neg(sig.S), new(big.Int).Add(sig.S, n)} {
				require.False(t, ec.VerifyECDSA(public, s.Digest, sig.R, bad), "s %v", bad)
				require.False(t, ec.VerifyECDSA(public, s.Digest, bad, sig.S), "r %v", bad)
			}
			require.False(t, ec.VerifyECDSA(ec.Element{}, s.Digest, sig.R, sig.S), "no key")
		}
		// A digest of zero makes the first product neutral: r = (2Q).x, s = r/2 is a signature.
		twice, err := public.Add(public)
		require.NoError(t, err)
		r := new(big.Int).Mod(new(big.Int).SetBytes(twice.Secret()), d.Order())
		half := new(big.Int).ModInverse(big.NewInt(2), d.Order())
		require.True(t, ec.VerifyECDSA(public, make([]byte, 20), r, half.Mod(half.Mul(half, r), d.Order())), d.Name())
	}
	group := byID(t, 0)
	require.False(t, ec.VerifyECDSA(group.Generator(), []byte{1}, one(), one()), "not a curve")
}

// The x-coordinate is compared modulo the order. Between order and prime there are
// so few numbers that only a signature made for it shows this: for a point R with
// such an x, the key is (sR - eG)/r.
func TestSignatureWithAnXBeyondTheOrder(t *testing.T) {
	d := byID(t, 13)
	p, _ := d.CurveParameters()
	x := new(big.Int).Set(p.N)
	var r ec.Element
	for {
		y := new(big.Int).Exp(x, big.NewInt(3), p.P)
		y.Add(y, new(big.Int).Mul(p.A, x)).Add(y, p.B).Mod(y, p.P)
		if x.Cmp(p.N) > 0 && y.ModSqrt(y, p.P) != nil {
			encoded := append([]byte{4}, x.FillBytes(make([]byte, 32))...)
			var err error
			r, err = d.Decode(append(encoded, y.FillBytes(make([]byte, 32))...))
			require.NoError(t, err)
			break
		}
		x.Add(x, one())
	}
	require.Negative(t, x.Cmp(p.P))
	small, s, e := new(big.Int).Sub(x, p.N), big.NewInt(12345), big.NewInt(67890)
	minus := multiply(t, d.Generator(), d.Reduce(new(big.Int).Sub(p.N, e).Bytes()))
	sum, err := multiply(t, r, d.Reduce(s.Bytes())).Add(minus)
	require.NoError(t, err)
	public := multiply(t, sum, d.Reduce(new(big.Int).ModInverse(small, p.N).Bytes()))
	require.True(t, ec.VerifyECDSA(public, e.Bytes(), small, s))
	require.False(t, ec.VerifyECDSA(public, e.Bytes(), x, s))
}

func TestCurvesAreFoundByNameAndByAllParameters(t *testing.T) {
	for _, v := range openssl(t) {
		d := byID(t, v.ID)
		for _, der := range []hex{v.Named, v.Explicit} {
			found, err := ec.ParseCurve(der)
			require.NoError(t, err)
			require.Same(t, d, found)
			_, err = ec.ParseCurve(append(bytes.Clone(der), 0))
			require.ErrorIs(t, err, ec.ErrUnsupported)
			for length := range der {
				_, err = ec.ParseCurve(der[:length])
				require.ErrorIs(t, err, ec.ErrUnsupported)
			}
		}
		twoPower := bytes.Replace(v.Explicit, []byte{0x2A, 0x86, 0x48, 0xCE, 0x3D, 1, 1}, []byte{0x2A, 0x86, 0x48, 0xCE, 0x3D, 1, 2}, 1)
		require.NotEqual(t, []byte(v.Explicit), twoPower)
		_, err := ec.ParseCurve(twoPower)
		require.ErrorIs(t, err, ec.ErrUnsupported, "a field of characteristic two")
		// Whatever octet of the explicit parameters is another, the curve is never
		// taken for a known one; version and seed are no parameters of it.
		for i := range v.Explicit {
			changed := bytes.Clone(v.Explicit)
			changed[i] ^= 1
			if found, err := ec.ParseCurve(changed); err == nil {
				require.Same(t, d, found)
				p, _ := found.CurveParameters()
				for _, octets := range [][]byte{p.P.Bytes(), p.A.Bytes(), p.B.Bytes(), p.Gx.Bytes(), p.Gy.Bytes(), p.N.Bytes()} {
					require.True(t, bytes.Contains(changed, octets), "%s, octet %d", d.Name(), i)
				}
			}
		}
	}
	_, err := ec.CurveByOID(asn1.ObjectIdentifier{1, 3, 132, 0, 10})
	require.ErrorIs(t, err, ec.ErrUnsupported)
	for _, der := range []hex{nil, {0x05, 0x00}, {0x30, 0x00}} {
		_, err := ec.ParseCurve(der)
		require.ErrorIs(t, err, ec.ErrUnsupported, "%X", []byte(der))
	}
}

// A base point of one's own choice makes any public key one's own (CVE-2020-0601).
func TestEveryParameterCounts(t *testing.T) {
	eachCurve(t, func(t *testing.T, d *ec.Domain, p ec.Parameters) {
		found, err := ec.CurveByParameters(p)
		require.NoError(t, err)
		require.Same(t, d, found)
		field := func(p *ec.Parameters, i int) **big.Int {
			return []**big.Int{&p.P, &p.A, &p.B, &p.Gx, &p.Gy, &p.N, &p.H}[i]
		}
		for i := range 7 {
			changed := p
			*field(&changed, i) = new(big.Int).Add(*field(&p, i), one())
			_, err := ec.CurveByParameters(changed)
			require.ErrorIs(t, err, ec.ErrUnsupported, "field %d", i)
			*field(&changed, i) = nil
			_, err = ec.CurveByParameters(changed)
			require.Equal(t, i == 6, err == nil, "field %d missing", i)
		}
		// What is handed out is a copy.
		p.P.SetInt64(7)
		again, _ := d.CurveParameters()
		require.NotEqual(t, p.P, again.P)
	})
	_, ok := byID(t, 0).CurveParameters()
	require.False(t, ok)
}

func TestGroupsAreFoundByParameters(t *testing.T) {
	var v []struct{ P, G, Q hex }
	icaotest.Load(t, "pace_g2_dh_gm", &v)
	number := func(b []byte) *big.Int { return new(big.Int).SetBytes(b) }
	p, g, q := number(v[0].P), number(v[0].G), number(v[0].Q)
	for _, order := range []*big.Int{q, nil} {
		d, err := ec.GroupByParameters(p, g, order)
		require.NoError(t, err)
		require.Equal(t, 0, d.ID())
	}
	more := func(v *big.Int) *big.Int { return new(big.Int).Add(v, one()) }
	for _, wrong := range [][3]*big.Int{{more(p), g, q}, {p, more(g), q}, {p, g, more(q)}, {nil, g, q}, {p, nil, q}} {
		_, err := ec.GroupByParameters(wrong[0], wrong[1], wrong[2])
		require.ErrorIs(t, err, ec.ErrUnsupported)
	}
}

func TestPointsAreCheckedBeforeUse(t *testing.T) {
	eachCurve(t, func(t *testing.T, d *ec.Domain, p ec.Parameters) {
		for _, d := range []*ec.Domain{d, ec.OwnArithmetic(d)} {
			good := d.Generator().Encode()
			size := (len(good) - 1) / 2
			refused := func(b []byte, what string) {
				_, err := d.Decode(b)
				require.ErrorIs(t, err, ec.ErrElement, what)
			}
			for length := range good {
				refused(good[:length], "cut off")
			}
			refused(append(bytes.Clone(good), 0), "too long")
			refused([]byte{0}, "the point at infinity")
			refused(make([]byte, len(good)), "zeros")
			refused(append([]byte{2 + good[len(good)-1]&1}, good[1:1+size]...), "compressed")
			refused(append([]byte{6 + good[len(good)-1]&1}, good[1:]...), "hybrid")
			for _, i := range []int{size, 2 * size} {
				wrong := bytes.Clone(good)
				wrong[i] ^= 1
				refused(wrong, "not on the curve")
			}
			// The same point with x+p or y+p, where that fits.
			for i, v := range []*big.Int{p.Gx, p.Gy} {
				more := new(big.Int).Add(v, p.P)
				if more.BitLen() <= 8*size {
					wrong := bytes.Clone(good)
					copy(wrong[1+i*size:], more.FillBytes(make([]byte, size)))
					refused(wrong, "coordinate not below p")
				}
			}
			atEdge := bytes.Clone(good)
			copy(atEdge[1:], p.P.FillBytes(make([]byte, size)))
			refused(atEdge, "x is p")
		}
	})
}

func TestNumbersAreCheckedBeforeUse(t *testing.T) {
	var v []struct{ P hex }
	icaotest.Load(t, "pace_g2_dh_gm", &v)
	d, p := byID(t, 0), new(big.Int).SetBytes(v[0].P)
	refused := func(b []byte, what string) {
		_, err := d.Decode(b)
		require.ErrorIs(t, err, ec.ErrElement, what)
	}
	refused(nil, "nothing")
	refused([]byte{0}, "0")
	refused([]byte{1}, "1")
	refused([]byte{2}, "2 has another order")
	refused(make([]byte, 128), "0 in full width")
	refused(new(big.Int).Sub(p, one()).Bytes(), "p-1 has order 2")
	refused(p.Bytes(), "p")
	refused(new(big.Int).Add(p, one()).Bytes(), "p+1")
	good := d.Generator().Encode()
	refused(new(big.Int).Sub(p, new(big.Int).SetBytes(good)).Bytes(), "-g is not in the subgroup")
	refused(append([]byte{0}, good...), "longer than p")
	refused(bytes.Repeat([]byte{0xFF}, 128), "greater than p")
	for _, id := range []int{1, 2} {
		_, err := byID(t, id).Decode(good)
		require.ErrorIs(t, err, ec.ErrElement, "of another group")
	}
}

// A secret that begins with zeros keeps them; one in 256 does, and a reader that
// drops them fails on one document in 256.
func TestLeadingZerosAreKept(t *testing.T) {
	eachDomain(t, func(t *testing.T, d *ec.Domain) {
		size := (d.Bits() + 7) / 8
		e := d.Generator()
		for range 5000 {
			if e.Secret()[0] == 0 && d.Bits()%8 == 0 {
				break
			}
			if d.Bits()%8 != 0 && e.Secret()[0] == 0 && e.Secret()[1] == 0 {
				break
			}
			var err error
			e, err = e.Add(d.Generator())
			require.NoError(t, err)
		}
		require.Zero(t, e.Secret()[0], "no such element found")
		require.Len(t, e.Secret(), size)
		again, err := d.Decode(e.Encode())
		require.NoError(t, err)
		require.True(t, again.Equal(e))
		if d.IsCurve() {
			require.Len(t, e.Encode(), 1+2*size)
			return
		}
		require.NotZero(t, e.Encode()[0], "an unsigned integer has no leading zeros (Doc 9303-11, 9.4.1)")
		again, err = d.Decode(e.Secret())
		require.NoError(t, err, "and with them it is read all the same")
		require.True(t, again.Equal(e))
	})
}

func TestBothSidesAgree(t *testing.T) {
	random := repeatable(4)
	eachDomain(t, func(t *testing.T, d *ec.Domain) {
		for range 3 {
			a, err := d.NewScalar(random)
			require.NoError(t, err)
			b, err := d.NewScalar(random)
			require.NoError(t, err)
			one, two := multiply(t, d.Generator(), a), multiply(t, d.Generator(), b)
			require.Equal(t, multiply(t, one, b).Secret(), multiply(t, two, a).Secret())
			require.NotEqual(t, one.Encode(), two.Encode())

			sum := new(big.Int).Add(new(big.Int).SetBytes(a.Bytes()), new(big.Int).SetBytes(b.Bytes()))
			added, err := one.Add(two)
			require.NoError(t, err)
			require.True(t, added.Equal(multiply(t, d.Generator(), d.Reduce(sum.Bytes()))), "aG + bG = (a+b)G")
		}
	})
}

func TestScalarsAreDrawnAsTheDocumentationSays(t *testing.T) {
	eachDomain(t, func(t *testing.T, d *ec.Domain) {
		n := d.Order()
		size := (n.BitLen() + 7) / 8
		last := new(big.Int).Sub(n, one()).FillBytes(make([]byte, size))
		// Zero and the order are passed over; what follows is taken as it is.
		supply := bytes.NewReader(bytes.Join([][]byte{make([]byte, size), n.FillBytes(make([]byte, size)), last, {1, 2, 3}}, nil))
		k, err := d.NewScalar(supply)
		require.NoError(t, err)
		require.Equal(t, last, k.Bytes())
		require.Equal(t, 3, supply.Len(), "no byte more is read")

		_, err = d.NewScalar(bytes.NewReader(last[1:]))
		require.Error(t, err, "not enough random numbers")
		_, err = d.NewScalar(zeros{})
		require.Error(t, err, "a source that is broken")

		for _, bad := range [][]byte{nil, make([]byte, size), n.FillBytes(make([]byte, size)), last[1:], append([]byte{0}, last...), bytes.Repeat([]byte{0xFF}, size)} {
			_, err := d.Scalar(bad)
			require.ErrorIs(t, err, ec.ErrScalar, "%X", bad)
		}
	})
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestReduceIsModuloTheOrder(t *testing.T) {
	eachDomain(t, func(t *testing.T, d *ec.Domain) {
		size := (d.Order().BitLen() + 7) / 8
		for _, octets := range [][]byte{{1}, {0, 0, 7}, bytes.Repeat([]byte{0xFF}, size), bytes.Repeat([]byte{0xA5}, 100), d.Order().Bytes()} {
			want := new(big.Int).Mod(new(big.Int).SetBytes(octets), d.Order())
			require.Equal(t, want.FillBytes(make([]byte, size)), d.Reduce(octets).Bytes())
		}
		_, err := d.Generator().Multiply(d.Reduce(d.Order().Bytes()))
		require.ErrorIs(t, err, ec.ErrElement, "0·G is neutral")
	})
}

func TestExcessBitsOfADrawAreCleared(t *testing.T) {
	d := byID(t, 18)
	k, err := d.NewScalar(bytes.NewReader(append([]byte{0xFE}, make([]byte, 131)...)))
	require.Error(t, err, "FE00…, cleared, is zero, and so is what follows")
	require.Empty(t, k.Bytes())
	k, err = d.NewScalar(bytes.NewReader(append([]byte{0xFF}, make([]byte, 65)...)))
	require.NoError(t, err)
	require.Equal(t, append([]byte{1}, make([]byte, 65)...), k.Bytes())
}

// Doc 9303-11, H.1 and H.2.
func TestIntegratedMappingOfTheWorkedExamples(t *testing.T) {
	for group, id := range map[string]int{"pace_h1_ecdh_im": 13, "pace_h2_dh_im": 0} {
		var v []struct {
			Number hex `json:"r_p_s_t"`
			Output hex `json:"r_s_t"`
			Mapped hex `json:"mapped_generator"`
		}
		icaotest.Load(t, group, &v)
		for _, input := range []hex{v[0].Number, v[0].Output} { // before and after the reduction
			mapped, err := byID(t, id).MapInteger(new(big.Int).SetBytes(input))
			require.NoError(t, err)
			require.Equal(t, []byte(v[0].Mapped), mapped.Encode())
		}
	}
}

func TestIntegratedMappingLandsInTheGroup(t *testing.T) {
	random := repeatable(5)
	eachDomain(t, func(t *testing.T, d *ec.Domain) {
		octets := make([]byte, d.Bits()/8+8)
		for range 8 {
			_, err := random.Read(octets)
			require.NoError(t, err)
			mapped, err := d.MapInteger(new(big.Int).SetBytes(octets))
			if d.ID() == 10 {
				require.ErrorIs(t, err, ec.ErrUnsupported, "P-224 has no Integrated Mapping (Doc 9303-11, table 12)")
				continue
			}
			require.NoError(t, err)
			again, err := d.Decode(mapped.Encode())
			require.NoError(t, err)
			require.True(t, again.Equal(mapped))
		}
	})
	for _, id := range []int{0, 13} {
		d := byID(t, id)
		p, ok := d.CurveParameters()
		bad := []*big.Int{new(big.Int), one()}
		if ok {
			bad = append(bad, p.P, new(big.Int).Sub(p.P, one()))
		}
		for _, v := range bad {
			_, err := d.MapInteger(v)
			require.ErrorIs(t, err, ec.ErrElement, "%v", v)
		}
	}
}

func TestElementsOfDifferentGroupsDoNotMix(t *testing.T) {
	a, b := byID(t, 12), byID(t, 13)
	require.False(t, a.Generator().Equal(b.Generator()))
	_, err := a.Generator().Add(b.Generator())
	require.ErrorIs(t, err, ec.ErrElement)
	_, err = a.Generator().Multiply(byID(t, 15).Reduce([]byte{2}))
	require.ErrorIs(t, err, ec.ErrElement)
	_, err = a.Generator().Multiply(ec.Scalar{})
	require.ErrorIs(t, err, ec.ErrElement)

	var none ec.Element
	_, err = none.Add(none)
	require.ErrorIs(t, err, ec.ErrElement)
	_, err = none.Multiply(a.Reduce([]byte{2}))
	require.ErrorIs(t, err, ec.ErrElement)
	require.Nil(t, none.Encode())
	require.Nil(t, none.Secret())
	require.False(t, errors.Is(err, ec.ErrUnsupported))
}

func TestWhatIsHandedOutCannotChangeAnElement(t *testing.T) {
	eachDomain(t, func(t *testing.T, d *ec.Domain) {
		before := d.Generator().Encode()
		for _, octets := range [][]byte{d.Generator().Encode(), d.Generator().Secret(), d.Order().Bytes()} {
			clear(octets)
		}
		d.Order().SetInt64(0)
		require.Equal(t, before, d.Generator().Encode())
		require.NotZero(t, d.Order().Sign())
		in := d.Generator().Encode()
		e, err := d.Decode(in)
		require.NoError(t, err)
		clear(in)
		require.True(t, e.Equal(d.Generator()))
	})
}

func BenchmarkMultiply(b *testing.B) {
	for _, id := range []int{0, 2, 12, 13, 17, 18} {
		d := byID(b, id)
		k, err := d.NewScalar(repeatable(6))
		require.NoError(b, err)
		b.Run(d.Name(), func(b *testing.B) {
			for b.Loop() {
				multiply(b, d.Generator(), k)
			}
		})
	}
}
