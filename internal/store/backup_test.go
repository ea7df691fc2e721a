package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"brinell/bearing"
)

// TestBackup takes backups while windows are stored, and finds in each everything that
// was acknowledged before it began. BRINELL_BACKUPS=100 is the long form.
func TestBackup(t *testing.T) {
	n := 10
	if v := os.Getenv("BRINELL_BACKUPS"); v != "" {
		var err error
		if n, err = strconv.Atoi(v); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	db := open(t, Config{Dir: dir})
	ctx, stop := context.WithCancel(t.Context())
	var mu sync.Mutex
	var acked []string
	more := make(chan struct{}, 1)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	for g := range 4 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				pause := 2 * time.Millisecond // or a hundred rounds make it a large store
				if i > 200 {
					pause = 50 * time.Millisecond // and slow rounds one that makes them slower
				}
				time.Sleep(pause)
				d, w := window(t, fmt.Sprintf("s%d", g), i, 0)
				if _, err := db.Append(ctx, d, w, nil); err != nil {
					if ctx.Err() == nil {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				acked = append(acked, d.ID)
				mu.Unlock()
				select {
				case more <- struct{}{}:
				default:
				}
			}
		})
	}
	for round := range n {
		for range 20 {
			<-more
		}
		mu.Lock()
		before := acked[:len(acked):len(acked)]
		mu.Unlock()
		out := filepath.Join(t.TempDir(), "backup.db")
		if err := Backup(t.Context(), dir, out); err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(t.TempDir(), "restored")
		s, err := Restore(t.Context(), out, to)
		if err != nil {
			t.Fatal(err)
		}
		if s.Diagnoses < int64(len(before)) || s.Raw != s.Diagnoses {
			t.Errorf("round %d: %+v, %d were acknowledged before", round, s, len(before))
		}
		restored := open(t, Config{Dir: to})
		for _, id := range before {
			if _, err := restored.Window(t.Context(), id); err != nil {
				t.Fatalf("round %d: acknowledged before the backup, but %v", round, err)
			}
		}
		d, w := window(t, "new", round, 0)
		if _, err := restored.Append(t.Context(), d, w, nil); err != nil {
			t.Error(err)
		}
		shut(t, restored)
		if err := os.RemoveAll(to); err != nil {
			t.Error(err)
		}
	}
}

// TestBackupRefuses: nothing is overwritten, nothing half done stays.
func TestBackupRefuses(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	if err := Backup(ctx, dir, filepath.Join(t.TempDir(), "x")); err == nil {
		t.Error("a directory without a database is backed up")
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		t.Errorf("the attempt made %v", entries)
	}
	db := open(t, Config{Dir: dir})
	if _, err := put(t, db, "pump", 1, 0); err != nil {
		t.Fatal(err)
	}
	outs := t.TempDir()
	out := filepath.Join(outs, "backup.db")
	if err := os.WriteFile(out, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Backup(ctx, dir, out); err == nil {
		t.Error("a file is overwritten")
	}
	if b, _ := os.ReadFile(out); string(b) != "mine" {
		t.Errorf("the file has %q", b)
	}
	good := filepath.Join(outs, "good.db")
	if err := Backup(ctx, dir, good); err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(outs); len(entries) != 2 {
		t.Errorf("left beside the backup: %v", entries)
	}
	if info, err := os.Stat(good); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := Restore(ctx, good, dir); bearing.CodeOf(err) != "directory_not_empty" {
		t.Errorf("restored over a store: %v", err)
	}
	// What is no sound backup leaves the directory as it was.
	b, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"text": []byte("no database at all, but long enough to be read as one, with a header of a hundred bytes and more than that"), "cut": b[:len(b)/2]} {
		bad, to := filepath.Join(outs, name), filepath.Join(outs, "to-"+name)
		if err := os.WriteFile(bad, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Restore(ctx, bad, to); err == nil {
			t.Errorf("%s is restored", name)
		}
		if entries, _ := os.ReadDir(to); len(entries) > 0 {
			t.Errorf("%s leaves %v", name, entries)
		}
	}
}
