// Package files writes a file so that its name holds what was there or what is new, whole.
package files

import (
	"errors"
	"os"
	"path/filepath"
)

// Replace puts b in the place of the file at path, or makes it, whole and on disk: it is
// written under another name in the same directory, synced, renamed, and the directory is
// synced. What fails before the rename leaves what was there. prepare, unless nil, is given
// the new file, which only its owner may read yet, to set owner and mode; without it the
// mode is 0644.
func Replace(path string, b []byte, prepare func(*os.File) error) error {
	return replace(path, b, prepare, disk{(*os.File).Sync, os.Rename})
}

// disk is what makes a change last: a test watches in which order it is done.
type disk struct {
	sync   func(*os.File) error
	rename func(from, to string) error
}

func replace(path string, b []byte, prepare func(*os.File) error, to disk) error {
	if prepare == nil {
		prepare = func(f *os.File) error { return f.Chmod(0o644) }
	}
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".brinell-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if err := prepare(tmp); err != nil {
		return errors.Join(err, tmp.Close())
	}
	_, err = tmp.Write(b)
	if err = errors.Join(err, to.sync(tmp), tmp.Close()); err != nil {
		return err
	}
	if err := to.rename(tmp.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(to.sync(d), d.Close())
}
