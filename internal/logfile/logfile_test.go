package logfile_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"passport-agent/internal/logfile"
)

const patience = 20 * time.Second

// logged is a log file and what it has said of itself.
type logged struct {
	*logfile.File
	path   string
	failed []error
}

func logTo(t *testing.T, path string) *logged {
	t.Helper()
	l := &logged{path: path}
	l.File = logfile.New(logfile.Options{Path: path, MiB: 1, Kept: 2, Failed: func(err error) { l.failed = append(l.failed, err) }})
	t.Cleanup(l.Close)
	return l
}

func (l *logged) say(message string, attributes ...any) {
	slog.New(slog.NewTextHandler(l, nil)).Info(message, attributes...)
}

func (l *logged) text(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(l.path)
	require.NoError(t, err)
	return string(b)
}

// old returns the files that were put aside.
func (l *logged) old(t *testing.T) []string {
	t.Helper()
	old, err := filepath.Glob(strings.TrimSuffix(l.path, ".log") + "-*.log")
	require.NoError(t, err)
	return old
}

// newest is the last file that was put aside; empty where none was.
func (l *logged) newest(t *testing.T) string {
	t.Helper()
	return slices.Max(append(l.old(t), ""))
}

// full writes records until a new file has been begun.
func (l *logged) full(t *testing.T, name string) {
	t.Helper()
	before := l.newest(t)
	for n := range 2000 {
		l.say(name, "n", n, "filling", strings.Repeat("x", 1000))
		if l.newest(t) != before {
			return
		}
	}
	require.FailNow(t, "no new file is begun")
}

// The file and its folder are its owner's, however often a new one is begun; a mode that
// an administrator has given the file stays.
func TestTheFileIsItsOwners(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes: the profile's permissions keep others out")
	}
	mode := func(path string) os.FileMode {
		info, err := os.Stat(path)
		require.NoError(t, err)
		return info.Mode().Perm()
	}
	l := logTo(t, filepath.Join(t.TempDir(), "new", "log", "agent.log"))
	l.full(t, "first")
	require.Equal(t, os.FileMode(0o700), mode(filepath.Dir(l.path)))
	require.Equal(t, os.FileMode(0o700), mode(filepath.Dir(filepath.Dir(l.path))))
	for _, path := range append(l.old(t), l.path, l.path+".lock") {
		require.Equal(t, os.FileMode(0o600), mode(path), path)
	}
	require.NoError(t, os.Chmod(l.path, 0o640))
	l.full(t, "second")
	require.Equal(t, os.FileMode(0o640), mode(l.path))
	require.Empty(t, l.failed)
}

// However much is said, the files hold no more than they may, and the newest records.
func TestTheLogIsBounded(t *testing.T) {
	l := logTo(t, filepath.Join(t.TempDir(), "agent.log"))
	for _, name := range []string{"first", "second", "third", "fourth", "fifth"} {
		l.full(t, name)
	}
	l.say("the last")
	require.Eventually(t, func() bool { return len(l.old(t)) == 2 }, patience, time.Millisecond)
	size := int64(0)
	for _, path := range append(l.old(t), l.path) {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.LessOrEqual(t, info.Size(), int64(1<<20))
		size += info.Size()
	}
	require.Greater(t, size, int64(2<<20)-4096)
	require.Contains(t, l.text(t), "the last")
	require.Empty(t, l.failed)
}

// A program that starts anew goes on in the file that is there, on a line of its own.
func TestTheNextStartGoesOnInTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.log")
	first := logTo(t, path)
	first.say("first")
	first.Close()
	first.say("after the end")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString("time=2027-01-01T08:00:00Z level=INFO msg=lost-po")
	require.NoError(t, err)
	require.NoError(t, f.Close())

	second := logTo(t, path)
	second.say("second")
	require.Regexp(t, `^time=\S+ level=INFO msg=first\n.*msg=lost-po\ntime=\S+ level=INFO msg=second\n$`, second.text(t))
}

// The second process leaves the file alone and says so once; it takes over when the
// first has ended.
func TestOneProcessWritesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.log")
	first, second := logTo(t, path), logTo(t, path)
	first.say("first")
	second.say("second")
	second.say("second")
	require.Len(t, second.failed, 1)
	require.ErrorContains(t, second.failed[0], "another process")
	require.NotContains(t, first.text(t), "second")
	first.Close()
	second.say("third")
	require.Regexp(t, `msg=first\n.*level=WARN msg="records are missing.*" lost=2\n.*msg=third\n$`, second.text(t))
	require.Len(t, second.failed, 1)
}

