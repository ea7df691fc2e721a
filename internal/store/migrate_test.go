package store

import (
	"compress/gzip"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"brinell/bearing"
)

// fixture unpacks the database that the program of a schema wrote into a directory:
// six windows of pump-0 and pump-1, posted over HTTP to brinell built from the commit
// f6f4e26, 7d7c0ed, 58d3cff, 8aabaad, dc53186, ebca139 or 6898216, and from schema 4 on the
// bearing my-pump, from 5 on the machine press. In that of schema 7 both sensors are registered
// on it, with two alarms each: of pump-0 one is shelved and one acknowledged, those of pump-1 are
// over; and pump-0 was inspected. It was stopped by SIGTERM.
func fixture(t *testing.T, schema int) (dir string) {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("testdata/schema%d.db.gz", schema))
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
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "brinell.db"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// fixtures is how many schemas have a fixture: all that have been published but those
// that nobody has built upon yet.
const fixtures = 7

// sound opens a migrated store and looks for all that its fixture had.
func sound(t *testing.T, dir string, schema int) {
	t.Helper()
	db := open(t, Config{Dir: dir})
	var version int
	if err := db.read.QueryRow("PRAGMA user_version").Scan(&version); err != nil || version != len(migrations) {
		t.Errorf("schema %d, %v; want %d", version, err, len(migrations))
	}
	for _, sensor := range []string{"pump-0", "pump-1"} {
		p, err := db.Diagnoses(t.Context(), bearing.Query{Sensor: sensor})
		if err != nil || len(p.Diagnoses) != 3 {
			t.Fatalf("%s has %d diagnoses, %v; want 3", sensor, len(p.Diagnoses), err)
		}
		docs, _, err := db.DiagnosisDocuments(t.Context(), bearing.Query{Sensor: sensor})
		if err != nil || len(docs) != 3 {
			t.Fatalf("%s has %d documents, %v; want 3", sensor, len(docs), err)
		}
		for i, d := range p.Diagnoses {
			want, err := d.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if string(docs[i]) != string(want) || !json.Valid(docs[i]) {
				t.Errorf("document of today's form\n%s, want\n%s", docs[i], want)
			}
			w, err := db.Window(t.Context(), d.ID)
			if err != nil || len(w.Samples) != 4096 {
				t.Errorf("samples of %s: %v", d.ID, err)
				continue
			}
			again, err := db.Append(t.Context(), d, w, nil)
			if err != nil || !again.Duplicate {
				t.Errorf("the same window again: duplicate %v, %v", again.Duplicate, err)
			}
		}
	}
	if schema >= 4 {
		if rows, err := db.Bearings(t.Context()); err != nil || len(rows) != 1 {
			t.Errorf("%d bearings of users, %v; want 1", len(rows), err)
		}
	}
	if schema >= 7 {
		soundAlarms(t, db)
	}
	d, err := put(t, db, "new", 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Window(t.Context(), d.ID); err != nil {
		t.Error(err)
	}
	if s, err := db.Stats(t.Context()); err != nil || s.Diagnoses != 7 || s.Raw != 7 {
		t.Errorf("%+v, %v; want 7 windows", s, err)
	}
	shut(t, db)
}

// soundAlarms looks for the alarms and the inspection of the fixture of schema 7.
func soundAlarms(t *testing.T, db *DB) {
	t.Helper()
	found := func(q bearing.AlarmQuery) (n int) {
		page, err := db.Alarms(t.Context(), q)
		if err != nil {
			t.Error(err)
		}
		return len(page.Alarms)
	}
	for _, c := range []struct {
		q    bearing.AlarmQuery
		want int
	}{
		{bearing.AlarmQuery{}, 4}, {bearing.AlarmQuery{Machine: "press"}, 4}, {bearing.AlarmQuery{Open: true}, 2},
		{bearing.AlarmQuery{Severity: "alarm"}, 2}, {bearing.AlarmQuery{Sensor: "pump-0", State: bearing.AlarmAcknowledged}, 1},
	} {
		if n := found(c.q); n != c.want {
			t.Errorf("%+v: %d alarms, want %d", c.q, n, c.want)
		}
	}
	during := time.Date(2026, 11, 27, 22, 0, 0, 0, time.UTC) // 44 minutes before the end of the shelf
	open, err := db.OpenAlarms(t.Context(), during, 10)
	if err != nil || len(open.First) != 1 || open.First[0].Machine != "press" || open.Count[[2]string{"warning", bearing.AlarmAcknowledged}] != 1 || len(open.Count) != 1 {
		t.Errorf("%+v, %v", open, err)
	}
	rows, err := db.ResourcesOf(t.Context(), bearing.KindInspection, bearing.OnePart("pump-0"), bearing.Part{}, 10)
	if err != nil || len(rows) != 1 || rows[0].Key != "fine" {
		t.Errorf("%+v, %v", rows, err)
	}
}

// TestMigrations opens the database of every program that there has been.
func TestMigrations(t *testing.T) {
	for schema := 1; schema <= fixtures; schema++ {
		t.Run(fmt.Sprint(schema), func(t *testing.T) { sound(t, fixture(t, schema), schema) })
	}
}

// TestMigrationKilled ends the program after each step of a migration, and in the middle
// of each: the next one finds the step before, and goes on.
func TestMigrationKilled(t *testing.T) {
	for schema := 1; schema <= fixtures; schema++ {
		for step := schema; step < len(migrations); step++ {
			t.Run(fmt.Sprintf("%d, before step %d", schema, step+1), func(t *testing.T) {
				dir := fixture(t, schema)
				path := filepath.Join(dir, "brinell.db")
				db := sql.OpenDB(newConnector(path, pragmas, pragmas))
				defer db.Close()
				db.SetMaxOpenConns(1)
				if err := migrate(t.Context(), db, migrations[:step]); err != nil {
					t.Fatal(err)
				}
				killed := image(t, dir)
				sound(t, killed, schema)
				tx, err := db.Begin()
				if err != nil {
					t.Fatal(err)
				}
				defer tx.Rollback()
				// A cache of one page makes the transaction write before it commits.
				if _, err := tx.Exec("PRAGMA cache_size = 1;" + migrations[step]); err != nil {
					t.Fatal(err)
				}
				sound(t, image(t, dir), schema)
			})
		}
	}
}

// image copies what a database has on disk now, as a killed program leaves it.
func image(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	for _, name := range []string{"brinell.db", "brinell.db-wal"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}
