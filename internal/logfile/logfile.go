// Package logfile is the file that records of the log go to: for its owner alone,
// bounded in size, and never the reason why anything else does not go on.
package logfile

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"gopkg.in/natefinch/lumberjack.v2"

	"passport-agent/internal/disk"
)

// Options says where the file is and how large it becomes: Path and Kept old ones of
// MiB mebibytes each, no more. Both numbers are at least 1.
type Options struct {
	Path string
	MiB  int
	Kept int
	// Failed is told of the first record that cannot be written; may be nil.
	Failed func(error)
}

// File is a log file, made with its folder when the first record comes. It is given
// whole records, from any number of goroutines.
type File struct {
	options Options

	mu       sync.Mutex
	lock     *disk.Lock // nil as long as the file could not be opened
	rotating *lumberjack.Logger
	said     bool // that it cannot be written
	lost     int  // records since the last that was written
	torn     bool // the file ends within a record
	closed   bool
}

// New makes a log file.
func New(o Options) *File { return &File{options: o} }

// Write writes a record. It never fails: what cannot be written is counted, and how
// many were lost stands in the file once it can be written again.
func (f *File) Write(record []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return len(record), nil
	}
	err := f.write(record)
	if err == nil {
		f.lost = 0
		return len(record), nil
	}
	f.lost++
	if !f.said && f.options.Failed != nil {
		f.options.Failed(err)
	}
	f.said = true
	return len(record), nil
}

func (f *File) write(record []byte) error {
	if err := f.open(); err != nil {
		return err
	}
	whole := append(f.gap(), record...)
	n, err := f.rotating.Write(whole)
	if n > 0 {
		f.torn = n < len(whole)
	}
	return err
}

// gap is what stands before the first record after some were lost.
func (f *File) gap() []byte {
	var b bytes.Buffer
	if f.torn {
		b.WriteByte('\n')
	}
	if f.lost > 0 {
		slog.New(slog.NewTextHandler(&b, nil)).Warn("records are missing here: they could not be written", "lost", f.lost)
	}
	return b.Bytes()
}

// open makes folder and file where they are missing, also after somebody has taken them
// away. The lock keeps a second process from renaming the file under this one.
func (f *File) open() error {
	path := f.options.Path
	if f.lock != nil {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		f.close() // what it holds open has no name any more
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	lock, err := disk.TryLock(path + ".lock")
	if errors.Is(err, disk.ErrLocked) {
		return errors.New("another process writes it")
	}
	if err != nil {
		return err
	}
	f.lock, f.torn = lock, torn(path)
	f.rotating = &lumberjack.Logger{Filename: path, MaxSize: f.options.MiB, MaxBackups: f.options.Kept}
	return nil
}

// torn reports whether a file ends within a line, as one may after a power failure.
func torn(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false // it is not there yet, or writing will tell
	}
	last := []byte{'\n'}
	if info, err := f.Stat(); err == nil && info.Size() > 0 {
		_, _ = f.ReadAt(last, info.Size()-1) // as above
	}
	_ = f.Close() // it was only read from
	return last[0] != '\n'
}

// close lets go of the file. Every record was written as it came: there is nothing left
// that could fail.
func (f *File) close() {
	if f.lock != nil {
		_ = f.rotating.Close()
		_ = f.lock.Unlock()
		f.lock, f.rotating = nil, nil
	}
}

// Close lets go of the file; records that come later go nowhere.
func (f *File) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.close()
}
