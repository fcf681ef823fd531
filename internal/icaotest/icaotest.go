// Package icaotest gives tests the worked examples of Doc 9303 from
// testdata/icao/worked-examples.json.
package icaotest

import (
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