// Whoever takes file or folder away finds the next record in a new one.
func TestFileAndFolderThatVanishAreMadeAgain(t *testing.T) {
	l := logTo(t, filepath.Join(t.TempDir(), "log", "agent.log"))
	l.say("first")
	require.NoError(t, os.Rename(l.path, l.path+".away"))
	l.say("second")
	require.NotContains(t, l.text(t), "first")
	require.Contains(t, l.text(t), "second")
	require.NoError(t, os.RemoveAll(filepath.Dir(l.path)))
	l.say("third")
	require.Contains(t, l.text(t), "third")
	require.Empty(t, l.failed)
	if runtime.GOOS != "windows" {
		info, err := os.Stat(filepath.Dir(l.path))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	}
}

// A file that cannot be written costs a word, once, and the records until then.
func TestWhatCannotBeWrittenIsSaidOnce(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(folder, nil, 0o600))
	l := logTo(t, filepath.Join(folder, "agent.log"))
	for range 3 {
		n, err := l.Write([]byte("record\n"))
		require.NoError(t, err)
		require.Equal(t, 7, n)
	}
	require.Len(t, l.failed, 1)
	require.NoError(t, os.Remove(folder))
	l.say("mended")
	require.Regexp(t, `lost=3\n.*msg=mended\n$`, l.text(t))
	require.Len(t, l.failed, 1)
}

func TestRecordsOfManyGoroutinesStayWhole(t *testing.T) {
	l := logTo(t, filepath.Join(t.TempDir(), "agent.log"))
	var saying sync.WaitGroup
	for n := range 8 {
		saying.Go(func() {
			for range 300 {
				l.say("one", "n", n)
			}
		})
	}
	saying.Wait()
	require.Regexp(t, `^(time=\S+ level=INFO msg=one n=\d\n)+$`, l.text(t))
	require.Equal(t, 2400, strings.Count(l.text(t), "\n"))
}

// The newest records of the file and the one before it, whole and in order; what is no
// record stays where it is.
func TestTheNewestRecords(t *testing.T) {
	l := logTo(t, filepath.Join(t.TempDir(), "agent.log"))
	l.say("alone")
	newest, err := logfile.Newest(l.path, 1<<20)
	require.NoError(t, err)
	require.Equal(t, l.text(t), string(newest))

	l.full(t, "full")
	l.say("last", "foreign", "\ntime=2027-01-01T08:00:00Z level=INFO msg=forged\n")
	newest, err = logfile.Newest(l.path, 10_000)
	require.NoError(t, err)
	require.LessOrEqual(t, len(newest), 10_000)
	require.Greater(t, len(newest), 8_000)
	require.Regexp(t, `^(time=\S+ level=INFO msg=full n=\d+ filling=x+\n){8,9}time=\S+ level=INFO msg=last foreign=".*"\n$`, string(newest))
	numbers := regexp.MustCompile(` n=(\d+) `).FindAllStringSubmatch(string(newest), -1)
	for n := range len(numbers) - 1 {
		require.Equal(t, number(t, numbers[n][1])+1, number(t, numbers[n+1][1]))
	}

	// Cut within the foreign text, it is no record either.
	for limit := int64(20); limit < 200; limit++ {
		newest, err = logfile.Newest(l.path, limit)
		require.NoError(t, err)
		require.NotRegexp(t, `(?m)^time=\S+ level=INFO msg=forged`, string(newest))
	}

	require.NoError(t, os.WriteFile(l.path, []byte("root:x:0:0\nlevel=INFO msg=no\n"), 0o600))
	newest, err = logfile.Newest(l.path, 20)
	require.NoError(t, err)
	require.Empty(t, newest)
	_, err = logfile.Newest(t.TempDir(), 20)
	require.Error(t, err)
	_, err = logfile.Newest(filepath.Join(t.TempDir(), "missing"), 20)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func number(t *testing.T, digits string) (n int) {
	t.Helper()
	_, err := fmt.Sscan(digits, &n)
	require.NoError(t, err)
	return n
}
