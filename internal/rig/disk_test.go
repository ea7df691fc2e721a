package rig

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// disk is a directory as a file system has it: what is on disk for certain, and what
// was done since and may or may not be.
type disk struct {
	files map[string]*inode // as the program sees them
	names map[string]*inode // entries that are on disk
	moved []op              // changes of entries since the directory was synced
}

// inode is a file: what is on disk for certain, and what was done since.
type inode struct {
	synced  []byte
	pending []op
	size    int64 // as the program sees it
}

func newDisk() *disk { return &disk{files: map[string]*inode{}, names: map[string]*inode{}} }

// load takes in the files that were there before the record began.
func (d *disk) load(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		d.files[e.Name()] = &inode{synced: b, size: int64(len(b))}
	}
	d.names = maps.Clone(d.files)
	return nil
}

// do replays one operation.
func (d *disk) do(o op) {
	f := d.files[o.file]
	if f == nil && o.kind != "sync" && o.kind != "ack" {
		f = &inode{}
		d.files[o.file] = f
		d.moved = append(d.moved, op{kind: "create", file: o.file})
	}
	switch o.kind {
	case "write", "truncate", "append":
		if o.kind == "append" {
			o.kind, o.off = "write", f.size
		}
		f.pending = append(f.pending, o)
		if o.kind == "truncate" {
			f.size = o.off
		} else {
			f.size = max(f.size, o.off+int64(len(o.data)))
		}
	case "sync":
		if o.file == "" {
			d.names, d.moved = maps.Clone(d.files), nil
			return
		}
		if f != nil {
			f.synced = applied(f.synced, f.pending)
			f.pending = nil
		}
	case "rename":
		d.files[o.to] = f
		delete(d.files, o.file)
		d.moved = append(d.moved, o)
	case "unlink":
		delete(d.files, o.file)
		d.moved = append(d.moved, o)
	}
}

// applied returns content after operations on it.
func applied(content []byte, ops []op) []byte {
	out := slices.Clone(content)
	for _, o := range ops {
		end := o.off + int64(len(o.data))
		if o.kind == "truncate" {
			end = o.off
			out = out[:min(int64(len(out)), end)]
		}
		if int64(len(out)) < end {
			out = append(out, make([]byte, end-int64(len(out)))...)
		}
		copy(out[o.off:], o.data)
	}
	return out
}

// sector is what a disk writes as a whole.
const sector = 512

// image writes the directory as it might be found after the power went: of what was not
// synced nothing, a random half, a part up to some point with its last write torn, or
// everything; of each file by itself, and of the entries in their order.
func (d *disk) image(rng *rand.Rand, dir string) error {
	files := maps.Clone(d.names)
	inodes := maps.Clone(d.files)
	for _, o := range d.moved { // what they point at, whichever of them are on disk
		if o.kind == "rename" && inodes[o.to] != nil {
			inodes[o.file] = inodes[o.to]
		}
	}
	for _, o := range d.moved[:rng.IntN(len(d.moved)+1)] {
		switch o.kind {
		case "create":
			files[o.file] = inodes[o.file]
		case "rename":
			files[o.to] = inodes[o.to]
			delete(files, o.file)
		case "unlink":
			delete(files, o.file)
		}
	}
	for name, f := range files {
		if f == nil {
			continue // made and gone again
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, applied(f.synced, survivors(rng, f.pending)), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// survivors chooses which of the operations since the last sync are on disk.
func survivors(rng *rand.Rand, pending []op) []op {
	switch rng.IntN(4) {
	case 0:
		return nil
	case 1: // the disk writes in an order of its own
		return slices.DeleteFunc(slices.Clone(pending), func(op) bool { return rng.IntN(2) == 0 })
	case 2:
		if len(pending) == 0 {
			return nil
		}
		kept := slices.Clone(pending[:1+rng.IntN(len(pending))])
		if last := &kept[len(kept)-1]; last.kind == "write" && len(last.data) > sector {
			last.data = last.data[:sector*rng.IntN(len(last.data)/sector)]
		}
		return kept
	}
	return pending
}
