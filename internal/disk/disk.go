// Package disk is the few operations by which durable records change a disk, and
// locks between processes. The operations are a seam: a test takes their place to
// lose power between any two of them.
package disk

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Disk changes files. Nothing that it has done is certain to be there after a
// power loss before it was synced: a file's content by File.Sync, its name by
// SyncDir of the folder.
type Disk interface {
	// Mkdir makes one folder that only its owner may enter.
	Mkdir(dir string) error
	// Create makes an empty file that only its owner may read, in place of any
	// of that name.
	Create(name string) (File, error)
	// Append opens a file to write at its end, and makes it where it is missing.
	Append(name string) (File, error)
	// Overwrite opens a file to write over what is there, from its beginning.
	Overwrite(name string) (File, error)
	// Rename gives a file another name in the same folder, in place of any of
	// that name.
	Rename(from, to string) error
	Remove(name string) error
	SyncDir(dir string) error
}

// File is a file that is written.
type File interface {
	io.WriteCloser
	Truncate(size int64) error
	Sync() error
}

// OS is the disk of this machine.
type OS struct{}

// Mkdir implements Disk.
func (OS) Mkdir(dir string) error { return os.Mkdir(dir, 0o700) }

// Create implements Disk.
func (OS) Create(name string) (File, error) {
	return open(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
}

// Append implements Disk.
func (OS) Append(name string) (File, error) {
	return open(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND)
}

// Overwrite implements Disk.
func (OS) Overwrite(name string) (File, error) { return open(name, os.O_WRONLY) }

// open keeps a nil *os.File from becoming a File that is not nil.
func open(name string, flag int) (File, error) {
	f, err := os.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Rename implements Disk.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove implements Disk.
func (OS) Remove(name string) error { return os.Remove(name) }

// SyncDir implements Disk. Windows cannot sync a folder and does not need to.
func (OS) SyncDir(dir string) error { return syncDir(dir) }

// MakeDir makes a folder and those above it, durably.
func MakeDir(d Disk, dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	above := filepath.Dir(dir)
	if above != dir {
		if err := MakeDir(d, above); err != nil {
			return err
		}
	}
	if err := d.Mkdir(dir); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return d.SyncDir(above)
}

// NewSuffix ends the name of a file that is not complete yet.
const NewSuffix = ".new"

// Stage writes what is to become the file name, durably, beside it. The caller
// renames it from name+NewSuffix and syncs the folder.
func Stage(d Disk, name string, write func(io.Writer) error) error {
	f, err := d.Create(name + NewSuffix)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// Replace writes a whole file so that after a power loss either the old one or
// the new one is there, and once it has returned, the new one.
func Replace(d Disk, name string, content []byte) error {
	err := Stage(d, name, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
	if err != nil {
		// What is left over carries a name by which it is removed later.
		return errors.Join(err, ignoreMissing(d.Remove(name+NewSuffix)))
	}
	if err := d.Rename(name+NewSuffix, name); err != nil {
		return err
	}
	return d.SyncDir(filepath.Dir(name))
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
