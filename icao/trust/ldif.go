package trust

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds on LDIF. The largest values of the PKD are master lists of a megabyte.
const (
	ldifBuffer      = 64 << 10
	maxLDIFValue    = 48 << 20 // characters, folded lines put together
	maxLDIFEntry    = 64 << 20 // characters
	maxLDIFLines    = 10_000   // in an entry, folded lines put together
	maxLDIFName     = 8 << 10
	ldifContinued   = ' '
	ldifComment     = '#'
	ldifByteOrder   = "\xEF\xBB\xBF"
	ldifSeparator   = "-"
	ldifChangeType  = "changetype"
	ldifControl     = "control"
	ldifVersionText = "version"
	ldifEntryName   = "dn"
)

// errLDIF says that an entry is not LDIF (RFC 2849); those that follow may be.
var errLDIF = errors.New("not LDIF")

// isLDIF looks at the beginning of a file: a version or an entry's name, after comments.
func isLDIF(start []byte) bool {
	start = bytes.TrimPrefix(start, []byte(ldifByteOrder))
	for len(start) > 0 {
		line, rest, _ := bytes.Cut(start, []byte("\n"))
		line = bytes.TrimRight(line, "\r")
		switch {
		case len(line) == 0, line[0] == ldifComment, line[0] == ldifContinued:
			start = rest
		default:
			name, _, found := bytes.Cut(line, []byte(":"))
			return found && (strings.EqualFold(string(name), ldifVersionText) || strings.EqualFold(string(name), ldifEntryName))
		}
	}
	return false
}

// ldifLine is an attribute, or the line that separates modifications. The value is
// decoded only when it is asked for.
type ldifLine struct {
	name   string // in lower case, without options such as binary
	value  string
	base64 bool
}

func (l ldifLine) bytes() ([]byte, error) {
	if !l.base64 {
		return []byte(l.value), nil
	}
	b, err := base64.StdEncoding.DecodeString(l.value)
	if err != nil {
		return nil, fmt.Errorf("%w: base64: %w", errLDIF, err)
	}
	return b, nil
}

// ldifEntry is one record: an entry of the directory or a change of one.
type ldifEntry struct {
	name   string // distinguished name, as far as it can be compared
	change string // add where nothing else is said
	lines  []ldifLine
}

// ldifReader reads records one by one; it never holds more than one.
type ldifReader struct {
	r       *bufio.Reader
	number  int // of the record, from 1
	started bool
	atEnd   bool
}

func newLDIFReader(r io.Reader) *ldifReader {
	return &ldifReader{r: bufio.NewReaderSize(r, ldifBuffer)}
}

// next returns the next record. It fails with io.EOF after the last one, with errLDIF
// for one that cannot be read, after which the next may be asked for, or with the error
// of the file.
func (l *ldifReader) next() (ldifEntry, error) {
	for !l.atEnd {
		texts, err := l.record()
		if err != nil {
			l.number++
			return ldifEntry{}, err
		}
		if !l.started && len(texts) > 0 {
			l.started = true
			texts[0] = strings.TrimPrefix(texts[0], ldifByteOrder)
			if name, _, _ := strings.Cut(texts[0], ":"); strings.EqualFold(name, ldifVersionText) {
				texts = texts[1:]
			}
		}
		if len(texts) > 0 {
			l.number++
			return parseLDIFEntry(texts)
		}
	}
	return ldifEntry{}, io.EOF
}

// record reads the lines up to an empty one, folded lines put together and comments
// left out. Of one that is too large the rest is read over.
func (l *ldifReader) record() ([]string, error) {
	var texts []string
	var line strings.Builder
	size, comment, failed := 0, false, error(nil)
	end := func() {
		if line.Len() > 0 && !comment {
			texts = append(texts, line.String())
		}
		line.Reset()
	}
	for {
		part, whole, err := l.physical()
		if err != nil {
			return nil, err
		}
		if len(part) == 0 && whole {
			end()
			return texts, failed
		}
		switch {
		case failed != nil:
		case part[0] == ldifContinued:
			line.Write(part[1:])
		default:
			end()
			comment = part[0] == ldifComment
			line.Write(part)
		}
		size += len(part)
		for !whole && err == nil {
			part, whole, err = l.physical()
			size += len(part)
			if failed == nil {
				line.Write(part)
			}
			if line.Len() > maxLDIFValue {
				failed = fmt.Errorf("%w: a value of more than %d characters", errLDIF, maxLDIFValue)
				line.Reset()
			}
		}
		if err != nil {
			return nil, err
		}
		if failed == nil && (line.Len() > maxLDIFValue || size > maxLDIFEntry || len(texts) > maxLDIFLines) {
			failed = fmt.Errorf("%w: an entry of more than %d characters or %d lines", errLDIF, maxLDIFEntry, maxLDIFLines)
			texts = nil
			line.Reset()
		}
	}
}

// physical returns a line of the file or, where it is longer than the buffer, the
// next part of it; whole is true for the last part. The end of the file is an empty
// line.
func (l *ldifReader) physical() (part []byte, whole bool, err error) {
	part, err = l.r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return part, false, nil
	case errors.Is(err, io.EOF):
		l.atEnd = len(part) == 0
		return bytes.TrimRight(part, "\r\n"), true, nil
	case err != nil:
		return nil, true, err
	default:
		return bytes.TrimRight(part, "\r\n"), true, nil
	}
}

func parseLDIFEntry(texts []string) (ldifEntry, error) {
	e := ldifEntry{change: "add"}
	for i, text := range texts {
		line, err := parseLDIFLine(text)
		if err != nil {
			return e, err
		}
		switch {
		case i == 0:
			if line.name != ldifEntryName {
				return e, fmt.Errorf("%w: a record without a name", errLDIF)
			}
			b, err := line.bytes()
			if err != nil || len(b) > maxLDIFName {
				return e, fmt.Errorf("%w: name of a record", errLDIF)
			}
			e.name = comparableName(string(b))
		case line.name == ldifControl && len(e.lines) == 0:
		case line.name == ldifChangeType && len(e.lines) == 0:
			e.change = strings.ToLower(line.value)
		default:
			e.lines = append(e.lines, line)
		}
	}
	return e, nil
}

func parseLDIFLine(text string) (ldifLine, error) {
	if text == ldifSeparator {
		return ldifLine{name: ldifSeparator}, nil
	}
	name, value, found := strings.Cut(text, ":")
	if !found || name == "" || strings.HasPrefix(value, "<") { // a value elsewhere is not fetched
		return ldifLine{}, fmt.Errorf("%w: a line without a value", errLDIF)
	}
	value, encoded := strings.CutPrefix(value, ":")
	name, _, _ = strings.Cut(name, ";")
	return ldifLine{name: strings.ToLower(name), value: strings.Trim(value, " "), base64: encoded}, nil
}

// comparableName makes names of the same entry the same, whatever the case and the
// spaces between their parts.
func comparableName(name string) string {
	parts := strings.Split(strings.ToLower(name), ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return strings.Join(parts, ",")
}
