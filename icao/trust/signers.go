package trust

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"sync"

	"passport-agent/internal/cms"
)

// signerSet is the document signers of a store. The PKD has tens of thousands, and
// most documents carry theirs: they stand in a file of their own, which is read when
// one is first asked for.
type signerSet struct {
	// file is open from the moment in which the store was loaded, so that a newer
	// store does not take it away; nil where everything is in memory.
	file  *os.File
	sum   [sha256.Size]byte
	size  int64
	count int

	read    sync.Once
	err     error
	signers []documentSigner

	// Where a certificate stands in signers; made for the first change.
	byFingerprint map[[sha256.Size]byte]int
	byEntry       map[string][]int
	changed       bool
}

// documentSigner is a certificate and the name of the directory entry that it comes
// from, empty for one that a person imported. One that was taken away has no der.
type documentSigner struct {
	entry string
	der   []byte
}

const (
	signersMagic   = "passport-agent document signers 1\n"
	maxSignersSize = 1 << 30
	maxSigners     = 500_000
	maxEntryName   = 1 << 10 // bytes kept of a name
)

var errSigners = errors.New("the file of document signers is not the one that was saved")

// all returns the document signers, taken away ones included.
func (s *signerSet) all() ([]documentSigner, error) {
	s.read.Do(func() {
		if s.file == nil {
			return
		}
		defer func() { _ = s.file.Close() }() // it was only read from
		b, err := io.ReadAll(io.LimitReader(s.file, s.size+1))
		switch {
		case err != nil:
			s.err = err
		case int64(len(b)) != s.size || sha256.Sum256(b) != s.sum:
			s.err = errSigners
		default:
			s.signers, s.err = decodeSigners(b)
		}
	})
	return s.signers, s.err
}

// encodeSigners leaves out what was taken away. Each record is the entry's name after
// its length in two bytes and the certificate after its length in four.
func encodeSigners(signers []documentSigner) (b []byte, count int) {
	b = []byte(signersMagic)
	for _, d := range signers {
		if d.der == nil {
			continue
		}
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(d.entry))), d.entry...)
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(d.der))), d.der...)
		count++
	}
	return b, count
}

func decodeSigners(b []byte) ([]documentSigner, error) {
	rest, ok := bytes.CutPrefix(b, []byte(signersMagic))
	var signers []documentSigner
	for ok && len(rest) > 0 {
		var d documentSigner
		var entry []byte
		if entry, rest, ok = cut(rest, 2); ok {
			d.entry = string(entry)
			d.der, rest, ok = cut(rest, 4)
			signers = append(signers, d)
		}
	}
	if !ok || len(signers) > maxSigners {
		return nil, errSigners
	}
	return signers, nil
}

// cut takes what follows a length of so many bytes.
func cut(b []byte, lengthSize int) (part, rest []byte, ok bool) {
	if len(b) < lengthSize {
		return nil, nil, false
	}
	var length uint64
	for _, octet := range b[:lengthSize] {
		length = length<<8 | uint64(octet)
	}
	if b = b[lengthSize:]; length > uint64(len(b)) {
		return nil, nil, false
	}
	return b[:length], b[length:], true
}

// find returns the document signers that an identifier names, at most maxIssuers.
// Only those that have the serial number, or hold the key identifier, are parsed.
func (s *signerSet) find(id cms.SignerIdentifier) ([]*cms.Certificate, error) {
	signers, err := s.all()
	if err != nil {
		return nil, err
	}
	var found []*cms.Certificate
	for _, d := range signers {
		if len(found) == maxIssuers {
			break
		}
		if d.der == nil || !mayBeNamed(d.der, id) {
			continue
		}
		if c, err := cms.ParseCertificate(d.der); err == nil && id.Names(c) {
			found = append(found, c)
		}
	}
	return found, nil
}

