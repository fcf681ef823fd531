package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"passport-agent/icao"
	"passport-agent/internal/fault"
)

// chipMemory is what was learned about kinds of chips, kept between readings. It
// holds nothing about documents; without it reading costs a few commands more, so
// that its file is never worth an error.
type chipMemory struct {
	*icao.Memory
	path string
}

func (a *app) loadMemory() chipMemory {
	m := chipMemory{Memory: icao.NewMemory(nil)}
	dir := a.dataFolder()
	if dir == "" {
		return m
	}
	m.path = filepath.Join(dir, "chips.json")
	b, err := os.ReadFile(m.path)
	if err == nil {
		err = json.Unmarshal(b, m.Memory)
	}
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, fault.FileNewer):
		slog.Warn("what was learned about chips is neither used nor added to", "error", fault.New(fault.FileNewer, m.path, nil))
		m.path = ""
	default:
		slog.Warn("what was learned about chips cannot be read and is learned anew", "path", m.path, "error", err)
	}
	return m
}

func (m chipMemory) save() {
	if m.path == "" {
		return
	}
	b, err := json.Marshal(m.Memory)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(m.path), 0o700)
	}
	if err == nil {
		temporary := m.path + ".new"
		if err = os.WriteFile(temporary, b, 0o600); err == nil {
			err = os.Rename(temporary, m.path)
		}
	}
	if err != nil {
		slog.Warn("what was learned about chips cannot be kept", "path", m.path, "error", err)
	}
}
