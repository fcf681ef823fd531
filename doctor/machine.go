package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"time"

	"passport-agent/internal/fault"
)

func (e *examination) configuration(context.Context) {
	if e.Inspect == nil {
		e.skip("configuration", "not looked at")
		return
	}
	e.inspected = e.Inspect()
	if len(e.inspected.Problems) == 0 {
		e.add(Finding{Check: "configuration", Result: OK, Text: fmt.Sprintf("%d file(s) and the environment are without mistakes", len(e.inspected.Files))})
	}
	for _, p := range e.inspected.Problems {
		e.add(Finding{Check: "configuration", Result: Problem, Text: p.Place + ": " + p.Text, Cause: "A setting is missing or not valid.", Mend: p.Mend, Code: fault.ConfigInvalid})
	}
}

// dataFolder makes sure that files can be written there, by writing one.
func (e *examination) dataFolder(context.Context) {
	const check = "data_folder"
	if e.Folder == "" {
		e.add(Finding{
			Check: check, Result: Warning, Text: "there is no folder to keep anything in", Cause: "Neither HOME nor XDG_DATA_HOME names a folder.",
			Mend: "Name one with --data-dir; without it nothing can be deferred and no trust list is kept.",
		})
		return
	}
	probe, err := writable(e.Folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.add(Finding{Check: check, Result: OK, Text: e.Folder + " is made when it is first needed"})
	case err != nil:
		e.add(Finding{
			Check: check, Result: Problem, Text: e.Folder + ": " + reason(err), Cause: "This user may not write into the data folder, or its disk is full.",
			Mend: fmt.Sprintf("Give it to this user: chown -R %d %s; chmod 700 %s; or free space on its disk.", os.Getuid(), e.Folder, e.Folder),
		})
	case probe.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows":
		e.add(Finding{
			Check: check, Result: Warning, Text: fmt.Sprintf("%s has mode %v", e.Folder, probe.Mode().Perm()), Cause: "Other users of this machine can look into it.",
			Mend: "chmod 700 " + e.Folder,
		})
	default:
		e.add(Finding{Check: check, Result: OK, Text: e.Folder + " can be written to"})
	}
}

func writable(folder string) (fs.FileInfo, error) {
	info, err := os.Stat(folder)
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(folder, ".doctor-*")
	if err != nil {
		return nil, err
	}
	_, err = f.Write(make([]byte, 4096))
	return info, errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// reason is an error of the file system without the path, which is told apart.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// built is a day before which no clock that is right can be: this program did not exist.
var built = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// clock finds a clock that is far off. One that is a little off shows when the service
// answers.
func (e *examination) clock(context.Context) {
	if now := e.Now(); now.Before(built) {
		e.wrongClock("the clock of this machine says " + now.Format(time.DateOnly))
	}
}

func (e *examination) wrongClock(text string) {
	e.add(Finding{
		Check: "clock", Result: Problem, Text: text, Cause: "The clock is wrong: dates of documents and certificates are judged by it.",
		Mend: "Set it: timedatectl set-ntp true",
	})
}

// readerModules are kernel modules that take readers away from pcscd, with a part of the
// names of the readers that they take.
var readerModules = map[string][]string{"pn533_usb": {"ACR122", "SCL3711"}}

// kernelModules looks for modules that grab readers (Linux).
func (e *examination) kernelModules(context.Context) {
	if e.System == nil {
		return
	}
	for module, readers := range readerModules {
		if _, err := fs.Stat(e.System, "sys/module/"+module); err != nil {
			continue
		}
		result := Warning
		if len(e.plugged) == 0 {
			result = Problem
		}
		e.add(Finding{
			Check: "kernel_modules", Result: result, Text: fmt.Sprintf("the kernel module %s is loaded; it takes readers such as %s away from the smart card service", module, strings.Join(readers, " and ")),
			Cause: "The kernel drives the reader as a radio of its own.",
			Mend:  fmt.Sprintf("echo 'blacklist %s' | sudo tee /etc/modprobe.d/passport-agent.conf; sudo modprobe -r %s; then plug the reader in again", module, module),
		})
		return
	}
	e.add(Finding{Check: "kernel_modules", Result: OK, Text: "no kernel module takes readers away"})
}
