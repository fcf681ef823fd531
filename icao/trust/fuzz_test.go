package trust_test

import (
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/icao/trust"
	"passport-agent/internal/cms"
	"passport-agent/internal/fault"
	"passport-agent/internal/fuzzlimit"
)

// importCodes are those of Import.
var importCodes = []fault.Code{fault.TrustFileUnknown, fault.TrustSignature, fault.TrustRootMissing, fault.TrustOlder, fault.TrustIssuerUnknown, fault.TrustStoreDamaged}

// Any file is imported or refused. Without a root, a list makes nobody trusted, and what
// a person names is no more than is in it.
func FuzzImport(f *testing.F) {
	c := newCountry(outside{f})
	f.Add(c.authority.der)
	f.Add(c.signer.der)
	f.Add(c.list())
	f.Add(c.authority.revocationList(f, issued, 1, 300))
	f.Add(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.signer.der}))
	f.Add(append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.authority.der}), pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: c.authority.revocationList(f, issued, 2)})...))
	f.Add([]byte("version: 1\n\ndn: cn=x\nuserCertificate;binary:: AA==\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzzlimit.Check(t, func() {
			var s trust.Store
			report, err := s.Import(b, trust.ImportOptions{Now: issued})
			if err != nil {
				require.Contains(t, importCodes, fault.From(err).Code)
				require.Zero(t, s.Len(), "what fails changes nothing")
				return
			}
			require.Equal(t, report.Added, s.Len())
			require.Empty(t, report.Lists, "there is no root")
			s.Verify(parse(t, append(make([]byte, 4), c.sod...)), issued)
		})
	})
}

// Whatever a list holds that its publisher has signed: what can be read is taken, and
// a newer issue that is right takes its place.
func FuzzMasterList(f *testing.F) {
	c := newCountry(outside{f})
	random := seeded(13)
	publisher := certify(outside{f}, newSigningKey(outside{f}, "P-256", random), nil, request{common: "CSCA", country: "UU", serial: 1, authority: true})
	signer := certify(f, newSigningKey(outside{f}, "P-256", random), publisher, request{common: "List Signer", country: "UU", serial: 2, purpose: []oids{masterListSigner}})
	root, err := cms.ParseCertificate(publisher.der)
	require.NoError(f, err)
	options := trust.ImportOptions{Root: root, Now: issued}
	good := sequence(f, encode(f, 0), set(f, c.authority.der))
	f.Add(good)
	f.Add(sequence(f, encode(f, 0), set(f, c.authority.der, c.signer.der, sequence(f, encode(f, 1)))))
	f.Add(append(append([]byte{0x30, 0x80}, good[4:]...), 0, 0))
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > 60_000 {
			return
		}
		encoded := message{contentType: oids{2, 23, 136, 1, 1, 2}, content: content, signer: signer, at: issued.AddDate(0, 0, -1)}.encode(t)
		newer := message{contentType: oids{2, 23, 136, 1, 1, 2}, content: good, signer: signer, at: issued}.encode(t)
		fuzzlimit.Check(t, func() {
			var s trust.Store
			report, err := s.Import(encoded, options)
			if err != nil {
				require.ErrorIs(t, err, fault.TrustFileUnknown)
				require.Zero(t, s.Len())
				return
			}
			require.Len(t, report.Lists, 1)
			require.LessOrEqual(t, s.Len(), report.Lists[0].Certificates)
			_, err = s.Import(newer, options)
			require.NoError(t, err)
			require.Equal(t, 1, s.Len())
			_, err = s.Import(encoded, options)
			require.ErrorIs(t, err, fault.TrustOlder)
		})
	})
}

func FuzzDefectList(f *testing.F) {
	d := newDefective(outside{f})
	f.Add(d.defect([][]byte{d.issuerAndSerial(d.signer)}, d.known(status(f, 3), 1, 1)))
	f.Add(d.defect([][]byte{sequence(f, definite(0xA0, d.country.name), definite(0xA1, definite(0x80, d.country.key.id)))}, d.second(status(f, 1), 1, 6)))
	f.Add(d.defect([][]byte{d.keyID(d.signer)}, d.known(definite(0x13, []byte("UT")), 2, 5), d.second(nil, 1, 4)))
	f.Add(d.defect([][]byte{d.digest(d.signer)}, d.known(d.signer.der, 2, 1)))
	f.Add(d.defect([][]byte{d.keyID(d.signer)}, sequence(f)))
	f.Fuzz(func(t *testing.T, defect []byte) {
		d := d
		d.t = t
		content := definite(0x30, encode(t, 0), encode(t, hashOIDs[crypto.SHA256]), definite(0x31, defect))
		list := message{contentType: oidDefectList, content: content, signer: d.publisherSigner, at: issued}.encode(t)
		fuzzlimit.Check(t, func() {
			s := storeOf(t, d.country.der)
			report, err := s.Import(list, d.root())
			if err != nil {
				require.ErrorIs(t, err, fault.TrustFileUnknown)
				return
			}
			require.Equal(t, report.DefectLists[0].Unreadable, len(report.LeftOut))
			require.Equal(t, 1, s.Len(), "a defect list makes nobody trusted")
			v := s.Verify(parse(t, append(make([]byte, 4), d.sod...)), issued)
			require.Len(t, v, 1)
			require.LessOrEqual(t, len(v[0].Defects), 1024)
		})
	})
}

