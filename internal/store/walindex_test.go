package store

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"brinell/bearing"
)

// TestCut cuts or overwrites the files of an open store in place, where name and inode stay: nothing
// is acknowledged from then on.
func TestCut(t *testing.T) {
	truncate := func(to func(size int64) int64) func(t *testing.T, file string) {
		return func(t *testing.T, file string) {
			i, err := os.Stat(file)
			if err == nil {
				err = os.Truncate(file, to(i.Size()))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	empty := truncate(func(int64) int64 { return 0 })
	for _, c := range []struct {
		name, file string
		cut        func(t *testing.T, file string)
		folded     bool // the log into the database, before it
	}{
		{"log emptied", "brinell.db-wal", empty, false},
		{"log cut", "brinell.db-wal", truncate(func(n int64) int64 { return n - 1 }), false},
		{"log emptied, and as long as before", "brinell.db-wal", func(t *testing.T, file string) {
			i, err := os.Stat(file)
			if err == nil {
				err = os.Truncate(file, 0)
			}
			if err == nil {
				err = os.Truncate(file, i.Size())
			}
			if err != nil {
				t.Fatal(err)
			}
		}, false},
		{"log overwritten", "brinell.db-wal", func(t *testing.T, file string) {
			f, err := os.OpenFile(file, os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteAt([]byte("another log"), 16)
			}
			if err != nil {
				t.Fatal(err)
			}
			_ = f.Close()
		}, false},
		{"database emptied", "brinell.db", empty, true},
		{"database cut", "brinell.db", truncate(func(n int64) int64 { return n - 1 }), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			db, err := Open(t.Context(), Config{Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := put(t, db, "pump", 1, 0); err != nil {
				t.Fatal(err)
			}
			if c.folded {
				if _, err := db.write.Exec("PRAGMA wal_checkpoint(PASSIVE)"); err != nil {
					t.Fatal(err)
				}
			}
			if err := db.Ready(); err != nil {
				t.Fatal(err)
			}
			c.cut(t, filepath.Join(dir, c.file))
			if err := db.Ready(); bearing.CodeOf(err) != "storage_replaced" {
				t.Errorf("ready: %v", err)
			}
			if _, err := put(t, db, "pump", 2, 0); bearing.CodeOf(err) != "storage_replaced" {
				t.Errorf("append: %v", err)
			}
		})
	}
}

// TestOwnCuts: what the store itself does to its files is no cut: the log is folded into the database
// in part and whole, emptied, begun anew, and shortened; pages are given back; at any moment.
func TestOwnCuts(t *testing.T) {
	db := open(t, Config{RawCap: 64 << 10})
	defer shut(t, db)
	stop, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			if err := db.Ready(); err != nil {
				stopped <- err
				return
			}
		}
	}()
	modes := []string{"wal_checkpoint(PASSIVE)", "wal_checkpoint(TRUNCATE)", "wal_checkpoint(RESTART)", "incremental_vacuum(8)", "wal_checkpoint(FULL)", "journal_size_limit = 0", "journal_size_limit = 67108864"}
	begin := time.Now()
	for i := 0; i < 300 || time.Since(begin) < time.Second; i++ {
		if _, err := put(t, db, "pump", i, 0); err != nil {
			t.Fatal(i, err)
		}
		rows, err := db.write.Query("PRAGMA " + modes[i*7%len(modes)])
		if i%3 == 0 {
			if err == nil {
				_ = rows.Close()
			}
			rows, err = db.write.Query("PRAGMA " + modes[i/3%len(modes)])
		}
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() { // a page is given back with each
			continue
		}
		_ = rows.Close()
		if i%50 == 49 { // pages are free
			if err := db.ForgetSensor(t.Context(), "pump"); err != nil {
				t.Fatal(err)
			}
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
