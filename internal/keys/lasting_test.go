package keys

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestReplaceLasts: the new keys are on disk before they take the place of the old ones, and so
// is their name before anybody is told that it is done. What fails leaves the old ones.
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
		file := filepath.Join(dir, "keys.json")
		if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		in, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		var steps []string
		step := func(name string) error {
			if steps = append(steps, name); name == c.fails {
				return broken
			}
			return nil
		}
		err = replace(file, in, []byte("new"), disk{
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
		if left, err := fs.Glob(os.DirFS(dir), ".keys-*"); err != nil || len(left) > 0 {
			t.Errorf("%q fails: %q are left (%v)", c.fails, left, err)
		}
	}
}
