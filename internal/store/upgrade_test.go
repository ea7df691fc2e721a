package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"brinell/bearing"
)

// opens is what a program does at its start that knows the given schemas.
func opens(ctx context.Context, cfg Config, known []string) error {
	db := sql.OpenDB(newConnector(filepath.Join(cfg.Dir, "brinell.db"), pragmas, pragmas))
	db.SetMaxOpenConns(1)
	return errors.Join(upgrade(ctx, db, cfg.withDefaults(), known), db.Close())
}

// onlyCopy returns the copy in a directory that has one.
func onlyCopy(t *testing.T, dir string) oldCopy {
	t.Helper()
	all, err := copies(dir)
	if err != nil || len(all) != 1 {
		t.Fatalf("copies %v, %v; want 1", all, err)
	}
	return all[0]
}

// TestUpgradeAndBack brings the database of every program that there has been to the present
// schema, and goes back to that program, by what its refusal says.
func TestUpgradeAndBack(t *testing.T) {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for schema := 1; schema <= fixtures; schema++ {
		t.Run(fmt.Sprint(schema), func(t *testing.T) {
			dir := fixture(t, schema)
			shut(t, open(t, Config{Dir: dir, Now: func() time.Time { return at }}))
			c := onlyCopy(t, dir)
			file := filepath.Join(dir, c.name)
			if c.schema != schema || !c.at.Equal(at) || !IsUpgradeCopy(file) {
				t.Errorf("%+v, want one of schema %d", c, schema)
			}
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v; want mode 0600", info, err)
			}
			err := opens(t.Context(), Config{Dir: dir}, migrations[:schema])
			if bearing.CodeOf(err) != "store_newer" {
				t.Fatalf("the program of before opens it: %v", err)
			}
			for _, want := range []string{
				fmt.Sprintf("has schema %d, this program knows up to %d", len(migrations), schema),
				"what was stored by 2026-01-31T12:00:00Z", "docs/upgrade.md", "--data-dir ANOTHER",
			} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("it does not say %q: %v", want, err)
				}
			}
			named := regexp.MustCompile(`brinell restore (\S+) --data-dir`).FindStringSubmatch(err.Error())
			if named == nil || named[1] != file {
				t.Fatalf("it names %v, want %s", named, file)
			}
			back := t.TempDir()
			if err := copyFile(named[1], filepath.Join(back, "brinell.db")); err != nil { // as restore begins
				t.Fatal(err)
			}
			if err := opens(t.Context(), Config{Dir: back}, migrations[:schema]); err != nil {
				t.Errorf("the program of before does not open its copy: %v", err)
			}
			again := filepath.Join(t.TempDir(), "again")
			if _, err := Restore(t.Context(), file, again); err != nil {
				t.Fatal(err)
			}
			if left, err := copies(again); err != nil || len(left) != 0 {
				t.Errorf("a restored copy was copied once more: %v, %v", left, err)
			}
			sound(t, again, schema)
			sound(t, dir, schema)
		})
	}
}

