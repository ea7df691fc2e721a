package store

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"brinell/bearing"
)

// TestAgainstModel runs random operations against a map.
func TestAgainstModel(t *testing.T) {
	dir := t.TempDir()
	db := open(t, Config{Dir: dir})
	rng := rand.New(rand.NewPCG(9, 9))
	model := make(map[string]bearing.Diagnosis)
	for range 400 {
		switch sensor, i := fmt.Sprintf("s%d", rng.IntN(3)), rng.IntN(40); rng.IntN(12) {
		case 0:
			shut(t, db)
			db = open(t, Config{Dir: dir})
		case 1, 2:
			q := bearing.Query{Limit: 1 + rng.IntN(7)}
			if rng.IntN(2) == 0 {
				q.Sensor = sensor
			}
			if rng.IntN(2) == 0 {
				q.Fault = bearing.Faults[rng.IntN(4)]
			}
			if rng.IntN(2) == 0 {
				q.From = epoch.Add(time.Duration(rng.IntN(20)) * time.Second)
			}
			if rng.IntN(2) == 0 {
				q.To = epoch.Add(time.Duration(20+rng.IntN(20)) * time.Second)
			}
			checkQuery(t, db, q, model)
		case 3:
			d, w := window(t, sensor, i, 0)
			want, known := model[d.ID]
			got, err := db.Diagnosis(t.Context(), d.ID)
			if known != (err == nil) || known && cmp.Diff(want, got, cmpopts.EquateEmpty()) != "" {
				t.Fatalf("diagnosis %s, known %v: %v\n%s", d.ID, known, err, cmp.Diff(want, got, cmpopts.EquateEmpty()))
			}
			if back, err := db.Window(t.Context(), d.ID); known && (err != nil || cmp.Diff(w, back) != "") {
				t.Fatalf("window %s: %v\n%s", d.ID, err, cmp.Diff(w, back))
			}
		case 4:
			d, _ := window(t, sensor, i, 0)
			_, known := model[d.ID]
			if !known {
				continue
			}
			if _, err := put(t, db, sensor, i, 1); bearing.CodeOf(err) != "window_conflict" {
				t.Fatalf("%s contradicted: %v", d.ID, err)
			}
		default:
			got, err := put(t, db, sensor, i, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, known := model[got.ID]; known != got.Duplicate {
				t.Fatalf("%s: duplicate %v, known %v", got.ID, got.Duplicate, known)
			}
			got.Duplicate = false
			model[got.ID] = got
		}
	}
}

func checkQuery(t *testing.T, db *DB, q bearing.Query, model map[string]bearing.Diagnosis) {
	t.Helper()
	var want []bearing.Diagnosis
	for _, d := range model {
		if (q.Sensor == "" || d.Sensor == q.Sensor) && (q.Fault == "" || d.Fault == q.Fault) &&
			(q.From.IsZero() || !d.Start.Before(q.From)) && (q.To.IsZero() || d.Start.Before(q.To)) {
			want = append(want, d)
		}
	}
	var got []bearing.Diagnosis
	for {
		p, err := db.Diagnoses(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p.Diagnoses...)
		if q.Cursor = p.NextCursor; q.Cursor == "" {
			break
		}
	}
	if !slices.IsSortedFunc(got, func(a, b bearing.Diagnosis) int { return b.Start.Compare(a.Start) }) {
		t.Errorf("%+v: not newest first", q)
	}
	byID := func(a, b bearing.Diagnosis) int { return strings.Compare(a.ID, b.ID) }
	slices.SortFunc(got, byID)
	slices.SortFunc(want, byID)
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%+v (-want +got):\n%s", q, d)
	}
}

