// Package folder keeps the files of a document in a folder, in the clear, under
// the names that `read --out`, `verify` and `upload nfc` share.
package folder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"passport-agent/internal/fault"
)

// MaxFileSize is the largest file that Load takes, in bytes.
const MaxFileSize = 1 << 20

// Report is the name of the report that stands beside the files.
const Report = "report.json"

// FileName returns the name in a folder of a file named as in reports: COM and
// SOD become EF.COM.bin and EF.SOD.bin, DG1 becomes DG1.bin.
func FileName(file string) string {
	if strings.HasPrefix(file, "DG") {
		return file + ".bin"
	}
	return "EF." + file + ".bin"
}

// Evidence is the name of what is left of the chip's proof that it is no copy.
const Evidence = "evidence.json"

// SaveEvidence writes the evidence beside the files of Save. It fails with
// fault.OutputFailed.
func SaveEvidence(dir string, b []byte) error { return save(dir, Evidence, b) }

// LoadEvidence reads it; nil where there is none. The errors are those of Load.
func LoadEvidence(dir string) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fault.New(fault.InputFileMissing, "", err)
	}
	defer func() { _ = root.Close() }() // it was only read from
	b, err := load(root, Evidence)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// Load reads the named files from a folder; those that are not there are left
// out. It fails with fault.InputFileMissing where the folder cannot be read and
// with fault.FileTooLarge.
func Load(dir string, files []string) (map[string][]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fault.New(fault.InputFileMissing, "", err)
	}
	defer func() { _ = root.Close() }() // it was only read from
	loaded := map[string][]byte{}
	for _, file := range files {
		b, err := load(root, FileName(file))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		loaded[file] = b
	}
	return loaded, nil
}

func load(root *os.Root, name string) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return nil, fault.New(fault.InputFileMissing, name, err)
	}
	defer func() { _ = f.Close() }() // it was only read from
	b, err := io.ReadAll(io.LimitReader(f, MaxFileSize+1))
	if err != nil {
		return nil, fault.New(fault.InputFileMissing, name, err)
	}
	if len(b) > MaxFileSize {
		return nil, fault.New(fault.FileTooLarge, fmt.Sprintf("%s has more than %d bytes", name, MaxFileSize), nil)
	}
	return b, nil
}

// Save writes files and a report into a folder that only its owner may read, and
// makes the folder where need be. A file that is there already is replaced. It
// fails with fault.OutputFailed.
func Save(dir string, files map[string][]byte, report []byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fault.New(fault.OutputFailed, "", err)
	}
	for file, b := range files {
		if err := save(dir, FileName(file), b); err != nil {
			return err
		}
	}
	return save(dir, Report, report)
}

// SaveFile writes one file in the clear, which only its owner may read. A file that is
// there already is replaced. It fails with fault.OutputFailed.
func SaveFile(path string, b []byte) error {
	return save(filepath.Dir(path), filepath.Base(path), b)
}

// save writes beside the target and renames, so that no half-written file
// carries its name.
func save(dir, name string, b []byte) error {
	f, err := os.CreateTemp(dir, "."+name+".*")
	if err != nil {
		return fault.New(fault.OutputFailed, "", err)
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), dir+string(os.PathSeparator)+name)
	}
	if err != nil {
		return fault.New(fault.OutputFailed, name, errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
