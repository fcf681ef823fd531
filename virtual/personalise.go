package virtual

import (
	"bytes"
	"crypto"
	cryptorand "crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math/big"
	"math/rand/v2"
	"strings"
	"time"

	"passport-agent/iso7816"
)

// Options says which document to make. The zero value makes the specimen of
// DefaultHolder with fresh keys.
type Options struct {
	// Holder is the holder; the zero value is DefaultHolder.
	Holder Holder
	// Country is the two-letter code in the certificates. It may be empty for
	// the issuers UTO and D.
	Country string
	// Now is when the document is made: it is signed then, by a signer one month
	// old under a country signer one year old. The zero value is the clock's time.
	Now time.Time
	// Random feeds serial numbers, the portrait, signatures and static keys of chip
	// authentication; nil is
	// crypto/rand. Keys of signers are generated from crypto/rand whatever stands here,
	// because the standard library asks for that: give keys, too, where the
	// same document has to come out twice.
	Random io.Reader
	// Signature is how country signer and document signer sign; empty is
	// ECDSAP256SHA256.
	Signature Signature
	// CountryKey and SignerKey are private keys that fit Signature; nil
	// generates them.
	CountryKey, SignerKey crypto.Signer
	// SODSize and DG2Size are the exact sizes of the files in bytes; 0 leaves
	// them as they come. An EF.SOD is filled inside the signer's certificate, a
	// DG2 inside the picture.
	SODSize, DG2Size int
	// Portrait is the picture in DG2; nil draws one. DG2Size does not apply to it.
	Portrait *Portrait
	// PACE is what EF.CardAccess offers; empty makes no EF.CardAccess.
	// Chip Authentication Mapping brings a static key for each number of domain
	// parameters, and EF.CardSecurity, signed as EF.SOD is.
	PACE []PACEInfo
	// CAN is the card access number, digits; empty is a document without one.
	CAN string
	// DG14 makes a DG14 with the SecurityInfos of EF.CardAccess and of chip
	// authentication (Doc 9303-11, 9.2.11); nothing without PACE. ChipAuthentication
	// and ActiveAuthentication on a curve make one, too.
	DG14 bool
	// ChipAuthentication is what DG14 offers for Chip Authentication.
	ChipAuthentication []ChipAuthenticationInfo
	// ActiveAuthentication makes DG15; nil makes none.
	ActiveAuthentication *ActiveAuthentication
	// Files are further files, or files instead of generated ones. Data groups
	// among them are listed in EF.COM and hashed in EF.SOD.
	Files map[File][]byte
}

// Personalise makes a document: its files, signed by a document signer of a
// country signer of its own (Doc 9303-10, 4; Doc 9303-12, 7.1). It fails with
// ErrHolder where the holder cannot be written and with ErrSize where a size
// cannot be reached.
func Personalise(o Options) (*Document, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	document := &Document{CAN: o.CAN, Files: map[File][]byte{DataGroup(1): dg1(o.Holder.mrz())}}
	cardSecurity, err := document.makeSecurityInfos(o)
	if err != nil {
		return nil, err
	}
	maps.Copy(document.Files, o.Files)
	if _, given := o.Files[DataGroup(2)]; !given {
		if document.Files[DataGroup(2)], err = o.dg2(); err != nil {
			return nil, err
		}
	}
	groups := document.dataGroups()
	if o.Files[COM] == nil {
		document.Files[COM] = efCOM(groups)
	}
	if o.Files[SOD] != nil && (cardSecurity == nil || o.Files[CardSecurity] != nil) {
		return document, nil
	}
	country, err := newCountry(o)
	if err != nil {
		return nil, err
	}
	content, err := securityObject(country.scheme, document.Files, groups)
	if err != nil {
		return nil, err
	}
	document.CSCA = country.certificate
	sod, signer, err := country.issue(content)
	if err != nil {
		return nil, err
	}
	document.Signer = signer.certificate
	if o.Files[SOD] == nil {
		document.Files[SOD] = sod
	}
	if cardSecurity != nil && o.Files[CardSecurity] == nil {
		document.Files[CardSecurity], err = signer.sign(o.Random, oidSecurityObject, cardSecurity, o.Now)
	}
	return document, err
}

// dataGroups returns the numbers of the data groups that are there, in order.
func (d *Document) dataGroups() []int {
	var groups []int
	for n := 1; n <= 16; n++ {
		if _, ok := d.Files[DataGroup(n)]; ok {
			groups = append(groups, n)
		}
	}
	return groups
}

func (o Options) withDefaults() (Options, error) {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	o.Now = o.Now.UTC().Truncate(time.Second)
	if o.Random == nil {
		o.Random = cryptorand.Reader
	}
	if o.Holder == (Holder{}) {
		o.Holder = DefaultHolder(o.Now)
	}
	if err := o.Holder.check(); err != nil {
		return o, err
	}
	if o.Country == "" {
		o.Country = map[string]string{"UTO": "UT", "D": "DE"}[o.Holder.Issuer]
	}
	if len(o.Country) != 2 || strings.ToUpper(o.Country) != o.Country {
		return o, fmt.Errorf("%w: two-letter country code of the issuer", ErrHolder)
	}
	for file := range o.Files {
		if !file.known() {
			return o, fmt.Errorf("%w: no file %q", ErrDocument, file)
		}
	}
	return o, nil
}

// drawing is the generator for the portrait, seeded from Random.
func (o Options) drawing() *rand.Rand {
	var seed [32]byte
	// A reader that gives nothing leaves the seed zero; any face will do.
	_, _ = io.ReadFull(o.Random, seed[:])
	return rand.New(rand.NewChaCha8(seed))
}