// TestRefusalWithoutCopy: of copies none, or only such as the program cannot open either.
func TestRefusalWithoutCopy(t *testing.T) {
	dir := t.TempDir()
	shut(t, open(t, Config{Dir: dir}))
	present := fmt.Sprintf("brinell-schema%d-20260131T120000Z.db", len(migrations))
	for _, name := range []string{"", present, "brinell-schema1-soon.db"} {
		if name != "" {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		err := opens(t.Context(), Config{Dir: dir}, migrations[:len(migrations)-1])
		if bearing.CodeOf(err) != "store_newer" || !strings.Contains(err.Error(), "There is no copy of before") ||
			!strings.Contains(err.Error(), "brinell restore FILE") || !strings.Contains(err.Error(), dir) {
			t.Errorf("beside %q: %v", name, err)
		}
	}
	raw(t, dir, "PRAGMA user_version = 99")
	_, err := View(t.Context(), dir)
	if !strings.Contains(fmt.Sprint(err), fmt.Sprintf("brinell-schema%d-2026", len(migrations))) {
		t.Errorf("to read only: %v", err)
	}
}

// TestCopyNeedsRoom: the last byte that is free decides; without room the upgrade is made, and
// the log says what that costs.
func TestCopyNeedsRoom(t *testing.T) {
	for _, missing := range []int64{0, 1} {
		dir := fixture(t, 1)
		db := sql.OpenDB(newConnector(filepath.Join(dir, "brinell.db"), pragmas, pragmas))
		var pages, unused, page int64
		err := errors.Join(db.QueryRow("PRAGMA page_count").Scan(&pages), db.QueryRow("PRAGMA freelist_count").Scan(&unused),
			db.QueryRow("PRAGMA page_size").Scan(&page), db.Close())
		if err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		free := 268435456 + (pages-unused)*page - missing
		cfg := Config{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))}
		cfg.free = func(string) (int64, error) { return free, nil }
		shut(t, open(t, cfg))
		all, err := copies(dir)
		if err != nil || int64(len(all)) != 1-missing {
			t.Errorf("%d bytes missing: %d copies, %v", missing, len(all), err)
		}
		if warned := strings.Contains(log.String(), "without a copy"); warned != (missing > 0) {
			t.Errorf("%d bytes missing: the log is %s", missing, &log)
		}
		sound(t, dir, 1)
	}
	if free, err := freeSpace(t.TempDir()); err != nil || free <= 0 {
		t.Errorf("%d bytes are free, %v", free, err)
	}
}

// TestCopiesKept: the two newest stay, and nothing else is touched; what was cut off goes.
func TestCopiesKept(t *testing.T) {
	dir := fixture(t, 6)
	names := []string{"brinell-schema3-20250101T000000Z.db", "brinell-schema4-20250201T000000Z.db",
		"brinell-schema5-20250301T000000Z.db", "brinell-20250101T000000Z.db", "brinell-schema1-20250101T000000Z.db.keys.json"}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, copyTemporary+"1"), 0o700); err != nil {
		t.Fatal(err)
	}
	shut(t, open(t, Config{Dir: dir}))
	all, err := copies(dir)
	if err != nil || len(all) != 2 || all[0].schema != 6 || all[1].schema != 5 {
		t.Errorf("%+v, %v; want those of schemas 6 and 5", all, err)
	}
	for _, name := range append(names[2:], copyTemporary+"1") {
		_, err := os.Stat(filepath.Join(dir, name))
		if gone := errors.Is(err, fs.ErrNotExist); gone != strings.HasPrefix(name, copyTemporary) {
			t.Errorf("%s: %v", name, err)
		}
	}
	before := len(all)
	shut(t, open(t, Config{Dir: dir}))
	if all, err := copies(dir); err != nil || len(all) != before {
		t.Errorf("a start without an upgrade changed the copies: %v, %v", all, err)
	}
}

// TestUpgradePage: docs/upgrade.md has a line for every schema, and names the copies as they
// are named.
func TestUpgradePage(t *testing.T) {
	b, err := os.ReadFile("../../docs/upgrade.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (\d+) \| [^|]{10,} \|`).FindAllStringSubmatch(string(b), -1)
	if len(rows) != len(migrations) {
		t.Errorf("the page lists %d schemas, the store knows %d", len(rows), len(migrations))
	}
	if fixtures < len(migrations)-1 {
		t.Errorf("of schema %d there is no database of its time to upgrade: testdata/schema%[1]d.db.gz", fixtures+1)
	}
	for i, r := range rows {
		if r[1] != fmt.Sprint(i+1) {
			t.Errorf("row %d is of schema %s", i+1, r[1])
		}
	}
	named := regexp.MustCompile(`[\w/.]*brinell-schema\w+-\w+\.db`).FindAllString(string(b), -1)
	if len(named) == 0 {
		t.Error("the page names no copy")
	}
	for _, name := range named {
		if !IsUpgradeCopy(name) {
			t.Errorf("%s is not the name of a copy", name)
		}
	}
	for _, want := range []string{"store_newer", "store_older", fmt.Sprintf("%d MiB", upgradeReserve>>20), "newest two"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}
