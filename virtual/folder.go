package virtual

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxFile is the longest file that is loaded, in bytes. DG2 of real documents
// has 10 to 60 KB, DG3 and DG4 a few hundred.
const maxFile = 4 << 20

// LoadFolder reads the files of a document from a folder: EF.COM.bin,
// EF.SOD.bin, DG1.bin to DG16.bin, EF.CardAccess.bin, EF.CardSecurity.bin and
// EF.ATR-INFO.bin, each where it exists. Other files are left alone. It fails
// with ErrDocument where none of them is there or one is longer than 4 MiB.
func LoadFolder(folder string) (*Document, error) {
	document := &Document{Files: map[File][]byte{}}
	for _, p := range places {
		content, err := readCapped(fileName(folder, p.file))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		document.Files[p.file] = content
	}
	if len(document.Files) == 0 {
		return nil, fmt.Errorf("%w: %s holds no files of a chip", ErrDocument, folder)
	}
	return document, nil
}

func fileName(folder string, file File) string { return filepath.Join(folder, string(file)+".bin") }

func readCapped(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	// Nothing was written: a failure to close loses nothing.
	_ = f.Close()
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("%w: %s is longer than %d bytes", ErrDocument, filepath.Base(path), maxFile)
	}
	return content, err
}

// Save writes the files of the document to a folder, under the names that
// LoadFolder reads, in clear and readable for this user only. The folder is made
// where it is missing.
func (d *Document) Save(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for file, content := range d.Files {
		if !file.known() {
			return fmt.Errorf("%w: no file %q", ErrDocument, file)
		}
		if err := os.WriteFile(fileName(folder, file), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
