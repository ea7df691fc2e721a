package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"time"

	"brinell/bearing"
)

// Before a database that holds something is brought to a newer schema, it is copied beside
// itself: a program of before cannot open it afterwards. Such a copy is what Backup writes.
const (
	// copiesKept is how many such copies are kept: that of an upgrade which was cut off
	// between two schemas, and that which the next start made, at least.
	copiesKept = 2
	// upgradeReserve is what is to be free beside the copy: the steps themselves write, and
	// a disk without room takes no windows.
	upgradeReserve = 256 << 20
	copyTime       = "20060102T150405Z"
	copyTemporary  = ".brinell-upgrade-"
)

var copyName = regexp.MustCompile(`^brinell-schema([1-9]\d{0,5})-(\d{8}T\d{6}Z)\.db$`)

// oldCopy is a copy that was made before an upgrade.
type oldCopy struct {
	name   string
	schema int
	at     time.Time
}

// IsUpgradeCopy reports whether a file has the name of a copy that was made before an upgrade.
func IsUpgradeCopy(file string) bool { return copyName.MatchString(filepath.Base(file)) }

// copies lists those in a directory, the newest first.
func copies(dir string) (all []oldCopy, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		m := copyName.FindStringSubmatch(e.Name())
		if m == nil || !e.Type().IsRegular() {
			continue
		}
		schema, serr := strconv.Atoi(m[1])
		at, terr := time.Parse(copyTime, m[2])
		if errors.Join(serr, terr) == nil {
			all = append(all, oldCopy{e.Name(), schema, at})
		}
	}
	slices.SortFunc(all, func(a, b oldCopy) int {
		return cmp.Or(b.at.Compare(a.at), cmp.Compare(b.schema, a.schema))
	})
	return all, nil
}

// newerSchema is what a program says that knows less than the database in dir holds: with what
// it can go on, and how to go back to it.
func newerSchema(dir string, version, known int) error {
	err := bearing.Errorf(bearing.Conflict, "store_newer",
		"the data directory %s has schema %d, this program knows up to %d: use the program that wrote it, or a newer one", dir, version, known)
	all, lerr := copies(dir)
	if lerr != nil {
		return err
	}
	i := slices.IndexFunc(all, func(c oldCopy) bool { return c.schema <= known })
	if i < 0 {
		err.Message += ". There is no copy of before the upgrade in it: to go back to this program, make a data directory of a " +
			"backup that this program made, by brinell restore FILE --data-dir ANOTHER, and start it with that (docs/upgrade.md)"
		return err
	}
	err.Message += fmt.Sprintf(". To go back to this program, and to what was stored by %s, stop the service, make a data directory "+
		"of the copy that was made before the upgrade, by brinell restore %s --data-dir ANOTHER, and start it with that "+
		"(docs/upgrade.md)", all[i].at.Format(time.RFC3339), filepath.Join(dir, all[i].name))
	return err
}

// upgrade brings the database that db has open to the newest of the given schemas, and copies
// it before, if there is room. A database of a newer schema is refused with Conflict
// store_newer.
func upgrade(ctx context.Context, db *sql.DB, cfg Config, migrations []string) error {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	switch {
	case version > len(migrations):
		return newerSchema(cfg.Dir, version, len(migrations))
	case version == len(migrations):
		return nil
	case version > 0 && !cfg.copied:
		if err := copyBefore(ctx, db, cfg, version, len(migrations)); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			cfg.Log.Warn("the database is upgraded without a copy of before: a program of before cannot be gone back to, "+
				"but with a backup of one's own", "err", err, "schema", version, "to", len(migrations))
		}
	}
	if err := migrate(ctx, db, migrations); err != nil {
		return err
	}
	return forgetCopies(cfg)
}

// copyBefore copies the database before an upgrade.
func copyBefore(ctx context.Context, db *sql.DB, cfg Config, version, to int) error {
	if err := removeUnfinished(cfg.Dir); err != nil {
		return err
	}
	var need int64 // in use
	if err := db.QueryRowContext(ctx, `SELECT (page_count - freelist_count) * page_size
		FROM pragma_page_count, pragma_freelist_count, pragma_page_size`).Scan(&need); err != nil {
		return err
	}
	free, err := cfg.free(cfg.Dir)
	if err != nil {
		return err
	}
	if free-upgradeReserve < need {
		return fmt.Errorf("%d bytes are free in %s, and a copy of %d needs %d", free, cfg.Dir, need, need+upgradeReserve)
	}
	begin := cfg.Now().UTC()
	file := filepath.Join(cfg.Dir, fmt.Sprintf("brinell-schema%d-%s.db", version, begin.Format(copyTime)))
	cfg.Log.Info("the database is copied before it is upgraded", "file", file, "bytes", need, "schema", version, "to", to)
	return backup(ctx, cfg.Dir, file, copyTemporary)
}

// removeUnfinished removes what a copy has left that was cut off.
func removeUnfinished(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, copyTemporary+"*"))
	for _, name := range left {
		err = errors.Join(err, os.RemoveAll(name))
	}
	return err
}

// forgetCopies removes all copies but the newest.
func forgetCopies(cfg Config) error {
	all, err := copies(cfg.Dir)
	slices.SortStableFunc(all, func(a, b oldCopy) int { return cmp.Compare(b.schema, a.schema) }) // a clock may be behind
	for _, c := range all[min(copiesKept, len(all)):] {
		if rerr := os.Remove(filepath.Join(cfg.Dir, c.name)); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
			cfg.Log.Warn("an old copy of the database stays", "err", rerr)
		}
	}
	return err
}

// Free returns how many bytes may be written to the file system of the data directory.
func (db *DB) Free() (int64, error) { return db.cfg.free(db.cfg.Dir) }

// freeSpace returns how many bytes may be written to the file system of a directory.
func freeSpace(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, os.NewSyscallError("statfs", err)
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}
