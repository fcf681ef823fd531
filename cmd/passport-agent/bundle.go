package main

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"os"
	"path"
	"runtime"
	"time"

	"passport-agent/internal/fault"
)

// writeBundle makes the archive for support: nothing in it is secret or personal. The
// file is readable for its owner only and replaces none.
func (a *app) writeBundle(name string, report doctorReport) error {
	documents := map[string]any{
		"doctor.json": report,
		"config.json": a.inspect(),
		"version.json": versionReport{
			Schema: "passport-agent/version/1", Version: version, Commit: commit(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		},
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fault.New(fault.OutputFailed, "", err)
	}
	compressed := gzip.NewWriter(f)
	archive := tar.NewWriter(compressed)
	now := time.Now()
	for _, member := range []string{"version.json", "config.json", "doctor.json"} {
		text, encodeErr := json.MarshalIndent(documents[member], "", "  ")
		err = errors.Join(err, encodeErr, archive.WriteHeader(&tar.Header{
			Name: path.Join("passport-agent", member), Mode: 0o600, Size: int64(len(text)), ModTime: now, Format: tar.FormatPAX,
		}))
		_, writeErr := archive.Write(text)
		err = errors.Join(err, writeErr)
	}
	if err = errors.Join(err, archive.Close(), compressed.Close(), f.Sync(), f.Close()); err != nil {
		return fault.New(fault.OutputFailed, "", err)
	}
	return nil
}
