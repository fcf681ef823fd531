package queue_test

import (
	"syscall"

	"passport-agent/internal/disk"
)

// failing is a disk that has no space left after some operations, but for removing.
type failing struct {
	disk.OS
	after *int
}

func (f failing) full() error {
	if *f.after == 0 {
		return syscall.ENOSPC
	}
	*f.after--
	return nil
}

func (f failing) Mkdir(dir string) error {
	if err := f.full(); err != nil {
		return err
	}
	return f.OS.Mkdir(dir)
}

func (f failing) Create(name string) (disk.File, error) {
	if err := f.full(); err != nil {
		return nil, err
	}
	file, err := f.OS.Create(name)
	return failingFile{file, f}, err
}

func (f failing) Rename(from, to string) error {
	if err := f.full(); err != nil {
		return err
	}
	return f.OS.Rename(from, to)
}

type failingFile struct {
	disk.File
	of failing
}

func (f failingFile) Write(b []byte) (int, error) {
	if err := f.of.full(); err != nil {
		return 0, err
	}
	return f.File.Write(b)
}

func (f failingFile) Sync() error {
	if err := f.of.full(); err != nil {
		return err
	}
	return f.File.Sync()
}
