// Package icaotest gives tests the worked examples of Doc 9303 from
// testdata/icao/worked-examples.json.
package icaotest

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Hex is an octet string that stands in JSON as hexadecimal digits.
type Hex []byte

// UnmarshalText decodes hexadecimal digits.
func (h *Hex) UnmarshalText(text []byte) error {
	decoded, err := hex.DecodeString(string(text))
	*h = decoded
	return err
}

// Load reads the vectors of a group into a slice and fails the test where the
// group is missing or a field of the file has no place in the slice's type.
func Load(t testing.TB, group string, vectors any) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(Root(), "testdata", "icao", "worked-examples.json"))
	if err != nil {
		t.Fatal(err)
	}
	var groups map[string]struct{ Vectors json.RawMessage }
	if err := json.Unmarshal(content, &groups); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(groups[group].Vectors, vectors); err != nil {
		t.Fatalf("group %s: %v", group, err)
	}
}

// Root is the folder of the project.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// SharedData returns a folder of other people's documents, which are not part of
// the project: PASSPORT_AGENT_SHARED_DATA, or ../shared/data beside the project.
// The test is skipped where it is absent.
func SharedData(t testing.TB, name string) string {
	t.Helper()
	folder := os.Getenv("PASSPORT_AGENT_SHARED_DATA")
	if folder == "" {
		folder = filepath.Join(Root(), "..", "shared", "data")
	}
	folder = filepath.Join(folder, name)
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("no %s here: these documents are other people's data and stand beside the project, not in it", name)
	}
	return folder
}

// PrivateKeys reads the private keys that stand beside the files of the BSI reference
// passport: that of Chip Authentication, big-endian in the width of its order, and
// that of Active Authentication.
func PrivateKeys(t testing.TB, folder string) (chip []byte, active *rsa.PrivateKey) {
	t.Helper()
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	// crypto/x509 reads no explicit curve parameters.
	var outer struct {
		Version   int
		Algorithm asn1.RawValue
		Key       []byte
	}
	var inner struct {
		Version int
		Private []byte
	}
	if _, err := asn1.Unmarshal(read("DG14.private.pkcs8"), &outer); err != nil {
		t.Fatal(err)
	}
	if _, err := asn1.Unmarshal(outer.Key, &inner); err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKCS8PrivateKey(read("DG15.private.pkcs8"))
	if err != nil {
		t.Fatal(err)
	}
	active, ok := key.(*rsa.PrivateKey)
	if !ok {
		t.Fatalf("DG15 has a %T", key)
	}
	return inner.Private, active
}
