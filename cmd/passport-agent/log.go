package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"path/filepath"

	"passport-agent/internal/config"
	"passport-agent/internal/fault"
	"passport-agent/internal/logfile"
)

// setUpLog logs on standard error, at the level of the flag; settings may say another.
func (a *app) setUpLog() error {
	a.stderrLevel.Set(slog.LevelWarn)
	if a.logLevel != "" {
		level, err := parseLevel(a.logLevel)
		if err != nil {
			return fault.New(fault.Usage, fmt.Sprintf("--log-level takes debug, info, warn or error, not %q", a.logLevel), nil)
		}
		a.stderrLevel.Set(level)
	}
	slog.SetDefault(slog.New(a.stderrHandler()))
	return nil
}

func parseLevel(text string) (level slog.Level, err error) {
	err = level.UnmarshalText([]byte(text))
	return level, err
}

func (a *app) stderrHandler() slog.Handler {
	return slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: &a.stderrLevel})
}

// settleLevel takes the level of the settings where no flag was given.
func (a *app) settleLevel(settings config.Config) {
	if level, err := parseLevel(settings.LogLevel); err == nil && a.logLevel == "" {
		a.stderrLevel.Set(level)
	}
}

// openLog begins the log of the agent, which says more than that of a command: also
// what goes well, unless something else was asked for. On a terminal, standard error
// stays for what does not: there the progress tells the rest. The file is the agent's
// alone, because a second process would rename it under the first; a command has its
// terminal, and the audit log.
func (a *app) openLog(settings config.Config) (end func()) {
	level := slog.LevelInfo
	asked := cmp.Or(a.logLevel, settings.LogLevel)
	if asked != "" {
		level = a.stderrLevel.Level()
	} else if !a.errIsTerminal {
		a.stderrLevel.Set(level)
	}
	path := a.logPath(settings)
	if path == "" {
		if settings.LogFile != "" {
			a.note("Warning: there is no data folder for the log file %s: name it with its whole path.", settings.LogFile)
		}
		slog.SetDefault(slog.New(a.stderrHandler()))
		return func() {}
	}
	stderr := a.stderrHandler()
	file := logfile.New(logfile.Options{Path: path, MiB: settings.LogFileMiB, Kept: settings.LogFilesKept, Failed: func(err error) {
		slog.New(stderr).Error("the log file cannot be written: until it can, standard error alone has the log; passport-agent doctor tells what mends it", "file", path, "error", err)
	}})
	slog.SetDefault(slog.New(slog.NewMultiHandler(stderr, slog.NewTextHandler(file, &slog.HandlerOptions{Level: level}))))
	return file.Close
}

// logPath is where the log file is: one that is named without a folder of its own
// stands in the data folder, so that one setting does for all users of a machine. It is
// empty where there is none.
func (a *app) logPath(settings config.Config) string {
	switch {
	case settings.LogFile == "" || filepath.IsAbs(settings.LogFile):
		return settings.LogFile
	case a.dataFolder() == "":
		return ""
	}
	return filepath.Join(a.dataFolder(), settings.LogFile)
}
