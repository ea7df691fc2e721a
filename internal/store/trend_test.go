package store

import (
	"database/sql"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"testing"
	"time"

	"brinell/bearing"
)

// TestTrend compares a trend with what was stored, and reads it beside the writer too.
func TestTrend(t *testing.T) {
	dir := t.TempDir()
	db := open(t, Config{Dir: dir})
	defer shut(t, db)
	for i := range 100 {
		d, w := window(t, "pump", i, 0)
		d.Features = bearing.Values{{Name: "crest", Value: -1e-300}, {Name: "rms", Value: float64(i * i % 17)}}
		if i%10 == 9 {
			d.Axis, w.Axis = "y", "y"
			d.ID = w.ID()
		}
		if _, err := db.Append(t.Context(), d, w, nil); err != nil {
			t.Fatal(err)
		}
	}
	view, err := View(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer view.Close()
	if err := view.Ready(); bearing.CodeOf(err) != "store_closed" {
		t.Errorf("a view is ready: %v", err)
	}
	if _, err := put(t, view, "pump", 1000, 0); bearing.CodeOf(err) != "store_closed" {
		t.Errorf("a view wrote: %v", err)
	}
	for _, c := range []struct {
		q       bearing.TrendQuery
		windows int
		points  int
	}{
		{bearing.TrendQuery{}, 90, 90},
		{bearing.TrendQuery{Points: 10}, 90, 10},
		{bearing.TrendQuery{Points: 1}, 90, 1},
		{bearing.TrendQuery{Axis: "y", Points: 5}, 10, 5},
		{bearing.TrendQuery{From: epoch.Add(50 * time.Second), To: epoch.Add(60 * time.Second), Points: 3}, 9, 3},
		{bearing.TrendQuery{From: epoch.Add(-time.Hour), To: epoch.Add(time.Hour), Points: 2}, 90, 1},
		{bearing.TrendQuery{From: epoch.Add(time.Hour)}, 0, 0},
		{bearing.TrendQuery{To: epoch.Add(-time.Hour)}, 0, 0},
	} {
		c.q.Sensor, c.q.Feature = "pump", "rms"
		got, err := view.Trend(t.Context(), c.q, nil)
		if err != nil {
			t.Errorf("%+v: %v", c.q, err)
			continue
		}
		n, last := 0, time.Time{}
		for _, p := range got.Points {
			n += p.Windows
			low, high, sum, in := 1e9, -1e9, 0.0, 0
			for i := range 100 {
				at := epoch.Add(time.Duration(i) * time.Second)
				if (i%10 == 9) != (c.q.Axis == "y") || at.Before(p.Start) || !at.Before(p.Start.Add(time.Duration(got.Step*1e9))) || !at.Before(got.To) || at.Before(got.From) {
					continue
				}
				v := float64(i * i % 17)
				low, high, sum, in = min(low, v), max(high, v), sum+v, in+1
			}
			if d := p.Mean - sum/float64(in); in != p.Windows || p.Min != low || p.Max != high || d > 1e-9 || d < -1e-9 {
				t.Errorf("%+v: %+v, want %d windows %g..%g, mean %g", c.q, p, in, low, high, sum/float64(in))
			}
			if !p.Start.After(last) {
				t.Errorf("%+v: %v follows %v", c.q, p.Start, last)
			}
			last = p.Start
		}
		if n != c.windows || len(got.Points) != c.points {
			t.Errorf("%+v: %d windows in %d points, want %d in %d", c.q, n, len(got.Points), c.windows, c.points)
		}
	}
	if _, err := db.Trend(t.Context(), bearing.TrendQuery{Sensor: "pump", Feature: "id"}, nil); bearing.CodeOf(err) != "feature_unknown" {
		t.Errorf("no feature: %v", err)
	}
	if got, err := db.Trend(t.Context(), bearing.TrendQuery{Sensor: "nobody", Feature: "rms"}, nil); bearing.CodeOf(err) != "sensor_not_found" {
		t.Errorf("nobody: %+v, %v", got, err)
	}
}

func TestViewRefuses(t *testing.T) {
	if _, err := View(t.Context(), t.TempDir()); err == nil {
		t.Error("no database was opened")
	}
	for schema, code := range map[string]string{"PRAGMA user_version = 99": "store_newer", "PRAGMA user_version = 1": "store_older"} {
		dir := t.TempDir()
		shut(t, open(t, Config{Dir: dir}))
		raw(t, dir, schema)
		if _, err := View(t.Context(), dir); bearing.CodeOf(err) != code {
			t.Errorf("%s: %v, want %s", schema, err, code)
		}
	}
}

// TestTrendParts: a long trend is read by parts, each in its turn, and counts each window once, also
// where two axes have one start; a turn that does not come ends it.
func TestTrendParts(t *testing.T) {
	dir := t.TempDir()
	shut(t, open(t, Config{Dir: dir}))
	const windows = 2*2048 + 3 // of each axis
	raw(t, dir, fmt.Sprintf(`INSERT INTO diagnoses (id, sensor, fault, start_ns, digest, doc) WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %[1]d)
		SELECT 'id' || i, 'pump', 'normal', %[2]d + (i + 1) / 2 * 1000000000, x'00',
			CAST('{"axis":"' || CASE i %% 2 WHEN 0 THEN 'x' ELSE 'y' END || '","features":{"rms":' || i || '}}' AS BLOB) FROM n;
		INSERT INTO usage (sensor, bytes, diagnoses, raw) VALUES ('pump', 0, %[1]d + 1, 0)`, 2*windows-1, epoch.UnixNano()))
	db := open(t, Config{Dir: dir})
	turns := 0
	turn := func(read func() error) error { turns++; return read() }
	got, err := db.Trend(t.Context(), bearing.TrendQuery{Sensor: "pump", Axis: "y", Feature: "rms", Points: 1}, turn)
	if err != nil {
		t.Fatal(err)
	}
	want := bearing.TrendPoint{Start: epoch, Windows: windows, Min: 1, Mean: windows, Max: 2*windows - 1}
	if len(got.Points) != 1 || !got.Points[0].Start.Equal(epoch) || math.Abs(got.Points[0].Mean-windows) > 1e-6 {
		t.Fatalf("%+v, want %+v", got.Points, want)
	}
	if p := got.Points[0]; p.Windows != want.Windows || p.Min != want.Min || p.Max != want.Max {
		t.Errorf("%+v, want %+v", p, want)
	}
	if want := 1 + 2*windows/2048 + 1; turns != want {
		t.Errorf("%d turns, want %d", turns, want)
	}
	stopped := errors.New("no turn")
	turns = 0
	_, err = db.Trend(t.Context(), bearing.TrendQuery{Sensor: "pump", Axis: "y", Feature: "rms"}, func(read func() error) error {
		if turns++; turns == 3 {
			return stopped
		}
		return read()
	})
	if !errors.Is(err, stopped) || turns != 3 {
		t.Errorf("%v after %d turns", err, turns)
	}
	planOf(t, db)(trendRows, "diagnoses_sensor", "pump", 9, 1, 1, 1)
}

// TestQueryTime: a list and a trend that read for too long say so, and hold nothing up.
func TestQueryTime(t *testing.T) {
	db := open(t, Config{queryTime: time.Nanosecond})
	defer shut(t, db)
	if _, err := put(t, db, "pump", 0, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Trend(t.Context(), bearing.TrendQuery{Sensor: "pump", Feature: "rms"}, nil); bearing.CodeOf(err) != "query_timeout" {
		t.Errorf("trend: %v", err)
	}
	if _, err := db.Diagnoses(t.Context(), bearing.Query{Sensor: "pump"}); bearing.CodeOf(err) != "query_timeout" {
		t.Errorf("list: %v", err)
	}
	if _, err := db.Alarms(t.Context(), bearing.AlarmQuery{Severity: "warning"}); bearing.CodeOf(err) != "query_timeout" {
		t.Errorf("alarms: %v", err)
	}
	if _, err := db.Diagnosis(t.Context(), "nobody"); bearing.CodeOf(err) != "diagnosis_not_found" {
		t.Errorf("one: %v", err)
	}
}

// TestBusy: while another program holds the database nothing is stored, and after it
// windows are taken again.
func TestBusy(t *testing.T) {
	t.Parallel() // it waits
	if testing.Short() {
		t.Skip("waits for the lock for seconds")
	}
	dir := t.TempDir()
	db := open(t, Config{Dir: dir})
	defer shut(t, db)
	other, err := sql.Open("sqlite", filepath.Join(dir, "brinell.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetMaxOpenConns(1)
	if _, err := other.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	if _, err := put(t, db, "pump", 0, 0); bearing.CodeOf(err) != "store_busy" || bearing.KindOf(err) != bearing.Overloaded {
		t.Errorf("while it is held: %v", err)
	}
	if _, err := other.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if _, err := put(t, db, "pump", 0, 0); err != nil {
		t.Errorf("after that: %v", err)
	}
}
