// Package audit is a log of what was read and uploaded that tells when it was
// changed: each record names the SHA-256 of the one before, and whoever has noted
// the head notices when records at the end are missing. It holds nothing personal.
package audit

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"passport-agent/internal/disk"
	"passport-agent/internal/fault"
)

// Kinds of records.
const (
	KindRead   = "read"   // a document was read, or the reading failed
	KindUpload = "upload" // an upload came to its end
	KindDrop   = "drop"   // something that was queued is gone without having been delivered
	KindShift  = "shift"  // somebody has begun at the desk, or nobody is there any more
)

// Record is one entry. Of it, Version, Sequence, Time and Previous are filled in by
// Append.
type Record struct {
	// Version is that of this record. The chain is over the bytes of the lines: records
	// of several versions stand in one log, and each version goes on after any other.
	// Fields are added in a new version and never change their meaning; 0, in records
	// from before versions were written, is 1.
	Version  int       `json:"version"`
	Sequence int       `json:"seq"`
	Time     time.Time `json:"time"`
	Kind     string    `json:"kind"`
	// TransactionID is that of the reading.
	TransactionID string `json:"transactionId,omitempty"`
	// Operator is the label of who was at the desk, as the desk gave it: opaque here.
	Operator string `json:"operator,omitempty"`
	// Item is the queue's name for what was uploaded.
	Item string `json:"item,omitempty"`
	// Session is the SHA-256 of the session's id, in hexadecimal.
	Session   string  `json:"sessionHash,omitempty"`
	Software  string  `json:"software,omitempty"`
	Profile   string  `json:"profile,omitempty"`
	TrustDate string  `json:"trustListDate,omitempty"`
	Seconds   float64 `json:"seconds,omitempty"`
	// Sizes are in bytes, by file or medium.
	Sizes map[string]int64 `json:"sizes,omitempty"`
	// Result is the verdict of a reading, or how an upload ended.
	Result string            `json:"result"`
	Checks map[string]string `json:"checks,omitempty"`
	Code   fault.Code        `json:"code,omitempty"`
	// Resent counts what was sent again after an answer was lost.
	Resent int `json:"resent,omitempty"`
	// Surplus counts media that the session has beyond what was to be sent.
	Surplus  int    `json:"surplus,omitempty"`
	Previous string `json:"previous"` // hexadecimal SHA-256 of the line before; zeros for the first
}

const formatRecord = 1

// defaultFileBytes is the size at which a file of the log is followed by the next.
const defaultFileBytes = 8 << 20

// maxLine is the longest record that is read, in bytes.
const maxLine = 64 << 10

// Log is the log in a folder. The zero value of Disk, FileBytes and Now works.
type Log struct {
	Dir  string
	Disk disk.Disk
	// FileBytes is the size in bytes at which the next file begins; 0 is 8 MiB.
	FileBytes int64
	// Now is the clock; time.Now where nil.
	Now func() time.Time
}

func (l *Log) disk() disk.Disk {
	if l.Disk == nil {
		return disk.OS{}
	}
	return l.Disk
}

// Append adds a record, durably, and returns the head: the hexadecimal SHA-256 of
// the record's line. Several processes may append at once. It fails with
// fault.AuditUnavailable.
func (l *Log) Append(ctx context.Context, r Record) (head string, err error) {
	head, err = l.append(ctx, r)
	if err != nil {
		return "", fault.New(fault.AuditUnavailable, "", err)
	}
	return head, nil
}

func (l *Log) append(ctx context.Context, r Record) (head string, err error) {
	if err := disk.MakeDir(l.disk(), l.Dir); err != nil {
		return "", err
	}
	lock, err := disk.WaitLock(ctx, filepath.Join(l.Dir, "lock"))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	end, err := l.end()
	if err != nil {
		return "", err
	}
	r.Version, r.Sequence, r.Previous = formatRecord, end.sequence+1, end.hash
	r.Time = time.Now().UTC()
	if l.Now != nil {
		r.Time = l.Now().UTC()
	}
	line, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	if err := l.write(end, r.Sequence, append(line, '\n')); err != nil {
		return "", err
	}
	return hashOf(line), nil
}

