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
	"strings"

	"passport-agent/internal/cms"
	"passport-agent/internal/fault"
	"passport-agent/internal/format"
)

// FileName is the store in the folder that the program gives. Document signers stand
// beside it, in a file that is named after its content and never changed; so a reader
// always has the one that belongs to the store it has read.
const (
	FileName     = "trust.json"
	storeVersion = 2
	maxStoreSize = 256 << 20
	loadAttempts = 5
)

// stored is the form of the file. In version 1 document signers stand among the
// certificates.
type stored struct {
	Version         int                 `json:"version"`
	Lists           []List              `json:"lists"`
	Certificates    []storedCertificate `json:"certificates"`
	RevocationLists [][]byte            `json:"revocationLists"`
	DefectLists     []storedDefectList  `json:"defectLists"`
	DocumentSigners *storedSigners      `json:"documentSigners"`
}

type storedCertificate struct {
	SHA256  []byte   `json:"sha256"`
	Sources []string `json:"sources"`
	DER     []byte   `json:"der"`
}

type storedDefectList struct {
	DefectList
	Content []byte `json:"content"`
}

type storedSigners struct {
	SHA256 []byte `json:"sha256"`
	Size   int64  `json:"size"`
	Count  int    `json:"count"`
}

// errReplaced says that another program has replaced the store while it was read.
var errReplaced = errors.New("the file of document signers is not there")

// Load reads the store of a folder; where there is none yet it is empty. Whoever
// can write the folder decides what is trusted. It fails with
// fault.TrustStoreDamaged, fault.TrustStoreNewer or fault.TrustStoreUnavailable.
func Load(ctx context.Context, folder string) (*Store, error) {
	path := filepath.Join(folder, FileName)
	for range loadAttempts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s, err := load(folder, path)
		if !errors.Is(err, errReplaced) {
			return s, err
		}
	}
	return nil, fault.New(fault.TrustStoreDamaged, path, errReplaced)
}

func load(folder, path string) (*Store, error) {
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
	if len(b) > maxStoreSize {
		return nil, fault.New(fault.TrustStoreDamaged, path, nil)
	}
	_, err = format.Version(b, storeVersion)
	if errors.Is(err, format.ErrNewer) {
		return nil, fault.New(fault.TrustStoreNewer, path, nil)
	}
	if err == nil {
		err = json.Unmarshal(b, &content)
	}
	if err != nil {
		return nil, fault.New(fault.TrustStoreDamaged, path, err)
	}
	s, err := content.store()
	if err != nil {
		return nil, fault.New(fault.TrustStoreDamaged, path, err)
	}
	return s, s.openSigners(folder, path, content.DocumentSigners)
}

// openSigners opens the file of document signers and does not read it.
func (s *Store) openSigners(folder, path string, of *storedSigners) error {
	if of == nil {
		return nil
	}
	set := &signerSet{size: of.Size, count: of.Count}
	if copy(set.sum[:], of.SHA256) != len(set.sum) || of.Size < 0 || of.Size > maxSignersSize || of.Count < 0 {
		return fault.New(fault.TrustStoreDamaged, path, errSigners)
	}
	f, err := os.Open(filepath.Join(folder, signersFile(set.sum)))
	if errors.Is(err, fs.ErrNotExist) {
		return errReplaced
	}
	if err != nil {
		return fault.New(fault.TrustStoreUnavailable, "", err)
	}
	set.file, s.signers = f, set
	return nil
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
		if !isCountrySigner(c) {
			if _, err := s.addSigner("", record.DER); err != nil {
				return nil, err
			}
			continue
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
	for _, record := range f.DefectLists {
		list, err := parseDefectList(record.Content)
		if err != nil {
			return nil, err
		}
		list.DefectList = record.DefectList
		s.defectLists = append(s.defectLists, list)
	}
	return s, nil
}

// Save writes the store into a folder, which is made where need be, whatever was
// there. A reader finds the old store or the new one, and so does the program after a
// crash. It fails with fault.TrustStoreUnavailable or fault.TrustStoreBusy, or with the
// context's error.
func (s *Store) Save(ctx context.Context, folder string) error {
	return locked(ctx, folder, func() error { return s.save(ctx, folder) })
}

// Update changes the store of a folder: it is loaded, changed and saved while no other
// program can do so, or left as it is where change fails. It returns the store as it
// then is; the errors are those of Load, Save and change.
func Update(ctx context.Context, folder string, change func(*Store) error) (*Store, error) {
	var s *Store
	err := locked(ctx, folder, func() error {
		var err error
		if s, err = Load(ctx, folder); err != nil {
			return err
		}
		if err := change(s); err != nil {
			return err
		}
		return s.save(ctx, folder)
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Store) save(ctx context.Context, folder string) error {
	content := stored{Version: storeVersion, Lists: s.lists}
	for _, e := range s.certificates {
		content.Certificates = append(content.Certificates, storedCertificate{e.fingerprint[:], e.sources, e.certificate.Raw})
	}
	for _, list := range s.revocations {
		content.RevocationLists = append(content.RevocationLists, list.Raw)
	}
	for _, list := range s.defectLists {
		content.DefectLists = append(content.DefectLists, storedDefectList{list.DefectList, list.content})
	}
	var err error
	if content.DocumentSigners, err = s.saveSigners(ctx, folder); err != nil {
		return err
	}
	b, err := json.Marshal(content)
	if err != nil {
		return fault.New(fault.TrustStoreUnavailable, "", err)
	}
	if err := replace(ctx, folder, FileName, b); err != nil {
		return err
	}
	tidy(folder, content.DocumentSigners)
	return nil
}

// saveSigners writes the file of document signers, where it is not there already.
func (s *Store) saveSigners(ctx context.Context, folder string) (*storedSigners, error) {
	if s.DocumentSigners() == 0 {
		return nil, nil
	}
	set := s.signers
	if _, err := os.Stat(filepath.Join(folder, signersFile(set.sum))); err == nil && !set.changed {
		return &storedSigners{set.sum[:], set.size, set.count}, nil
	}
	signers, err := set.all()
	if err != nil {
		return nil, fault.New(fault.TrustStoreDamaged, filepath.Join(folder, FileName), err)
	}
	b, count := encodeSigners(signers)
	sum := sha256.Sum256(b)
	return &storedSigners{sum[:], int64(len(b)), count}, replace(ctx, folder, signersFile(sum), b)
}

// tidy takes away the files of document signers that no store names any more, and what
// a crash has left. What cannot be taken away, because somebody reads it, is for the
// next time.
func tidy(folder string, keep *storedSigners) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	for _, entry := range entries {
		name := entry.Name()
		isOld := strings.HasPrefix(name, "signers-") && (keep == nil || name != signersFile([sha256.Size]byte(keep.SHA256)))
		if isOld || strings.HasPrefix(name, temporary) {
			_ = os.Remove(filepath.Join(folder, name)) // as above
		}
	}
}

// temporary is how the names of files begin that are being written.
const temporary = ".writing-"

// replace writes beside the file and renames.
func replace(ctx context.Context, folder, name string, b []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, temporary+"*")
	if err != nil {
		return fault.New(fault.TrustStoreUnavailable, "", err)
	}
	_, err = f.Write(b)
	// Nothing in it is secret: who may read a store, its folder says. File systems
	// without modes refuse to set one.
	_ = f.Chmod(0o644)
	err = errors.Join(err, f.Sync(), f.Close(), ctx.Err())
	if err == nil {
		err = rename(f.Name(), filepath.Join(folder, name))
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
