package watch

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// openForWriting reports whether a program has the file open for writing, and whether the
// kernel tells: it does the owner of a file, and root, on file systems of its own. It grants
// no lease of a file that somebody writes. Reference: fcntl(2), F_SETLEASE.
func openForWriting(f *os.File) (open, known bool) {
	_, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK)
	if err == nil {
		_, err = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
		return false, err == nil
	}
	return errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EAGAIN)
}
