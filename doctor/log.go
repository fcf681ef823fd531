package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// logFile makes sure that records can be written where they are to go. Documents are
// read without a log, too: nothing here is more than a warning.
func (e *examination) logFile(context.Context) {
	const check = "log_file"
	if e.LogFile == "" {
		e.skip(check, "log_file is not set: the agent's log goes to standard error alone")
		return
	}
	info, err := os.Stat(e.LogFile)
	switch {
	case err == nil && !info.Mode().IsRegular():
		err = errors.New("it is no file")
	case err == nil:
		var f *os.File
		if f, err = os.OpenFile(e.LogFile, os.O_WRONLY|os.O_APPEND, 0); err == nil {
			err = f.Close()
		}
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	if err == nil {
		_, err = writable(nearest(filepath.Dir(e.LogFile)))
	}
	switch {
	case errors.Is(err, syscall.ENOSPC):
		e.add(Finding{
			Check: check, Result: Warning, Text: e.LogFile + ": " + reason(err), Cause: "The disk is full: the agent works, and its log is lost.",
			Mend: "Free space on that disk: df -h " + filepath.Dir(e.LogFile) + "; log_file_mib and log_files_kept make the log smaller.",
		})
	case err != nil:
		e.add(Finding{
			Check: check, Result: Warning, Text: e.LogFile + ": " + reason(err), Cause: "This user may not write the log file, or its path leads elsewhere: the agent works, and its log is lost.",
			Mend: "Name another file with log_file, or " + e.giveFolder(),
		})
	case info != nil && info.Mode().Perm()&0o007 != 0 && runtime.GOOS != "windows":
		e.add(Finding{
			Check: check, Result: Warning, Text: fmt.Sprintf("%s has mode %v", e.LogFile, info.Mode().Perm()), Cause: "Every user of this machine can read the log.",
			Mend: "chmod o= " + e.LogFile,
		})
	default:
		e.add(Finding{Check: check, Result: OK, Text: e.LogFile + " can be written"})
	}
}

// giveFolder is the command by which this user may write into the log's folder.
func (e *examination) giveFolder() string {
	folder := filepath.Dir(e.LogFile)
	if runtime.GOOS == "windows" {
		return fmt.Sprintf(`let this user write there: icacls "%s" /grant "%%USERNAME%%:(OI)(CI)M"`, folder)
	}
	return fmt.Sprintf("make a folder of this user's for it: sudo install -d -m 700 -o %d %s", os.Getuid(), folder)
}

// nearest is the folder, or the one above it that is there and in which it is made.
func nearest(folder string) string {
	for {
		_, err := os.Stat(folder)
		above := filepath.Dir(folder)
		if !errors.Is(err, fs.ErrNotExist) || above == folder {
			return folder
		}
		folder = above
	}
}
