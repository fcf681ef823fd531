//go:build unix

package main

import (
	"log/slog"
	"os"
	"strings"
	"syscall"
)

// overwriteFreed starts the program anew, in this process, with a runtime that
// overwrites memory when it frees it: text that Go programs cannot overwrite
// themselves, such as a machine-readable zone, is then gone with the next collection.
// The runtime takes this setting (package runtime, GODEBUG, clobberfree) at its start
// only. Where it cannot be done, the program goes on without.
func overwriteFreed() {
	settings := os.Getenv("GODEBUG")
	if strings.Contains(settings, "clobberfree=") {
		return
	}
	if settings != "" {
		settings += ","
	}
	path, err := os.Executable()
	if err == nil {
		err = os.Setenv("GODEBUG", settings+"clobberfree=1")
	}
	if err == nil {
		err = syscall.Exec(path, os.Args, os.Environ())
	}
	slog.Warn("memory is freed without being overwritten", "error", err)
}