// TestPagingWhileStoring: rows that come in between do not shift a page.
func TestPagingWhileStoring(t *testing.T) {
	db := open(t, Config{})
	for i := range 30 {
		if _, err := put(t, db, "pump", i, 0); err != nil {
			t.Fatal(err)
		}
	}
	seen := make(map[string]int)
	q := bearing.Query{Limit: 7}
	for next := 100; ; next++ {
		p, err := db.Diagnoses(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range p.Diagnoses {
			seen[d.ID]++
		}
		if _, err := put(t, db, "pump", next, 0); err != nil {
			t.Fatal(err)
		}
		if q.Cursor = p.NextCursor; q.Cursor == "" {
			break
		}
	}
	for i := range 30 {
		d, _ := window(t, "pump", i, 0)
		if seen[d.ID] != 1 {
			t.Errorf("window %d seen %d times", i, seen[d.ID])
		}
	}
}

func TestQueryErrors(t *testing.T) {
	db := open(t, Config{})
	f := func(q bearing.Query, code string) {
		t.Helper()
		if _, err := db.Diagnoses(t.Context(), q); bearing.CodeOf(err) != code {
			t.Errorf("%+v: %v, want %s", q, err, code)
		}
	}
	f(bearing.Query{Limit: bearing.MaxPage + 1}, "limit_out_of_range")
	f(bearing.Query{Limit: -1}, "limit_out_of_range")
	f(bearing.Query{Cursor: "x"}, "cursor_invalid")
	f(bearing.Query{Cursor: "AAAA"}, "cursor_invalid")
	if _, err := db.Diagnosis(t.Context(), "none"); bearing.CodeOf(err) != "diagnosis_not_found" {
		t.Error(err)
	}
}

// TestQueryTimes: years without Unix nanoseconds do not wrap round.
func TestQueryTimes(t *testing.T) {
	db := open(t, Config{})
	if _, err := put(t, db, "pump", 1, 0); err != nil {
		t.Fatal(err)
	}
	long, far := time.Date(1066, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		from, to time.Time
		want     int
	}{
		{long, far, 1}, {long, time.Time{}, 1}, {time.Time{}, far, 1}, {far, time.Time{}, 0}, {time.Time{}, long, 0},
	} {
		p, err := db.Diagnoses(t.Context(), bearing.Query{From: c.from, To: c.to})
		if err != nil || len(p.Diagnoses) != c.want || p.Diagnoses == nil {
			t.Errorf("from %v to %v: %d, %v, want %d", c.from, c.to, len(p.Diagnoses), err, c.want)
		}
	}
}

// planOf returns a check that a statement is a search of an index, which also gives the order.
func planOf(t *testing.T, db *DB) func(text, index string, args ...any) {
	return func(text, index string, args ...any) {
		t.Helper()
		rows, err := db.read.Query("EXPLAIN QUERY PLAN "+text, args...)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		found := false
		for rows.Next() {
			var a, b, c int
			var detail string
			if err := rows.Scan(&a, &b, &c, &detail); err != nil {
				t.Fatal(err)
			}
			// The usage table is walked by its own index, one step far.
			if strings.Contains(detail, "TEMP B-TREE") || strings.HasPrefix(detail, "SCAN") && detail != "SCAN usage USING COVERING INDEX usage_bytes" {
				t.Errorf("%s: %s", text, detail)
			}
			found = found || strings.Contains(detail, index+" ")
		}
		if !found {
			t.Errorf("%s: does not use %s", text, index)
		}
	}
}

// TestQueryPlans: every filter is a search of the index made for it, which also
// gives the order: no scan, no sorting. The same for the writer's statements.
func TestQueryPlans(t *testing.T) {
	db := open(t, Config{})
	plan := planOf(t, db)
	for bits := range 32 {
		var q bearing.Query
		index := "diagnoses_start"
		if bits&1 != 0 {
			q.Sensor, index = "s", "diagnoses_sensor"
		}
		if bits&2 != 0 {
			q.Fault, index = bearing.Ball, "diagnoses_fault"
		}
		if bits&3 == 3 {
			index = "diagnoses_sensor_fault"
		}
		if bits&4 != 0 {
			q.From = epoch
		}
		if bits&8 != 0 {
			q.To = epoch
		}
		if bits&16 != 0 {
			q.Cursor = position{1, 2}.String()
		}
		text, args, err := selectPage(&q)
		if err != nil {
			t.Fatal(err)
		}
		plan(text, index, args...)
	}
	_ = new(statements).each(func(_ **sql.Stmt, text string) error {
		switch {
		case strings.HasPrefix(text, "INSERT"):
		case strings.Contains(text, "length(data)"):
			plan(text, "samples_sensor")
		default:
			n := strings.Count(text, "?")
			plan(text, "", []any{1, 2}[:n]...)
		}
		return nil
	})
}

// TestPagingWhileWriting pages while other goroutines store: each row that was
// there before comes exactly once, though many starts are alike.
func TestPagingWhileWriting(t *testing.T) {
	db := open(t, Config{})
	old := make(map[string]int)
	for i := range 60 {
		d, err := put(t, db, fmt.Sprintf("s%d", i%6), i/6, 0)
		if err != nil {
			t.Fatal(err)
		}
		old[d.ID] = 0
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for g := range 3 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := put(t, db, fmt.Sprintf("new%d", g), i%12+20*(i/12), 0); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	seen := make(map[string]bool)
	q := bearing.Query{Limit: 7, To: epoch.Add(10 * time.Second)}
	for {
		p, err := db.Diagnoses(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range p.Diagnoses {
			if seen[d.ID] {
				t.Errorf("%s came twice", d.ID)
			}
			seen[d.ID] = true
		}
		if q.Cursor = p.NextCursor; q.Cursor == "" {
			break
		}
	}
	close(stop)
	wg.Wait()
	for id := range old {
		if !seen[id] {
			t.Errorf("%s did not come", id)
		}
	}
}
