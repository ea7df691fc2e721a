package models

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestSaveLasts: a model is on disk, whole, before it takes the place of the one before.
func TestSaveLasts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.safetensors")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	there := func(name string) string {
		t.Helper()
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	broken, synced := errors.New("broken disk"), 0
	watch := func(answer error) func(*os.File) error {
		return func(f *os.File) error {
			synced++
			if a, b := there(f.Name()), there(path); a != "new" || b != "old" {
				t.Errorf("%q is synced while %q is in its place", a, b)
			}
			return answer
		}
	}
	if err := write(path, []byte("new"), watch(broken)); !errors.Is(err, broken) || there(path) != "old" {
		t.Errorf("a failed sync: %v, %q", err, there(path))
	}
	if err := write(path, []byte("new"), watch(nil)); err != nil || there(path) != "new" || synced != 2 {
		t.Errorf("%v, %q after %d syncs", err, there(path), synced)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("%v, mode %v", err, info.Mode())
	}
}