// country is the country signer and what it issues with.
type country struct {
	options     Options
	scheme      scheme
	key         crypto.Signer
	name        []byte
	identifier  []byte
	certificate []byte
}

// revocationList is the address in the form of Doc 9303-12, 7.1.1.4; nothing
// stands there.
func (c *country) revocationList() string {
	return "https://specimen.example/CRLs/" + c.options.Holder.Issuer + ".crl"
}

// newCountry makes the country signer with its self-signed certificate.
func newCountry(o Options) (*country, error) {
	c := &country{options: o, key: o.CountryKey}
	var err error
	if c.scheme, err = o.Signature.scheme(); err != nil {
		return nil, err
	}
	if c.key == nil {
		if c.key, err = c.scheme.generate(); err != nil {
			return nil, err
		}
	}
	if c.name, err = name(printable(oidCountry, o.Country), utf8(oidOrganization, "Specimen, not a state"), utf8(oidCommonName, "Specimen Country Signer")); err != nil {
		return nil, err
	}
	if c.identifier, err = keyIdentifier(c.key.Public()); err != nil {
		return nil, err
	}
	from := o.Now.AddDate(-1, 0, 0)
	var extensions extensionList
	extensions.authorityKeyIdentifier(c.identifier)
	extensions.subjectKeyIdentifier(c.identifier)
	extensions.keyUsage(keyCertSignCRLSign)
	extensions.privateKeyUsagePeriod(from, from.AddDate(5, 0, 0))
	extensions.altNames(o.Holder.Issuer)
	extensions.basicConstraints()
	extensions.crlDistributionPoint(c.revocationList())
	c.certificate, err = c.certify(c.name, c.key.Public(), from, from.AddDate(15, 3, 0), extensions, nil)
	return c, err
}

// certify signs a certificate with a fresh serial number.
func (c *country) certify(subject []byte, key crypto.PublicKey, from, to time.Time, extensions extensionList, serial *big.Int) ([]byte, error) {
	if extensions.err != nil {
		return nil, extensions.err
	}
	if serial == nil {
		var err error
		if serial, err = newSerial(c.options.Random); err != nil {
			return nil, err
		}
	}
	return signCertificate(c.options.Random, c.scheme, c.key, issued{
		serial: serial, issuer: c.name, subject: subject, from: from, to: to,
		publicKey: key, extensions: extensions.list,
	})
}

// newSerial returns a serial number of exactly eight bytes.
func newSerial(random io.Reader) (*big.Int, error) {
	var b [8]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return nil, err
	}
	b[0] = b[0]&0x3F | 0x40
	return new(big.Int).SetUint64(binary.BigEndian.Uint64(b[:])), nil
}

// issue makes the document signer and has it sign the security object. It
// returns EF.SOD and the signer.
func (c *country) issue(content []byte) (sod []byte, signer documentSigner, err error) {
	key := c.options.SignerKey
	if key == nil {
		if key, err = c.scheme.generate(); err != nil {
			return nil, documentSigner{}, err
		}
	}
	size := c.options.SODSize
	if size == 0 {
		return c.attempt(key, content, 0, 0)
	}
	// ECDSA signatures vary in length and length fields grow in steps, so the
	// filler is found by trying; the variant moves a byte into the subject where
	// no filler gives the size.
	filler := 1
	for variant := range 4 {
		for range 50 {
			if sod, signer, err = c.attempt(key, content, filler, variant); err != nil {
				return nil, documentSigner{}, err
			}
			if len(sod) == size {
				return sod, signer, nil
			}
			filler += size - len(sod)
			if filler < 1 {
				return nil, documentSigner{}, fmt.Errorf("%w: EF.SOD of %d bytes has no room for a filler", ErrSize, size)
			}
		}
	}
	return nil, documentSigner{}, fmt.Errorf("%w: EF.SOD of %d bytes", ErrSize, size)
}

// attempt certifies and signs with so many bytes of filler in the certificate.
func (c *country) attempt(key crypto.Signer, content []byte, filler, variant int) (sod []byte, signer documentSigner, err error) {
	o := c.options
	subject, err := name(printable(oidCountry, o.Country), utf8(oidOrganization, "Specimen, not a state"),
		utf8(oidCommonName, "Specimen Document Signer"+strings.Repeat(" 1", variant)))
	if err != nil {
		return nil, documentSigner{}, err
	}
	from := o.Now.AddDate(0, -1, 0)
	var extensions extensionList
	extensions.authorityKeyIdentifier(c.identifier)
	extensions.keyUsage(digitalSignature)
	extensions.privateKeyUsagePeriod(from, from.AddDate(0, 3, 0))
	extensions.altNames(o.Holder.Issuer)
	extensions.crlDistributionPoint(c.revocationList())
	extensions.documentTypes(o.Holder.DocumentCode)
	if filler > 0 {
		extensions.filler(bytes.Repeat([]byte{byte(variant)}, filler))
	}
	serial, err := newSerial(o.Random)
	if err != nil {
		return nil, documentSigner{}, err
	}
	certificate, err := c.certify(subject, key.Public(), from, from.AddDate(10, 6, 0), extensions, serial)
	if err != nil {
		return nil, documentSigner{}, err
	}
	signer = documentSigner{scheme: c.scheme, key: key, certificate: certificate, issuer: c.name, serial: serial}
	message, err := signer.sign(o.Random, oidLDSSecurityData, content, o.Now)
	return iso7816.AppendTLV(nil, 0x77, message), signer, err
}
