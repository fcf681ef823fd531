package conformance

import (
	"encoding/asn1"
	"math/big"
	"slices"
	"time"

	"passport-agent/iso7816"
)

// Tags of DER.
const (
	tagInteger     = 0x02
	tagBits        = 0x03
	tagOctets      = 0x04
	tagNull        = 0x05
	tagUTF8        = 0x0C
	tagPrintable   = 0x13
	tagUTCTime     = 0x17
	tagGeneralized = 0x18
	tagSequence    = 0x30
	tagSet         = 0x31
)

func element(tag iso7816.Tag, parts ...[]byte) []byte {
	return iso7816.AppendTLV(nil, tag, slices.Concat(parts...))
}

func sequence(parts ...[]byte) []byte { return element(tagSequence, parts...) }

// setOf puts the members into the order of DER.
func setOf(members ...[]byte) []byte {
	sorted := slices.Clone(members)
	slices.SortFunc(sorted, slices.Compare[[]byte])
	return element(tagSet, sorted...)
}

// tagged is a constructed element of context-specific class.
func tagged(number byte, parts ...[]byte) []byte { return element(iso7816.Tag(0xA0|number), parts...) }

func integer(v int64) []byte { return bigInteger(big.NewInt(v)) }

// bigInteger takes what is not negative.
func bigInteger(v *big.Int) []byte {
	b := v.Bytes()
	if len(b) == 0 || b[0]&0x80 != 0 {
		b = append([]byte{0}, b...)
	}
	return element(tagInteger, b)
}

func octets(b []byte) []byte { return element(tagOctets, b) }

// bits is a bit string of whole octets.
func bits(b []byte) []byte { return element(tagBits, []byte{0}, b) }

func null() []byte { return element(tagNull) }

func boolean(v bool) []byte {
	if v {
		return []byte{0x01, 0x01, 0xFF}
	}
	return []byte{0x01, 0x01, 0x00}
}

func objectIdentifier(oid asn1.ObjectIdentifier) []byte {
	b, err := asn1.Marshal(oid)
	if err != nil {
		panic(err) // a constant of this package that is none
	}
	return b
}

// timeOf writes a time as RFC 5280, 4.1.2.5 asks.
func timeOf(t time.Time) []byte {
	if t.Year() < 2050 {
		return element(tagUTCTime, []byte(t.UTC().Format("060102150405Z")))
	}
	return generalizedTime(t)
}

func generalizedTime(t time.Time) []byte {
	return element(tagGeneralized, []byte(t.UTC().Format("20060102150405Z")))
}
