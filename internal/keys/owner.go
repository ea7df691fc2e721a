package keys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// owner is whose a file is, and who else may read it.
type owner struct {
	uid, gid int
	mode     fs.FileMode
}

func ownerOf(i fs.FileInfo) owner {
	o := owner{-1, -1, i.Mode().Perm()}
	if s, ok := i.Sys().(*syscall.Stat_t); ok {
		o.uid, o.gid = int(s.Uid), int(s.Gid)
	}
	return o
}

// inherit returns whose the file of keys is to be that somebody with the user ID uid writes:
// whose it was, and if it was not there and root writes it, whose the directory is. Else a
// key that root makes would shut the service out, which runs as a user of its own.
func inherit(file, dir fs.FileInfo, uid int) (o owner, known bool) {
	switch {
	case file != nil:
		return ownerOf(file), true
	case uid == 0:
		o = ownerOf(dir)
		o.mode = 0o600
		return o, true
	}
	return o, false
}

// give makes a file that was just made o's.
func (o owner) give(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if is := ownerOf(info); is.uid != o.uid || is.gid != o.gid {
		if err := f.Chown(o.uid, o.gid); err != nil {
			return fmt.Errorf("the file of keys is of user %d and group %d, and would not stay so: "+
				"run this as that user or as root: %w", o.uid, o.gid, err)
		}
	}
	return f.Chmod(o.mode) // after the owner, whose change may clear bits
}

// openLock opens the file that editors of the keys lock, and makes it if it is missing, for
// the owner of the directory. In a directory of another user root follows no link and gives
// away only what it made.
func openLock(name string, dir fs.FileInfo) (*os.File, error) {
	for {
		f, err := os.OpenFile(name, os.O_RDWR|syscall.O_NOFOLLOW, 0)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		f, err = os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue // another editor was quicker
		}
		if err != nil {
			return nil, err
		}
		if o, ok := inherit(nil, dir, os.Geteuid()); ok {
			if err := o.give(f); err != nil {
				return nil, errors.Join(err, f.Close())
			}
		}
		return f, nil
	}
}
