package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"brinell/bearing"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("STORE_TEST_VICTIM"); dir != "" {
		victim(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// open opens a store; at the end of the test it is checked and closed.
func open(t testing.TB, cfg Config) *DB {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	db, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, db) })
	return db
}

// shut checks and closes a store, unless the test did so.
func shut(t testing.TB, db *DB) {
	t.Helper()
	if err := db.Check(context.Background()); err != nil && !errors.Is(err, errClosed) {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// raw opens a second connection to a store, to do what the store does not.
func raw(t testing.TB, dir, text string) {
	t.Helper()
	db := sql.OpenDB(newConnector(filepath.Join(dir, "brinell.db"), pragmas, pragmas))
	defer db.Close()
	if _, err := db.Exec(text); err != nil {
		t.Fatal(err)
	}
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

// window returns window i of a sensor, with samples that depend on salt.
func window(t testing.TB, sensor string, i, salt int) (bearing.Diagnosis, *bearing.Window) {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(i), uint64(salt)))
	x := make([]float32, 64)
	for j := range x {
		x[j] = rng.Float32() - 0.5
	}
	w, err := bearing.NewWindow(bearing.Window{Sensor: sensor, Start: epoch.Add(time.Duration(i) * time.Second), SampleRate: 12000, ShaftSpeed: 29.95, Unit: bearing.G, Samples: x}, bearing.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return diagnosis(w, bearing.Faults[i%len(bearing.Faults)]), w
}

func diagnosis(w *bearing.Window, f bearing.Fault) bearing.Diagnosis {
	return bearing.Diagnosis{ID: w.ID(), Sensor: w.Sensor, Axis: w.Axis, Start: w.Start, ReceivedAt: w.Start.Add(time.Minute), SampleRate: w.SampleRate,
		SampleCount: len(w.Samples), Unit: w.Unit, Bearing: w.Bearing, Fault: f,
		Probabilities: bearing.Values{{Name: "normal", Value: 0.25}}, Features: bearing.Values{{Name: "rms", Value: 0.1}},
		Model: bearing.ModelRef{Name: "m", Version: "1", Digest: "d"}, Segments: 1}
}

func put(t testing.TB, db *DB, sensor string, i, salt int) (bearing.Diagnosis, error) {
	t.Helper()
	d, w := window(t, sensor, i, salt)
	return db.Append(context.Background(), d, w, nil)
}

// TestPragmasAreReadBack plants a connection without durability.
func TestPragmasAreReadBack(t *testing.T) {
	weak := slices.Clone(pragmas)
	for i := range weak {
		if weak[i].name == "synchronous" {
			weak[i].set = "NORMAL"
		}
	}
	db := sql.OpenDB(newConnector(filepath.Join(t.TempDir(), "x.db"), weak, pragmas))
	defer db.Close()
	if err := db.Ping(); err == nil || !strings.Contains(err.Error(), "synchronous") {
		t.Errorf("got %v, want a refusal of synchronous", err)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	dir := t.TempDir()
	shut(t, open(t, Config{Dir: dir}))
	raw(t, dir, "PRAGMA user_version = 99")
	if _, err := Open(t.Context(), Config{Dir: dir}); bearing.CodeOf(err) != "store_newer" {
		t.Errorf("got %v", err)
	}
	// The refusal let go of the lock and changed nothing.
	raw(t, dir, fmt.Sprintf("PRAGMA user_version = %d", len(migrations)))
	open(t, Config{Dir: dir})
}

// TestFailedMigration: a step that fails leaves the schema before it.
func TestFailedMigration(t *testing.T) {
	db := sql.OpenDB(newConnector(filepath.Join(t.TempDir(), "x.db"), pragmas, pragmas))
	defer db.Close()
	if err := migrate(t.Context(), db, []string{schema1, "CREATE TABLE a (b); nonsense"}); err == nil {
		t.Error("nonsense was accepted")
	}
	var version, tables int
	err := db.QueryRow("SELECT (SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema WHERE name = 'a')").Scan(&version, &tables)
	if err != nil || version != 1 || tables != 0 {
		t.Errorf("schema %d, %d tables of the failed step, %v; want 1 and 0", version, tables, err)
	}
}

func TestDamageIsFound(t *testing.T) {
	for _, c := range []struct{ name, damage, repair string }{
		{"checksum", "UPDATE samples SET crc = crc + 1", "UPDATE samples SET crc = crc - 1"},
		{"blob", "CREATE TABLE kept AS SELECT data FROM samples; UPDATE samples SET data = CAST(substr(data, 1, 20) || x'ff' || substr(data, 22) AS BLOB)",
			"UPDATE samples SET data = (SELECT data FROM kept)"},
		{"count", "UPDATE samples SET count = count + 1", "UPDATE samples SET count = count - 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			db := open(t, Config{Dir: dir})
			d, err := put(t, db, "pump", 1, 0)
			if err != nil {
				t.Fatal(err)
			}
			raw(t, dir, c.damage)
			if _, err := db.Window(t.Context(), d.ID); bearing.CodeOf(err) != "stored_data_corrupt" {
				t.Errorf("window: %v", err)
			}
			if err := db.Check(t.Context()); !errors.Is(err, errDamaged) {
				t.Errorf("check: %v", err)
			}
			raw(t, dir, c.repair)
		})
	}
}

func TestWrongTotalsAreFound(t *testing.T) {
	for _, c := range []struct{ damage, repair string }{
		{"UPDATE usage SET bytes = bytes + 1", "UPDATE usage SET bytes = bytes - 1"},
		{"UPDATE usage SET raw = 0", "UPDATE usage SET raw = 1"},
		{"UPDATE usage SET diagnoses = 2", "UPDATE usage SET diagnoses = 1"},
		{"UPDATE usage SET sensor = 'x'", "UPDATE usage SET sensor = 'pump'"},
	} {
		t.Run(c.damage, func(t *testing.T) {
			dir := t.TempDir()
			db := open(t, Config{Dir: dir})
			if _, err := put(t, db, "pump", 1, 0); err != nil {
				t.Fatal(err)
			}
			raw(t, dir, c.damage)
			if err := db.Check(t.Context()); err == nil {
				t.Error("check found nothing")
			}
			raw(t, dir, c.repair)
		})
	}
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	db := open(t, Config{Dir: dir})
	if _, err := put(t, db, "pump", 1, 0); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{".": 0o700, "lock": 0o600, "brinell.db": 0o600, "brinell.db-wal": 0o600} {
		s, err := os.Stat(filepath.Join(dir, name))
		if err != nil || s.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", name, s, err, want)
		}
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []Config{{}, {Dir: "x", RawCap: -1}, {Dir: "x", MaxBatch: -1}, {Dir: "x", Readers: -1}} {
		if db, err := Open(t.Context(), c); err == nil {
			t.Errorf("%+v was accepted", c)
			db.Close()
		}
	}
}

// TestClose: Close is idempotent, leaves one whole file, and all that comes
// after it is told so.
func TestClose(t *testing.T) {
	dir := t.TempDir()
	db := open(t, Config{Dir: dir})
	d, err := put(t, db, "pump", 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "brinell.db-wal")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the log is still there: %v", err)
	}
	for name, f := range map[string]func() error{
		"append":    func() error { _, err := put(t, db, "pump", 2, 0); return err },
		"diagnosis": func() error { _, err := db.Diagnosis(t.Context(), d.ID); return err },
		"diagnoses": func() error { _, err := db.Diagnoses(t.Context(), bearing.Query{}); return err },
		"window":    func() error { _, err := db.Window(t.Context(), d.ID); return err },
		"stats":     func() error { _, err := db.Stats(t.Context()); return err },
		"bearings":  func() error { _, err := db.Bearings(t.Context()); return err },
		"put":       func() error { return db.PutBearing(t.Context(), bearing.KnownBearings[0]) },
		"check":     func() error { return db.Check(t.Context()) },
		"ready":     db.Ready,
	} {
		if err := f(); bearing.CodeOf(err) != "store_closed" || bearing.KindOf(err) != bearing.Overloaded {
			t.Errorf("%s after close: %v", name, err)
		}
	}
}
