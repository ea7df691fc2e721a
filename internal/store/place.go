package store

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"brinell/bearing"
)

// hold keeps a second program out of a data directory. The lock is on the directory itself,
// which nobody removes while it is in use, and on a file in it, which is all that programs
// before this one look at. The kernel releases both when the process ends, however it ends.
type hold struct{ dir, file, base *os.File }

// lockDir takes the data directory. On a file system that locks no directories the file
// alone is locked.
func lockDir(dir string, log *slog.Logger) (_ *hold, err error) {
	h := &hold{}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.release())
		}
	}()
	if h.dir, err = os.Open(dir); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err = flock(h.dir, dir); errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EBADF) || errors.Is(err, syscall.ENOLCK) || errors.Is(err, syscall.EINVAL) {
		log.Warn("the file system does not lock directories: a second service is kept out by the file lock alone", "dir", dir, "err", err)
	} else if err != nil {
		return nil, err
	}
	if h.file, err = os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err = flock(h.file, dir); err != nil {
		return nil, err
	}
	return h, nil
}

// database takes the database itself, if it is there: by a hard link it has a place in another
// directory too, with a log of its own there. It is let go of after SQLite has closed it, for
// that loses its own locks when a program closes any descriptor of the file.
func (h *hold) database(path, dir string) (err error) {
	if h.base != nil {
		return nil
	}
	if h.base, err = os.Open(path); errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	return flock(h.base, dir)
}

func flock(f *os.File, dir string) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return bearing.Errorf(bearing.Conflict, "store_locked", "the data directory %s is in use by another brinell: stop it, or name another directory", dir)
	}
	if err != nil {
		return fmt.Errorf("open store: lock %s: %w", f.Name(), err)
	}
	return nil
}

func (h *hold) release() error {
	var errs []error
	for _, f := range []*os.File{h.base, h.file, h.dir} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// place tells whether names still lead to the files that are open. A file that was removed,
// renamed or replaced while it is open takes writes and syncs as before, and nobody will
// ever find what they wrote.
type place struct {
	names  []placed
	extent *extent
}

// placed is a name and what it led to: device and inode.
type placed struct {
	name     string
	dev, ino uint64
}

// placeOf notes where the open database in dir lies: the directory, the database, its log
// and the index of that. The index holds nothing of its own, but another program that does
// not find it shares no locks with this one.
func placeOf(dir *os.File, path string) (p place, err error) {
	p.names = []placed{{name: dir.Name()}, {name: path}, {name: path + "-wal"}, {name: path + "-shm"}}
	for i := range p.names {
		f := &p.names[i]
		if f.dev, f.ino, err = identify(f.name); err != nil {
			return p, err
		}
	}
	var locked syscall.Stat_t
	if err := syscall.Fstat(int(dir.Fd()), &locked); err != nil {
		return p, os.NewSyscallError("fstat", err)
	}
	if uint64(locked.Dev) != p.names[0].dev || locked.Ino != p.names[0].ino {
		return p, fmt.Errorf("%s was replaced while it was opened", dir.Name())
	}
	p.extent, err = newExtent(path)
	return p, err
}

// check returns nil if every name leads where it did, and the files are as long as they must be.
func (p place) check() error {
	for _, f := range p.names {
		dev, ino, err := identify(f.name)
		if err != nil {
			return err
		}
		if dev != f.dev || ino != f.ino {
			return fmt.Errorf("%s is another file than the one that is open", f.name)
		}
	}
	return p.extent.check()
}

func identify(name string) (dev, ino uint64, err error) {
	var s syscall.Stat_t
	for {
		switch err := syscall.Stat(name, &s); err {
		case nil:
			return uint64(s.Dev), s.Ino, nil
		case syscall.EINTR:
		default:
			return 0, 0, &os.PathError{Op: "stat", Path: name, Err: err}
		}
	}
}

// errReplaced is what writes are answered while the database is not at its place.
var errReplaced = bearing.Errorf(bearing.Overloaded, "storage_replaced", "the database was removed, replaced or cut under the service: whether the window is stored is not known; put it back or restart the service, and send it again")
