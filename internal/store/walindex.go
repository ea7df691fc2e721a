package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
)

// extent tells whether database and log are as long as what was committed needs. A file that is
// cut or overwritten in place (: > brinell.db-wal) is the same by name and inode, takes writes as
// before, and loses what they say at the next start. The index of the log, which all connections
// share, says how many frames and pages there are.
//
// Reference: SQLite, "WAL-mode File Format", sections 2.1 and 2.3.1.
type extent struct {
	log, index *os.File // for reading; of the files that are open
	base       string
	shared     []byte // beginning of the index, as SQLite has it

	mu   sync.Mutex
	seen int64 // length of the database when it was looked at last
}

// Of the header of the index, of which there are two copies, and of that of the log.
const (
	indexHeader  = 48
	indexRead    = 2*indexHeader + 4 // and how many frames are in the database
	indexVersion = 3007000
	logHeader    = 32
	frameHeader  = 24
)

// newExtent opens what is to be looked at of the open database at path.
func newExtent(path string) (*extent, error) {
	e := &extent{base: path}
	var err error
	if e.log, err = os.Open(path + "-wal"); err == nil {
		e.index, err = os.Open(path + "-shm")
	}
	if err == nil {
		e.shared, err = syscall.Mmap(int(e.index.Fd()), 0, indexRead, syscall.PROT_READ, syscall.MAP_SHARED)
		err = os.NewSyscallError("mmap", err)
	}
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

// close must come after SQLite has closed the database, which loses its locks when a program closes
// any descriptor of the index.
func (e *extent) close() error {
	if e == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var errs []error
	if e.shared != nil {
		errs = append(errs, os.NewSyscallError("munmap", syscall.Munmap(e.shared)))
		e.shared = nil
	}
	for _, f := range []*os.File{e.log, e.index} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// check returns nil if both are as long as they must be, or that is not known: the index is being
// changed.
func (e *extent) check() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.shared == nil {
		return nil // it is closed, or none is to be had
	}
	before := [indexRead]byte(e.shared)
	base, err := os.Stat(e.base)
	if err != nil {
		return err
	}
	log, err := e.log.Stat()
	if err != nil {
		return err
	}
	var head [logHeader]byte
	_, headErr := e.log.ReadAt(head[:], 0)
	after := [indexRead]byte(e.shared)
	u32 := func(at int) int64 { return int64(binary.NativeEndian.Uint32(before[at:])) }
	if before != after || !bytes.Equal(before[:indexHeader], before[indexHeader:2*indexHeader]) || u32(0) != indexVersion {
		return nil
	}
	page := int64(binary.NativeEndian.Uint16(before[14:]))
	if page == 1 {
		page = 1 << 16
	}
	frames, pages := u32(16), u32(20)
	// What is not in the log any more is in the database, which SQLite cuts to its pages only.
	if least := min(e.seen, pages*page); base.Size() < least {
		return fmt.Errorf("%s was cut: it has %d bytes, and had %d", e.base, base.Size(), least)
	}
	if least := logHeader + frames*(frameHeader+page); frames > 0 && log.Size() < least {
		return fmt.Errorf("%s was cut: it has %d bytes, and %d frames take %d", e.log.Name(), log.Size(), frames, least)
	}
	if salt := before[32:40]; frames > 0 && (headErr != nil || !bytes.Equal(head[16:24], salt)) {
		return fmt.Errorf("%s was overwritten: it is another log", e.log.Name())
	}
	e.seen = base.Size()
	return nil
}
