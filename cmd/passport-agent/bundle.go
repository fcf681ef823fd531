package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"os"
	"path"
	"runtime"
	"time"

	"passport-agent/internal/config"
	"passport-agent/internal/fault"
	"passport-agent/internal/logfile"
	"passport-agent/internal/secret"
)

// bundled is a file of the archive for support.
type bundled struct {
	name    string
	content []byte
}

// writeBundle makes the archive for support: nothing in it is secret or personal. The
// file is readable for its owner only and replaces none.
func (a *app) writeBundle(name string, report doctorReport) error {
	var members []bundled
	for _, document := range []struct {
		name    string
		content any
	}{
		{"version.json", versionReport{
			Schema: "passport-agent/version/1", Version: version, Commit: commit(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		}},
		{"config.json", a.inspect()},
		{"doctor.json", report},
	} {
		text, err := json.MarshalIndent(document.content, "", "  ")
		if err != nil {
			return fault.New(fault.OutputFailed, document.name, err)
		}
		members = append(members, bundled{document.name, text})
	}
	if records := a.newestRecords(); records != nil {
		members = append(members, bundled{"agent.log", records})
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fault.New(fault.OutputFailed, "", err)
	}
	compressed := gzip.NewWriter(f)
	archive := tar.NewWriter(compressed)
	now := time.Now()
	for _, m := range members {
		err = errors.Join(err, archive.WriteHeader(&tar.Header{
			Name: path.Join("passport-agent", m.name), Mode: 0o600, Size: int64(len(m.content)), ModTime: now, Format: tar.FormatPAX,
		}))
		_, writeErr := archive.Write(m.content)
		err = errors.Join(err, writeErr)
	}
	if err = errors.Join(err, archive.Close(), compressed.Close(), f.Sync(), f.Close()); err != nil {
		return fault.New(fault.OutputFailed, "", err)
	}
	return nil
}

// bundledLog is how much of the log file goes into the archive, in bytes: some days of
// a desk.
const bundledLog = 512 << 10

// newestRecords returns the newest of the log file. A secret that should not be in it is
// taken out all the same. A file that cannot be read is told by the finding about it.
func (a *app) newestRecords() []byte {
	settings := config.Inspect(a.configPath, a.lookup).Config
	path := a.logPath(settings)
	if path == "" {
		return nil
	}
	records, err := logfile.Newest(path, bundledLog)
	if err != nil {
		return nil
	}
	for _, s := range append([]secret.Text{settings.APISecret, settings.Proxy, settings.MetricsToken}, settings.VerifySecrets...) {
		if !s.Empty() {
			records = bytes.ReplaceAll(records, []byte(s.Reveal()), []byte("(removed)"))
		}
	}
	return records
}
