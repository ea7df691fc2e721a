package store

import (
	"fmt"
	"strings"
	"testing"

	"brinell/bearing"
)

// TestUnfolded: sensors of an earlier schema are known as not folded until they are.
func TestUnfolded(t *testing.T) {
	db := open(t, Config{Dir: fixture(t, 6)})
	names, err := db.Unfolded(t.Context())
	if err != nil || fmt.Sprint(names) != "[pump-0 pump-1]" {
		t.Fatalf("%q, %v", names, err)
	}
	if s, err := db.State(t.Context(), "pump-0", ""); err != nil || s.Folded || s.Doc != nil {
		t.Errorf("%+v, %v", s, err)
	}
	if err := db.PutStates(t.Context(), "pump-0", true); err != nil {
		t.Fatal(err)
	}
	if s, err := db.State(t.Context(), "pump-0", ""); err != nil || !s.Folded {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err := db.State(t.Context(), "new", ""); err != nil || !s.Folded {
		t.Errorf("a new one: %+v, %v", s, err)
	}
}

// TestForgetSensor: nothing is left of a sensor that is forgotten, and the totals are right.
func TestForgetSensor(t *testing.T) {
	db := open(t, Config{})
	for i := range forgetStep + 7 {
		if _, err := put(t, db, "pump", i, 0); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if _, err := put(t, db, "other", 1, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.PutStates(t.Context(), "pump", true, bearing.AxisState{Doc: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	if err := db.ForgetSensor(t.Context(), "pump"); err != nil {
		t.Fatal(err)
	}
	if s, err := db.Stats(t.Context()); err != nil || s.Diagnoses != 1 || s.Raw != 1 {
		t.Errorf("%+v, %v; want the one of the other sensor", s, err)
	}
	for _, table := range []string{"states", "recent", "usage", "samples", "diagnoses"} {
		var n int
		if err := db.read.QueryRow("SELECT count(*) FROM " + table + " WHERE sensor = 'pump'").Scan(&n); err != nil || n != 0 {
			t.Errorf("%d rows in %s, %v", n, table, err)
		}
	}
	var bytes int64
	if err := db.read.QueryRow("SELECT sum(bytes) FROM usage").Scan(&bytes); err != nil || bytes != db.rawBytes {
		t.Errorf("%d bytes of samples, %v; the writer knows %d", bytes, err, db.rawBytes)
	}
	if err := db.ForgetSensor(t.Context(), "pump"); bearing.CodeOf(err) != "sensor_not_found" {
		t.Errorf("again: %v", err)
	}
}

// TestDamagedDocuments: a state that is damaged is empty, a diagnosis that is damaged is left
// out of what a state is made from, and a check names both.
func TestDamagedDocuments(t *testing.T) {
	for _, c := range []struct {
		table string
		doc   string
		since int
	}{{"states", "", 2}, {"diagnoses", "{}", 1}} {
		t.Run(c.table, func(t *testing.T) {
			dir := t.TempDir()
			db := open(t, Config{Dir: dir})
			for i := range 2 {
				if _, err := put(t, db, "pump", i, 0); err != nil {
					t.Fatal(err)
				}
			}
			if err := db.PutStates(t.Context(), "pump", true, bearing.AxisState{Doc: []byte("{}")}); err != nil {
				t.Fatal(err)
			}
			raw(t, dir, "CREATE TABLE whole AS SELECT rowid AS id, doc FROM "+c.table)
			raw(t, dir, "UPDATE "+c.table+" SET doc = CAST(substr(doc, 1, length(doc) - 1) AS BLOB) WHERE rowid = (SELECT min(rowid) FROM "+c.table+")")
			s, err := db.State(t.Context(), "pump", "")
			if err != nil || s.Doc == nil || string(s.Doc) != c.doc || len(s.Since) != c.since {
				t.Errorf("state %q, %d diagnoses since, %v; want %q and %d", s.Doc, len(s.Since), err, c.doc, c.since)
			}
			if err := db.Check(t.Context()); err == nil || !strings.Contains(err.Error(), c.table) {
				t.Errorf("check: %v", err)
			}
			raw(t, dir, "UPDATE "+c.table+" SET doc = (SELECT doc FROM whole WHERE id = "+c.table+".rowid); DROP TABLE whole")
		})
	}
}
