package keys

import (
	"cmp"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Ring is the keys of a file as they are now.
type Ring struct {
	file string
	log  *slog.Logger
	now  func() time.Time

	mu     sync.Mutex
	set    *Set
	looked time.Time
	was    fs.FileInfo // of the file that was read, nil for none
	broken bool
}

// lookEvery is how often a ring looks at its file.
const lookEvery = 500 * time.Millisecond

// Open reads the keys of a file, which need not be there yet.
func Open(file string, log *slog.Logger, now func() time.Time) (*Ring, error) {
	info, serr := os.Stat(file) // before it is read: what is written meanwhile is noticed
	s, err := Load(file)
	if err != nil {
		return nil, err
	}
	r := &Ring{file: file, log: log, now: now, set: s, looked: now()}
	if serr == nil {
		r.was = info
	}
	return r, nil
}

// same says whether two looks at the file saw the same: nil stands for no file.
func same(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == b
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() && changed(a) == changed(b)
}

// Keys returns the keys as they are now. While the file cannot be read, those of before
// hold: a slip of an editor must lock nobody out. While others may write it, those of before
// hold that are still in it: who was removed is out, and nobody comes in.
func (r *Ring) Keys() *Set {
	set, tell := r.look()
	tell() // without the lock: a log may be slow
	return set
}

// look reads the file if it is time to, and returns what the log is to be told.
func (r *Ring) look() (set *Set, tell func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	tell = func() {}
	now := r.now()
	if now.Sub(r.looked).Abs() < lookEvery {
		return r.set, tell
	}
	r.looked = now
	info, err := os.Stat(r.file)
	if errors.Is(err, fs.ErrNotExist) {
		info, err = nil, nil
	}
	if err == nil && !r.broken && same(info, r.was) {
		return r.set, tell
	}
	s, wide, err := read(r.file)
	if err == nil && wide != nil {
		r.set = r.set.both(s)
	}
	switch err = cmp.Or(wide, err); {
	case err != nil && !r.broken:
		n := r.set.Len()
		tell = func() {
			r.log.Error("the keys cannot be taken: those of before hold that are still there", "err", err, "keys", n)
		}
	case err == nil:
		r.set, r.was = s, info
		tell = func() { r.log.Info("keys read", "keys", s.Len()) }
	}
	r.broken = err != nil
	return r.set, tell
}

// Check returns the key of a token.
func (r *Ring) Check(token string) (Key, error) { return r.Keys().Check(token, r.now()) }