func (l *Log) write(end end, sequence int, line []byte) (err error) {
	limit := l.FileBytes
	if limit == 0 {
		limit = defaultFileBytes
	}
	name, fresh := end.file, false
	if name == "" || end.size >= limit && !end.torn {
		name, fresh = fileName(sequence), true
	}
	f, err := l.disk().Append(filepath.Join(l.Dir, name))
	if err != nil {
		return err
	}
	if !fresh && end.torn {
		err = f.Truncate(end.size)
	}
	if err == nil {
		_, err = f.Write(line)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if fresh {
		return l.disk().SyncDir(l.Dir)
	}
	return nil
}

func hashOf(line []byte) string {
	digest := sha256.Sum256(line)
	return hex.EncodeToString(digest[:])
}

var zeroHash = strings.Repeat("0", 2*sha256.Size)

func fileName(sequence int) string { return fmt.Sprintf("%012d.jsonl", sequence) }

// files returns the names of the log's files, oldest first.
func (l *Log) files() ([]string, error) {
	entries, err := os.ReadDir(l.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".jsonl") && e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// end is where the log ends.
type end struct {
	file     string // empty for an empty log
	size     int64  // of what is complete in file
	torn     bool   // something incomplete follows
	sequence int
	hash     string
}

// end finds the last complete record. What follows it was being written when power
// was lost, so that nobody was told that it is there. A file in which nothing is
// complete is left out.
func (l *Log) end() (end, error) {
	names, err := l.files()
	if err != nil {
		return end{}, err
	}
	for i := len(names) - 1; i >= 0; i-- {
		e, err := l.endOf(names[i])
		if err != nil || e.hash != "" {
			return e, err
		}
		if i == 0 {
			return end{file: names[0], torn: e.torn, hash: zeroHash}, nil
		}
		// The file was begun and has no record yet: it goes on with what is before it.
		before, err := l.endOf(names[i-1])
		if err != nil || before.hash != "" {
			return end{file: names[i], torn: e.torn, sequence: before.sequence, hash: before.hash}, err
		}
	}
	return end{hash: zeroHash}, nil
}

// endOf looks at the tail of one file.
func (l *Log) endOf(name string) (e end, err error) {
	f, err := os.Open(filepath.Join(l.Dir, name))
	if err != nil {
		return end{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return end{}, err
	}
	from := max(info.Size()-2*maxLine, 0)
	tail := make([]byte, info.Size()-from)
	if _, err := f.ReadAt(tail, from); err != nil && !errors.Is(err, io.EOF) {
		return end{}, err
	}
	e = end{file: name, size: from}
	last := bytes.LastIndexByte(tail, '\n')
	e.torn = last+1 < len(tail)
	if last < 0 {
		return e, nil
	}
	e.size += int64(last) + 1
	line := tail[bytes.LastIndexByte(tail[:last], '\n')+1 : last]
	var r Record
	if err := json.Unmarshal(line, &r); err != nil {
		return end{}, fault.New(fault.AuditDamaged, name, nil)
	}
	e.sequence, e.hash = r.Sequence, hashOf(line)
	return e, nil
}

// State is what Verify has found.
type State struct {
	// Records is how many there are, First the sequence number of the oldest:
	// more than 1 where older files were taken away.
	Records int `json:"records"`
	First   int `json:"first"`
	// Head is the hexadecimal SHA-256 of the newest record, zeros where there is none.
	Head string `json:"head"`
	// Torn says that the last line was being written when power was lost.
	Torn bool `json:"torn"`
	// Newer is how many records a newer version of the program has written: they are in
	// the chain, and this one may not know all of their fields.
	Newer int `json:"newer,omitempty"`
}

// Verify checks the chain from its oldest record to its newest, and that a record
// whose head was noted before is still in it (expect; empty for none). each may be
// nil and is told of every record. It fails with fault.AuditDamaged,
// fault.AuditTruncated or fault.AuditUnavailable.
func (l *Log) Verify(expect string, each func(Record)) (State, error) {
	state := State{Head: zeroHash}
	names, err := l.files()
	if err != nil {
		return state, fault.New(fault.AuditUnavailable, "", err)
	}
	found := expect == "" || strings.EqualFold(expect, zeroHash)
	for i, name := range names {
		err := l.verifyFile(name, i == len(names)-1, &state, func(r Record, hash string) {
			found = found || strings.EqualFold(expect, hash)
			if each != nil {
				each(r)
			}
		})
		if err != nil {
			return state, err
		}
	}
	if !found {
		return state, fault.New(fault.AuditTruncated, "", nil)
	}
	return state, nil
}

func (l *Log) verifyFile(name string, newest bool, state *State, each func(Record, string)) (err error) {
	f, err := os.Open(filepath.Join(l.Dir, name))
	if err != nil {
		return fault.New(fault.AuditUnavailable, "", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	lines := bufio.NewReaderSize(f, maxLine)
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF) && len(line) == 0:
			return nil
		case errors.Is(err, io.EOF) && newest:
			state.Torn = true
			return nil
		case err != nil:
			return damaged(name, n, "is not complete")
		}
		line = bytes.TrimSuffix(line, []byte("\n"))
		var r Record
		if json.Unmarshal(line, &r) != nil {
			return damaged(name, n, "is not a record")
		}
		if n == 1 && fileName(r.Sequence) != name {
			return damaged(name, n, "does not begin this file")
		}
		if state.Records == 0 {
			state.First = r.Sequence
			if r.Sequence == 1 && r.Previous != zeroHash {
				return damaged(name, n, "does not begin the log")
			}
		} else if r.Previous != state.Head || r.Sequence != state.First+state.Records {
			return damaged(name, n, "does not follow the one before")
		}
		if r.Version > formatRecord {
			state.Newer++
		}
		state.Records++
		state.Head = hashOf(line)
		each(r, state.Head)
	}
}

func damaged(name string, line int, how string) error {
	return fault.New(fault.AuditDamaged, fmt.Sprintf("line %d of %s %s", line, name, how), nil)
}

// Items returns the names of the items that ended with one of these results.
func (l *Log) Items(results ...string) (map[string]bool, error) {
	items := map[string]bool{}
	_, err := l.Verify("", func(r Record) {
		if r.Item != "" && slices.Contains(results, r.Result) {
			items[r.Item] = true
		}
	})
	return items, err
}
