package api

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"passport-agent/internal/fault"
	"passport-agent/internal/format"
)

// PortFile tells programs of the same user where the agent is and lets them call it.
type PortFile struct {
	// Version is that of the format; Write sets it.
	Version int    `json:"version"`
	PID     int    `json:"pid"`
	Port    int    `json:"port"`
	URL     string `json:"url"`
	Token   string `json:"token"`
}

const formatPortFile = 1

// Write writes the file, for its owner alone. It fails with fault.OutputFailed.
func (f PortFile) Write(path string) error {
	f.Version = formatPortFile
	b, err := json.Marshal(f)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err == nil {
		err = replace(path, append(b, '\n'))
	}
	if err != nil {
		return fault.New(fault.OutputFailed, "port file", err)
	}
	return nil
}

// replace replaces a file, so that nobody who had the old one open sees the new.
func replace(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// ReadPortFile reads the file of a running agent. It fails with fault.InputFileMissing,
// or with fault.FileNewer where that agent is of a newer version.
func ReadPortFile(path string) (PortFile, error) {
	var f PortFile
	b, err := os.ReadFile(path)
	if err == nil {
		_, err = format.Version(b, formatPortFile)
	}
	if errors.Is(err, format.ErrNewer) {
		return PortFile{}, fault.New(fault.FileNewer, path, nil)
	}
	if err == nil || errors.Is(err, format.ErrNoVersion) { // the first agents wrote none
		err = json.Unmarshal(b, &f)
	}
	if err != nil {
		return PortFile{}, fault.New(fault.InputFileMissing, "port file: no agent runs for this user and data folder", err)
	}
	return f, nil
}

// Remove removes the file of this process; that of another agent stays.
func (f PortFile) Remove(path string) {
	if now, err := ReadPortFile(path); err == nil && now.PID == f.PID && now.Port == f.Port {
		_ = os.Remove(path) // a file that stays says who it was of
	}
}
