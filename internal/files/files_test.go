package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestReplaceLasts: what is new is on disk before it takes the place of what was there, and so
// is its name before anybody is told that it is done. What fails leaves what was there.
func TestReplaceLasts(t *testing.T) {
	broken := errors.New("broken disk")
	for _, c := range []struct {
		fails string // the step
		steps []string
		stays string
	}{
		{"", []string{"sync file", "rename", "sync directory"}, "new"},
		{"sync file", []string{"sync file"}, "old"},
		{"rename", []string{"sync file", "rename"}, "old"},
		{"sync directory", []string{"sync file", "rename", "sync directory"}, "new"},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, "file")
		if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		var steps []string
		step := func(name string) error {
			if steps = append(steps, name); name == c.fails {
				return broken
			}
			return nil
		}
		err := replace(file, []byte("new"), nil, disk{
			sync: func(f *os.File) error {
				if f.Name() == dir {
					return step("sync directory")
				}
				if b, err := os.ReadFile(f.Name()); err != nil || string(b) != "new" {
					t.Errorf("%q is synced (%v)", b, err)
				}
				return step("sync file")
			},
			rename: func(from, to string) error {
				if err := step("rename"); err != nil {
					return err
				}
				return os.Rename(from, to)
			},
		})
		if (c.fails == "") != (err == nil) || c.fails != "" && !errors.Is(err, broken) || !slices.Equal(steps, c.steps) {
			t.Errorf("%q fails: %v after %q, want %q", c.fails, err, steps, c.steps)
		}
		if b, err := os.ReadFile(file); err != nil || string(b) != c.stays {
			t.Errorf("%q fails: %q is there (%v), want %q", c.fails, b, err, c.stays)
		}
		if info, err := os.Stat(file); err != nil || c.stays == "new" && info.Mode().Perm() != 0o644 {
			t.Errorf("%q fails: %v, mode %v", c.fails, err, info.Mode())
		}
		if left, err := fs.Glob(os.DirFS(dir), ".brinell-*"); err != nil || len(left) > 0 {
			t.Errorf("%q fails: %q are left (%v)", c.fails, left, err)
		}
	}
}

// TestPrepare: owner and mode are set before anything is written, and what fails leaves no file.
func TestPrepare(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	broken := errors.New("not allowed")
	if err := Replace(file, []byte("new"), func(*os.File) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) > 0 {
		t.Errorf("%v are left (%v)", left, err)
	}
	if err := Replace(file, []byte("new"), func(f *os.File) error { return f.Chmod(0o640) }); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, mode %v", err, info.Mode())
	}
}
