package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"brinell/bearing"
)

// Backup writes a copy of the database in dir to the file out, as it is at one moment not
// before the call: every window acknowledged by then is in it. It works while a program
// has dir open, and that goes on storing. out must not exist; it is there whole and on
// disk, or not at all.
//
// The copy is made by VACUUM INTO, in one reading transaction: the log of the running
// database grows meanwhile by what is stored, and shrinks afterwards.
func Backup(ctx context.Context, dir, out string) error {
	return backup(ctx, dir, out, ".brinell-backup-")
}

// backup is Backup by way of a directory beside out whose name begins with temporary.
func backup(ctx context.Context, dir, out, temporary string) (err error) {
	path := filepath.Join(dir, "brinell.db")
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("backup: there is no database in %s: %w", dir, err)
	}
	if _, err := os.Lstat(out); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("backup: %s is there already: name another file", out), err)
	}
	// Beside out, so that the rename stays within one file system. The directory is ours
	// alone, whatever the umask lets others read of the file in it.
	tmp, err := os.MkdirTemp(filepath.Dir(out), temporary)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer os.RemoveAll(tmp)
	db := sql.OpenDB(newConnector(path, pragmas[:1], pragmas[:1]))
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	if version == 0 {
		return fmt.Errorf("backup: %s holds nothing yet: start the service once", path)
	}
	copied := filepath.Join(tmp, "brinell.db")
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", copied); err != nil {
		return fmt.Errorf("backup: %w", storageError(err))
	}
	if err := os.Chmod(copied, 0o600); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	if err := syncFile(copied); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return putInPlace(copied, out)
}

// putInPlace renames a synced file to a name that is not taken, for good.
func putInPlace(from, to string) error {
	if err := os.Link(from, to); err != nil { // unlike a rename it overwrites nothing
		return fmt.Errorf("backup: %w", err)
	}
	return syncFile(filepath.Dir(to))
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Restore makes the data directory dir from a file that Backup wrote, brings it to the
// present schema and verifies it. dir must not exist, or be empty: nothing is ever
// overwritten. On an error nothing of the restored stays.
func Restore(ctx context.Context, file, dir string) (s Stats, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("restore: %w", err)
	}
	if len(entries) > 0 {
		return s, bearing.Errorf(bearing.Conflict, "directory_not_empty", "%s is not empty: restore into a new directory, and start the service with that", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return s, fmt.Errorf("restore: %w", err)
	}
	defer func() {
		if err != nil {
			for _, name := range []string{"brinell.db", "brinell.db-wal", "brinell.db-shm", "lock"} {
				if rerr := os.Remove(filepath.Join(dir, name)); !errors.Is(rerr, fs.ErrNotExist) {
					err = errors.Join(err, rerr)
				}
			}
		}
	}()
	if err := copyFile(file, filepath.Join(dir, "brinell.db")); err != nil {
		return s, fmt.Errorf("restore: %w", err)
	}
	db, err := Open(ctx, Config{Dir: dir, RawCap: math.MaxInt64, copied: true}) // what to remove, the service decides
	if err != nil {
		return s, fmt.Errorf("restore %s: %w", file, err)
	}
	err = db.Check(ctx)
	if err == nil {
		s, err = db.Stats(ctx)
	}
	if err = errors.Join(err, db.Close()); err == nil {
		err = syncFile(dir)
	}
	if err != nil {
		return s, fmt.Errorf("restore %s: %w", file, err)
	}
	return s, nil
}

// copyFile copies a file to a new one, readable by its owner only, and syncs it.
func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}
