package conformance

import (
	"crypto/sha1"
	"encoding/asn1"
	"math/big"
	"time"
)

// Certificate is that of a signer, by default as Doc 9303-12, table 6 has it.
type Certificate struct {
	Key string `json:"key"`
	// Algorithm is what this authority signs certificates with; empty for a document
	// signer, which signs none.
	Algorithm string `json:"algorithm,omitempty"`
	Issuer    string `json:"issuer"`
	Subject   string `json:"subject"`
}

// issued is a certificate that was made, with what others need of it.
type issued struct {
	key        *key
	der        []byte
	issuer     []byte // name in DER
	serial     []byte // INTEGER
	identifier []byte // of the key
}

// extension is Extension (RFC 5280, 4.1).
func extension(oid asn1.ObjectIdentifier, critical bool, value []byte) []byte {
	if !critical {
		return sequence(objectIdentifier(oid), octets(value))
	}
	return sequence(objectIdentifier(oid), boolean(true), octets(value))
}

// Extensions of Doc 9303-12, table 6.
var (
	oidSubjectKeyIdentifier   = asn1.ObjectIdentifier{2, 5, 29, 14}
	oidKeyUsage               = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidPrivateKeyUsagePeriod  = asn1.ObjectIdentifier{2, 5, 29, 16}
	oidSubjectAltName         = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidIssuerAltName          = asn1.ObjectIdentifier{2, 5, 29, 18}
	oidBasicConstraints       = asn1.ObjectIdentifier{2, 5, 29, 19}
	oidCRLDistributionPoints  = asn1.ObjectIdentifier{2, 5, 29, 31}
	oidAuthorityKeyIdentifier = asn1.ObjectIdentifier{2, 5, 29, 35}
	oidDocumentTypeList       = asn1.ObjectIdentifier{2, 23, 136, 1, 1, 6, 2}
)

// keyIdentifier is the SHA-1 of the public key (RFC 5280, 4.2.1.2).
func keyIdentifier(k *key) []byte {
	sum := sha1.Sum(k.public)
	return sum[:]
}

// issueCountrySigner makes the self-signed certificate of a country signer.
func (b *builder) issueCountrySigner(c Certificate) (*issued, error) {
	k, err := b.key(c.Key)
	if err != nil {
		return nil, err
	}
	id := keyIdentifier(k)
	from := madeAt.AddDate(-1, 0, 0)
	return b.issue(c, k, &issued{key: k}, c.Algorithm, 1, from, from.AddDate(15, 3, 0),
		extension(oidAuthorityKeyIdentifier, false, sequence(element(0x80, id))),
		extension(oidSubjectKeyIdentifier, false, octets(id)),
		extension(oidKeyUsage, true, element(tagBits, []byte{1, 0x06})), // keyCertSign, cRLSign
		extension(oidPrivateKeyUsagePeriod, false, usagePeriod(from, from.AddDate(5, 0, 0))),
		alternativeName(oidSubjectAltName), alternativeName(oidIssuerAltName),
		extension(oidBasicConstraints, true, sequence(boolean(true), integer(0))),
		distributionPoint(),
	)
}

// issueSigner makes the certificate of a document signer.
func (b *builder) issueSigner(c Certificate, authority *issued, algorithm string) (*issued, error) {
	k, err := b.key(c.Key)
	if err != nil {
		return nil, err
	}
	from := madeAt.AddDate(0, -1, 0)
	return b.issue(c, k, authority, algorithm, 2, from, from.AddDate(10, 3, 0),
		extension(oidAuthorityKeyIdentifier, false, sequence(element(0x80, authority.identifier))),
		extension(oidSubjectKeyIdentifier, false, octets(keyIdentifier(k))),
		extension(oidKeyUsage, true, element(tagBits, []byte{7, 0x80})), // digitalSignature
		extension(oidPrivateKeyUsagePeriod, false, usagePeriod(from, from.AddDate(0, 3, 0))),
		alternativeName(oidSubjectAltName), alternativeName(oidIssuerAltName),
		distributionPoint(),
		extension(oidDocumentTypeList, false, sequence(integer(0), setOf(element(tagPrintable, []byte("P"))))),
	)
}

// issue signs a certificate.
func (b *builder) issue(c Certificate, k *key, by *issued, algorithm string, number int64, from, to time.Time, extensions ...[]byte) (*issued, error) {
	a, err := algorithmNamed(algorithm)
	if err != nil {
		return nil, err
	}
	identifier, err := a.identifier()
	if err != nil {
		return nil, err
	}
	made := &issued{key: k, serial: bigInteger(big.NewInt(0x4000_0000_0000_0000 + number)), identifier: keyIdentifier(k)}
	if made.issuer, err = distinguishedName(c.Issuer); err != nil {
		return nil, err
	}
	subject, err := distinguishedName(c.Subject)
	if err != nil {
		return nil, err
	}
	tbs := sequence(
		tagged(0, integer(2)), made.serial, identifier, made.issuer, sequence(timeOf(from), timeOf(to)), subject, k.info,
		tagged(3, sequence(extensions...)),
	)
	signature, err := by.key.sign(a, tbs)
	if err != nil {
		return nil, err
	}
	made.der = sequence(tbs, identifier, bits(signature))
	return made, nil
}

// usagePeriod is PrivateKeyUsagePeriod, whose times are tagged implicitly.
func usagePeriod(from, to time.Time) []byte {
	const form = "20060102150405Z"
	return sequence(element(0x80, []byte(from.Format(form))), element(0x81, []byte(to.Format(form))))
}

// alternativeName names the issuing state as the machine-readable zone does (Doc
// 9303-12, 7.1.1.2).
func alternativeName(oid asn1.ObjectIdentifier) []byte {
	state := sequence(element(tagSet, sequence(objectIdentifier(attributeTypes["L"]), element(tagPrintable, []byte("D")))))
	return extension(oid, false, sequence(tagged(4, state)))
}

func distributionPoint() []byte {
	address := element(0x86, []byte("https://specimen.example/CRLs/D.crl"))
	return extension(oidCRLDistributionPoints, false, sequence(sequence(tagged(0, tagged(0, address)))))
}
