// Package powerloss is for tests: a disk that remembers what a power loss could
// undo, loses power after a given operation, and lays out every folder that may be
// found afterwards. It is harsher than file systems are: whatever was not synced may
// be there or not, each name for itself.
package powerloss

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"passport-agent/internal/disk"
)

// ErrPowerLost is what every operation after the power loss gives.
var ErrPowerLost = errors.New("power lost")

// Moment is when power is lost: after this many operations, either at once or only
// when the next one is about to begin, so that whatever lies between two operations
// has happened or has not.
type Moment struct {
	After  int
	AtOnce bool
}

// Disk does every operation on the real disk, below Root, until power is lost.
type Disk struct {
	root   string
	moment Moment

	mu    sync.Mutex
	count int
	lost  chan struct{}
	dirs  map[string]map[string]*node // what is certain to be there, by folder below root
	live  map[string]*node            // what is there now, by path below root
	names []change                    // of names, not yet synced, in their order
}

// node is a file or a folder, whatever its name is at the moment.
type node struct {
	folder string // path of a folder; empty for a file
	now    []byte
	synced []byte
	dirty  bool
	last   int // where the last write began
}

// change is one change of the names in a folder.
type change struct {
	dir      string
	from, to string // of these, from is taken away and to is set; either may be empty
	node     *node
}

// New returns a disk below root, which must be empty. A negative After never loses
// power.
func New(root string, moment Moment) *Disk {
	d := &Disk{root: root, moment: moment, lost: make(chan struct{}), dirs: map[string]map[string]*node{".": {}}, live: map[string]*node{}}
	if moment.AtOnce && moment.After == 0 {
		close(d.lost)
	}
	return d
}

// Lost is closed when power is lost.
func (d *Disk) Lost() <-chan struct{} { return d.lost }

// Count returns how many operations were done.
func (d *Disk) Count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count
}

// do does one operation, on the real disk and in the books.
func (d *Disk) do(real func() error, book func()) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.moment.After >= 0 && d.count >= d.moment.After {
		select {
		case <-d.lost:
		default:
			close(d.lost)
		}
		return ErrPowerLost
	}
	if err := real(); err != nil {
		return err
	}
	book()
	d.count++
	if d.moment.AtOnce && d.count == d.moment.After {
		close(d.lost)
	}
	return nil
}

func (d *Disk) below(path string) string {
	rel, err := filepath.Rel(d.root, path)
	if err != nil || strings.HasPrefix(rel, "..") {
		panic("powerloss: " + path + " is not below the root")
	}
	return rel
}

// Mkdir implements disk.Disk.
func (d *Disk) Mkdir(dir string) error {
	return d.do(func() error { return disk.OS{}.Mkdir(dir) }, func() {
		name := d.below(dir)
		n := &node{folder: name}
		d.live[name], d.dirs[name] = n, map[string]*node{}
		d.names = append(d.names, change{dir: filepath.Dir(name), to: filepath.Base(name), node: n})
	})
}

// Create implements disk.Disk.
func (d *Disk) Create(name string) (disk.File, error) {
	return d.open(name, disk.OS{}.Create, true)
}

// Append implements disk.Disk.
func (d *Disk) Append(name string) (disk.File, error) {
	return d.open(name, disk.OS{}.Append, false)
}

// Overwrite implements disk.Disk.
func (d *Disk) Overwrite(name string) (disk.File, error) {
	f, err := d.open(name, disk.OS{}.Overwrite, false)
	if err == nil {
		f.(*file).over = true
	}
	return f, err
}

func (d *Disk) open(path string, real func(string) (disk.File, error), truncate bool) (disk.File, error) {
	var f file
	err := d.do(func() (err error) {
		f.real, err = real(path)
		return err
	}, func() {
		name := d.below(path)
		n := d.live[name]
		if n == nil {
			n = &node{}
			d.live[name] = n
			d.names = append(d.names, change{dir: filepath.Dir(name), to: filepath.Base(name), node: n})
		}
		if truncate && len(n.now) > 0 {
			n.now, n.last, n.dirty = nil, 0, true
		}
		f.disk, f.node = d, n
	})
	if err != nil {
		return nil, err
	}
	return &f, nil
}

// Rename implements disk.Disk.
func (d *Disk) Rename(from, to string) error {
	return d.do(func() error { return disk.OS{}.Rename(from, to) }, func() {
		a, b := d.below(from), d.below(to)
		n := d.live[a]
		delete(d.live, a)
		d.live[b] = n
		d.names = append(d.names, change{dir: filepath.Dir(b), from: filepath.Base(a), to: filepath.Base(b), node: n})
	})
}

