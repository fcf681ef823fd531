package folder_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/fault"
	"passport-agent/internal/folder"
)

var all = []string{"COM", "SOD", "DG1", "DG2"}

func TestSavedFilesAreLoadedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	files := map[string][]byte{"COM": {1}, "DG1": {2, 3}}
	require.NoError(t, folder.Save(dir, files, []byte("{}")))
	loaded, err := folder.Load(dir, all)
	require.NoError(t, err)
	require.Equal(t, files, loaded, "what is not there is left out")

	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 3, "no temporary file stays behind")
	for _, entry := range entries {
		info, err := entry.Info()
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077)
	}
	require.NoError(t, folder.Save(dir, map[string][]byte{"COM": {9}}, []byte("{}")))
	loaded, err = folder.Load(dir, all)
	require.NoError(t, err)
	require.Equal(t, []byte{9}, loaded["COM"], "a second reading replaces the first")
}

func TestFoldersThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	_, err := folder.Load(filepath.Join(dir, "missing"), all)
	require.ErrorIs(t, err, fault.InputFileMissing)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "DG2.bin"), make([]byte, folder.MaxFileSize+1), 0o600))
	_, err = folder.Load(dir, all)
	require.ErrorIs(t, err, fault.FileTooLarge)

	// A link that leads out of the folder is not followed.
	outside := filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.WriteFile(outside, []byte("x"), 0o600))
	linked := t.TempDir()
	require.NoError(t, os.Symlink(outside, filepath.Join(linked, "DG1.bin")))
	_, err = folder.Load(linked, all)
	require.ErrorIs(t, err, fault.InputFileMissing)

	file := filepath.Join(dir, "DG2.bin")
	require.ErrorIs(t, folder.Save(file, nil, nil), fault.OutputFailed, "a file in place of a folder")
	require.NoError(t, os.MkdirAll(filepath.Join(linked, "EF.COM.bin", "full"), 0o700))
	require.ErrorIs(t, folder.Save(linked, map[string][]byte{"COM": {1}}, nil), fault.OutputFailed, "a folder in place of a file")
}
