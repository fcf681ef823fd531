package conformance

import (
	"crypto/sha1"
	"encoding/asn1"
	"time"
)

// Certificate is that of a signer, by default as Doc 9303-12, tables 5 and 6 have it.
type Certificate struct {
	Key string `json:"key"`
	// Algorithm is what this authority signs certificates with; empty for a document
	// signer, which signs none.
	Algorithm string `json:"algorithm,omitempty"`
	Issuer    string `json:"issuer"`
	Subject   string `json:"subject"`
	// Body replaces parts of TBSCertificate, PublicKey of SubjectPublicKeyInfo,
	// Extensions single ones, before the certificate is signed; Outer replaces parts of
	// Certificate afterwards.
	Body       Parts `json:"body,omitempty"`
	PublicKey  Parts `json:"publicKey,omitempty"`
	Extensions Parts `json:"extensions,omitempty"`
	Outer      Parts `json:"outer,omitempty"`
	// UTCAsGeneralizedTime writes the validity in GeneralizedTime whatever the year.
	UTCAsGeneralizedTime bool `json:"utcAsGeneralizedTime,omitempty"`
}

// issued is a certificate that was made, with what others need of it.
type issued struct {
	key        *key
	der        []byte
	name       []byte // of the subject, in DER
	issuer     []byte // the same of the issuer
	serial     []byte // INTEGER
	identifier []byte // of the key
}

// extension is Extension (RFC 5280, 4.1).
func extension(name string, oid asn1.ObjectIdentifier, critical bool, value []byte) part {
	if !critical {
		return part{name, sequence(objectIdentifier(oid), octets(value))}
	}
	return part{name, sequence(objectIdentifier(oid), boolean(true), octets(value))}
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
	return c.issue(k, k, c.Algorithm, 1, from, from.AddDate(15, 3, 0),
		extension("authorityKeyIdentifier", oidAuthorityKeyIdentifier, false, sequence(element(0x80, id))),
		extension("subjectKeyIdentifier", oidSubjectKeyIdentifier, false, octets(id)),
		extension("keyUsage", oidKeyUsage, true, element(tagBits, []byte{1, 0x06})), // keyCertSign, cRLSign
		extension("privateKeyUsagePeriod", oidPrivateKeyUsagePeriod, false, usagePeriod(from, from.AddDate(5, 0, 0))),
		extension("subjectAltName", oidSubjectAltName, false, issuingState()),
		extension("issuerAltName", oidIssuerAltName, false, issuingState()),
		extension("basicConstraints", oidBasicConstraints, true, sequence(boolean(true), integer(0))),
		extension("cRLDistributionPoints", oidCRLDistributionPoints, false, distributionPoint()),
	)
}

// issueSigner makes the certificate of a document signer.
func (b *builder) issueSigner(c Certificate, authority *issued, algorithm string) (*issued, error) {
	k, err := b.key(c.Key)
	if err != nil {
		return nil, err
	}
	from := madeAt.AddDate(0, -1, 0)
	return c.issue(k, authority.key, algorithm, 2, from, from.AddDate(10, 3, 0),
		extension("authorityKeyIdentifier", oidAuthorityKeyIdentifier, false, sequence(element(0x80, authority.identifier))),
		extension("subjectKeyIdentifier", oidSubjectKeyIdentifier, false, octets(keyIdentifier(k))),
		extension("keyUsage", oidKeyUsage, true, element(tagBits, []byte{7, 0x80})), // digitalSignature
		extension("privateKeyUsagePeriod", oidPrivateKeyUsagePeriod, false, usagePeriod(from, from.AddDate(0, 3, 0))),
		extension("subjectAltName", oidSubjectAltName, false, issuingState()),
		extension("issuerAltName", oidIssuerAltName, false, issuingState()),
		extension("cRLDistributionPoints", oidCRLDistributionPoints, false, distributionPoint()),
		extension("documentTypeList", oidDocumentTypeList, false, sequence(integer(0), setOf(element(tagPrintable, []byte("P"))))),
	)
}

// issue has a certificate for one key signed by another.
func (c Certificate) issue(k, by *key, algorithm string, number int64, from, to time.Time, extensions ...part) (*issued, error) {
	a, err := algorithmNamed(algorithm)
	if err != nil {
		return nil, err
	}
	identifier, err := a.identifier()
	if err != nil {
		return nil, err
	}
	made := &issued{key: k, serial: integer(0x4000_0000_0000_0000 + number), identifier: keyIdentifier(k)}
	if made.issuer, err = distinguishedName(c.Issuer); err != nil {
		return nil, err
	}
	if made.name, err = distinguishedName(c.Subject); err != nil {
		return nil, err
	}
	list, err := c.Extensions.apply("extensions", extensions...)
	if err != nil {
		return nil, err
	}
	publicKey, err := c.PublicKey.apply("SubjectPublicKeyInfo", part{"algorithm", k.algorithm}, part{"subjectPublicKey", bits(k.public)})
	if err != nil {
		return nil, err
	}
	validity := sequence(timeOf(from), timeOf(to))
	if c.UTCAsGeneralizedTime {
		validity = sequence(generalizedTime(from), generalizedTime(to))
	}
	body, err := c.Body.apply("TBSCertificate",
		part{"version", tagged(0, integer(2))}, part{"serialNumber", made.serial}, part{"signature", identifier}, part{"issuer", made.issuer},
		part{"validity", validity}, part{"subject", made.name}, part{"subjectPublicKeyInfo", sequence(publicKey)}, part{"extensions", tagged(3, sequence(list))},
	)
	if err != nil {
		return nil, err
	}
	signature, err := by.sign(a, sequence(body))
	if err != nil {
		return nil, err
	}
	outer, err := c.Outer.apply("Certificate",
		part{"tbsCertificate", sequence(body)}, part{"signatureAlgorithm", identifier}, part{"signatureValue", bits(signature)})
	made.der = sequence(outer)
	return made, err
}

// usagePeriod is PrivateKeyUsagePeriod, whose times are tagged implicitly.
func usagePeriod(from, to time.Time) []byte {
	const form = "20060102150405Z"
	return sequence(element(0x80, []byte(from.Format(form))), element(0x81, []byte(to.Format(form))))
}

// issuingState names the state as the machine-readable zone does (Doc 9303-12,
// 7.1.1.2).
func issuingState() []byte {
	name := sequence(element(tagSet, sequence(objectIdentifier(attributeTypes["L"]), element(tagPrintable, []byte("D")))))
	return sequence(tagged(4, name))
}

func distributionPoint() []byte {
	address := element(0x86, []byte("https://specimen.example/CRLs/D.crl"))
	return sequence(sequence(tagged(0, tagged(0, address))))
}