// Remove implements disk.Disk.
func (d *Disk) Remove(name string) error {
	return d.do(func() error { return disk.OS{}.Remove(name) }, func() {
		a := d.below(name)
		delete(d.live, a)
		d.names = append(d.names, change{dir: filepath.Dir(a), from: filepath.Base(a)})
	})
}

// SyncDir implements disk.Disk.
func (d *Disk) SyncDir(dir string) error {
	return d.do(func() error { return disk.OS{}.SyncDir(dir) }, func() {
		name := d.below(dir)
		var rest []change
		for _, c := range d.names {
			if c.dir == name {
				c.apply(d.dirs[name])
			} else {
				rest = append(rest, c)
			}
		}
		d.names = rest
	})
}

func (c change) apply(entries map[string]*node) {
	if c.from != "" {
		delete(entries, c.from)
	}
	if c.to != "" {
		entries[c.to] = c.node
	}
}

type file struct {
	disk *Disk
	node *node
	real disk.File
	over bool // writing begins at the beginning
	at   int
}

func (f *file) Write(b []byte) (n int, err error) {
	err = f.disk.do(func() error {
		n, err = f.real.Write(b)
		return err
	}, func() {
		if !f.over {
			f.at = len(f.node.now)
		}
		f.node.last = f.at
		now := append(append([]byte(nil), f.node.now[:f.at]...), b...)
		f.at += len(b)
		if f.at < len(f.node.now) {
			now = append(now, f.node.now[f.at:]...)
		}
		f.node.now = now
		f.node.dirty = true
	})
	return n, err
}

func (f *file) Truncate(size int64) error {
	return f.disk.do(func() error { return f.real.Truncate(size) }, func() {
		f.node.now = append([]byte(nil), f.node.now[:size]...)
		f.node.last, f.node.dirty = int(size), true
	})
}

func (f *file) Sync() error {
	return f.disk.do(f.real.Sync, func() {
		f.node.synced, f.node.dirty = append([]byte(nil), f.node.now...), false
	})
}

// Close works without power too, so that tests leave nothing open.
func (f *file) Close() error { return f.real.Close() }

// Aftermath is one state in which the disk may be found.
type Aftermath struct {
	names uint64 // bit n: the nth change of names that was not synced is there
	data  data
}

// data is what has become of content that was not synced.
type data int

const (
	dataGone  data = iota // as it was when it was synced last
	dataThere             // all there
	dataTorn              // the last write is there by half
	dataZero              // as long as it should be, but zeros
)

// Aftermaths returns the states in which the disk may be found now: every
// combination of names where there are few, else each change missing for itself,
// and everything up to each.
func (d *Disk) Aftermaths() []Aftermath {
	const few = 4
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(d.names)
	all := uint64(1)<<n - 1
	masks := map[uint64]bool{0: true, all: true}
	if n <= few {
		for mask := range all {
			masks[mask] = true
		}
	}
	for i := range n {
		masks[all&^(1<<i)] = true
		masks[uint64(1)<<i-1] = true
	}
	contents := []data{dataThere}
	for _, node := range d.nodes() {
		if node.dirty {
			contents = []data{dataGone, dataThere, dataTorn, dataZero}
		}
	}
	var states []Aftermath
	for mask := range masks {
		for _, c := range contents {
			states = append(states, Aftermath{mask, c})
		}
	}
	return states
}

func (d *Disk) nodes() []*node {
	var nodes []*node
	for _, n := range d.live {
		nodes = append(nodes, n)
	}
	return nodes
}

// LayOut writes what is found into an empty folder.
func (d *Disk) LayOut(to string, state Aftermath) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	dirs := map[string]map[string]*node{}
	for dir, entries := range d.dirs {
		dirs[dir] = map[string]*node{}
		for name, n := range entries {
			dirs[dir][name] = n
		}
	}
	for i, c := range d.names {
		if state.names&(1<<i) != 0 {
			c.apply(dirs[c.dir])
		}
	}
	return layOut(to, ".", dirs, state.data)
}

func layOut(root, dir string, dirs map[string]map[string]*node, state data) error {
	if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
		return err
	}
	for name, n := range dirs[dir] {
		if n.folder != "" {
			if err := layOut(root, n.folder, dirs, state); err != nil {
				return err
			}
			continue
		}
		if err := os.WriteFile(filepath.Join(root, dir, name), n.found(state), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) found(state data) []byte {
	if !n.dirty {
		return n.now
	}
	switch state {
	case dataThere:
		return n.now
	case dataTorn:
		return n.now[:n.last+(len(n.now)-n.last)/2]
	case dataZero:
		zeros := make([]byte, len(n.now))
		copy(zeros, n.synced)
		return zeros
	default:
		return n.synced
	}
}
