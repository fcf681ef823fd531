package trust

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"passport-agent/internal/fault"
)

// Bounds on files and on what waits for its issuer.
const (
	maxFileSize = 64 << 20 // but for LDIF, which is read as it comes
	maxLDIFSize = 4 << 30
	maxFolder   = 10_000 // files
	maxPending  = 256 << 20
)

// FileReport is what became of one file.
type FileReport struct {
	Name   string // without the folder
	Report Report
	Err    error // nil where the file was imported
	// Named is true for a file that was asked for by itself, false for one of a folder.
	Named bool
}

// importer imports several files, of which some may need what others bring, in
// whatever order.
type importer struct {
	store   *Store
	options ImportOptions
	pending []pendingObject
	waiting int // bytes of what is pending
}

// pendingObject is one whose issuer is not known yet.
type pendingObject struct {
	file  *FileReport
	place string // in a directory; empty where the file is the object
	bytes []byte
	err   error
}

func newImporter(s *Store, o ImportOptions) *importer { return &importer{store: s, options: o} }

// ImportFiles imports files and folders; of a folder every regular file, without those
// below it. A file of a folder that cannot be imported is reported and left out; a file
// that is named itself makes the whole import fail, with its error, and the store is
// then to be thrown away. Files that need others of the import find them, whatever the
// order. It fails also with fault.InputFileMissing, or with the context's error.
func (s *Store) ImportFiles(ctx context.Context, paths []string, o ImportOptions) ([]FileReport, error) {
	i := newImporter(s, o)
	var reports []*FileReport
	for _, path := range paths {
		some, err := i.importPath(ctx, path)
		reports = append(reports, some...)
		if err != nil {
			return values(reports), err
		}
	}
	i.finish()
	for _, r := range reports {
		if r.Named && r.Err != nil {
			f := fault.From(r.Err)
			return values(reports), fault.New(f.Code, r.Name, r.Err)
		}
	}
	return values(reports), nil
}

func values(reports []*FileReport) []FileReport {
	list := make([]FileReport, len(reports))
	for i, r := range reports {
		list[i] = *r
	}
	return list
}

func (i *importer) importPath(ctx context.Context, path string) ([]*FileReport, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fault.New(fault.InputFileMissing, filepath.Base(path), err)
	}
	if info.IsDir() {
		return i.importFolder(ctx, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.InputFileMissing, filepath.Base(path), err)
	}
	file := &FileReport{Name: filepath.Base(path), Named: true}
	file.Err = i.importFile(ctx, f, file)
	return []*FileReport{file}, ctx.Err()
}

func (i *importer) importFolder(ctx context.Context, folder string) ([]*FileReport, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fault.New(fault.InputFileMissing, filepath.Base(folder), err)
	}
	defer func() { _ = root.Close() }() // it was only read from
	directory, err := root.Open(".")
	if err != nil {
		return nil, fault.New(fault.InputFileMissing, filepath.Base(folder), err)
	}
	entries, err := directory.ReadDir(maxFolder + 1)
	_ = directory.Close() // as above
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fault.New(fault.InputFileMissing, filepath.Base(folder), err)
	}
	if len(entries) > maxFolder {
		return nil, fault.New(fault.TrustFileUnknown, fmt.Sprintf("%s has more than %d files", filepath.Base(folder), maxFolder), nil)
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	var reports []*FileReport
	for _, entry := range entries {
		if !entry.Type().IsRegular() {
			continue
		}
		file := &FileReport{Name: entry.Name()}
		reports = append(reports, file)
		f, err := root.Open(entry.Name())
		if err != nil {
			file.Err = fault.New(fault.InputFileMissing, "", err)
			continue
		}
		file.Err = i.importFile(ctx, f, file)
		if err := ctx.Err(); err != nil {
			return reports, err
		}
	}
	return reports, nil
}

// importFile takes an open file, which it closes.
func (i *importer) importFile(ctx context.Context, f *os.File, file *FileReport) error {
	defer func() { _ = f.Close() }() // it was only read from
	if err := ctx.Err(); err != nil {
		return err
	}
	counted := &countingReader{Reader: f, name: file.Name, progress: i.options.Progress}
	if info, err := f.Stat(); err == nil {
		counted.total = info.Size()
	}
	r := bufio.NewReaderSize(counted, ldifBuffer)
	start, err := r.Peek(ldifBuffer)
	if err != nil && !errors.Is(err, io.EOF) {
		return fault.New(fault.InputFileMissing, "", err)
	}
	if isLDIF(start) {
		return i.importLDIF(ctx, io.LimitReader(r, maxLDIFSize), file)
	}
	b, err := io.ReadAll(io.LimitReader(r, maxFileSize+1))
	if err != nil {
		return fault.New(fault.InputFileMissing, "", err)
	}
	if len(b) > maxFileSize {
		return fault.New(fault.TrustFileUnknown, fmt.Sprintf("more than %d bytes", maxFileSize), nil)
	}
	return i.importObject(b, "", file)
}

// countingReader tells how far a file has been read.
type countingReader struct {
	io.Reader
	name        string
	done, total int64
	progress    func(file string, done, total int64)
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.done += int64(n)
	if c.progress != nil {
		c.progress(c.name, c.done, c.total)
	}
	return n, err
}

// importObject takes an object, or puts it off where its issuer is not known yet.
func (i *importer) importObject(b []byte, place string, file *FileReport) error {
	report, err := i.store.importObject(b, i.options)
	if isIssuerMissing(err) && i.waiting+len(b) <= maxPending {
		i.pending = append(i.pending, pendingObject{file, place, b, err})
		i.waiting += len(b)
		return nil
	}
	if err == nil {
		file.Report.merge(report)
	}
	return err
}

func isIssuerMissing(err error) bool {
	return errors.Is(err, fault.TrustIssuerUnknown) || errors.Is(err, fault.TrustRootMissing)
}

// finish tries what is pending as long as that brings anything, and reports the rest.
func (i *importer) finish() {
	for before := -1; before != len(i.pending) && len(i.pending) > 0; {
		before = len(i.pending)
		var still []pendingObject
		for _, p := range i.pending {
			report, err := i.store.importObject(p.bytes, i.options)
			switch {
			case err == nil:
				p.file.Report.merge(report)
			case isIssuerMissing(err):
				p.err = err
				still = append(still, p)
			default:
				p.fail(err)
			}
		}
		i.pending = still
	}
	for _, p := range i.pending {
		p.fail(p.err)
	}
	i.pending = nil
}

func (p pendingObject) fail(err error) {
	if p.place == "" {
		p.file.Err = err
	} else {
		p.file.Report.leaveOut(p.place + ": " + err.Error())
	}
}
