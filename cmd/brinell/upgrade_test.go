package main

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUpgradedAndBack upgrades the database of an older program by a command, and makes a data
// directory of the copy that was left: with the keys as they are then, not as they were.
func TestUpgradedAndBack(t *testing.T) {
	f, err := os.Open("../../internal/store/testdata/schema6.db.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	dir, back := t.TempDir(), filepath.Join(t.TempDir(), "back")
	if err := os.WriteFile(filepath.Join(dir, "brinell.db"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	key, errs, ok := command(t, "keys", "create", "--data-dir", dir, "--name", "reader", "--scopes", "read")
	if !ok {
		t.Fatal(errs)
	}
	if out, errs, ok := command(t, "check", "--data-dir", dir); !ok || !strings.Contains(out, "6 diagnoses") {
		t.Fatal(out, errs)
	}
	left, err := filepath.Glob(filepath.Join(dir, "brinell-schema6-*.db"))
	if err != nil || len(left) != 1 {
		t.Fatalf("copies %v, %v; want 1", left, err)
	}
	if _, errs, ok := command(t, "keys", "revoke", strings.Split(key, "_")[1], "--data-dir", dir); !ok {
		t.Fatal(errs)
	}
	if _, errs, ok := command(t, "keys", "create", "--data-dir", dir, "--name", "later"); !ok {
		t.Fatal(errs)
	}
	if out, errs, ok := command(t, "restore", left[0], "--data-dir", back); !ok || !strings.Contains(out, "6 diagnoses") {
		t.Fatal(out, errs)
	}
	list, errs, ok := command(t, "keys", "list", "--data-dir", back)
	if !ok || !strings.Contains(list, "later") || strings.Contains(list, "reader") {
		t.Errorf("keys of the restored directory: %s %s", list, errs)
	}
}