func FuzzLDIF(f *testing.F) {
	c := newCountry(outside{f})
	f.Add(c.directory(f))
	f.Add(ldif(ldifEntry(signerName, "changetype: modify\n", "replace: userCertificate;binary\n", binary("userCertificate;binary", c.signer.der), "-\n")))
	f.Add(ldif(ldifEntry(signerName, "changetype: delete\n"), "# comment\n continued\n\n", "dn:: Y249eA==\nobjectClass:< file:///x\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzzlimit.Check(t, func() {
			var s trust.Store
			report, err := s.Import(append([]byte("version: 1\n"), b...), trust.ImportOptions{Now: issued})
			if err != nil {
				require.ErrorIs(t, err, fault.TrustFileUnknown)
			}
			require.Zero(t, s.Len(), "nothing leads anywhere")
			require.Equal(t, report.DocumentSigners.Added-report.DocumentSigners.Removed, s.DocumentSigners())
		})
	})
}

// The store of a folder is loaded, or it is damaged: never is more trusted than stands
// in it.
func FuzzLoad(f *testing.F) {
	c := newCountry(outside{f})
	s := storeOf(f, c.authority.der, c.signer.der, c.authority.revocationList(f, issued, 300))
	folder := f.TempDir()
	require.NoError(f, s.Save(f.Context(), folder))
	path := filepath.Join(folder, "trust.json")
	good, err := os.ReadFile(path)
	require.NoError(f, err)
	f.Add(good)
	f.Add([]byte(`{"version":1,"certificates":[{"sha256":"","sources":["file"],"der":""}]}`))
	f.Add([]byte(`{"version":2,"documentSigners":{"sha256":"AAAA","size":-1,"count":1}}`))
	f.Add([]byte(`{"version":3}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		require.NoError(t, os.WriteFile(path, b, 0o600))
		fuzzlimit.Check(t, func() {
			s, err := trust.Load(t.Context(), folder)
			if err != nil {
				require.Contains(t, []fault.Code{fault.TrustStoreDamaged, fault.TrustStoreNewer}, fault.From(err).Code)
				return
			}
			var content struct{ Certificates []json.RawMessage }
			require.NoError(t, json.Unmarshal(b, &content))
			require.LessOrEqual(t, s.Len(), len(content.Certificates))
			s.Verify(parse(t, append(make([]byte, 4), c.sod...)), issued)
		})
	})
}

// The file of document signers is read when a document needs one.
func FuzzDocumentSigners(f *testing.F) {
	c := newCountry(outside{f})
	s := storeOf(f, c.authority.der, c.signer.der)
	folder := f.TempDir()
	require.NoError(f, s.Save(f.Context(), folder))
	names, err := filepath.Glob(filepath.Join(folder, "signers-*.bin"))
	require.NoError(f, err)
	require.Len(f, names, 1)
	good, err := os.ReadFile(names[0])
	require.NoError(f, err)
	f.Add(good)
	f.Add(append(good[:len(good):len(good)], 0, 1, 'x', 0xFF, 0xFF, 0xFF, 0xFF))
	f.Add([]byte("passport-agent document signers 1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		sum := sha256.Sum256(b)
		signers, err := json.Marshal(map[string]any{"version": 2, "documentSigners": map[string]any{"sha256": sum[:], "size": len(b), "count": 1}})
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, "trust.json"), signers, 0o600))
		name := filepath.Join(folder, "signers-"+hex.EncodeToString(sum[:16])+".bin")
		require.NoError(t, os.WriteFile(name, b, 0o600))
		defer func() { require.NoError(t, os.Remove(name)) }()
		fuzzlimit.Check(t, func() {
			s, err := trust.Load(t.Context(), folder)
			require.NoError(t, err)
			v := s.Verify(parse(t, append(make([]byte, 4), c.sod...)), issued)
			require.Len(t, v, 1)
			require.NotEqual(t, trust.Successful, v[0].Finding(trust.CheckPath).Result, "no country signer is there")
		})
	})
}

// outside makes keys and documents that sign within the target, where f is not allowed.
type outside struct{ testing.TB }

func (outside) Helper() {}
