package keys

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestModeStays: a file that a group may read is one afterwards, too.
func TestModeStays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	k, _, err := Create(file, Key{Name: "first", Scopes: []Scope{Read}}, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o640, 0o600, 0o400} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Create(file, Key{Name: "next", Scopes: []Scope{Read}}, now); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != mode {
			t.Errorf("mode %v, %v; want %v", info.Mode().Perm(), err, mode)
		}
	}
	if err := Revoke(file, k.ID); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o400 {
		t.Errorf("mode %v after revoke, %v; want 0400", info.Mode().Perm(), err)
	}
}

// TestOwnerStays has root write the keys of a service that runs as another user.
func TestOwnerStays(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files to others; TestInherit tests what it decides")
	}
	const uid, gid = 12321, 12322
	is := func(what, name string, wantUID, wantGID int) {
		t.Helper()
		info, err := os.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		if o := ownerOf(info); o.uid != wantUID || o.gid != wantGID || o.mode != 0o600 {
			t.Errorf("%s is of %d:%d with mode %v, want %d:%d with 0600", what, o.uid, o.gid, o.mode, wantUID, wantGID)
		}
	}
	dir := t.TempDir()
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "keys.json")
	k, _, err := Create(file, Key{Name: "first", Scopes: []Scope{Read}}, now)
	if err != nil {
		t.Fatal(err)
	}
	is("a new file in a directory of the service's", file, uid, gid)
	is("its lock", file+".lock", uid, gid)
	if err := os.Chown(dir, 0, 0); err != nil {
		t.Fatal(err)
	}
	if err := Revoke(file, k.ID); err != nil {
		t.Fatal(err)
	}
	is("a file of the service's in a directory of root's", file, uid, gid)

	// Who owns the directory may not have root give them, or lock, a file elsewhere.
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file + ".lock"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, file+".lock"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Create(file, Key{Name: "second", Scopes: []Scope{Read}}, now); err == nil {
		t.Error("a lock that is a link was followed")
	}
	is("the file that a link named", victim, 0, 0)
}

// TestInherit: who gets the file that somebody writes.
func TestInherit(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "keys.json")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	d, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	d.Sys().(*syscall.Stat_t).Uid, d.Sys().(*syscall.Stat_t).Gid = 7, 8
	f.Sys().(*syscall.Stat_t).Uid, f.Sys().(*syscall.Stat_t).Gid = 9, 10
	for _, c := range []struct {
		name string
		file os.FileInfo
		uid  int
		want owner
		ok   bool
	}{
		{"root replaces", f, 0, owner{9, 10, 0o640}, true},
		{"a user replaces", f, 1000, owner{9, 10, 0o640}, true},
		{"root makes", nil, 0, owner{7, 8, 0o600}, true},
		{"a user makes", nil, 1000, owner{}, false},
	} {
		if got, ok := inherit(c.file, d, c.uid); got != c.want || ok != c.ok {
			t.Errorf("%s: %+v, %v; want %+v, %v", c.name, got, ok, c.want, c.ok)
		}
	}
}

// TestOwnerRefused: who cannot leave the file to its owner is told, and it stays as it is.
func TestOwnerRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	o := owner{os.Geteuid() + 1, os.Getegid(), 0o600}
	if os.Geteuid() == 0 { // root may: a file that was opened to be read only with O_PATH may not
		fd, err := syscall.Open(file, 0x200000, 0)
		if err != nil {
			t.Skip(err)
		}
		f = os.NewFile(uintptr(fd), file)
		defer f.Close()
	}
	if err := o.give(f); err == nil || !strings.Contains(err.Error(), "run this as that user or as root") {
		t.Errorf("%v, want what to do", err)
	}
}
