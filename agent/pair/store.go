package pair

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"passport-agent/internal/fault"
	"passport-agent/internal/format"
)

const storeVersion = 1

// stored is the form of the file of pairings. It holds no token.
type stored struct {
	Version  int      `json:"version"`
	Pairings []paired `json:"pairings"`
}

var errOthersWrite = errors.New("other users may write it")

// load reads the pairings. Whoever can write the file can call the agent, so that a
// file which others may write is not believed. One that a newer version of the program
// has written is left as it is: the agent's own page needs no pairing.
func (g *Guard) load() error {
	path := g.options.Store
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0 {
		err = errOthersWrite
	}
	var b []byte
	if err == nil {
		b, err = os.ReadFile(path)
	}
	if err == nil {
		_, err = format.Version(b, storeVersion)
	}
	if errors.Is(err, format.ErrNewer) {
		g.newer = fault.New(fault.FileNewer, path, nil)
		return nil
	}
	var content stored
	if err == nil {
		err = json.Unmarshal(b, &content)
	}
	if err != nil {
		return fault.New(fault.PairingStore, path, err)
	}
	g.paired = content.Pairings
	return nil
}

// save writes the pairings, so that a crash leaves the old file or the new one.
func (g *Guard) save() error {
	if g.newer != nil {
		return g.newer
	}
	path := g.options.Store
	if path == "" {
		return nil
	}
	b, err := json.MarshalIndent(stored{storeVersion, g.paired}, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err == nil {
		err = replace(path, append(b, '\n'))
	}
	if err != nil {
		return fault.New(fault.PairingStore, path, err)
	}
	return nil
}

// replace writes beside the file, for its owner alone, and renames.
func replace(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