func mayBeNamed(der []byte, id cms.SignerIdentifier) bool {
	if id.Serial == nil {
		return len(id.SubjectKeyID) > 0 && bytes.Contains(der, id.SubjectKeyID)
	}
	serial, ok := serialNumber(der)
	return !ok || id.Serial.Sign() < 0 || bytes.Equal(bytes.TrimLeft(serial, "\x00"), id.Serial.Bytes())
}

// serialNumber finds the content of the serial number without parsing the certificate:
// in two sequences, after the version.
func serialNumber(der []byte) ([]byte, bool) {
	const sequence, version, integer = 0x30, 0xA0, 0x02
	for range 2 {
		content, _, ok := element(der, sequence)
		if !ok {
			return nil, false
		}
		der = content
	}
	if _, rest, ok := element(der, version); ok {
		der = rest
	}
	content, _, ok := element(der, integer)
	return content, ok
}

// element takes an element with that tag apart, in DER.
func element(b []byte, tag byte) (content, rest []byte, ok bool) {
	if len(b) < 2 || b[0] != tag {
		return nil, nil, false
	}
	if b[1] < 0x80 {
		length := int(b[1])
		return b[2:min(2+length, len(b))], b[min(2+length, len(b)):], 2+length <= len(b)
	}
	size := int(b[1] & 0x7F)
	if size > 4 || len(b) < 2+size {
		return nil, nil, false
	}
	return cut(b[2:], size)
}

// index makes the maps that changes need.
func (s *signerSet) index() error {
	signers, err := s.all()
	if err != nil || s.byFingerprint != nil {
		return err
	}
	s.byFingerprint, s.byEntry = make(map[[sha256.Size]byte]int, len(signers)), map[string][]int{}
	for i, d := range signers {
		if d.der != nil {
			s.byFingerprint[sha256.Sum256(d.der)] = i
			s.byEntry[d.entry] = append(s.byEntry[d.entry], i)
		}
	}
	return nil
}

// add puts a document signer into the set; added is false where it was there before.
// What a person imported stays that person's, whatever the directory says later.
func (s *signerSet) add(entry string, der []byte) (added bool, err error) {
	if err := s.index(); err != nil {
		return false, err
	}
	entry = entry[:min(len(entry), maxEntryName)]
	fingerprint := sha256.Sum256(der)
	if i, ok := s.byFingerprint[fingerprint]; ok {
		if d := &s.signers[i]; d.entry != entry && d.entry != "" {
			d.entry, s.changed = entry, true
			s.byEntry[entry] = append(s.byEntry[entry], i)
		}
		return false, nil
	}
	if s.count >= maxSigners {
		return false, errSigners
	}
	s.byFingerprint[fingerprint] = len(s.signers)
	s.byEntry[entry] = append(s.byEntry[entry], len(s.signers))
	s.signers = append(s.signers, documentSigner{entry, bytes.Clone(der)})
	s.count++
	s.changed = true
	return true, nil
}

// remove takes away what a directory entry brought: the certificates given, or all of
// them where none is.
func (s *signerSet) remove(entry string, only ...[]byte) (removed int, err error) {
	if err := s.index(); err != nil || entry == "" {
		return 0, err
	}
	wanted := map[[sha256.Size]byte]bool{}
	for _, der := range only {
		wanted[sha256.Sum256(der)] = true
	}
	for _, i := range s.byEntry[entry[:min(len(entry), maxEntryName)]] {
		d := &s.signers[i]
		if d.der == nil || d.entry != entry[:min(len(entry), maxEntryName)] {
			continue
		}
		fingerprint := sha256.Sum256(d.der)
		if len(only) > 0 && !wanted[fingerprint] {
			continue
		}
		delete(s.byFingerprint, fingerprint)
		d.der = nil
		s.count--
		s.changed = true
		removed++
	}
	return removed, nil
}

// signersFile is the name of the file with that content.
func signersFile(sum [sha256.Size]byte) string {
	return "signers-" + hex.EncodeToString(sum[:16]) + ".bin"
}
