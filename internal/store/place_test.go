package store

import (
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"brinell/bearing"
)

// move renames or fails the test.
func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// TestReplaced takes the files of an open store away in every way that a name allows:
// nothing is acknowledged meanwhile, what was stored can be read, and where the right file
// comes back the store goes on by itself.
func TestReplaced(t *testing.T) {
	remove := func(name string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	shift := func(name string) (away, back func(t *testing.T, dir string)) {
		return func(t *testing.T, dir string) { move(t, filepath.Join(dir, name), filepath.Join(dir, name)+".away") },
			func(t *testing.T, dir string) { move(t, filepath.Join(dir, name)+".away", filepath.Join(dir, name)) }
	}
	database, databaseBack := shift("brinell.db")
	log, logBack := shift("brinell.db-wal")
	directory, directoryBack := shift("")
	for _, c := range []struct {
		name       string
		away, back func(t *testing.T, dir string)
	}{
		{"database removed", remove("brinell.db"), nil},
		{"log removed", remove("brinell.db-wal"), nil},
		{"index removed", remove("brinell.db-shm"), nil},
		{"database renamed", database, databaseBack},
		{"log renamed", log, logBack},
		{"directory renamed", directory, directoryBack},
		{"directory replaced", func(t *testing.T, dir string) {
			directory(t, dir)
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"brinell.db", "brinell.db-wal", "brinell.db-shm"} { // the same files
				if err := os.Link(filepath.Join(dir+".away", name), filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
		}, nil},
		{"database replaced", func(t *testing.T, dir string) {
			b, err := os.ReadFile(filepath.Join(dir, "brinell.db"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "new"), b, 0o600); err != nil {
				t.Fatal(err)
			}
			move(t, filepath.Join(dir, "new"), filepath.Join(dir, "brinell.db"))
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			db, err := Open(t.Context(), Config{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			d, err := put(t, db, "pump", 1, 0)
			if err != nil || db.Ready() != nil {
				t.Fatal(err, db.Ready())
			}
			c.away(t, dir)
			if err := db.Ready(); bearing.CodeOf(err) != "storage_replaced" {
				t.Errorf("ready: %v", err)
			}
			if _, err := put(t, db, "pump", 2, 0); bearing.CodeOf(err) != "storage_replaced" || bearing.KindOf(err) != bearing.Overloaded {
				t.Errorf("append: %v", err)
			}
			if err := db.PutBearing(t.Context(), bearing.KnownBearings[0]); bearing.CodeOf(err) != "storage_replaced" {
				t.Errorf("put: %v", err)
			}
			if _, err := db.Window(t.Context(), d.ID); err != nil {
				t.Errorf("read: %v", err)
			}
			if c.back == nil {
				return
			}
			c.back(t, dir)
			for end := time.Now().Add(10 * time.Second); db.Ready() != nil; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal(db.Ready())
				}
			}
			if again, err := put(t, db, "pump", 2, 0); err != nil || again.Duplicate { // it was not stored meanwhile
				t.Errorf("%v, duplicate %v", err, again.Duplicate)
			}
			shut(t, db)
		})
	}
}

// TestReplacedUnderCommit takes the database away between a commit and what is said of it.
func TestReplacedUnderCommit(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "brinell.db")
	told := 0
	db, err := Open(t.Context(), Config{
		Dir:       dir,
		commit:    func(tx *sql.Tx) error { return errors.Join(commit(tx), os.Rename(path, path+".away")) },
		Committed: func(events []bearing.Event) { told += len(events) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := put(t, db, "pump", 1, 0); bearing.CodeOf(err) != "storage_replaced" {
		t.Errorf("append: %v", err)
	}
	move(t, path+".away", path)
	if got, err := db.Stats(t.Context()); err != nil || got.Diagnoses != 1 || !got.LastCommit.IsZero() {
		t.Errorf("%+v, %v: the one that nobody may rely on is there", got, err)
	}
	if err := db.Close(); err != nil || told != 1 {
		t.Errorf("%v, %d events told, want that of the stored row", err, told)
	}
}

// TestReplacedWhileIdle: that the database is gone is noticed, and logged once, though
// nothing is written.
func TestReplacedWhileIdle(t *testing.T) {
	t.Parallel() // it waits
	dir := t.TempDir()
	log := make(chan string, 100)
	db, err := Open(t.Context(), Config{Dir: dir, Log: slog.New(slog.NewTextHandler(channel(log), nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := os.Remove(filepath.Join(dir, "brinell.db")); err != nil {
		t.Fatal(err)
	}
	select {
	case line := <-log:
		if !strings.Contains(line, "storage_replaced") || !strings.Contains(line, "no such file") {
			t.Error(line)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nobody noticed")
	}
	time.Sleep(3 * probeInterval / 2)
	if len(log) > 0 {
		t.Errorf("it is logged again: %s", <-log)
	}
}

type channel chan string

func (c channel) Write(b []byte) (int, error) {
	c <- string(b)
	return len(b), nil
}

// TestReplacedLogIsLeftAlone: a store that closes after another one has taken its place
// removes nothing of it, and leaves its own database whole.
func TestReplacedLogIsLeftAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first, err := Open(t.Context(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	d, err := put(t, first, "pump", 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	move(t, dir, dir+".old")
	second := open(t, Config{Dir: dir})
	if _, err := put(t, second, "pump", 2, 0); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if err := second.Ready(); err != nil {
		t.Errorf("the other store: %v", err)
	}
	if _, err := put(t, second, "pump", 3, 0); err != nil {
		t.Error(err)
	}
	alone := t.TempDir()
	move(t, filepath.Join(dir+".old", "brinell.db"), filepath.Join(alone, "brinell.db"))
	if _, err := open(t, Config{Dir: alone}).Window(t.Context(), d.ID); err != nil {
		t.Errorf("the database without its log: %v", err)
	}
}

// TestSecondProgramIsRefused: one store at a time, with the lock file, without it, with
// another one in its place, by another path, and by a hard link of the database.
func TestSecondProgramIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first := open(t, Config{Dir: dir})
	refused := func(dir string) {
		t.Helper()
		if _, err := Open(t.Context(), Config{Dir: dir}); bearing.CodeOf(err) != "store_locked" {
			t.Errorf("got %v", err)
		}
	}
	refused(dir)
	if err := os.Symlink(dir, dir+".link"); err != nil {
		t.Fatal(err)
	}
	refused(dir + ".link")
	lock := filepath.Join(dir, "lock")
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	refused(dir)
	if err := os.WriteFile(lock, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(dir)
	other := t.TempDir()
	if err := os.Link(filepath.Join(dir, "brinell.db"), filepath.Join(other, "brinell.db")); err != nil {
		t.Fatal(err)
	}
	refused(other)
	shut(t, first)
	// A program that knows the file alone is kept out, and keeps out.
	f, err := os.OpenFile(lock, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := flock(f, dir); err != nil {
		t.Fatal(err)
	}
	refused(dir)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	shut(t, open(t, Config{Dir: dir}))
}
