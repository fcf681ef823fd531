package logfile

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// begins matches the beginning of a record as slog's TextHandler writes it.
var begins = regexp.MustCompile(`^time=\S+ level=(DEBUG|INFO|WARN|ERROR)([+-]\d+)? msg=`)

// Newest returns the newest records of a log file and of the one before it, in their
// order, in at most limit bytes. Lines that are no records are left out: the path may
// lead to another file. It fails where the file cannot be read.
func Newest(path string, limit int64) ([]byte, error) {
	text, err := end(path, limit)
	if err != nil {
		return nil, err
	}
	if old := before(path); old != "" && int64(len(text)) < limit {
		// The one before may be removed meanwhile: then there is none.
		earlier, _ := end(old, limit-int64(len(text)))
		text = append(earlier, text...)
	}
	var records []byte
	for line := range bytes.Lines(text) {
		if begins.Match(line) && bytes.HasSuffix(line, []byte("\n")) {
			records = append(records, line...)
		}
	}
	return records, nil
}

// end reads the whole lines in the last bytes of a file.
func end(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	from := max(0, info.Size()-limit)
	text, err := io.ReadAll(io.NewSectionReader(f, from, limit))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if from > 0 { // what may be the rest of a line
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return text, nil
}

// before returns the newest of the old files, whose names hold the time at which they
// were put aside; empty where there is none.
func before(path string) string {
	folder, name := filepath.Split(path)
	extension := filepath.Ext(name)
	old := regexp.MustCompile("^" + regexp.QuoteMeta(strings.TrimSuffix(name, extension)) + `-\d{4}-\d\d-\d\dT[\d-]+\.\d{3}` + regexp.QuoteMeta(extension) + "$")
	entries, _ := os.ReadDir(filepath.Clean(folder)) // sorted by name; one that cannot be read has none
	newest := ""
	for _, entry := range entries {
		if old.MatchString(entry.Name()) {
			newest = filepath.Join(folder, entry.Name())
		}
	}
	return newest
}
