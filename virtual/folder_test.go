package virtual_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/icaotest"
	"passport-agent/virtual"
)

func TestFolderKeepsEveryByte(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "document")
	saved := specimen()
	require.NoError(t, saved.Save(folder))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "report.json"), []byte("{}"), 0o600))
	loaded, err := virtual.LoadFolder(folder)
	require.NoError(t, err)
	require.Equal(t, saved.Files, loaded.Files)
	information, err := os.Stat(filepath.Join(folder, "DG1.bin"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), information.Mode().Perm())
}

func TestFolderThatIsNone(t *testing.T) {
	empty := t.TempDir()
	_, err := virtual.LoadFolder(empty)
	require.ErrorIs(t, err, virtual.ErrDocument)
	require.NoError(t, os.WriteFile(filepath.Join(empty, "DG2.bin"), make([]byte, 4<<20+1), 0o600))
	_, err = virtual.LoadFolder(empty)
	require.ErrorIs(t, err, virtual.ErrDocument)
	require.NoError(t, os.MkdirAll(filepath.Join(empty, "DG1.bin"), 0o700))
	_, err = virtual.LoadFolder(empty)
	require.Error(t, err, "a folder in place of a file")

	require.ErrorIs(t, (&virtual.Document{Files: map[virtual.File][]byte{"../DG1": nil}}).Save(empty), virtual.ErrDocument)
	require.Error(t, specimen().Save(filepath.Join(empty, "DG2.bin")), "a file in place of the folder")
	require.Error(t, specimen().Save(empty), "DG1.bin is a folder")
}

// The reference passport of BSI TR-03105-5.1, 8.3 goes onto the chip and comes
// off it unchanged.
func TestReferencePassport(t *testing.T) {
	data := os.Getenv("PASSPORT_AGENT_SHARED_DATA")
	if data == "" {
		data = filepath.Join(icaotest.Root(), "..", "shared", "data")
	}
	folder := filepath.Join(data, "bsi-reference-passport")
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("the reference passport is not here: %v (set PASSPORT_AGENT_SHARED_DATA)", err)
	}
	document, err := virtual.LoadFolder(folder)
	require.NoError(t, err)
	require.Len(t, document.Files, 6)
	information, err := document.MRZInformation()
	require.NoError(t, err)
	require.Equal(t, "C11T002JM496081222310314", information)

	chip, err := virtual.NewChip(document, virtual.ChipOptions{})
	require.NoError(t, err)
	transmit(t, chip, selectApplication)
	x := mutualSession(t, chip, information)
	for short, file := range map[byte]virtual.File{
		0x1E: virtual.COM, 0x1D: virtual.SOD, 0x01: virtual.DataGroup(1), 0x02: virtual.DataGroup(2), 0x0E: virtual.DataGroup(14), 0x0F: virtual.DataGroup(15),
	} {
		want := document.Files[file]
		require.Equal(t, want, x.readFile(short, len(want)), "%s", file)
	}
}
