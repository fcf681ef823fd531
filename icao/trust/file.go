package trust

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"passport-agent/internal/cms"
	"passport-agent/internal/fault"
)

// fileName is the store in the folder that the program gives.
const (
	fileName     = "trust.json"
	storeVersion = 1
	maxStoreSize = 256 << 20
)

// stored is the form of the file.
type stored struct {
	Version         int                 `json:"version"`
	Lists           []List              `json:"lists"`
	Certificates    []storedCertificate `json:"certificates"`
	RevocationLists [][]byte            `json:"revocationLists"`
}

type storedCertificate struct {
	SHA256  []byte   `json:"sha256"`
	Sources []string `json:"sources"`
	DER     []byte   `json:"der"`
}

// Load reads the store of a folder; where there is none yet it is empty. Whoever
// can write the file decides what is trusted. It fails with
// fault.TrustStoreDamaged, fault.TrustStoreNewer or fault.TrustStoreUnavailable.
func Load(ctx context.Context, folder string) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	path := filepath.Join(folder, fileName)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &Store{}, nil
	}
	if err != nil {
		return nil, fault.New(fault.TrustStoreUnavailable, "", err)
	}
	defer func() { _ = f.Close() }() // it was only read from
	b, err := io.ReadAll(io.LimitReader(f, maxStoreSize+1))
	if err != nil {
		return nil, fault.New(fault.TrustStoreUnavailable, "", err)
	}
	var content stored
	if err := json.Unmarshal(b, &content); err != nil || content.Version < 1 || len(b) > maxStoreSize {
		return nil, fault.New(fault.TrustStoreDamaged, path, err)
	}
	if content.Version > storeVersion {
		return nil, fault.New(fault.TrustStoreNewer, path, nil)
	}
	s, err := content.store()
	if err != nil {
		return nil, fault.New(fault.TrustStoreDamaged, path, err)
	}
	return s, nil
}

var errFingerprint = errors.New("a certificate differs from its fingerprint")

func (f stored) store() (*Store, error) {
	s := &Store{lists: f.Lists}
	for _, record := range f.Certificates {
		fingerprint := sha256.Sum256(record.DER)
		if !bytes.Equal(fingerprint[:], record.SHA256) || len(record.Sources) == 0 {
			return nil, errFingerprint
		}
		c, err := cms.ParseCertificate(record.DER)
		if err != nil {
			return nil, err
		}
		e := &entry{certificate: c, fingerprint: fingerprint, sources: record.Sources}
		s.certificates = append(s.certificates, e)
		s.index(e)
	}
	for _, der := range f.RevocationLists {
		list, err := cms.ParseCRL(der)
		if err != nil {
			return nil, err
		}
		s.revocations = append(s.revocations, list)
	}
	return s, nil
}

// Save writes the store into a folder, which is made where need be. A reader finds
// the old store or the new one, and so does the program after a crash. It fails
// with fault.TrustStoreUnavailable, or with the context's error.
func (s *Store) Save(ctx context.Context, folder string) error {
	content := stored{Version: storeVersion, Lists: s.lists}
	for _, e := range s.certificates {
		content.Certificates = append(content.Certificates, storedCertificate{e.fingerprint[:], e.sources, e.certificate.Raw})
	}
	for _, list := range s.revocations {
		content.RevocationLists = append(content.RevocationLists, list.Raw)
	}
	b, err := json.Marshal(content)
	if err != nil {
		return fault.New(fault.TrustStoreUnavailable, "", err)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fault.New(fault.TrustStoreUnavailable, "", err)
	}
	return replace(ctx, folder, b)
}

// replace writes beside the file and renames.
func replace(ctx context.Context, folder string, b []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, "."+fileName+".*")
	if err != nil {
		return fault.New(fault.TrustStoreUnavailable, "", err)
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close(), ctx.Err())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(folder, fileName))
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
		if ctx.Err() != nil {
			return err
		}
		return fault.New(fault.TrustStoreUnavailable, "", err)
	}
	return syncFolder(folder)
}

// syncFolder makes the renaming durable. Windows has no such call and does not
// need it.
func syncFolder(folder string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(folder)
	if err != nil {
		return fault.New(fault.TrustStoreUnavailable, "", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fault.New(fault.TrustStoreUnavailable, "", err)
	}
	return nil
}
